"""Harder worlds: what each preset does to numbers and names, and who is planted."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from ingest.settings import SettingsError
from ingest.synth.preset import Preset
from ingest.synth.presets import IDENTITY_RATES, with_preset
from ingest.synth.sent import sent_enrolment
from ingest.synth.settings import Planted, SynthSettings, demo, one_prefecture, tiny
from ingest.synth.world.clock import day_of
from ingest.synth.world.enrolment import make_enrolment
from ingest.synth.world.whole import World, make_world


def enrolment(world: World) -> pl.DataFrame:
    versions = make_enrolment(world.settings, world.towns, world.people, world.lives, world.records)
    return sent_enrolment(world.settings, versions)


def changed(settings: SynthSettings) -> int:
    return day_of(settings.upheaval_month)


def test_doubling_doubles_the_rates_of_identities_and_no_other() -> None:
    usual = demo()
    doubled = with_preset(usual, Preset.DOUBLED)
    assert doubled.noise.wrong_birth_digit == 2 * usual.noise.wrong_birth_digit
    differing = {n for n, value in doubled.noise if value != getattr(usual.noise, n)}
    assert differing == set(IDENTITY_RATES)


def test_upheavals_fall_into_the_middle_of_the_months_of_claims() -> None:
    assert demo().upheaval_month == date(2023, 9, 1)


def test_after_a_reissue_nobody_of_the_town_has_a_number_of_before() -> None:
    settings = with_preset(one_prefecture("16", people=600, months=6), Preset.REISSUE)
    world = make_world(settings)
    town = world.towns.code.index(str(settings.upheavals.renumbered))
    own = world.records.records.filter((pl.col("town") == town) & (pl.col("scheme_code") == "kokuho"))
    before = own.filter(pl.col("start") < changed(settings))
    after = own.filter(pl.col("start") >= changed(settings))
    assert after.height > 20
    assert set(before["number"]).isdisjoint(after["number"])
    assert before["end"].max() == changed(settings)
    households = before.join(after, on=["person", "branch"]).group_by("number").agg(pl.col("number_right").n_unique())
    assert households["number_right"].max() == 1
    assert world.records.names["record"].n_unique() == world.records.records.height
    assert world.coverage.records["record"].n_unique() == world.coverage.records.height


def test_after_a_merger_the_smaller_town_insures_nobody_and_its_people_have_new_numbers() -> None:
    settings = with_preset(one_prefecture("16", people=600, months=6), Preset.MERGER)
    world = make_world(settings)
    gone = world.towns.code.index(str(settings.upheavals.merged))
    into = world.towns.code.index(str(settings.upheavals.merged_into))
    records = world.records.records.filter(pl.col("scheme_code") != "kumiai")  # whose insurer is no town's
    assert records.filter((pl.col("town") == gone) & (pl.col("end").fill_null(1 << 40) > changed(settings))).is_empty()
    moved = records.filter((pl.col("town") == into) & (pl.col("start") == changed(settings)))
    assert moved.height > 20
    assert moved["insurer_number"].is_in([world.towns.kokuho[into], world.towns.koki[into]]).all()


def test_the_office_of_half_width_names_writes_no_other_and_only_it_does_so() -> None:
    settings = with_preset(one_prefecture("16", people=600, months=6), Preset.HALF_WIDTH)
    rows = enrolment(make_world(settings))
    own = pl.col("municipality_code") == settings.upheavals.half_width_office
    is_wide = rows["name_kana"].str.contains("[ァ-ヺ]")
    assert not is_wide.filter(rows.select(own.fill_null(False)).to_series()).any()
    assert is_wide.filter(rows.select(~own.fill_null(True)).to_series()).mean() > 0.8


def test_a_merger_needs_two_towns() -> None:
    with pytest.raises(SettingsError, match="two municipalities"):
        with_preset(tiny(municipalities={"16208": 100}), Preset.MERGER)


@pytest.fixture(scope="module")
def planted() -> World:
    return make_world(
        one_prefecture("16", people=3000, months=12).model_copy(
            update={"planted": Planted(twins=20, namesakes=20, apart=20)}
        )
    )


def both(world: World, kind: str) -> list[tuple[int, int]]:
    return world.planted.filter(pl.col("kind") == kind).select("person", "other").rows()


def test_planted_people_come_behind_all_others_and_change_nobody(planted: World) -> None:
    without = make_world(planted.settings.model_copy(update={"planted": Planted()}))
    assert planted.lives.states[: without.lives.states.height].equals(without.lives.states)
    assert (planted.people.birth[: len(without.people)] == without.people.birth).all()
    assert planted.planted.group_by("kind").len().sort("kind").rows() == [
        ("apart", 20),
        ("namesakes", 20),
        ("twins", 20),
    ]


def test_planted_twins_share_everything_but_the_given_name_and_the_branch(planted: World) -> None:
    people, records = planted.people, planted.records.records
    for one, other in both(planted, "twins"):
        assert people.birth[one] == people.birth[other] and people.sex[one] == people.sex[other]
        assert people.surname[one] == people.surname[other] and people.given[one] != people.given[other]
        kokuho = records.filter(pl.col("scheme_code") == "kokuho")
        first, second = (kokuho.filter(pl.col("person") == person) for person in (one, other))
        assert first["number"].to_list() == second["number"].to_list()
        assert (first["branch"] != second["branch"]).all()


def test_planted_namesakes_are_insured_together_or_one_after_the_other(planted: World) -> None:
    people, records = planted.people, planted.records.records.with_columns(pl.col("end").fill_null(1 << 40))
    for kind in ("namesakes", "apart"):
        for one, other in both(planted, kind):
            assert people.birth[one] == people.birth[other] and people.given[one] == people.given[other]
            first, second = (records.filter(pl.col("person") == person) for person in (one, other))
            pairs = first.join(second, how="cross")
            days = (pl.col("start") < pl.col("end_right")) & (pl.col("start_right") < pl.col("end"))
            assert pairs.select(days.any()).item() == (kind == "namesakes")
