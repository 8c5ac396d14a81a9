"""What stands beside the sums of a care claim: its lines, purchases and 住宅改修, and 高額 paid back.

Lines follow from the claims and services themselves, so that a corrected claim has corrected lines. Shares and
prices are plausible, not measured: no indicator rests on them.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from ingest.formats.contracts import CARE_HIGH_COST, CARE_LINE

PLAN_TYPES = ("43", "46")
HOMES = ("51", "52", "54", "55")
ITEM, PLAN_ITEM = "1111", "2111"
UNIT_PRICE_YEN = 10
EQUIPMENT_FORM, RENOVATION_FORM = "21C1", "21D1"
"""入力識別番号 of 福祉用具販売 and 住宅改修 (unverified)."""
PURCHASES = {EQUIPMENT_FORM: ("D6", "41", 24_000), RENOVATION_FORM: ("D7", "42", 160_000)}
TREATMENTS = (("D2", "52", 6, 3, 1, 518), ("DC", "52", 7, 5, 7, 1_680), ("D3", "55", 8, 20, 1, 250))
"""Kind, service, topic of chance, users in a hundred, times and units of 緊急時, 所定疾患 and 特定診療."""
CEILING_YEN = 24_600
"""Monthly 利用者負担 above which 高額 is paid back (市町村民税非課税世帯)."""
YEARLY_MONTH = 7
"""高額医療合算 counts from August to July."""
_IN_100 = 100


def _draw(topic: int) -> pl.Expr:
    """0 to 99, for good, of a claim's 整理番号 and a topic."""
    return (
        pl.col("reference_number").str.slice(-8).cast(pl.Int64, strict=False).fill_null(0) * 7919 + topic * 31
    ) % 101


def care_lines(claims: pl.DataFrame, services: pl.DataFrame) -> pl.DataFrame:
    """Plain ``care_line`` of some claims (``parent_source_row`` = ``source_row`` of the claim) and their services."""
    heads = claims.select(
        "reference_number", "benefit_rate", "input_form_code", parent_source_row="source_row", all_yen=_all_yen()
    )
    rows = services.join(heads, on="parent_source_row", how="inner", maintain_order="left")
    is_plan = pl.col("service_type_code").is_in(list(PLAN_TYPES))
    in_home = pl.col("service_type_code").is_in(list(HOMES))
    all_yen = pl.col("units") * UNIT_PRICE_YEN
    days = pl.col("days_count").fill_null(1)
    elsewhere = ~is_plan & ~in_home & (_draw(1) < 3)
    several = [
        _line(rows.filter(~is_plan & ~elsewhere), "D1", times_count=days, units="units", item_code=pl.lit(ITEM)),
        _line(
            rows.filter(elsewhere), "DD", times_count=days, units="units", item_code=pl.lit(ITEM),
            facility_insurer_code="insurer_number",
        ),
        _line(
            rows.filter(is_plan & (_draw(2) >= 10)), "D5", times_count=pl.lit(1), units="units", amount_yen=all_yen,
            item_code=pl.lit(PLAN_ITEM),
        ),
        _line(
            rows.filter(is_plan & (_draw(2) < 10)), "DB", times_count=pl.lit(1), units="units", amount_yen=all_yen,
            item_code=pl.lit(PLAN_ITEM),
        ),
        _line(
            rows.filter(in_home & (_draw(3) < 40)), "D9", times_count=days, amount_yen=days * 1_445,
            user_yen=days * 820, item_code=pl.lit(ITEM),
        ),
        _line(rows.filter(in_home & (_draw(4) < 4)), "D4", times_count=days, amount_yen=days * 1_380),
        _line(rows.filter(in_home & (_draw(5) < 4)), "DA", user_yen=all_yen // 10, amount_yen=all_yen // 40),
    ]  # fmt: skip
    for kind, service_type, topic, share, times, units in TREATMENTS:
        treated = rows.filter((pl.col("service_type_code") == service_type) & (_draw(topic) < share))
        several.append(_line(treated, kind, times_count=pl.lit(times), units=pl.lit(units), is_typed=False))
    bought = claims.filter("is_purchase").select(
        "reference_number", "input_form_code", "scheme_code", "insurer_number", "service_month",
        all_yen=_all_yen(), parent_source_row="source_row",
    )  # fmt: skip
    for form, (kind, service_type, _) in PURCHASES.items():
        mine = bought.filter(pl.col("input_form_code") == form).with_columns(service_type_code=pl.lit(service_type))
        several.append(
            _line(mine, kind, amount_yen="all_yen", event_date=pl.col("service_month").dt.offset_by("9d"),
                  item_code=pl.lit("0000"))
        )  # fmt: skip
    lines = pl.concat(several).sort("parent_source_row", maintain_order=True)
    return lines.with_columns(source_row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))


def _all_yen() -> pl.Expr:
    return pl.col("benefit_yen") + pl.col("user_yen")


def _line(rows: pl.DataFrame, kind: str, *, is_typed: bool = True, **given: pl.Expr | str) -> pl.DataFrame:
    named = {name: pl.col(value) if isinstance(value, str) else value for name, value in given.items()}
    named["line_kind_code"] = pl.lit(kind)
    kept = {"scheme_code", "insurer_number", "parent_source_row", "service_month"} | (
        {"service_type_code"} if is_typed else set()
    )
    return rows.select(
        (named[name] if name in named else pl.col(name) if name in kept else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in CARE_LINE.plain_schema().items()
    )


def purchases(claims: pl.DataFrame, month: date, first_row: int) -> pl.DataFrame:
    """A few of the month's insured buy aids or have their home altered: claims like theirs, 償還, without units.

    ``claims`` has ``person`` and ``site`` beside the columns of ``care_claim``; rows and numbers go on from
    ``first_row``.
    """
    found = []
    for form, low, (_, _, yen) in ((form, 3 * n, PURCHASES[form]) for n, form in enumerate(PURCHASES)):
        buyers = claims.filter(_draw(9 + month.month).is_between(low, low) & (pl.col("benefit_rate") < _IN_100))
        whole = yen + (_draw(10) * 100)
        found.append(
            buyers.with_columns(
                input_form_code=pl.lit(form), benefit_kind_code=pl.lit("2"), is_purchase=pl.lit(True),
                units=pl.lit(0, dtype=pl.Int64), benefit_yen=whole * pl.col("benefit_rate") // 100,
                user_yen=whole - whole * pl.col("benefit_rate") // 100,
            )
        )  # fmt: skip
    rows = pl.concat(found).with_columns(source_row=pl.int_range(pl.len()) + first_row)
    return rows.with_columns(
        pl.col("source_row").cast(pl.Int64), reference_number=pl.col("source_row").cast(pl.String).str.zfill(10)
    )


def high_costs(claims: pl.DataFrame) -> pl.DataFrame:
    """Plain ``care_high_cost`` of the persons of some claims whose 利用者負担 of a month exceeds the ceiling.

    In July 高額医療合算 too; one in fifty is taken back in the same month.
    """
    person = ["scheme_code", "insurer_number", "number", "service_month"]
    new = claims.filter((pl.col("creation_code") == "1") & ~pl.col("is_purchase"))
    paid = (
        new.group_by(person, maintain_order=True)
        .agg(
            pl.col("birth_date", "sex_code", "adjudication_month", "reference_number").first(),
            pl.col("user_yen").sum(),
        )
        .filter(pl.col("user_yen") > CEILING_YEN)
        .with_columns(
            benefit_yen=pl.col("user_yen") - CEILING_YEN, line_kind_code=pl.lit("D8"), creation_code=pl.lit("1"),
            decided_date=pl.col("adjudication_month").dt.offset_by("19d"),
        )
    )  # fmt: skip
    yearly = paid.filter(pl.col("service_month").dt.month() == YEARLY_MONTH).with_columns(line_kind_code=pl.lit("DE"))
    back = paid.filter(_draw(11) < 2).with_columns(creation_code=pl.lit("3"))
    whole = pl.concat([paid, yearly, back]).with_columns(source_row=pl.int_range(1, pl.len() + 1))
    return whole.select(pl.col(name).cast(dtype) for name, dtype in CARE_HIGH_COST.plain_schema().items())
