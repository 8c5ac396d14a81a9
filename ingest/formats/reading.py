"""What a reader gives back, whatever the format: typed tables, rows set aside, problems of the file.

A row of a source file ends in exactly one place: in ``Reading.tables`` (typed as its contract says)
or in ``Reading.set_aside`` (as text, with the reason). A file that cannot be read as a whole raises
``FileRefused``. Messages name the line, the field and the rule, never the value of a person.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol, runtime_checkable

import polars as pl

from ingest.formats.contracts import CONTRACTS

MEASURES: tuple[str, ...] = tuple(
    dict.fromkeys(name for contract in CONTRACTS.values() for name in contract.control_columns)
)
"""Control measures of all contracts, as columns of ``set_aside``: what was set aside still counts."""

SET_ASIDE_SCHEMA: dict[str, pl.DataType] = {
    "table_name": pl.String(),
    "source_row": pl.Int64(),
    "field": pl.String(),
    "reason_code": pl.String(),
    "message": pl.String(),
    "remedy": pl.String(),
    "scheme_code": pl.String(),
    "raw": pl.String(),
} | {name: pl.Int64() for name in MEASURES}

REASONS_FILE = Path(__file__).with_name("reasons.csv")


@dataclass(frozen=True)
class Reason:
    """One code of the closed list of reasons, with its words and what to do about it."""

    code: str
    ja: str
    en: str
    remedy_ja: str


@cache
def reasons() -> dict[str, Reason]:
    """The closed list of reason codes (``reasons.csv``) by code."""
    with REASONS_FILE.open(encoding="utf-8", newline="") as handle:
        return {row["code"]: Reason(**row) for row in csv.DictReader(handle)}


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a file or a row; ``message`` holds no value of a person."""

    table: str
    line: int | None
    field: str
    reason_code: str
    message: str
    remedy: str


class FileRefused(Exception):
    """The file as a whole is not taken.

    ``records``, ``tables`` and ``set_aside`` hold what could be read, so that it can be counted as refused.
    Raises KeyError when ``reason_code`` is not in the closed list.
    """

    def __init__(
        self,
        reason_code: str,
        message: str,
        *,
        remedy: str | None = None,
        line: int | None = None,
        records: dict[str, int] | None = None,
        tables: dict[str, pl.DataFrame] | None = None,
        set_aside: pl.DataFrame | None = None,
    ) -> None:
        reason = reasons()[reason_code]
        super().__init__(f"{reason_code}: {message}")
        self.reason_code = reason_code
        self.message = message
        self.remedy = remedy if remedy is not None else reason.remedy_ja
        self.line = line
        self.records: dict[str, int] = records or {}
        self.tables: dict[str, pl.DataFrame] = tables or {}
        self.set_aside = empty_set_aside() if set_aside is None else set_aside


def empty_set_aside() -> pl.DataFrame:
    """A set-aside table without rows."""
    return pl.DataFrame(schema=SET_ASIDE_SCHEMA)


def empty_tables(*names: str) -> dict[str, pl.DataFrame]:
    """The named contract tables without rows."""
    return {name: pl.DataFrame(schema=CONTRACTS[name].plain_schema()) for name in names}


@dataclass
class Reading:
    """What one file held.

    ``format``    the reader's format name, ``edition`` which variant of it
    ``months``    months the file speaks of, 'YYYY-MM', sorted
    ``records``   count of source records by type, unknown types included
    ``tables``    contract tables, each with exactly ``CONTRACTS[name].plain_schema()``
    ``set_aside`` rows that could not be typed, as text (``SET_ASIDE_SCHEMA``)
    ``problems``  what concerns the file and not one row (unknown records, characters replaced)
    """

    format: str
    edition: str
    months: list[str]
    records: dict[str, int]
    tables: dict[str, pl.DataFrame]
    set_aside: pl.DataFrame = field(default_factory=empty_set_aside)
    problems: list[Problem] = field(default_factory=list)


@runtime_checkable
class Reader(Protocol):
    """A reader of one file format, which belongs to one stream of deliveries."""

    @property
    def format(self) -> str: ...

    @property
    def stream(self) -> str: ...

    def recognise(self, head: bytes) -> str | None:
        """The edition when the first bytes (at least 64 KiB where the file has them) are of this
        format, else None. Never raises."""
        ...

    def read(self, path: Path) -> Reading:
        """The file's content; raises FileRefused when it cannot be taken as a whole."""
        ...


@runtime_checkable
class PartsReader(Reader, Protocol):
    """A reader that can hand a large file on in parts, in memory that does not grow with the file.

    ``calls_back``: whether Polars calls Python from inside its reading. Beside that nothing else of Polars may run,
    which holds the interpreter while it waits for the threads that wait for the interpreter.
    """

    @property
    def calls_back(self) -> bool: ...

    def parts(self, path: Path) -> Iterator[Reading]:
        """The file's content, some records at a time; the last part has no rows but the records, months and
        problems of the whole file. Raises FileRefused before the first part, or not at all."""
        ...
