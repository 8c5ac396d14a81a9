"""処方箋 dispensed outside: the drugs of an outpatient receipt move to the receipt of a pharmacy.

A receipt of 調剤 is of one person, month, pharmacy and prescribing institution. Its lines: for every group of
drugs taken together SH, IY and one or two CZ, then KI for every prescription. Its points are those of CZ
(薬剤調製料, 薬剤料, additions, 外来服薬支援料2, 調剤管理料) and KI; positions: formats.md 1.4 [seen].
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.formats.contracts import CLAIM_DIAGNOSIS, CLAIM_ITEM
from ingest.synth.calibration import seed
from ingest.synth.world import daybits
from ingest.synth.world.catalogue import CLINICS
from ingest.synth.world.chance import fixed
from ingest.synth.world.institutions import Institutions, town_of
from ingest.synth.world.receipts import CLAIM_COLUMNS, ITEM_COLUMNS, Receipts, with_extras
from ingest.synth.world.totals import with_points
from ingest.synth.writers.uke import RECORDS

Ints = NDArray[np.int64]
PHARMACY = CLINICS.index("pharmacy")
PHARMACY_KEYS = 4_000_000
PRESCRIBED = ("21", "22", "23")
FEES_OF_PRESCRIBING = {"120001210": "prescription", "120002610": "prescription_7"}
"""処方料 of a doctor who hands out the drugs, and the 処方箋料 in its place."""
DOSAGE_FORMS = {"21": "1", "22": "3", "23": "6"}
COUNTED_GROUPS = 3  # 薬剤調製料 and 調剤管理料 are counted for three groups of oral drugs at most
GROUP_BUNDLES = 6
ONE_DOSE_GROUPS = 3  # groups from which on the drugs are packed by dose
SPLIT_DAYS = 14  # drugs for so many days may be handed out in two halves
AGAIN_SHARE = 0.15  # of those who see the doctor twice or more and have such drugs
PSYCHOTROPIC_SHARE = 0.04


def share(parameter: str) -> float:
    """A share of the seed ``claim_kinds``."""
    return float(seed("claim_kinds").filter(parameter=parameter)["share"].item())


def fee(name: str) -> tuple[str, int]:
    """Code and points of a fee of the seed ``pharmacy_fees``."""
    row = seed("pharmacy_fees").filter(fee=name).row(0, named=True)
    return row["item_code"], int(row["points"])


def record_text(places: dict[int, pl.Expr], columns: int) -> pl.Expr:
    """What follows the record id: values at their positions, all others empty."""
    cells = [places.get(place, pl.lit("")).cast(pl.String).fill_null("") for place in range(1, columns)]
    return pl.concat_str(cells, separator=",")


def dispensed_outside(number: int, receipts: Receipts, institutions: Institutions) -> Receipts:
    """Receipts of a month with the prescriptions of those doctors who do not hand out drugs at pharmacies.

    ``number`` is the seed of the world.
    """
    outside = (
        prescribes_outside(number, receipts.claims["institution_code"]) & ~receipts.claims["is_inpatient"].to_numpy()
    )
    writes = receipts.claims.filter(pl.Series(outside)).select(parent_source_row="source_row", writes=pl.lit(True))
    items = receipts.items.join(writes, on="parent_source_row", how="left", maintain_order="left").with_columns(
        is_drug=(pl.col("item_kind_code") == "IY") & pl.col("category_code").is_in(PRESCRIBED)
    )
    moves = pl.col("writes").fill_null(False) & pl.col("is_drug")
    drugs, rest = items.filter(moves), items.filter(~moves)
    has_drugs = drugs.select("parent_source_row").unique().with_columns(has_drugs=pl.lit(True))
    rest = rest.join(has_drugs, on="parent_source_row", how="left", maintain_order="left")
    rest = _prescription_fees(rest.with_columns(prescribes=pl.col("has_drugs").fill_null(False)))
    keys = has_drugs.select(source_row="parent_source_row")
    mine = receipts.claims.join(keys, on="source_row", how="semi", maintain_order="left")
    others = receipts.claims.join(keys, on="source_row", how="anti", maintain_order="left")
    claims = pl.concat([others, with_points(mine, rest, receipts.records)])
    medical = Receipts(claims, receipts.diagnoses, rest, receipts.records)
    return Receipts.joined([medical, _receipts(number, mine, drugs, institutions)]) if mine.height else medical


def prescribes_outside(number: int, institution_code: pl.Series) -> NDArray[np.bool_]:
    """Which institutions hand out no drugs to their outpatients but prescriptions."""
    return fixed(number, "outside", institution_code.cast(pl.Int64).to_numpy()) < share("outside_prescription")


def _prescription_fees(items: pl.DataFrame) -> pl.DataFrame:
    """処方料 becomes 処方箋料 where the drugs went out."""
    changes = pl.col("prescribes") & pl.col("item_code").is_in(list(FEES_OF_PRESCRIBING))
    fees = {old: fee(new) for old, new in FEES_OF_PRESCRIBING.items()}
    code = pl.col("item_code").replace({old: code for old, (code, _) in fees.items()})
    points = pl.col("item_code").replace_strict(
        {old: points for old, (_, points) in fees.items()}, default=None, return_dtype=pl.Int64
    )
    changed = items.with_columns(
        category_code=pl.when(changes).then(pl.lit("80")).otherwise("category_code"),
        points=pl.when(changes).then(points).otherwise("points"),
        item_code=pl.when(changes).then(code).otherwise("item_code"),
    ).sort("parent_source_row", pl.col("category_code"), "sequence_number")  # fmt: skip
    number = pl.int_range(pl.len()).over("parent_source_row") + 1
    return changed.with_columns(sequence_number=number, line_number=number).select(ITEM_COLUMNS)


def _receipts(number: int, doctors: pl.DataFrame, drugs: pl.DataFrame, institutions: Institutions) -> Receipts:
    """Receipts of pharmacies for those of the doctors, one each."""
    prescribing = doctors["institution_code"]
    at_gate = fixed(number, "gate", doctors["person"].to_numpy()) < share("gate_pharmacy")
    u = np.where(
        at_gate,
        fixed(number, "gate of", prescribing.cast(pl.Int64).to_numpy()),
        fixed(number, "pharmacy", doctors["person"].to_numpy()),
    )
    pharmacy = pl.Series(institutions.code).gather(institutions.choose(town_of(prescribing), PHARMACY, u))
    drugs = _taken_together(drugs)
    groups = _groups(drugs)
    splittable = groups.filter(pl.col("times_count") >= SPLIT_DAYS).select("parent_source_row").unique()
    claims = doctors.join(
        splittable.with_columns(can_split=pl.lit(True)), left_on="source_row", right_on="parent_source_row",
        how="left", maintain_order="left",
    )  # fmt: skip
    comes_again = fixed(number, "comes again", claims["source_row"].to_numpy()) < AGAIN_SHARE
    can_split = claims["can_split"].fill_null(False).to_numpy() & (claims["days_count"].to_numpy() > 1)
    visits = np.where(can_split & comes_again, 2, 1)
    days = daybits.lowest(claims["visit_days_code"].to_numpy(), visits)
    claims = claims.with_columns(
        prescribing_institution_code="institution_code",
        institution_code=pharmacy,
        claim_kind_code=pl.lit("pharmacy"),
        claim_type_code=pl.lit("4") + pl.col("claim_type_code").str.slice(1),
        days_count=pl.lit(None),
        prescription_count=pl.Series(visits),
        visit_days_code=pl.lit(None),
        meal_count=pl.lit(None),
        meal_yen=pl.lit(None),
        key=pl.col("source_row") + PHARMACY_KEYS,
        search_number=pl.col("search_number").str.slice(0, 6) + pharmacy + pl.lit("4")
        + pl.col("search_number").str.slice(17),
        first_date=pl.col("service_month").dt.offset_by(pl.format("{}d", pl.Series(daybits.first_of(days)))),
        last_date=pl.col("service_month").dt.offset_by(pl.format("{}d", pl.Series(daybits.last_of(days)))),
        person_number="person",
    )  # fmt: skip
    by_claim = claims.select("source_row", "key", "prescription_count", "first_date", "last_date", "person_number")
    groups = groups.join(by_claim, left_on="parent_source_row", right_on="source_row", maintain_order="left")
    handed = _handed_out(number, groups)
    month = date.fromisoformat(str(claims["service_month"][0]))
    prescriptions = _prescriptions(number, by_claim)
    items, records = _lines(drugs, groups, handed, prescriptions, claims, month)
    final = claims.with_columns(source_row="key")
    final = with_points(with_extras(final).select(CLAIM_COLUMNS), items, records)
    return Receipts(final, pl.DataFrame(schema=CLAIM_DIAGNOSIS.plain_schema()), items, records)


def _taken_together(drugs: pl.DataFrame) -> pl.DataFrame:
    """Drugs in their order with ``group``: those of a form for as many days are one 剤, ``GROUP_BUNDLES`` of the
    doctor's own groups (each ended by its points) at most."""
    rows = drugs.sort("parent_source_row", pl.col("category_code"), "times_count", "sequence_number")
    own = ["parent_source_row", "category_code", "times_count"]
    ends = pl.col("points").is_not_null().cast(pl.Int64)
    rows = rows.with_columns(bundle=(ends.cum_sum() - ends).over(own) // GROUP_BUNDLES)
    first = pl.struct(*own, "bundle").rle_id()
    rows = rows.with_columns(run=first)
    group = (pl.col("run") - pl.col("run").min().over("parent_source_row")).cast(pl.Int64) + 1
    return rows.with_columns(group=group, order_in_group=pl.int_range(pl.len()).over("run"))


def _groups(rows: pl.DataFrame) -> pl.DataFrame:
    """Groups of drugs: 単位薬剤料, 調剤数量, form, number among those of its form."""
    found = rows.group_by("parent_source_row", "group", maintain_order=True).agg(
        unit_points=pl.col("points").sum(),
        times_count=pl.col("times_count").last(),
        category_code=pl.col("category_code").last(),
    )
    oral = pl.col("category_code") != "23"
    return found.with_columns(
        is_oral=oral,
        rank_of_form=pl.int_range(pl.len()).over("parent_source_row", "category_code") + 1,
        oral_groups=oral.sum().over("parent_source_row"),
    )


def _handed_out(number: int, groups: pl.DataFrame) -> pl.DataFrame:
    """One row a CZ: group, 受付回, 調剤数量 and the fees (null where not counted)."""
    splits = (pl.col("prescription_count") == 2) & pl.col("is_oral") & (pl.col("times_count") >= SPLIT_DAYS)
    half = pl.col("times_count") // 2
    first = groups.with_columns(visit=pl.lit(1), amount=pl.when(splits).then(half).otherwise("times_count"))
    second = groups.filter(splits).with_columns(visit=pl.lit(2), amount=pl.col("times_count") - half)
    rows = pl.concat([first, second]).sort("parent_source_row", "group", "visit")
    counted = pl.col("rank_of_form") <= COUNTED_GROUPS
    amount, oral = pl.col("amount"), pl.col("is_oral")
    manage = {name: fee(f"manage_{name}") for name in ("7", "14", "28", "29", "external")}

    def by_days(place: int) -> pl.Expr:
        value = {name: pl.lit(found[place]) for name, found in manage.items()}
        return (
            pl.when(~oral).then(value["external"]).when(amount <= 7).then(value["7"]).when(amount <= 14)
            .then(value["14"]).when(amount <= 28).then(value["28"]).otherwise(value["29"])
        )  # fmt: skip

    psychotropic = fixed(
        number, "psychotropic", rows["person_number"].to_numpy(), rows["group"].to_numpy()
    ) < PSYCHOTROPIC_SHARE  # fmt: skip
    packed = oral & (pl.col("rank_of_form") == 1) & (pl.col("oral_groups") >= ONE_DOSE_GROUPS)
    weekly = fee("one_dose")
    one_dose = pl.when(amount > 42).then(240).otherwise((amount + 6) // 7 * weekly[1])
    # The first group of external drugs alone has 調剤管理料, and only where there is no oral one.
    managed = counted & (oral | ((pl.col("oral_groups") == 0) & (pl.col("rank_of_form") == 1)))
    return rows.with_columns(
        make_code=pl.when(counted).then(pl.when(oral).then(pl.lit(fee("oral")[0])).otherwise(pl.lit(fee("external")[0]))),
        make_points=pl.when(counted).then(pl.when(oral).then(fee("oral")[1]).otherwise(fee("external")[1])),
        added_code=pl.when(pl.Series(psychotropic) & oral & counted).then(pl.lit(fee("psychotropic")[0])),
        added_points=pl.when(pl.Series(psychotropic) & oral & counted).then(fee("psychotropic")[1]),
        packed_code=pl.when(packed).then(pl.lit(weekly[0])),
        packed_points=pl.when(packed).then(one_dose),
        manage_code=pl.when(managed).then(by_days(0)),
        manage_points=pl.when(managed).then(by_days(1)),
        drug_points=pl.col("unit_points") * amount,
        handed_date=pl.when(pl.col("visit") == 1).then("first_date").otherwise("last_date"),
    )  # fmt: skip


def _prescriptions(number: int, claims: pl.DataFrame) -> pl.DataFrame:
    """One row a KI: 受付回 and its fees."""
    second = claims.filter(pl.col("prescription_count") == 2).with_columns(visit=pl.lit(2), ki_date="last_date")
    rows = pl.concat([claims.with_columns(visit=pl.lit(1), ki_date="first_date"), second])
    family = pl.Series(fixed(number, "family pharmacist", rows["person_number"].to_numpy()) < 0.02)
    return rows.with_columns(
        guidance_code=pl.when(family).then(pl.lit(fee("family_pharmacist")[0])).otherwise(pl.lit(fee("guidance")[0])),
        guidance_points=pl.when(family).then(fee("family_pharmacist")[1]).otherwise(fee("guidance")[1]),
    )


def _lines(
    drugs: pl.DataFrame, groups: pl.DataFrame, handed: pl.DataFrame, prescriptions: pl.DataFrame,
    claims: pl.DataFrame, month: date,
) -> tuple[pl.DataFrame, pl.DataFrame]:  # fmt: skip
    """Items and records of the receipts; both know their place among the lines."""
    bit = lambda name: pl.lit(1).cast(pl.Int64) * 2 ** (pl.col(name).dt.day().cast(pl.Int64) - 1)  # noqa: E731
    place = ["key", "section", "group", "part", "visit"]

    def at(frame: pl.DataFrame, section: int, part: int) -> pl.DataFrame:
        return frame.with_columns(
            section=pl.lit(section), part=pl.lit(part),
            group=pl.col("group").cast(pl.Int64) if "group" in frame.columns else pl.lit(0, pl.Int64),
            visit=pl.col("visit").cast(pl.Int64) if "visit" in frame.columns else pl.lit(0, pl.Int64),
        )  # fmt: skip

    records = [
        at(groups.with_columns(
            record_id=pl.lit("SH"), start_date=pl.lit(None, pl.Date),
            text=record_text({
                1: pl.col("group"), 2: pl.col("category_code").replace_strict(DOSAGE_FORMS, default="1"),
                5: pl.col("unit_points"),
            }, 10),
        ), 0, 0),
        at(handed.with_columns(record_id=pl.lit("CZ"), start_date="handed_date", text=_handed_text()), 0, 2),
        at(prescriptions.with_columns(
            record_id=pl.lit("KI"), start_date="ki_date", text=_prescription_text()
        ), 1, 0),
    ]  # fmt: skip
    others = pl.concat([r.select(*place, "record_id", "text", "start_date") for r in records])
    codes = groups.select("parent_source_row", "group", "key", "unit_points", dispensed="times_count")
    days = handed.group_by("key", "group").agg(dispensed_days=bit("handed_date").unique().sum())
    own = drugs.join(codes, on=["parent_source_row", "group"], maintain_order="left").join(
        days, on=["key", "group"], maintain_order="left"
    )
    # Each drug is a line of its own: its number in the group takes the place of 受付回.
    own = at(own.with_columns(visit="order_in_group"), 0, 1).with_columns(
        days_code="dispensed_days",
        times_count="dispensed",
        points=pl.when(pl.col("order_in_group") == pl.col("order_in_group").max().over("key", "group")).then(
            "unit_points"
        ),
        category_code=pl.lit(None, pl.String),
        order=pl.lit(0),
    )
    fees = [
        at(handed, 0, 2).filter(pl.col(f"{name}_code").is_not_null()).with_columns(
            item_kind_code=pl.lit("CZ"), item_code=f"{name}_code", points=f"{name}_points",
            burden_code=pl.lit("1") if has_burden else pl.lit(None, pl.String), order=pl.lit(order),
            days_code=bit("handed_date"),
        )
        for order, (name, has_burden) in enumerate(
            (("make", False), ("added", True), ("packed", True), ("manage", False))
        )
    ]  # fmt: skip
    always = {name: [pl.lit(value) for value in fee(name)] for name in ("basic", "community", "generic")}
    guidance = [pl.col("guidance_code"), pl.col("guidance_points")]
    in_order = (always["basic"], guidance, always["community"], always["generic"])
    for order, (code, points) in enumerate(in_order):
        fees.append(
            at(prescriptions, 1, 0).with_columns(
                item_kind_code=pl.lit("KI"), item_code=code, points=points, burden_code=pl.lit("1"),
                order=pl.lit(order), days_code=bit("ki_date"),
            )
        )  # fmt: skip
    names = (
        "item_kind_code", "item_code", "category_code", "burden_code", "points", "times_count", "days_code", "quantity",
    )  # fmt: skip
    columns = {name: CLAIM_ITEM.plain_schema()[name] for name in names}
    parts = []
    for frame in [own, *fees]:
        if frame is not own:
            frame = frame.with_columns(times_count=pl.lit(1), quantity=pl.lit(None), category_code=pl.lit(None))
        parts.append(frame.select(*place, "order", *[pl.col(c).cast(t) for c, t in columns.items()]))
    items = pl.concat(parts)
    lines = pl.concat([items.select(place), others.select(place)]).unique().sort(place)
    lines = lines.with_columns(line_number=pl.int_range(pl.len()).over("key") + 1)
    head = claims.select("key", "scheme_code", "insurer_number")
    items = items.join(lines, on=place).join(head, on="key").sort("key", "line_number", "order")
    items = items.with_columns(
        source_row=pl.int_range(pl.len()), parent_source_row="key", service_month=pl.lit(month),
        sequence_number=pl.int_range(pl.len()).over("key") + 1,
    ).select(ITEM_COLUMNS)  # fmt: skip
    others = others.join(lines, on=place).sort("key", "line_number").with_columns(
        parent_source_row="key", end_date=pl.lit(None), points=pl.lit(None)
    )  # fmt: skip
    return items, others.select(pl.col(c).cast(t) for c, t in RECORDS.items())


def _handed_text() -> pl.Expr:
    burden = pl.lit("{b}")

    def where(name: str) -> pl.Expr:
        return pl.when(pl.col(f"{name}_code").is_not_null()).then(burden)

    counts = pl.when(pl.col("make_code").is_not_null()).then(pl.lit("1")).otherwise(pl.lit("2"))
    manages = pl.when(pl.col("manage_code").is_not_null()).then(pl.lit("1")).otherwise(pl.lit("2"))
    return record_text(
        {
            1: pl.lit("1"), 2: pl.lit("{d}"), 3: pl.lit("{d}"), 4: pl.col("visit"), 5: pl.col("amount"),
            6: burden, 7: counts, 9: pl.col("make_code"), 10: pl.col("make_points"), 13: pl.col("drug_points"),
            15: where("added"), 16: pl.col("added_code"), 17: pl.col("added_points"),
            54: where("packed"), 55: pl.col("packed_code"), 56: pl.col("packed_points"),
            57: burden, 58: manages, 60: pl.col("manage_code"), 61: pl.col("manage_points"),
        },
        71,
    )  # fmt: skip


def _prescription_text() -> pl.Expr:
    burden, once = pl.lit("{b}"), pl.lit("1")
    basic, community, generic = fee("basic"), fee("community"), fee("generic")
    return record_text(
        {
            1: pl.lit("{d}"), 2: pl.col("visit"), 3: burden, 4: pl.lit(basic[0]), 5: pl.lit(basic[1]),
            7: burden, 8: pl.col("guidance_code"), 9: once, 10: pl.col("guidance_points"),
            69: burden, 70: pl.lit(community[0]), 71: once, 72: pl.lit(community[1]),
            73: burden, 74: pl.lit(generic[0]), 75: once, 76: pl.lit(generic[1]),
        },
        114,
    )  # fmt: skip
