"""Receipts and care claims of all months as forms: who has one, and how it names the person.

Month by month the receipts are packed into one number each (card, surname, slips), equal ones counted; only the
distinct numbers become rows. So a year of millions of receipts needs the room of its forms.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.progress import ProgressCallback
from ingest.synth.identity_noise import IMPOSSIBLE_SEX, written_births, written_names
from ingest.synth.noise import LATE, claim_slips, noisy_care
from ingest.synth.sent import following_care, last_delivery, parted_care
from ingest.synth.settings import SynthSettings
from ingest.synth.world.all_kinds import AllKinds
from ingest.synth.world.care import CareClaims
from ingest.synth.world.care_lines import high_costs
from ingest.synth.world.care_use import CareUse
from ingest.synth.world.catalogue import catalogue
from ingest.synth.world.chance import Dice
from ingest.synth.world.clock import first_day, month_of
from ingest.synth.world.naming import name_columns, surnames
from ingest.synth.world.receipts import ReceiptMaker
from ingest.synth.world.whole import World

Ints = NDArray[np.int64]
WARM_UP_MONTHS = 4
MONTHS_AT_A_TIME = 6  # months whose packed receipts are held before they are counted together
_SLIPS = {"slip_kana": 2, "slip_half": 2, "slip_blank": 3, "slip_birth": 3, "slip_branch": 2}
_CARE_FORM = ["person", "site", "scheme_code", "insurer_number", "number", "birth_date", "sex_code"]


def claim_forms(world: World, care: CareClaims, tell: ProgressCallback) -> dict[str, pl.DataFrame]:
    """The forms of ``claim``, ``care_claim`` and ``care_high_cost``, with ``person``, ``site``, ``rows`` and the first
    month as ``service_month``."""
    settings = world.settings
    months = range(month_of(settings.first_claim_month), month_of(settings.reference_month) + 1)
    use = CareUse(settings, world.towns, world.people, world.lives, world.health, world.institutions)
    maker = AllKinds(
        ReceiptMaker(settings, world.people, world.coverage, world.institutions, catalogue()), world.institutions
    )
    packed, held = _nothing(), []
    desk = _CareDesk(settings)
    for step, month in enumerate(range(months[0] - WARM_UP_MONTHS, months[-1] + 1)):
        tell("診療月", step, len(months) + WARM_UP_MONTHS)
        insured, town = world.coverage.in_month(first_day(month), first_day(month + 1))
        events = use.month(month, insured, town)
        if month < months[0]:
            continue  # who lies in hospital when the first month begins
        held.append(_packed(world, month, maker.named(month, events, insured, town)))
        if len(held) == MONTHS_AT_A_TIME or month == months[-1]:
            packed, held = _counted([packed, *held]), []
        desk.take(month, *care.month(month, use.hospital.away))
    return {"claim": _written(world, packed)} | desk.forms()


class _CareDesk:
    """給付実績 of one month after another, as they are delivered, kept as forms."""

    def __init__(self, settings: SynthSettings) -> None:
        self._settings = settings
        self._waiting: dict[int, list[pl.DataFrame]] = {}
        self._claims: list[pl.DataFrame] = []
        self._high_costs: list[pl.DataFrame] = []

    def take(self, month: int, claims: pl.DataFrame, services: pl.DataFrame) -> None:
        """The claims of a month of service; what is due in the month after it is counted."""
        dice = Dice(self._settings.seed, "noise care", claims["source_row"])
        for due, (rows, _) in noisy_care(month + 1, claims, services, self._settings.noise, dice):
            self._waiting.setdefault(due, []).append(rows)
        delivery = month + 1
        whole = pl.concat(self._waiting.pop(delivery))
        self._claims.append(whole.group_by(*_CARE_FORM, "service_month").agg(rows=pl.len().cast(pl.Int64)))
        for rows in whole.partition_by("site", maintain_order=True):
            sent, early = parted_care(rows, delivery)
            if not early.is_empty():
                self._waiting.setdefault(delivery + 1, []).append(following_care(early, delivery))
            self._high_costs.append(_of_nobody_known(sent))

    def forms(self) -> dict[str, pl.DataFrame]:
        """The forms of ``care_claim``, and those of ``care_high_cost`` that no claim has."""
        counted = pl.col("service_month").min(), pl.col("rows").sum()
        return {
            name: pl.concat(parts).group_by(_CARE_FORM).agg(*counted)
            for name, parts in (("care_claim", self._claims), ("care_high_cost", self._high_costs))
        }


def _of_nobody_known(claims: pl.DataFrame) -> pl.DataFrame:
    """High-cost payments in a file of care claims of whose insured no claim there can be read: they name neither
    birth nor sex. All others name whom a claim names."""
    insured = ["insurer_number", "number"]
    readable = claims.filter(pl.col("sex_code") != IMPOSSIBLE_SEX).select(insured).unique()
    persons = claims.select(*insured, "person", "site").unique(insured, keep="first", maintain_order=True)
    unknown = high_costs(claims).join(readable, on=insured, how="anti").join(persons, on=insured)
    blank = [pl.lit(None, unknown.schema[name]).alias(name) for name in ("birth_date", "sex_code")]
    return unknown.with_columns(blank).group_by(*_CARE_FORM, "service_month").agg(rows=pl.len().cast(pl.Int64))


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema={"code": pl.Int64(), "rows": pl.Int64(), "month": pl.Int64()})


def _counted(parts: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).group_by("code").agg(pl.col("rows").sum(), pl.col("month").min())


def _packed(world: World, month: int, named: pl.DataFrame) -> pl.DataFrame:
    """The receipts of a month that reach the center, as numbers; those sent again name nobody anew."""
    settings = world.settings
    slips = claim_slips(settings.noise, Dice(settings.seed, "noise claims", named["source_row"]))
    rows = named.hstack(slips)
    is_usual = ~pl.col("in_set")
    never_sent = is_usual & (pl.col("slip_fate") == LATE) & (month + 1 + pl.col("slip_late") > last_delivery(settings))
    foreign = is_usual & (pl.col("slip_outside") | pl.col("slip_public"))
    impossible = is_usual & pl.col("slip_days") & pl.col("has_days")
    rows = rows.filter(~(never_sent | foreign | impossible))
    card, day = rows["card"].to_numpy(), rows["day"].to_numpy()
    code = card * surnames().height + world.coverage.surname_on(card, day)
    for slip, values in _SLIPS.items():
        code = code * values + rows[slip].cast(pl.Int64).to_numpy()
    found = pl.DataFrame({"code": code}).group_by("code").agg(rows=pl.len().cast(pl.Int64))
    return found.with_columns(month=pl.lit(month, pl.Int64))


def _written(world: World, packed: pl.DataFrame) -> pl.DataFrame:
    """The rows that the numbers stand for, written with their slips."""
    code = packed["code"].to_numpy()
    slips: dict[str, pl.Series] = {}
    for slip, values in reversed(_SLIPS.items()):
        slips[slip] = pl.Series(code % values)
        code = code // values
    card, surname = code // surnames().height, code % surnames().height
    person = world.coverage.person[card]
    _, kana = name_columns(surname, world.people.given[person])
    cards = world.coverage.records.select(
        "scheme_code", "insurer_number", "symbol", "number", "branch", "prefecture", "person"
    )[card]
    frame = cards.with_columns(
        kana,
        slips["slip_kana"].cast(pl.Boolean).alias("slip_kana"),
        slips["slip_half"].cast(pl.Boolean).alias("slip_half"),
        slip_kanji=pl.lit(False),  # the name in kanji is in no token
        slip_blank=slips["slip_blank"],
        slip_birth=slips["slip_birth"],
        branch=pl.when(slips["slip_branch"] == 0).then("branch"),
        site=pl.col("prefecture").cast(pl.String).str.zfill(2),
        birth_date=pl.Series(world.people.birth[person].astype("datetime64[D]")),
        sex_code=pl.Series(world.people.sex[person]).cast(pl.String),
        rows=packed["rows"],
        service_month=pl.Series(packed["month"].to_numpy().astype("datetime64[M]").astype("datetime64[D]")),
    )
    return written_births(written_names(frame)).drop("prefecture")
