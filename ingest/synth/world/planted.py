"""Pairs of people who are hard to tell apart, put into a world on purpose (``settings.Planted``).

The first of a pair lives in the world already; the second is added behind all others, so that nothing changes for
them: a twin with the same life from the first day on, or a namesake of the same town.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.synth.settings import SynthSettings
from ingest.synth.world import lives as life
from ingest.synth.world.chance import stream
from ingest.synth.world.clock import age_at, first_day, month_of
from ingest.synth.world.lives import Lives
from ingest.synth.world.naming import given_names
from ingest.synth.world.people import People

Ints = NDArray[np.int64]
PAIRS: dict[str, pl.DataType] = {"kind": pl.String(), "person": pl.Int64(), "other": pl.Int64()}
"""The planted pairs by kind (twins, namesakes, apart)."""
INSURED_DAYS = 120  # at least so many days of the months of claims
GAP_DAYS = (30, 200)  # between the first one's leaving and the second one's coming
DAYS_LEFT = 60  # the second is there at least so long


def plant(settings: SynthSettings, people: People, lives: Lives) -> tuple[People, Lives, pl.DataFrame]:
    """People and lives with the second of each pair, and the pairs (``PAIRS``; fewer where too few live who fit)."""
    wanted = settings.planted
    if wanted.twins + wanted.namesakes + wanted.apart == 0:
        return people, lives, pl.DataFrame(schema=PAIRS)
    random = stream(settings.seed, "planted")
    begin = first_day(month_of(settings.first_claim_month))
    until = lives.states.with_columns(until=pl.col("end").fill_null(lives.last_day + 1))
    days = pl.min_horizontal("until", pl.lit(lives.last_day)) - pl.max_horizontal("start", pl.lit(begin))
    insured = until.filter(pl.col("coverage").is_in([life.KOKUHO, life.KOKI]) & (pl.col("town") >= 0))
    long = insured.filter(days >= INSURED_DAYS)
    last = insured.group_by("person", maintain_order=True).last()
    left = last.filter((pl.col("until") > begin + DAYS_LEFT) & (pl.col("until") < lives.last_day - sum(GAP_DAYS)))
    chosen: list[pl.DataFrame] = []
    taken: list[int] = []
    for kind, count, fit in (
        ("twins", wanted.twins, long.filter(pl.col("coverage") == life.KOKUHO)),
        ("namesakes", wanted.namesakes, long),
        ("apart", wanted.apart, left),
    ):
        free = fit.filter(~pl.col("person").is_in(taken)).unique("person", keep="last", maintain_order=True)
        own = free[np.sort(random.permutation(free.height)[:count])].with_columns(kind=pl.lit(kind))
        taken += own["person"].to_list()
        chosen.append(own)
    first = pl.concat(chosen).with_columns(other=pl.int_range(pl.len()) + len(people))
    gap = pl.Series(random.integers(*GAP_DAYS, first.height))
    more = _people(people, first)
    schema = lives.states.schema
    parts = (_lives_of_twins(lives.states, first), _lives_of_namesakes(more, first, gap))
    added = pl.concat(part.select(pl.col(n).cast(t) for n, t in schema.items()) for part in parts)
    death = np.where(first["kind"] == "twins", lives.death[first["person"].to_numpy()], -1)
    whole = replace(
        lives,
        states=pl.concat([lives.states, added.sort("person", "start")]),
        death=np.concatenate([lives.death, death]),
    )
    return more, whole, first.select(PAIRS.keys()).cast(PAIRS)  # type: ignore[arg-type]


def _people(people: People, first: pl.DataFrame) -> People:
    """With the second of each pair, who is like the first but for the given name of a twin, the home of a namesake."""
    like, other = first["person"].to_numpy(), first["other"].to_numpy()
    is_twin = first["kind"].to_numpy() == "twins"
    given = np.where(is_twin, _other_given(people.given[like]), people.given[like])
    own: dict[str, NDArray[np.generic]] = {
        "given": given,
        "surname": np.where(is_twin, people.surname[like], first["surname"].to_numpy()),
        "household": np.where(is_twin, people.household[like], other),
        "mother": np.full(len(like), -1),
    }
    arrays = {f.name: getattr(people, f.name) for f in fields(people) if f.name != "start"}
    return People(
        **{name: np.concatenate([array, own.get(name, array[like])]) for name, array in arrays.items()},
        start=people.start,
    )  # fmt: skip


def _other_given(given: Ints) -> Ints:
    """Another name of the same sex and generation: the next in the table, or the one before at its end."""
    table = given_names()
    generation = pl.struct("sex_code", "born_from")
    is_followed = table.select((generation == generation.shift(-1)).fill_null(False)).to_series().to_numpy()
    return np.where(is_followed[given], given + 1, given - 1)


def _lives_of_twins(states: pl.DataFrame, first: pl.DataFrame) -> pl.DataFrame:
    twins = first.filter(kind="twins").select("person", "other")
    own = states.join(twins, on="person", maintain_order="right_left")
    return own.with_columns(person="other").drop("other")


def _lives_of_namesakes(people: People, first: pl.DataFrame, gap: pl.Series) -> pl.DataFrame:
    """One stay in the town each: on the days of the first one's, or from some time after it on."""
    both = first.with_columns(gap=gap).filter(pl.col("kind") != "twins")
    is_apart = pl.col("kind") == "apart"
    begins = pl.when(is_apart).then(pl.col("end") + pl.col("gap")).otherwise("start")
    both = both.with_columns(begins=begins, person="other", household="other")
    old = age_at(people.birth[both["other"].to_numpy()], both["begins"].to_numpy()) >= 75
    ends = pl.when(~is_apart).then("end")
    stay = both.with_columns(
        start="begins",
        end=ends,
        coverage=pl.when(~is_apart).then("coverage").when(pl.Series(old)).then(life.KOKI).otherwise(life.KOKUHO),
        reason=pl.when(~is_apart & (pl.col("reason") == life.START)).then(life.START).otherwise(life.ARRIVAL),
        next_reason=pl.when(ends.is_not_null()).then(life.MOVE_OUT),
    )
    gone = stay.filter(pl.col("end").is_not_null()).with_columns(
        start="end", end=None, town=life.ABROAD, coverage=life.EMPLOYED, reason=life.MOVE_OUT, next_reason=None
    )
    return pl.concat([stay, gone], how="vertical_relaxed")
