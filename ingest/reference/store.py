"""The store at the center: ``<home>/reference/<table>.parquet``, plain, since no person is in it.

One file a table, so that an import is whole or not at all. A year that is imported again takes the place of what was
there of that year. The warehouse is filled from here by every build, so a rebuild loses nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from ingest import faults
from ingest.reference.errors import Fault, ReferenceRefused
from ingest.reference.reading import SCHEMA, ReferenceFile
from ingest.reference.tables import ReferenceTable, tables

FOLDER = "reference"
_METADATA = "tsumugi_imports"


@dataclass(frozen=True)
class Import:
    """One file that stands for a year: ``areas_before`` is how many areas the year had before it."""

    year: int
    file_name: str
    sha256: str
    rows: int
    areas: int
    areas_before: int


@dataclass(frozen=True)
class Stored:
    """A table as it stands: its rows, and for each year the file that it is from."""

    table: ReferenceTable
    rows: pl.DataFrame
    imports: tuple[Import, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the content."""
        return hashlib.sha256(self.rows.write_csv().encode()).hexdigest()


def path_of(home: Path, table: str) -> Path:
    """Where a table stands in the home of the center."""
    return home / FOLDER / f"{table}.parquet"


def load(home: Path, table: str) -> Stored | None:
    """A table, or None where nothing was imported; raises ReferenceRefused where its file is damaged."""
    path = path_of(home, table)
    if not path.is_file():
        return None
    try:
        rows = pl.read_parquet(path)
        noted = json.loads(pl.read_parquet_metadata(path)[_METADATA])
        imports = tuple(Import(**each) for each in noted)
    except (pl.exceptions.PolarsError, OSError, KeyError, TypeError, ValueError):
        raise _unusable(path) from None
    if rows.schema != SCHEMA:
        raise _unusable(path)
    return Stored(tables()[table], rows, imports)


def load_all(home: Path) -> list[Stored]:
    """Every table that was imported."""
    return [stored for name in tables() if (stored := load(home, name)) is not None]


def put(home: Path, file: ReferenceFile) -> list[Import]:
    """Take a file in, its years in the place of what was there of them; empty where it changes nothing."""
    before = load(home, file.table.name)
    old = before.rows if before is not None else pl.DataFrame(schema=SCHEMA)
    of_years = old.filter(pl.col("year").is_in(file.years))
    if of_years.equals(file.rows):
        return []
    rows = pl.concat([old.filter(~pl.col("year").is_in(file.years)), file.rows]).sort(SCHEMA.names())
    done = [
        Import(
            year=year,
            file_name=file.file_name,
            sha256=file.sha256,
            rows=file.rows.filter(pl.col("year") == year).height,
            areas=_areas(file.rows, year),
            areas_before=_areas(old, year),
        )
        for year in file.years
    ]
    kept = [each for each in (before.imports if before is not None else ()) if each.year not in file.years]
    _write(path_of(home, file.table.name), rows, sorted([*kept, *done], key=lambda each: each.year))
    return done


def _areas(rows: pl.DataFrame, year: int) -> int:
    return rows.filter(pl.col("year") == year).select("area_level", "area_id").n_unique()


def _write(path: Path, rows: pl.DataFrame, imports: list[Import]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f"{path.name}.tmp")
    noted = json.dumps([asdict(each) for each in imports], ensure_ascii=False)
    rows.write_parquet(temporary, metadata={_METADATA: noted})
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    faults.point("reference.written")
    temporary.replace(path)


def _unusable(path: Path) -> ReferenceRefused:
    remedy = "このファイルを消し、表をもう一度取り込んでください"
    return ReferenceRefused(
        str(path), [Fault("contract", "壊れているか、別の版が書いたもので読めません", remedy=remedy)]
    )
