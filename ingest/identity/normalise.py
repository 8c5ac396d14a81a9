"""One form for one thing, before any token is made: what is not normalised does not link.

The functions take and give Polars expressions over text, are idempotent, and give null for nothing
left. They are used at the site only; their output goes into tokens and never leaves as text. ``column`` does
the same for a whole column, of which most values are written plainly: what has the look of ``Form.plain`` needs the
short way only.

Sources: the first claims-checkup link of the national database reached 14.9 % of the expected
charges, blamed on spaces in names and on eras (Okamoto 2014, see docs/explanation); insurer numbers of
国保 with a leading "00" in checkup files (標準的なデータファイル仕様, unverified).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

# Standing voice marks (ﾊ゛ written apart) become combining ones, which NFKC joins to the kana before.
_VOICE_MARKS = {"゛": "\u3099", "゜": "\u309a"}
_HIRAGANA = {chr(code): chr(code + 0x60) for code in (*range(0x3041, 0x3097), 0x309D, 0x309E)}
_SMALL_KANA = "ァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ"
_LARGE_KANA = "アイウエオツヤユヨワカケクシストヌハヒフヘホムラリルレロ"
_SMALL = dict(zip(_SMALL_KANA, _LARGE_KANA, strict=True))
_LARGE_KATAKANA = _HIRAGANA | _SMALL | {h: _SMALL[k] for h, k in _HIRAGANA.items() if k in _SMALL}

_VOICED = "ガギグゲゴザジズゼゾダヂヅデドバビブベボパピプペポヴヲヰヱ"
_VOICELESS = "カキクケコサシスセソタシステトハヒフヘホハヒフヘホウオイエ"
_SKELETON = dict(zip(_VOICED, _VOICELESS, strict=True))
_LONG_VOWELS = {
    "アカサタナハマヤラワ": "ア",
    "イキシチニヒミリ": "イ",
    "ウクスツヌフムユル": "ウ",
    "エケセテネヘメレ": "イエ",
    "オコソトノホモヨロ": "ウオ",
}
_BLANKS = " \u3000"
_NOT_A_NAME = r"[^ァ-ヺヽヾA-Z0-9\p{Han}]"
_NOT_TEXT = r"[\p{C}\p{Z}]"
_NOT_A_SYMBOL = r"[^\p{L}\p{N}]|[ーｰ]"


def text(column: pl.Expr) -> pl.Expr:
    """Any text: full and half width the same, without spaces and control characters."""
    return _nothing_is_null(column.str.normalize("NFKC").str.replace_all(_NOT_TEXT, "").str.normalize("NFKC"))


def kana(column: pl.Expr) -> pl.Expr:
    """A name in kana: full-width katakana, small kana large, no long-vowel mark, hyphen, space or dot.

    Hiragana becomes katakana, Latin letters capital; what is neither kana, letter, digit nor kanji is
    left out, so ``ｼﾞｮｰ･ｽﾐｽ``, ``ジョー　スミス`` and ``じよ すみす`` agree.
    """
    return _nothing_is_null(
        column.str.replace_many(_VOICE_MARKS)
        .str.normalize("NFKC")
        .str.to_uppercase()
        .str.replace_many(_LARGE_KATAKANA)
        .str.replace_all(_NOT_A_NAME, "")
    )


def kana_skeleton(column: pl.Expr) -> pl.Expr:
    """What is left of a name in the form of ``kana`` when writing habits are taken off: voice marks, ヅ for ズ,
    ヲ for オ, a long vowel written out. Beside a number it tells one person of a household from another."""
    plain = column.str.normalize("NFKC").str.replace_many(_SKELETON)
    for before, vowel in _LONG_VOWELS.items():
        plain = plain.str.replace_all(f"([{before}])[{vowel}]+", "$1")
    return _nothing_is_null(plain)


def given_kana(column: pl.Expr) -> pl.Expr:
    """Of a name in kana as it is written, the part after the first blank in the form of ``kana``; null without one."""
    after = column.str.strip_chars(_BLANKS).str.extract(f"[{_BLANKS}]+(.+)$")
    return kana(after)


def symbol(column: pl.Expr) -> pl.Expr:
    """A 記号: letters, kanji and digits only, capital; separators and every kind of hyphen go."""
    return _nothing_is_null(
        column.str.normalize("NFKC")
        .str.to_uppercase()
        .str.normalize("NFKC")
        .str.replace_all(_NOT_A_SYMBOL, "")
        .str.normalize("NFKC")
    )


def insured_number(column: pl.Expr) -> pl.Expr:
    """A 番号: as ``symbol``, without the zeros before a number that is digits only."""
    number = symbol(column)
    return pl.when(number.str.contains(r"^[0-9]+$")).then(number.str.replace(r"^0+([0-9])", "$1")).otherwise(number)


def branch(column: pl.Expr) -> pl.Expr:
    """A 枝番 of two digits; null for blank and for zeros, which stand for "none given"."""
    digits = symbol(column).str.replace(r"^0+", "")
    return pl.when(digits != "").then(digits.str.zfill(2)).otherwise(None)


def insurer_number(column: pl.Expr) -> pl.Expr:
    """A 保険者番号: 6 or 8 characters, zeros before it restored, the 00 before six digits taken off."""
    number = symbol(column)
    length = number.str.len_chars()
    full = pl.when(length <= 6).then(number.str.zfill(6)).otherwise(number.str.zfill(8))
    return full.str.replace(r"^00([0-9]{6})$", "$1")


@dataclass(frozen=True)
class Form:
    """A way to write something: ``whole`` for any value, ``short`` with the same result for those like ``plain``."""

    whole: Callable[[pl.Expr], pl.Expr]
    plain: str
    short: Callable[[pl.Expr], pl.Expr]


def _as_it_is(column: pl.Expr) -> pl.Expr:
    return column


_PLAIN_KANA = "".join(
    chr(code)
    for code in range(0x30A1, 0x30FB)
    if chr(code) not in _SMALL and chr(code) not in "ヷヸヹヺ"  # these four have their marks apart in NFKC
)
TEXT = Form(text, r"^[!-~]+$", _as_it_is)
KANA = Form(
    kana,
    rf"^[{_PLAIN_KANA}\u3000 ]*[{_PLAIN_KANA}][{_PLAIN_KANA}\u3000 ]*$",
    lambda c: c.str.replace_all("[\u3000 ]", ""),
)
# Names are many but for few forms of each: every distinct one goes the whole way.
SKELETON = Form(kana_skeleton, "^$", _as_it_is)
GIVEN = Form(given_kana, "^$", _as_it_is)
SYMBOL = Form(symbol, r"^[0-9A-Z]+$", _as_it_is)
INSURED_NUMBER = Form(insured_number, r"^0*[1-9][0-9]*$", lambda c: c.str.strip_chars_start("0"))
BRANCH = Form(branch, r"^(0[1-9]|[1-9][0-9])$", _as_it_is)
INSURER_NUMBER = Form(insurer_number, r"^([0-9]{6}|[1-9][0-9]{7})$", _as_it_is)


def column(values: pl.Series, form: Form) -> pl.Series:
    """The values in their form, under the same name; each distinct one that is not plain is worked out once."""
    name = values.name
    is_plain = values.str.contains(form.plain)
    short = values.to_frame().select(form.short(pl.col(name))).to_series()
    other = values.filter(~is_plain).unique()
    if other.is_empty():
        return short
    known = other.to_frame(name).with_columns(form.whole(pl.col(name)).alias("_whole"))
    whole = values.to_frame().join(known, on=name, how="left", maintain_order="left").get_column("_whole")
    return short.zip_with(is_plain.fill_null(False), whole).alias(name)


def each_once(values: pl.Series, of: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """What ``of`` makes of the values of a column that has few different ones (days), worked out once for each."""
    known = values.drop_nulls().unique()
    return of(values) if known.is_empty() else values.replace_strict(known, of(known), default=None)


def _nothing_is_null(expression: pl.Expr) -> pl.Expr:
    return pl.when(expression != "").then(expression).otherwise(None)
