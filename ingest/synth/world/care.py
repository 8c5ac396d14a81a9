"""介護: certification (要介護認定), what it becomes over the years, and the services used.

The age at which a person is certified follows the published rate by age; the need of care rises with the
years since. A certification runs for six months, then for one to three years, and is renewed until death.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtr

from ingest.formats.contracts import CARE_CERTIFICATION, CARE_CLAIM, CARE_SERVICE
from ingest.synth.calibration import curve, seed
from ingest.synth.settings import SynthSettings
from ingest.synth.world.care_levels import levels
from ingest.synth.world.care_lines import purchases
from ingest.synth.world.chance import fixed, stream
from ingest.synth.world.clock import age_at, anniversary, day_of, first_day, last_day, month_date
from ingest.synth.world.clock import parts as parts_of_days
from ingest.synth.world.coverage import Coverage
from ingest.synth.world.lives import KOKI, KOKUHO, WELFARE, Lives
from ingest.synth.world.naming import name_columns
from ingest.synth.world.numbers import care_numbers
from ingest.synth.world.people import People
from ingest.synth.world.towns import Towns

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LEVELS = ("12", "13", "21", "22", "23", "24", "25")
FRAILTY_LOADING = 0.5
FIRST_NEED = (1.9, 1.75)  # mean and spread of the need of care at the start; what it is as a level: ``care_levels``
GROWTH_YEAR = 0.17
PERIOD_MONTHS = (12, 24, 36, 48)
PERIOD_SHARES = np.array([0.35, 0.3, 0.25, 0.1])
YEARS_BACK = 7
USE_SHARE = 0.93
MOST_IN_HOMES = 0.95  # of those of any level and age
NEW, CHANGED, ENDED = "1", "2", "3"
GAINED, LOST, IN_UNION, OTHER = "01", "02", "03", "99"  # 異動事由 (from memory, unverified)
RATE_SHARES = ((0.05, 70), (0.12, 80))  # 負担割合: users who pay three or two tenths
UNIT_PRICE_YEN = 10  # 単位数単価 その他地域: 富山県, 鳥取県


@dataclass(frozen=True)
class Certification:
    """``spells``: person, number of the certification, start, end (inclusive), level (0-6), insurer, town, number.

    ``events``: plain contract columns of care_certification with ``person``, ``site`` and ``notified`` (day).
    """

    spells: pl.DataFrame
    events: pl.DataFrame


def make_certification(
    settings: SynthSettings, towns: Towns, people: People, lives: Lives, coverage: Coverage
) -> Certification:
    """Certifications that run on or after the first day of the first fiscal year, and the notices of them."""
    begin = day_of(date(settings.first_fiscal_year, 4, 1))
    onset = _first_certified(settings, towns, people)
    who = np.flatnonzero(onset <= lives.last_day)
    who = who[(onset[who] < people.arrives[who] + 40 * 365) | (people.arrives[who] == people.start)]
    periods = _periods(settings, people, lives, who, onset[who])
    places = _places(towns, lives).join(pl.DataFrame({"person": who}), on="person", how="semi")
    spells = (
        periods.join(places, on="person")
        .with_columns(
            first=pl.max_horizontal("start", "place_start"),
            last=pl.min_horizontal("end", pl.col("place_end") - 1),
        )
        .filter((pl.col("first") <= pl.col("last")) & (pl.col("last") >= begin) & (pl.col("first") <= lives.last_day))
        .sort("person", "first")
    )
    welfare = lives.states.filter(pl.col("coverage") == WELFARE).select(
        "person", welfare_start="start", welfare_end=pl.col("end").fill_null(1 << 40)
    )
    poor = (
        spells.with_row_index("row").join(welfare, on="person")
        .filter((pl.col("welfare_start") <= pl.col("first")) & (pl.col("welfare_end") > pl.col("first")))["row"]
    )  # fmt: skip
    birth = people.birth[spells["person"].to_numpy()]
    young = anniversary(birth, 65) > spells["first"].to_numpy()
    spells = (
        spells.with_row_index("row")
        .with_columns(
            is_h=pl.col("row").is_in(poor.implode()) & pl.Series(young),
            insurer_number=pl.lit(pl.Series(towns.care)).gather(pl.col("town")),
        )
        .with_columns(number=care_numbers(pl.col("insurer_number"), pl.col("person"), pl.col("is_h")))
    )
    return Certification(spells, _events(settings, towns, people, lives, coverage, spells))


def _first_certified(settings: SynthSettings, towns: Towns, people: People) -> Ints:
    """Day on which each person is first certified (far in the future: never)."""
    random = stream(settings.seed, "certification")
    own = np.sqrt(1 - FRAILTY_LOADING**2) * random.normal(size=len(people))
    rest = 1 - ndtr(FRAILTY_LOADING * people.frailty + own)
    age = np.empty(len(people))
    for one in (1, 2):
        rows = seed("certification_curve").filter(sex_code=str(one)).sort("age")
        share, ages = rows["certified_share"].to_numpy(), rows["age"].cast(pl.Float64).to_numpy()
        here = people.sex == one
        age[here] = np.interp(rest[here], share, ages, left=38, right=200)
    age = age - towns.certification[people.town]
    day = people.birth + age * 365.25
    return np.where(age < 150, np.maximum(day, people.birth + 40 * 366), 1 << 30).astype(np.int64)


def _periods(settings: SynthSettings, people: People, lives: Lives, who: Ints, onset: Ints) -> pl.DataFrame:
    """Certified periods one after the other: person, index, start, end (inclusive), level."""
    random = stream(settings.seed, "periods")
    n = len(who)
    earliest = people.start - YEARS_BACK * 365
    late = np.maximum(earliest - onset, 0) / 365.25  # years of an illness older than the world
    start = np.maximum(onset, earliest + random.integers(0, 700, n))
    need0 = random.normal(*FIRST_NEED, n)
    growth = np.maximum(random.normal(GROWTH_YEAR, 0.2, n), -0.1)
    death = np.where(lives.death[who] >= 0, lives.death[who], 1 << 40)
    parts = []
    here = np.arange(n)
    begin = start.copy()
    for index in range(14):
        alive = (begin[here] <= death[here]) & (begin[here] <= lives.last_day)
        here = here[alive]
        if not len(here):
            break
        months = np.full(len(here), 6) if index == 0 else random.choice(PERIOD_MONTHS, len(here), p=PERIOD_SHARES)
        end = begin[here] + (months * 30.44).astype(np.int64) - 1
        years = (begin[here] - start[here]) / 365.25 + np.minimum(late[here], 4)
        parts.append(
            pl.DataFrame(
                {
                    "person": who[here],
                    "index": np.full(len(here), index),
                    "start": begin[here].copy(),
                    "end": end,
                    "need": need0[here] + growth[here] * years,
                    "death": death[here],
                }  # fmt: skip
            )
        )
        begin[here] = end + 1
    periods = pl.concat(parts)
    person = periods["person"].to_numpy()
    seen = np.maximum(periods["start"].to_numpy(), day_of(date(settings.first_fiscal_year, 4, 1)))
    until = np.minimum(np.minimum(periods["end"].to_numpy(), periods["death"].to_numpy()), lives.last_day)
    days = np.maximum(until - seen + 1, 0)
    middle = seen + days // 2
    age, year = age_at(people.birth[person], middle), parts_of_days(middle)[0]
    level = levels(periods["need"].to_numpy(), days.astype(np.float64), people.sex[person], age, year)
    return periods.drop("need").with_columns(level=pl.Series(level))


def _places(towns: Towns, lives: Lives) -> pl.DataFrame:
    """Stays of each person in one town: person, town, place_start, place_end (exclusive)."""
    there = lives.states.filter(pl.col("town") >= 0)
    goes_on = (
        (pl.col("person") == pl.col("person").shift(1))
        & (pl.col("town") == pl.col("town").shift(1))
        & (pl.col("start") == pl.col("end").shift(1))
    )
    return (
        there.with_columns(place=(~goes_on.fill_null(False)).cum_sum())
        .group_by("place", maintain_order=True)
        .agg(pl.col("person", "town", "start").first(), pl.col("end").last(), pl.col("reason").first())
        .select(
            "person",
            "town",
            place_start=pl.when(pl.col("reason") == 0).then(pl.lit(-(1 << 20))).otherwise("start").cast(pl.Int64),
            place_end=pl.col("end").fill_null(1 << 40),
        )
    )


def _events(
    settings: SynthSettings, towns: Towns, people: People, lives: Lives, coverage: Coverage, spells: pl.DataFrame
) -> pl.DataFrame:
    """New, changed and ended certifications as the insurer notifies them."""
    before = pl.struct("person", "insurer_number", "number") == pl.struct("person", "insurer_number", "number").shift(1)
    same = before.fill_null(False) & (pl.col("first") == pl.col("last").shift(1) + 1)
    moved = same & (pl.col("town") != pl.col("town").shift(1))
    spells = spells.with_columns(
        event_code=pl.when(same).then(pl.lit(CHANGED)).when((pl.col("index") > 0) & (pl.col("place_start") < 0))
        .then(pl.lit(CHANGED)).otherwise(pl.lit(NEW)),
        event_reason_code=pl.when(moved).then(pl.lit(IN_UNION)).when(same).then(pl.lit(OTHER)).otherwise(pl.lit(GAINED)),
        is_last=~same.shift(-1).fill_null(False),
    )  # fmt: skip
    opened = spells.with_columns(event=pl.col("first"))
    ends = spells.filter(
        pl.col("is_last")
        & ((pl.col("place_end") - 1 == pl.col("last")) | ((pl.col("death") <= pl.col("end")) & (pl.col("death") >= 0)))
    ).with_columns(event=pl.min_horizontal(pl.col("last"), pl.col("death")) + 1, event_code=pl.lit(ENDED),
                   event_reason_code=pl.lit(LOST))  # fmt: skip
    at_75 = anniversary(people.birth[spells["person"].to_numpy()], 75)
    told = fixed(settings.seed, "told at 75", spells["person"].to_numpy()) < 0.6
    turns = (
        spells.with_columns(event=pl.Series(at_75))
        .filter(
            pl.Series(told)
            & (pl.col("event") > pl.col("first"))
            & (pl.col("event") <= pl.min_horizontal("last", "death"))
        )
        .with_columns(event_code=pl.lit(CHANGED), event_reason_code=pl.lit(OTHER))
    )
    events = (
        pl.concat([opened, turns, ends]).filter(pl.col("event") <= lives.last_day).sort("person", "event", "event_code")
    )
    person, day = events["person"].to_numpy(), events["event"].to_numpy()
    ended = events["event_code"].to_numpy() == ENDED
    card = coverage.at(person, day - ended)
    cover = np.where(card >= 0, coverage.records["coverage"].to_numpy()[np.maximum(card, 0)], -1)
    cards = coverage.records.select("scheme_code", "insurer_number", "symbol", "number")[np.maximum(card, 0)]
    tied = pl.Series(np.isin(cover, [KOKUHO, KOKI]) & ~events["is_h"].to_numpy())
    birthday_65 = anniversary(people.birth[person], 65)
    since = np.maximum(np.maximum(birthday_65, events["place_start"].to_numpy()), -(1 << 19))
    young = birthday_65 > day
    since = np.where(young, events["first"].to_numpy(), np.where(since > day, events["first"].to_numpy(), since))
    in_home_from = np.full(len(people), 1 << 40)
    in_home_from[lives.facility["person"].to_numpy()] = lives.facility["day"].to_numpy()
    elsewhere = in_home_from[person] <= day
    is_union = pl.lit(pl.Series([towns.care.count(c) > 1 for c in towns.care])).gather(pl.col("town"))
    random = stream(settings.seed, "care notices")
    _, kana = name_columns(coverage.surname_on(np.maximum(card, 0), day), people.given[person])
    own_kana = name_columns(people.surname[person], people.given[person])[1]
    days = pl.Date()
    frame = events.with_columns(
        [
            cards["scheme_code"].alias("tied_scheme"), cards["insurer_number"].alias("tied_insurer"),
            cards["symbol"].alias("tied_symbol"), cards["number"].alias("tied_number"), tied.alias("tied"),
            pl.Series("kana", np.where(card >= 0, kana.to_numpy(), own_kana.to_numpy())).cast(pl.String),
            pl.Series("since", since), pl.Series("elsewhere", elsewhere),
            pl.Series("in_home", np.minimum(in_home_from[person], 1 << 20)),
            pl.Series("pays_more", fixed(settings.seed, "care share", person) < RATE_SHARES[1][0]),
        ]
    )  # fmt: skip
    date_of = lambda name: pl.col(name).cast(pl.Int32).cast(days)  # noqa: E731 - one expression, five uses
    # 負担割合証: from August to July.
    told_on = date_of("event")
    august = pl.date(told_on.dt.year() - (told_on.dt.month() < 8).cast(pl.Int32), 8, 1)
    result = frame.with_columns(
        site=pl.lit(pl.Series(towns.code)).gather(pl.col("town")).str.slice(0, 2),
        notified=pl.col("event") + pl.Series(random.integers(5, 45, events.height)),
        source_row=pl.int_range(pl.len()),
        scheme_code=pl.lit("care"),
        name_kana=pl.col("kana"),
        birth_date=pl.Series(people.birth[person].astype("datetime64[D]")),
        sex_code=pl.Series(np.where(people.sex[person] == 1, "1", "2")),
        municipality_code=pl.when(is_union).then(pl.lit(pl.Series(towns.code)).gather(pl.col("town"))),
        event_date=date_of("event"),
        corrected_date=date_of("event"),
        correction_code=pl.lit("0"),
        insured_start_date=date_of("since"),
        insured_end_date=pl.when(pl.col("event_code") == ENDED).then(date_of("event")),
        care_level_code=pl.lit(pl.Series(LEVELS)).gather(pl.col("level")),
        certified_start_date=date_of("start"),
        certified_end_date=date_of("end"),
        related_scheme_code=pl.when("tied").then("tied_scheme"),
        related_insurer_number=pl.when("tied").then("tied_insurer"),
        related_symbol=pl.when("tied").then("tied_symbol"),
        related_number=pl.when("tied").then("tied_number"),
        is_address_exception=pl.col("elsewhere"),
        # The home stands in the next insurer's area.
        facility_insurer_code=pl.when("elsewhere").then(
            pl.lit(pl.Series(np.roll(towns.care, 1))).gather(pl.col("town"))
        ),
        exception_start_date=pl.when("elsewhere").then(date_of("in_home")),
        exception_end_date=pl.lit(None),
        benefit_rate=pl.lit(None),
        share_start_date=pl.when("pays_more").then(august),
        share_end_date=pl.when("pays_more").then(august.dt.offset_by("1y").dt.offset_by("-1d")),
        applied_date=pl.when(pl.col("event_code") != ENDED).then(date_of("start").dt.offset_by("-30d")),
        application_code=pl.when(pl.col("event_code") == NEW).then(pl.lit("1")).otherwise(pl.lit("2")),
        plan_provider_code=pl.lit(None),
    )
    return result.select(
        "person", "site", "notified", *[pl.col(c).cast(t) for c, t in CARE_CERTIFICATION.plain_schema().items()]
    )


class CareClaims:
    """給付実績 of one month after another."""

    def __init__(
        self, settings: SynthSettings, towns: Towns, people: People, lives: Lives, spells: pl.DataFrame
    ) -> None:
        self.settings, self.towns, self.people, self.lives = settings, towns, people, lives
        self.spells = spells
        self.services = seed("care_services")
        self.use = self.services.select(f"use_{level}" for level in LEVELS).to_numpy()
        self.units = self.services.select(f"units_{level}" for level in LEVELS).to_numpy()
        self.places = self.services["place"].to_numpy()
        self.providers = {name: i for i, name in enumerate(self.services["provider"].unique(maintain_order=True))}
        self.serial = 0

    def month(self, month: int, away: Ints) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Plain frames of care_claim (with ``person``, ``site``) and care_service; ``away``: in hospital that month."""
        random = stream(self.settings.seed, "care use", month)
        middle = first_day(month) + 9
        now = self.spells.filter((pl.col("first") <= middle) & (pl.col("last") >= middle)).unique(
            "person", keep="last", maintain_order=True
        )
        person = now["person"].to_numpy()
        death = self.lives.death[person]
        there = ((death < 0) | (death >= middle)) & ~np.isin(person, away)
        factor = curve("care_use_by_age", "factor", age_at(self.people.birth[person], middle))
        there &= fixed(self.settings.seed, "uses care", person) < np.minimum(USE_SHARE * factor**0.1, 0.99)
        now, person, factor = now.filter(pl.Series(there)), person[there], factor[there]
        level = now["level"].to_numpy()
        row, service = self._chosen(person, level, factor)
        units = self.units[service, level[row]] * np.exp(random.normal(0, 0.14, len(row)) - 0.01)
        plan = self.places[service] == "plan"
        units = np.where(plan, self.units[service, level[row]], units)
        lasts = np.where(death[there] >= 0, np.minimum(death[there] - first_day(month) + 1, 31), 31)[row]
        stays = self.places[service] == "facility"
        length = last_day(month) - first_day(month) + 1
        units = np.where(stays, units * np.minimum(lasts, length) / length, units)
        units = np.maximum(np.rint(units), 1).astype(np.int64)
        return self._frames(month, now, row, service, units, length)

    def _chosen(self, person: Ints, level: Ints, factor: Floats) -> tuple[Ints, Ints]:
        """Pairs (row of person, row of service): one home, or several services at home; ``factor``: how much more
        or less than others of the level the person's age uses."""
        facility = np.flatnonzero(self.places == "facility")
        edges = np.cumsum(self.use[facility][:, level], axis=0)
        edges = edges * np.minimum(factor, MOST_IN_HOMES / np.maximum(edges[-1], 1e-9))
        u = fixed(self.settings.seed, "facility", person)
        which = (u[None, :] >= edges).sum(axis=0)
        lives_in = which < len(facility)
        rows, services = [np.flatnonzero(lives_in)], [facility[which[lives_in]]]
        at_home = np.flatnonzero(~lives_in)
        free = 1 - edges[-1][at_home]
        for service in np.flatnonzero(self.places != "facility"):
            share = self.use[service][level[at_home]] / np.maximum(free, 0.2) * factor[at_home]
            mine = fixed(self.settings.seed, "service", person[at_home], int(service)) < share
            rows.append(at_home[mine])
            services.append(np.full(mine.sum(), service))
        return np.concatenate(rows), np.concatenate(services)

    def _frames(
        self, month: int, now: pl.DataFrame, row: Ints, service: Ints, units: Ints, length: int
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        table = self.services
        person = now["person"].to_numpy()[row]
        u = fixed(self.settings.seed, "care share", person)
        rate = np.select(
            [u < RATE_SHARES[0][0], u < RATE_SHARES[1][0]], [RATE_SHARES[0][1], RATE_SHARES[1][1]], default=90
        )
        rate = np.where(self.places[service] == "plan", 100, rate)
        total = units * UNIT_PRICE_YEN
        benefit = total * rate // 100
        kind = table["provider"].replace_strict(self.providers, return_dtype=pl.Int64).to_numpy()[service]
        town = now["town"].to_numpy()[row]
        # A care insurer's people go to two or three providers of a kind.
        at = (fixed(self.settings.seed, "provider", person, 5) * 3).astype(np.int64)
        provider = (town * 40 + kind) * 3 + at
        days = np.clip(units // table["units_a_day"].to_numpy()[service], 1, length)
        lines = (
            pl.DataFrame(
                {
                    "row": row,
                    "service": service,
                    "provider": provider,
                    "rate": rate,
                    "units": units,
                    "benefit_yen": benefit,
                    "user_yen": total - benefit,
                    "days_count": days,
                }  # fmt: skip
            )
            .with_columns(
                service_type_code=table["service_type_code"].gather(service),
                input_form_code=table["input_form_code"].gather(service),
            )
            .sort("row", "provider", "service")
        )
        heads = (
            lines.group_by("row", "provider", maintain_order=True)
            .agg(pl.col("rate", "input_form_code").first(), pl.col("units", "benefit_yen", "user_yen").sum())
            .with_columns(source_row=pl.int_range(pl.len()) + self.serial)
        )
        who = now["person"].gather(heads["row"])
        prefecture = [f"{p:02d}" for p in self.towns.prefecture]
        heads = heads.hstack(
            now.select("person", "town", "insurer_number", "number", "level", "start", "end")[heads["row"].to_numpy()]
        ).with_columns(
            site=pl.lit(pl.Series(prefecture)).gather(pl.col("town")),
            scheme_code=pl.lit("care"),
            birth_date=pl.Series(self.people.birth[who.to_numpy()].astype("datetime64[D]")),
            sex_code=pl.Series(np.where(self.people.sex[who.to_numpy()] == 1, "1", "2")),
            service_month=pl.lit(month_date(month)),
            adjudication_month=pl.lit(month_date(month + 1)),
            creation_code=pl.lit("1"),
            is_adjudicated=pl.lit(True),
            adjustment_count=pl.lit(0),
            is_purchase=pl.lit(False),
            benefit_kind_code=pl.lit("1"),
            provider_code=pl.lit(pl.Series(prefecture)).gather(pl.col("town")) + "7"
            + pl.col("provider").cast(pl.String).str.zfill(7),
            reference_number=(pl.int_range(pl.len()) + self.serial).cast(pl.String).str.zfill(10),
            care_level_code=pl.lit(pl.Series(LEVELS)).gather(pl.col("level")),
            certified_start_date=pl.col("start").cast(pl.Int32).cast(pl.Date),
            certified_end_date=pl.col("end").cast(pl.Int32).cast(pl.Date),
            benefit_rate=pl.col("rate"),
        )  # fmt: skip
        self.serial += heads.height
        services = lines.join(
            heads.select("row", "provider", "scheme_code", "insurer_number", parent_source_row="source_row"),
            on=["row", "provider"], how="left", maintain_order="left",
        ).with_columns(
            source_row=pl.int_range(pl.len()), service_month=pl.lit(month_date(month)),
            unit_price=pl.lit(100 * UNIT_PRICE_YEN), benefit_rate=pl.col("rate"),
        )  # fmt: skip
        claims = heads.select("person", "site", *[pl.col(c).cast(t) for c, t in CARE_CLAIM.plain_schema().items()])
        bought = purchases(claims, month_date(month), self.serial)
        self.serial += bought.height
        return (
            pl.concat([claims, bought]),
            services.select(pl.col(c).cast(t) for c, t in CARE_SERVICE.plain_schema().items()),
        )
