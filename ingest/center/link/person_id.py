"""``person_id``: a keyed name of a group that survives corrections and new numbers.

HMAC-SHA-256 under the link key of the linkage domain and the least (start date, identity tag) among
the group's enrolment and certification records, cut to 16 bytes (DESIGN.md, "person_id"). Withdrawn
records count as well: a correction must not rename a person. A group without such a record gets a
provisional id from its least tag, under a label of its own.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import date

import polars as pl

ANCHOR_SCHEMA = {
    "linkage_domain": pl.String(),
    "identity_tag": pl.Binary(),
    "start_date": pl.Date(),
}
IDENTITY_PERSON_SCHEMA = {
    "linkage_domain": pl.String(),
    "identity_tag": pl.Binary(),
    "person_id": pl.Binary(),
    "is_provisional": pl.Boolean(),
}
_LABEL = b"tsumugi/person/1"
_SEPARATOR = b"\x1f"


def person_id(link_key: bytes, linkage_domain: str, start: date | None, tag: bytes) -> bytes:
    """The 16-byte id of the group anchored on ``tag`` (from ``start``; None: provisional)."""
    anchor = start.isoformat() if start else "provisional"
    message = _SEPARATOR.join((_LABEL, linkage_domain.encode(), anchor.encode(), tag))
    return hmac.digest(link_key, message, hashlib.sha256)[:16]


def name_persons(persons: pl.DataFrame, anchors: pl.DataFrame, link_key: bytes) -> pl.DataFrame:
    """Give every identity of ``persons`` (``SOLVED_SCHEMA``) its person's id.

    ``anchors`` has every (linkage domain, identity tag, start date) of enrolment and certification.
    Returns ``IDENTITY_PERSON_SCHEMA``, one row an identity.
    """
    group = ["linkage_domain", "group_tag"]
    first = anchors.group_by("linkage_domain", "identity_tag").agg(pl.col("start_date").min())
    least = (
        persons.join(first, on=["linkage_domain", "identity_tag"], how="left")
        .sort("start_date", "identity_tag", nulls_last=True)
        .group_by(group, maintain_order=True)
        .agg(pl.col("start_date").first(), pl.col("identity_tag").first().alias("anchor_tag"))
    )
    ids = [
        person_id(link_key, domain, start, tag)
        for domain, start, tag in least.select("linkage_domain", "start_date", "anchor_tag").iter_rows()
    ]
    named = least.with_columns(
        pl.Series("person_id", ids, dtype=pl.Binary()), pl.col("start_date").is_null().alias("is_provisional")
    )
    return persons.join(named.select(*group, "person_id", "is_provisional"), on=group).select(
        IDENTITY_PERSON_SCHEMA.keys()
    )
