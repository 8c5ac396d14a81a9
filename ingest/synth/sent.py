"""What insurers send of what they know, in which month, and with which slips: 資格, 健診 and 認定.

The rows that stand in the files, before they are cut into files: what the writers write, and what evaluation
(``ingest.evaluation``) takes without any file.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from ingest.synth.calibration import warehouse_seed
from ingest.synth.identity_noise import (
    full_width_numbers,
    half_width,
    impossible_sex,
    noisy_names,
    strangers,
    wrong_births,
)
from ingest.synth.settings import SynthSettings
from ingest.synth.world.chance import Dice, pick
from ingest.synth.world.clock import month_date, month_of

CHECKUP_LATE = (0.04, 0.02, 0.01)
"""Shares of examinations that come one, two, three months late."""
AGAIN_DELETED_SHARE = 0.2  # of examinations sent again, to be deleted
STRUCK_OUT_SHARE = 0.3  # of corrected certifications, those deleted (3)
AS_CLAIMED_EVERY = 4  # months of delivery in which one insurer's care comes as 請求明細書 only
_RECORD = ["scheme_code", "insurer_number", "symbol", "number", "branch", "applied_start_date"]


def first_delivery(settings: SynthSettings) -> int:
    """The first month of delivery: all that is older comes with it."""
    return month_of(settings.first_claim_month) + 1


def last_delivery(settings: SynthSettings) -> int:
    """The last month of delivery."""
    return month_of(settings.reference_month) + 1


def delivery_after(day: pl.Expr, settings: SynthSettings) -> pl.Expr:
    """The month of delivery of what happened on a day: that after it, at least the first."""
    month = (day.dt.year().cast(pl.Int64) - 1970) * 12 + day.dt.month()
    return pl.max_horizontal(month, pl.lit(first_delivery(settings)))


def sent_enrolment(settings: SynthSettings, versions: pl.DataFrame) -> pl.DataFrame:
    """資格 of ``make_enrolment`` with ``site`` and ``delivery``: the first month in full (what stood in the first
    fiscal year or later), then what changed."""
    dice = Dice(settings.seed, "noise enrolment", versions["source_row"])
    versions = noisy_names(versions, settings.noise, dice)
    versions = _as_the_office_writes(settings, impossible_sex(versions, settings.noise, dice))
    first = first_delivery(settings)
    is_koki = pl.col("scheme_code") == "koki"
    versions = versions.with_columns(
        site=pl.when(is_koki).then(pl.col("insurer_number").str.slice(2, 2)).otherwise(
            pl.col("insurer_number").str.slice(0, 2)
        ),
        delivery=delivery_after(pl.col("processed_date"), settings),
    )  # fmt: skip
    since = date(settings.first_fiscal_year, 4, 1)
    full = versions.filter(pl.col("delivery") == first).unique(_RECORD, keep="last", maintain_order=True)
    full = full.filter(pl.col("applied_end_date").is_null() | (pl.col("applied_end_date") >= since))
    sent = pl.concat([full, versions.filter(pl.col("delivery") > first)])
    return strangers(sent, settings.noise, Dice(settings.seed, "noise enrolment", sent["source_row"]))


def sent_exams(settings: SynthSettings, exams: pl.DataFrame) -> pl.DataFrame:
    """Examinations with ``delivery``; some come late, some again (under a ``source_row`` higher by one more than there
    are) with other values or to be deleted."""
    rates, last = settings.noise, last_delivery(settings)
    dice = Dice(settings.seed, "noise checkups", exams["source_row"])
    late = pl.Series(pick(dice.roll("late"), np.array([1 - sum(CHECKUP_LATE), *CHECKUP_LATE])))
    in_time = delivery_after(pl.col("exam_date"), settings)
    exams = exams.with_columns(delivery=pl.min_horizontal(in_time + late, pl.lit(last)))
    again = exams.filter(pl.Series(dice.befalls("again", rates.checkup_corrected))).filter(
        pl.col("delivery") + 2 <= last
    )
    deleted = Dice(settings.seed, "noise checkups", again["source_row"]).befalls("deleted", AGAIN_DELETED_SHARE)
    key = exams.height + 1
    again = again.with_columns(
        source_row=pl.col("source_row") + key,
        data_number=pl.col("data_number") + key,
        delivery=pl.col("delivery") + 2,
        is_deleted=pl.Series(deleted),
    )
    exams = pl.concat([exams, again])
    dice = Dice(settings.seed, "noise checkups", exams["source_row"])
    exams = full_width_numbers(wrong_births(exams, rates, dice), rates, dice)
    return strangers(impossible_sex(exams, rates, dice), rates, dice)


def sent_results(results: pl.DataFrame, exams: pl.DataFrame, sent: pl.DataFrame) -> pl.DataFrame:
    """The results of examinations and of those sent again, which have other values."""
    key = exams.height + 1
    again = sent.filter(pl.col("source_row") >= key).select(parent_source_row="source_row")
    repeated = results.with_columns(parent_source_row=pl.col("parent_source_row") + key).join(
        again, on="parent_source_row", how="semi", maintain_order="left"
    )
    repeated = repeated.with_columns(
        numeric_value=pl.when(pl.col("item_id").is_in(["weight", "systolic"])).then(pl.col("numeric_value") + 2)
        .otherwise("numeric_value")
    )  # fmt: skip
    return pl.concat([results, repeated])


def sent_guidance(settings: SynthSettings, guidance: pl.DataFrame) -> pl.DataFrame:
    """Reports of guidance with ``delivery``; what is told after the last month of delivery is not sent."""
    guidance = guidance.with_columns(delivery=delivery_after(pl.col("told"), settings))
    return guidance.filter(pl.col("delivery") <= last_delivery(settings))


def sent_certifications(settings: SynthSettings, events: pl.DataFrame) -> pl.DataFrame:
    """Notices with ``delivery``; a few are corrected (修正) or struck out (削除) later."""
    rates, first = settings.noise, first_delivery(settings)
    dice = Dice(settings.seed, "noise certification", events["source_row"])
    notified = pl.col("notified").cast(pl.Int32).cast(pl.Date)
    events = _as_the_office_writes(settings, noisy_names(events, rates, dice)).with_columns(
        delivery=delivery_after(notified, settings)
    )
    struck = pl.Series(dice.befalls("struck out", STRUCK_OUT_SHARE))
    wrong = events.with_columns(struck=struck).filter(
        pl.Series(dice.befalls("corrected", rates.certification_corrected)) & (pl.col("event_code") == "2")
    )
    corrected = wrong.with_columns(
        corrected_date=pl.col("event_date").dt.offset_by("75d"),
        correction_code=pl.when("struck").then(pl.lit("3")).otherwise(pl.lit("2")),
        care_level_code=pl.lit("22"),
        delivery=pl.max_horizontal(pl.col("delivery") + 3, pl.lit(first + 1)),
    ).drop("struck")
    sent = pl.concat([events, corrected]).filter(pl.col("delivery") <= last_delivery(settings))
    # A notice and its correction are two rows.
    return impossible_sex(sent, rates, Dice(settings.seed, "noise sent certification", np.arange(sent.height)))


def _as_the_office_writes(settings: SynthSettings, frame: pl.DataFrame) -> pl.DataFrame:
    """Names in half-width kana where the insurer is one of ``Upheavals.half_width_office``."""
    office = settings.upheavals.half_width_office
    if office is None:
        return frame
    insurers = warehouse_seed("insurer_municipality").filter(municipality_code=office)
    is_own = pl.col("insurer_number").is_in(insurers["insurer_number"].implode())
    kana = pl.col("name_kana")
    return frame.with_columns(name_kana=pl.when(is_own).then(half_width(kana)).otherwise(kana))


def parted_care(claims: pl.DataFrame, delivery: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Care claims of a site and month of delivery as 給付実績, and those that come as 請求明細書 alone: of one
    insurer in some months; corrections never do."""
    insurer = claims["insurer_number"].mode().sort()[0]
    is_new = (pl.col("creation_code") == "1") & (pl.col("service_month") == month_date(delivery - 1))
    is_early = is_new & (pl.col("insurer_number") == insurer) & ~pl.col("is_purchase")
    early = claims.filter(is_early & (delivery % AS_CLAIMED_EVERY == 0))
    return claims.join(early, on="source_row", how="anti", maintain_order="left"), early


def following_care(early: pl.DataFrame, delivery: int) -> pl.DataFrame:
    """The 給付実績 that follow 請求明細書 a month later: of every second one."""
    return early.gather_every(2).with_columns(adjudication_month=pl.lit(month_date(delivery + 1)))
