"""Lives as insurers see them: numbers, moves, births, the 75th birthday, notices that come late."""

from __future__ import annotations

import numpy as np
import polars as pl

from ingest.synth.world import lives as life
from ingest.synth.world.clock import anniversary
from tests.unit.synth.conftest import World


def test_nobody_is_insured_twice_on_a_day(world: World) -> None:
    records = world.records.records.sort("person", "start")
    same = records["person"] == records["person"].shift(1)
    overlap = same & (records["start"] < records["end"].shift(1).fill_null(1 << 40))
    assert overlap.fill_null(False).sum() == 0


def test_a_record_ends_after_it_begins(world: World) -> None:
    ended = world.records.records.filter(pl.col("end").is_not_null())
    assert (ended["end"] > ended["start"]).all()


def test_the_75th_birthday_changes_the_insurer_on_that_day(world: World) -> None:
    turned = world.records.records.filter((pl.col("scheme_code") == "koki") & (pl.col("reason") == life.AGE_75))
    birthday = anniversary(world.people.birth[turned["person"].to_numpy()], 75)
    assert turned.height > 300
    assert (turned["start"].to_numpy() == birthday).all()


def test_65_to_74_with_certified_disability_are_in_koki(world: World) -> None:
    early = world.records.records.filter((pl.col("scheme_code") == "koki") & (pl.col("reason") == life.DISABILITY))
    birthday = anniversary(world.people.birth[early["person"].to_numpy()], 75)
    assert early.height > 10
    assert (early["start"].to_numpy() < birthday).all()


def test_a_number_and_branch_is_one_persons(world: World) -> None:
    records = world.records.records
    owners = records.group_by("insurer_number", "symbol", "number", "branch").agg(pl.col("person").n_unique())
    union_of = records.filter(scheme_code="koki").group_by("prefecture", "number").agg(pl.col("person").n_unique())
    assert owners["person"].max() == 1
    assert union_of["person"].max() == 1


def test_coming_back_to_kokuho_after_a_gap_brings_a_new_number(world: World) -> None:
    records = world.records.records.filter(scheme_code="kokuho").sort("person", "start")
    before = records.shift(1)
    again = (
        (records["person"] == before["person"])
        & (records["insurer_number"] == before["insurer_number"])
        & (records["start"] > before["end"].fill_null(1 << 40))
    ).fill_null(False)
    new_number = again & (records["number"] != before["number"])
    assert again.sum() > 50
    assert new_number.sum() / again.sum() > 0.6


def test_a_move_within_the_prefecture_keeps_the_number_of_koki_and_changes_the_insurer(world: World) -> None:
    records = world.records.records.filter(scheme_code="koki").sort("person", "start")
    before = records.shift(1)
    moved = (
        (records["person"] == before["person"])
        & (records["prefecture"] == before["prefecture"])
        & (records["start"] == before["end"])
    ).fill_null(False)
    assert moved.sum() > 10
    assert (records.filter(moved)["number"] == before.filter(moved)["number"]).all()
    assert (records.filter(moved)["insurer_number"] != before.filter(moved)["insurer_number"]).all()


def test_people_move_between_the_prefectures(world: World) -> None:
    prefectures = world.records.records.group_by("person").agg(pl.col("prefecture").n_unique())
    assert (prefectures["prefecture"] > 1).sum() > 5


def test_twins_share_a_birthday_and_a_household_and_not_a_branch(world: World) -> None:
    records = world.records.records.filter(scheme_code="kokuho").with_columns(
        birth=pl.Series(world.people.birth[world.records.records.filter(scheme_code="kokuho")["person"].to_numpy()])
    )
    pairs = records.join(records, on=["insurer_number", "number", "birth"]).filter(
        pl.col("person") < pl.col("person_right")
    )
    assert pairs.height > 0
    assert (pairs["branch"] != pairs["branch_right"]).all()


def test_children_are_born_into_their_mothers_insurance(world: World) -> None:
    born = world.records.records.filter(pl.col("reason") == life.BIRTH)
    assert born.height > 20
    assert (born["start"].to_numpy() == world.people.birth[born["person"].to_numpy()]).all()


def test_the_dead_use_nothing(world: World) -> None:
    death = world.lives.death[world.claims["person"].to_numpy()]
    month = world.claims["service_month"].cast(pl.Int32).to_numpy()
    assert ((death < 0) | (death >= month)).all()


def test_marriage_gives_a_second_version_of_the_record_another_name(world: World) -> None:
    names = world.versions.filter(~pl.col("is_deleted")).group_by("person").agg(pl.col("name_kanji").n_unique())
    assert (names["name_kanji"] > 1).sum() > 20


def test_notices_of_leaving_come_late_and_claims_go_on_meanwhile(world: World) -> None:
    closed = world.versions.filter(pl.col("applied_end_date").is_not_null() & (pl.col("lost_reason_code") == "02"))
    late = (closed["processed_date"] - closed["applied_end_date"]).dt.total_days()
    assert 0.2 < (late > 31).mean() < 0.5
    assert late.max() > 180
    # Receipts for which the person is no longer a member of the insurer on the receipt.
    spells = world.records.records.select(
        "person", "insurer_number", "number", start=pl.col("start"), stop=pl.col("end").fill_null(1 << 40)
    )
    claims = world.claims.with_columns(day=pl.col("service_month").dt.month_end().cast(pl.Int32).cast(pl.Int64))
    keys = ["person", "insurer_number", "number"]
    matched = (
        claims.with_row_index("claim")
        .join(spells, on=keys)
        .filter(
            (pl.col("start") <= pl.col("day"))
            & (pl.col("stop") > pl.col("service_month").cast(pl.Int32).cast(pl.Int64))
        )
    )
    unmatched = claims.height - matched["claim"].n_unique()
    assert 0 < unmatched < claims.height * 0.02


def test_some_live_in_a_home_of_another_town_and_stay_with_their_insurer(world: World) -> None:
    assert world.lives.facility.height > 20
    marked = world.certification.events.filter("is_address_exception")
    assert marked.height > 5


def test_the_union_gives_one_number_in_all_its_towns(world: World) -> None:
    union = world.certification.events.filter(pl.col("municipality_code").is_not_null())
    assert set(union["municipality_code"].unique()) == {"16208", "16209", "16210"}
    assert union["insurer_number"].n_unique() == 1
    numbers = union.filter(~pl.col("number").str.starts_with("H")).group_by("person").agg(pl.col("number").n_unique())
    assert numbers["number"].max() == 1


def test_certification_ties_to_the_number_of_the_medical_insurer(world: World) -> None:
    events = world.certification.events
    tied = events.filter(pl.col("related_number").is_not_null())
    assert 0.85 < tied.height / events.height < 1
    numbers = world.records.records.select(
        "person", related_insurer_number="insurer_number", related_number="number"
    ).unique()
    known = tied.join(numbers, on=["person", "related_insurer_number", "related_number"], how="semi")
    assert known.height == tied.height


def test_a_household_shares_a_name_and_mostly_its_insurance(world: World) -> None:
    records = world.records.records.filter(scheme_code="kokuho")
    members = records.group_by("insurer_number", "number").agg(pl.col("person").n_unique())
    assert (members["person"] >= 2).mean() > 0.2
    assert np.bincount(members["person"].to_numpy()).argmax() in (1, 2)
