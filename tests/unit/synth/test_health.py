"""How values, habits and illness hang together within a person, and the stories planted in three towns."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from ingest.synth.world.clock import age_at, day_of
from tests.unit.synth.conftest import World


def _values(world: World, item: str) -> pl.DataFrame:
    exams = world.exams.select(
        "person",
        "scheme_code",
        "exam_date",
        "insurer_number",
        parent_source_row="source_row",
        year=pl.col("exam_date").dt.offset_by("-3mo").dt.year(),
    )
    return (
        world.results.filter(item_id=item)
        .select("parent_source_row", "numeric_value", "code_value")
        .join(exams, on="parent_source_row")
    )


def test_values_persist_within_a_person(world: World) -> None:
    for item, least in (("hba1c", 0.75), ("bmi", 0.9), ("systolic", 0.4), ("ldl", 0.5)):
        now = _values(world, item).select("person", "year", "numeric_value")
        after = now.with_columns(year=pl.col("year") - 1)
        pairs = now.join(after, on=["person", "year"]).drop_nulls()
        assert pairs.height > 2000
        assert pairs.select(pl.corr("numeric_value", "numeric_value_right")).item() > least, item


def test_values_fall_when_treatment_begins(world: World) -> None:
    for item, drug in (("systolic", "drug_pressure"), ("ldl", "drug_lipid")):
        joined = _values(world, item).join(
            _values(world, drug).select("parent_source_row", taken="code_value"), on="parent_source_row"
        )
        now = joined.select("person", "year", "numeric_value", "taken")
        after = now.with_columns(year=pl.col("year") - 1)
        pairs = now.join(after, on=["person", "year"]).drop_nulls()
        change = pl.col("numeric_value_right") - pl.col("numeric_value")
        begins = pairs.filter((pl.col("taken") == "2") & (pl.col("taken_right") == "1")).select(change.mean()).item()
        never = pairs.filter((pl.col("taken") == "2") & (pl.col("taken_right") == "2")).select(change.mean()).item()
        assert begins < never - 3, item


def test_attenders_are_healthier_and_cost_less(world: World) -> None:
    day = day_of(date(2024, 3, 31))
    age = age_at(world.people.birth, day)
    person = np.arange(len(world.people))
    card = world.coverage.at(person, np.full(len(person), day))
    member = (card >= 0) & (age >= 65) & (age < 74)
    came = np.isin(person, world.exams["person"].to_numpy())
    assert world.people.frailty[member & came].mean() < world.people.frailty[member & ~came].mean() - 0.1
    yen = np.zeros(len(person))
    np.add.at(yen, world.claims["person"].to_numpy(), world.claims["points"].to_numpy())
    assert yen[member & came].mean() < yen[member & ~came].mean()


def test_people_keep_the_habit_of_attending(world: World) -> None:
    years = world.exams.group_by("person").agg(pl.col("exam_date").dt.offset_by("-3mo").dt.year().n_unique())
    counts = np.bincount(years["exam_date"].to_numpy())
    assert counts[4:].sum() > counts[2]


def test_a_condition_once_there_stays(world: World) -> None:
    treated, onset = world.health.treated, world.health.onset
    assert (treated >= onset).all()


def test_towns_differ_for_good(world: World) -> None:
    rates = (
        world.exams.filter(scheme_code="kokuho")
        .group_by("insurer_number", year=pl.col("exam_date").dt.offset_by("-3mo").dt.year())
        .len()
    )
    order = [
        rates.filter(pl.col("year") == year).sort("insurer_number")["len"].to_numpy().argsort().argsort()
        for year in (2021, 2024)
    ]
    assert np.corrcoef(order[0], order[1])[0, 1] > 0.8


def test_story_of_untreated_sugar_stands_out_in_its_town(world: World) -> None:
    town = world.towns.story["untreated_hba1c"]
    exams = _values(world, "hba1c").join(
        _values(world, "drug_glucose").select("parent_source_row", taken="code_value"), on="parent_source_row"
    )
    high = (
        exams.filter((pl.col("scheme_code") == "kokuho") & (pl.col("year") >= 2022))
        .group_by("insurer_number")
        .agg(share=((pl.col("numeric_value") >= 8.0) & (pl.col("taken") == "2")).mean())
    )
    share = dict(high.iter_rows())
    own = share.pop(world.towns.kokuho[town])
    assert own > 0.03
    assert own > 2 * np.median(list(share.values()))


def test_story_of_low_attendance_stands_out_in_its_town(world: World) -> None:
    town = world.towns.story["low_attendance_men"]
    day = day_of(date(2024, 3, 31))
    age = age_at(world.people.birth, day)
    person = np.arange(len(world.people))
    card = world.coverage.at(person, np.full(len(person), day))
    scheme = world.coverage.records["scheme_code"].to_numpy()[np.maximum(card, 0)]
    men = (card >= 0) & (scheme == "kokuho") & (world.people.sex == 1) & (age >= 40) & (age < 55)
    place = world.coverage.town[np.maximum(card, 0)]
    exams = world.exams.filter(pl.col("exam_date") >= date(2021, 4, 1))
    came = np.bincount(exams["person"].to_numpy(), minlength=len(person))
    here = men & (place == town)
    assert came[here].mean() < 0.5 * came[men & (place != town)].mean()


def test_story_of_many_drugs_stands_out_in_its_town(world: World) -> None:
    town = world.towns.story["polypharmacy"]
    # Drugs of a doctor are of 診療識別 21; those of a pharmacy have none.
    oral = (pl.col("category_code").fill_null("21") == "21") & (pl.col("item_kind_code") == "IY")
    drugs = world.items.filter(oral & (pl.col("scheme_code") == "koki"))
    keys = world.claims.select("person", "insurer_number", "service_month", parent_source_row="source_row")
    kinds = (
        drugs.select("parent_source_row", "item_code")
        .join(keys, on="parent_source_row")
        .group_by("person", "insurer_number", "service_month")
        .agg(kinds=pl.col("item_code").n_unique())
    )
    share = dict(kinds.group_by("insurer_number").agg((pl.col("kinds") >= 15).mean()).iter_rows())
    own = share.pop(world.towns.koki[town])
    assert own > 0.1
    assert own > 2.5 * max(share.values())
