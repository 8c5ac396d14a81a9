"""``person_id``: a keyed name of a group that survives corrections and new numbers.

HMAC-SHA-256 under the link key of the linkage domain and the least (start date, identity tag) among
the group's enrolment and certification records, cut to 16 bytes (DESIGN.md, "person_id"). Withdrawn
records count as well: a correction must not rename a person. A group without such a record gets a
provisional id from its least tag, under a label of its own.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import date

import numpy as np
import polars as pl

from ingest.center.link.tags import Nodes

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
_PROVISIONAL = "provisional"
_BLOCK_BYTES = 64  # of SHA-256
_ID_BYTES = 16
_NODE_BITS = 31
_NEVER = 1 << _NODE_BITS  # later than any day


def person_id(link_key: bytes, linkage_domain: str, start: date | None, tag: bytes) -> bytes:
    """The 16-byte id of the group anchored on ``tag`` (from ``start``; None: provisional)."""
    message = _message(linkage_domain.encode(), (start.isoformat() if start else _PROVISIONAL).encode(), tag)
    return hmac.digest(link_key, message, hashlib.sha256)[:_ID_BYTES]


def _message(linkage_domain: bytes, anchor: bytes, tag: bytes) -> bytes:
    return _SEPARATOR.join((_LABEL, linkage_domain, anchor, tag))


def _digests(link_key: bytes, messages: Iterable[bytes]) -> list[bytes]:
    """HMAC-SHA-256 of each (RFC 2104): the library's own takes twice as long, as it begins with the key every time."""
    key = hashlib.sha256(link_key).digest() if len(link_key) > _BLOCK_BYTES else link_key
    inner, outer = (
        hashlib.sha256(bytes(byte ^ pad for byte in key.ljust(_BLOCK_BYTES, b"\0"))) for pad in (0x36, 0x5C)
    )
    found = []
    for message in messages:
        within, around = inner.copy(), outer.copy()
        within.update(message)
        around.update(within.digest())
        found.append(around.digest()[:_ID_BYTES])
    return found


def name_persons(nodes: pl.DataFrame, person: Nodes, anchors: pl.DataFrame, link_key: bytes) -> pl.DataFrame:
    """Give every node its person's id.

    ``nodes`` from ``numbered``, ``person`` the least node of each one's person, ``anchors`` (node, start_date) of
    enrolment and certification. Returns ``IDENTITY_PERSON_SCHEMA``, one row a node, in their order.
    """
    begins = np.full(nodes.height, _NEVER, np.int64)
    dated = anchors.drop_nulls()
    np.minimum.at(begins, dated["node"].to_numpy(), dated["start_date"].cast(pl.Int32).to_numpy().astype(np.int64))
    # Nodes are in the order of their tags: of those that begin first, the least node has the least tag.
    least = np.full(nodes.height, np.iinfo(np.int64).max)
    np.minimum.at(least, person, begins << _NODE_BITS | np.arange(nodes.height))
    heads = np.flatnonzero(person == np.arange(nodes.height))
    day, anchor = least[heads] >> _NODE_BITS, least[heads] & ((1 << _NODE_BITS) - 1)
    known = nodes[anchor]
    is_provisional = day == _NEVER
    start = pl.Series(np.where(is_provisional, 0, day)).cast(pl.Int32).cast(pl.Date).dt.to_string("iso")
    told = (known["linkage_domain"], start.set(pl.Series(is_provisional), _PROVISIONAL), known["identity_tag"])
    ids = _digests(link_key, map(_message, *(column.cast(pl.Binary()).to_list() for column in told)))
    place = np.zeros(nodes.height, np.int64)
    place[heads] = np.arange(len(heads))
    of = place[person]
    return nodes.select(
        "linkage_domain",
        "identity_tag",
        pl.Series(ids, dtype=pl.Binary()).gather(of).alias("person_id"),
        pl.Series("is_provisional", is_provisional[of]),
    )
