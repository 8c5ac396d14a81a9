"""Who sees which doctor in a month: the events behind the receipts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ingest.synth.calibration import curve
from ingest.synth.settings import SynthSettings
from ingest.synth.world.catalogue import CLINICS, catalogue
from ingest.synth.world.chance import fixed, stream
from ingest.synth.world.clock import age_at, first_day
from ingest.synth.world.events import Events
from ingest.synth.world.health import Health
from ingest.synth.world.hospital import Hospital
from ingest.synth.world.institutions import Institutions
from ingest.synth.world.kinds import Condition, cancers, conditions, episodes
from ingest.synth.world.lives import Lives
from ingest.synth.world.people import People
from ingest.synth.world.towns import Towns

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

EPISODE_AGES = (6, 15, 40, 65, 75)
DIPS = {"2020-04": 0.82, "2020-05": 0.80, "2020-06": 0.93, "2021-01": 0.94, "2021-02": 0.95}
"""Months of the first year of COVID-19 in which people stayed away (医療費の動向, from memory, unverified)."""
ADHERENCE = 0.94
MANY_EXTRAS = 9  # further drugs of those of the polypharmacy story
STORY_PATIENTS = 0.4


class CareUse:
    """Makes the events of one month after another; months must come in order."""

    def __init__(
        self, settings: SynthSettings, towns: Towns, people: People, lives: Lives, health: Health,
        institutions: Institutions,
    ) -> None:  # fmt: skip
        self.settings, self.towns, self.people = settings, towns, people
        self.lives, self.health, self.institutions = lives, health, institutions
        book = catalogue()
        self.book = book
        self.conditions = conditions(book)
        self.episodes = episodes(book)
        self.cancers = cancers(book)
        self.hospital = Hospital(settings, people, lives, health, institutions, self.conditions)

    def month(self, month: int, insured: Ints, town: Ints) -> Events:
        """Events of the insured persons, who are of the towns, in a month."""
        day0, day1 = first_day(month), first_day(month + 1)
        random = stream(self.settings.seed, "care", month)
        events = Events()
        age = age_at(self.people.birth[insured], day0)
        use = np.exp(self.towns.use[town]) * DIPS.get(f"{1970 + month // 12}-{month % 12 + 1:02d}", 1.0)
        away = self.hospital.month(events, month, insured, town, age, use, random)
        at_home = ~away
        self._regular(events, month, insured[at_home], town[at_home], age[at_home], use[at_home], random)
        self._acute(events, month, insured[at_home], town[at_home], age[at_home], use[at_home], random)
        self._cancer(events, month, insured[at_home], town[at_home], age[at_home], random)
        last = self.lives.death
        for visit in events.visits:
            death = last[visit["person"]]
            inside = np.where(death >= 0, np.minimum(death, day1 - 1), day1 - 1)
            visit["day"] = np.clip(visit["day"], day0, np.maximum(inside, day0))
        return events

    def _regular(
        self, events: Events, month: int, who: Ints, town: Ints, age: Ints, use: Floats, random: np.random.Generator
    ) -> None:
        """Visits every one to three months for chronic disease, clinic by clinic."""
        world, book = self.settings.seed, self.book
        day0, length = first_day(month), first_day(month + 1) - first_day(month)
        treated = self.health.treated[:, who] <= day0
        merge = fixed(world, "one doctor", who) < np.where(age >= 75, 0.6, 0.35)
        hospital, internal = CLINICS.index("hospital"), CLINICS.index("internal")
        extra = self._extras(who, town, age)
        for kind, name in enumerate(CLINICS):
            here = [c for c in self.conditions if c.clinic == kind]
            if kind == internal:
                here = here + [c for c in self.conditions if c.clinic == hospital and c.name != "dialysis"]
            if not here:
                continue
            has = np.stack([self._treated_here(c, kind, treated, merge) for c in here])
            intervals = np.where(has, np.array([c.interval for c in here])[:, None], 9.0)
            mean = intervals.min(axis=0) * np.where(age >= 75, 0.88, 1.0)
            u = fixed(world, "interval", who, kind)
            every = np.clip(np.floor(mean + u), 1, 3).astype(np.int64)
            due = (month + (u * 997).astype(np.int64)) % every == 0
            goes = has.any(axis=0) & due & (random.random(len(who)) < ADHERENCE * np.minimum(use, 1.06))
            at = np.flatnonzero(goes)
            if not len(at):
                continue
            weekday = (fixed(world, "day", who[at], kind) * 26).astype(np.int64)
            day = day0 + np.minimum(weekday + random.integers(0, 4, len(at)), length - 1)
            more = {"orthopaedic": 1.4, "psychiatry": 0.4, "skin": 0.3, "ent": 0.4}.get(name, 0.22)
            days = np.minimum(1 + random.poisson(more * use[at]), 20)
            where = self.institutions.choose(town[at], kind, fixed(world, "doctor", who[at], kind))
            event = events.add(who[at], where, day, days, is_acute=False)
            prescribed = every[at] * 28
            drugs = np.zeros(len(at), dtype=np.int64)
            for number, condition in enumerate(here):
                mine = np.flatnonzero(has[number][at])
                if len(mine):
                    drugs[mine] += self._condition(
                        events, condition, who[at][mine], event[mine], prescribed[mine], random
                    )
            managed = np.flatnonzero(
                has[np.array([c.care == book.bundle["chronic_care"] for c in here])][:, at].any(axis=0)
            )
            care = book.bundle["chronic_care" if month < _month(2024, 6) or kind != internal else "lifestyle"]
            events.bundle(event[managed], care)
            if kind == internal:
                for step in range(extra.max() if len(extra) else 0):
                    mine = np.flatnonzero(extra[at] > step)
                    first = (fixed(world, "extra", who[at][mine]) * len(book.extras)).astype(np.int64)
                    events.bundle(event[mine], book.extras[(first + 7 * step) % len(book.extras)], prescribed[mine])
                drugs += extra[at]
            many = drugs >= 7
            events.bundle(event[(drugs > 0) & ~many], book.bundle["rx"])
            events.bundle(event[many], book.bundle["rx_many"])

    def _treated_here(self, condition: Condition, kind: int, treated: Mask, merge: Mask) -> Mask:
        """Some have their heart or joints looked after by the family doctor instead of the hospital."""
        now = treated[condition.row]
        if condition.name == "dialysis" or CLINICS[condition.clinic] != "hospital":
            return now
        return now & (merge if CLINICS[kind] == "internal" else ~merge)

    def _condition(
        self,
        events: Events,
        condition: Condition,
        who: Ints,
        event: Ints,
        prescribed: Ints,
        random: np.random.Generator,
    ) -> Ints:
        """Disease, drug, tests of one condition; returns the kinds of drugs."""
        book, world = self.book, self.settings.seed
        disease = condition.diseases.pick(fixed(world, "disease", who, condition.row))
        since = np.maximum(self.health.treated[condition.row, who], self.people.birth[who])
        events.disease(event, disease, since)
        kinds = np.zeros(len(who), dtype=np.int64)
        if condition.prescriptions is not None:
            bundle = condition.prescriptions.pick(fixed(world, "drug", who, condition.row))
            events.bundle(event, bundle, prescribed)
            lines = book.lines
            per_bundle = np.array(
                [lines.is_drug[f : f + c].sum() for f, c in zip(lines.first, lines.count, strict=True)]
            )
            kinds = per_bundle[bundle]
        for test, chance in condition.tests:
            events.bundle(event[random.random(len(event)) < chance], test)
        if condition.care >= 0 and condition.care != book.bundle["chronic_care"]:
            events.bundle(event, condition.care)
        return kinds

    def _extras(self, who: Ints, town: Ints, age: Ints) -> Ints:
        """Number of further drugs: more with age; far too many in the town of the polypharmacy story."""
        u = fixed(self.settings.seed, "extras", who)
        mean = np.interp(age, [30, 50, 65, 75, 85, 95], [0.3, 0.9, 1.8, 3.0, 3.7, 3.4]) * np.exp(
            0.3 * self.people.frailty[who]
        )
        number = np.floor(-np.log(1 - 0.9995 * u) * mean).astype(np.int64)
        in_story = (town == self.towns.story["polypharmacy"]) & (age >= 75)
        story = in_story & (fixed(self.settings.seed, "story drugs", who) < STORY_PATIENTS)
        return np.minimum(number + story * MANY_EXTRAS, len(self.book.extras))

    def _acute(
        self, events: Events, month: int, who: Ints, town: Ints, age: Ints, use: Floats, random: np.random.Generator
    ) -> None:
        """Visits for something new."""
        day0, length = first_day(month), first_day(month + 1) - first_day(month)
        group = np.searchsorted(EPISODE_AGES, age, side="right")
        tendency = np.exp(0.35 * self.people.frailty[who] - 0.06) * use * curve("use_by_age", "factor", age)
        for episode in self.episodes:
            rate = episode.rates[group] * episode.season[month % 12] * tendency
            at = np.flatnonzero(random.random(len(who)) < rate)
            if not len(at):
                continue
            u = random.random((3, len(at)))
            own = fixed(self.settings.seed, "doctor", who[at], episode.clinic)
            where = self.institutions.choose(town[at], episode.clinic, np.where(u[0] < 0.65, own, u[0]))
            day = day0 + (u[1] * length).astype(np.int64)
            days = 1 + random.poisson(episode.days - 1, len(at))
            event = events.add(who[at], where, day, days, is_acute=True)
            events.disease(event, episode.diseases.pick(u[2]), day)
            if episode.prescriptions is not None:
                events.bundle(event, episode.prescriptions.pick(random.random(len(at))), 7)
                events.bundle(event, self.book.bundle["rx"])
            for test, chance in episode.tests:
                events.bundle(event[random.random(len(event)) < chance], test)

    def _cancer(
        self, events: Events, month: int, who: Ints, town: Ints, age: Ints, random: np.random.Generator
    ) -> None:
        """Treatment of cancer as an outpatient, and looking after it later."""
        day0 = first_day(month)
        site, found, until = self.health.cancer[who], self.health.cancer_from[who], self.health.cancer_until[who]
        treated = (site >= 0) & (found <= day0) & (day0 < until)
        after = (site >= 0) & (until <= day0) & (day0 < until + 1500) & ((month + who) % 4 == 0)
        at = np.flatnonzero((treated & (random.random(len(who)) < 0.85)) | after)
        if not len(at):
            return
        hospital = CLINICS.index("hospital")
        where = self.institutions.choose(town[at], hospital, fixed(self.settings.seed, "doctor", who[at], hospital))
        day = day0 + random.integers(0, 27, len(at))
        event = events.add(who[at], where, day, 1 + random.poisson(0.9, len(at)), is_acute=False)
        follow = self.book.bundle["cancer_follow"]
        u = fixed(self.settings.seed, "cancer drug", who[at])
        # The very old are mostly looked after without the strong drugs.
        spared = fixed(self.settings.seed, "spared", who[at]) < np.interp(age[at], [74, 80, 90], [0.0, 0.45, 0.9])
        for number, cancer in enumerate(self.cancers):
            mine = np.flatnonzero(site[at] == number)
            if not len(mine):
                continue
            events.disease(event[mine], np.full(len(mine), cancer.disease), found[at][mine])
            bundle = np.where(treated[at][mine] & ~spared[mine], cancer.prescriptions.pick(u[mine]), follow)
            events.bundle(event[mine], bundle, 28)
        for test, chance in (("lab_basic", 0.8), ("ct", 0.28), ("echo_abdomen", 0.1), ("pain_acetaminophen", 0.15)):
            events.bundle(event[random.random(len(event)) < chance], self.book.bundle[test], 28)


def _month(year: int, month: int) -> int:
    return (year - 1970) * 12 + month - 1
