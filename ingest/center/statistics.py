"""Counts of senders, in batches of kind ``statistics``: checked again here, for a sender's word is no check.

They land in ``raw.statistic`` and ``raw.statistic_source`` beside the facts, with control totals, and are taken back
and replayed like them. A batch holds these tables and no other, so no row of a person comes this way.
"""

from __future__ import annotations

from datetime import date

import duckdb

from ingest.center import changes
from ingest.center.schema import ACCOMPANYING, COUNT_TABLES, sql_types
from ingest.sealing.errors import BatchRefused
from ingest.sealing.opened import OpenBatch
from ingest.statistics import known
from ingest.statistics.columns import CELL, EVERYWHERE, KIND, MEASURES, SUMMED

__all__ = ["KIND", "check", "take"]

_TABLES = COUNT_TABLES | {"control_total": ACCOMPANYING["control_total"]}
_GREATEST_SUM = 9_000_000_000_000_000_000
_HERE = "linkage_domain = $linkage_domain AND batch_sequence = $batch_sequence"


def check(connection: duckdb.DuckDBPyConnection, batch: OpenBatch) -> None:
    """Refuse a batch of counts that holds another table, column or type."""
    if set(batch.files) != set(_TABLES) or any(
        batch.columns(connection, name) != sql_types(schema) for name, schema in _TABLES.items()
    ):
        raise BatchRefused("contract", "a batch of counts holds the tables of them and no other", batch.manifest_hash)


def take(
    connection: duckdb.DuckDBPyConnection, batch: OpenBatch, linkage_domain: str, reference_month: date
) -> dict[str, int]:
    """Land the counts, open the fiscal years that they speak of and note the batch; returns rows by table.

    Runs inside a transaction of the caller. Raises BatchRefused where rows and sums differ from the signed control
    totals, a figure is not whole or stands twice, or speaks of an area that is not this sender's.
    """
    sequence = batch.manifest.sequence
    constants = {"linkage_domain": linkage_domain, "batch_sequence": sequence}
    rows = {name: batch.load(connection, name, f"raw.{name}", constants) for name in batch.files}
    _check_totals(connection, batch, constants)
    _check_rows(connection, batch, constants)
    _check_figures(connection, batch, constants)
    _check_areas(connection, batch, constants)
    changes.add_statistics(connection, linkage_domain, sequence, reference_month)
    connection.execute(
        "INSERT INTO control.received_batch VALUES (?, ?, ?, ?, ?, false)",
        [batch.manifest.sender, sequence, batch.manifest_hash, linkage_domain, sum(rows.values())],
    )
    return rows


def _check_totals(connection: duckdb.DuckDBPyConnection, batch: OpenBatch, here: dict[str, object]) -> None:
    """Rows and sums by file and scheme against what the site signed."""
    sums = ", ".join(f"sum({name})::HUGEINT AS {name}" for name in SUMMED)
    found = connection.execute(
        f"""
        SELECT count(*) FROM (
            UNPIVOT (
                SELECT source_file_id, scheme_code, count(*)::HUGEINT AS rows, {sums}
                FROM raw.statistic WHERE {_HERE} GROUP BY source_file_id, scheme_code
            ) ON rows, {", ".join(SUMMED)} INTO NAME measure VALUE value
        ) AS counted FULL JOIN (
            SELECT source_file_id, scheme_code, measure, sum(value)::HUGEINT AS value
            FROM raw.control_total WHERE {_HERE} AND outcome = 'sealed' GROUP BY ALL
        ) AS promised USING (source_file_id, scheme_code, measure)
        WHERE counted.value IS DISTINCT FROM promised.value""",
        here,
    ).fetchone()
    assert found is not None
    if found[0]:
        raise BatchRefused("total_mismatch", "statistic: not as in the control totals", batch.manifest_hash)


def _check_rows(connection: duckdb.DuckDBPyConnection, batch: OpenBatch, here: dict[str, object]) -> None:
    """Every figure is whole, stands once in its file, and its file names one source."""
    missing = " OR ".join(f"{name} IS NULL" for name in (*CELL, *MEASURES, "source_file_id"))
    negative = " OR ".join(f"{name} < 0 OR {name} >= 100000000000000" for name in MEASURES)
    grain = ", ".join(("source_file_id", *CELL))
    questions = (
        f"SELECT count(*) FILTER ({missing} OR {negative}) FROM raw.statistic WHERE {_HERE}",
        f"SELECT count(*) - count(DISTINCT ({grain})) FROM raw.statistic WHERE {_HERE}",
        f"SELECT count(*) FROM (SELECT DISTINCT source_file_id FROM raw.statistic WHERE {_HERE}) AS files "
        f"ANTI JOIN (SELECT source_file_id FROM raw.statistic_source WHERE {_HERE}) USING (source_file_id)",
        f"SELECT count(*) - count(DISTINCT source_file_id) + count(*) FILTER (source_id IS NULL OR source_name IS NULL "
        "OR publisher IS NULL OR source_url IS NULL OR source_year IS NULL OR created_date IS NULL "
        f"OR version_number IS NULL OR is_generated IS NULL) FROM raw.statistic_source WHERE {_HERE}",
        # With all that stands they still add up in a BIGINT: a sender's number may not stop the build of all.
        f"SELECT {' + '.join(f'(sum({name}) > {_GREATEST_SUM})::INTEGER' for name in SUMMED)} FROM raw.statistic "
        f"WHERE EXISTS (FROM raw.statistic WHERE {_HERE})",
    )
    for question in questions:
        found = connection.execute(question, here).fetchone()
        assert found is not None
        if found[0]:
            raise BatchRefused("contract", f"statistic: {found[0]} row(s) that are not whole", batch.manifest_hash)


def _check_figures(connection: duckdb.DuckDBPyConnection, batch: OpenBatch, here: dict[str, object]) -> None:
    """Every row is of a figure that the catalogue knows, in a scheme and kind of period that it has."""
    connection.register("known_indicators", known.indicators().to_arrow())
    bands = ", ".join(f"'{band}'" for band in known.bands())
    found = connection.execute(
        f"""
        SELECT count(*) FROM (
            SELECT DISTINCT indicator_id, definition_version, scheme_code, period_kind, sex_code, age_band_code
            FROM raw.statistic WHERE {_HERE}
        ) AS told LEFT JOIN known_indicators AS known USING (indicator_id, definition_version)
        WHERE NOT coalesce(
            contains(known.scheme_codes, ' ' || told.scheme_code || ' ') AND told.scheme_code <> 'residents'
            AND contains(known.period_kinds, ' ' || told.period_kind || ' ')
            AND told.sex_code IN ('1', '2', 'all') AND told.age_band_code IN ({bands}), false)""",
        here,
    ).fetchone()
    connection.unregister("known_indicators")
    assert found is not None
    if found[0]:
        raise BatchRefused("contract", f"statistic: {found[0]} figure(s) that nobody knows", batch.manifest_hash)


def _check_areas(connection: duckdb.DuckDBPyConnection, batch: OpenBatch, here: dict[str, object]) -> None:
    """A sender speaks of areas of its own prefecture; one for the whole country of any."""
    connection.register("known_areas", known.areas().to_arrow())
    own = "" if here["linkage_domain"] == EVERYWHERE else "WHERE prefecture_code = $linkage_domain"
    found = connection.execute(
        f"""
        SELECT count(*) FROM (
            SELECT DISTINCT area_level, area_id FROM raw.statistic WHERE {_HERE}
        ) AS told ANTI JOIN (SELECT area_level, area_id FROM known_areas {own}) USING (area_level, area_id)""",
        here,
    ).fetchone()
    connection.unregister("known_areas")
    assert found is not None
    if found[0]:
        told = f"statistic: {found[0]} area(s) that this sender may not speak of"
        raise BatchRefused("contract", told, batch.manifest_hash)
