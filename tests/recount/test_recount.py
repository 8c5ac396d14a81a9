"""The center's figures against an independent calculation from the files of the sites and the truth behind them.

The files went through readers, checks, tokens, envelope, linkage and dbt; the calculation beside it goes from the rows
of the files straight to the figures, in Polars, and knows who is who. Both must say the same, to the last unit.
"""

from __future__ import annotations

import polars as pl
import pytest

from ingest.settings import Settings
from tests.recount.cells import FIGURES, KEY, figures
from tests.recount.differences import differences, of_the_center, persons_apart, report
from tests.recount.sources import Tables, taken_in
from tests.recount.world import shares_of

COST = "total_cost_per_member_month"


@pytest.fixture(scope="module")
def tables(tiny_road: Settings) -> Tables:
    return taken_in(tiny_road)


@pytest.fixture(scope="module")
def ours(tables: Tables) -> pl.DataFrame:
    return figures(shares_of(tables), tables["district_set"])


@pytest.fixture(scope="module")
def theirs(tiny_road: Settings, ours: pl.DataFrame) -> pl.DataFrame:
    return of_the_center(tiny_road, ours["indicator"].unique().to_list())


def _of(figures: pl.DataFrame, indicator: str) -> pl.DataFrame:
    return figures.filter(pl.col("indicator") == indicator)


def test_the_center_tells_the_people_of_the_files_apart_as_they_are(tiny_road: Settings, tables: Tables) -> None:
    assert persons_apart(tiny_road, tables) == 0, "figures of persons would differ by this, not by the models"


def test_every_figure_of_the_center_is_that_of_the_independent_calculation(
    ours: pl.DataFrame, theirs: pl.DataFrame
) -> None:
    found = differences(ours, theirs)
    assert found.is_empty(), report(found)


def test_the_calculation_covers_forty_indicators_and_more_in_every_direction(ours: pl.DataFrame) -> None:
    indicators = {name.partition(" ")[0] for name in ours["indicator"].unique()}
    assert len(indicators) > 100
    met = {column: set(ours[column].unique()) for column in ("period_kind", "told_as", "level", "of_sex")}
    assert met == {
        "period_kind": {"month", "year_to_date", "fiscal_year"},
        "told_as": {"kokuho", "kumiai", "koki", "kokuho_koki", "care"},
        "level": {"nation", "prefecture", "medical_area", "insurer", "municipality", "district", "peer"},
        "of_sex": {"1", "2", "U", "all"},
    }
    above = ours.group_by("indicator").agg(pl.col("numerator").sum()).filter(pl.col("numerator") == 0)
    assert above.height < 5, f"nobody in the world counts here: {above['indicator'].to_list()}"


def test_a_figure_that_is_one_off_is_found_with_its_cell(ours: pl.DataFrame, theirs: pl.DataFrame) -> None:
    ours, theirs = _of(ours, "smoking"), _of(theirs, "smoking")
    place = theirs.height // 2
    for name in FIGURES:
        off_by_one = pl.col(name) + (pl.int_range(pl.len()) == place)
        found = differences(ours, theirs.with_columns(off_by_one))
        assert found.select(KEY).rows() == [theirs.select(KEY).row(place)]
        assert found[f"{name}_theirs"][0] == found[name][0] + 1
        told = report(found)
        assert all(str(part) in told for part in theirs.select(KEY).row(place))


def test_a_figure_that_only_one_side_has_is_found(ours: pl.DataFrame, theirs: pl.DataFrame) -> None:
    ours, theirs = _of(ours, "smoking"), _of(theirs, "smoking")
    first = theirs.head(1).select(KEY)
    missing = differences(ours, theirs.tail(-1))
    too_many = differences(ours.join(first, on=KEY, how="anti"), theirs)
    assert missing.select(KEY).rows() == first.rows() and missing["numerator_theirs"].null_count() == 1
    assert too_many.select(KEY).rows() == first.rows() and too_many["numerator"].null_count() == 1


def test_one_point_more_on_one_receipt_is_found_in_every_area_up_to_the_nation(
    tables: Tables, theirs: pl.DataFrame
) -> None:
    dearer = pl.col("points") + (pl.int_range(pl.len()) == 0)
    claim = tables["claim"].sort("claim_kind_code", "search_number").with_columns(dearer)
    shares = _of(pl.concat(shares_of(tables | {"claim": claim})), COST)
    found = differences(figures([shares], tables["district_set"]), _of(theirs, COST))
    assert {"nation", "prefecture", "insurer"} <= set(found["level"])
    assert set(found["numerator"] - found["numerator_theirs"]) == {10}
