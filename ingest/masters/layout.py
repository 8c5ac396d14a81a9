"""The layouts of the masters as data: ``layouts/kinds.csv`` and one table of fields a kind.

Every field has its position, printed name, type and a mark: ``spec`` (named in the ministry's
マスターファイル仕様説明書), ``seen`` (its values were checked on the files that ``source`` names) or ``unverified``.
A wrong one is corrected in the table, not in the code. Field guide: domain/formats.md 6 and appendix A.

``column_name``  the column of the store; empty where the field is known but not kept
``role``         what our own columns follow from: code, name, listed, changed, abolished, transition,
                 amount_kind, and how a code leads to another: successor (an abolished code names what
                 took its place), predecessor (a code names the one it took the place of), related
                 (whichever of both, by whether the code is abolished)
``length_of``    the position of the name whose length in characters this field states
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

LAYOUTS = Path(__file__).with_name("layouts")
MARKS = ("spec", "seen", "unverified")
TYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "related": pl.String(),  # another code; blank and zeros mean none
    "date": pl.Date(),
    "integer": pl.Int64(),
    "decimal": pl.Decimal(18, 4),
    "flag": pl.Boolean(),
}
OWN_COLUMNS: dict[str, pl.DataType] = {
    "valid_from": pl.Date(),
    "valid_to": pl.Date(),
    "is_retained": pl.Boolean(),
    "release_date": pl.Date(),
    "file_name": pl.String(),
}
"""What the store adds to a record.

``valid_from``    first day of use; null where the master does not say since when
``valid_to``      last day of use; null where it is open
``is_retained``   no longer in the newest full file, kept because older claims hold it
``release_date``  of the file that last changed the record; ``file_name`` is that file
"""


@dataclass(frozen=True)
class Field:
    """One field of a master, ``position`` counted from 1."""

    position: int
    printed_name: str
    column_name: str
    type: str
    role: str
    length_of: int | None
    mark: str
    source: str


@dataclass(frozen=True)
class Kind:
    """One kind of master, recognised by its マスター種別 and its number of fields."""

    kind: str
    kind_code: str
    name_ja: str
    name_en: str
    widths: tuple[int, ...]
    code_pattern: str
    largest_loss_percent: int
    mark: str
    source: str

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of this kind by position."""
        return _fields(self.kind)

    def kept(self) -> tuple[Field, ...]:
        """The fields that the store keeps, in its order."""
        return tuple(field for field in self.fields if field.column_name)

    def of_role(self, role: str) -> Field | None:
        """The field of a role, or None where this kind has none."""
        return next((field for field in self.fields if field.role == role), None)

    def column_of(self, role: str) -> str | None:
        """The store's column of a role, or None where this kind has none."""
        field = self.of_role(role)
        return field.column_name if field else None

    def schema(self) -> dict[str, pl.DataType]:
        """Columns and types of the store of this kind."""
        return {field.column_name: TYPES[field.type] for field in self.kept()} | OWN_COLUMNS


@cache
def kinds() -> dict[str, Kind]:
    """All kinds by their English name."""
    with (LAYOUTS / "kinds.csv").open(encoding="utf-8", newline="") as handle:
        return {row["kind"]: _kind(row) for row in csv.DictReader(handle)}


def _kind(row: dict[str, str]) -> Kind:
    return Kind(
        kind=row["kind"],
        kind_code=row["kind_code"],
        name_ja=row["name_ja"],
        name_en=row["name_en"],
        widths=tuple(int(width) for width in row["widths"].split("|")),
        code_pattern=row["code_pattern"],
        largest_loss_percent=int(row["largest_loss_percent"]),
        mark=row["mark"],
        source=row["source"],
    )


@cache
def _fields(kind: str) -> tuple[Field, ...]:
    with (LAYOUTS / f"{kind}.csv").open(encoding="utf-8", newline="") as handle:
        rows = [
            Field(
                position=int(row["position"]),
                printed_name=row["printed_name"],
                column_name=row["column_name"],
                type=row["type"],
                role=row["role"],
                length_of=int(row["length_of"]) if row["length_of"] else None,
                mark=row["mark"],
                source=row["source"],
            )
            for row in csv.DictReader(handle)
        ]
    return tuple(sorted(rows, key=lambda field: field.position))
