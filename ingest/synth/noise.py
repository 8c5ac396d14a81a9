"""Clerical noise at the named rates of ``NoiseRates``: what offices and insurers really send each other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.synth.settings import NoiseRates
from ingest.synth.world.clock import month_date
from ingest.synth.world.numbers import check_digits
from ingest.synth.world.totals import MEALS, with_points
from ingest.synth.writers.uke import RECORDS

KANA_VARIANTS = (
    ("ー", "－"),
    ("ヅ", "ズ"),
    ("ヂ", "ジ"),
    ("ョ", "ヨ"),
    ("ュ", "ユ"),
    ("ャ", "ヤ"),
    ("ヲ", "オ"),
    ("ッ", "ツ"),
)
KANJI_VARIANTS = (
    ("髙", "高"),
    ("﨑", "崎"),
    ("斎", "斉"),
    ("渡辺", "渡邊"),
    ("沢", "澤"),
    ("浜", "濱"),
    ("広", "廣"),
    ("嶋", "島"),
)
_WIDE_KANA = (
    "ァアィイゥウェエォオカキクケコサシスセソタチッツテトナニヌネノハヒフヘホマミムメモャヤュユョヨラリルレロワヲンー"
)
_HALF_KANA = "ｧｱｨｲｩｳｪｴｫｵｶｷｸｹｺｻｼｽｾｿﾀﾁｯﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓｬﾔｭﾕｮﾖﾗﾘﾙﾚﾛﾜｦﾝｰ"
_VOICED = "ガギグゲゴザジズゼゾダヂヅデドバビブベボ"
_VOICED_BASE = "ｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾊﾋﾌﾍﾎ"
OUTSIDE_KOKUHO = ("138057", "270017", "010017")
"""Insurers of other prefectures: 国保 of 東京都, 大阪府, 北海道 (the first seen in public samples; unverified)."""
OUTSIDE_CARE = "131016"  # 千代田区: its municipality code with the check digit
OUTSIDE_EMPLOYEES = "01010016"  # 全国健康保険協会, of the public sample
OUTSIDE_KOKI = (39131, 39271, 39011)  # prefecture of a 後期 insurer and first digit of its town; completed by rule
MONTHS_LATE = np.array([0.5, 0.25, 0.12, 0.08, 0.05])


def half_width(text: pl.Expr) -> pl.Expr:
    """Katakana in half width, voiced sounds as two characters."""
    return (
        text.str.replace_many(list(_VOICED), [f"{base}ﾞ" for base in _VOICED_BASE])
        .str.replace_many(list("パピプペポ"), [f"{base}ﾟ" for base in "ﾊﾋﾌﾍﾎ"])
        .str.replace_many(list(_WIDE_KANA), list(_HALF_KANA))
        .str.replace_all("　", " ", literal=True)
    )


def noisy_names(frame: pl.DataFrame, rates: NoiseRates, random: np.random.Generator) -> pl.DataFrame:
    """Names as another clerk would have written them; columns that are not there are left out."""
    n = frame.height

    def share(rate: float) -> pl.Series:
        return pl.Series(random.random(n) < rate)

    half, kana = share(rates.kana_variant * 2), share(rates.kana_variant)
    kanji, blank = share(rates.kanji_variant), share(rates.blank_in_name)
    narrow = pl.Series(random.random(n) < 0.5)
    changes = []
    for column in ("name_kanji", "name_kana"):
        if column not in frame.columns:
            continue
        name = pl.col(column)
        other = (
            pl.when(narrow)
            .then(name.str.replace_all("　", " ", literal=True))
            .otherwise(name.str.replace_all("　", "", literal=True))
        )
        name = pl.when(blank).then(other).otherwise(name)
        if column == "name_kana":
            name = pl.when(kana).then(_replaced(name, KANA_VARIANTS)).otherwise(name)
            name = pl.when(half).then(half_width(name)).otherwise(name)
        else:
            name = pl.when(kanji).then(_replaced(name, KANJI_VARIANTS)).otherwise(name)
        changes.append(name.alias(column))
    return frame.with_columns(changes)


def _replaced(text: pl.Expr, pairs: tuple[tuple[str, str], ...]) -> pl.Expr:
    return text.str.replace_many([a for a, _ in pairs], [b for _, b in pairs])


def wrong_births(frame: pl.DataFrame, rates: NoiseRates, random: np.random.Generator) -> pl.DataFrame:
    """Some days of birth with one digit wrong: another day of the month, or a year ten off."""
    wrong = random.random(frame.height) < rates.wrong_birth_digit
    by_year = pl.Series(random.random(frame.height) < 0.3)
    birth = pl.col("birth_date")
    day = birth.dt.day()
    other_day = birth + pl.duration(days=pl.when(day <= 10).then(10).when(day <= 19).then(-10).otherwise(-9))
    other_year = birth.dt.offset_by("-10y")
    return frame.with_columns(
        birth_date=pl.when(pl.Series(wrong))
        .then(pl.when(by_year).then(other_year).otherwise(other_day))
        .otherwise(birth)
    )


def impossible_sex(frame: pl.DataFrame, rates: NoiseRates, random: np.random.Generator) -> pl.DataFrame:
    """Some rows with a sex that does not exist, to be set aside by whoever reads them."""
    return frame.with_columns(
        sex_code=pl.when(pl.Series(random.random(frame.height) < rates.impossible_row))
        .then(pl.lit("9"))
        .otherwise("sex_code")
    )


def strangers(frame: pl.DataFrame, rates: NoiseRates, random: np.random.Generator) -> pl.DataFrame:
    """Some records of an insurer of another prefecture: sent to the wrong federation."""
    elsewhere = (
        pl.when(pl.col("scheme_code") == "koki")
        .then(pl.lit(_completed(OUTSIDE_KOKI[0])))
        .when(pl.col("scheme_code") == "care")
        .then(pl.lit(OUTSIDE_CARE))
        .otherwise(pl.lit(OUTSIDE_KOKUHO[0]))
    )
    strange = pl.Series(random.random(frame.height) < rates.out_of_area_row)
    return frame.with_columns(insurer_number=pl.when(strange).then(elsewhere).otherwise("insurer_number"))


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
OUTSIDE_CP932 = "𠮷"  # written as '?': 外字 have no place in Shift_JIS
COPY = 10_000_000_000  # keys of copies lie above those of the receipts they copy


def noisy_claims(base: Parcel, rates: NoiseRates, random: np.random.Generator) -> list[Parcel]:
    """The receipts of a month as they are sent: most in time, some late, again, corrected, taken back."""
    n = base.claims.height
    base = _strange(_desk(base, rates, random), rates, random)
    one_fate = random.random(n)
    edges = np.cumsum([rates.late_claim, rates.repeated_claim, rates.corrected_claim, rates.withdrawn_claim])
    fate = np.searchsorted(edges, one_fate, side="right")  # 4: none of these
    late = 1 + random.choice(len(MONTHS_LATE), n, p=MONTHS_LATE)
    again = 1 + random.integers(0, 3, n)
    resent = random.random(n) < rates.returned_after_withdrawal
    base = replace(
        base,
        claims=base.claims.with_columns(
            fate=pl.Series(fate), late=pl.Series(late), again=pl.Series(again), resent=pl.Series(resent)
        ),
    )
    # The receipts of a 総括 set travel together.
    usual = ~pl.col("is_public_only") & (pl.col("scheme_code").is_not_null()) & ~IN_SET
    parcels = [base.of((pl.col("fate") != 0) | ~usual)]
    moved = base.of((pl.col("fate") == 0) & usual)
    for months in range(1, len(MONTHS_LATE) + 1):
        parcels.append(moved.of(pl.col("late") == months).sent(base.delivery + months, "late", 0))
    for months in (1, 2, 3):
        # Without a search number nobody could tell a later version from another receipt.
        step = usual & pl.col("has_search_number") & (pl.col("again") == months)
        delivery = base.delivery + months
        parcels.append(base.of(step & (pl.col("fate") == 1)).sent(delivery, "repeated", COPY))
        parcels.append(_corrected(base.of(step & (pl.col("fate") == 2)).sent(delivery, "corrected", COPY)))
        back = base.of(step & (pl.col("fate") == 3))
        parcels.append(back.sent(delivery, "withdrawn", COPY))
        parcels.append(_corrected(back.of(pl.col("resent")).sent(delivery + 2, "returned", 2 * COPY)))
    extra = ["fate", "late", "again", "resent"]
    return [replace(p, claims=p.claims.drop(extra)) for p in parcels if p.claims.height]


def _desk(base: Parcel, rates: NoiseRates, random: np.random.Generator) -> Parcel:
    """What the desk writes: names, births, 枝番; and what the reviewers take off (査定)."""
    claims = wrong_births(noisy_names(base.claims, rates, random), rates, random)
    n = claims.height
    lost = pl.Series(random.random(n) < rates.missing_branch)
    assessed = pl.Series(random.random(n) < rates.assessed_claim) & (pl.col("points") >= 200) & ~IN_SET
    cut = pl.Series(random.random(n) * 0.1 + 0.02)
    stood_in = pl.Series(random.random(n) < rates.stand_in_search_number)
    moved, strange, unknown = (
        pl.Series(random.random(n) < rate)
        for rate in (rates.transferred_claim, rates.outside_cp932, rates.unknown_record)
    )
    claims = claims.with_columns(
        branch=pl.when(~lost).then("branch"),
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


def _strange(base: Parcel, rates: NoiseRates, random: np.random.Generator) -> Parcel:
    """Receipts of other insurers' people, of 公費 alone, and with what cannot be."""
    n = base.claims.height
    u = random.random(n)
    alone = base.claims.select(~IN_SET).to_series()
    outside = pl.Series(u < rates.out_of_area_claim) & alone
    public = pl.Series(u > 1 - rates.public_only_claim) & alone
    which = random.integers(0, 4, n)
    kokuho = np.array([*OUTSIDE_KOKUHO, OUTSIDE_EMPLOYEES])[which]
    koki = np.array([_completed(code) for code in OUTSIDE_KOKI])[which % 3]
    strangers = pl.Series(np.char.mod("%07d", random.integers(10**6, 10**7, n)))
    number = pl.Series(random.integers(10**6, 10**7, n))
    koki_number = number * 10 + pl.Series(check_digits(number.to_numpy()))
    is_koki = pl.col("scheme_code") == "koki"
    employee = pl.Series(which == 3) & ~is_koki
    days = pl.Series(random.random(n) < rates.impossible_row)
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
        birth_date=pl.when(gone).then(pl.col("birth_date").dt.offset_by("-3y2d")).otherwise("birth_date"),
        name_kanji=pl.when(gone).then(pl.lit("他県　太郎")).otherwise("name_kanji"),
        name_kana=pl.when(gone).then(pl.lit("タケン　タロウ")).otherwise("name_kana"),
        claim_type_code=pl.when(public).then(
            point_table + pl.when("is_inpatient").then(pl.lit("211")).otherwise(pl.lit("212"))
        ).when(outside & (pl.col("claim_type_code").str.slice(1, 1) == "3") & ~is_koki).then(point_table + "112")
        .otherwise("claim_type_code"),
        is_public_only=public,
        card_insurer_number=pl.when(~gone).then("card_insurer_number"),
        original_points=pl.when(public).then("points").otherwise("original_points"),
        benefit_rate=pl.when(public | (outside & employee)).then(None).otherwise("benefit_rate"),
        days_count=pl.when(days & pl.col("days_count").is_not_null() & ~IN_SET).then(40).otherwise("days_count"),
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


def _completed(code: int) -> str:
    seven = code * 100 + 1
    return f"{seven}{check_digits(np.array([seven], dtype=np.int64))[0]}"


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


def shares(n: int, rate: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Which of ``n`` rows noise of a rate befalls."""
    return random.random(n) < rate


def noisy_care(
    delivery: int, claims: pl.DataFrame, services: pl.DataFrame, rates: NoiseRates, random: np.random.Generator
) -> list[tuple[int, tuple[pl.DataFrame, pl.DataFrame]]]:
    """給付実績 of a month as sent: all in time (作成区分 1), some corrected (2) or cancelled (3) later."""
    n = claims.height
    claims = strangers(impossible_sex(claims, rates, random), rates, random)
    payer = claims.select("insurer_number", parent_source_row="source_row")
    services = services.drop("insurer_number").join(payer, on="parent_source_row", how="left", maintain_order="left")
    fate = random.random(n)
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
