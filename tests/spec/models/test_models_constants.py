"""A few figures counted by hand from the stories, so that a misunderstanding shared with the recount is noticed."""

from __future__ import annotations

from datetime import date

import pytest

from tests.spec.models.built import Built

pytestmark = pytest.mark.xdist_group("spec_models")

Y2023, Y2024, Y2025 = (date(year, 4, 1) for year in (2023, 2024, 2025))
MARCH_2024 = date(2024, 3, 1)

# indicator, period kind, period, scheme, area, sex, age band: numerator, denominator
BY_HAND = [
    # 富山市 in March 2024: 10 of the whole year and the newborn; late notice left in January.
    ("members", "month", MARCH_2024, "kokuho", "insurer:160010", "all", "all", (11, 0)),
    ("members", "month", MARCH_2024, "kokuho", "insurer:160010", "2", "all", (3, 0)),
    ("members", "month", MARCH_2024, "kokuho", "insurer:160010", "2", "00-04", (1, 0)),
    # Two turn 75 in June 2024: one leaves within the month, one on 1 July.
    ("members", "month", date(2024, 6, 1), "kokuho", "insurer:160010", "all", "all", (10, 0)),
    ("members", "month", date(2024, 7, 1), "kokuho", "insurer:160010", "all", "all", (9, 0)),
    ("members", "year_to_date", date(2024, 6, 1), "kokuho", "insurer:160010", "all", "all", (32, 0)),
    # 10 persons × 12 months, the newborn 2, late notice 9; 後期 adds the one who stands in both ledgers, in March.
    ("members", "fiscal_year", Y2023, "kokuho", "municipality:16201", "all", "all", (131, 0)),
    ("members", "fiscal_year", Y2023, "kokuho_koki", "municipality:16201", "all", "all", (132, 0)),
    # The district that one of two members leaves for another in September 2024: 12 + 5 months.
    ("members", "fiscal_year", Y2024, "kokuho", "district:16201-001", "all", "all", (17, 0)),
    # A man in the ledger of 滑川 for April alone; from May on 魚津 knows the same person as a woman.
    ("members", "fiscal_year", Y2024, "kokuho", "insurer:160051", "1", "40-44", (1, 0)),
    # One receipt of 1,000 points and 2 days in each month; what lies beyond the month of reference is not there.
    ("points_per_claim", "fiscal_year", Y2023, "kokuho", "municipality:16201", "all", "all", (12_000, 12)),
    ("days_per_claim", "fiscal_year", Y2023, "kokuho", "municipality:16201", "all", "all", (24, 12)),
    ("points_per_claim", "fiscal_year", Y2025, "kokuho", "municipality:16201", "all", "all", (2_000, 2)),
    # All of 富山県 insured through 2023 by one insurer and 40 to 74: 富山 7, 魚津 7, 滑川 2, 氷見 1; two were examined.
    ("attendance_legal", "fiscal_year", Y2023, "kokuho", "prefecture:16", "all", "all", (2, 20)),
    ("attendance_legal", "fiscal_year", Y2023, "kokuho", "nation:JP", "all", "all", (2, 21)),
    ("attendance_legal", "fiscal_year", Y2023, "kumiai", "insurer:163014", "all", "all", (1, 1)),
    # Men of 滑川 aged 60 to 64: seven of the steps and four of five of the crowd were examined.
    ("hba1c_56", "fiscal_year", Y2024, "kokuho", "insurer:160051", "1", "60-64", (7, 11)),
    ("hba1c_65", "fiscal_year", Y2024, "kokuho", "insurer:160051", "1", "60-64", (3, 11)),
    ("hba1c_80", "fiscal_year", Y2024, "kokuho", "insurer:160051", "1", "60-64", (1, 11)),
    ("systolic_130", "fiscal_year", Y2024, "kokuho", "insurer:160051", "1", "60-64", (7, 11)),
    ("systolic_140", "fiscal_year", Y2024, "kokuho", "insurer:160051", "1", "60-64", (3, 11)),
    ("systolic_160", "fiscal_year", Y2024, "kokuho", "insurer:160051", "1", "60-64", (1, 11)),
    ("metabolic", "fiscal_year", Y2024, "kokuho", "insurer:160051", "1", "60-64", (3, 9)),
    ("premetabolic", "fiscal_year", Y2024, "kokuho", "insurer:160051", "1", "60-64", (3, 9)),
    ("smoking", "fiscal_year", Y2024, "kokuho", "insurer:160051", "1", "60-64", (3, 6)),
    ("hba1c_56", "year_to_date", date(2025, 3, 1), "kokuho", "insurer:160051", "1", "60-64", (7, 11)),
    ("hba1c_56", "fiscal_year", Y2023, "kumiai", "insurer:163014", "all", "all", (1, 1)),
]


@pytest.mark.parametrize(("indicator", "kind", "period", "scheme", "area", "sex", "band", "expected"), BY_HAND)
def test_the_figure_is_that_counted_by_hand(
    built: Built,
    indicator: str,
    kind: str,
    period: date,
    scheme: str,
    area: str,
    sex: str,
    band: str,
    expected: tuple[int, int],
) -> None:
    assert built.share(indicator, kind, period, scheme, area, sex, band) == expected


def test_behind_a_sum_stand_as_many_persons_as_there_are_and_the_largest_share_of_one(built: Built) -> None:
    place = ("insurer", "160085", "all", "all", "")
    cost = built.facts["inpatient_cost_per_member_month", "fiscal_year", Y2023, "kokuho", *place]
    assert cost == (50_000, 1, 1, 1, 50_000)
    months = built.facts["members", "fiscal_year", Y2023, "kokuho", *place]
    assert months == (6, 0, 1, 0, 6)


def test_towns_of_one_size_are_one_group_in_each_reading(built: Built) -> None:
    """魚津, 氷見, 滑川, 黒部, 砺波, 小矢部 and 倉吉 are cities under 50,000."""
    cities = [f"municipality:{town}" for town in ["16204", "16205", "16206", "16207", "16208", "16209", "31203"]]
    for period in (Y2023, Y2024, Y2025):
        towns = [built.share("members", "fiscal_year", period, "kokuho", town) or (0, 0) for town in cities]
        for group in ("peer:kdb_13:07", "peer:city4_town7:06"):
            assert built.share("members", "fiscal_year", period, "kokuho", group) == (sum(n for n, _ in towns), 0)
