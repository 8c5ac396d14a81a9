"""Search for planted persons, or keys, in everything that a party can read.

All forms of all needles are looked for at once (Aho-Corasick, as Polars has it), and in a table in all columns at once:
what one pass looks through is as large as memory comfortably holds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa

from tests.security.needles import byte_forms, written_forms

_AMOUNTS = ("_yen", "_points", "_count", "_days", "_rate", "numerator", "denominator", "contribution", "value", "edges")
_HASHES = ("identity_hash", "tokens_sum")  # of link.told, as numbers of twenty digits
_PIECE = 64 << 20
_ROWS = 500_000
_LONGEST = 1 << 10
"""More than the longest form of a needle has bytes."""
_HASH = r"[0-9a-f]{64,}"
"""A SHA-256 or a wrapped key in hex: among so many random digits any seven stand by chance."""


class Search:
    """Looks for ``forms`` of text, in every encoding, and for ``contents`` of bytes; both in hex and base64 as well.

    A needle of bare digits counts where it is no piece of a hash; written in hex it counts everywhere.
    """

    def __init__(self, forms: Iterable[str], contents: Iterable[bytes] = ()) -> None:
        self.forms = sorted(set(forms))
        encoded = byte_forms(self.forms) | set(contents)
        written = {form for content in encoded for form in written_forms(content)}
        self._bytes = _Patterns(form.decode("latin-1") for form in encoded | written)
        self._texts = _Patterns({*self.forms, *(form.decode("ascii") for form in written)})
        # Among a million sums of money, or hashes as numbers, any seven digits stand by chance.
        self._amounts = _Patterns(form for form in self.forms if not form.isdigit())

    def in_bytes(self, content: bytes) -> bool:
        return self._bytes.are_in(pl.Series([content.decode("latin-1")]))

    def in_text(self, content: str) -> bool:
        return self._texts.are_in(pl.Series([content]))

    def in_files(self, *folders: Path) -> Iterator[str]:
        """Names of files in these folders that hold a needle in their raw bytes or in their own path."""
        found = (path for folder in folders for path in sorted(folder.rglob("*")))
        yield from self.in_paths(path for path in found if path.is_file())

    def in_paths(self, paths: Iterable[Path]) -> Iterator[str]:
        """The same of these files."""
        sieve = _Sieve()
        hits: set[str] = set()
        for path in paths:
            sieve.add(self._texts, pl.Series(str(path), [str(path)]))
            for piece in _pieces(path):
                sieve.add(self._bytes, pl.Series(str(path), [piece.decode("latin-1")]))
                if sieve.size > _PIECE:
                    hits |= set(sieve.hits())
        yield from sorted(hits | set(sieve.hits()))

    def in_file(self, path: Path) -> bool:
        """Whether the raw bytes hold a needle."""
        return any(self.in_bytes(piece) for piece in _pieces(path))

    def in_arrow(self, name: str, batches: Iterable[pa.RecordBatch]) -> Iterator[str]:
        """Columns of the table ``name`` that hold a needle as text, or as bytes inside a binary value."""
        sieve = _Sieve()
        hits: set[str] = set()
        for batch in batches:
            for column, values in zip(batch.schema.names, batch.columns, strict=True):
                told = f"{name}.{column}"
                series = pl.Series(told, values).unique()
                if series.dtype == pl.Binary:
                    sieve.add(self._bytes, _joined(series))
                else:
                    is_number = column.endswith((*_AMOUNTS, *_HASHES))
                    sieve.add(self._amounts if is_number else self._texts, series.cast(pl.String))
            if sieve.size > _PIECE:
                hits |= set(sieve.hits())
        yield from sorted(hits | set(sieve.hits()))

    def in_database(self, connection: duckdb.DuckDBPyConnection, catalog: str) -> Iterator[str]:
        """Columns of every table of an open database that hold a needle; a view shows only what tables hold."""
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_catalog = ? AND table_type <> 'VIEW' ORDER BY ALL",
            [catalog],
        ).fetchall()
        assert tables, f"{catalog} has no table: nothing would be searched"
        for schema, table in tables:
            rows = connection.execute(f'SELECT * FROM {catalog}."{schema}"."{table}"')
            yield from self.in_arrow(f"{schema}.{table}", rows.to_arrow_reader(_ROWS))

    def in_ledger(self, path: Path) -> Iterator[str]:
        """Tables of an SQLite ledger that hold a needle."""
        connection = sqlite3.connect(path)
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            text = "\n".join(str(row) for row in connection.execute(f"SELECT * FROM {table}"))
            if self.in_text(text):
                yield f"{path.name}.{table}"
        connection.close()


class _Patterns:
    """What is looked for; bare digits apart, which a hash may hold."""

    def __init__(self, patterns: Iterable[str]) -> None:
        every = set(patterns)
        self._numbers = sorted(form for form in every if len(form) < 12 and form.isascii() and form.isdigit())
        self._others = sorted(every - set(self._numbers))

    def are_in(self, texts: pl.Series) -> bool:
        if self._others and texts.str.contains_any(self._others).any():
            return True
        if not self._numbers or not texts.str.contains_any(self._numbers).any():
            return False
        return bool(texts.str.replace_all(_HASH, "").str.contains_any(self._numbers).any())


class _Sieve:
    """Columns and files that wait until there are so many that looking for the needles is worth its preparation."""

    def __init__(self) -> None:
        self.size = 0
        self._waiting: dict[_Patterns, list[pl.Series]] = {}

    def add(self, patterns: _Patterns, texts: pl.Series) -> None:
        self.size += texts.estimated_size()
        self._waiting.setdefault(patterns, []).append(texts)

    def hits(self) -> Iterator[str]:
        """Names of those waiting that hold a needle; none waits afterwards."""
        waiting, self._waiting, self.size = self._waiting, {}, 0
        for patterns, columns in waiting.items():
            if patterns.are_in(pl.concat(column.alias("") for column in columns)):
                yield from (column.name for column in columns if patterns.are_in(column))


def _pieces(path: Path) -> Iterator[bytes]:
    """The bytes of a file; of a large one piece by piece, each with the end of the one before."""
    before = b""
    with path.open("rb") as handle:
        while piece := handle.read(_PIECE):
            yield before + piece
            before = piece[-_LONGEST:]


def _joined(values: pl.Series) -> pl.Series:
    """All binary values of a column one after the other, a letter a byte."""
    content = values.to_arrow().cast(pa.large_binary()).buffers()[2]
    text = content.to_pybytes().decode("latin-1") if content is not None else ""
    return pl.Series(values.name, [text])
