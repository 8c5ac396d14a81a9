"""Which number each person has with which insurer, and since when.

国保 and 国保組合 number the household and count its members by 枝番; a household that was not insured for
a while comes back with a new number. 後期 numbers the person once in a prefecture and names the town by the
insurer's number. 介護 numbers the person once with a care insurer. Towns number their residents (宛名番号).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.synth.settings import SynthSettings
from ingest.synth.world.chance import fixed
from ingest.synth.world.clock import anniversary, first_day, month_of
from ingest.synth.world.lives import KOKI, KOKUHO, KUMIAI, RENUMBERED, START, Lives
from ingest.synth.world.people import People
from ingest.synth.world.towns import Towns

Ints = NDArray[np.int64]
SCHEME_NAMES = {KOKUHO: "kokuho", KUMIAI: "kumiai", KOKI: "koki"}
STEP = 7919  # prime: spreads numbers given one after the other


@dataclass(frozen=True)
class Records:
    """``records``: one row an 適用 (person at one insurer under one number), sorted by person and start:
    record, person, coverage, town, scheme_code, insurer_number, symbol, number, branch, start, end, acquired,
    reason, next_reason. ``names``: surnames of a record by day: record, start, surname.
    """

    records: pl.DataFrame
    names: pl.DataFrame


def check_digits(numbers: Ints) -> Ints:
    """検証番号 of numbers: weights 2, 1, 2 … from the right, digits of the products summed."""
    total = np.zeros_like(numbers)
    rest, weight = numbers.copy(), 2
    while rest.any():
        product = rest % 10 * weight
        total += product // 10 + product % 10
        rest //= 10
        weight = 3 - weight
    return (10 - total % 10) % 10


def spread(order: Ints, digits: int) -> Ints:
    """Distinct numbers of so many digits for the order 0, 1, 2 …, not one after the other."""
    low, span = 10 ** (digits - 1), 9 * 10 ** (digits - 1)
    return low + (order * STEP + 271_828) % span


def make_records(settings: SynthSettings, towns: Towns, people: People, lives: Lives) -> Records:
    """Numbers of everybody ever insured by 国保, 国保組合 or 後期."""
    prefecture = pl.lit(pl.Series(towns.prefecture)).gather(pl.col("town"))
    insured = (
        lives.states.filter(pl.col("coverage").is_in([KOKUHO, KUMIAI, KOKI]) & (pl.col("town") >= 0))
        .with_columns(prefecture=prefecture)
        .with_columns(
            place=pl.when(pl.col("coverage") == KUMIAI).then(pl.col("prefecture")).otherwise("town"),
            home=pl.when(pl.col("coverage") == KOKI).then(pl.lit(-1, pl.Int64)).otherwise("household"),
        )
    )
    goes_on = (pl.col("start") == pl.col("end").shift(1)) & (
        pl.struct("person", "coverage", "place", "home") == pl.struct("person", "coverage", "place", "home").shift(1)
    )
    insured = insured.with_columns(record=(~goes_on.fill_null(False)).cum_sum() - 1)
    records = insured.group_by("record", maintain_order=True).agg(
        pl.col("person", "coverage", "town", "prefecture", "place", "home", "start", "reason").first(),
        pl.col("end", "next_reason").last(),
    )
    records = _acquired(settings, people, records)
    records = _numbers(towns, records)
    names = insured.select("record", "start", "surname").filter(
        (pl.col("surname") != pl.col("surname").shift(1)).fill_null(True)
        | (pl.col("record") != pl.col("record").shift(1)).fill_null(True)
    )
    if settings.upheavals.renumbered is not None:
        return renumbered(settings, towns, Records(records, names))
    return Records(records, names)


def _acquired(settings: SynthSettings, people: People, records: pl.DataFrame) -> pl.DataFrame:
    """``acquired`` (資格取得) and, for those there at the start, a start before it."""
    person = records["person"].to_numpy()
    start, birth = records["start"].to_numpy(), people.birth[person]
    there = records["reason"].to_numpy() == START
    u = fixed(settings.seed, "since", person)
    years_75 = anniversary(birth, 75)
    before = start - np.minimum(-np.log(1 - 0.999 * u) * 9 * 365, start - birth).astype(int)
    is_koki = records["coverage"].to_numpy() == KOKI
    from_65 = anniversary(birth, 65)
    early = np.where(years_75 <= start, years_75, from_65 + (u * np.maximum(start - from_65, 1)).astype(int))
    records = records.with_columns(start=pl.Series(np.where(there, np.where(is_koki, early, before), start)))
    return records.with_columns(
        acquired=pl.when(pl.col("coverage") == KOKI)
        .then(pl.col("start").min().over("person", "prefecture", "coverage", _spell()))
        .otherwise("start")
    )


def _spell() -> pl.Expr:
    """Number of the unbroken stay with one scheme in one prefecture."""
    same = pl.struct("person", "coverage", "prefecture") == pl.struct("person", "coverage", "prefecture").shift(1)
    return (~(same & (pl.col("start") == pl.col("end").shift(1))).fill_null(False)).cum_sum()


def _numbers(towns: Towns, records: pl.DataFrame) -> pl.DataFrame:
    homes = records.filter(pl.col("coverage") != KOKI).sort("coverage", "place", "home", "start", "person")
    forever = pl.lit(1 << 40, pl.Int64)
    group = ["coverage", "place", "home"]
    latest = pl.col("end").fill_null(forever).cum_max().shift(1).over(group)
    homes = homes.with_columns(episode=(pl.col("start") > latest).fill_null(True).cum_sum().over(group))
    number = (
        homes.group_by("coverage", "place", "home", "episode")
        .agg(pl.col("start").min())
        .sort("coverage", "place", "start", "home")
        .with_columns(order=pl.int_range(pl.len()).over("coverage", "place"))
    )
    number = number.with_columns(number=pl.Series(spread(number["order"].to_numpy(), 7)).cast(pl.String))
    homes = homes.join(number.drop("start", "order"), on=[*group, "episode"])
    members = (
        homes.group_by("coverage", "place", "number", "person")
        .agg(pl.col("start").min())
        .sort("coverage", "place", "number", "start", "person")
        .with_columns(branch=(pl.int_range(pl.len()).over("coverage", "place", "number") + 1))
    )
    homes = homes.join(members.drop("start"), on=["coverage", "place", "number", "person"]).select(
        "record", "number", pl.col("branch").cast(pl.String).str.zfill(2)
    )
    old = (
        records.filter(coverage=KOKI).group_by("prefecture", "person").agg(pl.col("start").min())
        .sort("prefecture", "start", "person")
        .with_columns(order=pl.int_range(pl.len()).over("prefecture"))
    )  # fmt: skip
    seven = spread(old["order"].to_numpy(), 7)
    old = old.with_columns(own=pl.Series(seven * 10 + check_digits(seven)).cast(pl.String)).drop("start", "order")
    records = records.join(homes, on="record", how="left").join(old, on=["prefecture", "person"], how="left")
    town = pl.col("town")

    def by_town(values: list[str]) -> pl.Expr:
        return pl.lit(pl.Series(values)).gather(town)

    unions = {k: towns.kumiai.get(k, "") for k in set(towns.prefecture.tolist())}
    symbols = [
        f"国{name[0]}" if i % 2 == 0 else code[1:]
        for i, (name, code) in enumerate(zip(towns.name, towns.code, strict=True))
    ]
    cover = pl.col("coverage")
    return records.with_columns(
        scheme_code=cover.replace_strict(SCHEME_NAMES, return_dtype=pl.String),
        insurer_number=pl.when(cover == KOKUHO).then(by_town(towns.kokuho))
        .when(cover == KOKI).then(by_town(towns.koki))
        .otherwise(pl.col("prefecture").replace_strict(unions, return_dtype=pl.String)),
        symbol=pl.when(cover == KOKUHO).then(by_town(symbols)).when(cover == KUMIAI).then(pl.lit("医国")),
        number=pl.when(cover == KOKI).then("own").otherwise("number"),
    ).drop("own", "home", "place").sort("person", "start")  # fmt: skip


def renumbered(settings: SynthSettings, towns: Towns, whole: Records) -> Records:
    """The records after a town's 国保 has given all its members new numbers, from the first of a month on.

    A record in force that day ends and another begins; those that begin later have the new number of their household.
    """
    day = first_day(month_of(settings.upheaval_month))
    town = towns.code.index(str(settings.upheavals.renumbered))
    is_own = (pl.col("coverage") == KOKUHO) & (pl.col("town") == town)
    own, others = whole.records.filter(is_own), whole.records.filter(~is_own)
    old = own["number"].unique().sort()
    new = pl.Series(spread(np.arange(len(old)) + len(old), 7)).cast(pl.String)
    goes_on = pl.col("end").is_null() | (pl.col("end") > day)
    is_split = (pl.col("start") < day) & goes_on
    before = own.filter(pl.col("start") < day).with_columns(
        end=pl.when(goes_on).then(day).otherwise("end"),
        next_reason=pl.when(goes_on).then(RENUMBERED).otherwise("next_reason"),
    )
    first_free = int(whole.records["record"].max()) + 1  # type: ignore[arg-type]
    split = own.filter(is_split).select(old_record="record", record=pl.int_range(first_free, first_free + pl.len()))
    after = own.filter((pl.col("start") >= day) | is_split).with_columns(
        number=pl.col("number").replace_strict(old, new),
        reason=pl.when(pl.col("start") < day).then(RENUMBERED).otherwise("reason"),
        start=pl.max_horizontal("start", pl.lit(day)),
        record=pl.col("record").replace(split["old_record"], split["record"]),
    )
    records = pl.concat([frame.cast(whole.records.schema) for frame in (others, before, after)])
    names = whole.names.join(split, left_on="record", right_on="old_record", how="left")
    later = pl.col("record_right").is_not_null() & (pl.col("start") >= day)
    continued = (
        names.filter(pl.col("record_right").is_not_null() & (pl.col("start") < day))
        .group_by("record_right", maintain_order=True)
        .agg(pl.col("surname").last())
        .select(record="record_right", start=pl.lit(day, pl.Int64), surname="surname")
    )
    own_names = names.select(
        record=pl.when(later).then("record_right").otherwise("record"), start="start", surname="surname"
    )
    all_names = pl.concat([f.cast(whole.names.schema) for f in (own_names, continued)])
    return Records(records.sort("person", "start"), all_names.sort("record", "start"))


def resident_numbers(towns: Towns, person: pl.Expr, town: pl.Expr) -> pl.Expr:
    """宛名番号: 15 digits, the town's own number of a resident."""
    code = pl.lit(pl.Series(towns.code)).gather(town)
    return code + (person * STEP % 10_000_019).cast(pl.String).str.zfill(10)


def care_numbers(insurer: pl.Expr, person: pl.Expr, is_outside: pl.Expr) -> pl.Expr:
    """介護 被保険者番号: 10 digits; H and 9 digits for みなし2号 (生活保護, 40-64)."""
    own = ((person * 104_729 + insurer.str.slice(2, 4).cast(pl.Int64) * 7) % 1_000_000_007).cast(pl.String)
    return pl.when(is_outside).then(pl.lit("H") + own.str.zfill(10).str.slice(1)).otherwise(own.str.zfill(10))
