"""What may be asked of the generator."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from ingest.settings import SettingsError
from ingest.synth.settings import NoiseRates, chosen, demo, full_world, tiny
from ingest.synth.world.towns import make_towns


def test_the_insured_of_the_towns_sum_to_the_people_asked_for() -> None:
    for settings in (demo(), demo(people=9_973), full_world(), tiny()):
        assert sum(settings.insured().values()) == settings.people


def test_the_demo_has_ten_towns_and_the_full_world_all_34() -> None:
    assert sorted(demo().insured().values()) == [450] * 4 + [800] * 3 + [1700] * 2 + [2500]
    assert len(full_world().municipalities) == 34


def test_the_first_claim_month_lies_the_months_before_the_reference() -> None:
    assert demo().first_claim_month == date(2022, 4, 1)
    assert demo(months=1).first_claim_month == date(2025, 3, 1)


def test_a_town_that_is_not_known_is_refused_by_its_code() -> None:
    with pytest.raises(SettingsError, match="99999"):
        chosen(municipalities=["16208", "99999"])


def test_wishes_change_only_what_they_name() -> None:
    wished = chosen(people=500, months=3, seed=1, municipalities=["16343", "31302"])
    assert (wished.people, wished.months, wished.seed) == (500, 3, 1)
    assert set(wished.municipalities) == {"16343", "31302"}
    assert chosen() == demo()


def test_an_unknown_rate_of_noise_is_an_error() -> None:
    with pytest.raises(ValidationError):
        NoiseRates(late_claims=0.1)  # type: ignore[call-arg]


def test_a_story_whose_town_is_missing_goes_to_the_largest_free_town() -> None:
    towns = make_towns(demo(municipalities={"16202": 500, "16343": 300, "31302": 200}))
    assert {towns.code[town] for town in towns.story.values()} == {"16202", "16343", "31302"}
