"""What happens to the people: month by month, an event at most for each, on a day of the month.

A state is (town, coverage, household, surname) from a day on; every event writes a new one. Two events
never share a month and person, so that no order within a day has to be invented.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.synth.calibration import curve, log_curve
from ingest.synth.settings import SynthSettings
from ingest.synth.world.chance import fixed, stream
from ingest.synth.world.clock import age_at, anniversary, first_day, month_of, months_of_days
from ingest.synth.world.people import People
from ingest.synth.world.towns import Towns

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

EMPLOYED, KOKUHO, KUMIAI, KOKI, WELFARE = 0, 1, 2, 3, 4
ABROAD, DEAD, UNBORN = -1, -2, -3  # towns that are none: elsewhere in Japan, dead, not here yet

START, BIRTH, ARRIVAL, DEATH, AGE_75, DISABILITY, MOVE_INSIDE, MOVE_OUT, RETURN = range(9)
JOIN, LEAVE, WELFARE_ON, WELFARE_OFF, MARRIAGE, MERGER, RENUMBERED = range(9, 16)

OTHER_PREFECTURE_SHARE = 0.08  # of moves out of a prefecture, to the other one of this world
RETURN_RATE_YEAR = 0.07
KEEP_COVERAGE_SHARE = 0.85
WELFARE_ON_RATE_YEAR = 0.0009
WELFARE_OFF_RATE_YEAR = 0.06
MARRIAGE_RATE_YEAR = 0.05
OLDER_GROOM_DAYS = 730
NEW_SURNAME_SHARE = 0.95
FACILITY_RATE_YEAR = 0.0035  # of those of 75 and over: into a home in another town (住所地特例)
JOB_SEASON = (0.8, 0.8, 1.0, 2.4, 1.0, 0.8, 0.9, 0.8, 0.9, 1.0, 0.8, 0.8)
DEATH_SEASON = (1.22, 1.14, 1.06, 0.98, 0.94, 0.89, 0.89, 0.92, 0.92, 0.97, 1.01, 1.12)


@dataclass(frozen=True)
class Lives:
    """``states``: person, start, end (exclusive, null while it lasts), town, coverage, household, surname,
    reason, next_reason. ``death`` is the day of death (or -1). ``facility``: person, day, town of a home elsewhere.
    """

    states: pl.DataFrame
    death: Ints
    facility: pl.DataFrame
    last_day: int


class _Log:
    """Collects states as they arise."""

    def __init__(self) -> None:
        self.parts: list[dict[str, Ints]] = []

    def add(self, who: Ints, day: Ints, reason: int, now: _Now) -> None:
        if len(who):
            self.parts.append(
                {
                    "person": who,
                    "start": day,
                    "town": now.town[who],
                    "coverage": now.coverage[who],
                    "household": now.household[who],
                    "surname": now.surname[who],
                    "reason": np.full(len(who), reason),
                }  # fmt: skip
            )

    def frame(self) -> pl.DataFrame:
        columns = {k: np.concatenate([p[k] for p in self.parts]) for k in self.parts[0]}
        return (
            pl.DataFrame(columns)
            .sort("person", "start", maintain_order=True)
            .unique(["person", "start"], keep="last", maintain_order=True)
            .with_columns(
                end=pl.col("start").shift(-1).over("person"),
                next_reason=pl.col("reason").shift(-1).over("person"),
            )
        )


@dataclass
class _Now:
    town: Ints
    coverage: Ints
    household: Ints
    surname: Ints
    married: Mask


def live(settings: SynthSettings, towns: Towns, people: People) -> Lives:
    """Run the world from its first day to the end of the reference month."""
    random = stream(settings.seed, "lives")
    n = len(people)
    now = _Now(
        town=np.full(n, UNBORN),
        coverage=np.zeros(n, dtype=np.int64),
        household=people.household.copy(),
        surname=people.surname.copy(),
        married=people.married.copy(),
    )
    log = _Log()
    there = np.flatnonzero(people.arrives == people.start)
    now.town[there] = people.town[there]
    now.coverage[there] = _first_coverage(settings, towns, people, there, now.town[there], people.start)
    log.add(there, np.full(len(there), people.start), START, now)
    death = np.full(n, -1)
    home = np.full(n, -1)  # town left for elsewhere, to which one may return
    in_facility = np.zeros(n, bool)
    facility: list[dict[str, Ints]] = []
    birthday_75 = anniversary(people.birth, 75)
    month_75 = months_of_days(birthday_75)
    arrival_month = months_of_days(people.arrives)
    first = int(months_of_days(np.array([people.start]))[0])
    merged_from, merged, into = _merger(settings, towns)
    for month in range(first, month_of(settings.reference_month) + 1):
        day0, day1 = first_day(month), first_day(month + 1)
        season = month % 12
        here = now.town >= 0
        busy = np.zeros(n, bool)
        if month == merged_from:
            who = np.flatnonzero(now.town == merged)
            now.town[who], home[home == merged] = into, into
            log.add(who, np.full(len(who), day0), MERGER, now)
        age = age_at(people.birth, day0)
        u = random.random((6, n))
        day = day0 + (random.random(n) * (day1 - day0)).astype(np.int64)

        place = np.arange(len(towns))  # what a town is part of by now
        if month >= merged_from:
            place[merged] = into
        _enter(settings, towns, people, now, log, arrival_month == month, busy, place)

        rate = np.where(people.sex == 1, log_curve("mortality", "men_rate", age),
                        log_curve("mortality", "women_rate", age))  # fmt: skip
        rate = rate * np.exp(0.6 * people.frailty - 0.18) * DEATH_SEASON[season] / 12
        who = np.flatnonzero(here & ~busy & (u[0] < rate))
        death[who] = day[who]
        now.town[who], now.coverage[who] = DEAD, EMPLOYED
        log.add(who, day[who] + 1, DEATH, now)
        busy[who] = True

        who = np.flatnonzero(here & ~busy & (month_75 == month))
        who = who[(now.coverage[who] != KOKI) & (now.coverage[who] != WELFARE)]
        now.coverage[who] = KOKI
        log.add(who, birthday_75[who], AGE_75, now)
        busy[who] = True

        disabled = (age >= 65) & (age < 75) & (now.coverage != KOKI) & (now.coverage != WELFARE)
        who = np.flatnonzero(here & ~busy & disabled & (u[1] < 0.0026 / 12 * np.exp(0.8 * people.frailty)))
        now.coverage[who] = KOKI
        log.add(who, day[who], DISABILITY, now)
        busy[who] = True

        old = here & ~busy & ~in_facility & (age >= 75)
        who = np.flatnonzero(old & (u[1] > 1 - FACILITY_RATE_YEAR / 12))
        in_facility[who] = True
        if len(who) and len(towns) > 1:
            other = place[(now.town[who] + 1 + (u[2][who] * (len(towns) - 1)).astype(int)) % len(towns)]
            same = towns.prefecture[other] == towns.prefecture[now.town[who]]
            facility.append({"person": who[same], "day": day[who][same], "town": other[same]})

        _move(settings, towns, people, now, log, age, day, u[2], busy | in_facility, home, random, place)
        _return(settings, towns, people, now, log, day, u[3], home)
        _jobs(people, now, log, age, day, u[4], busy, season)
        _welfare(now, log, age, day, u[5], busy)
        _marry(people, now, log, age, day, u[5], busy, random)
    moved = pl.DataFrame(
        {
            k: np.concatenate([p[k] for p in facility]) if facility else np.zeros(0, int)
            for k in ("person", "day", "town")
        }
    )
    return Lives(log.frame(), death, moved, first_day(month_of(settings.reference_month) + 1) - 1)


def _first_coverage(settings: SynthSettings, towns: Towns, people: People, who: Ints, town: Ints, day: int) -> Ints:
    """Coverage by age of those who live in ``town``; households mostly share theirs."""

    age = age_at(people.birth[who], day)
    own, shared = fixed(settings.seed, "cover", who), fixed(settings.seed, "cover", people.household[who], 7)
    follows = fixed(settings.seed, "follows", who) < 0.7
    u = np.where(follows, shared, own)
    kokuho = curve("coverage", "kokuho_share", age)
    has_union = np.isin(towns.prefecture[town], list(towns.kumiai))
    kumiai = curve("coverage", "kumiai_share", age) * has_union * (age < 75)
    result = np.where(u < kokuho, KOKUHO, np.where(u > 1 - kumiai, KUMIAI, EMPLOYED))
    disabled = fixed(settings.seed, "disabled", who) < curve("coverage", "disability_share", age) * (age >= 65)
    result = np.where((age >= 75) | disabled, KOKI, result)
    on_welfare = fixed(settings.seed, "welfare", people.household[who]) < curve("coverage", "welfare_share", age)
    return np.where(on_welfare, WELFARE, result)


def _merger(settings: SynthSettings, towns: Towns) -> tuple[int, int, int]:
    """The month from which on one town is part of another, and the two; a month that never comes where none is."""
    upheavals = settings.upheavals
    if upheavals.merged is None or upheavals.merged_into is None:
        return 1 << 30, 0, 0
    return (
        month_of(settings.upheaval_month),
        towns.code.index(upheavals.merged),
        towns.code.index(upheavals.merged_into),
    )


def _enter(
    settings: SynthSettings, towns: Towns, people: People, now: _Now, log: _Log, due: Mask, busy: Mask, place: Ints
) -> None:
    """Births into the mother's household and coverage; newcomers from elsewhere."""
    due = due & (now.town == UNBORN)
    children = np.flatnonzero(due & (people.mother >= 0))
    mother = people.mother[children]
    with_mother = now.town[mother] >= 0
    children, mother = children[with_mother], mother[with_mother]
    now.town[children] = now.town[mother]
    now.household[children] = now.household[mother]
    now.surname[children] = now.surname[mother]
    cover = now.coverage[mother]
    now.coverage[children] = np.where(cover == KOKI, EMPLOYED, cover)
    log.add(children, people.birth[children], BIRTH, now)
    busy[mother] = True
    new = np.flatnonzero(due & (people.mother < 0))
    if len(new):
        now.town[new] = place[people.town[new]]
        now.coverage[new] = _first_coverage(settings, towns, people, new, now.town[new], int(people.arrives[new].max()))
        passed = anniversary(people.birth[new], 75) <= people.arrives[new]
        soon = (now.coverage[new] == KOKI) & ~passed & (age_at(people.birth[new], people.arrives[new]) < 65)
        now.coverage[new] = np.where(passed & (now.coverage[new] != WELFARE), KOKI, now.coverage[new])
        now.coverage[new] = np.where(soon, KOKUHO, now.coverage[new])
        log.add(new, people.arrives[new], ARRIVAL, now)
        busy[new] = True


def _move(
    settings: SynthSettings, towns: Towns, people: People, now: _Now, log: _Log, age: Ints, day: Ints,
    u: NDArray[np.float64], fixed_there: Mask, home: Ints, random: np.random.Generator, place: Ints,
) -> None:  # fmt: skip
    """Young people move alone, others with their household; within the prefecture, beyond it, or away."""
    inside = curve("moves", "within_prefecture_rate_year", age) / 12
    outside = curve("moves", "outside_rate_year", age) / 12
    free = (now.town >= 0) & ~fixed_there & (age >= 18)
    leads = free & ((now.household == np.arange(len(u))) | (age < 30))
    heads = np.flatnonzero(leads & (u < inside + outside))
    if not len(heads):
        return
    alone = (age[heads] < 30) & ~now.married[heads]
    whole = heads[~alone]
    leader = np.full(len(u), -1)
    leader[heads[alone]] = heads[alone]
    home_of = np.full(len(u), -1)
    home_of[now.household[whole]] = whole
    follower = home_of[now.household]
    same = (now.town >= 0) & (follower >= 0) & ~fixed_there & (now.town == now.town[follower])
    leader = np.where((leader < 0) & same, follower, leader)
    who = np.flatnonzero(leader >= 0)
    head = leader[who]
    goes_away = u >= inside
    choice = random.random(len(u))
    target = np.full(len(u), ABROAD)
    for prefecture in sorted(set(towns.prefecture.tolist())):
        mine, others = towns.of_prefecture(prefecture), np.flatnonzero(towns.prefecture != prefecture)
        from_here = heads[np.isin(now.town[heads], mine)]
        near = from_here[~goes_away[from_here]]
        target[near] = _other_town(towns, mine, now.town[near], choice[near])
        far = from_here[goes_away[from_here] & (choice[from_here] < OTHER_PREFECTURE_SHARE)]
        if len(others) and len(far):
            share = choice[far] / OTHER_PREFECTURE_SHARE
            target[far] = others[np.minimum((share * len(others)).astype(int), len(others) - 1)]
    target = np.where(target >= 0, place[np.maximum(target, 0)], target)
    going, when = target[head], day[head]
    # Nobody leaves before coming: a child born this month stays until the next.
    stays = (people.arrives[who] > when) | (going == now.town[who])
    who, head, going, when = who[~stays], head[~stays], going[~stays], when[~stays]
    away = going == ABROAD
    home[who[away]] = now.town[who[away]]
    single = head == who
    lonely = who[single & (age[who] < 30) & ~now.married[who]]
    now.household[lonely] = lonely
    now.town[who] = going
    changes = (random.random(len(who)) > KEEP_COVERAGE_SHARE) & (now.coverage[who] == KOKUHO) & (age[who] < 60)
    now.coverage[who[changes]] = EMPLOYED
    union_stays = np.isin(towns.prefecture[np.maximum(going, 0)], list(towns.kumiai)) & ~away
    lost = who[(now.coverage[who] == KUMIAI) & ~union_stays]
    now.coverage[lost] = EMPLOYED
    log.add(who[~away], when[~away], MOVE_INSIDE, now)
    log.add(who[away], when[away], MOVE_OUT, now)
    fixed_there[who] = True


def _other_town(towns: Towns, mine: Ints, own: Ints, u: NDArray[np.float64]) -> Ints:
    """Another town of the prefecture by size; elsewhere in Japan where there is no other."""
    result = np.full(len(own), ABROAD)
    for town in np.unique(own):
        others = mine[mine != town]
        if len(others):
            share = np.cumsum(towns.insured[others]) / towns.insured[others].sum()
            here = own == town
            result[here] = others[np.minimum(np.searchsorted(share, u[here]), len(others) - 1)]
    return result


def _return(
    settings: SynthSettings, towns: Towns, people: People, now: _Now, log: _Log, day: Ints,
    u: NDArray[np.float64], home: Ints,
) -> None:  # fmt: skip
    """Some who left come back to their town, into a household of their own."""
    who = np.flatnonzero((now.town == ABROAD) & (home >= 0) & (u < RETURN_RATE_YEAR / 12))
    who = who[(people.birth[who] + 18 * 366 < day[who])]
    if not len(who):
        return
    now.town[who] = home[who]
    home[who] = -1
    now.household[who] = who
    cover = _first_coverage(settings, towns, people, who, now.town[who], int(day[who].min()))
    old = anniversary(people.birth[who], 75) <= day[who]
    near = (cover == KOKI) & ~old & (now.coverage[who] != KOKI)
    now.coverage[who] = np.where(old, KOKI, np.where(near, KOKUHO, np.where(now.coverage[who] == KOKI, KOKI, cover)))
    log.add(who, day[who], RETURN, now)


def _jobs(
    people: People, now: _Now, log: _Log, age: Ints, day: Ints, u: NDArray[np.float64], busy: Mask, season: int
) -> None:
    """Joining and leaving 国保 so that each age keeps its share; children go with an adult of the household."""
    share = curve("coverage", "kokuho_share", age)
    rise = curve("coverage", "kokuho_share", age + 1) - share
    leave = curve("coverage", "leave_rate_year", age)
    join = np.maximum((np.maximum(rise, 0) + leave * share) / np.maximum(1 - share, 0.05), 0)
    adult = (now.town >= 0) & ~busy & (age >= 18) & (age < 75)
    factor = JOB_SEASON[season] / 12
    joins = adult & (now.coverage == EMPLOYED) & (u < join * factor)
    leaves = adult & (now.coverage == KOKUHO) & (u < leave * factor)
    for group, before, after, reason in ((joins, EMPLOYED, KOKUHO, JOIN), (leaves, KOKUHO, EMPLOYED, LEAVE)):
        led = np.zeros(len(u), bool)
        with_children = np.flatnonzero(group & (age >= 25) & (age < 60))
        when = day.copy()
        lead_of = np.full(len(u), -1)
        lead_of[now.household[with_children]] = with_children
        lead = lead_of[now.household]
        led = (lead >= 0) & (age < 18) & (now.coverage == before) & ~busy & (now.town >= 0)
        led &= (now.town == now.town[lead]) & (people.arrives < day[lead])
        when[led] = day[lead[led]]
        who = np.flatnonzero(group | led)
        now.coverage[who] = after
        log.add(who, when[who], reason, now)
        busy[who] = True


def _welfare(now: _Now, log: _Log, age: Ints, day: Ints, u: NDArray[np.float64], busy: Mask) -> None:
    here = (now.town >= 0) & ~busy
    on = np.flatnonzero(here & (now.coverage != WELFARE) & (u < WELFARE_ON_RATE_YEAR / 12))
    off = np.flatnonzero(here & (now.coverage == WELFARE) & (u < WELFARE_OFF_RATE_YEAR / 12))
    now.coverage[on] = WELFARE
    log.add(on, day[on], WELFARE_ON, now)
    now.coverage[off] = np.where(age[off] >= 75, KOKI, KOKUHO)
    log.add(off, day[off], WELFARE_OFF, now)
    busy[on] = busy[off] = True


def _marry(
    people: People, now: _Now, log: _Log, age: Ints, day: Ints, u: NDArray[np.float64], busy: Mask,
    random: np.random.Generator,
) -> None:  # fmt: skip
    """A woman joins the household of a man of her town, nearly always with his name."""
    single = (now.town >= 0) & ~busy & ~now.married
    brides = np.flatnonzero(single & (people.sex == 2) & (age >= 20) & (age < 46) & (u > 1 - MARRIAGE_RATE_YEAR / 12))
    grooms = np.flatnonzero(single & (people.sex == 1) & (age >= 20) & (age < 50))
    if not len(brides) or not len(grooms):
        return
    place = 1 << 20  # more than there are days of birth
    order = np.argsort(now.town[grooms] * place + people.birth[grooms], kind="stable")
    grooms = grooms[order]
    wish = now.town[brides] * place + people.birth[brides] - OLDER_GROOM_DAYS
    near = np.searchsorted(now.town[grooms] * place + people.birth[grooms], wish)
    near = np.minimum(near, len(grooms) - 1)
    # Two brides of one groom: the second waits, as does one whose nearest lives in another town.
    near, first = np.unique(near, return_index=True)
    bride, groom = brides[first], grooms[near]
    same_town = now.town[bride] == now.town[groom]
    bride, groom = bride[same_town], groom[same_town]
    now.married[bride] = now.married[groom] = True
    now.household[bride] = now.household[groom]
    renamed = random.random(len(bride)) < NEW_SURNAME_SHARE
    now.surname[bride] = np.where(renamed, now.surname[groom], now.surname[bride])
    follows = (now.coverage[bride] == KOKUHO) & (now.coverage[groom] == EMPLOYED) & (random.random(len(bride)) < 0.5)
    now.coverage[bride[follows]] = EMPLOYED
    log.add(bride, day[bride], MARRIAGE, now)
    busy[bride] = busy[groom] = True
