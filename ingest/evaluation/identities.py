"""From forms to what the linker takes: tokens by the site's own tokeniser, records by the center's own queries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from ingest.center.link.records import Records, records_of
from ingest.formats.contracts import CONTRACTS
from ingest.identity.evidence import IDENTITY_FIELDS, SEPARATOR
from ingest.identity.passes import most_sharers
from ingest.identity.tokens import Tokeniser
from ingest.progress import ProgressCallback

PERSONS_AT_A_TIME = 100_000
REGISTERS = {
    "enrolment": [
        "source_row", "record_key_tag", "identity_tag", "scheme_code", "applied_start_date", "applied_end_date",
        "lost_date", "lost_reason_code", "is_deleted", "processed_date", "record_number",
    ],
    "care_certification": [
        "source_row", "record_key_tag", "identity_tag", "insured_start_date", "insured_end_date",
        "certified_start_date", "event_date", "event_code", "event_reason_code", "corrected_date", "correction_code",
    ],
}  # fmt: skip
"""What the linker asks of the records that say from when to when a number is in force."""
UNIT_SCHEMA: dict[str, pl.DataType] = {
    "linkage_domain": pl.String(),
    "identity_tag": pl.Binary(),
    "person": pl.Int64(),
    "rows": pl.Int64(),
    "is_register": pl.Boolean(),
    **{name: pl.String() for name in IDENTITY_FIELDS},
}
"""Who is behind an identity: one row a person and identity, with how many records say so, whether one of 資格 does,
and the fields of the identity, in the form in which they are compared (empty ones null)."""


@dataclass(frozen=True)
class Identities:
    """What the linker takes, and what is true (``units`` in ``UNIT_SCHEMA``)."""

    records: Records
    units: pl.DataFrame


def tokenise(
    forms: dict[str, pl.DataFrame], tokeniser_of: Callable[[str], Tokeniser], tell: ProgressCallback
) -> Identities:
    """Tokenise the forms of every site with its own tokeniser, each distinct form once."""
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in ("identity", "identity_pass", "units", *REGISTERS)}
    for site in sorted(set().union(*(frame["site"].unique().to_list() for frame in forms.values()))):
        domain = pl.lit(site).alias("linkage_domain")
        for name, frame in _of_site(site, forms, tokeniser_of(site), tell).items():
            parts[name].append(frame.with_columns(domain))
    whole = {name: pl.concat(frames) for name, frames in parts.items()}
    units = whole.pop("units").select(pl.col(n).cast(t) for n, t in UNIT_SCHEMA.items())
    return Identities(records_of(**whole), units)


def _of_site(
    site: str, forms: dict[str, pl.DataFrame], tokeniser: Tokeniser, tell: ProgressCallback
) -> dict[str, pl.DataFrame]:
    """The sealed tables that the linker asks for, and ``units``; persons come by their number, some at a time."""
    own = pl.col("site") == site
    last = max(int(frame.select(pl.col("person").filter(own).max()).item() or 0) for frame in forms.values())
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in ("identity", "identity_pass", "units", *REGISTERS)}
    steps = last // PERSONS_AT_A_TIME + 1
    for step in range(steps):
        tell(f"site {site}: tokenise", step, steps)
        here = own & (pl.col("person") // PERSONS_AT_A_TIME == step)
        chunk = {table: frame.filter(here) for table, frame in forms.items()}
        sealed = tokeniser.seal_tables({table: _whole(table, frame) for table, frame in chunk.items()}, site)
        parts["identity"].append(sealed.identity.select("identity_tag", "sex_code", "birth_month"))
        parts["identity_pass"].append(sealed.identity_pass)
        parts["units"].append(_units(chunk, sealed.tables, sealed.people))
        for table, columns in REGISTERS.items():
            parts[table].append(sealed.tables[table].select(columns).with_columns(source_file_id=pl.lit("")))
    whole = {name: pl.concat(frames) for name, frames in parts.items()}
    identities = whole["identity"]["identity_tag"].n_unique()
    return whole | {"identity_pass": _without_shared(whole["identity_pass"], most_sharers(identities))}


def _whole(table: str, forms: pl.DataFrame) -> pl.DataFrame:
    """The forms in the table's plain schema; what was not asked for is null."""
    schema = CONTRACTS[table].plain_schema()
    return forms.select(
        pl.col(name) if name in forms.columns else pl.lit(None, dtype).alias(name) for name, dtype in schema.items()
    )


def _units(chunk: dict[str, pl.DataFrame], sealed: dict[str, pl.DataFrame], people: pl.DataFrame) -> pl.DataFrame:
    said = pl.concat(
        frame.select("person", "rows").with_columns(
            sealed[table]["identity_tag"], is_register=pl.lit(CONTRACTS[table].stream == "enrolment")
        )
        for table, frame in chunk.items()
    )
    units = said.group_by("identity_tag", "person").agg(pl.col("rows").sum(), pl.col("is_register").any())
    texts = people.select("identity_tag", "identity_text").unique("identity_tag")
    parts = pl.col("identity_text").str.split_exact(SEPARATOR, len(IDENTITY_FIELDS) - 1)
    named = texts.select("identity_tag", parts.struct.rename_fields(list(IDENTITY_FIELDS)).alias("said"))
    said_or_null = [pl.when(pl.col(n) != "").then(pl.col(n)).alias(n) for n in IDENTITY_FIELDS]
    return units.join(named.unnest("said").with_columns(said_or_null), on="identity_tag", how="left")


def _without_shared(passes: pl.DataFrame, most: int) -> pl.DataFrame:
    """The passes without tokens that more than ``most`` identities share, as a site withholds them
    (``BatchTables.withhold_shared``)."""
    token = ["purpose", "pass_tag"]
    often = passes.group_by(token).len().filter(pl.col("len") > most)
    if often.is_empty():
        return passes
    sharers = passes.join(often, on=token, how="semi").group_by(token).agg(sharers=pl.col("identity_tag").n_unique())
    return passes.join(sharers.filter(pl.col("sharers") > most), on=token, how="anti")
