"""What linkage is a function of, as frames: whoever has no warehouse (the evaluation) calls ``link_records``.

``relink`` (``state.py``) takes the same frames out of the warehouse, a part of them at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from ingest import warehouse
from ingest.center.link.components import Solved, solve
from ingest.center.link.decisions import nothing_decided
from ingest.center.link.edges import INCIDENCE_SCHEMA
from ingest.center.link.guards import LIVE_SCHEMA, NODE_SCHEMA
from ingest.center.link.person_id import ANCHOR_SCHEMA, name_persons
from ingest.center.link.rules import Rules

# The latest version of a record by its version key (content, never arrival); bytes break ties.
LIVES_SQL = """
    WITH enrolment AS (
        SELECT * FROM (
            SELECT *, row_number() OVER (
                PARTITION BY linkage_domain, record_key_tag
                ORDER BY processed_date DESC, record_number DESC, source_file_id DESC, source_row DESC) AS place
            FROM {enrolment}
        ) WHERE place = 1 AND NOT is_deleted
    ), certification AS (
        SELECT * FROM (
            SELECT *, row_number() OVER (
                PARTITION BY linkage_domain, record_key_tag
                ORDER BY corrected_date DESC, correction_code DESC, source_file_id DESC, source_row DESC) AS place
            FROM {care_certification}
        ) WHERE place = 1 AND correction_code <> '3'
    ), number AS (
        SELECT linkage_domain, identity_tag,
               min(pass_tag) FILTER (pass_id = 'number') AS number_tag,
               min(pass_tag) FILTER (pass_id = 'number_birth') AS number_birth_tag
        FROM {incidence}
        GROUP BY linkage_domain, identity_tag
    ), care AS (  -- one span a care number: from its first event to the end its last event names
        SELECT linkage_domain, number_tag,
               min(coalesce(insured_start_date, certified_start_date, event_date)) AS start_date,
               arg_max(coalesce(insured_end_date, CASE WHEN event_code = '3' THEN event_date END,
                                DATE '9999-12-31'),
                       (event_date, corrected_date, event_code, event_reason_code)) AS end_date
        FROM certification JOIN number USING (linkage_domain, identity_tag)
        GROUP BY linkage_domain, number_tag
    ), live AS (
        SELECT linkage_domain, identity_tag, scheme_code, applied_start_date AS start_date,
               least(coalesce(applied_end_date, DATE '9999-12-31'), coalesce(lost_date, DATE '9999-12-31')) AS end_date,
               number_tag, number_birth_tag
        FROM enrolment JOIN number USING (linkage_domain, identity_tag)
        UNION
        SELECT linkage_domain, identity_tag, 'care', start_date, end_date, number_tag, number_birth_tag
        FROM (SELECT DISTINCT linkage_domain, identity_tag FROM certification)
        JOIN number USING (linkage_domain, identity_tag) JOIN care USING (linkage_domain, number_tag)
    )
    SELECT linkage_domain, identity_tag, scheme_code, start_date, end_date, number_tag, number_birth_tag
    FROM live WHERE end_date > start_date"""

ANCHORS_SQL = """
    SELECT linkage_domain, identity_tag, applied_start_date AS start_date FROM {enrolment}
    UNION ALL
    SELECT linkage_domain, identity_tag, coalesce(certified_start_date, event_date) FROM {care_certification}"""


@dataclass(frozen=True)
class Records:
    """Frames in ``NODE_SCHEMA``, ``INCIDENCE_SCHEMA``, ``LIVE_SCHEMA``, ``ANCHOR_SCHEMA``, ``DECISION_SCHEMA``."""

    nodes: pl.DataFrame
    incidences: pl.DataFrame
    lives: pl.DataFrame
    anchors: pl.DataFrame
    decisions: pl.DataFrame = field(default_factory=nothing_decided)


@dataclass(frozen=True)
class Linked:
    """``persons`` (``IDENTITY_PERSON_SCHEMA``, one row an identity) and what was solved (see ``Solved``)."""

    persons: pl.DataFrame
    solved: Solved


def records_of(
    identity: pl.DataFrame, identity_pass: pl.DataFrame, enrolment: pl.DataFrame, care_certification: pl.DataFrame
) -> Records:
    """The records behind sealed tables, each with its ``linkage_domain``, as they stand in ``raw`` at the center.

    Identities and passes may come more than once; every version of an enrolment and certification counts.
    """
    connection = warehouse.connect()
    try:
        for name, frame in (("enrolment", enrolment), ("care_certification", care_certification)):
            connection.register(f"told_{name}", frame.to_arrow())
        nodes = identity.group_by("linkage_domain", "identity_tag").agg(pl.col("sex_code", "birth_month").min())
        incidences = identity_pass.select(INCIDENCE_SCHEMA.keys()).unique()
        connection.register("told_incidence", incidences.to_arrow())
        told = {"enrolment": "told_enrolment", "care_certification": "told_care_certification"}
        lives = connection.execute(LIVES_SQL.format(incidence="told_incidence", **told)).pl()
        anchors = connection.execute(ANCHORS_SQL.format(**told)).pl()
    finally:
        connection.close()
    return Records(
        nodes.select(NODE_SCHEMA.keys()).cast(NODE_SCHEMA),  # type: ignore[arg-type]
        incidences.cast(INCIDENCE_SCHEMA),  # type: ignore[arg-type]
        lives.cast(LIVE_SCHEMA),  # type: ignore[arg-type]
        anchors.cast(ANCHOR_SCHEMA),  # type: ignore[arg-type]
    )


def link_records(records: Records, rules: Rules, link_key: bytes) -> Linked:
    """Group the identities of ``records`` into persons and name them; neither order of rows nor of calls matters."""
    solved = solve(records.nodes, records.incidences, records.lives, rules, records.decisions)
    return Linked(name_persons(solved.persons, records.anchors, link_key), solved)
