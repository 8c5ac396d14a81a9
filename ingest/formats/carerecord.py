"""How records of care files (``careframe``) are read from their bytes: which codes make one table, from which fields.

Kinds of line differ in where a column stands, hardly in what it says: codes whose columns are of the same types are
read together, as lines of several kinds (``plaincells``). The fields that their cells name are numbered for the set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ingest.formats import careframe
from ingest.formats.bits import Array
from ingest.formats.cells import Cell
from ingest.formats.contracts import Contract
from ingest.formats.csvlayout import LayoutColumn
from ingest.formats.plainplan import Plan


@dataclass(frozen=True)
class Record:
    """What becomes of the records of some codes: rows of ``contract``.

    ``own``     the cells of its columns
    ``widths``  the fields that a record of each code has at least
    ``places``  by code where the fields stand that the cells name (None: at their own numbers)
    ``told``    columns that follow from the code, by code
    ``later``   columns that follow from other records
    ``extra``   whole numbers that the contract does not have
    """

    codes: tuple[str, ...]
    contract: Contract
    own: Sequence[Cell]
    widths: tuple[int, ...]
    places: Array | None = None
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)
    later: Sequence[str] = ()
    extra: Sequence[str] = ()

    @cached_property
    def plan(self) -> Plan:
        """How they are read."""
        columns = tuple(column for column in self.contract.columns if column.name not in self.later)
        return Plan(replace(self.contract, columns=columns), self.own, self.extra, self.places, self.told)


def alike(layout: str, codes: Iterable[str]) -> list[list[str]]:
    """The codes in sets of which each contract column has one type."""
    sets: list[tuple[list[str], dict[str, set[str]]]] = []
    for code in codes:
        own: dict[str, set[str]] = {}
        for column in careframe.record_columns(layout, code):
            own.setdefault(column.contract_column, set()).add(column.kind)
        for members, known in sets:
            if all(len(kinds | own.get(name, kinds)) == 1 for name, kinds in known.items() if name):
                members.append(code)
                known.update({name: known.get(name, kinds) for name, kinds in own.items()})
                break
        else:
            sets.append(([code], own))
    return [members for members, _ in sets]


def together(layout: str, codes: Sequence[str]) -> tuple[dict[str, Cell], Array]:
    """(the cells of records of a set of codes, by code the places of the fields that they name, -1 for none)."""
    columns: dict[tuple[str, int], LayoutColumn] = {}
    places: dict[tuple[str, int], list[int]] = {}
    for number, code in enumerate(codes):
        choices: dict[str, int] = {}
        own = [column for column in careframe.record_columns(layout, code) if column.contract_column]
        for column in sorted(own, key=lambda one: one.preference):
            choice = choices[column.contract_column] = choices.get(column.contract_column, 0) + 1
            key = (column.contract_column, choice)
            columns.setdefault(key, replace(column, preference=choice))
            places.setdefault(key, [-1] * len(codes))[number] = column.position - 1
    fields = {stands: number for number, stands in enumerate(dict.fromkeys(map(tuple, places.values())), start=1)}
    cells = careframe.record_cells(
        [replace(column, position=fields[tuple(places[key])]) for key, column in columns.items()]
    )
    return cells, np.array(list(fields), np.int64).T.reshape(len(codes), -1)


def widths(layout: str, codes: Iterable[str]) -> tuple[int, ...]:
    """The fields that a record of each code has at least."""
    return tuple(careframe.positions(layout, code)[-1] for code in codes)
