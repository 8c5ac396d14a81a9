"""介護: who is certified at each month's end, and what care costs."""

from __future__ import annotations

import polars as pl

from tests.recount.calendar_and_age import FIRST_MONTH, LAST_MONTH, age_before, band, months
from tests.recount.places import own_town
from tests.recount.shares import told
from tests.recount.sources import FILE, Tables

CERTIFIED_LEVELS = ["12", "13", "21", "22", "23", "24", "25"]
"""要支援1, 2 and 要介護1 to 5."""
SERVICES = {
    "home": "11 12 13 14 15 16 17 21 22 23 24 25 26 27 2A 2B 31 33 34 35 43 46 61 62 63 64 65 66 67",
    "facility": "51 52 53 55",
    "community": "28 32 36 37 38 39 54 68 69 71 72 73 74 75 76 77 78 79",
}
"""サービス種類 of 居宅, 施設 and 地域密着型."""
AT = ["person", "insurer_number", "month"]
IN_ORDER = ["event_date", "event_code", "event_reason_code"]


def _events(tables: Tables) -> pl.DataFrame:
    """異動 in their order, with the day from which each speaks.

    The first that tells of a certification speaks from its beginning, but not of days before the person was insured
    there; one that tells of it again (a change of the address, of the level) and one that ends it from its own day.
    """
    events = tables["care_certification"].sort("person", *IN_ORDER)
    is_first = pl.int_range(pl.len()).over("person", "insurer_number", "certified_start_date") == 0
    start, day = pl.col("certified_start_date"), pl.col("event_date")
    ends = (pl.col("event_code") == "3") | start.is_null()
    first = pl.max_horizontal(start, "insured_start_date")
    speaks = pl.when(ends).then(day).when(is_first).then(first).otherwise(pl.max_horizontal(start, day))
    return events.with_columns(speaks_from=speaks)


def certified_months(tables: Tables) -> pl.DataFrame:
    """Person, care insurer and month at whose end a certification is in force, with its level.

    At a month's end the last event that speaks by then holds, if it tells of a certification that has not run out and
    of a person who is still insured.
    """
    spoken = _events(tables).join(months(), how="cross").filter(pl.col("speaks_from") < pl.col("after"))
    last = spoken.group_by(AT, maintain_order=True).last()
    last_day = pl.col("after").dt.offset_by("-1d")
    in_force = last.filter(
        pl.col("event_code") != "3",
        pl.col("care_level_code").is_in(CERTIFIED_LEVELS),
        pl.col("certified_end_date") >= last_day,
        pl.col("insured_end_date").is_null() | (pl.col("insured_end_date") > last_day),
    )
    return in_force.with_columns(
        town=pl.coalesce("municipality_code", own_town(pl.col("insurer_number"))),
        district=pl.lit(None, pl.String),
        age=age_before(pl.col("born"), pl.col("after")),
        band=band(age_before(pl.col("born"), pl.col("after"))),
    )


def certification(tables: Tables, certified: pl.DataFrame) -> list[pl.DataFrame]:
    """認定率 of 65 and more and of 40 to 64, new ones of 65 and more, and the mixture of levels.

    Rates only where the table of insured came. Who is certified in the first month of the records is not new in it.
    """
    insured = tables["care_insured_count"].filter(pl.col("month").is_between(FIRST_MONTH, LAST_MONTH))
    insured = insured.with_columns(
        town="municipality_code", district=pl.lit(None, pl.String), sex="sex_code", band="age_band_code",
        person=pl.lit(None, pl.Int64),
    )  # fmt: skip
    first_class = certified.filter(pl.col("age") >= 65)
    first_month = certified.group_by("person").agg(month=pl.col("month").min())
    new = first_class.join(first_month.filter(pl.col("month") > FIRST_MONTH), on=["person", "month"], how="semi")
    found = []
    for indicator, insured_class, rows in (
        ("certification_rate", "1", first_class),
        ("certification_rate_second", "2", certified.filter(pl.col("age") < 65)),
        ("new_certification_rate", "1", new),
    ):
        of_class = insured.filter(pl.col("insured_class_code") == insured_class)
        found.append(told(indicator, of_class, 0, pl.col("insured_count")))
        found.append(told(indicator, rows.join(of_class, on=["insurer_number", "month"], how="semi"), 1, 0))
    for level in CERTIFIED_LEVELS:
        found.append(told(f"certified_level_{level}", first_class, pl.col("care_level_code") == level, 1))
    return found


def _claims(tables: Tables) -> pl.DataFrame:
    """介護レセプト but those of 福祉用具購入 and 住宅改修, in the town that the newest event up to the month names."""
    claims = tables["care_claim"].filter(
        ~pl.col("is_purchase"), pl.col("service_month").is_between(FIRST_MONTH, LAST_MONTH)
    )
    after = pl.col("service_month").dt.offset_by("1mo")
    claims = claims.with_columns(month="service_month", band=band(age_before(pl.col("born"), after)))
    towns = _events(tables).filter(pl.col("municipality_code").is_not_null()).sort(IN_ORDER)
    named = (
        claims.select(AT).unique().join(towns, on=["person", "insurer_number"], how="inner", maintain_order="right")
        .filter(pl.col("event_date") < pl.col("month").dt.offset_by("1mo"))
        .group_by(AT, maintain_order=True).agg(pl.col("municipality_code").last())
    )  # fmt: skip
    return claims.join(named, on=AT, how="left").with_columns(
        town=pl.coalesce("municipality_code", own_town(pl.col("insurer_number"))), district=pl.lit(None, pl.String)
    )


def costs(tables: Tables) -> list[pl.DataFrame]:
    """介護給付費 over who received care in the month and over receipts, also by level and by kind of service.

    The level of a person in a month is the heaviest of the receipts; a receipt of two kinds of service counts in both.
    """
    claims = _claims(tables)
    place = [*AT, "scheme_code", "town", "district", "sex", "band"]
    of_month = claims.group_by(place).agg(
        pl.col("benefit_yen").sum(), receipts=pl.len(), level=pl.col("care_level_code").max()
    )
    yen, receipts = pl.col("benefit_yen"), pl.col("receipts")
    found = [
        told("care_cost_per_recipient", of_month, yen, 1),
        told("care_cost_per_claim", of_month, yen, receipts),
    ]
    for level in CERTIFIED_LEVELS:
        at_level = of_month.filter(pl.col("level") == level)
        found.append(told(f"care_cost_per_claim_level_{level}", at_level, yen, receipts))
    record = claims.select(*place, *FILE, parent_source_row="source_row")
    services = tables["care_service"].join(record, on=[*FILE, "parent_source_row"])
    for kind, codes in SERVICES.items():
        of_kind = services.filter(pl.col("service_type_code").is_in(codes.split()))
        of_kind = of_kind.group_by(place).agg(
            pl.col("benefit_yen").sum(), receipts=pl.struct(*FILE, "parent_source_row").n_unique()
        )
        found.append(told(f"care_cost_per_{kind}_claim", of_kind, yen, receipts))
    return found
