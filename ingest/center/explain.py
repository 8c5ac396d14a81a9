"""``tsumugi center explain``: why these identities are one person, in tags, passes and dates.

Nothing here opens an identity: the center has no key for it. ``site explain`` names the same persons at their site.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import polars as pl

from ingest.center.decisions import listed
from ingest.center.errors import CenterError
from ingest.center.home import open_warehouse
from ingest.center.link.rules import rules
from ingest.center.near import lives_of, near, rows_of
from ingest.formats.contracts import CONTRACTS
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings

ID_BYTES = 16
_OPEN = date(9999, 12, 31)
_KEY = "linkage_domain, identity_tag"


def explain(settings: Settings, asked: str) -> dict[str, Any]:
    """Everything that makes one person of the identities behind ``asked`` (person id, former id or tag, in hex).

    ``identities`` numbered by ``place``: tag, scheme and insurer, ``numbers`` with their dates, ``records`` by table
    with first and last month; ``ties`` that hold them together, ``weakest`` of them; ``tokens`` that they share;
    ``near`` other persons who share a token, with the reason why they are not this one; ``refused`` edges of the
    component by reason; ``former_ids`` with build and reason; ``decisions`` that name one of the identities.
    Raises CenterError where nobody is found.
    """
    wanted = _bytes_of(asked)
    center = settings.the_center()
    if not center.warehouse.is_file():
        raise CenterError("no batch has been received yet; `tsumugi center receive`, then `tsumugi center link`")
    with open_warehouse(center, KeyRing(center), read_only=True) as connection:
        domain, person = _find(connection, wanted)
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE told AS SELECT {_KEY} FROM link.identity_person "
            "WHERE linkage_domain = ? AND person_id = ?",
            [domain, person],
        )
        identities = _identities(connection)
        places = {identity["identity_tag"]: identity["place"] for identity in identities}
        ties = _ties(connection, person, places)
        return {
            "person_id": person.hex(),
            "linkage_domain": domain,
            "is_provisional": _one(connection, "SELECT bool_or(is_provisional) FROM link.identity_person "
                                   "SEMI JOIN temp.told USING (linkage_domain, identity_tag)"),
            "former_ids": _former(connection, person),
            "identities": identities,
            "ties": ties,
            "weakest": max(ties, key=lambda tie: tie["tie_rank"], default=None),
            "tokens": _tokens(connection, places),
            "near": near(connection, person),
            "refused": rows_of(
                connection,
                "SELECT reason_code, pass_id, sum(edges)::BIGINT AS edges FROM link.refused_component SEMI JOIN ("
                "SELECT linkage_domain, component_tag FROM link.node SEMI JOIN temp.told USING "
                "(linkage_domain, identity_tag)) USING (linkage_domain, component_tag) GROUP BY ALL ORDER BY ALL",
            ),
            "decisions": [
                decision
                for decision in listed(connection)
                if decision["linkage_domain"] == domain and {decision["one_tag"], decision["other_tag"]} & set(places)
            ],
        }  # fmt: skip


def _bytes_of(asked: str) -> bytes:
    try:
        wanted = bytes.fromhex(asked.strip())
    except ValueError:
        wanted = b""
    if len(wanted) != ID_BYTES:
        raise CenterError("an id of a person, or a tag of an identity, has 32 hexadecimal digits")
    return wanted


def _find(connection: duckdb.DuckDBPyConnection, wanted: bytes) -> tuple[str, bytes]:
    """Linkage domain and id of the person that an id, a former id or a tag leads to."""
    seen = {wanted}
    while True:
        found = connection.execute(
            "SELECT DISTINCT linkage_domain, person_id FROM link.identity_person "
            "WHERE person_id = $1 OR identity_tag = $1 ORDER BY ALL",
            [wanted],
        ).fetchone()
        if found is not None:
            return str(found[0]), bytes(found[1])
        later = connection.execute(
            "SELECT new_person_id FROM link.alias WHERE old_person_id = ? ORDER BY build_sequence DESC, 1", [wanted]
        ).fetchone()
        if later is None or bytes(later[0]) in seen:
            raise CenterError(
                "nobody here has this id; `tsumugi center review` and `tsumugi site explain` show ids and tags"
            )
        wanted = bytes(later[0])
        seen.add(wanted)


def _identities(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    known = rows_of(
        connection,
        f"SELECT lower(hex(identity_tag)) AS identity_tag, min(scheme_code) AS scheme_code, "
        f"min(insurer_number) AS insurer_number FROM raw.identity SEMI JOIN temp.told USING ({_KEY}) "
        "GROUP BY linkage_domain, identity_tag",
    )
    records = _records(connection)
    numbers: dict[str, list[dict[str, Any]]] = {}
    lives = lives_of(connection, "temp.told").select(
        "identity_tag", pl.coalesce("number_tag", "number_birth_tag").alias("number_tag"), "start_date", "end_date"
    )
    for tag, number, start, end in lives.unique().sort("start_date", "number_tag").iter_rows():
        numbers.setdefault(tag.hex(), []).append(
            {
                "number_tag": number.hex() if number else None,
                "start_date": start,
                "end_date": None if end == _OPEN else end,
            }
        )
    for identity in known:
        tag = identity["identity_tag"]
        identity["numbers"] = numbers.get(tag, [])
        identity["records"] = records.get(tag, [])
    known.sort(key=lambda one: (_first_seen(one), one["identity_tag"]))
    return [{"place": place} | identity for place, identity in enumerate(known, start=1)]


def _first_seen(identity: dict[str, Any]) -> date:
    """The earliest date of an identity; those that no record speaks of come last."""
    starts = [number["start_date"] for number in identity["numbers"]]
    return min([*starts, *(record["first_month"] for record in identity["records"])], default=_OPEN)


def _records(connection: duckdb.DuckDBPyConnection) -> dict[str, list[dict[str, Any]]]:
    """Rows by table with first and last month, by identity."""
    parts = []
    for contract in CONTRACTS.values():
        if not contract.has_identity():
            continue
        month = {"enrolment": "applied_start_date", "care_certification": "event_date"}.get(
            contract.name, contract.partition_month
        )
        parts.append(
            f"SELECT identity_tag, '{contract.name}' AS table_name, count(*) AS row_count, "
            f"date_trunc('month', min({month}))::DATE AS first_month, "
            f"date_trunc('month', max({month}))::DATE AS last_month FROM raw.{contract.name} "
            f"SEMI JOIN temp.told USING ({_KEY}) GROUP BY identity_tag"
        )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows_of(connection, " UNION ALL ".join(parts) + " ORDER BY table_name"):
        found.setdefault(row.pop("identity_tag").hex(), []).append(row)
    return found


def _ties(connection: duckdb.DuckDBPyConnection, person: bytes, places: dict[str, int]) -> list[dict[str, Any]]:
    found = rows_of(
        connection,
        "SELECT one_tag, other_tag, pass_id, strength, tie_rank FROM link.person_tie WHERE person_id = ? ORDER BY ALL",
        [person],
    )
    purposes = {rule.rule_id: list(rule.purposes) for rule in rules().rules}
    for tie in found:
        tie["purposes"] = purposes.get(tie["pass_id"], [])
        tie |= {"one": places[tie.pop("one_tag").hex()], "other": places[tie.pop("other_tag").hex()]}
    return sorted(found, key=lambda tie: (tie["tie_rank"], tie["one"], tie["other"]))


def _tokens(connection: duckdb.DuckDBPyConnection, places: dict[str, int]) -> list[dict[str, Any]]:
    """Tokens that two or more identities of the person carry: purpose, passes, tag, places of the identities."""
    found = rows_of(
        connection,
        f"SELECT purpose, list(DISTINCT pass_id ORDER BY pass_id) AS passes, lower(hex(pass_tag)) AS token_tag, "
        f"list(DISTINCT lower(hex(identity_tag))) AS tags FROM link.incidence SEMI JOIN temp.told USING ({_KEY}) "
        "GROUP BY purpose, pass_tag HAVING count(DISTINCT identity_tag) > 1 ORDER BY purpose, token_tag",
    )
    for token in found:
        token["identities"] = sorted(places[tag] for tag in token.pop("tags"))
    return found


def _former(connection: duckdb.DuckDBPyConnection, person: bytes) -> list[dict[str, Any]]:
    """Ids that led to this one, at whatever remove: old id, build, month of reference, reason."""
    return rows_of(
        connection,
        """
        WITH RECURSIVE led AS (
            SELECT * FROM link.alias WHERE new_person_id = ?
            UNION SELECT alias.* FROM link.alias AS alias JOIN led ON alias.new_person_id = led.old_person_id
        )
        SELECT lower(hex(old_person_id)) AS person_id, build_sequence, reference_month, reason FROM led
        ORDER BY build_sequence, person_id""",
        [person],
    )


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    found = connection.execute(sql).fetchone()
    return found[0] if found else None
