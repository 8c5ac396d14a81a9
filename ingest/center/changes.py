"""The change set: which scheme × insurer × month, and which persons, a load has touched.

The set stays open until a whole build and its tests are through (``build.py`` closes it). It may name
more than what changed, never less: a partition too many costs time, one too few a wrong number.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import duckdb

from ingest.formats.contracts import CONTRACTS, Contract

# An enrolment's columns besides those that only tell how and when it ended, or which version it is.
_ENDING = {
    "source_file_id",
    "source_row",
    "applied_end_date",
    "lost_date",
    "lost_reason_code",
    "processed_date",
    "record_number",
    "full_as_of_date",
}
_ENROLMENT_BODY = ", ".join(name for name in CONTRACTS["enrolment"].sealed_schema() if name not in _ENDING)


def _spans_sql(contract: Contract, relation: str) -> str:
    """(scheme_code, insurer_number, first_month, last_month) that the rows of ``relation`` speak of.

    last_month null: until the month of reference.
    """
    if contract.name == "care_certification":
        return (
            "SELECT DISTINCT 'care' AS scheme_code, insurer_number, "
            "least(certified_start_date, event_date) AS first_month, "
            f"NULL::DATE AS last_month FROM {relation}"
        )
    if contract.name == "guidance":  # counted in the fiscal year of its checkup, which may have ended before it
        return (
            "SELECT DISTINCT scheme_code, insurer_number, "
            "least(guidance_month, make_date(guidance_fiscal_year::INTEGER, 4, 1)) AS first_month, "
            f"guidance_month AS last_month FROM {relation}"
        )
    if contract.name == "population":
        return (
            "SELECT DISTINCT 'care' AS scheme_code, '' AS insurer_number, make_date(year, 1, 1) AS first_month, "
            f"make_date(year, 1, 1) AS last_month FROM {relation}"
        )
    if contract.name == "district_set":  # a 地区割 holds for all that is known: what stands is counted by it anew
        return (
            "SELECT DISTINCT unnest(['kokuho', 'koki']) AS scheme_code, '' AS insurer_number, "
            "(SELECT min(applied_start_date) FROM raw.enrolment) AS first_month, "
            f"NULL::DATE AS last_month FROM {relation}"
        )
    if contract.name == "enrolment":
        return (
            "SELECT DISTINCT scheme_code, insurer_number, applied_start_date AS first_month, "
            f"applied_end_date AS last_month FROM {relation}"
        )
    month = contract.partition_month
    assert month is not None, contract.name
    return f"SELECT DISTINCT scheme_code, insurer_number, {month} AS first_month, {month} AS last_month FROM {relation}"


def _enrolment_spans_sql(versions: str) -> str:
    """Spans of enrolment records, one row a record; ``versions`` marks the new ones ``is_fresh``.

    Where a version was known before and all versions differ in nothing but the end, only the months
    between the ends change, so that a member who leaves does not cost the whole history. An end may also
    be that a full delivery did not name the record (``int_enrolment__end_absent``), which being named again undoes.
    """
    ends = "least(coalesce(applied_end_date, DATE '9999-12-31'), coalesce(lost_date, DATE '9999-12-31'))"
    return f"""
        SELECT scheme_code, insurer_number,
               CASE WHEN is_same THEN greatest(start_date, least(end_date, coalesce((
                        SELECT min(full_as_of_date) FROM ({_FULLS}) AS fulls
                        WHERE fulls.linkage_domain = records.linkage_domain
                              AND fulls.scheme_code = records.scheme_code
                              AND fulls.insurer_number = records.insurer_number
                              AND fulls.full_as_of_date > records.told_date), DATE '9999-12-31')))
                    ELSE start_date END AS first_month,
               last_month
        FROM (
            SELECT linkage_domain, scheme_code, insurer_number,
                   NOT bool_and(is_fresh) AND count(DISTINCT hash({_ENROLMENT_BODY})) = 1 AS is_same,
                   min(applied_start_date) AS start_date, min({ends}) AS end_date,
                   max(processed_date) FILTER (NOT is_fresh) AS told_date,
                   CASE WHEN bool_or(applied_end_date IS NULL) THEN NULL ELSE max(applied_end_date) END AS last_month
            FROM {versions}
            GROUP BY linkage_domain, record_key_tag, scheme_code, insurer_number
        ) AS records"""


def _certification_spans_sql(versions: str, is_fresh: str) -> str:
    """Spans of certification events, one row a version.

    An event that restates a period told before, as every change of address and every end does, says nothing of the
    months before its own date (``int_care_certification__resolve_intervals``). It was told before where an earlier
    event of the identity tells the same start, in a record that is the same with and without this batch.
    """
    return f"""
        WITH steady AS (
            SELECT linkage_domain, record_key_tag FROM raw.care_certification GROUP BY ALL
            HAVING count(*) = 1 AND NOT bool_or({is_fresh}) AND min(correction_code) <> '3'
        ), tellings AS (
            SELECT linkage_domain, identity_tag, insurer_number, certified_start_date, min(event_date) AS told_date
            FROM raw.care_certification SEMI JOIN steady USING (linkage_domain, record_key_tag)
            GROUP BY ALL
        )
        SELECT DISTINCT 'care' AS scheme_code, insurer_number,
               CASE WHEN told_date < event_date THEN event_date
                    ELSE least(certified_start_date, event_date) END AS first_month,
               NULL::DATE AS last_month
        FROM {versions}
        LEFT JOIN tellings USING (linkage_domain, identity_tag, insurer_number, certified_start_date)"""


_FULLS = (
    "SELECT DISTINCT linkage_domain, scheme_code, insurer_number, full_as_of_date FROM raw.enrolment "
    "WHERE full_as_of_date IS NOT NULL"
)
"""The full deliveries of 資格: of which insurer, of which day."""


def _full_spans_sql(fresh: str) -> str:
    """From the day of a full delivery on, the insurer's members that it does not name have ended."""
    return (
        "SELECT DISTINCT scheme_code, insurer_number, full_as_of_date AS first_month, NULL::DATE AS last_month "
        f"FROM {fresh} WHERE full_as_of_date IS NOT NULL"
    )


def _insert(connection: duckdb.DuckDBPyConnection, spans: str, table: str, reason: str, reference_month: date) -> None:
    connection.execute(
        f"""
        INSERT INTO control.change_partition
        WITH spans AS (
            SELECT DISTINCT scheme_code, insurer_number, date_trunc('month', first_month)::DATE AS first_month,
                   CASE WHEN last_month IS NULL
                        -- what stands was built to that month, though the parameter may have gone back since
                        THEN greatest($reference, (SELECT max(reference_month) FROM control.build))
                        ELSE date_trunc('month', last_month)::DATE END AS last_month
            FROM ({spans})
        ), months AS (
            SELECT DISTINCT scheme_code, insurer_number,
                   unnest(range(first_month, last_month + INTERVAL 1 MONTH, INTERVAL 1 MONTH))::DATE AS month
            FROM spans
        )
        SELECT scheme_code, insurer_number, month, $table, $reason FROM months
        EXCEPT
        SELECT scheme_code, insurer_number, month, table_name, reason FROM control.change_partition""",
        {"reference": reference_month, "table": table, "reason": reason},
    )


def children(table: str) -> list[str]:
    """Tables whose lines stand and fall with the rows of ``table``."""
    return [contract.name for contract in CONTRACTS.values() if contract.parent == table]


def add_landed(
    connection: duckdb.DuckDBPyConnection,
    tables: Iterable[str],
    linkage_domain: str,
    sequence: int,
    reference_month: date,
    reason: str = "landed",
) -> None:
    """Open the partitions of a batch in ``raw``, just landed or about to go, and of the other versions of its records.

    What lies between the states with and without the batch is the same in both directions.
    """
    is_fresh = f"(linkage_domain = '{linkage_domain}' AND batch_sequence = {sequence:d})"
    for name in tables:
        contract = CONTRACTS[name]
        fresh = f"(SELECT * FROM raw.{name} WHERE {is_fresh})"
        if contract.parent:
            _insert(connection, _spans_sql(contract, fresh), name, reason, reference_month)
            continue
        versions = (
            f"(SELECT *, {is_fresh} AS is_fresh FROM raw.{name} "
            f"SEMI JOIN {fresh} USING (linkage_domain, record_key_tag))"
        )
        if name == "enrolment":
            spans = _enrolment_spans_sql(versions)
        elif name == "care_certification":
            spans = _certification_spans_sql(versions, is_fresh)
        else:
            spans = _spans_sql(contract, versions)
        for table in (name, *children(name)):
            _insert(connection, spans, table, reason, reference_month)
        if name == "enrolment":
            _insert(connection, _full_spans_sql(fresh), name, reason, reference_month)


def add_statistics(
    connection: duckdb.DuckDBPyConnection,
    linkage_domain: str,
    sequence: int,
    reference_month: date,
    reason: str = "landed",
) -> None:
    """Open the fiscal years of which a batch of counts speaks, and of which any other version of its sources does.

    A version takes the place of another whole, so what the older one told and the newer one does not is touched too.
    """
    its = f"linkage_domain = '{linkage_domain}' AND batch_sequence = {sequence:d}"
    versions = (
        "(SELECT s.* FROM raw.statistic AS s JOIN raw.statistic_source AS o "
        "USING (linkage_domain, batch_sequence, source_file_id) SEMI JOIN "
        f"(SELECT linkage_domain, source_id, source_year FROM raw.statistic_source WHERE {its}) AS told "
        "ON told.linkage_domain = o.linkage_domain AND told.source_id = o.source_id "
        "AND told.source_year = o.source_year)"
    )
    _insert(connection, _counted_spans_sql(versions), "statistic", reason, reference_month)


def _counted_spans_sql(relation: str) -> str:
    """Scheme and period of counts; what rests on them is built anew by fiscal years."""
    return (
        "SELECT DISTINCT scheme_code, '' AS insurer_number, period AS first_month, period AS last_month "
        f"FROM {relation}"
    )


def add_relinked(connection: duckdb.DuckDBPyConnection, identities: str | None, reference_month: date) -> None:
    """Open the partitions of all facts of ``identities`` (relation of linkage_domain, identity_tag), or of everybody's
    where there is none."""
    whose = "WHERE identity_tag IS NOT NULL"
    if identities is not None:
        whose = f"SEMI JOIN {identities} USING (linkage_domain, identity_tag)"
    for contract in CONTRACTS.values():
        if not contract.has_identity():
            continue
        facts = f"(SELECT * FROM raw.{contract.name} {whose})"
        for table in (contract.name, *children(contract.name)):
            _insert(connection, _spans_sql(contract, facts), table, "relinked", reference_month)


def add_months(connection: duckdb.DuckDBPyConnection, after: date, reference_month: date) -> None:
    """Open every partition after ``after`` up to the month of reference, which has moved on."""
    for contract in CONTRACTS.values():
        spans = f"""
            SELECT scheme_code, insurer_number, greatest(first_month, $after + INTERVAL 1 MONTH) AS first_month,
                   least(coalesce(last_month, $reference), $reference) AS last_month
            FROM ({_spans_sql(contract, f"raw.{contract.name}")})
            WHERE coalesce(last_month, $reference) > $after"""
        spans = spans.replace("$after", f"DATE '{after.isoformat()}'")
        _insert(connection, spans, contract.name, "reference_month", reference_month)
    spans = f"SELECT * FROM ({_counted_spans_sql('raw.statistic')}) WHERE first_month > DATE '{after.isoformat()}'"
    _insert(connection, spans, "statistic", "reference_month", reference_month)
    # The year to date of a scheme goes on also where none of its insurers has anything in the new months.
    schemes = " UNION ".join(
        f"SELECT scheme_code FROM raw.{contract.name}"
        for contract in CONTRACTS.values()
        if contract.parent is None and "scheme_code" in contract.names()
    )
    spans = (
        "SELECT scheme_code, '' AS insurer_number, "
        f"DATE '{after.isoformat()}' + INTERVAL 1 MONTH AS first_month, NULL::DATE AS last_month FROM ({schemes})"
    )
    _insert(connection, spans, "", "reference_month", reference_month)


def is_empty(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether nothing has changed since the last finished build."""
    row = connection.execute(
        "SELECT NOT EXISTS (FROM control.change_partition) AND NOT EXISTS (FROM control.change_person)"
    ).fetchone()
    assert row is not None
    return bool(row[0]) and not is_rekeyed(connection)


def is_rekeyed(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether tags were replaced since the last finished build: every model holds some, so all are built anew."""
    return connection.execute("SELECT 1 FROM control.rekey WHERE NOT is_built LIMIT 1").fetchone() is not None


def close(connection: duckdb.DuckDBPyConnection, build_sequence: int) -> None:
    """Empty the change set after a finished build, keeping its summary."""
    connection.execute(
        """
        INSERT INTO control.change_history
        SELECT ?, table_name, reason, count(*), min(month), max(month), 0
        FROM control.change_partition GROUP BY table_name, reason
        UNION ALL
        SELECT ?, NULL, reason, 0, NULL, NULL, count(DISTINCT person_id) FROM control.change_person GROUP BY reason""",
        [build_sequence, build_sequence],
    )
    connection.execute("UPDATE control.rekey SET is_built = true WHERE NOT is_built")
    connection.execute("DELETE FROM control.change_partition")
    connection.execute("DELETE FROM control.change_person")
