"""Receipts of dentists: members under treatment in a month, by age, with what was done there."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.synth.calibration import curve, seed
from ingest.synth.world import daybits
from ingest.synth.world.catalogue import CLINICS
from ingest.synth.world.chance import fixed, pick, stream
from ingest.synth.world.clock import age_at, first_day, month_date
from ingest.synth.world.institutions import Institutions
from ingest.synth.world.receipts import (
    CLAIM_COLUMNS,
    DIAGNOSIS_COLUMNS,
    ITEM_COLUMNS,
    KEYS_A_MONTH,
    Heads,
    ReceiptMaker,
    Receipts,
    with_extras,
)  # fmt: skip
from ingest.synth.world.totals import with_points

Ints = NDArray[np.int64]
DENTIST = CLINICS.index("dental")
DENTAL_KEYS = 2_000_000
COURSE_FACTOR, COURSE_MONTH_SHARE = 1.6, 0.625
"""A course of treatment lasts a quarter: this times as many are in one, and come in this share of its months."""
FIRST, REVISIT = "dental_first", "dental_revisit"


class DentalMaker:
    """Makes the dental receipts of a month."""

    def __init__(self, maker: ReceiptMaker, institutions: Institutions) -> None:
        self.maker, self.institutions = maker, institutions
        self.seed = maker.settings.seed
        self.procedures = seed("dental").with_row_index("procedure_number")
        self.diseases = seed("dental_diseases")

    def month(self, month: int, insured: Ints, town: Ints) -> Receipts:
        """Receipts of the insured persons (and their towns) of a 診療月."""
        head = self.heads(month, insured, town)
        n = len(head.card)
        claims = self.maker.people_of(month, head).with_columns(
            source_row=pl.int_range(pl.len()) + month * KEYS_A_MONTH + DENTAL_KEYS,
            has_search_number=pl.lit(True),
            receipt_number=pl.int_range(pl.len()) + 1,
            service_month=pl.lit(month_date(month)),
            adjudication_month=pl.lit(month_date(month + 1)),
            version_number=pl.lit(1),
            is_withdrawn=pl.lit(False),
            days_count=pl.Series(head.days, dtype=pl.Int64),
            visit_days_code=pl.Series(head.visit_days, dtype=pl.Int64),
            claim_kind_code=pl.lit("dental"),
            claim_type_code=pl.lit("3") + pl.col("claim_type_code").str.slice(1),
            is_summary=pl.lit(False),
            is_public_only=pl.lit(False),
            search_number=pl.lit(month_date(month + 1).strftime("%Y%m"))
            + pl.col("institution_code")
            + (pl.int_range(pl.len()) + month * KEYS_A_MONTH).cast(pl.String).str.zfill(14),
            **{
                name: pl.lit(None)
                for name in (
                    "prescribing_institution_code", "prescription_count", "summary_code", "special_note_codes",
                    "points", "original_points", "line_points", "meal_count", "meal_yen",
                )
            },
        )  # fmt: skip
        items = self._items(month, head, claims)
        diagnoses = self._diagnoses(head, claims, n)
        claims = with_points(with_extras(claims).select(CLAIM_COLUMNS), items, Receipts(claims, claims, items).records)
        return Receipts(claims, diagnoses, items)

    def heads(self, month: int, insured: Ints, town: Ints) -> Heads:
        """Who comes, to whom and on which days."""
        random = stream(self.seed, "dental", month)
        length = first_day(month + 1) - first_day(month)
        age = age_at(self.maker.people.birth[insured], first_day(month))
        share = curve("dental_use", "visit_share_month", age)
        in_course = fixed(self.seed, "dental course", insured, month // 3) < share * COURSE_FACTOR
        at = np.flatnonzero(in_course & (random.random(len(insured)) < COURSE_MONTH_SHARE))
        start = random.integers(0, length, len(at))
        card = self.maker.coverage.at(insured[at], first_day(month) + start)
        at, start, card = at[card >= 0], start[card >= 0], card[card >= 0]
        days = 1 + random.binomial(3, 0.25, len(at))
        return Heads(
            card=card,
            institution=self.institutions.choose(town[at], DENTIST, fixed(self.seed, "dentist", insured[at])),
            is_inpatient=np.zeros(len(at), bool),
            days=days,
            chronic=np.zeros(len(at), bool),
            day=first_day(month) + start,
            stay_day=np.zeros(len(at), dtype=np.int64),
            admission=np.full(len(at), -1),
            visit_days=daybits.spread(start, days, length),
        )

    def _items(self, month: int, head: Heads, claims: pl.DataFrame) -> pl.DataFrame:
        random = stream(self.seed, "dental lines", month)
        n = len(head.card)
        first = random.random(n) < self.procedures.filter(procedure=FIRST)["share"].item()
        parts = []
        for row in self.procedures.iter_rows(named=True):
            name, number = row["procedure"], row["procedure_number"]
            chosen = first if name == FIRST else random.random(n) < row["share"]
            times = head.days - first if name == REVISIT else np.where(row["per_visit"] == 1, head.days, 1)
            who = np.flatnonzero(chosen & (times > 0))
            parts.append((who, np.full(len(who), number), times[who]))
        claim, number, times = (np.concatenate(column) for column in zip(*parts, strict=True))
        base = pl.DataFrame(
            {
                "claim": claim,
                "procedure_number": number.astype(np.uint32),
                "times_count": times,
                "days_code": daybits.lowest(head.visit_days[claim], times),
                "part": np.zeros(len(claim), dtype=np.int64),
            }
        ).join(
            self.procedures.select(
                "procedure_number", "item_code", "category_code", "kind_code", "points", "additions",
                quantity=pl.col("quantity").cast(pl.Float64),
            ),
            on="procedure_number", how="left",
        )  # fmt: skip
        added = (
            base.filter(pl.col("additions").is_not_null())
            .with_columns(pl.col("additions").str.split("|"))
            .explode("additions")
            .with_columns(
                item_code=pl.col("additions").str.extract(r"^(\d+):"),
                quantity=pl.col("additions").str.extract(r":(\d+)$").cast(pl.Float64),
                part=pl.lit(1, pl.Int64),
                **{name: pl.lit(None) for name in ("points", "times_count", "days_code")},
            )
        )
        lines = pl.concat([base, added.select(pl.col(c).cast(t) for c, t in base.schema.items())])
        lines = lines.sort("claim", "procedure_number", "part", "item_code")
        return lines.with_columns(
            pl.lit(claims[name]).gather(pl.col("claim")).alias(name)
            for name in ("scheme_code", "insurer_number", "service_month")
        ).with_columns(
            source_row=pl.int_range(pl.len()),
            parent_source_row=pl.lit(claims["source_row"]).gather(pl.col("claim")),
            sequence_number=pl.int_range(pl.len()).over("claim") + 1,
            line_number=pl.col("procedure_number").cast(pl.Int64) + 1,
            item_kind_code=pl.col("kind_code"),
            burden_code=pl.lit("1"),
        ).select(ITEM_COLUMNS)  # fmt: skip

    def _diagnoses(self, head: Heads, claims: pl.DataFrame, n: int) -> pl.DataFrame:
        person = self.maker.coverage.person[head.card]
        weights = self.diseases["weight"].cast(pl.Float64).to_numpy()
        main = pick(fixed(self.seed, "tooth", person), weights)
        other = pick(fixed(self.seed, "second tooth", person), weights)
        second = np.flatnonzero(other != main)
        claim = np.concatenate([np.arange(n), second])
        rows = pl.DataFrame(
            {
                "claim": claim,
                "disease": np.concatenate([main, other[second]]),
                "is_main": np.arange(len(claim)) < n,
                "day": head.day[claim] - (fixed(self.seed, "tooth since", person[claim]) * 60).astype(np.int64),
            }
        ).sort("claim", pl.col("is_main").not_())
        return rows.with_columns(
            pl.lit(claims[name]).gather(pl.col("claim")).alias(name)
            for name in ("scheme_code", "insurer_number", "service_month")
        ).with_columns(
            source_row=pl.int_range(pl.len()),
            parent_source_row=pl.lit(claims["source_row"]).gather(pl.col("claim")),
            sequence_number=pl.int_range(pl.len()).over("claim") + 1,
            disease_code=pl.lit(self.diseases["disease_code"]).gather(pl.col("disease")),
            start_date=pl.col("day").cast(pl.Int32).cast(pl.Date),
            outcome_code=pl.lit("1"),
            is_suspected=pl.lit(False),
            **{name: pl.lit(None) for name in ("disease_name", "icd10_code", "disease_class_code", "modifier_codes")},
        ).select(DIAGNOSIS_COLUMNS)  # fmt: skip
