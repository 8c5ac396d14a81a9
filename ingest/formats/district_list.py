"""A town's two-column list: 行政区コード or 町字名 → 地区, as a municipal office keeps it in a spreadsheet.

CP932 or UTF-8, a title above the heading, full-width spaces and empty columns at the right are all
usual. Which column is what is told by the heading (``layouts/district_list.csv``); one of the two must be
a key of places, the other is the 地区. A list by 宛名番号 is refused: it speaks of persons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

import polars as pl

from ingest.formats import csvtext
from ingest.formats.cells import clean
from ingest.formats.contracts import CONTRACTS
from ingest.formats.csvlayout import fold
from ingest.formats.headercsv import HEADING_SEARCH
from ingest.formats.layout_files import layout_cache, layout_rows
from ingest.formats.reading import FileRefused

SET_DISTRICT_NAME = CONTRACTS["district_set"].column("set_district_name").pattern or ""
_NAMED_LINES = 5  # so many lines are named in one message
_REMEDY = "見出しが「行政区コード,小学校区」のような2列のCSVにしてください"


@dataclass(frozen=True)
class DistrictList:
    """What a list says.

    ``key_kind``   whether places are told by their code or by their name
    ``set_name``   the set that the heading names (小学校区), else None
    ``rows``       source_row, key, set_district_name: each place once, in the order of the file
    ``set_aside``  source_row, message: lines that say nothing or do not fit
    ``repeated``   lines that say again what an earlier one said
    ``is_complete`` the last line ends with a line end; without one it may be cut in its last field
    """

    key_kind: Literal["code", "name"]
    set_name: str | None
    rows: pl.DataFrame
    set_aside: pl.DataFrame
    repeated: int
    is_complete: bool


@dataclass(frozen=True)
class _Heading:
    role: str
    spellings: frozenset[str]
    set_name: str | None


@layout_cache
def _headings() -> tuple[_Heading, ...]:
    return tuple(
        _Heading(row["role"], frozenset(map(fold, row["headings"].split("|"))), row["set_name"] or None)
        for row in layout_rows("district_list")
    )


def read_list(path: Path) -> DistrictList:
    """The places of a list and their 地区.

    Raises FileRefused: ``encoding``, ``truncated`` (a torn last line), ``unrecognised`` (no heading of a
    place), ``contract`` (another number of columns, a list of persons, not one usable line) and
    ``two_districts`` with the lines where one place is given two 地区.
    """
    lines = csvtext.lines_of(path.read_bytes())
    if lines.replaced:
        raise FileRefused("encoding", f"読めない文字が{lines.replaced}字あります。地区の名前が変わるため取り込みません")
    number, headings = _heading_row(lines)
    body = lines.below(number + 1)
    key, value = _columns(headings, int(lines.frame["source_row"][number]))
    kind: Literal["code", "name"] = "code" if _is(headings[key], "key_code") else "name"
    parts = csvtext.split(body, len(headings))
    if parts.torn_line is not None:
        raise FileRefused("truncated", "最後の行が途中で切れています", line=parts.torn_line)
    _refuse_unnamed(parts.fields, headings)
    pairs = parts.fields.select(
        "source_row",
        clean(pl.col(f"f{key + 1}")).alias("key"),
        clean(pl.col(f"f{value + 1}")).alias("set_district_name"),
    )
    district = pl.col("set_district_name")
    wrong = (
        pl.when(pl.col("key").is_null() | district.is_null())
        .then(pl.lit("空の欄があります"))
        .when(~district.str.contains(SET_DISTRICT_NAME))
        .then(pl.lit("地区の名前が60字を超えるか「,」を含みます"))
    )
    judged = pairs.with_columns(wrong.alias("message"))
    whole = judged.filter(pl.col("message").is_null()).drop("message")
    refuse_two_districts(whole, "key")
    rows = whole.unique("key", keep="first", maintain_order=True)
    if rows.is_empty():
        raise FileRefused("contract", "使える行がありません", remedy=_REMEDY)
    unusable = judged.filter(pl.col("message").is_not_null()).select("source_row", "message")
    misfits = parts.misfits.select("source_row", pl.lit("項目数または引用符が見出しと合いません").alias("message"))
    return DistrictList(
        kind,
        next((h.set_name for h in _headings() if h.set_name and fold(headings[value]) in h.spellings), None),
        rows,
        pl.concat([unusable, misfits]).sort("source_row"),
        whole.height - rows.height,
        lines.is_complete,
    )


def refuse_two_districts(rows: pl.DataFrame, key: str) -> None:
    """Raise FileRefused ``two_districts``, naming the lines, where one place is given two 地区."""
    torn = rows.filter(pl.col("set_district_name").n_unique().over(key) > 1)
    if torn.is_empty():
        return
    places = torn.group_by(key, maintain_order=True).agg("source_row")["source_row"].to_list()
    named = "、".join("と".join(f"{line}行" for line in lines) for lines in places[:_NAMED_LINES])
    more = f" ほか{len(places) - _NAMED_LINES}か所" if len(places) > _NAMED_LINES else ""
    raise FileRefused(
        "two_districts", f"同じ行政区に異なる地区が書かれています（{named}{more}）", line=int(torn["source_row"][0])
    )


def _is(heading: str, *roles: str) -> bool:
    return any(known.role in roles and fold(heading) in known.spellings for known in _headings())


def _heading_row(lines: csvtext.Lines) -> tuple[int, list[str]]:
    """Index and fields of the first line with a heading of a place among two or more."""
    for number, text in enumerate(lines.frame["text"].head(HEADING_SEARCH)):
        headings = csvtext.split_line(text)
        named = [heading for heading in headings if heading.strip()]
        if len(named) < 2:
            continue
        if any(_is(heading, "person") for heading in named):
            _refuse_persons(int(lines.frame["source_row"][number]))
        if any(_is(heading, "key_code", "key_name") for heading in named):
            return number, headings
    raise FileRefused("unrecognised", "行政区コードまたは町字名の見出しがありません", line=1, remedy=_REMEDY)


def _refuse_persons(line: int) -> NoReturn:
    raise FileRefused(
        "contract",
        "個人ごとの一覧は取り込めません（宛名番号などの列があります）",
        line=line,
        remedy="行政区コードまたは町字名と地区の2列にまとめてください",
    )


def _columns(headings: Sequence[str], line: int) -> tuple[int, int]:
    """Places of the key (a code before a name, else the left one) and of the 地区."""
    named = [place for place, heading in enumerate(headings) if heading.strip()]
    if len(named) != 2:
        raise FileRefused("contract", f"見出しが{len(named)}列あります", line=line, remedy=_REMEDY)
    key = next(place for role in ("key_code", "key_name") for place in named if _is(headings[place], role))
    return key, next(place for place in named if place != key)


def _refuse_unnamed(fields: pl.DataFrame, headings: Sequence[str]) -> None:
    """A column without a heading may be empty, as spreadsheets leave them; it may not hold anything."""
    unnamed = [f"f{place}" for place, heading in enumerate(headings, start=1) if not heading.strip()]
    if not unnamed:
        return
    filled = fields.filter(pl.any_horizontal(clean(pl.col(name)).is_not_null() for name in unnamed))
    if not filled.is_empty():
        line = int(filled["source_row"][0])
        raise FileRefused("contract", "見出しのない列に値があります", line=line, remedy=_REMEDY)
