"""Clerical noise at the named rates of ``NoiseRates``: what offices and insurers really send each other.

What befalls a receipt (``claim_slips``) is drawn from its key alone, before it has lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from ingest.synth.identity_noise import (
    NAME_SLIPS,
    OUTSIDE_KOKI,
    OUTSIDE_KOKUHO,
    birth_slips,
    completed,
    impossible_sex,
    name_slips,
    strangers,
    written_births,
    written_names,
)
from ingest.synth.settings import NoiseRates
from ingest.synth.world.chance import Dice, pick
from ingest.synth.world.clock import month_date
from ingest.synth.world.numbers import check_digits
from ingest.synth.world.totals import MEALS, with_points
from ingest.synth.writers.uke import RECORDS

OUTSIDE_EMPLOYEES = "01010016"  # 全国健康保険協会, of the public sample
MONTHS_LATE = np.array([0.5, 0.25, 0.12, 0.08, 0.05])


@dataclass(frozen=True)
class Parcel:
    """Claims of one delivery month with their lines; ``kind`` is what happened to them."""

    delivery: int
    kind: str  # base, late, repeated, corrected, withdrawn, returned
    claims: pl.DataFrame
    diagnoses: pl.DataFrame
    items: pl.DataFrame
    records: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=RECORDS))

    def of(self, mask: pl.Expr) -> Parcel:
        """The parcel of the claims that meet a condition."""
        claims = self.claims.filter(mask)
        keys = claims.select(parent_source_row="source_row")
        return Parcel(
            self.delivery, self.kind, claims,
            self.diagnoses.join(keys, on="parent_source_row", how="semi", maintain_order="left"),
            self.items.join(keys, on="parent_source_row", how="semi", maintain_order="left"),
            self.records.join(keys, on="parent_source_row", how="semi", maintain_order="left"),
        )  # fmt: skip

    def sent(self, delivery: int, kind: str, offset: int) -> Parcel:
        """The same receipts in another delivery, under keys of their own."""
        shift = pl.col("parent_source_row") + offset
        return Parcel(
            delivery, kind,
            self.claims.with_columns(
                source_row=pl.col("source_row") + offset, adjudication_month=pl.lit(month_date(delivery))
            ),
            self.diagnoses.with_columns(parent_source_row=shift),
            self.items.with_columns(parent_source_row=shift),
            self.records.with_columns(parent_source_row=shift),
        )  # fmt: skip


IN_SET = pl.col("summary_code").fill_null("0") != "0"
NOBODYS_KANA, NOBODYS_BIRTH = "タケン　タロウ", "-3y2d"
"""On receipts of no insurer here: a name, and how far the day of birth is off that of whoever it was."""
OUTSIDE_CP932 = "𠮷"  # written as '?': 外字 have no place in Shift_JIS
COPY = 10_000_000_000  # keys of copies lie above those of the receipts they copy
LATE, REPEATED, CORRECTED, WITHDRAWN, IN_TIME = range(5)
"""``slip_fate``: what becomes of a receipt."""
_WRITTEN = (*NAME_SLIPS, "slip_birth")


def claim_slips(rates: NoiseRates, dice: Dice) -> pl.DataFrame:
    """What befalls receipts that bears on who they speak of and whether they are sent, drawn from their keys alone.

    Beside the slips of names and births: ``slip_branch`` (枝番 left out), ``slip_outside`` and ``slip_public`` (of
    another area's insurer, of 公費 alone; not the receipts of a 総括 set), ``slip_days`` (40 days in a month),
    ``slip_fate`` and ``slip_late`` (months by which a late one is late).
    """
    outside = dice.roll("insurer")
    edges = np.cumsum([rates.late_claim, rates.repeated_claim, rates.corrected_claim, rates.withdrawn_claim])
    return name_slips(rates, dice).with_columns(
        birth_slips(rates, dice),
        slip_branch=pl.Series(dice.befalls("branch", rates.missing_branch)),
        slip_outside=pl.Series(outside < rates.out_of_area_claim),
        slip_public=pl.Series(outside > 1 - rates.public_only_claim),
        slip_days=pl.Series(dice.befalls("days", rates.impossible_row)),
        slip_fate=pl.Series(np.searchsorted(edges, dice.roll("fate"), side="right")),
        slip_late=pl.Series(1 + pick(dice.roll("late"), MONTHS_LATE)),
    )


def noisy_claims(base: Parcel, rates: NoiseRates, dice: Dice) -> list[Parcel]:
    """The receipts of a month as they are sent: most in time, some late, again, corrected, taken back.

    ``dice`` are of the receipts' ``source_row``.
    """
    slips = claim_slips(rates, dice)
    base = replace(base, claims=base.claims.hstack(slips))
    base = _strange(_desk(base, rates, dice), dice)
    again = dice.number("again", 1, 4)
    resent = dice.befalls("sent again", rates.returned_after_withdrawal)
    base = replace(
        base,
        claims=base.claims.with_columns(
            fate="slip_fate", late="slip_late", again=pl.Series(again), resent=pl.Series(resent)
        ),
    )
    # The receipts of a 総括 set travel together.
    usual = ~pl.col("is_public_only") & (pl.col("scheme_code").is_not_null()) & ~IN_SET
    parcels = [base.of((pl.col("fate") != LATE) | ~usual)]
    moved = base.of((pl.col("fate") == LATE) & usual)
    for months in range(1, len(MONTHS_LATE) + 1):
        parcels.append(moved.of(pl.col("late") == months).sent(base.delivery + months, "late", 0))
    for months in (1, 2, 3):
        # Without a search number nobody could tell a later version from another receipt.
        step = usual & pl.col("has_search_number") & (pl.col("again") == months)
        delivery = base.delivery + months
        parcels.append(base.of(step & (pl.col("fate") == REPEATED)).sent(delivery, "repeated", COPY))
        parcels.append(_corrected(base.of(step & (pl.col("fate") == CORRECTED)).sent(delivery, "corrected", COPY)))
        back = base.of(step & (pl.col("fate") == WITHDRAWN))
        parcels.append(back.sent(delivery, "withdrawn", COPY))
        parcels.append(_corrected(back.of(pl.col("resent")).sent(delivery + 2, "returned", 2 * COPY)))
    extra = ["fate", "late", "again", "resent", *(name for name in slips.columns if name not in _WRITTEN)]
    return [replace(p, claims=p.claims.drop(extra)) for p in parcels if p.claims.height]


def _desk(base: Parcel, rates: NoiseRates, dice: Dice) -> Parcel:
    """What the desk writes: names, births, 枝番; and what the reviewers take off (査定)."""
    claims = written_births(written_names(base.claims))
    assessed = pl.Series(dice.befalls("assessed", rates.assessed_claim)) & (pl.col("points") >= 200) & ~IN_SET
    cut = pl.Series(dice.roll("cut") * 0.1 + 0.02)
    stood_in = pl.Series(dice.befalls("stand-in", rates.stand_in_search_number))
    moved, strange, unknown = (
        pl.Series(dice.befalls(what, rate))
        for what, rate in (
            ("transferred", rates.transferred_claim),
            ("cp932", rates.outside_cp932),
            ("unknown record", rates.unknown_record),
        )
    )
    claims = claims.with_columns(
        branch=pl.when(~pl.col("slip_branch")).then("branch"),
        card_insurer_number=pl.when(moved & ~IN_SET & (pl.col("person") >= 0)).then(_neighbour(claims)),
        name_kanji=pl.when(strange).then(OUTSIDE_CP932 + pl.col("name_kanji").str.slice(1)).otherwise("name_kanji"),
        has_unknown_record=unknown,
        points=pl.when(assessed)
        .then(pl.col("points") - (pl.col("points") * cut).cast(pl.Int64) - 1)
        .otherwise("points"),
        has_search_number=~stood_in,
    )
    return replace(base, claims=claims)


def _neighbour(claims: pl.DataFrame) -> pl.Series:
    """For each receipt an insurer of another town of its site and scheme: the card shown was of there."""
    known = claims.filter(pl.col("person") >= 0).select("site", "scheme_code", "insurer_number").unique().sort(pl.all())
    other = pl.col("insurer_number").shift(-1).fill_null(pl.col("insurer_number").first()).over("site", "scheme_code")
    after = known.with_columns(neighbour=other).filter(pl.col("neighbour") != pl.col("insurer_number"))
    keys = ["site", "scheme_code", "insurer_number"]
    return claims.join(after, on=keys, how="left", maintain_order="left")["neighbour"]


def _strange(base: Parcel, dice: Dice) -> Parcel:
    """Receipts of other insurers' people, of 公費 alone, and with what cannot be."""
    outside, public = pl.col("slip_outside") & ~IN_SET, pl.col("slip_public") & ~IN_SET
    which = dice.number("whose insurer", 0, 4)
    kokuho = np.array([*OUTSIDE_KOKUHO, OUTSIDE_EMPLOYEES])[which]
    koki = np.array([completed(code) for code in OUTSIDE_KOKI])[which % 3]
    strangers = pl.Series(np.char.mod("%07d", dice.number("whose number", 10**6, 10**7)))
    number = pl.Series(dice.number("whose 後期 number", 10**6, 10**7))
    koki_number = number * 10 + pl.Series(check_digits(number.to_numpy()))
    is_koki = pl.col("scheme_code") == "koki"
    employee = pl.Series(which == 3) & ~is_koki
    gone = outside | public
    point_table = pl.col("claim_type_code").str.slice(0, 1)
    claims = base.claims.with_columns(
        person=pl.when(gone).then(-1).otherwise("person"),
        insurer_number=pl.when(public).then(None).when(outside).then(
            pl.when(is_koki).then(pl.Series(koki)).otherwise(pl.Series(kokuho))
        ).otherwise("insurer_number"),
        scheme_code=pl.when(public | (outside & employee)).then(None).when(outside & ~is_koki).then(pl.lit("kokuho"))
        .otherwise("scheme_code"),
        symbol=pl.when(public).then(None).when(outside & ~is_koki).then(pl.lit("外１")).otherwise("symbol"),
        number=pl.when(public).then(None).when(outside).then(
            pl.when(is_koki).then(koki_number.cast(pl.String)).otherwise(strangers)
        ).otherwise("number"),
        branch=pl.when(public | (outside & is_koki)).then(None).otherwise("branch"),
        birth_date=pl.when(gone).then(pl.col("birth_date").dt.offset_by(NOBODYS_BIRTH)).otherwise("birth_date"),
        name_kanji=pl.when(gone).then(pl.lit("他県　太郎")).otherwise("name_kanji"),
        name_kana=pl.when(gone).then(pl.lit(NOBODYS_KANA)).otherwise("name_kana"),
        claim_type_code=pl.when(public).then(
            point_table + pl.when("is_inpatient").then(pl.lit("211")).otherwise(pl.lit("212"))
        ).when(outside & (pl.col("claim_type_code").str.slice(1, 1) == "3") & ~is_koki).then(point_table + "112")
        .otherwise("claim_type_code"),
        is_public_only=public,
        card_insurer_number=pl.when(~gone).then("card_insurer_number"),
        original_points=pl.when(public).then("points").otherwise("original_points"),
        benefit_rate=pl.when(public | (outside & employee)).then(None).otherwise("benefit_rate"),
        days_count=pl.when(pl.col("slip_days") & pl.col("days_count").is_not_null() & ~IN_SET).then(40)
        .otherwise("days_count"),
    )  # fmt: skip
    claims = claims.with_columns(
        points=pl.when(public).then("line_points").otherwise("points"),
        original_points=pl.when(public).then("line_points").otherwise("original_points"),
    )
    # 公費単独 burdens no insurer: its lines are of 公費 1.
    paid = claims.filter("is_public_only").select(parent_source_row="source_row", by_public=pl.lit(True))
    items = base.items.join(paid, on="parent_source_row", how="left", maintain_order="left")
    items = items.with_columns(
        burden_code=pl.when(pl.col("by_public").fill_null(False) & pl.col("burden_code").is_not_null())
        .then(pl.lit("5"))
        .otherwise("burden_code")
    ).drop("by_public")
    return replace(base, claims=claims, items=items)


def _corrected(parcel: Parcel) -> Parcel:
    """Receipts sent again without their last line of points: other points, still the sum of their lines."""
    line = ["parent_source_row", "line_number"]
    pointed = parcel.items.filter(pl.col("points").is_not_null() & ~MEALS)
    last = (
        pointed.group_by("parent_source_row")
        .agg(pl.col("line_number").n_unique().alias("lines"), pl.col("line_number").max())
        .filter(pl.col("lines") >= 2)
        .select(line)
    )
    items = parcel.items.join(last, on=line, how="anti", maintain_order="left")
    records = parcel.records.join(last, on=line, how="anti", maintain_order="left")
    # A line that had waited for the dropped one to carry its points (a drug of a group) goes with it.
    pending = (
        pl.col("points").is_null()
        & pl.col("item_kind_code").is_in(["SI", "IY", "TO"])
        & (pl.col("points").is_not_null().cum_sum(reverse=True).over("parent_source_row") == 0)
    )
    items = items.filter(~pending)
    return replace(parcel, claims=with_points(parcel.claims, items, records), items=items, records=records)


def noisy_care(
    delivery: int, claims: pl.DataFrame, services: pl.DataFrame, rates: NoiseRates, dice: Dice
) -> list[tuple[int, tuple[pl.DataFrame, pl.DataFrame]]]:
    """給付実績 of a month as sent: all in time (作成区分 1), some corrected (2) or cancelled (3) later.

    ``dice`` are of the claims' ``source_row``.
    """
    claims = strangers(impossible_sex(claims, rates, dice), rates, dice)
    payer = claims.select("insurer_number", parent_source_row="source_row")
    services = services.drop("insurer_number").join(payer, on="parent_source_row", how="left", maintain_order="left")
    fate = dice.roll("fate")
    # Purchases have no services to correct.
    corrected = claims.filter(pl.Series(fate < rates.care_corrected) & ~pl.col("is_purchase"))
    cancelled = claims.filter(pl.Series(fate > 1 - rates.care_cancelled))
    sent = [(delivery, (claims, services))]
    for code, rows, months, offset in (("2", corrected, 2, COPY), ("3", cancelled, 1, 2 * COPY)):
        keys = rows.select(parent_source_row="source_row")
        lines = services.join(keys, on="parent_source_row", how="semi", maintain_order="left")
        rows = rows.with_columns(
            source_row=pl.col("source_row") + offset,
            adjudication_month=pl.lit(month_date(delivery + months)),
            creation_code=pl.lit(code),
        )
        lines = lines.with_columns(parent_source_row=pl.col("parent_source_row") + offset)
        if code == "2":
            rows, lines = _fewer_units(rows, lines)
        sent.append((delivery + months, (rows, lines)))
    return sent


def _fewer_units(claims: pl.DataFrame, services: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A tenth of the units less on every service; yen and sums follow."""
    rate = claims.select(parent_source_row="source_row", rate="benefit_rate")
    names = services.columns
    services = services.join(rate, on="parent_source_row", how="left", maintain_order="left").with_columns(
        units=pl.col("units") - pl.col("units") // 10
    )
    services = services.with_columns(benefit_yen=pl.col("units") * 10 * pl.col("rate") // 100)
    services = services.with_columns(user_yen=pl.col("units") * 10 - pl.col("benefit_yen")).select(names)
    sums = services.group_by("parent_source_row").agg(pl.col("units", "benefit_yen", "user_yen").sum())
    columns = claims.columns
    return (
        claims.drop("units", "benefit_yen", "user_yen")
        .join(sums, left_on="source_row", right_on="parent_source_row", how="left", maintain_order="left")
        .select(columns),
        services,
    )
