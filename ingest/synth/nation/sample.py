"""A national world without any file, and its people counted as the models count them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.synth.settings import SynthSettings, nation
from ingest.synth.world.all_kinds import AllKinds
from ingest.synth.world.care import CareClaims, make_certification
from ingest.synth.world.care_use import CareUse
from ingest.synth.world.catalogue import catalogue
from ingest.synth.world.checkups import make_checkups
from ingest.synth.world.clock import age_at, day_of, first_day, last_day, month_of
from ingest.synth.world.counts import present
from ingest.synth.world.events import Events
from ingest.synth.world.people import People
from ingest.synth.world.receipts import ReceiptMaker
from ingest.synth.world.whole import World, make_world

WARM_UP_MONTHS = 4
YEN_PER_POINT = 10
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """Frames by person; ``sex_code`` is text, ``age`` counted as the figures of that kind count it.

    ``checkups``: person, fiscal_year, sex_code, age (at the fiscal year's end), scheme_code, source_row,
    prefecture_code; 国保 and 組合 of 40 to 74.
    ``results``: parent_source_row, item_id, numeric_value, code_value of these.
    ``months``: person, sex_code, age (at the month's end), scheme_code, months, yen, inpatient_yen, and the receipts of
    doctors, outpatient and inpatient, of the last fiscal year; ``care_months``: person, age, months, yen of residents.
    """

    world: World
    checkups: pl.DataFrame
    results: pl.DataFrame
    spells: pl.DataFrame
    months: pl.DataFrame
    care_months: pl.DataFrame

    def sex_of(self, person: Ints) -> Ints:
        """1 man, 2 woman."""
        return self.world.people.sex[person]


def draw(people: int, seed: int, **changes: object) -> Sample:
    """The sample of a national world of so many insured."""
    settings = nation(people=people, seed=seed, **changes)
    world = make_world(settings)
    parts = (world.towns, world.people, world.lives)
    certified = make_certification(settings, *parts, world.coverage)
    exams, results = make_checkups(settings, *parts, world.health, world.coverage, world.institutions.medical)
    checkups = _checkups(world, exams)
    months, care_months = _costs(settings, world, certified.spells)
    return Sample(
        world=world,
        checkups=checkups,
        results=results.filter(pl.col("status_code").is_in(["measured", "low", "high"])).join(
            checkups.select(parent_source_row="source_row"), on="parent_source_row", how="semi"
        ),
        spells=certified.spells,
        months=months,
        care_months=care_months,
    )


def year_ends(fiscal_year: int) -> tuple[int, int]:
    """First and last day of a fiscal year."""
    return day_of(date(fiscal_year, 4, 1)), day_of(date(fiscal_year + 1, 3, 31))


def bands(ages: pl.Expr, low: int, high: int) -> pl.Expr:
    """Five-year band code of ages, ``high`` and over as one: '40-44', '90+'."""
    start = (ages // 5 * 5).clip(low, high)
    code = pl.concat_str(start.cast(pl.String), pl.lit("-"), (start + 4).cast(pl.String))
    return pl.when(start >= high).then(pl.lit(f"{high}+")).otherwise(code)


def _checkups(world: World, exams: pl.DataFrame) -> pl.DataFrame:
    """One examination a person and fiscal year, of those whose figures are of 特定健診."""
    year = pl.col("exam_date").dt.offset_by("-3mo").dt.year()
    born = pl.col("birth_date")
    end = pl.date(pl.col("fiscal_year") + 1, 3, 31)
    age = end.dt.year() - born.dt.year() - (born.dt.month() > 3).cast(pl.Int32)
    return (
        exams.filter(pl.col("scheme_code").is_in(["kokuho", "kumiai"]))
        .with_columns(fiscal_year=year)
        .with_columns(age=age)
        .filter(pl.col("age").is_between(40, 74))
        .sort("exam_date", maintain_order=True)
        .unique(["person", "fiscal_year"], keep="first", maintain_order=True)
        .select("person", "fiscal_year", "sex_code", "age", "scheme_code", "source_row", prefecture_code="site")
    )


def _costs(settings: SynthSettings, world: World, spells: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Yen and months of members, and of care of residents, by person and age."""
    people, coverage, lives = world.people, world.coverage, world.lives
    use = CareUse(settings, world.towns, people, lives, world.health, world.institutions)
    maker = AllKinds(ReceiptMaker(settings, people, coverage, world.institutions, catalogue()), world.institutions)
    services = CareClaims(settings, world.towns, people, lives, spells)
    first, last = month_of(settings.first_claim_month), month_of(settings.reference_month)
    medical, care = [], []
    for month in range(first - WARM_UP_MONTHS, last + 1):
        who, town = coverage.in_month(first_day(month), first_day(month + 1))
        events = use.month(month, who, town)
        if month < first:
            continue
        yen = _medical_yen(maker, month, events, who, town)
        end = last_day(month)
        row = coverage.at(who, np.full(len(who), end))
        member = who[row >= 0]
        scheme = coverage.records["scheme_code"].gather(row[row >= 0])
        members = _of_month(people, member, end).with_columns(scheme_code=scheme)
        medical.append(members.join(yen, on="person", how="left"))
        claims, _ = services.month(month, use.hospital.away)
        cost = claims.group_by("person").agg(yen=pl.col("units").sum() * YEN_PER_POINT)
        resident = present(lives, end)["person"].to_numpy()
        care.append(_of_month(people, resident, end).join(cost, on="person", how="left"))
    keys = ("person", "sex_code", "age")
    money = (pl.col("months").sum(), pl.col("yen").sum())
    return (
        pl.concat(medical).fill_null(0).group_by(*keys, "scheme_code", maintain_order=True)
        .agg(*money, pl.col("inpatient_yen", "outpatient", "inpatient").sum()),
        pl.concat(care).fill_null(0).group_by(*keys, maintain_order=True).agg(*money),
    )  # fmt: skip


def _medical_yen(maker: AllKinds, month: int, events: Events, who: Ints, town: Ints) -> pl.DataFrame:
    """Yen of the receipts of a month by person, meals with them, without the 総括 of a set, whose parts are there."""
    claims = maker.month(month, events, who, town).claims.filter(~pl.col("is_summary"))
    yen = pl.col("points") * YEN_PER_POINT + pl.col("meal_yen").fill_null(0)
    of_doctor = pl.col("claim_kind_code").is_in(["medical", "dpc"])
    return claims.group_by("person").agg(
        yen=yen.sum(),
        inpatient_yen=yen.filter("is_inpatient").sum(),
        outpatient=(of_doctor & ~pl.col("is_inpatient")).sum(),
        inpatient=(of_doctor & pl.col("is_inpatient")).sum(),
    )


def _of_month(people: People, who: Ints, day: int) -> pl.DataFrame:
    sex, age = people.sex[who].astype(str), age_at(people.birth[who], day)
    return pl.DataFrame({"person": who, "sex_code": sex, "age": age, "months": np.ones(len(who))})
