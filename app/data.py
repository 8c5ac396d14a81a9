"""Reading published files: every query of the dashboard is here, aggregated in SQL, cached when small.

A file is opened read-only and hardened (no other file, no setting can be touched from SQL). Cached
frames are keyed by the tenant, the path and the identity of the file's bytes, so that a new
publication is seen at once and no tenant is ever served another's frame.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import streamlit as st

from app.access.rights import NotPublished, PublishedFile, Rights
from ingest import warehouse

_STAMP = tuple[int, int, int]

ALL = "all"
_EDITION = {
    "edition_id": pl.String, "fiscal_year": pl.Int64, "frozen_by_name": pl.String, "frozen_date": pl.Date,
    "reference_month": pl.Date, "figures_count": pl.Int64, "is_in_force": pl.Boolean,
}  # fmt: skip
_CHANGE = {
    "indicator_id": pl.String, "definition_version": pl.Int64, "scheme_code": pl.String, "class_code": pl.String,
    "sex_code": pl.String, "age_band_code": pl.String, "frozen_numerator": pl.Int64, "frozen_denominator": pl.Int64,
    "numerator": pl.Int64, "denominator": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True)
class Opened:
    """One published file as a cache key: whose it is, where, and which bytes."""

    tenant_id: str
    path: str
    key_path: str
    stamp: _STAMP

    def rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> pl.DataFrame:
        """The rows of one query on the file."""
        cursor = _connection(self).cursor()
        try:
            cursor.execute("USE published")  # a cursor does not take over what its parent has in use
            return cursor.execute(sql, parameters if isinstance(parameters, dict) else list(parameters)).pl()
        finally:
            cursor.close()

    def tables(self) -> set[str]:
        """Names of the tables in the file."""
        return set(_tables(self))


def opened(rights: Rights, file: PublishedFile) -> Opened:
    """``file`` as the rights' tenant may open it; NotPublished where it is not there yet."""
    try:
        status = file.path.stat()
    except OSError:
        raise NotPublished(f"{file.path} is not published yet") from None
    stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
    return Opened(rights.account.tenant_id, str(file.path), str(file.key_path), stamp)


def _close(connection: duckdb.DuckDBPyConnection) -> None:
    connection.close()


@st.cache_resource(max_entries=64, show_spinner=False, on_release=_close)
def _connection(opened_file: Opened) -> duckdb.DuckDBPyConnection:
    file = PublishedFile(Path(opened_file.path), Path(opened_file.key_path))
    try:
        return warehouse.open_hardened(file.path, file.key())
    except warehouse.WarehouseError as error:
        raise NotPublished(str(error)) from None


@st.cache_data(max_entries=128, show_spinner=False)
def _tables(opened_file: Opened) -> list[str]:
    rows = opened_file.rows("SELECT table_name FROM duckdb_tables() WHERE database_name = 'published'")
    return rows["table_name"].to_list()


@st.cache_data(max_entries=64, show_spinner=False)
def edition(opened_file: Opened) -> str:
    """Short name of the published bytes, printed on every export."""
    digest = hashlib.sha256()
    with Path(opened_file.path).open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Files:
    """The files of one session: its tenant's own and its class's statistics."""

    statistics: Opened
    own: tuple[Opened, ...]

    @property
    def key(self) -> tuple[Opened, ...]:
        """All of them, as a cache key."""
        return (self.statistics, *self.own)


def files(rights: Rights) -> Files:
    """Open what the rights name; NotPublished where the statistics are not there."""
    own = tuple(opened(rights, file) for file in rights.person_files if file.path.is_file())
    return Files(opened(rights, rights.statistics), own)


# --- catalogue ---------------------------------------------------------------------------------


@st.cache_data(max_entries=64, show_spinner=False)
def about(file: Opened) -> dict[str, str]:
    """The ``about`` table: reference_month, is_synthetic, and what else the publisher wrote."""
    rows = file.rows("SELECT key, value FROM about")
    return dict(zip(rows["key"], rows["value"], strict=True))


@st.cache_data(max_entries=64, show_spinner=False)
def areas(file: Opened) -> pl.DataFrame:
    """The ladder of areas: area_level, area_id, parent_level, parent_id, area_name, area_name_en, district_set_name."""
    return file.rows(
        "SELECT DISTINCT area_level, area_id, parent_level, parent_id, area_name, area_name_en, district_set_name"
        " FROM area ORDER BY area_level, area_id, parent_level, parent_id"
    )


@st.cache_data(max_entries=64, show_spinner=False)
def indicators(file: Opened) -> pl.DataFrame:
    """The indicator catalogue in its printed order."""
    return file.rows("SELECT * FROM indicator ORDER BY sort_order, indicator_id")


@st.cache_data(max_entries=64, show_spinner=False)
def disease_classes(file: Opened) -> pl.DataFrame:
    """Classes of diseases in their printed order: class_code, class_kind_code, parent_class_code, names, source."""
    return file.rows("SELECT * FROM disease_class ORDER BY sort_order, class_code")


@st.cache_data(max_entries=64, show_spinner=False)
def lineage(file: Opened) -> pl.DataFrame:
    """From which streams a figure came down and how much it rests on, over all prefectures.

    Columns: indicator_id, measure_model, stream, source_files_count, records_count.
    """
    return file.rows(
        "SELECT indicator_id, measure_model, stream, sum(source_files_count)::BIGINT AS source_files_count,"
        " sum(records_count)::BIGINT AS records_count FROM lineage"
        " GROUP BY indicator_id, measure_model, stream ORDER BY indicator_id, measure_model, stream"
    )


@st.cache_data(max_entries=64, show_spinner=False)
def reference_tables(file: Opened) -> pl.DataFrame:
    """The public tables that figures rest on, newest year first: table_name, year, source.

    None in a file that was published before there were any.
    """
    if "reference_table" not in file.tables():
        return pl.DataFrame(schema={"table_name": pl.String, "year": pl.Int64, "source": pl.String})
    return file.rows("SELECT table_name, year, source FROM reference_table ORDER BY table_name, year DESC")


@st.cache_data(max_entries=64, show_spinner=False)
def editions(file: Opened) -> pl.DataFrame:
    """The fiscal years that were called final, newest year first: edition_id, fiscal_year, frozen_by_name, frozen_date,
    reference_month, figures_count, is_in_force. None in a file that was published before there were any."""
    if "edition" not in file.tables():
        return pl.DataFrame(schema=_EDITION)
    return file.rows(f"SELECT {', '.join(_EDITION)} FROM edition ORDER BY fiscal_year DESC, edition_id DESC")


@st.cache_data(max_entries=64, show_spinner=False)
def edition_changes(keys: tuple[Opened, ...], edition_id: str, area_key: str, *, is_whole: bool) -> pl.DataFrame:
    """The own figures of an area that are no longer those of an edition: of all sexes and ages together, or the parts.

    Columns: indicator_id, definition_version, scheme_code, class_code, sex_code, age_band_code, frozen_numerator,
    frozen_denominator, numerator, denominator; None on the side that does not have the figure.
    """
    frames = [
        file.rows(
            f"SELECT DISTINCT {', '.join(_CHANGE)} FROM own_edition_change"
            " WHERE edition_id = ? AND area_level || ':' || area_id = ?"
            " AND (sex_code = 'all' AND age_band_code = 'all') = ?",
            [edition_id, area_key, is_whole],
        )
        for file in keys[1:]
        if "own_edition_change" in file.tables()
    ]
    return pl.concat([pl.DataFrame(schema=_CHANGE), *frames], how="vertical_relaxed").unique(maintain_order=True)


@st.cache_data(max_entries=64, show_spinner=False)
def coverage(file: Opened) -> pl.DataFrame:
    """What arrived: stream, month, insurers arrived and expected."""
    return file.rows("SELECT * FROM coverage ORDER BY stream, month")


@st.cache_data(max_entries=64, show_spinner=False)
def periods(file: Opened, period_kind: str) -> list[date]:
    """The periods of one kind that hold numbers, newest first."""
    rows = file.rows(
        "SELECT DISTINCT period FROM indicator_statistics WHERE period_kind = ? ORDER BY period DESC", [period_kind]
    )
    return rows["period"].to_list()


@st.cache_data(max_entries=64, show_spinner=False)
def areas_with_values(file: Opened, area_level: str, scheme: str | None = None) -> list[str]:
    """Areas (``level:id``) of one level on which the statistics rest, of one scheme or of any."""
    rows = file.rows(
        "SELECT DISTINCT area_level || ':' || area_id AS area_key FROM indicator_statistics"
        " WHERE area_level = $level AND period_kind = 'fiscal_year' AND ($scheme IS NULL OR scheme_code = $scheme)"
        " ORDER BY area_key",
        {"level": area_level, "scheme": scheme},
    )
    return rows["area_key"].to_list()


_SENT = {
    "indicator_id": pl.String, "scheme_code": pl.String, "area_key": pl.String, "period": pl.Date,
    "record_insurers_count": pl.Int64, "sent_insurers_count": pl.Int64, "source": pl.String, "year": pl.Int64,
    "is_generated": pl.Boolean,
}  # fmt: skip


@st.cache_data(max_entries=128, show_spinner=False)
def sent_counts(file: Opened, period_kind: str, period: date, area_keys: tuple[str, ...]) -> pl.DataFrame:
    """Which values of these areas hold counts of senders (columns of ``_SENT``); one row a source.

    None in a file that was published before there were any.
    """
    if "statistics_source" not in file.tables():
        return pl.DataFrame(schema=_SENT)
    return file.rows(
        "SELECT indicator_id, scheme_code, area_level || ':' || area_id AS area_key, period, record_insurers_count,"
        " sent_insurers_count, source, year, is_generated FROM statistics_source"
        " WHERE class_code = '' AND period_kind = ? AND period = ? AND list_contains(?, area_level || ':' || area_id)"
        " ORDER BY ALL",
        [period_kind, period, list(area_keys)],
    )


@st.cache_data(max_entries=64, show_spinner=False)
def areas_by_counts(file: Opened, area_level: str, scheme: str) -> set[str]:
    """Areas (``level:id``) of one level of which nothing but counts of senders is known in a scheme."""
    if "statistics_source" not in file.tables():
        return set()
    rows = file.rows(
        "SELECT area_level || ':' || area_id AS area_key FROM statistics_source WHERE area_level = ?"
        " AND scheme_code = ? GROUP BY ALL HAVING max(record_insurers_count) = 0",
        [area_level, scheme],
    )
    return set(rows["area_key"])


# --- values ------------------------------------------------------------------------------------

_VALUES = """
SELECT indicator_id, class_code, scheme_code, area_level, area_id, period,
       sum(numerator)::DOUBLE AS numerator, sum(denominator)::DOUBLE AS denominator,
       CASE WHEN bool_or({status} = 'hidden_small') THEN 'hidden_small'
            WHEN bool_or({status} = 'hidden_complement') THEN 'hidden_complement'
            ELSE 'shown' END AS value_status
FROM {table}
WHERE period_kind = ? AND list_contains(?, period) AND sex_code = ? AND list_contains(?, age_band_code)
  AND list_contains(?, area_level || ':' || area_id) {more}
GROUP BY indicator_id, class_code, scheme_code, area_level, area_id, period
"""


@dataclass(frozen=True)
class Question:
    """Which numbers are asked for, apart from the areas."""

    period_kind: str
    periods: tuple[date, ...]
    sex_code: str
    age_bands: tuple[str, ...]


def values(session_files: Files, question: Question, area_keys: Sequence[str]) -> pl.DataFrame:
    """Numerator and denominator per indicator, scheme, area and period.

    An area of the tenant's own comes from its own counts (``is_own``), every other from the
    protected statistics, where a hidden value has neither numerator nor denominator.
    """
    return _values(session_files.key, question, tuple(sorted(set(area_keys))), "class_code = ''")


def class_values(session_files: Files, question: Question, area_keys: Sequence[str]) -> pl.DataFrame:
    """As ``values``, of what is told by class of disease: one row a ``class_code`` more."""
    return _values(session_files.key, question, tuple(sorted(set(area_keys))), "class_code <> ''")


@st.cache_data(max_entries=512, show_spinner=False)
def _values(keys: tuple[Opened, ...], question: Question, area_keys: tuple[str, ...], which: str) -> pl.DataFrame:
    statistics, *own = keys
    parameters = [
        question.period_kind,
        list(question.periods),
        question.sex_code,
        list(question.age_bands),
        list(area_keys),
    ]
    frames = []
    for file in own:
        if "own_indicator" in file.tables():
            sql = _VALUES.format(status="'shown'", table="own_indicator", more=f"AND {which}")
            frames.append(file.rows(sql, parameters).with_columns(is_own=pl.lit(True)))
    sql = _VALUES.format(status="value_status", table="indicator_statistics", more=f"AND {which}")
    frames.append(statistics.rows(sql, parameters).with_columns(is_own=pl.lit(False)))
    everything = pl.concat(frames, how="vertical_relaxed")
    grain = ["indicator_id", "class_code", "scheme_code", "area_level", "area_id", "period"]
    hidden = pl.col("value_status") != "shown"
    return (
        everything.sort(*grain, "is_own", descending=[False] * 6 + [True])
        .unique(grain, keep="first", maintain_order=True)
        .with_columns(
            numerator=pl.when(hidden).then(None).otherwise(pl.col("numerator")),
            denominator=pl.when(hidden).then(None).otherwise(pl.col("denominator")),
        )
    )


@st.cache_data(max_entries=64, show_spinner=False)
def own_areas(keys: tuple[Opened, ...]) -> set[str]:
    """Areas (``level:id``) for which the tenant has its own counts."""
    found: set[str] = set()
    for file in keys[1:]:
        if "own_indicator" in file.tables():
            rows = file.rows("SELECT DISTINCT area_level || ':' || area_id AS area_key FROM own_indicator")
            found |= set(rows["area_key"])
    return found
