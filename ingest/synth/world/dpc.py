"""Stays in acute wards of DPC hospitals: the bundled part becomes points a day (包括), what was done its coding.

Operations, anaesthesia, rehabilitation, management, intensive care and meals stay lines (出来高). A stay with a
change of ward in the month may become a 総括 set: a 総括 of totals, a DPC receipt of the first part and a
receipt of 医科 of the second. Positions of BU, KK, GA, HH, GT: formats.md 1.2 [seen].
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.synth.calibration import seed
from ingest.synth.world import daybits
from ingest.synth.world.chance import fixed
from ingest.synth.world.clock import first_day
from ingest.synth.world.institutions import HOSPITAL_DIGITS, kind_digits
from ingest.synth.world.pharmacy import record_text, share
from ingest.synth.world.receipts import CLAIM_COLUMNS, DIAGNOSIS_COLUMNS, ITEM_COLUMNS, Receipts
from ingest.synth.world.totals import with_meals, with_points
from ingest.synth.writers.uke import RECORDS

Ints = NDArray[np.int64]
SET_KEYS = 6_000_000
SUMMARY_KEYS = 7_000_000
ACUTE_WARD, EMERGENCY = "190117710", "190171910"
BUNDLED = ("21", "22", "23", "31", "33", "60", "70", "90")
BUNDLED_TREATMENT_BELOW = 1000  # 処置 of fewer points is bundled (J, formats of DPC: general knowledge)
SECOND_WARD, SECOND_WARD_POINTS, SECOND_WARD_CATEGORY = "190838910", 2838, "92"
SET_FROM_DAYS = 12
REVISED_SET_SHARE = 0.25  # sets whose points the reviewers cut (補正)
CODED_DAYS = 2  # a bundled line is coded on so many days at most, the times shared among them
COEFFICIENTS = (1.18, 1.55)  # 医療機関別係数 lies between


def by_dpc(number: int, month: int, receipts: Receipts) -> Receipts:
    """Receipts of a month with those of DPC hospitals turned; ``number`` is the seed of the world."""
    wards = receipts.items.filter(item_code=ACUTE_WARD).select(source_row="parent_source_row").unique()
    is_dpc = pl.Series(of_dpc_hospital(number, receipts.claims["institution_code"]))
    chosen = receipts.claims.filter(is_dpc & pl.col("is_inpatient")).join(wards, on="source_row", how="semi")
    chosen = chosen.sort("source_row")
    if chosen.is_empty():
        return receipts
    keys = chosen.select(parent_source_row="source_row")
    rest = Receipts(
        receipts.claims.join(chosen, on="source_row", how="anti", maintain_order="left"),
        receipts.diagnoses.join(keys, on="parent_source_row", how="anti", maintain_order="left"),
        receipts.items.join(keys, on="parent_source_row", how="anti", maintain_order="left"),
        receipts.records,
    )
    diagnoses = receipts.diagnoses.join(keys, on="parent_source_row", how="semi", maintain_order="left")
    items = receipts.items.join(keys, on="parent_source_row", how="semi", maintain_order="left")
    return Receipts.joined([rest, _turned(number, month, chosen, diagnoses, items)])


def of_dpc_hospital(number: int, institution_code: pl.Series) -> NDArray[np.bool_]:
    """Which institutions are hospitals that are paid by DPC."""
    chance = fixed(number, "dpc", institution_code.cast(pl.Int64).to_numpy())
    is_hospital = kind_digits(institution_code) == HOSPITAL_DIGITS
    is_first = (institution_code.str.slice(7, 2) == "01").to_numpy()
    return is_hospital.to_numpy() & ((chance < share("dpc_hospital")) | is_first)


def of_summary_set(number: int, month: int, person: Ints, days: Ints) -> NDArray[np.bool_]:
    """Which receipts of DPC hospitals become a 総括 set, by the days in hospital."""
    return (days >= SET_FROM_DAYS) & (fixed(number, "dpc set", person, month) < share("dpc_summary_set") * 3)


def _turned(number: int, month: int, claims: pl.DataFrame, diagnoses: pl.DataFrame, items: pl.DataFrame) -> Receipts:
    institution = claims["institution_code"].cast(pl.Int64).to_numpy()
    days = claims["days_count"].to_numpy()
    in_set = of_summary_set(number, month, claims["person"].to_numpy(), days)
    own_days = np.where(in_set, days // 2, days)
    whole = claims["visit_days_code"].to_numpy()
    bits = daybits.lowest(whole, own_days)
    old = pl.Series(fixed(number, "dpc layout", institution) < share("dpc_old_layout"))
    claims = claims.with_columns(
        claim_kind_code=pl.lit("dpc"),
        layout_code=pl.when(old).then(pl.lit("dpc28")).otherwise(pl.lit("dpc40")),
        summary_code=pl.when(pl.Series(in_set)).then(pl.lit("2")).otherwise(pl.lit("0")),
        days_count=pl.Series(own_days),
        visit_days_code=pl.Series(bits),
    )
    by_claim = pl.DataFrame(
        {
            "parent_source_row": claims["source_row"], "own_bits": bits, "whole_bits": whole,
            "in_set": in_set, "own_days": own_days, "all_days": days,
        }
    )  # fmt: skip
    groups = _groups(diagnoses, claims)
    items = items.join(by_claim, on="parent_source_row", how="left", maintain_order="left")
    own_items = _own_items(items)
    coefficient = COEFFICIENTS[0] + fixed(number, "coefficient", institution) * (COEFFICIENTS[1] - COEFFICIENTS[0])
    records = _records(month, claims, groups, coefficient, items)
    claims = with_meals(with_points(claims, own_items, records), own_items)
    turned = Receipts(claims, _coded_diagnoses(diagnoses), own_items, records)
    return _with_sets(number, turned, items, in_set, whole)


def _groups(diagnoses: pl.DataFrame, claims: pl.DataFrame) -> pl.DataFrame:
    """The 診断群分類 of each receipt by the ICD-10 of its first disease."""
    first = diagnoses.sort("parent_source_row", "sequence_number").unique("parent_source_row", keep="first")
    icd = (
        claims.select(parent_source_row="source_row")
        .join(
            first.select("parent_source_row", icd10_code=_icd10()),
            on="parent_source_row",
            how="left",
            maintain_order="left",
        )["icd10_code"]
        .fill_null("")
    )
    table = seed("dpc_groups").with_columns(pl.col("icd10_prefix").fill_null("")).with_row_index("group")
    chosen = np.zeros(len(icd), dtype=np.int64)
    for row in table.sort(pl.col("icd10_prefix").str.len_chars()).iter_rows(named=True):
        chosen = np.where(icd.str.starts_with(row["icd10_prefix"]).to_numpy(), row["group"], chosen)
    return table[chosen]


def _icd10() -> pl.Expr:
    known = seed("diseases")
    return pl.col("disease_code").replace_strict(
        dict(zip(known["disease_code"], known["icd10_code"], strict=True)), default=None, return_dtype=pl.String
    )


def _coded_diagnoses(diagnoses: pl.DataFrame) -> pl.DataFrame:
    """SB: the first disease as 最資源 (01), 主 (11) and 契機 (21), the others as 入院時併存 (41-44)."""
    certain = diagnoses.filter(~pl.col("is_suspected")).sort("parent_source_row", "sequence_number")
    place = pl.int_range(pl.len()).over("parent_source_row")
    certain = certain.with_columns(place=place, icd10_code=_icd10())
    first = certain.filter(pl.col("place") == 0)
    classes = [first.with_columns(disease_class_code=pl.lit(code)) for code in ("01", "11", "21")]
    others = certain.filter(pl.col("place").is_between(1, 4)).with_columns(
        disease_class_code=(pl.col("place") + 40).cast(pl.String)
    )
    rows = pl.concat([*classes, others]).sort("parent_source_row", "disease_class_code")
    return rows.with_columns(
        is_main=pl.col("disease_class_code") == "11", start_date=pl.lit(None), outcome_code=pl.lit(None),
        sequence_number=pl.int_range(pl.len()).over("parent_source_row") + 1,
    ).select(DIAGNOSIS_COLUMNS)  # fmt: skip


def _own_items(items: pl.DataFrame) -> pl.DataFrame:
    """The lines of a DPC receipt: 出来高 and meals, then the coding of what is bundled."""
    bundled = pl.col("category_code").is_in(BUNDLED) | (
        (pl.col("category_code") == "40") & (pl.col("points").fill_null(0) < BUNDLED_TREATMENT_BELOW)
    )
    kept = items.filter(~bundled)
    days = kept["days_code"].to_numpy() & kept["own_bits"].to_numpy()
    first = daybits.lowest(kept["own_bits"].to_numpy(), np.ones(kept.height, dtype=np.int64))
    meals = pl.col("times_count") * pl.col("own_days") // pl.col("all_days")
    kept = kept.with_columns(
        days_code=pl.Series(np.where(days > 0, days, first)),
        times_count=pl.when(pl.col("category_code") == "97").then(meals).otherwise("times_count"),
        part=pl.lit(0),
    )
    coded = items.filter(bundled & pl.col("days_code").is_not_null())
    bits = daybits.lowest(
        coded["days_code"].to_numpy() & coded["own_bits"].to_numpy(), np.full(coded.height, CODED_DAYS)
    )
    number = daybits.count(bits)
    parts = []
    for place in range(CODED_DAYS):
        day = daybits.lowest(bits, np.full(len(bits), place + 1)) & ~daybits.lowest(bits, np.full(len(bits), place))
        rest = pl.col("times_count") // pl.Series(np.maximum(number, 1))
        parts.append(
            coded.with_columns(
                item_kind_code=pl.lit("CD"), points=pl.lit(None, pl.Int64), burden_code=pl.lit(None, pl.String),
                times_count=pl.max_horizontal(rest, pl.lit(1)), days_code=pl.Series(day), part=pl.lit(place + 1),
            ).filter(pl.Series(day > 0))
        )  # fmt: skip
    lines = pl.concat([kept, *[p.select(pl.col(c).cast(t) for c, t in kept.schema.items()) for p in parts]])
    lines = lines.sort("parent_source_row", pl.col("item_kind_code") == "CD", "sequence_number", "part")
    place_in_receipt = pl.int_range(pl.len()).over("parent_source_row") + 1
    # Lines of BU, KK, GA, HH and GT come before.
    return lines.with_columns(sequence_number=place_in_receipt, line_number=place_in_receipt + 10).select(ITEM_COLUMNS)


def _records(
    month: int, claims: pl.DataFrame, groups: pl.DataFrame, coefficient: NDArray[np.float64], items: pl.DataFrame
) -> pl.DataFrame:
    """BU, KK, GA, HH and GT of DPC receipts; GT carries the bundled points."""
    n = claims.height
    bits = claims["visit_days_code"].to_numpy()
    begin = first_day(month) + daybits.first_of(bits)
    admitted = claims["admission_date"].cast(pl.Int32).cast(pl.Int64).to_numpy()
    before, days = np.maximum(begin - admitted, 0), claims["days_count"].to_numpy()
    end = first_day(month) + daybits.last_of(bits)
    leaves = (end < first_day(month + 1) - 1) & (claims["summary_code"].to_numpy() == "0")
    edges = [np.zeros(n), groups["days_1"].to_numpy(), groups["days_2"].to_numpy(), np.full(n, 1 << 20)]
    emergency = items.filter(item_code=EMERGENCY)["parent_source_row"].unique().implode()
    frame = claims.select(
        parent_source_row="source_row",
        start_date="admission_date",
        end_date=pl.when(pl.Series(leaves)).then(pl.Series(end).cast(pl.Int32).cast(pl.Date)),
        month="service_month",
        is_emergency=pl.col("source_row").is_in(emergency),
        age=pl.Series((begin - claims["birth_date"].cast(pl.Int32).cast(pl.Int64).to_numpy()) // 365.25).cast(pl.Int64),
    ).with_columns(groups["dpc_code"], coefficient=pl.Series(np.round(coefficient, 4)))
    found, total = [], np.zeros(n, dtype=np.int64)

    def add(record_id: str, line: int, rows: pl.DataFrame, text: pl.Expr) -> None:
        found.append(rows.with_columns(record_id=pl.lit(record_id), line_number=pl.lit(line), text=text))

    outcome = pl.when(pl.col("end_date").is_not_null()).then(pl.lit("2"))
    add("BU", 0, frame, record_text({1: pl.col("dpc_code"), 2: pl.lit("{d}"), 3: pl.lit("{e}"), 4: outcome}, 6))
    in_month = frame.with_columns(start_date="month", end_date=pl.lit(None, pl.Date))
    kind = pl.when("is_emergency").then(pl.lit("3")).otherwise(pl.lit("1"))
    add("KK", 1, in_month, record_text({3: kind, 6: pl.col("age")}, 14))
    ga = {1: pl.lit("{m}"), 2: pl.lit("2"), 3: pl.lit("0" * 31), 4: pl.col("dpc_code"), 5: pl.col("coefficient")}
    add("GA", 2, in_month, record_text(ga, 7))
    for period in (1, 2, 3):
        inside = np.clip(np.minimum(before + days, edges[period]) - np.maximum(before, edges[period - 1]), 0, None)
        each = groups[f"points_{period}"].to_numpy()
        total += (inside * each).astype(np.int64)
        rows = in_month.with_columns(inside=pl.Series(inside.astype(np.int64)), each=pl.Series(each))
        places = {
            1: pl.lit("{m}"), 2: pl.lit("2"), 3: pl.lit("1"), 4: pl.lit("{b}"), 5: pl.lit(str(period)),
            6: pl.col("each"), 7: pl.col("inside"), 8: pl.col("each") * pl.col("inside"),
        }  # fmt: skip
        add("HH", 2 + period, rows.filter(pl.col("inside") > 0), record_text(places, 9))
    bundled = np.round(total * np.round(coefficient, 4)).astype(np.int64)
    rows = in_month.with_columns(sum_points=pl.Series(total), points=pl.Series(bundled))
    places = {
        1: pl.lit("{m}"), 2: pl.lit("2"), 3: pl.lit("1"), 4: pl.lit("{b}"), 5: pl.col("sum_points"),
        6: pl.col("points"), 7: pl.lit("0"), 8: pl.col("points"), 9: pl.lit("93"),
    }  # fmt: skip
    add("GT", 9, rows, record_text(places, 12))
    return pl.concat(
        [
            f.with_columns(points=pl.col("points") if "points" in f.columns else pl.lit(None)).select(
                pl.col(c).cast(t) for c, t in RECORDS.items()
            )
            for f in found
        ]
    )


def _with_sets(number: int, turned: Receipts, items: pl.DataFrame, in_set: NDArray[np.bool_], whole: Ints) -> Receipts:
    """With the 総括 and the receipt of 医科 beside each DPC receipt that is one of a set."""
    first = turned.claims.filter(pl.Series(in_set))
    if first.is_empty():
        return turned
    rest_bits = whole[in_set] & ~first["visit_days_code"].to_numpy()
    rest_days = daybits.count(rest_bits)
    second = first.with_columns(
        source_row=pl.col("source_row") + SET_KEYS, summary_code=pl.lit("3"),
        days_count=pl.Series(rest_days), visit_days_code=pl.Series(rest_bits),
        search_number=pl.col("search_number").str.slice(0, 16) + pl.lit("3") + pl.col("search_number").str.slice(17),
    )  # fmt: skip
    old_key = pl.col("parent_source_row")
    keys = second.select(
        parent_source_row=pl.col("source_row") - SET_KEYS, rest_days="days_count", rest_bits="visit_days_code"
    )
    meals = items.filter(category_code="97").join(keys, on="parent_source_row", maintain_order="left").with_columns(
        times_count=pl.col("times_count") - pl.col("times_count") * pl.col("own_days") // pl.col("all_days"),
        days_code="rest_bits", parent_source_row=old_key + SET_KEYS, line_number=pl.lit(2), sequence_number=pl.lit(2),
    ).select(ITEM_COLUMNS)  # fmt: skip
    ward = second.select(
        "scheme_code", "insurer_number", "service_month", parent_source_row="source_row", source_row="source_row",
        sequence_number=pl.lit(1), line_number=pl.lit(1), item_kind_code=pl.lit("SI"), item_code=pl.lit(SECOND_WARD),
        category_code=pl.lit(SECOND_WARD_CATEGORY), burden_code=pl.lit("1"), quantity=pl.lit(None),
        points=pl.lit(SECOND_WARD_POINTS), times_count="days_count", days_code="visit_days_code",
    ).select(ITEM_COLUMNS)  # fmt: skip
    second_items = pl.concat([ward, meals]).sort("parent_source_row", "sequence_number")
    no_records = turned.records.clear()
    second = with_meals(with_points(second, second_items, no_records), second_items)
    diagnoses = (
        turned.diagnoses.filter(pl.col("is_main"))
        .join(keys.select("parent_source_row"), on="parent_source_row", how="semi", maintain_order="left")
        .with_columns(
            parent_source_row=old_key + SET_KEYS, icd10_code=pl.lit(None), disease_class_code=pl.lit(None),
            sequence_number=pl.lit(1), start_date="service_month", outcome_code=pl.lit("1"),
        ).select(DIAGNOSIS_COLUMNS)
    )  # fmt: skip
    total = first["points"] + second["points"]
    revised = pl.Series(fixed(number, "revised set", first["person"].to_numpy()) < REVISED_SET_SHARE)
    cut = pl.when(revised).then(pl.col("points") // 50 + 1).otherwise(0)
    summary = first.with_columns(
        source_row=pl.col("source_row") + SUMMARY_KEYS, summary_code=pl.lit("1"), is_summary=pl.lit(True),
        days_count=first["days_count"] + second["days_count"],
        visit_days_code=pl.Series(whole[in_set]),
        meal_count=first["meal_count"] + second["meal_count"], meal_yen=first["meal_yen"] + second["meal_yen"],
        points=total - first.select(cut).to_series(), original_points=total, line_points=pl.lit(0, pl.Int64),
        search_number=pl.col("search_number").str.slice(0, 16) + pl.lit("1") + pl.col("search_number").str.slice(17),
    )  # fmt: skip
    revisions = first.select("source_row", own_cut=cut, revised=pl.when(revised).then(summary["points"]))
    second = second.with_columns(summary_points=revisions["revised"])
    claims = turned.claims.join(revisions, on="source_row", how="left", maintain_order="left").with_columns(
        points=pl.col("points") - pl.col("own_cut").fill_null(0), summary_points="revised"
    )
    claims = pl.concat([f.select(CLAIM_COLUMNS) for f in (claims, summary, second)])
    return Receipts(
        claims,
        pl.concat([turned.diagnoses, diagnoses]),
        pl.concat([turned.items, second_items]),
        turned.records,
    )
