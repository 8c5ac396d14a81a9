"""What linkage is a function of, as frames: whoever has no warehouse (the evaluation) calls ``link_records``.

``relink`` (``state.py``) takes the same frames out of the warehouse, a part of them at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import polars as pl

from ingest import warehouse
from ingest.center.link.components import Solved, numbered, solve
from ingest.center.link.decisions import nothing_decided
from ingest.center.link.guards import LIVE_SCHEMA, NODE_SCHEMA
from ingest.center.link.person_id import ANCHOR_SCHEMA, name_persons
from ingest.center.link.rules import Rules
from ingest.center.link.tags import INCIDENCE_SCHEMA, tokens
from ingest.settings import PROJECT_ROOT

_KEY = ["linkage_domain", "identity_tag"]
# The latest version of a record by its version key (content, never arrival); bytes break ties.
_LIVES = """
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
        FROM {numbers}
    ), loss AS (
        SELECT scheme_code, lost_reason_code FROM (VALUES {deaths}) AS told(scheme_code, lost_reason_code)
    ), care AS (  -- one span a care number: from its first event to the end its last event names
        SELECT linkage_domain, number_tag,
               min(coalesce(insured_start_date, certified_start_date, event_date)) AS start_date,
               arg_max(coalesce(insured_end_date, CASE WHEN event_code = '3' THEN event_date END,
                                DATE '9999-12-31'),
                       (event_date, corrected_date, event_code, event_reason_code)) AS end_date
        FROM certification JOIN number USING (linkage_domain, identity_tag)
        GROUP BY linkage_domain, number_tag
    ), live AS (
        SELECT linkage_domain, identity_tag, enrolment.scheme_code, applied_start_date AS start_date,
               least(coalesce(applied_end_date, DATE '9999-12-31'), coalesce(lost_date, DATE '9999-12-31')) AS end_date,
               loss.scheme_code IS NOT NULL AS is_death
        FROM enrolment LEFT JOIN loss USING (scheme_code, lost_reason_code)
        UNION
        SELECT linkage_domain, identity_tag, 'care', start_date, end_date, false
        FROM (SELECT DISTINCT linkage_domain, identity_tag FROM certification)
        JOIN number USING (linkage_domain, identity_tag) JOIN care USING (linkage_domain, number_tag)
    )
    """
_OF_NUMBERS = """
    SELECT {who}, scheme_code, start_date, end_date, is_death, number_tag, number_birth_tag, name_tag
    FROM live JOIN number USING (linkage_domain, identity_tag) WHERE end_date > start_date"""
_SPANS = """
    SELECT linkage_domain, identity_tag, scheme_code, start_date, end_date, is_death
    FROM live WHERE end_date > start_date AND identity_tag IS NOT NULL"""

NUMBER_PASSES = ("number", "number_birth", "name")
"""The passes whose tokens say which number it is that an identity names, and whether it is another's of that number."""
_NUMBERS = f"""(
    SELECT linkage_domain, identity_tag,
           {", ".join(f"min(pass_tag) FILTER (pass_id = '{name}') AS {name}_tag" for name in NUMBER_PASSES)}
    FROM {{incidence}} WHERE pass_id IN {NUMBER_PASSES} GROUP BY linkage_domain, identity_tag)"""

_ANCHORS = """
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


def lives_sql(enrolment: str, care_certification: str, numbers: str, who: str = "linkage_domain, identity_tag") -> str:
    """The numbers in force (``LIVE_SCHEMA``) told by these relations; ``numbers`` as by ``numbers_sql``, ``who`` other
    columns of it to say whose they are."""
    return _live_sql(enrolment, care_certification, numbers) + _OF_NUMBERS.format(who=who)


def spans_sql(enrolment: str, care_certification: str, numbers: str) -> str:
    """The same without the tags of the numbers; ``numbers`` (linkage_domain, identity_tag, number_tag) need hold only
    those whom ``care_certification`` names."""
    return _live_sql(enrolment, care_certification, numbers) + _SPANS


def _live_sql(enrolment: str, care_certification: str, numbers: str) -> str:
    deaths = ", ".join(f"('{scheme}', '{code}')" for scheme, code in death_codes())
    return _LIVES.format(enrolment=enrolment, care_certification=care_certification, numbers=numbers, deaths=deaths)


def numbers_sql(incidence: str) -> str:
    """Of each identity the tokens that say which number it names (linkage_domain, identity_tag, number_tag,
    number_birth_tag, name_tag), told by this relation."""
    return _NUMBERS.format(incidence=incidence)


def anchors_sql(enrolment: str, care_certification: str) -> str:
    """When each identity's records begin (``ANCHOR_SCHEMA``), told by these relations."""
    return _ANCHORS.format(enrolment=enrolment, care_certification=care_certification)


@cache
def death_codes() -> tuple[tuple[str, str], ...]:
    """Scheme and code of 喪失事由 that say death (seed ``enrolment_reasons``); 国保組合 uses those of 国保."""
    seed = pl.read_csv(PROJECT_ROOT / "seeds" / "enrolment_reasons.csv", infer_schema=False)
    found = seed.filter(side="lost", change_code="death").select("scheme_code", "reason_code").rows()
    return (*found, *(("kumiai", code) for scheme, code in found if scheme == "kokuho"))


def records_of(
    identity: pl.DataFrame, identity_pass: pl.DataFrame, enrolment: pl.DataFrame, care_certification: pl.DataFrame
) -> Records:
    """The records behind sealed tables, each with its ``linkage_domain``, as they stand in ``raw`` at the center.

    An identity may come more than once, each time with passes; every version of an enrolment and certification counts.
    """
    nodes = identity.group_by(_KEY).agg(pl.col("sex_code", "birth_month").min(), pl.len())
    incidences = _each_once(identity_pass.select(INCIDENCE_SCHEMA.keys()), nodes.filter(pl.col("len") > 1))
    insured = pl.concat([enrolment.select(_KEY), care_certification.select(_KEY)]).unique()
    numbers = incidences.filter(pl.col("pass_id").is_in(NUMBER_PASSES)).join(insured, on=_KEY, how="semi")
    connection = warehouse.connect()
    try:
        told = {"enrolment": enrolment, "care_certification": care_certification, "incidence": numbers}
        for name, frame in told.items():
            connection.register(f"told_{name}", frame.to_arrow())
        sql = lives_sql("told_enrolment", "told_care_certification", numbers_sql("told_incidence"))
        lives = connection.execute(sql).pl()
        anchors = connection.execute(anchors_sql("told_enrolment", "told_care_certification")).pl()
    finally:
        connection.close()
    return Records(
        nodes.select(NODE_SCHEMA.keys()).cast(NODE_SCHEMA),  # type: ignore[arg-type]
        incidences.cast(INCIDENCE_SCHEMA),  # type: ignore[arg-type]
        lives.cast(LIVE_SCHEMA),  # type: ignore[arg-type]
        anchors.cast(ANCHOR_SCHEMA),  # type: ignore[arg-type]
    )


def _each_once(passes: pl.DataFrame, several: pl.DataFrame) -> pl.DataFrame:
    """Passes without repetition: only the identities that came ``several`` times may have one twice."""
    if several.is_empty():
        return passes
    again = passes.join(several, on=_KEY, how="semi").unique()
    return pl.concat([passes.join(several, on=_KEY, how="anti"), again])


def link_records(records: Records, rules: Rules, link_key: bytes) -> Linked:
    """Group the identities of ``records`` into persons and name them; neither order of rows nor of calls matters."""
    nodes = numbered(records.nodes)
    number = nodes.select("linkage_domain", "identity_tag", "node")
    purposes = rules.purposes()
    tied = records.incidences.filter(pl.col("purpose").is_in(purposes)).join(
        number, on=["linkage_domain", "identity_tag"]
    )
    told = tied.select("purpose", "node", "pass_tag").unique()
    found = {str(purpose): tokens(of["node"], of["pass_tag"]) for (purpose,), of in told.group_by("purpose")}
    lives = records.lives.join(number, on=["linkage_domain", "identity_tag"])
    solved = solve(nodes, found, lives, rules, records.decisions)
    anchors = records.anchors.join(number, on=["linkage_domain", "identity_tag"])
    return Linked(name_persons(nodes, solved.person, anchors, link_key), solved)
