"""Which two identities a manual decision is about: tags, in the encrypted database of the identity directory.

The ledger has the rest of a decision and no person in it.
"""

from __future__ import annotations

import duckdb
import polars as pl


class DecidedPairs:
    """The pairs of the decisions in the database that ``connection`` uses."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        connection.execute(
            "CREATE TABLE IF NOT EXISTS decided_pair (decision_id VARCHAR, one_tag BLOB, other_tag BLOB)"
        )

    def note(self, decision_id: str, one: bytes, other: bytes) -> None:
        """Keep the pair of a decision."""
        self._connection.execute("INSERT INTO decided_pair VALUES (?, ?, ?)", [decision_id, one, other])

    def pairs(self) -> dict[str, tuple[bytes, bytes]]:
        """Both tags by decision."""
        rows = self._connection.execute("SELECT decision_id, one_tag, other_tag FROM decided_pair").fetchall()
        return {decision_id: (bytes(one), bytes(other)) for decision_id, one, other in rows}

    def rekey(self, pairs: pl.DataFrame) -> None:
        """Put new tags in place of old ones (``pairs``: old_tag, new_tag of identities); a repeat changes nothing."""
        self._connection.register("told_pairs", pairs)
        self._connection.execute("BEGIN")
        try:
            for column in ("one_tag", "other_tag"):
                self._connection.execute(
                    f"UPDATE decided_pair SET {column} = told.new_tag FROM told_pairs AS told "
                    f"WHERE told.old_tag = {column}"
                )
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        self._connection.unregister("told_pairs")

    def unknown(self, tags: list[bytes]) -> list[bytes]:
        """Those of ``tags`` that the directory does not know."""
        found = self._connection.execute(
            "SELECT DISTINCT identity_tag FROM people WHERE list_contains(?::BLOB[], identity_tag)", [tags]
        ).fetchall()
        known = {bytes(tag) for (tag,) in found}
        return [tag for tag in tags if tag not in known]

    def names(self) -> pl.Series:
        """Every whole name in the directory, in kanji and kana, as NFKC without blanks; single letters left out."""
        written = self._connection.execute("SELECT DISTINCT unnest([name_kanji, name_kana]) AS name FROM people").pl()
        squeezed = written["name"].drop_nulls().str.normalize("NFKC").str.replace_all(r"[\s・]", "")
        return squeezed.filter(squeezed.str.len_chars() > 1).unique()
