"""How a contract's columns are read from the bytes of lines, worked out once for a layout.

Goes in: the cells of a contract (``cells.Cell``). Comes out: which columns are whole numbers, days and texts, read
where they stand (``sheet_kernels``), and which are read by the number of their text (``groups``): all with codes,
patterns or rules of their own, and of the others the cells in another form than nearly all have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import polars as pl

from ingest.formats import cells
from ingest.formats.bits import Array
from ingest.formats.cells import CLEANED, DAY, PRINTED, WHOLE, Cell
from ingest.formats.contracts import Column, Contract
from ingest.formats.groups import Group, group_of, groups_of, place_of, raw_fields, read_texts

NOTHING_TOLD: Mapping[str, Sequence[str]] = MappingProxyType({})
NO_FIELD = "f0"
"""The era of a date that has none."""
_FARTHEST = np.iinfo(np.int64)


class Plan:
    """How rows of a contract are read from lines of one record.

    ``numbers``, ``days``, ``texts``  columns read where they stand
    ``groups``     columns read by the number of their text
    ``constant``   columns of no text: what they say, and under ``is_bad`` whether that breaks a rule
    ``otherwise``  by the name of a day or text how its cells of another form are read
    ``told``       columns that follow from the kind of line: what each kind says

    Where lines are of several kinds, ``places`` has for each the places (from 0) in the line of the fields that the
    cells name, -1 for none. ``extra`` are whole numbers that the contract does not have.
    """

    def __init__(
        self,
        contract: Contract,
        own: Iterable[Cell],
        extra: Sequence[str] = (),
        places: Array | None = None,
        told: Mapping[str, Sequence[str]] = NOTHING_TOLD,
    ) -> None:
        self.contract, self.told, self._places = contract, told, places
        self._cells = {cell.column: cell for cell in own}
        self._columns = {column.name: column for column in contract.columns}
        names = [name for name in (*contract.names(), *extra) if name not in told]
        self.numbers = [name for name in names if self._plain(name) == WHOLE]
        self.days = [name for name in names if self._plain(name) == DAY]
        self.texts = [name for name in names if self._is_any_text(name)]
        where_they_stand = {*self.numbers, *self.days, *self.texts}
        self.otherwise = {
            name: self._group(raw_fields(self._cells[name], self._cells), [name]) for name in (*self.days, *self.texts)
        }
        numbered = groups_of((name for name in names if name not in where_they_stand), self._cells)
        self.groups = [self._group(*group) for group in numbered.items() if group[0]]
        self.constant, self.is_bad = self._constants(numbered.get((), []))
        self._slots = sorted({name for group in self.groups for name in group.fields}, key=place_of)
        self.group_fields = self.fields(self._slots)
        self.number_fields = self.fields([field for name in self.numbers for field in self._cells[name].fields])
        self.number_bounds = np.cumsum([0, *(len(self._cells[name].fields) for name in self.numbers)])
        self.day_fields = self.fields(
            [field for name in self.days for field in (*self._cells[name].fields, NO_FIELD)[:2]]
        )
        self.text_fields = self.fields([self._cells[name].fields[0] for name in self.texts])
        self.limits = self._limits()

    def slots(self, group: Group) -> list[int]:
        """Which of ``group_fields`` the fields of a group are."""
        return [self._slots.index(name) for name in group.fields]

    def fields(self, names: Sequence[str]) -> Array:
        """Where some fields stand, a row for each kind of line."""
        numbers = np.array([place_of(name) for name in names], np.int64)
        if self._places is None:
            return numbers.reshape(1, -1)
        return np.where(numbers < 0, -1, self._places[:, numbers])

    def _limits(self) -> tuple[Array, Array, Array]:
        """By column of whole numbers the least and greatest that pass, and whether one must be there."""
        bounds = [cells.bounds(self._columns[name]) if name in self._columns else (None, None) for name in self.numbers]
        return (
            np.array([_FARTHEST.min if low is None else low for low, _ in bounds], np.int64),
            np.array([_FARTHEST.max if high is None else high for _, high in bounds], np.int64),
            np.array([self.is_required(name) for name in self.numbers], bool),
        )

    def is_printed(self, name: str) -> bool:
        """Whether a text stays as it is printed."""
        return self._plain(name) == PRINTED

    def is_required(self, name: str) -> bool:
        """Whether a column must say something."""
        return name in self._columns and self._columns[name].required

    def _plain(self, name: str) -> str:
        return self._cells[name].plain if name in self._cells else ""

    def _is_any_text(self, name: str) -> bool:
        """Whether the column is a text of which every one is allowed."""
        column: Column | None = self._columns.get(name)
        has_rule = column is not None and (column.codes is not None or column.pattern is not None)
        return self._plain(name) in (PRINTED, CLEANED) and not has_rule

    def _constants(self, names: Sequence[str]) -> tuple[dict[str, pl.Series], bool]:
        group = self._group((), names)
        said = read_texts([(group, {})])
        return dict(said.values), bool(said.is_bad[group].item())

    def _group(self, fields: tuple[str, ...], columns: Sequence[str]) -> Group:
        return group_of(fields, columns, self._cells, self.contract)
