"""From the events of a month to receipts: one for each person, institution and card, in or out of hospital.

The points of a receipt are the sum of its lines: 点数 × 回数 of all but 診療識別 97, whose lines are yen
(the rule at the head of formats.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.formats.contracts import CLAIM, CLAIM_DIAGNOSIS, CLAIM_ITEM
from ingest.synth.settings import SynthSettings
from ingest.synth.world import daybits
from ingest.synth.world.catalogue import CAPPED, DAYS, MEAL_ITEM, MEAL_YEN_BEFORE, MEALS, WEEKS, Catalogue
from ingest.synth.world.chance import fixed, stream
from ingest.synth.world.clock import age_at, first_day, month_date
from ingest.synth.world.coverage import Coverage
from ingest.synth.world.events import Events
from ingest.synth.world.institutions import Institutions
from ingest.synth.world.lives import KOKI
from ingest.synth.world.naming import name_columns
from ingest.synth.world.people import People
from ingest.synth.writers.uke import EXTRA_CLAIM, RECORDS

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
JUNE_2024 = (2024 - 1970) * 12 + 5  # 診療報酬改定
OCTOBER_2022 = (2022 - 1970) * 12 + 9  # 後期 2割
SUSPECTED = ("胃癌", "結腸癌", "肺癌", "膵癌", "狭心症", "脳梗塞")
GENERAL_DISEASE = "慢性胃炎"
UNCODED = "0000999"
SUSPECTED_MODIFIER = "8002"
MAIN_SHARE = 0.85
LONG_ILLNESS_NOTE = "02"  # 長期: 高額長期疾病, here dialysis
KEYS_A_MONTH = 10_000_000  # keys of receipts are distinct over months, which meet in one file
PLACES = 20_000  # more than there are institutions
CLAIM_COLUMNS = [
    pl.col("person"), pl.col("site"),
    *[pl.col(c).cast(t) for c, t in (CLAIM.plain_schema() | EXTRA_CLAIM).items()],
]  # fmt: skip
DIAGNOSIS_COLUMNS = [pl.col(c).cast(t) for c, t in CLAIM_DIAGNOSIS.plain_schema().items()]
ITEM_COLUMNS = [
    *[pl.col(c).cast(t) for c, t in CLAIM_ITEM.plain_schema().items()], pl.col("line_number").cast(pl.Int64)
]  # fmt: skip


def with_extras(claims: pl.DataFrame) -> pl.DataFrame:
    """Claims with the columns of ``EXTRA_CLAIM``, empty where they are not there."""
    return claims.with_columns(pl.lit(None, t).alias(c) for c, t in EXTRA_CLAIM.items() if c not in claims.columns)


@dataclass(frozen=True)
class Receipts:
    """Plain frames of claim, claim_diagnosis and claim_item; ``source_row`` is a key.

    Claims have two more columns, ``person`` and ``site`` (prefecture of the insurer), and those of
    ``writers.uke.EXTRA_CLAIM``; items have ``line_number``, their place among the lines of the receipt.
    ``records``: lines that are no item (``writers.uke.RECORDS``).
    """

    claims: pl.DataFrame
    diagnoses: pl.DataFrame
    items: pl.DataFrame
    records: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=RECORDS))

    @staticmethod
    def joined(parts: list[Receipts]) -> Receipts:
        """Receipts of several kinds as one."""
        return Receipts(
            *(
                pl.concat([getattr(part, name) for part in parts])
                for name in ("claims", "diagnoses", "items", "records")
            )
        )


@dataclass(frozen=True)
class Heads:
    """Arrays by receipt."""

    card: Ints
    institution: Ints
    is_inpatient: Mask
    days: Ints
    chronic: Mask  # has been there before
    day: Ints
    stay_day: Ints  # days of the stay before this month
    admission: Ints
    visit_days: Ints  # bits of the days


class ReceiptMaker:
    """Makes the receipts of one month after another."""

    def __init__(
        self, settings: SynthSettings, people: People, coverage: Coverage, institutions: Institutions, book: Catalogue
    ) -> None:
        self.settings, self.people, self.coverage, self.book = settings, people, coverage, book
        self.institution_code = pl.Series(institutions.code)
        self.serial = 0
        items = book.items
        self.meal = items.filter(item=MEAL_ITEM)["index"].item()
        self.is_yen = (items["category_code"] == "97").to_numpy()
        self.category = items["category_code"].cast(pl.Int64).to_numpy()
        self.is_prescribed = items["category_code"].is_in(["21", "22", "23"]).to_numpy()
        self.dialysis = items.filter(item="dialysis")["index"].item()
        lines = book.lines
        daily = np.isin(lines.rule, [DAYS, CAPPED, WEEKS, MEALS])
        self.is_daily_bundle = daily[lines.first]
        self.suspected = np.array([book.disease[name] for name in SUSPECTED])

    def month(self, month: int, events: Events) -> Receipts:
        """Receipts of a 診療月; events whose person has no card that day fall away."""
        random = stream(self.settings.seed, "receipts", month)
        head, claim_of = self.heads(month, events)
        lines = self._lines(month, events, head, claim_of)
        diagnoses = self._diagnoses(month, events, head, claim_of, random)
        return self._frames(month, head, lines, diagnoses)

    def heads(self, month: int, events: Events) -> tuple[Heads, Ints]:
        """Whose receipts the events of a month make, and by part (0: the first card of a stay, 1: the second) and
        event the number of its receipt (-1: none)."""
        visits = _parts_by_card(self.coverage, events.columns())
        card = self.coverage.at(visits["person"], visits["day"])
        visits = {name: column[card >= 0] for name, column in visits.items()}
        card = card[card >= 0]
        inpatient = visits["admission"] > -1
        keys, claim = np.unique((card * PLACES + visits["institution"]) * 2 + inpatient, return_inverse=True)
        n = len(keys)
        day, stay_day, admission = np.full(n, 1 << 40), np.zeros(n, dtype=np.int64), np.full(n, -1)
        np.minimum.at(day, claim, visits["day"])
        np.maximum.at(stay_day, claim, visits["stay_day"])
        np.maximum.at(admission, claim, visits["admission"])
        length = first_day(month + 1) - first_day(month)
        days = np.minimum(np.bincount(claim, visits["days"], n).astype(np.int64), length)
        in_month, is_inpatient = day - first_day(month), keys % 2 == 1
        head = Heads(
            card=keys // (2 * PLACES),
            institution=keys // 2 % PLACES,
            is_inpatient=is_inpatient,
            days=days,
            chronic=np.bincount(claim, 1 - visits["acute"], n) > 0,
            day=day,
            stay_day=stay_day,
            admission=admission,
            visit_days=np.where(
                is_inpatient, daybits.in_a_row(in_month, days, length), daybits.spread(in_month, days, length)
            ),
        )
        claim_of = np.full((2, events.size), -1)
        claim_of[visits["part"], visits["event"]] = claim
        return head, claim_of

    def with_bundles(self, events: Events, head: Heads, claim_of: Ints, wanted: Mask) -> Mask:
        """Which receipts have a line of one of the ``wanted`` bundles (by bundle) in them."""
        event, bundle, _ = events.rows(events.bundles)
        is_wanted = wanted[bundle]
        again = is_wanted & self.is_daily_bundle[bundle]
        found = np.zeros(len(head.card) + 1, bool)
        found[claim_of[0][event[is_wanted]]] = True
        found[claim_of[1][event[again]]] = True
        return found[:-1]  # -1, no receipt, is the last

    def _lines(self, month: int, events: Events, head: Heads, claim_of: Ints) -> pl.DataFrame:
        """Lines of all receipts in their order: claim, item, points (-1 inside a group), times."""
        event, bundle, prescribed = events.rows(events.bundles)
        first_part, second_part = claim_of[0][event], claim_of[1][event]
        again = (second_part >= 0) & self.is_daily_bundle[bundle]
        basic = list(self._basic_fees(month, head))
        claim = np.concatenate([first_part, second_part[again], *[who for who, _ in basic]])
        bundle = np.concatenate([bundle, bundle[again], *[np.full(len(who), self.book.bundle[b]) for who, b in basic]])
        prescribed = np.concatenate([prescribed, prescribed[again], *[np.zeros(len(who), int) for who, _ in basic]])
        # The same bundle twice on one receipt is one: two visits for one cold, two conditions at one doctor.
        _, single = np.unique(claim * 1000 + bundle, return_index=True)
        single = single[claim[single] >= 0]
        claim, bundle, prescribed = claim[single], bundle[single], prescribed[single]
        lines = self.book.lines
        count = lines.count[bundle]
        row = np.repeat(lines.first[bundle] - (np.cumsum(count) - count), count) + np.arange(count.sum())
        claim, item = np.repeat(claim, count), lines.item[row]
        times = self._times(lines.rule[row], lines.factor[row], head, claim, np.repeat(prescribed, count))
        points = lines.points[row]
        if month < JUNE_2024:
            points = np.where(item == self.meal, MEAL_YEN_BEFORE, points)
        keep = times > 0
        claim, item, times, points = claim[keep], item[keep], times[keep], points[keep]
        order = np.lexsort((self.category[item], claim))
        return pl.DataFrame(
            {"claim": claim[order], "item": item[order], "points": points[order], "times": times[order]}
        )

    def _basic_fees(self, month: int, head: Heads) -> list[tuple[Ints, str]]:
        """初診・再診; for a child under six with a new illness 小児科外来診療料."""
        age = age_at(self.people.birth[self.coverage.person[head.card]], first_day(month))
        out = ~head.is_inpatient
        child = out & ~head.chronic & (age < 6)
        new = out & ~head.chronic & ~child
        return [
            (np.flatnonzero(child), "child_first"),
            (np.flatnonzero(child & (head.days > 1)), "child_revisit"),
            (np.flatnonzero(new), "first"),
            (np.flatnonzero(new & (head.days > 1)), "revisit_plain"),
            (np.flatnonzero(out & head.chronic), "revisit"),
        ]

    def _times(self, rule: Ints, factor: Ints, head: Heads, claim: Ints, prescribed: Ints) -> Ints:
        """回数 by the rules of ``catalogue``, in their order."""
        days = head.days[claim]
        visits = np.where(head.chronic[claim], days, np.maximum(days - 1, 1))
        of_stay = np.clip(factor - head.stay_day[claim], 0, days)
        return np.select(
            [rule == number for number in range(7)],
            [
                factor, visits * factor, np.maximum(prescribed, 1), days * factor, of_stay,
                (days + 6) // 7 * factor, np.maximum(days * 3 - 2, 1),
            ],
        )  # fmt: skip

    def _diagnoses(
        self, month: int, events: Events, head: Heads, claim_of: Ints, random: np.random.Generator
    ) -> pl.DataFrame:
        """Diseases of all receipts in their order; a receipt has one at least."""
        event, disease, since = events.rows(events.diseases)
        parts = [(claim_of[p][event], disease, since) for p in (0, 1)]
        n = len(head.card)
        noise = self.settings.noise
        doubt = np.flatnonzero(random.random(n) < noise.suspected_disease)
        parts.append((doubt, self.suspected[random.integers(0, len(self.suspected), len(doubt))], head.day[doubt]))
        known = sum(len(part[0]) for part in parts[:2])
        claim, disease, since = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        is_suspected = np.arange(len(claim)) >= known
        none = np.setdiff1d(np.arange(n), claim[:known])
        claim = np.append(claim, none)
        disease = np.append(disease, np.full(len(none), self.book.disease[GENERAL_DISEASE]))
        since, is_suspected = np.append(since, head.day[none]), np.append(is_suspected, np.zeros(len(none), bool))
        _, single = np.unique((claim * 2000 + disease) * 2 + is_suspected, return_index=True)
        single = np.sort(single[claim[single] >= 0])
        claim, disease, since, is_suspected = claim[single], disease[single], since[single], is_suspected[single]
        order = np.lexsort((np.arange(len(claim)), is_suspected, claim))
        has_main = fixed(self.settings.seed, "main", head.card, month) < MAIN_SHARE
        return pl.DataFrame(
            {
                "claim": claim[order],
                "disease": disease[order],
                "since": np.minimum(since, head.day[claim])[order],
                "is_suspected": is_suspected[order],
                "is_uncoded": random.random(len(claim)) < noise.uncoded_disease,
                "outcome": np.where(random.random(len(claim)) < 0.08, "2", "1"),
                "has_main": has_main[claim][order],
            }
        ).with_columns(sequence_number=pl.int_range(pl.len()).over("claim") + 1)

    def _frames(self, month: int, head: Heads, lines: pl.DataFrame, diagnoses: pl.DataFrame) -> Receipts:
        n = len(head.card)
        claim, item, points, times = (lines[c].to_numpy() for c in ("claim", "item", "points", "times"))
        yen = self.is_yen[item]
        counted = (points >= 0) & ~yen

        def total(mask: Mask, weights: Ints) -> pl.Series:
            return pl.Series(np.bincount(claim[mask], weights[mask], n).astype(np.int64))

        adjudicated = month_date(month + 1)
        meals, meal_yen = total(yen, times), total(yen, points * times)
        on_dialysis = pl.Series(np.bincount(claim[item == self.dialysis], minlength=n) > 0)
        sum_points = total(counted, points * times)
        inpatient = pl.col("is_inpatient")
        claims = self.people_of(month, head).with_columns(
            source_row=pl.int_range(pl.len()) + month * KEYS_A_MONTH,
            has_search_number=pl.lit(True),
            receipt_number=pl.int_range(pl.len()) + 1,
            service_month=pl.lit(month_date(month)),
            adjudication_month=pl.lit(adjudicated),
            version_number=pl.lit(1),
            is_withdrawn=pl.lit(False),
            days_count=pl.Series(head.days),
            points=sum_points,
            original_points=sum_points,
            line_points=sum_points,
            meal_count=pl.when(inpatient).then(meals),
            meal_yen=pl.when(inpatient).then(meal_yen),
            claim_kind_code=pl.lit("medical"),
            prescribing_institution_code=pl.lit(None),
            prescription_count=pl.lit(None),
            visit_days_code=pl.Series(head.visit_days),
            is_summary=pl.lit(False),
            summary_code=pl.lit(None),
            is_public_only=pl.lit(False),
            special_note_codes=pl.when(on_dialysis).then(pl.lit(LONG_ILLNESS_NOTE)),
            search_number=pl.lit(adjudicated.strftime("%Y%m"))
            + pl.col("institution_code")
            + (pl.int_range(pl.len()) + self.serial).cast(pl.String).str.zfill(14),
        )
        self.serial += n
        service = month_date(month)
        return Receipts(
            with_extras(claims).select(CLAIM_COLUMNS),
            self._diagnosis_frame(diagnoses, claims).with_columns(service_month=pl.lit(service)).select(
                DIAGNOSIS_COLUMNS
            ),
            self._item_frame(lines, claims, head).with_columns(service_month=pl.lit(service)).select(ITEM_COLUMNS),
        )  # fmt: skip

    def people_of(self, month: int, head: Heads) -> pl.DataFrame:
        """What the card and the desk say of the patient."""
        people, person = self.people, self.coverage.person[head.card]
        day0 = first_day(month)
        card = self.coverage.records.select(
            "scheme_code", "insurer_number", "symbol", "number", "branch", "coverage", "prefecture"
        )[head.card]
        koki = card["coverage"].to_numpy() == KOKI
        old = koki | (age_at(people.birth[person], day0) >= 70)
        # 未就学: until the 31 March after the sixth birthday.
        preschool = age_at(people.birth[person], first_day(month - (month - 3) % 12) - 1) < 6
        income = fixed(self.settings.seed, "income", people.household[person])
        rich = income > 0.93
        some = koki & (income > 0.75) & (month >= OCTOBER_2022)
        family = people.household[person] != person
        last = np.select([old & rich, old, preschool, family], [9, 7, 3, 5], default=1) + ~head.is_inpatient
        rate = np.select([old & rich, some, koki, old | preschool], [70, 80, 90, 80], default=70)
        frame = pl.DataFrame(
            {
                "person": person,
                "birth_date": people.birth[person].astype("datetime64[D]"),
                "sex_code": np.where(people.sex[person] == 1, "1", "2"),
                "is_inpatient": head.is_inpatient,
                "institution_code": self.institution_code.gather(head.institution),
                "admission_date": head.admission.astype("datetime64[D]"),
                "claim_type_code": np.char.add(np.where(koki, "131", "111"), (last % 10).astype(str)),
                "benefit_rate": rate,
            }
        )
        kanji, kana = name_columns(self.coverage.surname_on(head.card, head.day), people.given[person])
        return frame.hstack(card.drop("coverage")).with_columns(
            kanji,
            kana,
            site=pl.col("prefecture").cast(pl.String).str.zfill(2),
            admission_date=pl.when("is_inpatient").then("admission_date"),
        )

    def _diagnosis_frame(self, diagnoses: pl.DataFrame, claims: pl.DataFrame) -> pl.DataFrame:
        uncoded = pl.col("is_uncoded") & ~pl.col("is_suspected")
        names = pl.Series(list(self.book.disease))
        return diagnoses.with_columns(
            scheme_code=claims["scheme_code"].gather(diagnoses["claim"]),
            insurer_number=claims["insurer_number"].gather(diagnoses["claim"]),
            source_row=pl.int_range(pl.len()),
            parent_source_row=pl.lit(claims["source_row"]).gather(pl.col("claim")),
            disease_code=pl.when(uncoded).then(pl.lit(UNCODED)).otherwise(
                pl.lit(pl.Series(self.book.disease_code)).gather(pl.col("disease"))
            ),
            disease_name=pl.when(uncoded).then(pl.lit(names).gather(pl.col("disease"))),
            start_date=pl.col("since").cast(pl.Int32).cast(pl.Date),
            outcome_code=pl.col("outcome"),
            modifier_codes=pl.when("is_suspected").then(pl.lit(SUSPECTED_MODIFIER)),
            icd10_code=pl.lit(None),
            disease_class_code=pl.lit(None),
            is_main=(pl.col("sequence_number") == 1) & pl.col("has_main") & ~pl.col("is_suspected"),
        )  # fmt: skip

    def _item_frame(self, lines: pl.DataFrame, claims: pl.DataFrame, head: Heads) -> pl.DataFrame:
        items = self.book.items
        item = lines["item"]
        claim, times = lines["claim"].to_numpy(), lines["times"].to_numpy()
        # A prescription is of one day, whatever the days it is for.
        at_once = self.is_prescribed[item.to_numpy()] & ~head.is_inpatient[claim]
        days = daybits.lowest(head.visit_days[claim], np.where(at_once, 1, times))
        return lines.with_columns(
            scheme_code=claims["scheme_code"].gather(lines["claim"]),
            insurer_number=claims["insurer_number"].gather(lines["claim"]),
            source_row=pl.int_range(pl.len()),
            parent_source_row=pl.lit(claims["source_row"]).gather(pl.col("claim")),
            sequence_number=pl.int_range(pl.len()).over("claim") + 1,
            item_kind_code=items["kind_code"].gather(item),
            item_code=items["item_code"].gather(item),
            category_code=items["category_code"].gather(item),
            burden_code=pl.lit("1"),
            quantity=items["quantity"].gather(item),
            points=pl.when(pl.col("points") >= 0).then("points"),
            times_count=pl.col("times"),
            days_code=pl.Series(days),
            line_number=pl.int_range(pl.len()).over("claim") + 1,
        )


def _parts_by_card(coverage: Coverage, visits: dict[str, Ints]) -> dict[str, Ints]:
    """Visits with ``event`` and ``part``; a stay in which the card changes becomes two parts."""
    visits = visits | {
        "event": np.arange(len(visits["person"])),
        "part": np.zeros(len(visits["person"]), dtype=np.int64),
    }
    last = visits["day"] + visits["days"] - 1
    ending = coverage.at(visits["person"], last)
    change = coverage.start[np.maximum(ending, 0)]
    split = (visits["admission"] > -1) & (ending >= 0) & (change > visits["day"]) & (change <= last)
    rest = {name: column[split] for name, column in visits.items()}
    begins = change[split]
    rest["part"] = rest["part"] + 1
    rest["days"] = rest["day"] + rest["days"] - begins
    rest["stay_day"] = rest["stay_day"] + begins - rest["day"]
    rest["day"] = begins
    visits["days"] = np.where(split, change - visits["day"], visits["days"])
    return {name: np.concatenate([column, rest[name]]) for name, column in visits.items()}
