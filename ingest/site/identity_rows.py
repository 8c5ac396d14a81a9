"""The identities of a run and their passes, until they are sealed: parts of a delivery repeat them, a batch names each
once.

They wait in tables in memory, and beyond its limit in encrypted spill. Rows are gathered before they are put there,
since an insert of few rows costs as much as one of many. Passes, of which there are most, wait as numbers: of a tag all
16 bytes (a UUID, as DuckDB calls a number of 128 bits), of a pass its number among those that came.
"""

from __future__ import annotations

from itertools import pairwise

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from ingest.arrow import as_arrow
from ingest.identity.cipher import TAG_BYTES

TABLES = ("identity", "pass_row")
GATHERED_ROWS = 1_000_000  # rows of passes, some forty megabytes
_SHARED = "withheld_token"  # purpose_number and pass_tag of the tokens that are left out
_NAMED = "pass_name"  # of each pass its numbers, its id and its purpose


class IdentityRows:
    """Rows of identities and passes (see ``tokens.SealedTables``) in ``TABLES`` of ``connection``."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._waiting: dict[str, list[pa.Table]] = {table: [] for table in TABLES}
        self._made: set[str] = set()
        self._passes: dict[tuple[str, str], int] = {}  # number by id and purpose
        self._purposes: dict[str, int] = {}

    def add(self, identity: pl.DataFrame, identity_pass: pl.DataFrame) -> None:
        """Add identities and their passes; the same ones may come again. The first call fixes columns and types."""
        self._waiting["identity"].append(as_arrow(identity))
        self._waiting["pass_row"].append(self._numbered(identity_pass))
        if sum(rows.num_rows for rows in self._waiting["pass_row"]) >= GATHERED_ROWS:
            self.settle()

    def settle(self) -> None:
        """Put what was gathered into the tables."""
        for table, frames in self._waiting.items():
            if not frames:
                continue
            self._connection.register("incoming", pa.concat_tables(frames))
            into = f"INSERT INTO {table} BY NAME" if table in self._made else f"CREATE TABLE {table} AS"
            self._connection.execute(f"{into} SELECT * FROM incoming")
            self._connection.unregister("incoming")
            frames.clear()
            self._made.add(table)

    def withhold_shared(self, most: int) -> dict[str, int]:
        """Leave out tokens that more than ``most`` identities share, such as those of a stand-in number; rows by pass.

        By how often it occurs such a token would tell what it stands for, and would tie strangers into one person.
        """
        self.settle()
        if not self._made:
            return {}
        names = [(number, self._purposes[name[1]], *name) for name, number in self._passes.items()]
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {_NAMED} "
            "(pass_number USMALLINT, purpose_number USMALLINT, pass_id VARCHAR, purpose VARCHAR)"
        )
        if names:
            self._connection.executemany(f"INSERT INTO {_NAMED} VALUES (?, ?, ?, ?)", names)
        # A token that stands in few rows cannot be of many identities: of most none is ever counted by identity.
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE frequent AS SELECT DISTINCT * FROM pass_row "
            "SEMI JOIN (SELECT pass_tag FROM pass_row GROUP BY pass_tag HAVING count(*) > ?) USING (pass_tag)",
            [most],
        )
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {_SHARED} AS SELECT purpose_number, pass_tag FROM temp.frequent "
            "GROUP BY purpose_number, pass_tag HAVING count(DISTINCT identity_tag) > ?",
            [most],
        )
        withheld = self._connection.execute(
            f"SELECT pass_id, count(*) FROM temp.frequent SEMI JOIN temp.{_SHARED} USING (purpose_number, pass_tag) "
            f"JOIN temp.{_NAMED} USING (pass_number) GROUP BY pass_id ORDER BY pass_id"
        ).fetchall()
        self._connection.execute("DROP TABLE temp.frequent")
        return dict(withheld)

    def forget_all_but(self, spoken_of: str) -> None:
        """Take out the identities that do not stand in the table ``spoken_of`` (identity_tag)."""
        self.settle()
        for table, kind in zip(TABLES, ("BLOB", "UUID"), strict=True):
            if table in self._made:
                self._connection.execute(
                    f"DELETE FROM {table} WHERE identity_tag NOT IN (SELECT identity_tag::{kind} FROM {spoken_of})"
                )

    def to_seal(self) -> dict[str, str]:
        """The queries of what is sealed, by table; after ``withhold_shared``."""
        if not self._made:
            return {}
        return {
            "identity": "SELECT DISTINCT * FROM identity",
            "identity_pass": "SELECT identity_tag::BLOB AS identity_tag, pass_id, purpose, pass_tag::BLOB AS pass_tag "
            f"FROM (SELECT DISTINCT * FROM pass_row ANTI JOIN {_SHARED} USING (purpose_number, pass_tag)) "
            f"JOIN {_NAMED} USING (pass_number)",
        }

    def _numbered(self, identity_pass: pl.DataFrame) -> pa.Table:
        """The rows as numbers. Tokens come pass by pass, so a pass is looked up once a run of rows."""
        names = identity_pass.select("pass_id", "purpose")
        begins = names.select(pl.any_horizontal(pl.all().ne_missing(pl.all().shift())) | (pl.int_range(pl.len()) == 0))
        starts = begins.to_series().arg_true()
        runs = [self._number(*name) for name in names[starts].iter_rows()]
        sizes = [end - start for start, end in pairwise([*starts, identity_pass.height])]
        numbers = np.repeat(np.array(runs, np.uint16).reshape(-1, 2), sizes, axis=0)
        return pa.table(
            {
                "identity_tag": _as_number(identity_pass["identity_tag"]),
                "pass_number": numbers[:, 0],
                "purpose_number": numbers[:, 1],
                "pass_tag": _as_number(identity_pass["pass_tag"]),
            }
        )

    def _number(self, pass_id: str, purpose: str) -> tuple[int, int]:
        """Of a pass and its purpose the numbers."""
        own = self._passes.setdefault((pass_id, purpose), len(self._passes))
        return own, self._purposes.setdefault(purpose, len(self._purposes))


def _as_number(tags: pl.Series) -> pa.Array:
    """Tags of 16 bytes as DuckDB takes numbers of 128 bits."""
    held = as_arrow(tags.to_frame()).column(0).combine_chunks()
    return pa.ExtensionArray.from_storage(pa.uuid(), held.cast(pa.binary()).cast(pa.binary(TAG_BYTES)))
