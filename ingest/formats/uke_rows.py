"""The records of one block of receipts, column by column, into the three contract tables.

Rules by their number at the head of domain/formats.md: 1 record id, 2 eras, 3 insurer number,
4 full width, 5 inherited 診療識別, 6 points on the last line, 7 yen under 97, 8 subtractions,
9 several HO, 10 総括.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ingest.formats.contracts import CONTRACTS
from ingest.formats.eras import parse_date, parse_month
from ingest.formats.rowcheck import Fault, blank, integer, split_faulty, text, unreadable
from ingest.formats.uke_layout import (
    CORRECTING_CHECKS,
    ITEM_KINDS,
    REDUCTION_OF_DRUGS,
    SUSPECTED_MODIFIER,
    UNCOUNTED_CATEGORIES,
    fields,
    subtraction_codes,
)

DPC_COLUMNS = {28: "dpc28", 40: "dpc40"}
"""Number of columns of a RE record that tells a DPC layout from the one of 医科 (rule 10)."""

_DIRECT = r"^[A-Z]{2}(,|$)"
_ANYWHERE = r"^(?:[^,]*,){0,4}?([A-Z]{2}(?:,.*)?)$"


@dataclass
class BlockRows:
    """Tables and set-aside rows of one block."""

    tables: dict[str, pl.DataFrame]
    set_aside: pl.DataFrame


def with_records(lines: pl.DataFrame) -> pl.DataFrame:
    """Adds ``body`` (the line from its record id on, rule 1) and ``id`` (null where there is none)."""
    direct = pl.col("line").str.contains(_DIRECT)
    if lines.select(direct.all()).item():
        frame = lines.with_columns(body=pl.col("line"))
    else:
        frame = lines.with_columns(
            body=pl.when(direct).then(pl.col("line")).otherwise(pl.col("line").str.extract(_ANYWHERE, 1))
        )
    return frame.with_columns(id=pl.col("body").str.slice(0, 2))


def with_owner(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds ``owner`` (source_row of the receipt's RE) and ``is_donor`` (after a TI record).

    A receipt begins at the first of a run of MN, HI, IR, RE records; what stands between that and
    the RE belongs to the RE that follows.
    """
    receipt = pl.when(pl.col("id") == "RE").then("source_row")
    marker = pl.when(pl.col("id").is_in(["MN", "HI", "IR"])).then(pl.lit(-1)).otherwise(receipt)
    frame = frame.with_columns(owner=marker.forward_fill(), next=receipt.backward_fill())
    frame = frame.with_columns(owner=pl.when(pl.col("owner") == -1).then("next").otherwise("owner")).drop("next")
    if not frame.select((pl.col("id") == "TI").any()).item():
        return frame.with_columns(is_donor=pl.lit(False))
    donor = pl.when(pl.col("id") == "TI").then("source_row").forward_fill()
    return frame.with_columns(is_donor=(donor > pl.col("owner")).fill_null(False))


def _only(frame: pl.DataFrame, *ids: str) -> pl.DataFrame:
    return frame.filter(pl.col("id").is_in(ids))


def _parted(frame: pl.DataFrame, record_id: str, layout: str = "medical") -> pl.DataFrame:
    """The frame with one text column per field of the record."""
    places = fields(record_id, layout)
    parts = pl.col("body").str.splitn(",", max(places.values()) + 2)
    return (
        frame.with_columns(parts.alias("__parts"))
        .with_columns(pl.col("__parts").struct.field(f"field_{place}").alias(name) for name, place in places.items())
        .drop("__parts")
    )


def read_block(frame: pl.DataFrame) -> BlockRows:
    """``frame``: source_row, line, body, id, owner, is_donor of whole receipts, headed by their IR."""
    items = _items(frame)
    claims, aside = _claims(frame, items)
    kept = claims.select("owner", "scheme_code", "insurer_number", "service_month")
    diagnoses, diagnoses_aside = _diagnoses(frame, kept)
    lines, lines_aside = _item_lines(items, kept)
    tables = {"claim": claims, "claim_diagnosis": diagnoses, "claim_item": lines}
    return BlockRows(
        tables={
            name: table.select(list(CONTRACTS[name].plain_schema())).cast(
                CONTRACTS[name].plain_schema()  # type: ignore[arg-type]
            )
            for name, table in tables.items()
        },
        set_aside=pl.concat([aside, diagnoses_aside, lines_aside]),
    )


# -- lines ---------------------------------------------------------------------------------------


def _items(frame: pl.DataFrame) -> pl.DataFrame:
    """SI, IY, TO lines with 診療識別 inherited (rule 5) and ``amount``, what the line adds to the points."""
    lines = _parted(_only(frame, "RE", "CO", *ITEM_KINDS), "item")
    own = text(pl.col("category_code"))
    category = pl.when(pl.col("id") == "RE").then(pl.lit("")).otherwise(own).forward_fill()
    lines = lines.with_columns(category_code=category.replace("", None), own_category=own)
    lines = lines.filter(pl.col("id") != "CO").with_columns(
        points_typed=integer("points"), times_typed=integer("times_count"), item_code=text(pl.col("item_code"))
    )
    # Rule 6: points stand on the last line of a group, net of the group. A line is inside a group
    # when the line before it, of the same 診療識別, has none yet.
    follows = (
        pl.col("points_typed").is_null().shift(1).fill_null(False)
        & (pl.col("id").shift(1) != "RE").fill_null(False)
        & (pl.col("own_category").is_null() | (pl.col("category_code") == pl.col("category_code").shift(1)))
    )
    kinds = subtraction_codes()
    kind = pl.col("item_code").replace_strict(list(kinds), list(kinds.values()), default=None, return_dtype=pl.String)
    lines = lines.with_columns(amount_kind=kind, follows=follows).filter(pl.col("id") != "RE")
    subtracts = pl.col("amount_kind").is_not_null() & (
        (pl.col("amount_kind") == REDUCTION_OF_DRUGS) | ~pl.col("follows")
    )
    amount = pl.col("points_typed") * pl.col("times_typed").fill_null(1)
    counted = ~pl.col("category_code").is_in(UNCOUNTED_CATEGORIES).fill_null(False) & ~pl.col("is_donor")
    return lines.with_columns(
        amount=pl.when(counted).then(pl.when(subtracts.fill_null(False)).then(-amount).otherwise(amount)).fill_null(0)
    )


def _line_points(frame: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Points recomputed from the lines, by receipt: Σ lines + Σ GT (DPC)."""
    total = _parted(_only(frame, "GT"), "GT", "dpc28").with_columns(amount=integer("points").fill_null(0))
    both = pl.concat([items.select("owner", "amount"), total.select("owner", "amount")])
    return both.group_by("owner").agg(line_points=pl.col("amount").sum())


def _orphans(kind: str) -> list[Fault]:
    """Faults of a line that has no standing claim to belong to."""
    return [
        Fault("record", "contract", pl.col("owner").is_null()),
        Fault("organ_donor", "contract", pl.col("is_donor")),
        Fault("parent_source_row", "contract", pl.col("service_month").is_null()),
    ]


def _placed(lines: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """The lines with the scheme, insurer and month of their receipt and their order in it."""
    first = pl.int_range(pl.len(), dtype=pl.Int64)
    return (
        lines.with_columns(place=first)
        .with_columns(sequence_number=pl.col("place") - pl.col("place").min().over("owner") + 1)
        .join(kept, on="owner", how="left", maintain_order="left")
        .with_columns(parent_source_row=pl.col("owner"))
    )


def _diagnoses(frame: pl.DataFrame, kept: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    lines = _placed(_parted(_only(frame, "SY"), "SY"), kept)
    lines = lines.with_columns(
        disease_code=text(pl.col("disease_code")),
        start_text="start_date",
        start_date=parse_date(pl.col("start_date")),
        outcome_code=text(pl.col("outcome_code")),
        modifier_codes=text(pl.col("modifier_codes")),
        disease_name=text(pl.col("disease_name")),
    ).with_columns(
        is_main=(pl.col("main_code").str.strip_chars() == "01").fill_null(False),
        is_suspected=pl.col("modifier_codes").str.contains(rf"^(?:.{{4}})*{SUSPECTED_MODIFIER}").fill_null(False),
        icd10_code=pl.lit(None, dtype=pl.String),
        disease_class_code=pl.lit(None, dtype=pl.String),
    )
    return split_faulty(
        lines,
        "claim_diagnosis",
        [
            *_orphans("SY"),
            Fault("disease_code", "missing_field", pl.col("disease_code").is_null()),
            Fault("disease_code", "bad_code", ~pl.col("disease_code").str.contains(r"^[0-9]{7}$")),
            Fault("start_date", "bad_date", unreadable("start_text", "start_date")),
        ],
        scheme="scheme_code",
    )


def _item_lines(items: pl.DataFrame, kept: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    lines = _placed(items, kept).with_columns(
        item_kind_code="id",
        burden_code=text(pl.col("burden_code")),
        quantity_text="quantity",
        quantity=pl.col("quantity").str.strip_chars().cast(pl.Decimal(18, 4), strict=False),
    )
    return split_faulty(
        lines.with_columns(
            points_text="points",
            points="points_typed",
            times_text="times_count",
            times_count="times_typed",
            days_code=pl.lit(None, dtype=pl.Int64),
        ),
        "claim_item",
        [
            *_orphans("item"),
            Fault("item_code", "missing_field", pl.col("item_code").is_null()),
            Fault("item_code", "bad_code", ~pl.col("item_code").str.contains(r"^[0-9]{9}$")),
            Fault("category_code", "bad_code", ~pl.col("category_code").str.contains(r"^[0-9]{2}$")),
            Fault("quantity", "bad_number", unreadable("quantity_text", "quantity")),
            Fault("points", "bad_number", unreadable("points_text", "points")),
            Fault("times_count", "bad_number", unreadable("times_text", "times_count") | (pl.col("times_count") < 0)),
        ],
        scheme="scheme_code",
    )


# -- receipts ------------------------------------------------------------------------------------


def _receipts(frame: pl.DataFrame) -> pl.DataFrame:
    """RE records with their fields by layout, and whether the receipt is a 総括 (rule 10)."""
    receipts = _only(frame, "RE").with_columns(columns=pl.col("body").str.count_matches(",", literal=True) + 1)
    layout = pl.col("columns").replace_strict(
        list(DPC_COLUMNS), list(DPC_COLUMNS.values()), default="medical", return_dtype=pl.String
    )
    parts = [_parted(receipts.filter(layout == name), "RE", name) for name in ("medical", *DPC_COLUMNS.values())]
    merged = pl.concat(parts, how="diagonal").sort("source_row")
    return merged.with_columns(is_summary=(pl.col("summary_code") == "1").fill_null(False))


def _institutions(frame: pl.DataFrame) -> pl.DataFrame:
    """For each receipt: 医療機関 (10 digits), 請求年月 of the IR record over it."""
    heads = _parted(_only(frame, "IR"), "IR").select(
        institution_row="source_row",
        institution_code=pl.col("prefecture_code").str.strip_chars().str.zfill(2)
        + pl.col("point_table_code").str.strip_chars()
        + pl.col("institution_number").str.strip_chars().str.zfill(7),
        adjudication_text="claimed_month",
        adjudication_month=parse_month(pl.col("claimed_month")),
    )
    receipts = frame.select(
        "owner", "id", institution_row=pl.when(pl.col("id") == "IR").then("source_row").forward_fill()
    ).filter(pl.col("id") == "RE")
    return receipts.drop("id").join(heads, on="institution_row", how="left")


def _insurers(frame: pl.DataFrame) -> pl.DataFrame:
    """HO records by receipt: the last is adjudicated, the first as submitted (rule 9)."""
    records = _parted(_only(frame, "HO"), "HO").with_columns(original_points=integer("points"))
    return records.group_by("owner", maintain_order=True).agg(
        pl.col("original_points").first(),
        *[pl.col(name).last().alias(f"ho_{name}") for name in fields("HO")],
        has_insurer=pl.lit(True).first(),
    )


def _public_payers(frame: pl.DataFrame) -> pl.DataFrame:
    """KO records by receipt: of several the one with the most points, since a receipt that only
    public funds pay has no total of its own."""
    records = _parted(_only(frame, "KO"), "KO").with_columns(order=integer("points").fill_null(-1))
    return records.group_by("owner", maintain_order=True).agg(
        *[pl.col(name).sort_by("order").last().alias(f"ko_{name}") for name in fields("KO")],
        has_public=pl.lit(True).first(),
    )


def _checks(frame: pl.DataFrame) -> pl.DataFrame:
    """SN records of the medical insurer by receipt: 枝番, and the insurer where it was corrected."""
    records = _parted(_only(frame, "SN"), "SN").filter(pl.col("payer_kind_code").str.strip_chars() == "1")
    corrects = pl.col("check_code").str.strip_chars().is_in(CORRECTING_CHECKS)
    return records.group_by("owner", maintain_order=True).agg(
        branch=text(pl.col("branch")).drop_nulls().last(),
        **{
            f"sn_{name}": pl.when(corrects).then(text(pl.col(name))).drop_nulls().last()
            for name in ("insurer_number", "symbol", "number")
        },
    )


def normal_insurer_number(raw: pl.Expr) -> pl.Expr:
    """保険者番号 without padding: 6 digits, or 8 (rule 3); 67 (退職) gives the 国保 number behind it."""
    stripped = raw.str.normalize("NFKC").str.strip_chars()
    length = stripped.str.len_chars()
    padded = (
        pl.when(length < 6)
        .then(stripped.str.zfill(6))
        .when(length == 7)
        .then(stripped.str.zfill(8))
        .otherwise(stripped)
    )
    national = (length == 8) & stripped.str.contains(r"^(?:00|67)")
    return pl.when(stripped != "").then(pl.when(national).then(stripped.str.slice(2)).otherwise(padded))


def scheme_of(insurer_number: pl.Expr) -> pl.Expr:
    """制度 by insurer number: 6 digits 国保 (3rd digit 3: 国保組合), 39… 後期; null for employees' insurance."""
    length = insurer_number.str.len_chars()
    return (
        pl.when((length == 6) & (insurer_number.str.slice(2, 1) == "3"))
        .then(pl.lit("kumiai"))
        .when(length == 6)
        .then(pl.lit("kokuho"))
        .when((length == 8) & insurer_number.str.starts_with("39"))
        .then(pl.lit("koki"))
    )


def _folded(column: str) -> pl.Expr:
    """記号・番号 in half width (rule 4)."""
    return text(pl.col(column).str.normalize("NFKC"))


def _claims(frame: pl.DataFrame, items: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    returned = _only(frame, "HR").select("owner", is_withdrawn=pl.lit(True)).unique()
    claims = _receipts(frame)
    for part in (
        _institutions(frame),
        _insurers(frame),
        _public_payers(frame),
        _checks(frame),
        _line_points(frame, items),
        returned,
    ):
        claims = claims.join(part, on="owner", how="left", maintain_order="left")
    has_insurer = pl.col("has_insurer").fill_null(False)

    def payer(name: str) -> pl.Expr:
        return pl.when(has_insurer).then(f"ho_{name}").otherwise(f"ko_{name}")

    amounts = ("days_count", "points", "meal_count", "meal_yen")
    claims = claims.with_columns(
        insurer_number=normal_insurer_number(pl.coalesce("sn_insurer_number", "ho_insurer_number")),
        symbol=pl.coalesce(_folded("sn_symbol"), _folded("ho_symbol")),
        number=pl.coalesce(_folded("sn_number"), _folded("ho_number")),
        is_public_only=~has_insurer,
        **{f"{name}_text": payer(name) for name in amounts},
    ).with_columns(**{name: integer(f"{name}_text") for name in amounts})
    claims = claims.with_columns(
        scheme_code=scheme_of(pl.col("insurer_number")),
        original_points=pl.coalesce("original_points", "points"),
        line_points=pl.col("line_points").fill_null(0),
        receipt_text="receipt_number",
        receipt_number=integer("receipt_number"),
        claim_type_code=pl.col("claim_type_code").str.strip_chars(),
        service_text="service_month",
        service_month=parse_month(pl.col("service_month")),
        name_kanji=text(pl.col("name_kanji")),
        name_kana=text(pl.col("name_kana")),
        sex_code=text(pl.col("sex_code")),
        birth_text="birth_date",
        birth_date=parse_date(pl.col("birth_date")),
        benefit_text="benefit_rate",
        benefit_rate=integer("benefit_rate"),
        admission_text="admission_date",
        admission_date=parse_date(pl.col("admission_date")),
        special_note_codes=text(pl.col("special_note_codes")),
        search_number=text(pl.col("search_number")),
        is_withdrawn=pl.col("is_withdrawn").fill_null(False),
    ).with_columns(
        is_inpatient=pl.col("claim_type_code").str.slice(3, 1).is_in(["1", "3", "5", "7", "9"]),
        claim_kind_code=pl.lit("medical"),
        prescribing_institution_code=pl.lit(None, dtype=pl.String),
        prescription_count=pl.lit(None, dtype=pl.Int64),
        visit_days_code=pl.lit(None, dtype=pl.Int64),
        summary_code=pl.col("summary_code").replace("", None),
        version_number=pl.when(pl.col("is_withdrawn")).then(2).otherwise(1),
        has_search_number=pl.col("search_number").is_not_null(),
        search_number=pl.coalesce(
            "search_number",
            pl.format("{}{}{}", "institution_code", pl.col("adjudication_month").dt.strftime("%Y%m"), "receipt_number"),
        ),
    )
    insured = pl.col("insurer_number").is_not_null()
    return split_faulty(
        claims,
        "claim",
        [
            Fault(
                "insurer_number",
                "missing_insurer",
                (~has_insurer & pl.col("has_public").is_null()) | (has_insurer & ~insured),
            ),
            Fault(
                "insurer_number",
                "bad_code",
                insured & ~pl.col("insurer_number").str.contains(r"^(?:[0-9]{6}|[0-9]{8})$"),
            ),
            Fault("number", "missing_field", has_insurer & pl.col("number").is_null()),
            Fault(
                "claim_type_code",
                "bad_code",
                ~pl.col("claim_type_code").str.contains(r"^1[1-4][1-5][0-9]$").fill_null(False),
            ),
            *_required("service_month", "service_text", "bad_date"),
            *_required("birth_date", "birth_text", "bad_date"),
            Fault("sex_code", "missing_field", pl.col("sex_code").is_null()),
            Fault("sex_code", "bad_code", ~pl.col("sex_code").is_in(["1", "2"])),
            *_required("receipt_number", "receipt_text", "bad_number"),
            Fault("institution_code", "missing_field", pl.col("institution_row").is_null()),
            Fault(
                "institution_code",
                "bad_code",
                ~pl.col("institution_code").str.contains(r"^[0-9]{10}$").fill_null(False),
            ),
            *_required("adjudication_month", "adjudication_text", "bad_date"),
            *_required("days_count", "days_count_text", "bad_number"),
            Fault("days_count", "bad_number", ~pl.col("days_count").is_between(0, 31)),
            *_required("points", "points_text", "bad_number"),
            *[
                Fault(name, "bad_number", unreadable(f"{name}_text", name) | (pl.col(name) < 0))
                for name in ("points", "meal_count", "meal_yen")
            ],
            Fault("benefit_rate", "bad_number", unreadable("benefit_text", "benefit_rate")),
            Fault("admission_date", "bad_date", unreadable("admission_text", "admission_date")),
        ],
        scheme="scheme_code",
        measures={"points": "points", "meal_yen": "meal_yen"},
    )


def _required(name: str, raw: str, reason_code: str) -> list[Fault]:
    """Faults of a required field: nothing there, or not readable."""
    return [
        Fault(name, "missing_field", blank(raw)),
        Fault(name, reason_code, unreadable(raw, name)),
    ]
