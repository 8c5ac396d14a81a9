"""``tsumugi center results``: what ``published`` holds → one sealed batch a site, and the center's own file.

A site gets the rows of its own linkage domain from tables that speak of persons or count without
protection, and every row of the tables that are protected or describe. Results are taken only from a
finished build whose change set is closed, and sent only where the content differs from what was sent last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

from ingest import at_rest, faults, warehouse
from ingest.center import changes, edition
from ingest.center import release as let_go
from ingest.center.dispatch import Dispatch, Release, columns_of
from ingest.center.errors import CenterError
from ingest.center.home import one_step, open_warehouse
from ingest.center.link.rules import rules
from ingest.ledger import Ledger
from ingest.progress import ProgressCallback
from ingest.sealing.keys import KeyRing
from ingest.settings import CenterSettings, Settings
from ingest.statistics.columns import EVERYWHERE

VIEWER_CLASS = "operator"  # the center itself looks at statistics as an operator (seed viewer_classes)

# What leaves the warehouse is a closed list: a model more in `published` stays inside until it is named here.
DOMAIN_TABLES = (
    "person_enrolment",
    "person_month",
    "person_claim",
    "person_claim_disease",
    "person_checkup",
    "person_checkup_result",
    "person_care_month",
    "person_care_certification",
    "own_indicator",
    "own_edition_change",
)
SHARED_TABLES = (
    "statistics_indicator", "viewer_class", "area", "indicator", "disease_class", "coverage", "lineage",
    "reference_table", "statistics_source", "edition",
)  # fmt: skip
_OPERATOR_TABLES = {  # name in the published file: relation
    "indicator_statistics": "published.statistics_indicator SEMI JOIN "
    f"(FROM published.viewer_class WHERE viewer_class = '{VIEWER_CLASS}') USING (threshold, min_peers)",
    "area": "published.area",
    "indicator": "published.indicator",
    "disease_class": "published.disease_class",
    "coverage": "published.coverage",
    "lineage": "published.lineage",
    "reference_table": "published.reference_table",
    "statistics_source": "published.statistics_source",
    "edition": "published.edition",
}


def results(settings: Settings, progress: ProgressCallback) -> dict[str, Any]:
    """Seal the published content for every site and write the operator's statistics file.

    Returns counts of batches sealed, accepted and refused, and who released it (``limits``: it passed by
    itself). Raises CenterError where no build is finished, its change set is open or its release waits.
    """
    center = settings.the_center()
    ring = KeyRing(center)
    figures: dict[str, Any] = {"sealed": 0, "unchanged": 0, "accepted": 0, "refused": 0}
    with one_step(center), Ledger(center.ledger) as ledger, open_warehouse(center, ring) as connection:
        release = _release(connection, ledger, settings)
        figures["released_by"] = release.released_by
        # A sender of counts for the whole country has no insurers: nobody there looks at results.
        sites = [site for site in sorted(settings.sites) if settings.site(site).linkage_domain != EVERYWHERE]
        for place, site in enumerate(sites):
            progress("center results", place, len(sites))
            queries = _queries(connection, settings.site(site).linkage_domain)
            dispatch = Dispatch(settings, ring, ledger, connection, release, site, queries)
            for name, count in dispatch.settle().items():
                figures[name] += count
            figures["sealed" if dispatch.send() else "unchanged"] += 1
        _write_operator(center, ring, ledger, connection, release)
        progress("center results", len(sites), len(sites))
    return figures


def _release(connection: duckdb.DuckDBPyConnection, ledger: Ledger, settings: Settings) -> Release:
    last = connection.execute(
        "SELECT build_sequence, reference_month, state, project_hash FROM control.build "
        "ORDER BY build_sequence DESC LIMIT 1"
    ).fetchone()
    tables = frozenset(
        row[0]
        for row in connection.execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_catalog = 'warehouse' AND table_schema = 'published'"
        ).fetchall()
    )
    if last is None or not tables:
        raise CenterError("nothing is published yet; `tsumugi center build` does it")
    if last[2] != "finished" or not changes.is_empty(connection):
        raise CenterError("the last build is not finished or changes wait; `tsumugi center build` first")
    missing = sorted({*DOMAIN_TABLES, *SHARED_TABLES} - tables)
    if missing:
        raise CenterError(f"published has no table {', '.join(missing)}; build the whole project first")
    batches = connection.execute("SELECT manifest_hash FROM control.received_batch ORDER BY ALL").fetchall()
    inputs = repr((last[0], last[1], last[3], settings.is_synthetic, batches, edition.digest(connection)))
    released_by = let_go.require(connection, ledger)["released_by"]
    input_hash = hashlib.sha256(inputs.encode()).hexdigest()
    return Release(int(last[0]), last[1], settings.is_synthetic, input_hash, released_by)


def _queries(connection: duckdb.DuckDBPyConnection, domain: str) -> dict[str, str]:
    """Table in the batch -> query: own rows of the domain, all rows of what is shared, identities and their ties."""
    own = f"linkage_domain = '{domain}'"
    queries = {table: f"SELECT * FROM published.{table} WHERE {own}" for table in DOMAIN_TABLES}
    queries |= {table: f"SELECT * FROM published.{table}" for table in SHARED_TABLES}
    tagged = [table for table in DOMAIN_TABLES if "identity_tag" in columns_of(connection, f"published.{table}")]
    tags = " UNION ".join(f"SELECT identity_tag FROM published.{table} WHERE {own}" for table in tagged)
    queries["identity"] = (
        f"SELECT DISTINCT identity_tag, ciphertext, epoch FROM raw.identity SEMI JOIN ({tags}) USING (identity_tag) "
        f"WHERE {own}"
    )
    purposes = " ".join(f"WHEN '{rule.rule_id}' THEN '{' '.join(rule.purposes)}'" for rule in rules().rules)
    queries["person_tie"] = (
        f"SELECT one_tag, other_tag, pass_id, CASE pass_id {purposes} ELSE '' END AS purposes, strength, tie_rank "
        f"FROM link.person_tie WHERE {own}"
    )
    return queries


def _write_operator(
    center: CenterSettings,
    ring: KeyRing,
    ledger: Ledger,
    connection: duckdb.DuckDBPyConnection,
    release: Release,
) -> None:
    """``published/statistics/operator.duckdb``, replaced whole and only where its content differs."""
    path = center.published / "statistics" / f"{VIEWER_CLASS}.duckdb"
    note = f"published {VIEWER_CLASS}"
    written = (ledger.get_value(note) or "- -").split()
    is_whole = path.is_file() and warehouse.is_as_published(path)
    if is_whole and written[1] == release.input_hash:
        return
    queries = {name: f"SELECT * FROM {relation}" for name, relation in _OPERATOR_TABLES.items()}
    content = release.content_hash(connection, queries)
    if not is_whole or written[0] != content:
        _replace_file(path, ring.statistics_key(VIEWER_CLASS), connection, release)
    with ledger.transaction() as ledger_connection:
        ledger.set_value(ledger_connection, note, f"{content} {release.input_hash}")


def _replace_file(path: Path, key: bytes, connection: duckdb.DuckDBPyConnection, release: Release) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _remove(path.parent.glob(f"{temporary.name}*"))
    warehouse.attach(connection, temporary, key, alias="outgoing")
    try:
        for name, relation in _OPERATOR_TABLES.items():
            connection.execute(f"CREATE TABLE outgoing.{name} AS SELECT * FROM {relation} ORDER BY ALL")
        connection.execute("CREATE TABLE outgoing.about (key VARCHAR, value VARCHAR)")
        connection.executemany("INSERT INTO outgoing.about VALUES (?, ?)", [list(i) for i in release.about().items()])
        connection.execute("CHECKPOINT outgoing")
    finally:
        connection.execute("DETACH outgoing")
    faults.point("results.written")
    at_rest.put_published(temporary, path)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink()
