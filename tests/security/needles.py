"""What a person would be found by: names and numbers in every width and encoding, birth dates in every form."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import polars as pl

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
    """The same in every encoding."""
    found: set[bytes] = set()
    for form in forms:
        for encoding in ENCODINGS:
            try:
                found.add(form.encode(encoding))
            except UnicodeEncodeError:
                continue
    return {form for form in found if len(form) >= 6}


def written_forms(content: bytes) -> set[bytes]:
    """Bytes as a program writes them into text: in hex, and in base64 wherever in a longer text they begin."""
    found = {content.hex().encode(), content.hex().upper().encode()}
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + content)
        # The first and last letters may hold bits of what stands beside.
        found.add(encoded[-(-before * 8 // 6) : (before + len(content)) * 8 // 6])
    return {form for form in found if len(form) >= 8}


PERSONS = 50


def fifty_people(truth: Path, other_days: Iterable[date] = ()) -> set[str]:
    """Names, numbers and birth dates of fifty people of a synthetic world's truth, in every form.

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
    return forms
