"""Mutated tables of counts: taken whole or refused in words, never a traceback, no text of a cell told."""

from __future__ import annotations

from datetime import date
from random import Random

import pytest

from ingest.statistics.reading import StatisticsRefused, is_statistics, read
from tests.counts_world import row, table
from tests.fuzz.mutations import COMMON

SHORT, LONG, PARTS = 300, 10_000, 4
MONTH = date(2025, 3, 1)
PLANTED = "紡木ハナコ"
"""A name that a careless sender might leave in a table."""

GOOD = table(
    *(row(area_id=town, sex_code=sex, numerator=40, denominator=300) for town in ("16202", "16204", "16205")
      for sex in ("1", "2")),
    row(indicator_id="members", denominator=0, numerator="4,800", contributor_count=400, largest_contribution=12),
    row(area_level="insurer", area_id="160028", scheme_code="kokuho"),
    row(indicator_id="disease_cost_share", class_code="major-01", numerator=9_000, denominator=80_000,
        contributor_count=30, denominator_contributor_count=90, largest_contribution=4_000),
    row(area_level="prefecture", area_id="16", insurers_count=15, numerator=900, denominator=9_000,
        publisher=f"架空の連合会 {PLANTED}"),
).replace("架空の連合会,".encode(), f"架空の連合会 {PLANTED},".encode())  # fmt: skip


def mutated(number: int) -> bytes:
    """The file with one to three things done to it; the same number gives the same bytes."""
    random = Random(number)
    data = GOOD
    for _ in range(random.randint(1, 3)):
        data = random.choice(COMMON)(data, random) if len(data) > 1 else data
    return data


def tried(number: int) -> str:
    """taken or refused; AssertionError naming the mutant where it is neither."""
    data = mutated(number)
    is_statistics(data[:4096])
    try:
        found = read(data, "件数.csv", prefecture_code="16", reference_month=MONTH)
    except StatisticsRefused as refused:
        assert refused.faults and str(refused), f"mutant {number} is refused without a word"
        told = "\n".join(map(str, refused.faults))
        assert PLANTED not in told and PLANTED[:3] not in told, f"mutant {number}: a cell is told"
        return "refused"
    except Exception as error:
        raise AssertionError(f"mutant {number}: {type(error).__name__}: {error}") from error
    nulls = {name: count for name, count in found.rows.null_count().row(0, named=True).items() if count}
    assert not nulls and found.source.height == 1, f"mutant {number} is taken with holes: {nulls}"
    assert (found.rows["numerator"] >= 0).all() and (
        found.rows["largest_contribution"] <= found.rows["numerator"]
    ).all()
    return "taken"


def test_the_file_that_is_mutated_is_a_good_one() -> None:
    assert read(GOOD, "件数.csv", prefecture_code="16", reference_month=MONTH).rows.height == 10
    assert is_statistics(GOOD) and PLANTED in GOOD.decode()


def test_mutants_are_taken_whole_or_refused_in_words() -> None:
    outcomes = [tried(number) for number in range(SHORT)]
    assert {"taken", "refused"} == set(outcomes)


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_mutants_are_taken_whole_or_refused_in_words(part: int) -> None:
    for number in range(SHORT + part * (LONG // PARTS), SHORT + (part + 1) * (LONG // PARTS)):
        tried(number)
