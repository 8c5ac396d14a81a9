"""介護: who is certified at a month's end, over which insured, and what care cost."""

from __future__ import annotations

from datetime import date

import pytest

from tests.spec.models import stories
from tests.spec.models.built import Built
from tests.spec.models.delivery import Person

pytestmark = pytest.mark.xdist_group("spec_models")

TOYAMA = ("care", "insurer:162019")


def levels(built: Built, who: Person) -> dict[str, str]:
    """Certified level by month."""
    return {f"{row['month']:%Y-%m}": row["care_level_code"] for row in built.lived("marts.care_person_month", who)}


def counted(built: Built, who: Person, indicator: str = "certification_rate") -> list[str]:
    rows = built.lived("rollups.measure_care", who, indicator_id=indicator)
    return sorted(f"{row['month']:%Y-%m}" for row in rows if row["numerator"])


def test_a_certification_holds_to_the_end_of_its_last_day_and_a_change_of_level_from_its_own(built: Built) -> None:
    found = levels(built, stories.certified)
    assert sorted(found) == [f"2024-{month:02d}" for month in range(1, 13)]
    assert [found[month] for month in ("2024-05", "2024-06", "2024-12")] == ["12", "22", "22"]


def test_the_end_of_a_certification_cuts_it_short(built: Built) -> None:
    assert max(levels(built, stories.ended_care)) == "2024-07"


def test_nobody_is_certified_where_not_insured_yet_though_the_dates_of_before_are_brought(built: Built) -> None:
    assert sorted(levels(built, stories.moved_certified)) == [f"2024-{month:02d}" for month in range(5, 13)]


def test_a_certification_taken_back_never_was(built: Built) -> None:
    assert not levels(built, stories.withdrawn_care)


def test_who_is_certified_under_65_is_not_in_the_rate(built: Built) -> None:
    assert levels(built, stories.second_insured)
    assert not counted(built, stories.second_insured)
    assert counted(built, stories.second_insured, "certification_rate_second")


def test_who_is_certified_for_the_first_time_is_new_in_that_month_alone(built: Built) -> None:
    assert counted(built, stories.certified, "new_certification_rate") == ["2024-01"]


def test_a_certified_person_has_one_level_of_all(built: Built) -> None:
    rows = built.lived("rollups.measure_care", stories.certified, month=date(2024, 6, 1))
    shares = {row["indicator_id"]: row["numerator"] for row in rows if row["indicator_id"].startswith("certified_")}
    assert set(shares) == {"certified_level_12", "certified_level_22"}  # the first stands for the denominator of all
    assert [name for name, numerator in shares.items() if numerator] == ["certified_level_22"]


def test_who_is_born_on_the_first_is_65_at_the_end_of_the_month_before(built: Built) -> None:
    ages = {row["month"]: row["age_at_month_end"] for row in built.lived("marts.care_person_month", stories.turns_65)}
    assert (ages[date(2024, 3, 1)], ages[date(2024, 4, 1)]) == (64, 65)


def test_a_month_without_the_table_of_insured_is_left_out_of_both_sides(built: Built) -> None:
    assert "2024-04" in levels(built, stories.turns_65)
    assert counted(built, stories.turns_65) == [*(f"2024-{month:02d}" for month in range(5, 13)), "2025-01"]
    for kind in ("month", "year_to_date"):
        assert built.share("certification_rate", kind, date(2024, 4, 1), *TOYAMA) is None
    assert levels(built, stories.no_table) and not counted(built, stories.no_table)
    assert not built.where("rollups.indicator_fact", indicator_id="certification_rate", area_id="162051")


def test_the_rate_is_over_the_first_insured_of_the_newest_table(built: Built) -> None:
    assert built.share("certification_rate", "month", date(2024, 1, 1), *TOYAMA) == (2, 180)
    assert built.share("certification_rate", "month", date(2024, 1, 1), *TOYAMA, "2", "80-84") == (1, 40)
    assert built.share("certification_rate", "month", date(2024, 1, 1), *TOYAMA, "1", "60-64") is None
    assert built.share("certification_rate", "month", date(2024, 1, 1), *TOYAMA, "2", "90-94") is None


def test_over_a_year_the_rate_is_of_months_summed(built: Built) -> None:
    assert built.share("certification_rate", "fiscal_year", date(2023, 4, 1), *TOYAMA) == (6, 540)
    assert built.share("certification_rate", "year_to_date", date(2024, 2, 1), *TOYAMA) == (4, 360)
    assert built.share("certification_rate", "year_to_date", date(2024, 5, 1), *TOYAMA) == (15, 180)
    assert built.share("certification_rate", "fiscal_year", date(2023, 4, 1), "care", "prefecture:16") == (6, 702)


def test_the_certified_of_a_union_count_in_the_town_that_is_named_and_else_only_above(built: Built) -> None:
    may = "month", date(2024, 5, 1), "care"
    assert built.share("certification_rate", *may, "insurer:169508") == (2, 54)
    assert built.share("certification_rate", *may, "municipality:16208") == (1, 27)
    assert built.share("certification_rate", *may, "municipality:16209") == (0, 27)
    assert built.share("care_cost_per_recipient", *may, "insurer:169508") == (300_000, 2)
    assert built.share("care_cost_per_recipient", *may, "municipality:16208") == (200_000, 1)
    assert built.share("care_cost_per_recipient", *may, "municipality:16209") is None


def test_two_providers_of_a_month_have_one_recipient(built: Built) -> None:
    (month,) = built.lived("marts.care_month", stories.certified, service_month=date(2024, 3, 1))
    assert (month["benefit_yen"], month["claims_count"]) == (54_000, 2)


def test_cost_per_recipient_is_over_who_received_care_in_the_month_whatever_the_age(built: Built) -> None:
    assert built.share("care_cost_per_recipient", "month", date(2024, 3, 1), *TOYAMA) == (117_000, 3)
    assert built.share("care_cost_per_recipient", "month", date(2024, 3, 1), *TOYAMA, "1", "60-64") == (27_000, 1)
    assert built.share("care_cost_per_recipient", "fiscal_year", date(2023, 4, 1), *TOYAMA) == (207_000, 4)


def test_a_care_record_taken_back_counts_nowhere_and_a_corrected_one_once(built: Built) -> None:
    (march,) = built.lived("published.person_care_month", stories.ended_care)
    assert (march["service_month"], march["benefit_yen"]) == (date(2024, 3, 1), 36_000)
    assert built.share("care_cost_per_recipient", "month", date(2024, 4, 1), *TOYAMA) is None


def cost(built: Built, who: Person, month: date) -> list[int]:
    """What care of a month cost, as published by person."""
    return [row["benefit_yen"] for row in built.lived("marts.care_month", who, service_month=month)]


def test_care_as_claimed_stands_only_until_it_is_adjudicated_whatever_comes_first(built: Built) -> None:
    assert cost(built, stories.certified, date(2024, 2, 1)) == [90_000]
    assert cost(built, stories.second_insured, date(2024, 11, 1)) == [27_000]
    (claim,) = built.lived("marts.care_claim", stories.second_insured, service_month=date(2024, 11, 1))
    assert not claim["is_adjudicated"]


def test_care_adjudicated_and_taken_back_does_not_come_back_as_claimed(built: Built) -> None:
    assert cost(built, stories.ended_care, date(2024, 4, 1)) == []
    assert not built.lived("marts.care_line", stories.ended_care, service_month=date(2024, 4, 1))


def test_a_record_filed_anew_in_the_month_of_its_withdrawal_stands(built: Built) -> None:
    assert cost(built, stories.certified, date(2024, 9, 1)) == [20_000]


def test_purchases_are_kept_and_are_in_no_cost(built: Built) -> None:
    october = date(2024, 10, 1)
    assert cost(built, stories.certified, october) == []
    assert built.share("care_cost_per_recipient", "month", october, *TOYAMA) is None
    (claim,) = built.lived("marts.care_claim", stories.certified, service_month=october)
    (line,) = built.lived("marts.care_line", stories.certified, service_month=october)
    assert (claim["benefit_kind_code"], line["line_kind_code"], line["amount_yen"]) == ("2", "D7", 140_000)


def test_what_was_paid_back_is_kept_apart_and_can_be_taken_back(built: Built) -> None:
    paid = built.lived("marts.care_high_cost", stories.certified)
    assert [(row["service_month"], row["benefit_yen"]) for row in paid] == [(date(2024, 3, 1), 8_000)]


def test_every_standing_claim_has_the_lines_of_its_own_version(built: Built) -> None:
    for who in (stories.certified, stories.ended_care, stories.second_insured):
        claims = built.lived("marts.care_claim", who)
        lines = built.lived("marts.care_line", who)
        assert sorted(row["units"] for row in lines) == sorted(row["units"] for row in claims)
        days = [[row[f"public{number}_times_count"] for number in ("", "2", "3")] for row in lines]
        assert days == [[3, 2, 1]] * len(lines)  # of three public funds, each its own
