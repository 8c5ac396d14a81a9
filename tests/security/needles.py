"""Search for planted persons in everything that a party can read.

A needle is looked for as text in every width and spelling, and as bytes in every encoding; a birth
date in every form that a Japanese system writes.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa

ENCODINGS = ("utf-8", "cp932", "utf-16-le", "utf-16-be", "euc_jp")
ERAS = (
    (2019, 5, 1, "令和", "R", "5"),
    (1989, 1, 8, "平成", "H", "4"),
    (1926, 12, 25, "昭和", "S", "3"),
    (1912, 7, 30, "大正", "T", "2"),
)


def half_width_kana(text: str) -> str:
    """Full-width katakana as half-width, the voiced marks apart, as older systems write it."""
    table: dict[str, str] = {}
    for code in range(0xFF61, 0xFFA0):
        table[unicodedata.normalize("NFKC", chr(code))] = chr(code)
    out = []
    for character in unicodedata.normalize("NFD", text):
        out.append({"\u3099": "ﾞ", "\u309a": "ﾟ"}.get(character, table.get(character, character)))
    return "".join(out)


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def date_forms(day: date) -> set[str]:
    """Every way in which a birth date is commonly written."""
    y, m, d = day.year, day.month, day.day
    forms = {
        f"{y:04d}-{m:02d}-{d:02d}", f"{y:04d}/{m:02d}/{d:02d}", f"{y}/{m}/{d}", f"{y:04d}{m:02d}{d:02d}",
        f"{y}年{m}月{d}日", f"{y}.{m:02d}.{d:02d}",
    }  # fmt: skip
    for start_y, start_m, start_d, name, letter, code in ERAS:
        if day >= date(start_y, start_m, start_d):
            era = y - start_y + 1
            forms |= {
                f"{name}{era}年{m}月{d}日", f"{letter}{era:02d}.{m:02d}.{d:02d}", f"{letter}{era:02d}{m:02d}{d:02d}",
                f"{code}{era:02d}{m:02d}{d:02d}", f"{letter}{era:02d}/{m:02d}/{d:02d}",
            }  # fmt: skip
            break
    return forms


def text_forms(needle: str) -> set[str]:
    """A name or number in every width, with and without its blanks."""
    squeezed = re.sub(r"\s", "", needle)
    folded = unicodedata.normalize("NFKC", squeezed)
    hiragana = "".join(chr(ord(c) - 0x60) if "ァ" <= c <= "ヶ" else c for c in folded)
    forms = {needle, squeezed, folded, hiragana, half_width_kana(folded), full_width(folded)}
    return {form for form in forms if len(form) >= 4 or not form.isascii()}


def byte_forms(forms: Iterable[str]) -> set[bytes]:
    """The same in every encoding, and as hex of UTF-8."""
    found: set[bytes] = set()
    for form in forms:
        for encoding in ENCODINGS:
            try:
                found.add(form.encode(encoding))
            except UnicodeEncodeError:
                continue
        found.add(form.encode().hex().encode())
    return {form for form in found if len(form) >= 6}


_AMOUNTS = ("_yen", "_points", "_count", "_days", "_rate", "numerator", "denominator", "contribution", "value", "edges")
_PIECE = 64 << 20
_LONGEST = 1 << 10
"""More than the longest form of a needle has bytes."""
_HASH = r"[0-9a-f]{64,}"
"""A SHA-256 or a wrapped key in hex: among so many random digits any seven stand by chance."""


class Search:
    """All forms of all needles, looked for at once (Aho-Corasick, as Polars has it).

    A needle of bare digits counts where it is no piece of a hash; written in hex it counts everywhere.
    """

    def __init__(self, forms: Iterable[str]) -> None:
        self.forms = sorted(set(forms))
        self._bytes = [form.decode("latin-1") for form in sorted(byte_forms(self.forms))]

    def in_bytes(self, content: bytes) -> bool:
        return self._any(pl.Series([content.decode("latin-1")]), self._bytes)

    def in_text(self, content: str) -> bool:
        return self._any(pl.Series([content]), self.forms)

    @staticmethod
    def _any(texts: pl.Series, patterns: list[str]) -> bool:
        numbers = [needle for needle in patterns if len(needle) < 12 and needle.isascii() and needle.isdigit()]
        others = sorted(set(patterns) - set(numbers))
        if others and texts.str.contains_any(others).any():
            return True
        if not numbers or not texts.str.contains_any(numbers).any():
            return False
        return bool(texts.str.replace_all(_HASH, "").str.contains_any(numbers).any())

    def in_files(self, *folders: Path) -> Iterator[str]:
        """Names of files that hold a needle in their raw bytes or in their own path."""
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                if path.is_file() and (self.in_file(path) or self.in_text(str(path))):
                    yield str(path)

    def in_file(self, path: Path) -> bool:
        """Whether the raw bytes hold a needle; a large file piece by piece, each with the end of the one before."""
        before = b""
        with path.open("rb") as handle:
            while piece := handle.read(_PIECE):
                if self.in_bytes(before + piece):
                    return True
                before = piece[-_LONGEST:]
        return False

    def in_arrow(self, name: str, table: pa.Table) -> Iterator[str]:
        """Columns that hold a needle as text, or as bytes inside a binary value."""
        for column in table.column_names:
            values = table[column]
            if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
                parts = (part.cast(pa.large_binary()).buffers()[2] for part in values.chunks)
                hit = any(self.in_bytes(part.to_pybytes()) for part in parts if part is not None)
            else:
                # Among a million sums of money any seven digits stand by chance.
                is_amount = column.endswith(_AMOUNTS)
                forms = [form for form in self.forms if not (is_amount and form.isdigit())]
                hit = self._any(pl.Series(values).unique().cast(pl.String), forms)
            if hit:
                yield f"{name}.{column}"

    def in_database(self, connection: duckdb.DuckDBPyConnection, catalog: str) -> Iterator[str]:
        """Columns of every table and view of an open database that hold a needle."""
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = ? ORDER BY ALL",
            [catalog],
        ).fetchall()
        assert tables, f"{catalog} has no table: nothing would be searched"
        for schema, table in tables:
            yield from self.in_arrow(
                f"{schema}.{table}",
                connection.execute(f'SELECT * FROM {catalog}."{schema}"."{table}"').to_arrow_table(),
            )

    def in_ledger(self, path: Path) -> Iterator[str]:
        """Tables of an SQLite ledger that hold a needle."""
        connection = sqlite3.connect(path)
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            text = "\n".join(str(row) for row in connection.execute(f"SELECT * FROM {table}"))
            if self.in_text(text):
                yield f"{path.name}.{table}"
        connection.close()


PERSONS = 50


def fifty_people(truth: Path, other_days: Iterable[date] = ()) -> Search:
    """The search for names, numbers and birth dates of fifty people of a synthetic world's truth.

    Born on the first of a month is told by design, a newborn is insured from the day of birth (decision 0003), and a
    day on which something else happened to somebody (``other_days`` beside those of the truth) would be found for
    that: such people are not among them.
    """
    days = pl.concat(
        pl.read_parquet(truth / f"{table}.parquet").select(pl.col(column).alias("day"))
        for table, columns in {
            "numbers": ("start_date", "end_date", "acquired_date"),
            "events": ("event_date",),
        }.items()
        for column in columns
    )["day"].extend(pl.Series(list(other_days), dtype=pl.Date))
    people = pl.read_parquet(truth / "people.parquet").filter(
        (pl.col("birth_date").dt.day() != 1)
        & (pl.col("birth_date") < date(2015, 1, 1))
        & ~pl.col("birth_date").is_in(days.drop_nulls().unique().implode())
    )
    numbers = pl.read_parquet(truth / "numbers.parquet").filter(pl.col("person").is_in(people["person"].to_list()))
    chosen = numbers.unique("person", maintain_order=True).head(PERSONS)
    people = people.filter(pl.col("person").is_in(chosen["person"].to_list()))
    assert people.height == PERSONS
    forms: set[str] = set()
    for column in ("name_kanji", "name_kana"):
        for name in people[column].to_list():
            forms |= text_forms(name)
    for number in chosen["number"].to_list():
        forms |= {form for form in text_forms(number) if len(form) >= 6}
    for born in people["birth_date"].to_list():
        forms |= {form for form in date_forms(born) if len(form) >= 7}
    return Search(forms)
