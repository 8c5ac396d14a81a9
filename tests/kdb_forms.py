"""Forms as KDB prints them, made from known figures: what is planted in them differs, and nothing else.

The numbers are worked out here in decimals, apart from the product's own reckoning.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import polars as pl

from ingest.formats.layout_files import packaged_rows
from tests import figures_world as world

FISCAL_YEAR = date(2024, 4, 1)
LEVELS = ("own", "peer", "prefecture", "nation")
AREA_LEVELS = {"own": "insurer", "peer": "peer", "prefecture": "prefecture", "nation": "nation"}
ITEMS_52 = ("BMI/25以上", "腹囲/85以上", "中性脂肪/150以上", "HbA1c/5.6以上", "収縮期血圧/130以上", "LDL-C/120以上")
SEXES_52 = (("男", "1"), ("女", "2"), ("総数", "all"))
AGES_52 = (("40～64歳", "40-64"), ("65～74歳", "65-74"), ("計", "40-74"))
Planted = Mapping[tuple[str, str], str]
"""Text of an own cell by (label, column kind); of 様式5-2 by ("男／40～64歳／BMI/25以上", column kind)."""


@dataclass(frozen=True)
class Style:
    """How a form is written; every style means the same."""

    encoding: str = "cp932"
    own_heading: str = "保険者"
    has_separators: bool = True
    is_full_width: bool = False
    has_percent_sign: bool = False
    is_in_brackets: bool = False
    blank: str = "-"
    period: str = "令和6年度"
    created: str = "令和7年6月2日"
    insurer_number: str = world.INSURER
    line_end: str = "\r\n"

    def number(self, value: Decimal, *, is_rate: bool) -> str:
        """A number as this style prints it."""
        text = f"{value:,}" if self.has_separators else str(value)
        if is_rate and self.has_percent_sign:
            text += "％"
        if is_rate and self.is_in_brackets:
            text = f"({text})"
        return text.translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789.,%()"}) if self.is_full_width else text


class Numbers:
    """The numbers of a form out of the world's figures, by label."""

    def __init__(self, figures: pl.DataFrame, period_kind: str = "fiscal_year", period: date = FISCAL_YEAR) -> None:
        here = figures.filter(period_kind=period_kind, period=period)
        keys = ("indicator_id", "class_code", "scheme_code", "area_level", "sex_code", "age_band_code")
        self._held = {row[:6]: (row[6], row[7]) for row in here.select(*keys, "numerator", "denominator").iter_rows()}
        self._catalogue = {row["indicator_id"]: row for row in world.catalogue().iter_rows(named=True)}

    def sums(
        self, indicator_id: str, level: str, sex: str = "all", ages: str = "all", classes: str = ""
    ) -> tuple[int, int]:
        """Numerator and denominator; ages may be a span of bands, classes several that have one denominator."""
        indicator = self._catalogue[indicator_id]
        scheme = next(one for one in world.SCHEMES if one in indicator["scheme_codes"].split())
        is_of_town = scheme == "care" or world.is_of_towns(indicator)
        area = "municipality" if is_of_town and level == "own" else AREA_LEVELS[level]
        bands = [ages]
        if ages != "all":
            low, high = map(int, ages.split("-"))
            bands = [band for band in world.BANDS if low <= int(band[:2]) and int(band[-2:]) <= high]
        codes = classes.split() or [""]
        found = [[self._held[(indicator_id, code, scheme, area, sex, band)] for band in bands] for code in codes]
        denominators = {sum(one[1] for one in of_class) for of_class in found}
        assert len(denominators) == 1, (indicator_id, classes)
        return sum(one[0] for of_class in found for one in of_class), denominators.pop()

    def has(self, row: Mapping[str, str]) -> bool:
        """Whether there is anything of a row's indicator."""
        return any(key[0] == row["indicator_id"] for key in self._held)

    def of(self, row: Mapping[str, str], level: str, sex: str = "all", ages: str = "all") -> Decimal:
        """The number of a row of ``kdb_labels``, rounded as the form prints it."""
        numerator, denominator = self.sums(
            row["indicator_id"], level, row["sex_code"] or sex, row["ages"] or ages, row["class_codes"]
        )
        catalogue = self._catalogue[row["indicator_id"]]
        factor = Decimal(1) / 12 if row["per"] == "month" else Decimal(1)
        if row["measure"] == "numerator":
            return rounded(Decimal(numerator) * factor, 0)
        if row["measure"] == "denominator":
            return rounded(Decimal(denominator) * factor, 0)
        value = Decimal(numerator) / Decimal(denominator) * Decimal(catalogue["scale"])
        return rounded(value, 0 if catalogue["unit"].startswith(("円", "点")) else 1)


def rounded(value: Decimal, decimals: int) -> Decimal:
    """Half up."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def label_rows(form_id: str) -> list[dict[str, str]]:
    """The rows of ``kdb_labels`` of one form."""
    return [row for row in packaged_rows("kdb_labels") if form_id in row["form_ids"].split("|")]


def first_label(row: Mapping[str, str]) -> str:
    """The first spelling of a label."""
    return row["label"].split("|")[0]


def overview(form_id: str, numbers: Numbers, style: Style, planted: Planted | None = None,
             more: list[list[str]] | None = None) -> bytes:  # fmt: skip
    """地域の全体像の把握 or 地域の健康課題: levels with 実数 and 割合 across, labels down in merged blocks."""
    planted = planted or {}
    names = {"P21_001": "地域の全体像の把握", "P21_003": "健診・医療・介護データからみる地域の健康課題"}
    heads = {"own": style.own_heading, "peer": "同規模", "prefecture": "県", "nation": "国"}
    lines = [
        [f"{form_id} {names[form_id]}"],
        ["作成年月日", style.created, "", "保険者番号", style.insurer_number, "", "対象年度", style.period],
        [],
        ["項目", "", "", *(text for level in LEVELS for text in (heads[level], ""))],
        ["", "", "", *("実数", "割合") * len(LEVELS)],
    ]
    before = ["", "", ""]
    by_label: dict[str, dict[str, dict[str, str]]] = {}
    for row in label_rows(form_id):
        by_label.setdefault(first_label(row), {})[row["column_kind"]] = row
    for label, kinds in by_label.items():
        path = [*label.split("/"), "", ""][:3]
        same = next((n for n, (own, above) in enumerate(zip(path, before, strict=True)) if own != above), 3)
        shown = [word if n >= same else "" for n, word in enumerate(path)]
        line = list(shown)
        for level in LEVELS:
            for kind in ("count", "rate"):
                row = kinds.get(kind) or (kinds.get("any") if kind == "count" else None)
                line.append(_cell(numbers, style, planted, row, label, kind, level))
        lines.append(line)
        before = path
    return _written([*lines, *(more or [])], style)


def _cell(numbers: Numbers, style: Style, planted: Planted, row: Mapping[str, str] | None, label: str, kind: str,
          level: str) -> str:  # fmt: skip
    if level == "own" and (label, kind) in planted:
        return planted[(label, kind)]
    if row is not None and not row["indicator_id"]:
        return "12"
    if row is None or not numbers.has(row):
        return style.blank
    is_rate = row["measure"] == "value" and row["column_kind"] == "rate"
    return style.number(numbers.of(row, level), is_rate=is_rate)


def findings(numbers: Numbers, style: Style, planted: Planted | None = None) -> bytes:
    """様式5-2: items with 人数 and 割合 across, sex, age and level down."""
    planted = planted or {}
    rows = {(first_label(row), row["column_kind"]): row for row in label_rows("5-2")}
    items = [item.split("/") for item in ITEMS_52]
    heads = {"own": style.own_heading, "prefecture": "県", "nation": "国"}
    lines = [
        ["厚生労働省様式(様式5-2)", "健診有所見者状況(男女別・年代別)"],
        ["保険者番号", style.insurer_number, "作成年月日", style.created, "対象年度", style.period],
        ["", "", "", "", *(text for _ in items for text in ("摂取エネルギーの過剰", ""))],
        ["", "", "", "受診者", *(text for name, _ in items for text in (name, ""))],
        ["", "", "", "", *(text for _, limit in items for text in (limit, ""))],
        ["性別", "年齢", "区分", "人数", *("人数", "割合") * len(items)],
    ]
    for sex_word, sex in SEXES_52:
        for place, (age_word, ages) in enumerate(AGES_52):
            for level in heads:
                is_first = level == "own"
                line = [sex_word if is_first and place == 0 else "", age_word if is_first else "", heads[level]]
                line.append(style.number(numbers.of(rows[("受診者", "any")], level, sex, ages), is_rate=False))
                for item in ITEMS_52:
                    for kind in ("count", "rate"):
                        text = style.number(numbers.of(rows[(item, kind)], level, sex, ages), is_rate=kind == "rate")
                        if level == "own":
                            text = planted.get((f"{sex_word}／{age_word}／{item}", kind), text)
                        line.append(text)
                lines.append(line)
    return _written(lines, style)


def _written(lines: list[list[str]], style: Style) -> bytes:
    stream = io.StringIO()
    csv.writer(stream, lineterminator=style.line_end).writerows(lines)
    return stream.getvalue().encode(style.encoding)


# -- what can be planted -------------------------------------------------------------------------------
OUTPATIENT, INPATIENT = "医療費の状況/外来/一人当たり医療費", "医療費の状況/入院/一人当たり医療費"
ATTENDANCE = "特定健診/健診受診者(受診率)"


def _rate(sums: tuple[int, int], scale: int, decimals: int) -> Decimal:
    return rounded(Decimal(sums[0]) / Decimal(sums[1]) * scale, decimals)


def _with_pharmacy(numbers: Numbers, _: pl.DataFrame) -> Decimal:
    cost, months = numbers.sums("outpatient_cost_per_member_month", "own")
    return _rate((cost + numbers.sums("pharmacy_cost_per_member_month", "own")[0], months), 1, 0)


def _year_before(indicator_id: str) -> Callable[[Numbers, pl.DataFrame], Decimal]:
    def number(_: Numbers, figures: pl.DataFrame) -> Decimal:
        row = figures.filter(
            indicator_id=indicator_id, period_kind="fiscal_year", period=date(2023, 4, 1), area_level="insurer",
            sex_code="all", age_band_code="all",
        )  # fmt: skip
        return _rate((row["numerator"][0], row["denominator"][0]), 100, 1)

    return number


PLANTS: dict[str, tuple[str, str, Callable[[Numbers, pl.DataFrame], Decimal]]] = {
    "attendance_asof": (ATTENDANCE, "rate", lambda n, _: _rate(n.sums("attendance_asof", "own"), 100, 1)),
    "pharmacy_in": (OUTPATIENT, "count", _with_pharmacy),
    "per_year": (
        INPATIENT, "count", lambda n, _: _rate(n.sums("inpatient_cost_per_member_month", "own"), 12, 0),
    ),
    "sex": ("メタボ/該当者/男性", "rate", lambda n, _: _rate(n.sums("metabolic", "own", "2"), 100, 1)),
    "period": ("問診/喫煙", "rate", _year_before("smoking")),
    "dental_out": (
        "医療費の状況/一人当たり医療費", "count",
        lambda n, _: _rate(
            (
                n.sums("total_cost_per_member_month", "own")[0] - n.sums("dental_cost_per_member_month", "own")[0],
                n.sums("total_cost_per_member_month", "own")[1],
            ), 1, 0,
        ),
    ),
    "unit": ("医療費の状況/受診率", "count", lambda n, _: _rate(n.sums("claims_per_1000", "own"), 100, 2)),
}  # fmt: skip
"""By reason: an own cell of 地域の全体像の把握, and the number that has this reason for differing from ours."""
