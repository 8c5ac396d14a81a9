"""From forms to what the linker takes: tokens by the site's own tokeniser, records by the center's own rules."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import polars as pl

from ingest.center.link.edges import INCIDENCE_SCHEMA
from ingest.center.link.guards import LIVE_SCHEMA, NODE_SCHEMA
from ingest.center.link.person_id import ANCHOR_SCHEMA
from ingest.center.link.state import ANCHORS_SQL, LIVES_SQL
from ingest.evaluation.forms import TRUTH
from ingest.formats.contracts import CONTRACTS
from ingest.identity.evidence import IDENTITY_FIELDS, SEPARATOR
from ingest.identity.passes import most_sharers
from ingest.identity.tokens import Tokeniser
from ingest.progress import ProgressCallback
from ingest.sealing.keys import derive

PERSONS_AT_A_TIME = 100_000
REGISTERS = ("enrolment", "care_certification")
UNIT_SCHEMA: dict[str, pl.DataType] = {
    "linkage_domain": pl.String(),
    "identity_tag": pl.Binary(),
    "person": pl.Int64(),
    "rows": pl.Int64(),
    "is_register": pl.Boolean(),
}
"""Who is behind an identity: one row a person and identity, with the records that say it."""


@dataclass(frozen=True)
class Identities:
    """What the linker takes (``nodes``, ``incidences``, ``lives``, ``anchors``) and what is true (``units``:
    ``UNIT_SCHEMA`` and the fields of the identity's text)."""

    nodes: pl.DataFrame
    incidences: pl.DataFrame
    lives: pl.DataFrame
    anchors: pl.DataFrame
    units: pl.DataFrame


def tokenise(forms: dict[str, pl.DataFrame], key: bytes, tell: ProgressCallback) -> Identities:
    """Tokenise the forms of every site under a key of its own, made of ``key``; each distinct form once."""
    sites = sorted(set().union(*(frame["site"].unique().to_list() for frame in forms.values())))
    parts: list[Identities] = []
    for site in sites:
        own = {table: frame.filter(pl.col("site") == site) for table, frame in forms.items()}
        parts.append(_of_site(site, own, Tokeniser(derive(key, f"site {site}"), 1), tell))
    return Identities(
        *(pl.concat([getattr(part, name) for part in parts]) for name in Identities.__dataclass_fields__)
    )


def _of_site(site: str, forms: dict[str, pl.DataFrame], tokeniser: Tokeniser, tell: ProgressCallback) -> Identities:
    last = max(int(frame["person"].max() or 0) for frame in forms.values())  # type: ignore[arg-type]
    nodes, passes, units = [], [], []
    registers: dict[str, list[pl.DataFrame]] = {table: [] for table in REGISTERS}
    steps = last // PERSONS_AT_A_TIME + 1
    for step in range(steps):
        tell(f"tokenise {site}", step, steps)
        low = step * PERSONS_AT_A_TIME
        chunk = {
            table: frame.filter(pl.col("person").is_between(low, low + PERSONS_AT_A_TIME, closed="left"))
            for table, frame in forms.items()
        }
        sealed = tokeniser.seal_tables({table: frame.drop(*TRUTH) for table, frame in chunk.items()}, site)
        nodes.append(sealed.identity.select("identity_tag", "sex_code", "birth_month"))
        passes.append(sealed.identity_pass)
        units.append(_units(chunk, sealed.tables, sealed.people))
        for table in REGISTERS:
            registers[table].append(sealed.tables[table].select(_REGISTER_COLUMNS[table]))
    domain = pl.lit(site).alias("linkage_domain")
    node = pl.concat(nodes).unique("identity_tag").with_columns(domain).select(NODE_SCHEMA.keys())
    incidence = _without_shared(pl.concat(passes).unique(), node.height).with_columns(domain)
    incidence = incidence.select(INCIDENCE_SCHEMA.keys())
    whole = {table: pl.concat(rows).with_columns(domain) for table, rows in registers.items()}
    lives, anchors = _records(whole, incidence, node)
    unit = pl.concat(units).with_columns(domain)
    return Identities(node, incidence, lives, anchors, unit)


_REGISTER_COLUMNS = {
    "enrolment": [
        "source_row", "record_key_tag", "identity_tag", "scheme_code", "applied_start_date", "applied_end_date",
        "lost_date", "is_deleted", "processed_date", "record_number",
    ],
    "care_certification": [
        "source_row", "record_key_tag", "identity_tag", "insured_start_date", "insured_end_date",
        "certified_start_date", "event_date", "event_code", "event_reason_code", "corrected_date", "correction_code",
    ],
}  # fmt: skip


def _units(
    chunk: dict[str, pl.DataFrame], sealed: dict[str, pl.DataFrame], people: pl.DataFrame
) -> pl.DataFrame:
    said = pl.concat(
        frame.select("person", "rows").with_columns(
            sealed[table]["identity_tag"], is_register=pl.lit(CONTRACTS[table].stream == "enrolment")
        )
        for table, frame in chunk.items()
    )
    units = said.group_by("identity_tag", "person").agg(pl.col("rows").sum(), pl.col("is_register").any())
    texts = people.select("identity_tag", "identity_text").unique("identity_tag")
    fields = pl.col("identity_text").str.split_exact(SEPARATOR, len(IDENTITY_FIELDS) - 1)
    named = texts.with_columns(fields.struct.rename_fields(list(IDENTITY_FIELDS)).alias("said")).unnest("said")
    blank_is_null = [pl.when(pl.col(n) != "").then(pl.col(n)).alias(n) for n in IDENTITY_FIELDS]
    return units.join(named.drop("identity_text").with_columns(blank_is_null), on="identity_tag", how="left")


def _without_shared(passes: pl.DataFrame, identities: int) -> pl.DataFrame:
    """As the site withholds them (``BatchTables.withhold_shared``): tokens that too many identities share."""
    by_token = passes.group_by("purpose", "pass_tag").agg(sharers=pl.col("identity_tag").n_unique())
    shared = by_token.filter(pl.col("sharers") > most_sharers(identities))
    return passes.join(shared, on=["purpose", "pass_tag"], how="anti")


def _records(
    registers: dict[str, pl.DataFrame], incidences: pl.DataFrame, nodes: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Numbers in force and first days, by the queries of the center."""
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("CREATE SCHEMA raw")
        connection.execute("CREATE SCHEMA link")
        for table, rows in registers.items():
            connection.register("incoming", rows.with_columns(source_file_id=pl.lit("")).to_arrow())
            connection.execute(f"CREATE TABLE raw.{table} AS FROM incoming")
        for name, frame in (("link.incidence", incidences), ("temp.affected", nodes)):
            connection.register("incoming", frame.to_arrow())
            columns = "linkage_domain, identity_tag" if name == "temp.affected" else "*"
            kind = "TEMP TABLE affected" if name == "temp.affected" else f"TABLE {name}"
            connection.execute(f"CREATE {kind} AS SELECT {columns} FROM incoming")
        lives = connection.execute(LIVES_SQL).pl().cast(LIVE_SCHEMA)  # type: ignore[arg-type]
        return lives, connection.execute(ANCHORS_SQL).pl().cast(ANCHOR_SCHEMA)  # type: ignore[arg-type]
    finally:
        connection.close()
