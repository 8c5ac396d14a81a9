"""Which public tables there are and what their columns hold, told by data.

``seeds/reference_tables.csv`` says how the year of a table becomes fiscal years (the models read it too),
``columns.csv`` what stands under each heading: its role, its bounds, and of which columns it is the total.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from ingest.settings import PROJECT_ROOT

TABLES = PROJECT_ROOT / "seeds" / "reference_tables.csv"
COLUMNS = Path(__file__).parent / "columns.csv"
ROLES = ("year", "area", "sex", "each_sex", "age_band", "value", "source", "ignored")
"""``sex`` also takes 計; ``each_sex`` does not, since it is no sum."""
_BOM = "\ufeff"  # so that a spreadsheet opens the template as UTF-8


@dataclass(frozen=True)
class ReferenceColumn:
    """One column of a table; ``column_name`` of a value is the measure it gives, ``total_of`` its parts."""

    spellings: tuple[str, ...]
    column_name: str
    role: str
    is_needed: bool
    minimum: Decimal | None
    maximum: Decimal | None
    decimals: int
    total_of: tuple[str, ...]
    total_rule: str  # equal, at_least
    example: str
    note_ja: str

    @property
    def heading(self) -> str:
        """The heading as the template prints it."""
        return self.spellings[0]


@dataclass(frozen=True)
class ReferenceTable:
    """A table; its year and the offset make a fiscal year, and it stands ``carried_years`` more without a newer one."""

    name: str
    name_ja: str
    name_en: str
    year_ja: str
    fiscal_year_offset: int
    carried_years: int
    columns: tuple[ReferenceColumn, ...]

    def of_role(self, *roles: str) -> tuple[ReferenceColumn, ...]:
        """The columns of some roles, in their order."""
        return tuple(column for column in self.columns if column.role in roles)


@cache
def tables() -> dict[str, ReferenceTable]:
    """Every table by its name, in the order in which they are listed."""
    columns: dict[str, list[ReferenceColumn]] = {}
    for row in _rows(COLUMNS):
        columns.setdefault(row["table_name"], []).append(_column(row))
    return {
        row["table_name"]: ReferenceTable(
            name=row["table_name"],
            name_ja=row["table_name_ja"],
            name_en=row["table_name_en"],
            year_ja=row["year_ja"],
            fiscal_year_offset=int(row["fiscal_year_offset"]),
            carried_years=int(row["carried_years"]),
            columns=tuple(columns[row["table_name"]]),
        )
        for row in _rows(TABLES)
    }


def template(table: ReferenceTable) -> str:
    """A CSV to fill in: the headings and one line of invented numbers that shows how a line looks."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([column.heading for column in table.columns])
    writer.writerow([column.example for column in table.columns])
    return _BOM + stream.getvalue()


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _column(row: dict[str, str]) -> ReferenceColumn:
    return ReferenceColumn(
        spellings=tuple(row["heading_ja"].split("|")),
        column_name=row["column_name"],
        role=row["role"],
        is_needed=row["is_needed"] == "true",
        minimum=Decimal(row["minimum"]) if row["minimum"] else None,
        maximum=Decimal(row["maximum"]) if row["maximum"] else None,
        decimals=int(row["decimals"] or 0),
        total_of=tuple(row["total_of"].split()),
        total_rule=row["total_rule"],
        example=row["example"],
        note_ja=row["note_ja"],
    )
