"""A profile proposed for a 資格 CSV of unknown headings: by the headings first, then by what stands below them.

What is told of the content is its kind (日付, 保険者番号, …), never a value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ingest.formats import cells, csvtext
from ingest.formats.csvlayout import fold
from ingest.formats.enrolment_profile import (
    Profile,
    ProfileColumn,
    ProfileError,
    field_of_heading,
    field_rules,
    heading_row,
    missing_fields,
    numbered,
)
from ingest.formats.reading import FileRefused

SAMPLE_ROWS = 500
_IS_VALUE = re.compile(r"[0-9]{4}|^[-+0-9./]+$")
_BY_CONTENT = {"保険者番号": "insurer_number", "性別": "sex_code"}
"""Kinds of content that name a field by themselves, where no heading names it."""
_KINDS_OF_TYPE = {"date": ("日付", "空"), "insurer": ("保険者番号",), "sex": ("性別",)}
"""Kinds of content that agree with a type; other types agree with every kind."""


@dataclass(frozen=True)
class ProposedColumn:
    """One column of the file, what it is proposed to be and why.

    ``kind``      kind of its content
    ``is_sure``   the heading is known, alone in naming its field, and the content agrees
    ``why``       in words
    """

    column_name: str
    occurrence: int
    contract_column: str
    kind: str
    is_sure: bool
    why: str


@dataclass(frozen=True)
class Proposal:
    """A proposed profile and what to know before confirming it."""

    columns: tuple[ProposedColumn, ...]

    @property
    def missing(self) -> list[str]:
        """Needed fields that no column fills."""
        return missing_fields([column.contract_column for column in self.columns if column.contract_column])

    @property
    def unused(self) -> list[str]:
        """Headings that are read past."""
        return [column.column_name for column in self.columns if not column.contract_column]

    @property
    def notes(self) -> list[str]:
        """What stands in for fields that the file does not have."""
        used = {column.contract_column for column in self.columns}
        notes = []
        if "processed_date" not in used:
            notes.append("異動処理年月日の列がないため、行に書かれた最も新しい異動の日で版の新旧を決めます")
        if "symbol_and_number" in used and "symbol" not in used:
            notes.append("記号番号は区切りで、区切りのない数字は下8桁を番号として分けます（未検証）")
        if "address_number" not in used:
            notes.append("宛名番号の列がありません")
        if "district_code" not in used:
            notes.append("行政区コードの列がありません。地区別の数値は出ません")
        return notes

    def profile(
        self, fields: Mapping[str, str], codes: Mapping[str, Mapping[str, str]], *, is_full: bool = False
    ) -> Profile:
        """The profile with corrections: ``fields`` and ``codes`` by heading, ``見出し#2`` for its second occurrence.

        An empty field leaves the column unused; a field given to a column is taken from the column that
        had it. Raises ProfileError where a heading is not in the file or the profile cannot be used.
        """
        keys = {_key(column.column_name, column.occurrence) for column in self.columns}
        given = {_named(heading): name for heading, name in fields.items()}
        coded = {_named(heading): dict(pairs) for heading, pairs in codes.items()}
        absent = [heading for heading in (*fields, *codes) if _named(heading) not in keys]
        if absent:
            raise ProfileError(f"ファイルにない見出しです: {'、'.join(absent)}")
        taken = set(given.values())
        columns = []
        for column in self.columns:
            key = _key(column.column_name, column.occurrence)
            own = "" if column.contract_column in taken else column.contract_column
            columns.append(
                ProfileColumn(column.column_name, column.occurrence, given.get(key, own), coded.get(key, {}))
            )
        profile = Profile(tuple(columns), is_full)
        profile.check()
        return profile


def _key(heading: str, occurrence: int) -> str:
    return f"{fold(heading)}#{occurrence}"


def _named(given: str) -> str:
    heading, mark, number = given.rpartition("#")
    return _key(heading, int(number)) if mark and number.isdigit() else _key(given, 1)


def propose(path: Path) -> Proposal:
    """The proposal for a file.

    Raises FileRefused ``unrecognised`` where no line looks like the heading of a 資格 file or the heading
    holds values, and what ``csvtext.lines_of`` raises.
    """
    lines = csvtext.lines_of(path.read_bytes())
    found = heading_row(lines.frame["text"].head(10).to_list())
    if found is None:
        raise FileRefused("unrecognised", "資格の見出しと思われる行が先頭にありません", line=1)
    place, headings = found
    if any(_IS_VALUE.search(unicodedata.normalize("NFKC", heading).strip()) for heading in headings):
        raise FileRefused("unrecognised", "見出しの行に値が混ざっています。改行が失われていないか確かめてください")
    below, _ = csvtext.fit(lines.below(place + 1).frame.head(SAMPLE_ROWS), len(headings))
    kinds = _kinds(below.select(f"f{position}" for position in range(1, len(headings) + 1)))
    return Proposal(tuple(_columns(numbered(headings), kinds)))


def _columns(headings: list[tuple[str, int]], kinds: list[str]) -> list[ProposedColumn]:
    rules = field_rules()
    wanted = [field_of_heading().get(fold(heading), "") for heading, _ in headings]
    agrees = [
        not name or kinds[place] in _KINDS_OF_TYPE.get(rules[name].kind, (kinds[place],)) or kinds[place] == "空"
        for place, name in enumerate(wanted)
    ]
    chosen: dict[str, int] = {}
    for name in filter(None, wanted):
        rivals = [place for place, other in enumerate(wanted) if other == name]
        chosen[name] = min(rivals, key=lambda place: (not agrees[place], kinds[place] == "空", place))
    for kind, name in _BY_CONTENT.items():
        alike = [place for place, own in enumerate(kinds) if own == kind and not wanted[place]]
        if name not in chosen and len(alike) == 1:
            chosen[name] = alike[0]
    by_place = {place: name for name, place in chosen.items()}
    proposed = []
    for place, (heading, occurrence) in enumerate(headings):
        name = by_place.get(place, "")
        has_rivals = bool(wanted[place]) and wanted.count(wanted[place]) > 1
        if name and name != wanted[place]:
            why, is_sure = "内容から推定", False
        elif name and not agrees[place]:
            why, is_sure = "見出しは合うが内容が合わない", False
        elif has_rivals:
            why, is_sure = "同じ項目を指す見出しが複数", False
        else:
            why, is_sure = ("見出し" if name else "使わない列"), True
        proposed.append(ProposedColumn(heading, occurrence, name, kinds[place], is_sure, why))
    return proposed


def _kinds(fields: pl.DataFrame) -> list[str]:
    """The kind of each column's content: the first that all its values agree with; all columns in one query."""
    text = pl.col("text")
    texts = (
        fields.unpivot(variable_name="column", value_name="text")
        .with_columns(cells.blank_where_open(cells.clean(text)))
        .drop_nulls("text")
        .unique()
    )
    tests = {
        "性別": cells.sex_value(text).is_in(["1", "2"]),
        "保険者番号": cells.insurer_value(text).str.contains(r"^(?:39\d{6}|(?:0[1-9]|[1-3]\d|4[0-7])\d{4})$"),
        "日付": cells.date_value(text).is_not_null(),
        "数字": text.str.contains(r"^\d+$"),
        "カナ": text.str.contains(r"^[\p{Katakana}ー・ ]+$"),
    }
    # Six digits may be a date too (R06…): an insurer's file holds one insurer or a few.
    agreed = texts.select("column", **tests).group_by("column").agg(pl.all().all())
    found = {
        column: next((kind for kind, agrees in zip(tests, agree, strict=True) if agrees), "文字")
        for column, *agree in agreed.iter_rows()
    }
    return [found.get(column, "空") for column in fields.columns]
