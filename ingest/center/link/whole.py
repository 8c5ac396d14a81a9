"""The road of everything: what linkage is solved from, straight out of ``raw``, and ``link.incidence`` anew.

Nobody is looked for here, for all are affected; every table is read once, and whose a row is is known by its node.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import polars as pl

from ingest.center.link import carried, reach
from ingest.center.link.components import numbered
from ingest.center.link.first_tags import FirstTags
from ingest.center.link.given import Given, decisions, frame
from ingest.center.link.guards import NODE_SCHEMA
from ingest.center.link.known import Known
from ingest.center.link.records import NUMBER_PASSES, anchors_sql, spans_sql
from ingest.center.link.rules import Rules
from ingest.center.link.tags import Nodes, Tokens
from ingest.center.link.told import Carried, kinds_of_tokens, read_tokens

_NODES = """
    SELECT linkage_domain, identity_tag, min(sex_code) AS sex_code, min(birth_month) AS birth_month
    FROM raw.identity GROUP BY linkage_domain, identity_tag"""
_RECORDS = {name: f"raw.{name}" for name in reach.RECORDS}
_CERTIFIED = "SELECT DISTINCT linkage_domain, identity_tag FROM raw.care_certification WHERE identity_tag IS NOT NULL"


class Whole:
    """What linkage of everything is solved from (``given``), and what it knows of every token, to be kept."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, rules: Rules, tag_key: bytes) -> None:
        """Read it; ``tag_key`` as in ``relink``."""
        first = FirstTags(connection, tag_key)
        now = frame(connection, _NODES, NODE_SCHEMA).with_columns(pl.col("identity_tag").alias("now_tag"))
        with ThreadPoolExecutor(max_workers=1) as aside:
            kinds = aside.submit(kinds_of_tokens, connection)
            nodes = numbered(first.of(now, "identity_tag"))
            self._known = Known.of(nodes)
            self._carried = read_tokens(connection, self._known, kinds.result())
        asked = rules.purposes()
        self.given = Given(
            nodes,
            {one.purpose: Tokens(one.node, *one.words(nodes, first)) for one in self._carried if one.purpose in asked},
            self._lives(connection, nodes),
            self._anchors(connection),
            decisions(connection, "", first),
        )

    def keep(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Write ``link.incidence`` and ``link.told``, whatever stood there."""
        connection.execute("DELETE FROM link.incidence")
        for one in self._carried:
            one.write(connection, self._known)
        reach.remember_told(connection)

    def _lives(self, connection: duckdb.DuckDBPyConnection, nodes: pl.DataFrame) -> pl.DataFrame:
        """The numbers in force, each with the tokens that say which number it is."""
        least = {
            name: (one, one.least(name, nodes.height))
            for one in self._carried
            for name in NUMBER_PASSES
            if name in one.passes
        }
        certified = connection.execute(_CERTIFIED).pl()
        numbers = self._with_numbers(certified, least, ("number",)).select(
            "linkage_domain", "identity_tag", "number_tag"
        )
        connection.register("told_number", numbers.to_arrow())
        try:
            told = connection.execute(spans_sql(**_RECORDS, numbers="told_number")).pl()
        finally:
            connection.unregister("told_number")
        return self._with_numbers(told, least, NUMBER_PASSES)

    def _with_numbers(
        self, rows: pl.DataFrame, least: dict[str, tuple[Carried, Nodes]], passes: tuple[str, ...]
    ) -> pl.DataFrame:
        """``rows`` of whoever is known, each with its node and the least token of each of the passes."""
        rows = self._with_nodes(rows)
        node = rows.get_column("node").to_numpy()
        tags: dict[str, pl.Series | pl.Expr] = {}
        for name in passes:
            tags[f"{name}_tag"] = pl.lit(None, pl.Binary())
            if name in least:
                of, place = least[name]
                tags[f"{name}_tag"] = of.tags(place[node])
        return rows.with_columns(**tags)

    def _anchors(self, connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
        """When the records of each node begin."""
        return self._with_nodes(connection.execute(anchors_sql(**_RECORDS)).pl()).select("node", "start_date")

    def _with_nodes(self, rows: pl.DataFrame) -> pl.DataFrame:
        """``rows`` of whoever is known, each with its node."""
        node = self._known.find_all(rows.get_column("linkage_domain"), rows.get_column("identity_tag"))
        found = np.flatnonzero(node != carried.NONE)
        return rows[found].with_columns(pl.Series("node", node[found]))
