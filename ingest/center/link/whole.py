"""The road of everything: what linkage is solved from, straight out of ``raw``, and ``link.incidence`` anew.

Nobody is looked for here, for all are affected; every table is read once. That of tokens, by far the largest, is read
a purpose at a time as it lies there, and what is told again is passed over in compiled loops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from ingest.center.errors import CenterError
from ingest.center.link import carried, reach
from ingest.center.link.components import numbered
from ingest.center.link.first_tags import FirstTags
from ingest.center.link.given import Given, anchors, decisions, frame, lives
from ingest.center.link.guards import NODE_SCHEMA
from ingest.center.link.records import NUMBER_PASSES
from ingest.center.link.rules import Rules
from ingest.center.link.tags import Nodes, Raw, Tokens, Words, blobs, ordered, raw, words

_MOST_PASSES = 32  # of one purpose
_ROWS = 1_000_000  # of tokens on their way out of the warehouse
_NODES = """
    SELECT linkage_domain, identity_tag, min(sex_code) AS sex_code, min(birth_month) AS birth_month
    FROM raw.identity GROUP BY linkage_domain, identity_tag"""
_TOLD = "SELECT identity_tag, pass_tag FROM raw.identity_pass WHERE linkage_domain = ? AND purpose = ? AND pass_id = ?"
_RECORDS = {name: f"raw.{name}" for name in reach.RECORDS}


def read(connection: duckdb.DuckDBPyConnection, rules: Rules, tag_key: bytes) -> Given:
    """What linkage of everything is solved from; writes ``link.incidence``, whatever stood there.

    ``tag_key`` as in ``relink``.
    """
    first = FirstTags(connection, tag_key)
    now = frame(connection, _NODES, NODE_SCHEMA).with_columns(pl.col("identity_tag").alias("now_tag"))
    nodes = numbered(first.of(now, "identity_tag"))
    known = _Known.of(nodes)
    found, number_tags = {}, {}
    connection.execute("DELETE FROM link.incidence")
    for one in _carried(connection, known):
        one.write(connection, known)
        if one.purpose in rules.purposes():
            found[one.purpose] = Tokens(one.node, *one.words(nodes, first))
        for name in set(one.passes) & set(NUMBER_PASSES):
            number_tags[name] = one.least(name, nodes.height)
    told = pa.table(
        {
            "linkage_domain": nodes.get_column("linkage_domain").to_arrow(),
            "identity_tag": blobs(known.tag),
            "node": nodes.get_column("node").to_arrow(),
            **{f"{name}_tag": number_tags.get(name, pa.nulls(nodes.height, pa.binary())) for name in NUMBER_PASSES},
        }
    )
    connection.register("told_number", told)
    try:
        in_force = lives(connection, _RECORDS, "told_number")
        begun = anchors(connection, _RECORDS, "told_number")
    finally:
        connection.unregister("told_number")
    return Given(nodes, found, in_force, begun, decisions(connection, "", first))


@dataclass(frozen=True)
class _Known:
    """The tags of now of the nodes, and of each linkage domain its first node and where its tags are looked up."""

    domain: pl.Series
    tag: Raw
    places: dict[str, tuple[int, Raw, Nodes]]

    @classmethod
    def of(cls, nodes: pl.DataFrame) -> _Known:
        """Of nodes in canonical order: those of a domain stand together."""
        domain = nodes.get_column("linkage_domain")
        tag = raw(nodes.get_column("now_tag").rechunk().to_arrow().cast(pa.large_binary()))
        places, low = {}, 0
        for name, size in nodes.group_by("linkage_domain", maintain_order=True).len().iter_rows():
            own = tag[low : low + size]
            slots = np.full(1 << (2 * size).bit_length(), carried.NONE, np.int32)
            carried.enter(own, slots)
            places[name] = (low, own, slots)
            low += size
        return cls(domain, tag, places)


@dataclass(frozen=True)
class _Carried:
    """The tokens of one purpose, each once for every node that carries it, and by which of ``passes`` (bits)."""

    purpose: str
    passes: tuple[str, ...]
    node: Nodes
    tag: Raw
    by: NDArray[np.uint32]

    def words(self, nodes: pl.DataFrame, first: FirstTags) -> tuple[Words, Words]:
        """The words of the first tags of the tokens."""
        if first.is_empty():
            return ordered(self.tag)
        told = pl.DataFrame(
            {
                "linkage_domain": nodes.get_column("linkage_domain").gather(self.node),
                "pass_tag": pl.Series(blobs(self.tag)).cast(pl.Binary()),
            }
        )
        return words(first.of(told, "pass_tag", pl.lit(self.purpose)).get_column("pass_tag"))

    def least(self, pass_id: str, nodes: int) -> pa.Array:
        """By node its least token of a pass, missing where it has none."""
        place = np.full(nodes, carried.NONE, np.int32)
        carried.least(self.node, self.by, self._bit(pass_id), *ordered(self.tag), place)
        is_known = place != carried.NONE
        tag = np.zeros((nodes, 2), np.uint64)
        tag[is_known] = self.tag[place[is_known]]
        return blobs(tag, is_known)

    def write(self, connection: duckdb.DuckDBPyConnection, known: _Known) -> None:
        """Into ``link.incidence``."""
        for name in self.passes:
            for domain, (low, own, _) in known.places.items():
                is_told = (self.by & self._bit(name) != 0) & (self.node >= low) & (self.node < low + len(own))
                node, tag = (self.node, self.tag) if is_told.all() else (self.node[is_told], self.tag[is_told])
                connection.register(
                    "carried", pa.table({"pass_tag": blobs(tag), "identity_tag": blobs(known.tag[node])})
                )
                connection.execute(
                    "INSERT INTO link.incidence SELECT ?, ?, pass_tag, identity_tag, ? FROM carried",
                    [domain, self.purpose, name],
                )
                connection.unregister("carried")

    def _bit(self, pass_id: str) -> np.uint32:
        return np.uint32(1 << self.passes.index(pass_id))


def _carried(connection: duckdb.DuckDBPyConnection, known: _Known) -> Iterator[_Carried]:
    """The tokens of every purpose, one purpose at a time."""
    told = connection.execute(
        "SELECT purpose, pass_id, linkage_domain, count(*) AS rows FROM raw.identity_pass GROUP BY ALL ORDER BY ALL"
    ).pl()
    for (purpose,), parts in told.group_by("purpose", maintain_order=True):
        passes = tuple(parts.get_column("pass_id").unique(maintain_order=True))
        if len(passes) > _MOST_PASSES:
            raise CenterError(
                f"tokens of {len(passes)} passes of one purpose; at most {_MOST_PASSES} can be told apart"
            )
        rows = int(parts.get_column("rows").sum())
        first = np.full(len(known.tag), carried.NONE, np.int32)
        follows, node, by = np.empty(rows, np.int32), np.empty(rows, np.int32), np.empty(rows, np.uint32)
        tag, count = np.empty((rows, 2), np.uint64), 0
        for pass_id, domain in parts.select("pass_id", "linkage_domain").iter_rows():
            if domain not in known.places:  # tokens of nobody
                continue
            low, own, slots = known.places[domain]
            bit = np.uint32(1 << passes.index(pass_id))
            for batch in connection.execute(_TOLD, [domain, purpose, pass_id]).to_arrow_reader(_ROWS):
                identity, token = (raw(batch.column(name)) for name in ("identity_tag", "pass_tag"))
                count = carried.take(identity, token, bit, low, own, slots, first, follows, node, tag, by, count)
        yield _Carried(str(purpose), passes, node[:count].copy(), tag[:count].copy(), by[:count].copy())
