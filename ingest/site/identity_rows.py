"""The identities of a run and their passes, until they are sealed: parts of a delivery repeat them, a batch names each
once.

They wait in tables in memory, and beyond its limit in encrypted spill. Rows are gathered before they are put there,
since an insert of few rows costs as much as one of many.
"""

from __future__ import annotations

import duckdb
import polars as pl

from ingest.arrow import as_arrow

TABLES = ("identity", "identity_pass")
GATHERED_ROWS = 1_000_000  # rows of passes, some hundred megabytes
_SHARED = "withheld_token"  # purpose and pass_tag of the tokens that are left out


class IdentityRows:
    """Rows of ``TABLES`` (see ``tokens.SealedTables``) in tables of these names of ``connection``."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._waiting: dict[str, list[pl.DataFrame]] = {table: [] for table in TABLES}
        self._made: set[str] = set()

    def add(self, identity: pl.DataFrame, identity_pass: pl.DataFrame) -> None:
        """Add identities and their passes; the same ones may come again. The first call fixes columns and types."""
        for table, frame in zip(TABLES, (identity, identity_pass), strict=True):
            self._waiting[table].append(frame)
        if sum(frame.height for frame in self._waiting["identity_pass"]) >= GATHERED_ROWS:
            self.settle()

    def settle(self) -> None:
        """Put what was gathered into the tables."""
        for table, frames in self._waiting.items():
            if not frames:
                continue
            self._connection.register("incoming", as_arrow(pl.concat(frames)))
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
        # A token that stands in few rows cannot be of many identities: of most none is ever counted by identity.
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE frequent AS SELECT DISTINCT * FROM identity_pass "
            "SEMI JOIN (SELECT pass_tag FROM identity_pass GROUP BY pass_tag HAVING count(*) > ?) USING (pass_tag)",
            [most],
        )
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {_SHARED} AS SELECT purpose, pass_tag FROM temp.frequent "
            "GROUP BY purpose, pass_tag HAVING count(DISTINCT identity_tag) > ?",
            [most],
        )
        withheld = self._connection.execute(
            f"SELECT pass_id, count(*) FROM temp.frequent SEMI JOIN temp.{_SHARED} USING (purpose, pass_tag) "
            "GROUP BY pass_id ORDER BY pass_id"
        ).fetchall()
        self._connection.execute("DROP TABLE temp.frequent")
        return dict(withheld)

    def forget_all_but(self, spoken_of: str) -> None:
        """Take out the identities that do not stand in the table ``spoken_of`` (identity_tag)."""
        self.settle()
        for table in self._made:
            self._connection.execute(
                f"DELETE FROM {table} WHERE identity_tag NOT IN (SELECT identity_tag FROM {spoken_of})"
            )

    def to_seal(self) -> dict[str, str]:
        """The queries of what is sealed, by table; after ``withhold_shared``."""
        if not self._made:
            return {}
        return {
            "identity": "SELECT DISTINCT * FROM identity",
            "identity_pass": f"SELECT DISTINCT * FROM identity_pass ANTI JOIN {_SHARED} USING (purpose, pass_tag)",
        }
