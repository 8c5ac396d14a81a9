"""From the bytes of a Japanese CSV file to its fields, without a loop over rows.

Files arrive in Shift_JIS (read as CP932, which holds 髙, 﨑, ①, ㈱), sometimes in UTF-8 with or
without a byte order mark. One record stands on one line; a record broken over lines is set aside
like any other line whose quotes do not close. Field guide: domain/formats.md 0, 2.4, 3.1, 4.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from ingest.formats.reading import FileRefused, Problem

HEAD_BYTES = 65536
"""How much of a file is looked at to recognise it."""

READ_ENCODINGS = ("utf-8", "cp932")
OTHER_ENCODINGS = ("euc_jp", "iso2022_jp", "utf-16")
"""Encodings that we name when refusing a file, and never read."""

MAXIMUM_COLUMNS = 10_000
"""No layout has a tenth of it; every column of a heading costs memory and time."""

# A share of unreadable characters above which a file is in another encoding rather than damaged.
MAXIMUM_REPLACED_SHARE = 0.01

# Python reads the four bytes that CP932 leaves free as private characters.
_NO_CHARACTERS = "\uf8f0\uf8f1\uf8f2\uf8f3"

_QUOTED = r'"(?:[^"]|"")*"'
_FIELD = rf'(?:{_QUOTED}|[^",]*)'
_WELL_FORMED = rf"^{_FIELD}(?:,{_FIELD})*$"


@dataclass(frozen=True)
class Lines:
    """The lines of a file that hold something.

    ``frame``        source_row (1-based line number) and text, blank lines left out
    ``encoding``     utf-8 or cp932
    ``replaced``     characters that could not be read and became U+FFFD
    ``is_complete``  the last line ends with a line end
    """

    frame: pl.DataFrame
    encoding: str
    replaced: int
    is_complete: bool

    def drop(self, rows: int) -> Lines:
        """The same without the first ``rows`` lines."""
        return replace(self, frame=self.frame.slice(rows))

    def below(self, headings: int) -> Lines:
        """The same without the first lines, the last of them being the heading.

        Raises FileRefused ``truncated`` where the file ends in its heading: columns may be missing.
        """
        if not self.is_complete and self.frame.height <= headings:
            raise FileRefused("truncated", "見出しの行が途中で切れています", line=int(self.frame["source_row"][-1]))
        return self.drop(headings)

    def problems(self, table: str) -> list[Problem]:
        """What is wrong with the file's characters, if anything."""
        if not self.replaced:
            return []
        return [
            Problem(
                table,
                None,
                "",
                "encoding",
                f"読めない文字が{self.replaced}字あり、置き換えました",
                "外字を使っていないか送付元に確かめてください",
            )
        ]


def decode(data: bytes) -> tuple[str, str, int]:
    """Text, encoding and number of replaced characters of a file's bytes.

    A file cut inside a character is decoded up to there. Raises FileRefused ``encoding`` for UTF-16,
    ISO-2022-JP, binary content, and where more than one character in a hundred cannot be read.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\x00" in data[:HEAD_BYTES]:
        raise FileRefused("encoding", "UTF-16またはバイナリのファイルです")
    if b"\x1b$" in data[:HEAD_BYTES]:
        raise FileRefused("encoding", "ISO-2022-JPのファイルです")
    has_mark = data.startswith(codecs.BOM_UTF8)
    body = data[3:] if has_mark else data
    try:
        text, used = codecs.utf_8_decode(body, "strict", False)
        if len(body) - used <= 3:
            return text, "utf-8", 0
    except UnicodeDecodeError:
        if has_mark:
            raise FileRefused("encoding", "UTF-8の印があるのにUTF-8として読めません") from None
    text = body.decode("cp932", errors="replace")
    for character in _NO_CHARACTERS:
        text = text.replace(character, "\ufffd")
    replaced = text.count("\ufffd")
    if replaced > 1 and replaced > len(text) * MAXIMUM_REPLACED_SHARE:
        raise FileRefused("encoding", f"CP932として読めない文字が{replaced}字あります")
    return text, "cp932", replaced


def is_readable(character: bytes) -> bool:
    """Whether some bytes are a character of CP932, as ``decode`` reads it."""
    try:
        return character.decode("cp932") not in _NO_CHARACTERS
    except UnicodeDecodeError:
        return False


def lines_of(data: bytes) -> Lines:
    """The lines of a file, CRLF or LF, with or without the 0x1A of old systems at the end.

    Raises FileRefused as ``decode`` does, and ``truncated`` for an empty file.
    """
    text, encoding, replaced = decode(data)
    text = text.rstrip("\x1a")
    if not text.strip():
        raise FileRefused("truncated", "中身のないファイルです")
    column = pl.Series("text", [text], dtype=pl.String).str.split("\n").explode()
    frame = (
        column.to_frame()
        .with_row_index("source_row", offset=1)
        .select(pl.col("source_row").cast(pl.Int64), pl.col("text").str.strip_suffix("\r"))
        .filter(pl.col("text").str.strip_chars() != "")
    )
    return Lines(frame, encoding, replaced, text.endswith("\n"))


def head_text(head: bytes, accepts: Callable[[list[list[str]]], bool]) -> str | None:
    """The encoding in which the first lines of ``head`` are accepted, or None.

    ``accepts`` gets the fields of the first lines. Encodings that are refused later are tried
    last: a file in EUC-JP is recognised for what it is and then refused for its encoding.
    """
    for encoding in (*READ_ENCODINGS, *OTHER_ENCODINGS):
        text = head.decode(encoding, errors="replace").lstrip("\ufeff")
        rows = [split_line(line) for line in text.split("\n", 6)[:6]]
        if accepts(rows):
            return encoding
    return None


def split_line(line: str) -> list[str]:
    """The fields of one line (a heading, a control record), quotes taken off.

    None where a field is longer than the CSV reader takes (131,072 characters), or where there are more
    than ``MAXIMUM_COLUMNS``: that is no heading.
    """
    if line.count(",") >= MAXIMUM_COLUMNS:
        return []
    # A carriage return or a zero byte inside shows up only where the encoding was guessed wrong.
    try:
        return next(csv.reader([line.replace("\r", "").replace("\0", "")]), [])
    except csv.Error:
        return []


def field_counts(text: pl.Series) -> pl.Series:
    """Number of fields of each line; null where its quotes do not close."""
    line = pl.col(text.name)
    commas = line.str.count_matches(",", literal=True).cast(pl.Int64) + 1
    has_quotes = text.str.contains('"', literal=True)
    if not has_quotes.any():
        return text.to_frame().select(commas).to_series()
    within = line.str.replace_all(_QUOTED, "").str.count_matches(",", literal=True).cast(pl.Int64) + 1
    quoted = pl.when(line.str.contains(_WELL_FORMED)).then(within)
    return text.to_frame().select(pl.when(has_quotes).then(quoted).otherwise(commas)).to_series()


def split_fields(frame: pl.DataFrame, width: int) -> pl.DataFrame:
    """Columns ``f1`` … ``f<width>`` beside ``source_row`` and ``text``; blank fields are null.

    ``frame`` holds well-formed lines of at least ``width`` fields; further fields are left out.
    """
    names = [f"f{position}" for position in range(1, width + 1)]
    schema: dict[str, type[pl.DataType]] = dict.fromkeys(names, pl.String)
    if frame.is_empty():
        return frame.hstack(pl.DataFrame(schema=schema))
    # A line of one field that is empty would be skipped by the CSV reader: such lines are no records.
    body = frame["text"].str.join("\n").item().encode()
    has_quotes = b'"' in body
    fields = pl.read_csv(
        body,
        has_header=False,
        schema=schema,
        quote_char='"' if has_quotes else None,
        truncate_ragged_lines=True,
        extra_columns="ignore",  # the first line itself may be the longer one
    )
    return frame.hstack(fields)


@dataclass(frozen=True)
class Split:
    """Lines as fields, the lines that do not fit, and whether the last line is torn off."""

    fields: pl.DataFrame
    misfits: pl.DataFrame
    torn_line: int | None


def split(lines: Lines, width: int) -> Split:
    """Fields of all lines; lines of another number of fields are misfits.

    A last line without a line end that does not fit is torn: its number is in ``torn_line`` and it
    stands neither among the fields nor among the misfits.
    """
    fields, misfits = fit(lines.frame, width)
    last = None if lines.frame.is_empty() else int(lines.frame["source_row"][-1])
    is_torn = not lines.is_complete and not misfits.is_empty() and misfits["source_row"][-1] == last
    if is_torn:
        misfits = misfits.head(-1)
    return Split(fields, misfits, last if is_torn else None)


def fit(frame: pl.DataFrame, width: int, *, is_exact: bool = True) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Fields of the lines (``source_row``, ``text``) that have ``width`` of them, and the other lines.

    With ``is_exact`` false further fields at the end are allowed and left out.
    """
    count = field_counts(frame["text"])
    fits = ((count == width) if is_exact else (count >= width)).fill_null(False)
    marked = frame.select("source_row", "text", fits=fits)
    good = marked.filter("fits").drop("fits")
    return split_fields(good, width), marked.filter(~pl.col("fits")).drop("fits")


def fit_some(frame: pl.DataFrame, positions: Sequence[int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """As ``fit`` of the last of the positions (ascending), inexact; only the fields at ``positions`` are made."""
    width = positions[-1]
    count = field_counts(frame["text"])
    fits = (count >= width).fill_null(False)
    marked = frame.select("source_row", "text", fits=fits)
    good = marked.filter("fits").drop("fits")
    is_endless = (count > MAXIMUM_COLUMNS).any()
    texts = _leading(good["text"], width) if is_endless else good["text"]
    return good.hstack(_some_fields(texts, positions)), marked.filter(~pl.col("fits")).drop("fits")


def _leading(texts: pl.Series, width: int) -> pl.Series:
    """The first ``width`` fields of well-formed lines: the CSV reader would hold room for millions behind them."""
    return texts.str.extract(rf"^({_FIELD}(?:,{_FIELD}){{{width - 1}}})", 1)


def _some_fields(texts: pl.Series, positions: Sequence[int]) -> pl.DataFrame:
    names = [f"f{position}" for position in positions]
    if texts.is_empty():
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    body = texts.str.join("\n").item().encode()
    fields = pl.read_csv(
        body,
        has_header=False,
        schema={f"f{position}": pl.String for position in range(1, positions[-1] + 1)},
        columns=[position - 1 for position in positions],
        quote_char='"' if b'"' in body else None,
        truncate_ragged_lines=True,
        extra_columns="ignore",  # the first line itself may be the longer one
    )
    return fields.select(names)
