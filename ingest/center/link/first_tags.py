"""The first tag of an identity or a linkage token: what its site called it before any rotation of the identity key.

Linkage orders identities by the bytes of their tags and names a person by one of them. So that neither moves with a
rotation, it works with first tags: ``relink`` translates what it reads and translates the solution back. A tag that
was never rotated is its own first tag.

A first tag is kept encrypted under a key made from the link key in use: whoever holds an old identity key and the
warehouse cannot test guesses against it without the center's link key as well. A tag is one block of AES, and every
tag is another, so the block cipher alone hides it and keeps its 16 bytes.
"""

from __future__ import annotations

import duckdb
import polars as pl
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ingest.sealing.keys import derive

IDENTITY = "identity"
_TAG_BYTES = 16
_SCHEMA = {
    "linkage_domain": pl.String(),
    "purpose": pl.String(),
    "tag": pl.Binary(),
    "first_tag": pl.Binary(),
}
_OF_AFFECTED = """
    SEMI JOIN (
        SELECT linkage_domain, 'identity' AS purpose, identity_tag AS tag FROM {affected}
        UNION SELECT linkage_domain, purpose, pass_tag
        FROM link.incidence SEMI JOIN {affected} USING (linkage_domain, identity_tag)
    ) USING (linkage_domain, purpose, tag)"""


def keep(connection: duckdb.DuckDBPyConnection, linkage_domain: str, link_key: bytes) -> None:
    """Before the tags of a domain are replaced by ``temp.told_rekey``, note the first tag of each new one.

    Only of what stands in ``raw``: the pairs of a rekey may name more.
    """
    pairs = connection.execute(
        """
        SELECT purpose, old_tag, new_tag, known.first_tag FROM (
            SELECT DISTINCT 'identity' AS purpose, identity_tag AS old_tag FROM raw.identity
            WHERE linkage_domain = $domain
            UNION SELECT DISTINCT purpose, pass_tag FROM raw.identity_pass WHERE linkage_domain = $domain
        ) JOIN temp.told_rekey AS told USING (purpose, old_tag)
        LEFT JOIN (FROM link.first_tag WHERE linkage_domain = $domain) AS known
            ON known.purpose = told.purpose AND known.tag = told.old_tag""",
        {"domain": linkage_domain},
    ).pl()
    sealed = pairs.with_columns(pl.coalesce("first_tag", _crypted(pairs["old_tag"], link_key)).alias("first_tag"))
    connection.execute("DELETE FROM link.first_tag WHERE linkage_domain = ?", [linkage_domain])
    connection.register("kept_tags", sealed.to_arrow())
    connection.execute(
        "INSERT INTO link.first_tag SELECT ?, purpose, new_tag, first_tag FROM kept_tags", [linkage_domain]
    )
    connection.unregister("kept_tags")


def renew(connection: duckdb.DuckDBPyConnection, number: int, older: bytes, newer: bytes) -> int:
    """Encrypt what is kept under the link key ``older`` anew under ``newer``, which has this number; how many tags.

    Inside a transaction of the caller, which notes the number: a repeat after a kill changes nothing.
    """
    kept = connection.execute("FROM link.first_tag").pl()
    if connection.execute("SELECT 1 FROM control.link_renewal WHERE number = ?", [number]).fetchone() is None:
        opened = _crypted(kept["first_tag"], older, is_opened=True)
        sealed = kept.with_columns(_crypted(opened, newer))
        connection.execute("DELETE FROM link.first_tag")
        connection.register("kept_tags", sealed.to_arrow())
        connection.execute("INSERT INTO link.first_tag SELECT linkage_domain, purpose, tag, first_tag FROM kept_tags")
        connection.unregister("kept_tags")
        connection.execute("INSERT INTO control.link_renewal VALUES (?)", [number])
    return kept.height


class FirstTags:
    """The first tags of identities and of their tokens, for one run of linkage: of all, or of those ``affected``
    (relation of linkage_domain, identity_tag) only."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, link_key: bytes, *, affected: str | None = None) -> None:
        self._known = pl.DataFrame(schema=_SCHEMA)
        if connection.execute("SELECT 1 FROM link.first_tag LIMIT 1").fetchone() is None:
            return
        which = "" if affected is None else _OF_AFFECTED.format(affected=affected)
        known = connection.execute(f"SELECT linkage_domain, purpose, tag, first_tag FROM link.first_tag {which}").pl()
        self._known = known.with_columns(_crypted(known["first_tag"], link_key, is_opened=True)).cast(_SCHEMA)  # type: ignore[arg-type]

    def is_empty(self) -> bool:
        """Whether every tag is its own first tag."""
        return self._known.is_empty()

    def of(self, frame: pl.DataFrame, column: str, purpose: pl.Expr | None = None) -> pl.DataFrame:
        """``frame`` with first tags in place of the tags in ``column``; of identities where no ``purpose`` is given."""
        if self.is_empty():
            return frame
        of = (pl.lit(IDENTITY) if purpose is None else purpose).alias("_purpose")
        known = self._known.select(
            "linkage_domain",
            pl.col("purpose").alias("_purpose"),
            pl.col("tag").alias(column),
            pl.col("first_tag").alias("_to"),
        )
        joined = frame.with_columns(of).join(
            known, on=["linkage_domain", "_purpose", column], how="left", maintain_order="left"
        )
        return joined.with_columns(pl.coalesce("_to", column).alias(column)).select(frame.columns)


def _crypted(tags: pl.Series, link_key: bytes, *, is_opened: bool = False) -> pl.Series:
    """The tags encrypted (or opened) one by one, a block each."""
    cipher = Cipher(algorithms.AES(derive(link_key, "first-tag")), modes.ECB())  # noqa: S305 - one block a tag, none twice
    step = cipher.decryptor() if is_opened else cipher.encryptor()
    content = step.update(b"".join(tags.to_list()))
    blocks = [content[start : start + _TAG_BYTES] for start in range(0, len(content), _TAG_BYTES)]
    return pl.Series(tags.name, blocks, dtype=pl.Binary)
