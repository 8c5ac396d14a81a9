"""Linkage kept in the warehouse: solve anew what a load touched, write what changed.

Where rules are new, and at first, that is everything: then nobody is looked for and every table written whole. Both
roads end in the same tables. Everything here happens inside one transaction of the caller, so that a kill leaves the
state of before and the next run repeats it.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import duckdb

from ingest.center.link import part, reach, rewritten, whole, written
from ingest.center.link.components import RULES_VERSION, candidates, group
from ingest.center.link.given import Given
from ingest.center.link.guards import LIMITS_FILE, carriers
from ingest.center.link.keys import Bundles
from ingest.center.link.person_id import name_persons
from ingest.center.link.records import death_codes
from ingest.center.link.rules import Rules
from ingest.center.link.tags import Nodes
from ingest.center.link.written import Named


def relink(
    connection: duckdb.DuckDBPyConnection,
    name_key: bytes,
    tag_key: bytes,
    rules: Rules,
    reference_month: date,
    build_sequence: int,
) -> dict[str, Any]:
    """Bring ``link.*`` up to the records in ``raw.*`` and open the change set of what moved.

    ``name_key`` is the link key that persons are named by, ``tag_key`` the one in use, which opens first tags. Returns
    figures (counts only). Decisions are those of ``link.decision``; whoever changes it names the identities of the
    changed pairs in ``control.decided_identity``.
    """
    followed = _rules_hash(rules)
    is_whole = connection.execute("SELECT rules_hash FROM control.link_rules").fetchone() != (followed,)
    named = (_of_everything if is_whole else _of_a_load)(connection, name_key, tag_key, rules)
    keep = rewritten.write if is_whole else written.write
    figures = keep(connection, named, reference_month, build_sequence)
    connection.execute("DELETE FROM control.link_rules")
    connection.execute("INSERT INTO control.link_rules VALUES (?)", [followed])
    connection.execute("UPDATE control.received_batch SET is_linked = true WHERE NOT is_linked")
    connection.execute("DELETE FROM control.decided_identity")
    connection.execute("DELETE FROM control.retracted_identity")
    reach.drop(connection)
    return figures


def _of_everything(connection: duckdb.DuckDBPyConnection, name_key: bytes, tag_key: bytes, rules: Rules) -> Named:
    """Everything solved; while groups are made, by one thread, DuckDB takes the tokens in."""
    told = whole.Whole(connection, rules, tag_key)
    found, named = _candidates(told.given, rules)
    with ThreadPoolExecutor(max_workers=1) as aside:
        kept = aside.submit(told.keep, connection)
        persons = _persons(told.given, found, named, name_key, rules)
        kept.result()
    return persons


def _of_a_load(connection: duckdb.DuckDBPyConnection, name_key: bytes, tag_key: bytes, rules: Rules) -> Named:
    """What a load touches, solved."""
    reach.find_affected(connection, rules)
    given = part.read(connection, rules, tag_key)
    return _persons(given, *_candidates(given, rules), name_key, rules)


def _candidates(given: Given, rules: Rules) -> tuple[Bundles, dict[str, Nodes]]:
    """Who may be one person, and who carries which tokens; their tags are forgotten, as nobody asks for them again."""
    found = candidates(given.nodes, given.tokens, given.lives, rules)
    named = carriers(given.tokens)
    given.tokens.clear()
    return found, named


def _persons(given: Given, found: Bundles, named: dict[str, Nodes], name_key: bytes, rules: Rules) -> Named:
    solved = group(given.nodes, found, named, given.lives, rules, given.decisions)
    return Named.of(solved, name_persons(given.nodes, solved.person, given.anchors, name_key), given.nodes)


def _rules_hash(rules: Rules) -> str:
    """What the groups depend on besides records and decisions; when it changes, everything is solved anew."""
    parts = (RULES_VERSION, rules.table_hash, LIMITS_FILE.read_text("utf-8"), repr(death_codes()))
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
