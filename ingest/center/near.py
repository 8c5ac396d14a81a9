"""Who is near a person and yet another: persons that share a token or a decision with it, and why they are not one."""

from __future__ import annotations

from typing import Any

import duckdb
import polars as pl

from ingest.center.link.between import objections
from ingest.center.link.decisions import DECISION_SCHEMA
from ingest.center.link.guards import LIVE_SCHEMA
from ingest.center.link.records import lives_sql, numbers_sql

TOO_FEW = "too_few_tokens"  # no guard objects, but no rule is met either
NEAREST = 20  # so many other persons are looked at
_KEY = "linkage_domain, identity_tag"


def near(connection: duckdb.DuckDBPyConnection, person: bytes) -> list[dict[str, Any]]:
    """Other persons who share a token with this one: person_id, tags, passes shared, reason_code."""
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE near AS
        SELECT linkage_domain, identity_tag, person_id FROM link.identity_person SEMI JOIN (
            SELECT DISTINCT linkage_domain, person_id FROM link.identity_person JOIN (
                SELECT {_KEY} FROM link.incidence SEMI JOIN (
                    SELECT linkage_domain, purpose, pass_tag FROM link.incidence SEMI JOIN temp.told USING ({_KEY})
                ) USING (linkage_domain, purpose, pass_tag)
                UNION SELECT linkage_domain, other_tag FROM link.decision
                SEMI JOIN temp.told ON told.linkage_domain = decision.linkage_domain AND identity_tag = one_tag
                UNION SELECT linkage_domain, one_tag FROM link.decision
                SEMI JOIN temp.told ON told.linkage_domain = decision.linkage_domain AND identity_tag = other_tag
            ) USING ({_KEY}) WHERE person_id <> ? ORDER BY ALL LIMIT {NEAREST}
        ) USING (linkage_domain, person_id)""",
        [person],
    )
    shared = dict(
        connection.execute(
            f"""
            SELECT person_id, list(DISTINCT pass_id ORDER BY pass_id) FROM link.incidence
            JOIN temp.near USING ({_KEY}) SEMI JOIN (
                SELECT linkage_domain, purpose, pass_tag FROM link.incidence SEMI JOIN temp.told USING ({_KEY})
            ) USING (linkage_domain, purpose, pass_tag) GROUP BY person_id"""
        ).fetchall()
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE around AS SELECT {_KEY}, person_id FROM temp.near "
        f"UNION ALL SELECT {_KEY}, ? FROM temp.told",
        [person],
    )
    why = _objections(connection, person)
    tags: dict[bytes, list[str]] = {}
    for tag, other in connection.execute("SELECT identity_tag, person_id FROM temp.near ORDER BY ALL").fetchall():
        tags.setdefault(other, []).append(tag.hex())
    return [
        {
            "person_id": other.hex(),
            "identity_tags": tags[other],
            "passes": shared.get(other, []),
            "reason_code": why[other] or TOO_FEW,
        }
        for other in sorted(tags)
    ]


def _objections(connection: duckdb.DuckDBPyConnection, person: bytes) -> dict[bytes, str | None]:
    """What speaks against each of the persons in ``temp.around`` being this one."""
    nodes = connection.execute(
        f"SELECT {_KEY}, sex_code, birth_month, person_id FROM link.node JOIN temp.around USING ({_KEY})"
    ).pl()
    apart = connection.execute(
        f"SELECT * FROM link.decision WHERE kind = 'apart' AND (linkage_domain, one_tag) IN "
        f"(SELECT {_KEY} FROM temp.around) AND (linkage_domain, other_tag) IN (SELECT {_KEY} FROM temp.around)"
    ).pl()
    return objections(nodes, lives_of(connection, "temp.around"), apart.cast(DECISION_SCHEMA), person)  # type: ignore[arg-type]


def lives_of(connection: duckdb.DuckDBPyConnection, identities: str) -> pl.DataFrame:
    """Numbers in force (``LIVE_SCHEMA``) of the identities in a relation, by the last versions of their records."""
    versions = {
        name: f"(SELECT * FROM raw.{name} SEMI JOIN (SELECT linkage_domain, record_key_tag FROM raw.{name} "
        f"SEMI JOIN {identities} USING ({_KEY})) USING (linkage_domain, record_key_tag))"
        for name in ("enrolment", "care_certification")
    }
    incidence = f"(SELECT * FROM link.incidence SEMI JOIN {identities} USING ({_KEY}))"
    found = connection.execute(f"{lives_sql(**versions, numbers=numbers_sql(incidence))} ORDER BY ALL").pl()
    return found.cast(LIVE_SCHEMA)  # type: ignore[arg-type]


def rows_of(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[object] | None = None
) -> list[dict[str, Any]]:
    """What a query gives, row by row, by name."""
    found = connection.execute(sql, parameters or [])
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
