"""Receipts: the rule of points, the codes, who pays."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from ingest.synth.calibration import seed
from ingest.synth.world.catalogue import catalogue, drug_points
from ingest.synth.world.clock import age_at, day_of
from tests.unit.synth.conftest import World


def test_points_of_a_receipt_are_the_sum_of_its_lines_but_the_meals(world: World) -> None:
    # Keys are unique within a month and distinct over months.
    is_meal = pl.col("category_code").fill_null("") == "97"
    counted = world.items.filter(pl.col("points").is_not_null() & ~is_meal)
    bundled = world.claim_records.filter(pl.col("points").is_not_null()).select("parent_source_row", total="points")
    lines = counted.select("parent_source_row", total=pl.col("points") * pl.col("times_count"))
    total = pl.concat([lines, bundled]).group_by("parent_source_row").agg(pl.col("total").sum())
    claims = world.claims.filter(~pl.col("is_summary"))
    joined = claims.join(total, left_on="source_row", right_on="parent_source_row", how="left")
    assert world.claims["source_row"].is_unique().all()
    assert (joined["original_points"] == joined["total"].fill_null(0)).all()


def test_meals_are_yen_and_only_in_hospital(world: World) -> None:
    meals = world.items.filter(pl.col("category_code") == "97")
    stays = world.claims.filter(pl.col("is_inpatient") & ~pl.col("is_summary"))
    assert set(meals["parent_source_row"]) == set(stays["source_row"])
    assert set(meals["points"].unique()) == {640, 670}
    assert (stays["meal_yen"] > 0).all()


def test_days_of_a_receipt_fit_its_month(world: World) -> None:
    days = world.claims.select(over=pl.col("days_count") > pl.col("service_month").dt.days_in_month())
    assert not days["over"].any()
    assert world.claims["days_count"].min() >= 1


def test_a_change_of_insurer_in_the_middle_of_a_stay_makes_two_receipts(world: World) -> None:
    stays = (
        world.claims.filter(pl.col("is_inpatient") & ~pl.col("is_summary"))
        .group_by("person", "service_month", "institution_code")
        .agg(
            pl.col("scheme_code").n_unique(), pl.col("days_count").sum(), pl.col("service_month").first().alias("month")
        )
    )
    both = stays.filter(pl.col("scheme_code") == 2)
    assert both.height > 0
    assert (both["days_count"] <= 31).all()


def test_the_kind_of_receipt_says_scheme_age_and_bed(world: World) -> None:
    claims = world.claims.with_columns(
        kind=pl.col("claim_type_code").str.slice(1, 1), last=pl.col("claim_type_code").str.slice(3, 1).cast(pl.Int64)
    )
    assert ((claims["kind"] == "3") == (claims["scheme_code"] == "koki")).all()
    assert ((claims["last"] % 2 == 1) == claims["is_inpatient"]).all()
    age = age_at(world.people.birth[claims["person"].to_numpy()], day_of(date(2024, 10, 1)))
    preschool = claims.filter(pl.col("last").is_in([3, 4]))
    assert (age_at(world.people.birth[preschool["person"].to_numpy()], day_of(date(2024, 4, 1))) <= 6).all()
    assert (age[claims["last"].is_in([7, 8, 9, 0]).to_numpy()] >= 64).all()


def test_every_receipt_has_a_disease_at_most_one_of_them_the_main_one(world: World) -> None:
    main = world.diagnoses.group_by("parent_source_row").agg(pl.col("is_main").sum(), pl.len())
    told = world.claims.filter((pl.col("claim_kind_code") != "pharmacy") & ~pl.col("is_summary"))
    assert main.height == told.height
    assert main["is_main"].max() == 1
    assert 0.7 < (main["is_main"] == 1).mean() < 0.95
    codes = {*seed("diseases")["disease_code"], *seed("dental_diseases")["disease_code"], "0000999"}
    assert set(world.diagnoses["disease_code"]) <= codes
    assert (world.diagnoses["is_suspected"] == (world.diagnoses["modifier_codes"] == "8002").fill_null(False)).all()


@pytest.mark.parametrize(("yen", "points"), [(5.7, 1), (15, 1), (15.1, 2), (25, 2), (25.1, 3), (115, 11)])
def test_drug_points_round_five_down(yen: float, points: int) -> None:
    assert drug_points(yen) == points


def test_drugs_taken_together_carry_their_points_on_the_last_line() -> None:
    book = catalogue()
    bundle = book.bundle["hf_basic"]
    first, count = book.lines.first[bundle], book.lines.count[bundle]
    points = book.lines.points[first : first + count]
    assert (points[:-1] == -1).all()
    assert points[-1] == drug_points(6.1 + 10.1 + 5.7)


def test_codes_are_written_as_the_masters_write_them() -> None:
    items = seed("items")
    first_digit = items["item_code"].str.slice(0, 1)
    kinds = {"SI": "1", "IY": "6", "TO": "7"}
    assert (items["item_code"].str.len_chars() == 9).all()
    assert (first_digit == items["kind_code"].replace_strict(kinds)).all()
    assert items["source"].str.contains("診療報酬情報提供サービス").all()
