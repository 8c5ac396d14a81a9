"""Who lies in hospital: admissions by age, season and illness, how long they last, what is done there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.synth.calibration import curve
from ingest.synth.settings import SynthSettings
from ingest.synth.world.catalogue import CLINICS, catalogue
from ingest.synth.world.chance import fixed, stream
from ingest.synth.world.clock import first_day
from ingest.synth.world.events import Events
from ingest.synth.world.health import NEVER, Health
from ingest.synth.world.institutions import Institutions
from ingest.synth.world.kinds import Condition, admissions, cancers
from ingest.synth.world.lives import Lives
from ingest.synth.world.people import People

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

ADMISSION_AGES = (15, 40, 65, 75, 85)
AWAY_DAYS = 17
BEFORE_DEATH_DAYS = 45
BEFORE_DEATH_FACTOR = 9.0
LONG_STAY, CANCER_FOUND, CANCER_LATER = -1, -2, -3
LONG_STAYS = (("schizophrenia", 0.20, "in_psych", 1500, 20_000.0), ("dementia", 0.05, "in_long", 700, 260.0),
              ("stroke", 0.07, "in_long", 300, 300.0))  # fmt: skip
"""Condition, share that comes to stay, ward, mean days after onset, mean days of stay."""


@dataclass
class Stays:
    """Stays in hospital: first and last day, kind (row of ``admissions`` or a negative one), ward, institution."""

    person: Ints
    start: Ints
    end: Ints
    kind: Ints
    ward: Ints
    disease: Ints
    institution: Ints

    @staticmethod
    def none() -> Stays:
        return Stays(*(np.zeros(0, dtype=np.int64) for _ in range(7)))

    def plus(self, other: Stays) -> Stays:
        return Stays(*(np.concatenate([a, b]) for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    def where(self, mask: Mask) -> Stays:
        return Stays(*(a[mask] for a in vars(self).values()))


class Hospital:
    """Stays from month to month; months must come in order."""

    def __init__(
        self,
        settings: SynthSettings,
        people: People,
        lives: Lives,
        health: Health,
        institutions: Institutions,
        conditions: list[Condition],
    ) -> None:
        self.settings, self.people, self.lives = settings, people, lives
        self.health, self.institutions, self.conditions = health, institutions, conditions
        self.book = catalogue()
        self.admissions = admissions(self.book, health.names)
        self.cancers = cancers(self.book)
        self.stays = Stays.none()
        self.away: Ints = np.zeros(0, dtype=np.int64)  # in hospital most of the last month made
        self.busy_until = np.full(len(people), -1)
        self._long_stays()

    def _long_stays(self) -> None:
        """Those who live in a ward: long psychiatric care, 療養病棟."""
        random = stream(self.settings.seed, "long stays")
        hospital = CLINICS.index("hospital")
        for name, share, ward, after, mean in LONG_STAYS:
            row = self.health.row(name)
            onset = self.health.onset[row].astype(np.int64)
            who = np.flatnonzero(
                (onset < NEVER) & (fixed(self.settings.seed, f"long {name}", np.arange(len(onset))) < share)
            )
            start = onset[who] + (random.exponential(after, len(who))).astype(np.int64)
            start = np.maximum(start, 0)  # days before 1970 would read as no admission
            end = np.maximum(start, self.people.start - 400) + random.exponential(mean, len(who)).astype(np.int64)
            condition = self.conditions[row]
            disease = condition.diseases.pick(fixed(self.settings.seed, "disease", who, row))
            keep = (end > self.people.start) & (self.people.town[who] >= 0)
            who, start, end, disease = who[keep], start[keep], end[keep], disease[keep]
            where = self.institutions.choose(self.people.town[who], hospital, fixed(self.settings.seed, "ward", who))
            wards = np.full(len(who), self.book.bundle[ward])
            self.stays = self.stays.plus(Stays(who, start, end, np.full(len(who), LONG_STAY), wards, disease, where))

    def month(
        self, events: Events, month: int, who: Ints, town: Ints, age: Ints, use: Floats, random: np.random.Generator
    ) -> Mask:
        """New admissions and the month of every stay; returns who was away most of the month."""
        day0, day1 = first_day(month), first_day(month + 1)
        self._admit(month, who, town, age, use, random)
        in_month = (self.stays.start < day1) & (self.stays.end >= day0)
        inside = np.zeros(len(self.people), bool)
        inside[who] = True
        stays = self.stays.where(in_month & inside[self.stays.person])
        self.stays = self.stays.where(self.stays.end >= day0)
        death = self.lives.death[stays.person]
        end = np.where(death >= 0, np.minimum(stays.end, death), stays.end)
        first, last = np.maximum(stays.start, day0), np.minimum(end, day1 - 1)
        alive = last >= first
        stays, first, last = stays.where(alive), first[alive], last[alive]
        days = last - first + 1
        event = events.add(
            stays.person, stays.institution, first, days, is_acute=False,
            admission=stays.start, stay_day=first - stays.start,
        )  # fmt: skip
        self._stay_content(events, stays, event, first, random)
        away = np.zeros(len(self.people), bool)
        self.away = np.unique(stays.person[days >= AWAY_DAYS])
        away[self.away] = True
        return away[who]

    def _admit(self, month: int, who: Ints, town: Ints, age: Ints, use: Floats, random: np.random.Generator) -> None:
        day0, length = first_day(month), first_day(month + 1) - first_day(month)
        group = np.searchsorted(ADMISSION_AGES, age, side="right")
        death = self.lives.death[who]
        dying = (death >= day0) & (death < day0 + length + BEFORE_DEATH_DAYS)
        tendency = np.exp(0.5 * self.people.frailty[who] - 0.12) * use * curve("use_by_age", "factor", age)
        tendency = tendency * np.where(dying, BEFORE_DEATH_FACTOR, 1.0)
        long = (self.stays.kind == LONG_STAY) & (self.stays.start < day0 + length) & (self.stays.end >= day0)
        free = (self.busy_until[who] < day0) & ~np.isin(who, self.stays.person[long])
        hospital = CLINICS.index("hospital")
        onset = self.health.onset
        for number, kind in enumerate(self.admissions):
            rate = kind.rates[group] * kind.season[month % 12] * tendency
            for row, factor in kind.linked:
                rate = rate * np.where(onset[row, who] <= day0, factor, 0.75)
            at = np.flatnonzero(free & (random.random(len(who)) < rate))
            if not len(at):
                continue
            u = random.random((3, len(at)))
            start = day0 + (u[0] * length).astype(np.int64)
            sigma = kind.sigma
            stay = np.maximum(np.exp(random.normal(np.log(kind.days) - sigma**2 / 2, sigma, len(at))), 1).astype(int)
            end = start + stay
            where = self.institutions.choose(town[at], hospital, fixed(self.settings.seed, "ward", who[at]))
            wards = np.full(len(at), self.book.bundle[f"in_{kind.ward}"])
            disease = kind.diseases.pick(u[1])
            new = Stays(who[at], start, end, np.full(len(at), number), wards, disease, where)
            self.stays = self.stays.plus(new)
            self.busy_until[who[at]] = end
            free[at] = False
        self._operate_cancer(month, who, town, free, random)

    def _operate_cancer(self, month: int, who: Ints, town: Ints, free: Mask, random: np.random.Generator) -> None:
        """Cancer: a stay soon after it is found, and now and then later; palliative care before death."""
        day0, length = first_day(month), first_day(month + 1) - first_day(month)
        site, found, until = self.health.cancer[who], self.health.cancer_from[who], self.health.cancer_until[who]
        new = (site >= 0) & (found >= day0) & (found < day0 + length)
        death = self.lives.death[who]
        dying = (site >= 0) & (death >= day0) & (death < day0 + 60) & (found <= day0)
        later = (site >= 0) & (found < day0) & (day0 < until) & (random.random(len(who)) < 0.06)
        at = np.flatnonzero(free & (new | later | (dying & (random.random(len(who)) < 0.6))))
        if not len(at):
            return
        start = day0 + random.integers(0, length, len(at))
        stay = np.maximum(random.gamma(2.2, np.where(dying[at], 13, np.where(new[at], 7.5, 5))), 2).astype(int)
        hospital = CLINICS.index("hospital")
        where = self.institutions.choose(town[at], hospital, fixed(self.settings.seed, "ward", who[at]))
        wards = np.where(dying[at], self.book.bundle["in_palliative"], self.book.bundle["in_acute"])
        disease = np.array([cancer.disease for cancer in self.cancers])[site[at]]
        kind = np.where(new[at], CANCER_FOUND, CANCER_LATER)
        self.stays = self.stays.plus(Stays(who[at], start, start + stay, kind, wards, disease, where))
        self.busy_until[who[at]] = start + stay

    def _stay_content(
        self, events: Events, stays: Stays, event: Ints, first: Ints, random: np.random.Generator
    ) -> None:
        """Ward, meals, tests; treatment in the month of admission."""
        book = self.book
        events.disease(event, stays.disease, np.minimum(stays.start, first))
        events.bundle(event, stays.ward)
        events.bundle(event, book.bundle["in_meal"])
        events.bundle(event, book.bundle["in_lab"])
        opening = stays.start == first
        events.bundle(event[opening & (stays.kind != LONG_STAY)], book.bundle["in_admission"])
        for number, kind in enumerate(self.admissions):
            mine = np.flatnonzero(stays.kind == number)
            for bundle, chance in kind.tests:
                rehab = "rehab" in list(book.bundle)[bundle]
                chosen = mine[random.random(len(mine)) < chance]
                events.bundle(event[chosen if rehab else chosen[opening[chosen]]], bundle)
        surgery = np.array([cancer.surgery for cancer in self.cancers])
        for new in np.flatnonzero((stays.kind == CANCER_FOUND) & opening)[None, :]:
            operation = surgery[self.health.cancer[stays.person[new]]]
            operated = (operation >= 0) & (random.random(len(new)) < 0.7)
            events.bundle(event[new[operated]], operation[operated])
            events.bundle(event[new[operated]], book.bundle["in_anaesthesia"])
            events.bundle(event[new], book.bundle["in_ct"])
        chemo = np.flatnonzero((stays.kind == CANCER_LATER) & opening)
        events.bundle(event[chemo[random.random(len(chemo)) < 0.25]], book.bundle["in_chemo"])
        # Whoever lies in hospital keeps the diseases of home.
        for condition in self.conditions[:2]:
            ill = np.flatnonzero(self.health.onset[condition.row, stays.person] <= first)
            ill = ill[random.random(len(ill)) < 0.6]
            disease = condition.diseases.pick(fixed(self.settings.seed, "disease", stays.person[ill], condition.row))
            events.disease(event[ill], disease, np.minimum(stays.start, first)[ill])
