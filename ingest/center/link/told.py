"""All tokens that sites ever told, read in one go: each once for every node that carries it, with its passes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from ingest.center.errors import CenterError
from ingest.center.link import carried
from ingest.center.link.first_tags import FirstTags
from ingest.center.link.known import Known
from ingest.center.link.tags import ROW_GROUP, Nodes, Raw, Words, blobs, ordered, raw, words

_Row = TypeVar("_Row")
_MOST_PASSES = 32  # of one purpose
_ROWS = 250_000  # of tokens on their way out of the warehouse
_KINDS = """
    SELECT linkage_domain, purpose, pass_id, count(*) AS rows FROM raw.identity_pass
    WHERE linkage_domain IS NOT NULL AND purpose IS NOT NULL AND pass_id IS NOT NULL GROUP BY ALL ORDER BY ALL"""


@dataclass(frozen=True)
class Carried:
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

    def least(self, pass_id: str, nodes: int) -> Nodes:
        """By node the place of its least token of a pass, ``carried.NONE`` where it has none."""
        place = np.full(nodes, carried.NONE, np.int32)
        carried.least(self.node, self.by, self._bit(pass_id), *ordered(self.tag), place)
        return place

    def tags(self, place: Nodes) -> pl.Series:
        """The tags of the tokens at these places, missing where there is none."""
        is_known = place != carried.NONE
        tag = np.zeros((len(place), 2), np.uint64)
        tag[is_known] = self.tag[place[is_known]]
        return pl.Series(blobs(tag, is_known)).cast(pl.Binary())

    def write(self, connection: duckdb.DuckDBPyConnection, known: Known) -> None:
        """Into ``link.incidence``."""
        for name in self.passes:
            for domain, (low, own, _) in known.places.items():
                is_told = (self.by & self._bit(name) != 0) & (self.node >= low) & (self.node < low + len(own))
                node, tag = (self.node, self.tag) if is_told.all() else (self.node[is_told], self.tag[is_told])
                rows = pa.table({"pass_tag": blobs(tag), "identity_tag": blobs(known.tag[node])})
                connection.register("carried", pa.Table.from_batches(rows.to_batches(ROW_GROUP), rows.schema))
                connection.execute(
                    "INSERT INTO link.incidence SELECT ?, ?, pass_tag, identity_tag, ? FROM carried",
                    [domain, self.purpose, name],
                )
                connection.unregister("carried")

    def _bit(self, pass_id: str) -> np.uint32:
        return np.uint32(1 << self.passes.index(pass_id))


def kinds_of_tokens(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Domain, purpose and pass of the tokens in ``raw.identity_pass``, with the number of ``rows``."""
    return connection.execute(_KINDS).pl()


def read_tokens(connection: duckdb.DuckDBPyConnection, known: Known, kinds: pl.DataFrame) -> list[Carried]:
    """The tokens of every purpose in ``raw.identity_pass`` that one of the nodes carries; ``kinds`` are all of them.

    Each row is read once: DuckDB reads the next rows while another thread looks up whose these are, and a third one
    takes in those before. Raises CenterError where one purpose has more passes than can be told apart.
    """
    passes = {
        str(purpose): tuple(own.get_column("pass_id").unique().sort())
        for (purpose,), own in kinds.group_by("purpose", maintain_order=True)
    }
    most = max(map(len, passes.values()), default=0)
    if most > _MOST_PASSES:
        raise CenterError(f"tokens of {most} passes of one purpose; at most {_MOST_PASSES} can be told apart")
    names = list(passes)
    rows = [int(kinds.filter(purpose=name).get_column("rows").sum()) for name in names]
    begin, count = np.cumsum([0, *rows]), np.zeros(len(names), np.int64)
    # Far more than there are different tokens: what is not filled takes up no memory.
    follows, node, by = (np.empty(begin[-1], kind) for kind in (np.int32, np.int32, np.uint32))
    tag = np.empty((begin[-1], 2), np.uint64)
    first = np.full((len(names), len(known.tag)), carried.NONE, np.int32)
    for (domain,), own in kinds.group_by("linkage_domain", maintain_order=True):
        told = list(own.select("purpose", "pass_id").iter_rows())
        of = np.array([names.index(purpose) for purpose, _ in told])
        bit = np.array([1 << passes[purpose].index(pass_id) for purpose, pass_id in told], np.uint32)
        for carrier, token, kind in _ahead(_found(connection, known, str(domain), told)):
            carried.take(carrier, token, kind, of, bit, first, begin, count, follows, node, tag, by)
    parts = [slice(low, low + size) for low, size in zip(begin, count, strict=False)]
    return [
        Carried(name, passes[name], node[part], tag[part], by[part]) for name, part in zip(names, parts, strict=True)
    ]


def _found(
    connection: duckdb.DuckDBPyConnection, known: Known, domain: str, kinds: list[tuple[str, str]]
) -> Iterator[tuple[Nodes, Raw, NDArray[np.uint16]]]:
    """Of the tokens of a domain who carries each, its tag and which of ``kinds`` (purpose, pass) it is."""
    which = " ".join(f"WHEN pass_id = ? AND purpose = ? THEN {number}" for number in range(len(kinds)))
    told = connection.execute(
        f"SELECT identity_tag, pass_tag, (CASE {which} END)::USMALLINT AS kind FROM raw.identity_pass "
        "WHERE linkage_domain = ? AND purpose IS NOT NULL AND pass_id IS NOT NULL",
        [*(name for purpose, pass_id in kinds for name in (pass_id, purpose)), domain],
    )
    for batch in _ahead(iter(told.to_arrow_reader(_ROWS))):
        kind = batch.column("kind").to_numpy()
        yield known.find(domain, batch.column("identity_tag")), raw(batch.column("pass_tag")), kind


def _ahead(rows: Iterator[_Row]) -> Iterator[_Row]:
    """The same, the next one being made by another thread while one is in use."""
    with ThreadPoolExecutor(max_workers=1) as aside:
        coming = aside.submit(next, rows, None)
        while (one := coming.result()) is not None:
            coming = aside.submit(next, rows, None)
            yield one
