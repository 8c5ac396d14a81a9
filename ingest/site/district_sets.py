"""地区割 at a site: which named sets stand, and a town's two-column list made into a delivery of one.

What stands is told by the ledger and the archive, as of everything else: the newest version of each set
(作成年月日, then 版) among the deliveries that were taken and those that wait in the inbox. An import only
puts a file into the inbox; the next extract takes it, and the whole set takes the place of the one before.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from ingest.formats import FileRefused, Reading, recognise
from ingest.formats.csvlayout import fold, layout
from ingest.formats.district_list import DistrictList, read_list, refuse_two_districts
from ingest.formats.district_set import FORMAT
from ingest.ledger import Ledger
from ingest.sealing.keys import KeyRing
from ingest.settings import PROJECT_ROOT, SiteSettings
from ingest.site import archive, inbox
from ingest.site.errors import SiteError

MUNICIPALITIES = PROJECT_ROOT / "seeds" / "municipalities.csv"
FOLDER = "district_set"
TAKEN, WAITING = "taken", "waiting"
_PLACES = ["district_code", "district_name", "set_district_name"]
_TABLE = "district_set"


@dataclass(frozen=True)
class NamedSet:
    """One set of a municipality as it stands: ``places`` has district_code, district_name, set_district_name."""

    municipality_code: str
    name: str
    created_date: date
    version_number: int
    state: str  # taken, or waiting in the inbox
    is_given_up: bool
    places: pl.DataFrame

    @property
    def key(self) -> tuple[str, str]:
        """Municipality and name."""
        return self.municipality_code, self.name


@dataclass(frozen=True)
class Imported:
    """What an import did: the file for the inbox (None: nothing new), the list, and the set that it makes."""

    path: Path | None
    read: DistrictList
    made: NamedSet


def standing(site: SiteSettings, ring: KeyRing) -> list[NamedSet]:
    """The newest version of every set, also of those given up, in order of municipality and name."""
    versions: dict[tuple[str, str], tuple[tuple[date, int, str], NamedSet]] = {}
    for file_id, state, table in [*_taken(site, ring), *_waiting(site)]:
        grain = ["municipality_code", "district_set_name", "created_date", "version_number"]
        for (town, name, created, version), rows in table.group_by(grain, maintain_order=True):
            is_given_up = bool(rows["is_deleted"].any())
            places = rows.filter(~pl.col("is_deleted")).select(_PLACES).unique().sort(_PLACES)
            key = str(town), str(name)
            found = NamedSet(*key, _day(created), int(str(version)), state, is_given_up, places)
            order = (found.created_date, found.version_number, file_id)
            if found.key not in versions or order > versions[found.key][0]:
                versions[found.key] = order, found
    return [versions[key][1] for key in sorted(versions)]


def import_list(
    site: SiteSettings,
    ring: KeyRing,
    file: Path,
    municipality: str,
    set_name: str | None,
    created: date,
    known: pl.DataFrame,
) -> Imported:
    """Make a two-column list the next version of a set, in the inbox; the same content again does nothing.

    ``known`` are the 行政区 of the members: municipality_code, district_code, district_name. Names, and codes
    that lost their zeros in a spreadsheet, are resolved by them. Raises SiteError for a list that ``read_list``
    refuses, a town of another site, a set without a name, a list that fits nobody, or a 作成年月日 before
    that of the version that stands.
    """
    town = town_of(site, municipality)
    with _refusals_told(file):
        read = read_list(file)
        name = _set_name(set_name or read.set_name)
        places = _resolved(read, known.filter(pl.col("municipality_code") == town))
    current = {found.key: found for found in standing(site, ring)}.get((town, name))
    if current is not None and not current.is_given_up and _content(current.places).equals(_content(places)):
        return Imported(None, read, current)
    made = _next(current, town, name, created, places, is_given_up=False)
    return Imported(_deliver(site, made), read, made)


def give_up(site: SiteSettings, ring: KeyRing, municipality: str, set_name: str, created: date) -> Path:
    """Deliver that a set is given up; its earlier versions stay in history. Raises SiteError where none stands."""
    town, name = town_of(site, municipality), _set_name(set_name)
    current = {found.key: found for found in standing(site, ring)}.get((town, name))
    if current is None or current.is_given_up:
        raise SiteError(f"{town} に地区割「{name}」はありません。`tsumugi districts list` で確かめてください")
    return _deliver(site, _next(current, town, name, created, current.places.clear(), is_given_up=True))


def town_of(site: SiteSettings, municipality: str) -> str:
    """The municipality's code of 5 digits; raises SiteError where it is none of this site's prefecture."""
    code = municipality.strip()
    code = code[:5] if len(code) == 6 else code
    if code not in municipality_names() or not code.startswith(site.prefecture_code):
        raise SiteError(f"{municipality} はこのサイト（都道府県 {site.prefecture_code}）の市町村コードではありません")
    return code


def municipality_names() -> dict[str, str]:
    """Names of the municipalities by their code of 5 digits."""
    with MUNICIPALITIES.open(encoding="utf-8", newline="") as handle:
        return {row["municipality_code"]: row["municipality_name"] for row in csv.DictReader(handle)}


# --- what stands -----------------------------------------------------------------------------------


def _taken(site: SiteSettings, ring: KeyRing) -> list[tuple[str, str, pl.DataFrame]]:
    if not site.ledger.is_file():
        return []
    with Ledger(site.ledger) as ledger:
        rows = ledger.rows("SELECT DISTINCT file_id FROM delivery WHERE format = ? AND state = 'taken'", (FORMAT,))
    found = []
    for file_id in (str(row["file_id"]) for row in rows):
        with tempfile.TemporaryDirectory() as folder:  # places, no persons
            path = Path(folder, "set.csv")
            archive.restore(site.archive, file_id, ring.secret("at-rest"), path)
            found.append((file_id, TAKEN, _reading(path).tables[_TABLE]))
    return found


def _waiting(site: SiteSettings) -> list[tuple[str, str, pl.DataFrame]]:
    found = []
    for file in inbox.scan(site.inbox / FOLDER):
        try:
            found.append((file.file_id, WAITING, _reading(file.path).tables[_TABLE]))
        except FileRefused:
            continue  # the extract tells of it
    return found


def _reading(path: Path) -> Reading:
    reader, _ = recognise(path)
    if reader.format != FORMAT:
        raise FileRefused("unrecognised", "地区割のファイルではありません")
    return reader.read(path)


def _day(value: object) -> date:
    assert isinstance(value, date)
    return value


# --- from the list to the set ----------------------------------------------------------------------


@contextmanager
def _refusals_told(file: Path) -> Iterator[None]:
    """A refusal of the list in the words of the command: file, line, what is wrong, what to do."""
    try:
        yield
    except FileRefused as refused:
        at = f"{refused.line}行目: " if refused.line is not None else ""
        raise SiteError(f"{file.name} {at}{refused.message}。{refused.remedy}") from None
    except OSError as error:
        raise SiteError(f"{file} を開けません（{error.strerror}）") from None


def _set_name(text: str | None) -> str:
    name = "".join((text or "").split())
    if not name:
        raise SiteError("地区割の名前が見出しから分かりません。--set 小学校区 のように指定してください")
    if "/" in name or len(name) > 40:
        raise SiteError("地区割の名前は「/」を含まない40字以内にしてください")
    return name


def _resolved(read: DistrictList, known: pl.DataFrame) -> pl.DataFrame:
    """The places of the list by the codes of the members; a key of no code stays, to be told of."""
    if read.key_kind == "name":
        if known.is_empty():
            raise SiteError(
                "町字名を資格の行政区コードに直せません。この市町村の資格を取り込み `tsumugi run` を終えてから、"
                "もう一度取り込んでください（行政区コードの一覧はそのまま取り込めます）"
            )
        joined = read.rows.with_columns(_folded("key")).join(
            known.with_columns(_folded("district_name")), on="_key", how="left", maintain_order="left"
        )
        rows = joined.with_columns(district_name=pl.col("district_name").fill_null(pl.col("key")))
    else:
        bare = known.with_columns(_bare("district_code")).filter(pl.len().over("_key") == 1)
        exact = known.select("district_code", pl.col("district_name").alias("_exact_name"))
        rows = (
            read.rows.with_columns(_bare("key"))
            .join(exact, left_on="key", right_on="district_code", how="left", maintain_order="left", coalesce=False)
            .rename({"district_code": "_exact"})
            .join(bare, on="_key", how="left", maintain_order="left")
            .with_columns(
                district_code=pl.coalesce("_exact", "district_code", "key"),
                district_name=pl.when(pl.col("_exact").is_not_null()).then("_exact_name").otherwise("district_name"),
            )
        )
    refuse_two_districts(rows.filter(pl.col("district_code").is_not_null()), "district_code")
    if not known.is_empty() and rows.join(known, on="district_code", how="semi").is_empty():
        raise SiteError("一覧のどの行も、この市町村の資格の行政区と一致しません。市町村と一覧を確かめてください")
    return rows.select(_PLACES).unique().sort(_PLACES)


def _content(places: pl.DataFrame) -> pl.DataFrame:
    """What a set says; by which name a 行政区 of a known code goes is not part of it."""
    key = pl.coalesce("district_code", "district_name").alias("key")
    return (
        places.select(pl.col("district_code").is_null().alias("is_open"), key, "set_district_name")
        .unique()
        .sort("is_open", "key", "set_district_name")
    )


def _folded(column: str) -> pl.Expr:
    return pl.col(column).map_elements(fold, return_dtype=pl.String()).alias("_key")


def _bare(column: str) -> pl.Expr:
    """A code without the zeros at its head, which a spreadsheet takes away."""
    return pl.col(column).str.strip_chars_start("0").alias("_key")


def _next(
    current: NamedSet | None, town: str, name: str, created: date, places: pl.DataFrame, *, is_given_up: bool
) -> NamedSet:
    version = 1
    if current is not None:
        if created < current.created_date:
            raise SiteError(
                f"作成年月日 {created} は、いまの版（{current.created_date}）より前です。"
                "--date で新しい日付を指定してください"
            )
        version = current.version_number + 1 if created == current.created_date else 1
    return NamedSet(town, name, created, version, WAITING, is_given_up, places)


def _deliver(site: SiteSettings, made: NamedSet) -> Path:
    """Write the set as a delivery into the inbox, whole or not at all."""
    headings = {column.contract_column: column.column_name for column in layout("district_set")}
    rows: list[dict[str, Any]] = made.places.to_dicts() or [dict.fromkeys(_PLACES)]
    common = {
        "created_date": made.created_date.strftime("%Y%m%d"),
        "version_number": made.version_number,
        "municipality_code": made.municipality_code,
        "district_set_name": made.name,
        "is_deleted": int(made.is_given_up),
    }
    folder = site.inbox / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{made.municipality_code}_{made.name}_{made.created_date:%Y%m%d}_{made.version_number}.csv"
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(headings), lineterminator="\r\n")
        writer.writerow(headings)
        writer.writerows(common | row for row in rows)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
    return path
