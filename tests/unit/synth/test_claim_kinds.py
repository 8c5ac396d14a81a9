"""Receipts of DPC, dentists and pharmacies: what moved, what it costs, that nothing is counted twice."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ingest.synth.world import daybits
from tests.unit.synth.conftest import World

YEN_PER_POINT = 10


def _of(world: World, kind: str) -> pl.DataFrame:
    return world.claims.filter(claim_kind_code=kind)


def _lines(world: World, kind: str) -> pl.DataFrame:
    keys = _of(world, kind).select(parent_source_row="source_row")
    return world.items.join(keys, on="parent_source_row", how="semi")


def test_every_kind_of_receipt_is_there_with_the_first_digit_of_its_kind(world: World) -> None:
    digits = dict(
        world.claims.group_by("claim_kind_code").agg(pl.col("claim_type_code").str.slice(0, 1).unique()).rows()
    )
    assert digits == {"medical": ["1"], "dpc": ["1"], "dental": ["3"], "pharmacy": ["4"]}
    tables = world.claims.group_by("claim_kind_code").agg(pl.col("institution_code").str.slice(2, 1).unique()).rows()
    assert dict(tables) == digits


def test_the_cost_of_kokuho_is_shared_among_the_kinds_about_as_published(world: World) -> None:
    claims = world.claims.filter((pl.col("scheme_code") == "kokuho") & ~pl.col("is_summary"))
    yen = pl.col("points") * YEN_PER_POINT + pl.col("meal_yen").fill_null(0)
    total = claims.select(yen.sum()).item()

    def share(condition: pl.Expr) -> float:
        return float(claims.filter(condition).select(yen.sum()).item()) / total

    assert share(pl.col("is_inpatient")) == pytest.approx(0.385, abs=0.05)
    assert share(~pl.col("is_inpatient") & (pl.col("claim_kind_code") == "medical")) == pytest.approx(0.37, abs=0.05)
    assert share(pl.col("claim_kind_code") == "dental") == pytest.approx(0.06, abs=0.02)
    assert share(pl.col("claim_kind_code") == "pharmacy") == pytest.approx(0.17, abs=0.03)


def test_a_pharmacy_has_no_disease_and_names_the_doctor_of_the_month(world: World) -> None:
    pharmacy = _of(world, "pharmacy")
    assert world.diagnoses.join(pharmacy, left_on="parent_source_row", right_on="source_row", how="semi").is_empty()
    assert pharmacy["days_count"].null_count() == pharmacy.height
    assert set(pharmacy["prescription_count"].unique()) == {1, 2}
    doctors = world.claims.filter(claim_kind_code="medical").select(
        "person", "scheme_code", "service_month", prescribing_institution_code="institution_code"
    )
    keys = ["person", "scheme_code", "service_month", "prescribing_institution_code"]
    assert pharmacy.join(doctors, on=keys, how="anti").is_empty()
    others = world.claims.filter(pl.col("claim_kind_code") != "pharmacy")
    assert others["prescribing_institution_code"].null_count() == others.height


def test_about_four_fifths_of_the_prescriptions_go_out(world: World) -> None:
    outpatient = _of(world, "medical").filter(~pl.col("is_inpatient")).select(parent_source_row="source_row")
    drugs = world.items.filter((pl.col("item_kind_code") == "IY") & pl.col("category_code").is_in(["21", "23"]))
    inside = drugs.join(outpatient, on="parent_source_row", how="semi")["parent_source_row"].n_unique()
    outside = _of(world, "pharmacy").height
    assert outside / (inside + outside) == pytest.approx(0.78, abs=0.06)


def test_points_of_dispensing_are_those_of_its_drugs_and_fees(world: World) -> None:
    lines = _lines(world, "pharmacy")
    total = lines.group_by("parent_source_row").agg((pl.col("points") * pl.col("times_count")).sum().alias("total"))
    both = _of(world, "pharmacy").join(total, left_on="source_row", right_on="parent_source_row")
    assert both.height == _of(world, "pharmacy").height
    assert (both["points"] == both["total"]).all()
    assert set(lines["item_kind_code"].unique()) == {"IY", "CZ", "KI"}


def test_dpc_adds_a_bundle_to_its_lines_and_codes_what_is_in_it_without_points(world: World) -> None:
    lines = _lines(world, "dpc")
    coded = lines.filter(item_kind_code="CD")
    assert coded["points"].null_count() == coded.height > 0
    singles = _of(world, "dpc").filter(summary_code="0")
    bundled = world.claim_records.filter(record_id="GT")
    counted = lines.filter(pl.col("points").is_not_null() & (pl.col("category_code") != "97"))
    own = counted.group_by("parent_source_row").agg(lines=(pl.col("points") * pl.col("times_count")).sum())
    both = singles.join(bundled.select(source_row="parent_source_row", bundle="points"), on="source_row")
    both = both.join(own, left_on="source_row", right_on="parent_source_row", how="left")
    assert both.height == singles.height
    assert (both["points"] == both["bundle"] + both["lines"].fill_null(0)).all()
    per_receipt = coded.group_by("parent_source_row").len()["len"]
    assert 8 <= per_receipt.mean() <= 25  # type: ignore[operator]


def test_the_main_disease_of_dpc_is_the_one_of_class_11_and_has_its_icd10(world: World) -> None:
    keys = _of(world, "dpc").filter(summary_code="0").select(parent_source_row="source_row")
    rows = world.diagnoses.join(keys, on="parent_source_row", how="semi")
    assert (rows["is_main"] == (rows["disease_class_code"] == "11")).all()
    assert rows.filter(pl.col("disease_code") != "0000999")["icd10_code"].null_count() == 0
    assert rows["start_date"].null_count() == rows.height


def test_a_set_of_dpc_receipts_is_a_head_and_two_children_of_the_same_money(world: World) -> None:
    keys = ["person", "service_month", "institution_code", "admission_date"]
    own = _of(world, "dpc").filter(pl.col("summary_code") != "0")
    sets = own.group_by(keys).agg(
        pl.col("summary_code").sort(),
        head=pl.col("original_points").filter(pl.col("is_summary")).sum(),
        children=pl.col("original_points").filter(~pl.col("is_summary")).sum(),
        head_meals=pl.col("meal_yen").filter(pl.col("is_summary")).sum(),
        meals=pl.col("meal_yen").filter(~pl.col("is_summary")).sum(),
        cut=(pl.col("original_points") - pl.col("points")).sum(),
    )
    assert sets.height > 5
    assert set(map(tuple, sets["summary_code"].to_list())) == {("1", "2", "3")}
    assert (sets["head"] == sets["children"]).all()
    assert (sets["head_meals"] == sets["meals"]).all()
    assert 0 < (sets["cut"] > 0).mean() < 0.6  # type: ignore[operator]


def test_days_of_the_lines_are_days_of_the_visit_and_of_the_month(world: World) -> None:
    claims = world.claims.filter(pl.col("visit_days_code").is_not_null() & ~pl.col("is_summary"))
    number = daybits.count(claims["visit_days_code"].to_numpy())
    assert (number == claims["days_count"].to_numpy()).all()
    length = claims["service_month"].dt.days_in_month().to_numpy()
    assert (claims["visit_days_code"].to_numpy() >> length == 0).all()
    lines = world.items.filter(pl.col("days_code").is_not_null()).join(
        claims.select(parent_source_row="source_row", visited="visit_days_code"), on="parent_source_row"
    )
    assert (lines["days_code"].to_numpy() & ~lines["visited"].to_numpy() == 0).all()
    assert (daybits.count(lines["days_code"].to_numpy()) <= lines["times_count"].to_numpy()).all()


def test_days_are_spread_over_the_month_and_counted() -> None:
    start, visits = np.array([0, 29, 10]), np.array([3, 2, 31])
    bits = daybits.spread(start, visits, 31)
    assert daybits.count(bits).tolist() == [3, 2, 31]
    assert bits[0] == 1 + 2**10 + 2**20
    assert daybits.lowest(bits, np.array([2, 9, 1])).tolist() == [1 + 2**10, 2**29 + 2**30, 1]
    assert (daybits.first_of(bits).tolist(), daybits.last_of(bits).tolist()) == ([0, 29, 0], [20, 30, 30])
