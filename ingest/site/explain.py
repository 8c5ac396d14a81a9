"""``tsumugi site explain``: why these identities are one person, with who they are, for a tenant that may see them.

The access table decides: an identity is told where the tenant's file holds rows of the person at the identity's scheme
and insurer (and, where the grant is of one town, no other town stands with it), and nothing says whether there are
others. What ties them comes with the center's results; names come from the directory, on this
screen only. Every look, also a refused one, is in the site's audit chain with its purpose, under the tenant's own id.
"""

from __future__ import annotations

import getpass
import hmac
from typing import Any

import duckdb
import polars as pl

from ingest.identity import normalise
from ingest.identity.directory import Directory
from ingest.ledger import Ledger
from ingest.policy import access, audit
from ingest.sealing.keys import KeyRing, derive
from ingest.sealing.opened import OpenBatch
from ingest.settings import Settings, SiteSettings
from ingest.site.databases import open_directory
from ingest.site.decisions import audit_file, tag_of
from ingest.site.errors import SiteError
from ingest.site.lock import locked
from ingest.site.publish import PERSON_TABLES, PersonTable, only_granted
from ingest.site.receive import Desk
from ingest.site.workroom import Workroom

TIES = "person_tie"
_ID_BYTES = 16


def explain(settings: Settings, site_name: str, asked: str, *, tenant: str, purpose: str) -> dict[str, Any]:
    """The person behind ``asked`` (the tenant's id of a person, or a tag, in hex) as the tenant may see it.

    ``identities`` numbered by ``place``: tag, what the directory knows (names, numbers, birth date, address), records
    by table with first and last month; ``ties`` between them with ``weakest``; ``is_whole``: whether they hold together
    by themselves; ``has_ties``: whether the results tell of ties at all. Raises AccessDenied where the tenant may see
    nobody, or nothing of this person, whoever it is.
    """
    wanted = tag_of(asked)
    if not purpose.strip():
        raise SiteError("何のために見るかを --purpose で書いてください。監査記録に残ります")
    site = settings.site(site_name)
    grants = access.load_grants().filter((pl.col("site") == site_name) & (pl.col("tenant_id") == tenant))
    with locked(site.home), Ledger(site.ledger) as ledger:
        ring = KeyRing(site)
        try:
            access.require_persons(grants, tenant)
            batch = Desk(settings, site, site_name, ledger, ring).newest()
            if batch is None:
                raise SiteError("センターの結果がまだ届いていません。`tsumugi site receive` の後に見られます")
            id_key = derive(ring.secret("tenant-master"), f"person_id|{tenant}")
            with Workroom(site, "explain") as room:
                person = _person(batch, room.connection, wanted, id_key)
                seen = _granted(batch, room.connection, person, grants)
                if person is None or seen.is_empty():
                    raise access.AccessDenied(f"{tenant} の権限で見られる該当者はいません")
                told = _told(site, ring, batch, room.connection, seen)
                if not told["identities"]:
                    raise SiteError("鍵の更新より前の結果です。次の `tsumugi site receive` の後に見られます")
        except access.AccessDenied:
            _record(site, site_name, grants, tenant, wanted.hex(), purpose, "denied", 0)
            raise
        keyed = hmac.digest(id_key, person, "sha256")[:_ID_BYTES].hex()
        _record(site, site_name, grants, tenant, keyed, purpose, "shown", len(told["identities"]))
    return {"person_id": keyed, "tenant": tenant} | told


def _person(batch: OpenBatch, connection: duckdb.DuckDBPyConnection, wanted: bytes, id_key: bytes) -> bytes | None:
    """The center's id of the person whom ``wanted`` names, None where it names nobody in the results."""
    query = "SELECT DISTINCT person_id, identity_tag FROM {}"
    known = pl.concat(batch.ask(connection, table.source, query) for table in PERSON_TABLES)
    group = _group(batch, connection, [wanted])["tags"]
    by_tag = known.filter(pl.col("identity_tag").is_in(group) | (pl.col("person_id") == wanted))
    if not by_tag.is_empty():
        return bytes(by_tag["person_id"][0])
    for person in known["person_id"].unique():
        if hmac.digest(id_key, person, "sha256")[:_ID_BYTES] == wanted:
            return bytes(person)
    return None


def _group(batch: OpenBatch, connection: duckdb.DuckDBPyConnection, tags: list[bytes]) -> dict[str, Any]:
    """All ``tags`` of a person that the ties lead to from some of them, and the ``ties`` themselves."""
    found = pl.DataFrame()
    known = set(tags)
    while TIES in batch.files:
        found = batch.ask(
            connection,
            TIES,
            "SELECT one_tag, other_tag, pass_id, purposes, strength, tie_rank FROM {} "
            "WHERE list_contains(?::BLOB[], one_tag) OR list_contains(?::BLOB[], other_tag) ORDER BY tie_rank",
            [list(known), list(known)],
        )
        reached = known | set(found["one_tag"]) | set(found["other_tag"])
        if reached == known:
            break
        known = reached
    return {"tags": sorted(known), "ties": found}


def _granted(
    batch: OpenBatch, connection: duckdb.DuckDBPyConnection, person: bytes | None, grants: pl.DataFrame
) -> pl.DataFrame:
    """Rows of the person that a grant names, counted by scheme, insurer and table; with the tag that they came under.

    Columns: identity_tag, scheme_code, insurer_number, municipality_code, table_name,
    row_count, first_month, last_month.
    """
    connection.register("granted", grants.filter(pl.col("detail") == "person"))
    parts = [_rows_of(batch, connection, table, person) for table in PERSON_TABLES]
    connection.unregister("granted")
    return (
        pl.concat(parts)
        .group_by("identity_tag", "scheme_code", "insurer_number", "municipality_code", "table_name")
        .agg(
            pl.len().alias("row_count"),
            pl.col("day").min().alias("first_month"),
            pl.col("day").max().alias("last_month"),
        )
        .sort("identity_tag", "table_name")
    )


def _rows_of(
    batch: OpenBatch, connection: duckdb.DuckDBPyConnection, table: PersonTable, person: bytes | None
) -> pl.DataFrame:
    days = ", ".join(day for day in (table.first, table.end) if day)
    rows = batch.ask(
        connection,
        table.source,
        f"SELECT identity_tag, scheme_code, insurer_number, municipality_code, {days} FROM {{}} WHERE person_id = ?",
        [person],
    )
    connection.register("told", rows)
    try:
        return connection.execute(
            f"SELECT f.identity_tag, f.scheme_code, f.insurer_number, f.municipality_code, "
            f"'{table.name}' AS table_name, date_trunc('month', f.{table.first})::DATE AS day "
            f"FROM told f {only_granted(table)}"
        ).pl()
    finally:
        connection.unregister("told")


def _told(
    site: SiteSettings, ring: KeyRing, batch: OpenBatch, connection: duckdb.DuckDBPyConnection, seen: pl.DataFrame
) -> dict[str, Any]:
    group = _group(batch, connection, seen["identity_tag"].unique().to_list())
    with open_directory(site, ring.secret("at-rest")) as known:
        named = Directory(known).lookup(pl.Series(group["tags"], dtype=pl.Binary()))
    # Rows come back under one identity an insurer: whoever is of a scheme and insurer that is shown is shown.
    places = seen.select("scheme_code", "insurer_number").unique()
    towns = seen["municipality_code"].drop_nulls().unique().implode()
    shown = (
        named.with_columns(insurer_number=normalise.insurer_number(pl.col("insurer_number")))
        .join(places, on=["scheme_code", "insurer_number"], how="semi")
        .filter(pl.col("municipality_code").is_null() | pl.col("municipality_code").is_in(towns))
        .sort("first_month", "identity_tag")
    )
    records = {
        tag: rows.select("table_name", "row_count", "first_month", "last_month").to_dicts()
        for (tag,), rows in seen.group_by(["identity_tag"], maintain_order=True)
    }
    identities = [
        {"place": place} | row | {"identity_tag": row["identity_tag"].hex()}
        | {"records": records.get(row["identity_tag"], [])}
        for place, row in enumerate(shown.to_dicts(), start=1)
    ]  # fmt: skip
    numbers = {bytes.fromhex(one["identity_tag"]): one["place"] for one in identities}
    ties = [
        {"one": numbers[one], "other": numbers[other], "pass_id": name, "purposes": purposes.split(),
         "strength": strength, "tie_rank": rank}
        for one, other, name, purposes, strength, rank in group["ties"].iter_rows()
        if one in numbers and other in numbers
    ]  # fmt: skip
    return {
        "identities": identities,
        "ties": ties,
        "weakest": max(ties, key=lambda tie: tie["tie_rank"], default=None),
        "has_ties": TIES in batch.files,
        "is_whole": len(ties) == len(identities) - 1,  # ties of a person are a tree
    }


def _record(
    site: SiteSettings, site_name: str, grants: pl.DataFrame, tenant: str, about: str, purpose: str, result: str,
    rows: int,
) -> None:  # fmt: skip
    role = grants["role_code"][0] if not grants.is_empty() else "none"
    audit.record(
        audit_file(site), account=getpass.getuser(), role=role, tenant=tenant, site=site_name,
        action="linkage.explain", object=about, purpose=purpose.strip(), result=result, rows=rows,
    )  # fmt: skip
