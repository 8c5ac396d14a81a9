"""資格: the versions of each record as an insurer's ledger writes them, and when.

A record is written when its beginning is notified, again when a name changes, and once more when its end is
notified, which for those who took a job can be many months later.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.formats.contracts import ENROLMENT
from ingest.synth.calibration import seed
from ingest.synth.settings import SynthSettings
from ingest.synth.world import lives as life
from ingest.synth.world.chance import fixed, stream
from ingest.synth.world.lives import Lives
from ingest.synth.world.naming import name_columns
from ingest.synth.world.numbers import Records, resident_numbers
from ingest.synth.world.people import People
from ingest.synth.world.towns import Towns

Ints = NDArray[np.int64]

EVENTS = {
    life.START: "start", life.BIRTH: "birth", life.ARRIVAL: "arrival", life.DEATH: "death",
    life.AGE_75: "age_75", life.DISABILITY: "disability", life.MOVE_INSIDE: "move", life.MOVE_OUT: "leave_area",
    life.RETURN: "return", life.JOIN: "join", life.LEAVE: "leave", life.WELFARE_ON: "welfare_on",
    life.WELFARE_OFF: "welfare_off", life.MARRIAGE: "marriage", life.MERGER: "merger", life.RENUMBERED: "renumbered",
}  # fmt: skip
AT_ONCE = (life.MERGER, life.RENUMBERED)  # entered for all on the day itself
LATE_MONTHS = 3.2  # mean of the months by which a late notice of leaving is late


def notice_days(settings: SynthSettings, records: pl.DataFrame) -> tuple[Ints, Ints]:
    """Days on which the beginning and the end of each record are entered (-1: has not ended)."""
    random = stream(settings.seed, "notices")
    n = records.height
    reason, closing = records["reason"].to_numpy(), records["next_reason"].fill_null(-1).to_numpy()
    start, end = records["start"].to_numpy(), records["end"].fill_null(-1).to_numpy()
    soon = random.integers(0, 14, n)
    late_join = (reason == life.JOIN) & (random.random(n) < 0.3)
    opened = start + np.where(late_join, 14 + random.integers(0, 50, n), soon)
    opened = np.where(np.isin(reason, [life.AGE_75, life.START, *AT_ONCE]), start, opened)
    late = (closing == life.LEAVE) & (random.random(n) < settings.noise.late_notice)
    months = 14 + np.minimum(random.exponential(LATE_MONTHS * 30, n), 700).astype(int)
    closed = end + np.where(late, months, random.integers(0, 14, n))
    closed = np.where(np.isin(closing, [life.AGE_75, *AT_ONCE]), end, closed)
    return opened, np.where(end < 0, -1, np.maximum(closed, opened + 1))


def make_enrolment(
    settings: SynthSettings, towns: Towns, people: People, lives: Lives, records: Records
) -> pl.DataFrame:
    """Every version of every record: the plain contract columns, ``person`` and ``record``.

    Versions that the ledger writes after the world's last day are not there.
    """
    base = records.records
    opened, closed = notice_days(settings, base)
    base = base.with_columns(opened=pl.Series(opened), closed=pl.Series(closed))
    random = stream(settings.seed, "names")
    names = records.names.join(base.select("record", "opened", "closed", began="start"), on="record", how="left")
    first = (names["record"] != names["record"].shift(1)).fill_null(True)
    noticed = names["start"].to_numpy() + random.integers(0, 14, names.height)
    when = np.where(first.to_numpy(), names["opened"].to_numpy(), np.maximum(noticed, names["opened"].to_numpy() + 1))
    openings = names.select("record", "surname", processed=pl.Series(when), is_closing=pl.lit(False)).filter(
        first | (names["closed"] < 0) | (pl.Series(when) < names["closed"])
    )
    last_names = names.group_by("record", maintain_order=True).agg(pl.col("surname", "closed").last())
    closings = last_names.filter(pl.col("closed") >= 0).select(
        "record", "surname", processed=pl.col("closed"), is_closing=pl.lit(True)
    )
    versions = pl.concat([openings, closings]).join(base, on="record", how="left")
    versions = versions.filter(pl.col("processed") <= lives.last_day)
    versions = pl.concat([versions.with_columns(is_deleted=pl.lit(False)), _mistakes(settings, versions, lives)])
    return _written(settings, towns, people, lives, _with_previous(settings, versions))


def _mistakes(settings: SynthSettings, versions: pl.DataFrame, lives: Lives) -> pl.DataFrame:
    """Records entered with a wrong beginning and deleted some weeks later."""
    random = stream(settings.seed, "mistakes")
    openings = versions.filter(~pl.col("is_closing") & (pl.col("reason") != life.START))
    wrong = openings.filter(pl.Series(random.random(openings.height) < settings.noise.enrolment_deleted))
    wrong = wrong.with_columns(start=pl.col("start") + 9, end=None, next_reason=None, is_closing=pl.lit(False))
    entered = wrong.with_columns(processed=pl.col("opened"), is_deleted=pl.lit(False))
    deleted = wrong.with_columns(processed=pl.col("opened") + 40, is_deleted=pl.lit(True))
    both = pl.concat([entered, deleted]).cast({"end": pl.Int64(), "next_reason": pl.Int64()})
    return both.filter(pl.col("processed") <= lives.last_day)


def _with_previous(settings: SynthSettings, versions: pl.DataFrame) -> pl.DataFrame:
    """The number before, where a ledger of the same prefecture names one."""
    random = stream(settings.seed, "ledger")
    record = versions.unique("record", maintain_order=True).sort("person", "start")
    same = (pl.col("person") == pl.col("person").shift(1)) & (pl.col("prefecture") == pl.col("prefecture").shift(1))
    known = same & (pl.col("coverage").shift(1) != life.KUMIAI) & (pl.col("coverage") != life.KUMIAI)
    written = pl.Series(random.random(record.height) >= settings.noise.ledger_gap)
    before = record.with_columns(known=known.fill_null(False) & written).select(
        "record",
        *[
            pl.when("known").then(pl.col(name).shift(1)).alias(f"previous_{name}")
            for name in ("scheme_code", "insurer_number", "symbol", "number")
        ],
    )
    return versions.join(before, on="record", how="left")


def _written(
    settings: SynthSettings, towns: Towns, people: People, lives: Lives, versions: pl.DataFrame
) -> pl.DataFrame:
    random = stream(settings.seed, "addresses")
    reasons = seed("reason_codes")
    opening = {(s, e): c for s, e, c in reasons.select("scheme_code", "event", "acquired_reason_code").iter_rows() if c}
    closing = {(s, e): c for s, e, c in reasons.select("scheme_code", "event", "lost_reason_code").iter_rows() if c}

    def code(column: str, table: dict[tuple[str, str], str], other: dict[str, str]) -> pl.Expr:
        group = pl.when(pl.col("coverage") == life.KOKI).then(pl.lit("koki")).otherwise(pl.lit("kokuho"))
        event = pl.col(column).replace_strict(EVENTS, return_dtype=pl.String, default=None)
        words = {f"{s}/{e}": c for (s, e), c in table.items()}
        found = (group + "/" + event).replace_strict(words, default=None, return_dtype=pl.String)
        return pl.when(event.is_not_null()).then(found.fill_null(group.replace_strict(other)))

    town = versions["town"].to_numpy()
    person = versions["person"].to_numpy()
    is_union = pl.col("coverage") == life.KUMIAI
    district, plot = _addresses(settings, towns, people, person, town)
    in_home = versions.join(
        lives.facility.select("person", facility_day="day", facility_town="town"), on="person", how="left",
        maintain_order="left",
    )  # fmt: skip
    elsewhere = (pl.col("facility_day") <= pl.col("processed")).fill_null(False)
    home_name = pl.lit(pl.Series(towns.name)).gather(pl.col("facility_town").fill_null(0))
    days = pl.Date()
    shown = pl.col("is_closing")
    kanji, kana = name_columns(versions["surname"].to_numpy(), people.given[person])
    frame = in_home.with_columns(
        district=pl.Series(district), plot=pl.Series(plot),
        no_resident=pl.Series(random.random(versions.height) < settings.noise.ledger_gap),
        name_kanji=kanji, name_kana=kana, birth=pl.Series(people.birth[person]), sex=pl.Series(people.sex[person]),
    )  # fmt: skip
    frame = frame.sort("person", "insurer_number", "processed", "start", "is_closing", maintain_order=True)
    codes = [[c for c, _ in d] for d in towns.districts]
    labels = [[n for _, n in d] for d in towns.districts]

    def of_district(table: list[list[str]]) -> pl.Expr:
        return pl.lit(pl.Series(table)).gather(pl.col("town")).list.get(pl.col("district"))

    town_name = pl.lit(pl.Series(towns.name)).gather(pl.col("town"))
    own_address = town_name + of_district(labels) + pl.col("plot").cast(pl.String) + "番地"
    result = frame.select(
        "person",
        "record",
        source_row=pl.int_range(pl.len()),
        scheme_code="scheme_code",
        insurer_number="insurer_number",
        symbol="symbol",
        number="number",
        branch="branch",
        address_number=pl.when(~is_union & ~pl.col("no_resident")).then(
            resident_numbers(towns, pl.col("person"), pl.col("town"))
        ),
        name_kanji="name_kanji",
        name_kana="name_kana",
        birth_date=pl.col("birth").cast(pl.Int32()).cast(days),
        sex_code=pl.col("sex").cast(pl.String),
        address=pl.when(elsewhere).then(home_name + "　特別養護老人ホーム").otherwise(own_address),
        municipality_code=pl.when(~is_union).then(pl.lit(pl.Series(towns.code)).gather("town")),
        district_code=pl.when(~is_union).then(of_district(codes)),
        district_name=pl.when(~is_union).then(of_district(labels)),
        acquired_date=pl.col("acquired").cast(pl.Int32()).cast(days),
        acquired_reason_code=code("reason", opening, {"kokuho": "09", "koki": "009"}),
        lost_date=pl.when(shown).then("end").cast(pl.Int32()).cast(days),
        lost_reason_code=pl.when(shown).then(code("next_reason", closing, {"kokuho": "09", "koki": "009"})),
        applied_start_date=pl.col("start").cast(pl.Int32()).cast(days),
        applied_end_date=pl.when(shown).then("end").cast(pl.Int32()).cast(days),
        previous_scheme_code="previous_scheme_code",
        previous_insurer_number="previous_insurer_number",
        previous_symbol="previous_symbol",
        previous_number="previous_number",
        is_deleted="is_deleted",
        processed_date=pl.col("processed").cast(pl.Int32()).cast(days),
        record_number=pl.int_range(pl.len()).over("person", "insurer_number") + 1,
        full_as_of_date=pl.lit(None, pl.Date()),
    )
    return result.select("person", "record", *ENROLMENT.plain_schema()).cast(ENROLMENT.plain_schema())  # type: ignore[arg-type]


def _addresses(settings: SynthSettings, towns: Towns, people: People, person: Ints, town: Ints) -> tuple[Ints, Ints]:
    """District (index within the town) and number of the plot; a household has one in each town."""
    home = people.household[person]
    sizes = np.array([len(d) for d in towns.districts])
    u = fixed(settings.seed, "district", home, town)
    # Districts are not of one size: the first are the larger.
    district = np.minimum((u**1.35 * sizes[town]).astype(int), sizes[town] - 1)
    return district, (fixed(settings.seed, "plot", home, town) * 2400).astype(int) + 1
