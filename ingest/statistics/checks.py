"""What is asked of the rows of a table of counts, rule by rule; each rule looks at all rows at once."""

from __future__ import annotations

from datetime import date

import polars as pl

from ingest.statistics import known
from ingest.statistics.columns import CELL, EVERYWHERE, SOURCE, SUMMED, columns
from ingest.statistics.faults import TEXT, Finding, finding

_BAD = {
    "count": ("bad_number", "0以上の整数（14桁まで）ではありません", "単位や記号を除き、数字だけを書いてください"),
    "period": ("bad_date", "期間を読めません", "年度は 2024、月と累計は 2024-05 のように書いてください"),
    "date": ("bad_date", "日付を読めません", "2025-06-01 のように書いてください"),
    "flag": ("bad_code", "0 か 1 ではありません", "架空の数値なら 1、そうでなければ 0 を書いてください"),
}
_LOOK_UP = "docs/reference/indicators.md で指標と版を確かめてください"
_AREAS = "seeds の地域・保険者のコードで確かめてください。政令指定都市の区は市に含めてください"
_COUNT = "数え方を確かめ、表を作り直してください"
_WHICH = "全体と内訳のどちらが正しいか確かめてください"
_ONE_SOURCE = "出典ごとにファイルを分けてください"
_PERIOD_KINDS = ("month", "year_to_date", "fiscal_year")
_LONGEST = 100
_GREATEST_SUM = 9_000_000_000_000_000_000  # of BIGINT


def of_fields(rows: pl.DataFrame) -> list[Finding]:
    """Cells that are blank or hold no value of their kind."""
    found: list[Finding] = []
    for column in columns():
        text, value = pl.col(TEXT.of(column.column_name)), pl.col(column.column_name)
        if column.is_needed:
            found += finding(
                rows, text.is_null(), "missing_field", column.column_name, "空欄です", "値を記入してください"
            )
        if column.kind in _BAD:
            is_wrong = text.is_not_null() & value.is_null()
            if column.kind == "period":  # of no known kind it is read as nothing, and the kind is told of
                is_wrong &= pl.col("period_kind").is_in(_PERIOD_KINDS)
            found += finding(
                rows, is_wrong, _BAD[column.kind][0], column.column_name,
                *_BAD[column.kind][1:],
            )  # fmt: skip
    is_whole = pl.col("area_level").is_in(known.WHOLE_LEVELS)
    found += finding(
        rows, is_whole & pl.col("insurers_count").is_null(), "missing_field", "insurers_count",
        "市町村と保険者より上の地域では保険者数が要ります", "数えた保険者の数を書いてください",
    )  # fmt: skip
    return found


def of_rows(rows: pl.DataFrame, prefecture_code: str, reference_month: date) -> list[Finding]:
    """Rows of no known figure or area, or of one that this sender may not speak of; numbers that cannot be."""
    told = rows.join(
        known.indicators(), on=["indicator_id", "definition_version"], how="left", maintain_order="left"
    ).join(known.areas().rename({"scheme_code": "area_scheme_code"}), on=["area_level", "area_id"], how="left",
           maintain_order="left").unique("source_row", keep="first", maintain_order=True)  # fmt: skip
    return [
        *_of_source(rows),
        *_of_figure(told, reference_month),
        *_of_area(told, prefecture_code),
        *_of_numbers(told),
        *_doubled(rows),
    ]


def _of_source(rows: pl.DataFrame) -> list[Finding]:
    found: list[Finding] = []
    for name in SOURCE:
        other = pl.col(TEXT.of(name)).fill_null("") != pl.col(TEXT.of(name)).fill_null("").first()
        found += finding(rows, other, "contract", name, "1つのファイルに出典が二つあります", _ONE_SOURCE)
    found += finding(
        rows, ~pl.col("source_id").str.contains(r"^[a-z][a-z0-9_]{0,59}$"), "contract", "source_id",
        "出典IDは半角の英小文字・数字・_ で60字までです", "同じ出典にはいつも同じIDを使ってください",
    )  # fmt: skip
    for name in ("source_name", "publisher"):
        text = pl.col(name)
        # Seven digits in a row may be a number or a birth date of a person.
        found += finding(
            rows, (text.str.len_chars() > _LONGEST) | text.str.contains(r"\d{7}"), "contract", name,
            "100字を超えるか、7桁以上の数字があります", "出典の名前だけを書いてください",
        )  # fmt: skip
    found += finding(
        rows, ~pl.col("source_url").str.contains(r"^https?://[!-~]{1,300}$"), "contract", "source_url",
        "URLではありません", "https:// から書くか、空欄にしてください",
    )  # fmt: skip
    found += finding(
        rows, ~pl.col("source_year").is_between(1900, 2200), "implausible", "source_year",
        "西暦4桁の年ではありません", "2024 のように書いてください",
    )  # fmt: skip
    return found


def _of_figure(told: pl.DataFrame, reference_month: date) -> list[Finding]:
    is_known = pl.col("scheme_codes").is_not_null()
    period = pl.col("period")

    def among(column: str, listed: str) -> pl.Expr:
        return pl.col(listed).str.contains(pl.concat_str(pl.lit(" "), column, pl.lit(" ")), literal=True)

    classed = told.join(
        known.classes().with_columns(is_class=True), on=["indicator_id", "class_code"], how="left",
        maintain_order="left",
    )  # fmt: skip
    has_class = pl.col("class_code").is_not_null()
    return [
        *finding(told, ~is_known, "bad_code", "indicator_id", "知られていない指標か版です", _LOOK_UP),
        *finding(
            told, ~among("scheme_code", "scheme_codes") | (pl.col("scheme_code") == "residents"), "bad_code",
            "scheme_code", "この指標にない制度です",
            f"{_LOOK_UP}。住民の統計は `tsumugi reference import` で取り込みます",
        ),
        *finding(told, ~among("period_kind", "period_kinds"), "bad_code", "period_kind", "この指標にない期間です",
                 _LOOK_UP),
        *finding(
            told, (period < pl.col("valid_from")) | (period >= pl.col("valid_to")), "bad_date", "period",
            "この版の定義が使われる期間ではありません", _LOOK_UP,
        ),
        *finding(
            told, period > pl.lit(reference_month), "future_month", "period", "まだ来ていない期間です",
            "期間と集計基準月を確かめてください",
        ),
        *finding(
            classed,
            is_known & ((has_class != pl.col("of_classes")) | (has_class & pl.col("is_class").is_null())),
            "bad_code", "class_code", "この指標にない疾病分類です", _LOOK_UP,
        ),
        *finding(told, ~pl.col("sex_code").is_in(["1", "2", "all"]), "bad_code", "sex_code", "性別を読めません",
                 "1・2・all のどれかを書いてください"),
        *finding(told, ~pl.col("age_band_code").is_in(known.bands()), "bad_code", "age_band_code",
                 "年齢階級を読めません", "40-44 のような5歳ごとの階級か 95+、all を書いてください"),
    ]  # fmt: skip


def _of_area(told: pl.DataFrame, prefecture_code: str) -> list[Finding]:
    level, scheme, prefecture = pl.col("area_level"), pl.col("scheme_code"), pl.col("prefecture_code")
    is_level = level.is_in(known.LEVELS)
    is_known = prefecture.is_not_null() | level.is_in(["nation", "peer"])
    is_listed = pl.struct("area_level", "area_id").is_in(
        known.areas().select(pl.struct("area_level", "area_id")).to_series().implode()
    )
    found = [
        *finding(told, ~is_level, "bad_code", "area_level", "地域の区分を読めません",
                 f"{'・'.join(known.LEVELS)} のどれかを書いてください"),
        *finding(told, is_level & ~is_listed, "bad_code", "area_id", "知られていない地域です", _AREAS),
        *finding(
            told, (level == "insurer") & (pl.col("area_scheme_code") != scheme), "bad_code", "scheme_code",
            "この保険者の制度ではありません", _AREAS,
        ),
        *finding(
            told,
            ((scheme == "kumiai") & level.is_in(["municipality", "medical_area", "peer"]))
            | ((scheme == "care") & (level == "medical_area"))
            | ((scheme == "kokuho_koki") & (level == "insurer")),
            "bad_code", "area_level", "この制度にない地域の区分です",
            "国保組合に市町村・二次医療圏・同規模、介護に二次医療圏、国保＋後期に保険者の数値はありません",
        ),
    ]  # fmt: skip
    if prefecture_code != EVERYWHERE:
        is_own = is_known & (prefecture == prefecture_code).fill_null(False)
        found += finding(
            told, is_listed & ~is_own, "out_of_area", "area_id", "このサイトが送れる地域ではありません",
            "自分の都道府県の地域だけを残してください。全国と同規模は、全国を扱うサイト（都道府県 00）が送ります",
        )  # fmt: skip
    return found


def _of_numbers(told: pl.DataFrame) -> list[Finding]:
    above, below = pl.col("numerator"), pl.col("denominator")
    persons, persons_below = pl.col("contributor_count"), pl.col("denominator_contributor_count")
    largest = pl.col("largest_contribution")
    found = [
        *finding(told, pl.col("is_share") & (above > below), "implausible", "numerator",
                 "割合の分子が分母より大きい値です", _COUNT),
        *finding(told, (below == 0) == pl.col("has_denominator"), "implausible", "denominator",
                 "分母のある指標では1以上、ない指標では0です", _COUNT),
        *finding(told, (persons > above) | ((above > 0) & (persons == 0)), "implausible", "contributor_count",
                 "分子の人数が分子と合いません", _COUNT),
        *finding(told, (persons_below > below) | ((below > 0) & (persons_below == 0)), "implausible",
                 "denominator_contributor_count", "分母の人数が分母と合いません", _COUNT),
        # As floats the product cannot overflow; both sides stay below 2^53, so what is whole stays whole.
        *finding(told, (largest > above) | (largest.cast(pl.Float64) * persons < above.cast(pl.Float64)),
                 "implausible", "largest_contribution",
                 "1人の最大値が分子・分子の人数と合いません", _COUNT),
        *finding(told, pl.col("insurers_count") == 0, "implausible", "insurers_count", "保険者が一つもありません",
                 _COUNT),
    ]  # fmt: skip
    for name in SUMMED:
        if told[name].cast(pl.Float64).sum() > _GREATEST_SUM:
            found += finding(told.head(1), pl.lit(True), "implausible", name, "合計が大きすぎます", _COUNT)
    return found


def _doubled(rows: pl.DataFrame) -> list[Finding]:
    return finding(
        rows.with_columns(pl.col("class_code").fill_null("")), ~pl.struct(list(CELL)).is_first_distinct(), "contract",
        "", "同じ指標・期間・制度・地域・性別・年齢の行が前にあります", "どちらが正しいか確かめ、一つにしてください",
    )  # fmt: skip


def of_sums(rows: pl.DataFrame) -> list[Finding]:
    """Wholes against their parts, where a file gives both."""
    told = rows.with_columns(pl.col("class_code").fill_null("")).join(
        known.indicators().select("indicator_id", "definition_version", "adds_areas", "is_sum"),
        on=["indicator_id", "definition_version"],
    )
    areas = known.areas().select("area_level", "area_id", "prefecture_code").unique()
    told = told.join(areas, on=["area_level", "area_id"], how="left", maintain_order="left")
    found = []
    for part, whole, parent in (
        ("municipality", "prefecture", pl.col("prefecture_code")),
        ("insurer", "prefecture", pl.col("prefecture_code")),
        ("prefecture", "nation", pl.lit("JP")),
    ):
        parts = told.filter((pl.col("area_level") == part) & pl.col("adds_areas"))
        complete = None if part == "insurer" else _children(part)
        found += _against(
            told.filter(pl.col("area_level") == whole), parts.with_columns(parent.alias("whole_id")), "area_level",
            "area_id", complete,
        )  # fmt: skip
    for direction in ("sex_code", "age_band_code"):
        is_part = pl.col(direction) != "all"
        parts = told.filter(is_part & pl.col("is_sum")).with_columns(pl.lit("all").alias("whole_id"))
        found += _against(told.filter(~is_part), parts, direction, direction, None)
    return found


def _children(level: str) -> pl.DataFrame:
    """How many parts a whole has: whole_id, children."""
    parent = pl.col("prefecture_code") if level == "municipality" else pl.lit("JP")
    return known.areas().filter(pl.col("area_level") == level).group_by(parent.alias("whole_id")).agg(children=pl.len())


def _against(
    wholes: pl.DataFrame, parts: pl.DataFrame, apart: str, key: str, complete: pl.DataFrame | None
) -> list[Finding]:
    """Wholes that are less than the sum of their parts, or another number where all parts are there."""
    same = [name for name in CELL if name not in ({"area_level", "area_id"} if apart == "area_level" else {apart})]
    sums = parts.group_by(*same, "whole_id").agg(
        pl.col("numerator").sum().alias("added"), pl.col("denominator").sum().alias("added_below"), parts=pl.len()
    )
    both = wholes.join(sums, left_on=[*same, key], right_on=[*same, "whole_id"], how="inner", maintain_order="left")
    is_whole = pl.lit(False)
    if complete is not None:
        both = both.join(complete, left_on=key, right_on="whole_id", how="left", maintain_order="left")
        is_whole = pl.col("parts") == pl.col("children")
    found = []
    for name, added in (("numerator", "added"), ("denominator", "added_below")):
        wrong = (pl.col(added) > pl.col(name)) | (is_whole & (pl.col(added) != pl.col(name)))
        found += finding(both, wrong, "total_mismatch", name, "全体が内訳の合計と合いません", _WHICH)
    return found
