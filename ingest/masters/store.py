"""The store: ``<workspace>/masters/<kind>.parquet``, one row a code, the files it came from in its metadata.

A full file replaces the state; codes that it no longer holds are kept, closed and marked, because
claims of earlier months hold them. A difference changes what it states and leaves the rest. The state
depends on the files alone, not on the clock, and a file that was taken before changes nothing.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from ingest import faults
from ingest.masters.errors import MasterRefused
from ingest.masters.layout import Kind, kinds
from ingest.masters.reading import ABOLISHED, ERASED, NEW, REVIVED, MasterFile

FOLDER = "masters"
_METADATA = "tsumugi_imports"


@dataclass(frozen=True)
class Import:
    """One file in the store: what it was and what it did.

    ``unknown_count``  records of a difference that were left out: a change of a code of which nothing is
    known, because a file in between was never imported
    """

    file_name: str
    sha256: str
    is_full: bool
    release_date: date
    record_count: int
    added_count: int
    changed_count: int
    retained_count: int
    unknown_count: int


@dataclass(frozen=True)
class Stored:
    """The state of one kind of master and the files that made it, oldest first."""

    kind: Kind
    records: pl.DataFrame
    imports: tuple[Import, ...]

    @property
    def release_date(self) -> date:
        return max(each.release_date for each in self.imports)


def path_of(workspace: Path, kind: str) -> Path:
    """Where the store of a kind stands."""
    return workspace / FOLDER / f"{kind}.parquet"


def load(workspace: Path, kind: str) -> Stored | None:
    """The store of a kind, or None where nothing was imported.

    Raises MasterRefused where the file is damaged or was written with another layout table.
    """
    path = path_of(workspace, kind)
    if not path.is_file():
        return None
    known = kinds()[kind]
    try:
        records = pl.read_parquet(path)
        imports = json.loads(pl.read_parquet_metadata(path)[_METADATA])
        made_by = tuple(Import(**each | {"release_date": date.fromisoformat(each["release_date"])}) for each in imports)
    except (pl.exceptions.PolarsError, OSError, KeyError, TypeError, ValueError):
        raise _unusable(path, "壊れていて読めません") from None
    if dict(records.schema) != known.schema():
        raise _unusable(path, "様式の表(layouts)が変わる前に作られたものです")
    return Stored(known, records, made_by)


def _unusable(path: Path, message: str) -> MasterRefused:
    remedy = f"{path} を消し、マスターファイルをもう一度まとめて取り込んでください"
    return MasterRefused("contract", str(path), message, remedy=remedy)


def save(workspace: Path, stored: Stored) -> None:
    """Put the state in place of the one before; whoever reads sees one or the other, whole."""
    path = path_of(workspace, stored.kind.kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    entries: list[dict[str, Any]] = [asdict(each) for each in stored.imports]
    stored.records.write_parquet(temporary, metadata={_METADATA: json.dumps(entries, ensure_ascii=False, default=str)})
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    faults.point("masters.written")
    temporary.replace(path)


def merged(before: Stored | None, file: MasterFile) -> Stored:
    """The state after a file; the very same one where the file was taken before.

    Raises MasterRefused for a difference without a full file before it, for a file older than the
    state, and for a full file that loses more codes than ``kinds.csv`` allows.
    """
    if before is not None:
        if any(each.sha256 == file.sha256 for each in before.imports):
            return before
        if file.release_date < before.release_date:
            raise _too_old(file, before)
    if file.is_full:
        return _with_full(before, file)
    if before is None:
        raise MasterRefused(
            "contract",
            file.file_name,
            f"{file.kind.name_ja}の差分ファイルですが、もとになる全件ファイルがまだ取り込まれていません",
            remedy=f"先に{file.kind.name_ja}の全件ファイルを取り込むか、同じコマンドに並べて指定してください(順序は問いません)",
        )
    return _with_difference(before, file)


def _too_old(file: MasterFile, before: Stored) -> MasterRefused:
    return MasterRefused(
        "contract",
        file.file_name,
        f"{file.release_date}版で、取り込み済みの{before.release_date}版より古いものです",
        remedy="対応は不要です。抜けていた差分であれば次の全件ファイルを取り込んでください。古い版から積み直すときは"
        f" {FOLDER}/{file.kind.kind}.parquet を消し、すべてのファイルを一つのコマンドに並べて指定してください",
    )


def _with_full(before: Stored | None, file: MasterFile) -> Stored:
    kind = file.kind
    records = _own(file.records, file)
    if before is None:
        done = _import(file, added=records.height)
        return Stored(kind, _tidy(records, kind), (done,))
    old = before.records
    _refuse_loss(old, records, file)
    if kind.of_role("listed") is None:
        # Since when a code may be used is told once, when it is new.
        known = old.select("code", known_from="valid_from")
        records = records.join(known, on="code", how="left").with_columns(
            valid_from=pl.coalesce("known_from", "valid_from")
        )
    lost = old.join(records, on="code", how="anti").with_columns(
        valid_to=pl.coalesce("valid_to", pl.lit(file.release_date - timedelta(days=1))), is_retained=pl.lit(True)
    )
    added = records.join(old, on="code", how="anti").height
    done = _import(file, added=added, changed=records.height - added, retained=lost.height)
    names = list(kind.schema())
    return Stored(kind, _tidy(pl.concat([records.select(names), lost.select(names)]), kind), (*before.imports, done))


def _refuse_loss(old: pl.DataFrame, records: pl.DataFrame, file: MasterFile) -> None:
    in_force = old.filter(~pl.col("is_retained") & in_use(file.release_date))
    lost = in_force.join(records, on="code", how="anti").height
    if lost * 100 > in_force.height * file.kind.largest_loss_percent:
        raise MasterRefused(
            "truncated",
            file.file_name,
            f"取り込み済みの有効なコード{in_force.height}件のうち{lost}件がありません",
            remedy="全件ファイルを取り直してください。廃止によるものと確かめたときは"
            " ingest/masters/layouts/kinds.csv の largest_loss_percent を改めてください",
        )


def _with_difference(before: Stored, file: MasterFile) -> Stored:
    kind, old = before.kind, before.records
    name = kind.column_of("name") or "code"
    is_known = pl.col("code").is_in(old["code"].implode())
    is_usable = is_known | (pl.col("change_kind_code") == NEW) | pl.col(name).is_not_null()
    usable = file.records.filter(is_usable)
    both = usable.join(old, on="code", how="left", suffix=":old")
    names = [field.column_name for field in kind.kept() if field.column_name != "code"]
    is_whole = pl.col("change_kind_code") == NEW
    stated = both.with_columns(
        pl.when(is_whole | pl.col(f"set:{name}")).then(pl.col(name)).otherwise(pl.col(f"{name}:old")).alias(name)
        for name in names
    )
    revived = [column for role in ("abolished", "transition") if (column := kind.column_of(role)) is not None]
    stated = stated.with_columns(
        pl.when((pl.col("change_kind_code") == REVIVED) & ~pl.col(f"set:{column}")).then(None).otherwise(pl.col(column))
        .alias(column)
        for column in revived
    )  # fmt: skip
    changed = _own(stated, file)
    if kind.of_role("listed") is None:
        changed = changed.with_columns(valid_from=pl.coalesce("valid_from:old", "valid_from"))
    schema = list(kind.schema())
    rest = old.join(changed, on="code", how="anti").select(schema)
    added = usable.filter(~is_known).height
    done = _import(file, added=added, changed=usable.height - added, unknown=file.records.height - usable.height)
    return replace(
        before, records=_tidy(pl.concat([rest, changed.select(schema)]), kind), imports=(*before.imports, done)
    )


def _own(records: pl.DataFrame, file: MasterFile) -> pl.DataFrame:
    """Records with the columns that follow from others, and where they came from."""
    kind, change = file.kind, pl.col("change_kind_code")
    listed, changed, abolished, transition = (
        pl.col(column) if (column := kind.column_of(role)) else pl.lit(None, dtype=pl.Date)
        for role in ("listed", "changed", "abolished", "transition")
    )
    # An end that is not stated: the record says that it ends, with the day of the change at the latest.
    end = pl.when(change.is_in([ERASED, ABOLISHED])).then(pl.coalesce(changed, pl.lit(file.release_date)))
    since = listed if kind.of_role("listed") else pl.when(change == NEW).then(changed)
    return records.with_columns(
        valid_from=since.cast(pl.Date),
        valid_to=pl.min_horizontal(pl.coalesce(abolished, end), transition).cast(pl.Date),
        is_retained=pl.lit(False),
        release_date=pl.lit(file.release_date),
        file_name=pl.lit(file.file_name),
    )


def _tidy(records: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    return records.select(pl.col(name).cast(dtype) for name, dtype in kind.schema().items()).sort("code")


def _import(file: MasterFile, *, added: int = 0, changed: int = 0, retained: int = 0, unknown: int = 0) -> Import:
    return Import(
        file_name=file.file_name,
        sha256=file.sha256,
        is_full=file.is_full,
        release_date=file.release_date,
        record_count=file.records.height,
        added_count=added,
        changed_count=changed,
        retained_count=retained,
        unknown_count=unknown,
    )


def in_use(on: date) -> pl.Expr:
    """Whether a code may be used on a day; a first day that is not stated lies before every day."""
    begun = pl.col("valid_from").is_null() | (pl.col("valid_from") <= on)
    return begun & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= on))
