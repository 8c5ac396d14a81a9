"""Columns of a contract that are made of the same fields of a file: their texts are read together, each once.

There is one place that knows how a field is read and what is said of a bad one: the expressions of ``cells``. Here is
which of them belong together, and how the texts of many groups are read at once: a query costs a millisecond however
few the texts are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ingest.formats import cells
from ingest.formats.bits import Array
from ingest.formats.cells import Cell
from ingest.formats.contracts import Contract


@dataclass(frozen=True, eq=False)
class Group:
    """Columns that are made of the same ``fields``; of none where they are constant.

    ``needed``  the cells whose texts they are made of
    ``values``  their values, of the types that the contract says
    ``is_bad``  whether any of them breaks a rule
    """

    fields: tuple[str, ...]
    columns: tuple[str, ...]
    needed: tuple[Cell, ...]
    values: tuple[pl.Expr, ...]
    is_bad: pl.Expr


@dataclass(frozen=True)
class Said:
    """What texts of some groups say: by column its value for each, and by group whether it breaks a rule; ``begin``
    has for all that were asked where the first of its texts stands."""

    values: Mapping[str, pl.Series]
    is_bad: Mapping[Group, Array]
    begin: Sequence[int]


def group_of(fields: tuple[str, ...], columns: Sequence[str], own: Mapping[str, Cell], contract: Contract) -> Group:
    """The group of some columns."""
    held = {column.name: column for column in contract.columns}
    schema = contract.plain_schema()
    faults = [fault for name in columns if name in held for fault in cells.faults_of(held[name], name in own)]
    broken = [fault.broken.fill_null(False) for fault in faults]

    def value(name: str) -> pl.Expr:
        found = own[name].value if name in own else pl.lit(None)
        return (found.cast(schema[name]) if name in schema else found).alias(name)

    return Group(
        fields,
        tuple(columns),
        tuple(_needed(columns, own)),
        tuple(value(name) for name in columns),
        pl.any_horizontal(broken) if broken else pl.lit(False),
    )


def groups_of(names: Iterable[str], own: Mapping[str, Cell]) -> dict[tuple[str, ...], list[str]]:
    """Columns by the fields that they are made of."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        cell = own.get(name)
        found.setdefault(() if cell is None else raw_fields(cell, own), []).append(name)
    return found


def raw_fields(cell: Cell, by_name: Mapping[str, Cell]) -> tuple[str, ...]:
    """The fields of the file that the value of a cell is made of, sorted."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [*cell.text.meta.root_names(), *cell.value.meta.root_names()]
    while waiting:
        name = waiting.pop()
        other = name.removeprefix("text:")
        if other == name:
            found.add(name)
        elif other not in seen:
            seen.add(other)
            waiting += by_name[other].text.meta.root_names()
    return tuple(sorted(found))


def _needed(columns: Sequence[str], own: Mapping[str, Cell]) -> list[Cell]:
    """The cells whose texts some columns are made of."""
    found: dict[str, Cell] = {}
    waiting = [name for name in columns if name in own]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = cell = own[name]
            waiting += [n.removeprefix("text:") for n in cell.value.meta.root_names() if n.startswith("text:")]
    return list(found.values())


def place_of(field: str) -> int:
    """Where a field stands in its line, from 0."""
    return int(field[1:]) - 1


def read_texts(asked: Sequence[tuple[Group, Mapping[str, pl.Series]]]) -> Said:
    """What the texts of each group say (its ``fields`` by name, all equally long; of a constant one row), in one go.

    The texts of one group stand below those of another, with nothing in the fields that are not its own. They are few:
    one expression after the other takes half the time that it takes to wake threads for them.
    """
    heights = [max((len(texts) for texts in own.values()), default=1) for _, own in asked]
    groups = list(dict.fromkeys(group for group, _ in asked))
    needed = {cell.column: cell for group in groups for cell in group.needed}
    told = (
        _stacked(asked, heights)
        .with_columns_seq(cells.named_text(cell) for cell in needed.values())
        .with_columns_seq(value for group in groups for value in group.values)
        .select_seq(
            *(name for group in groups for name in group.columns),
            *(group.is_bad.alias(f"bad:{number}") for number, group in enumerate(groups)),
        )
    )
    return Said(
        {name: told[name] for group in groups for name in group.columns},
        {group: told[f"bad:{number}"].to_numpy() for number, group in enumerate(groups)},
        np.cumsum([0, *heights])[:-1].tolist(),
    )


def _stacked(asked: Sequence[tuple[Group, Mapping[str, pl.Series]]], heights: Sequence[int]) -> pl.DataFrame:
    """The texts of each group below those of the one before."""
    nothing = pl.Series([None], dtype=pl.String)
    columns = {"": nothing.new_from_index(0, sum(heights))}
    for name in dict.fromkeys(name for group, _ in asked for name in group.fields):
        parts = [own.get(name, nothing.new_from_index(0, n)) for n, (_, own) in zip(heights, asked, strict=True)]
        columns[name] = pl.concat(parts, rechunk=True).rename(name)
    return pl.DataFrame(columns)
