"""介護給付費請求明細書 (7131 …): care as claimed, for months of which no 給付実績 came.

The forms 二 to 十 and that of 総合事業 are one record family: 01 (基本) becomes ``care_claim``, 10 (集計)
``care_service``, the details ``care_line``. 様式七 (812x, 居宅介護支援) has one flat record a line of plan: the
first record of an insured, month and provider is its claim. ``is_adjudicated`` is false; 審査年月 is the
処理対象年月 of the file. A form's last digit grows with its editions, so the first three characters tell the form
(``FORMS``). Positions of the columns: ``layouts/care_7131.csv``, unverified. Source: formats.md 3.1, 3.2.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl

from ingest.formats import care_parts, careframe, careplain, cells
from ingest.formats.care_kernels import BOTH, CLAIM
from ingest.formats.care_parts import KEY, Parts, care_scheme
from ingest.formats.careplain import CareRecords, merged
from ingest.formats.carerecord import Record, widths
from ingest.formats.carewalk import Ties
from ingest.formats.cells import Cell, derived
from ingest.formats.contracts import CARE_CLAIM, CARE_LINE, CARE_SERVICE
from ingest.formats.layout_files import layout_cache
from ingest.formats.reading import Reader, Reading, empty_set_aside

LAYOUT = "care_7131"
FORMS = ("713", "714", "715", "716", "717", "718", "719", "71A", "71P")
"""様式二, 三, 四, 五, 六, 八, 九, 十 and 総合事業: the records 01, 02, 10 …"""
PLAN, PLAN_LINE = "812", "812D"
"""様式七: one flat record a line of plan, laid out as a claim and as a line."""
COVERS = ("7111", "7112", "7121")
"""請求書 and 別紙: sums of the forms, counted and not carried."""
DATA_KINDS = (*FORMS, PLAN, "711", "712")
LINE_KINDS = {
    "02": "D1",
    "03": "D2",
    "04": "D3",
    "05": "D4",
    "11": "D9",
    "12": "DA",
    "13": "DC",
    "14": "DD",
    PLAN_LINE: "D5",
}
"""レコード種別 to the code that the same kind of line has in 給付実績."""
SERVICE_KINDS = {"10": "10"}
PROCESSED_MONTH = 10
"""処理対象年月 in the control record, counted from 0."""


class Care7131:
    """Reader of 請求明細書 files."""

    format = "care_7131"
    stream = "care_claim"

    def recognise(self, head: bytes) -> str | None:
        """交換情報識別番号 of the first record when the control record says データ種別 711 to 71P or 812."""
        kind = careframe.data_kind(head)
        if kind not in DATA_KINDS:
            return None
        return careframe.exchange_code(head) or kind

    def read(self, path: Path) -> Reading:
        """Claims as claimed, their sums by service and their lines; raises FileRefused ``truncated`` where the frame
        is not whole."""
        source = careplain.records(path, _records(), _code(), "care_claim", FORMS[0], _ties())
        records = careframe.record_counts(source.codes)
        claim, claim_aside = _claims(source)
        service, service_aside, _ = care_parts.lines(source, LAYOUT, SERVICE_KINDS, CARE_SERVICE, claim)
        service = care_parts.with_rate(service, claim)
        line, line_aside, _ = care_parts.lines(_with_plan_lines(source), LAYOUT, LINE_KINDS, CARE_LINE, claim)
        tables = {"care_claim": claim, "care_service": service, "care_line": line}
        aside = pl.concat([claim_aside, service_aside, line_aside]).sort("source_row", maintain_order=True)
        source.refuse(records, tables, aside)
        return Reading(
            format=self.format,
            edition=source.edition,
            months=cells.months_of(claim["service_month"]),
            records=records,
            tables=tables,
            set_aside=aside,
            problems=[*source.problems, *careframe.unknown_records(source.codes, LAYOUT, "care_claim")],
        )


def _code() -> pl.Expr:
    """What a record is: its レコード種別, 812 of a plan, the 交換情報識別番号 of a cover or of a form not known.

    What is no 交換情報識別番号 of four characters, in a line that lost a field, is not taken for a レコード種別.
    """
    form = pl.col("exchange_code").str.slice(0, 3)
    return (
        pl.when(pl.col("exchange_code").is_in(list(COVERS)))
        .then(pl.col("exchange_code"))
        .when(form == PLAN)
        .then(pl.lit(PLAN))
        .when(form.is_in(list(FORMS)))
        .then(pl.col("form_code"))
        .when(pl.col("exchange_code").str.len_chars() == 4)
        .then(pl.col("exchange_code"))
        .otherwise(pl.lit(careframe.OTHER))
    )


@layout_cache
def _records() -> list[Record]:
    """How plain records are read; one of a plan is a claim and a line."""
    later = ["adjudication_month"]
    claims = [
        Record(
            (code,), CARE_CLAIM, list(_claim_cells(code).values()), widths(LAYOUT, [code]),
            told={"record_code": [code]}, later=later,
        )
        for code in ("01", PLAN)
    ]  # fmt: skip
    services = care_parts.line_records(LAYOUT, SERVICE_KINDS, CARE_SERVICE)
    lines = [
        replace(record, codes=tuple(PLAN if code == PLAN_LINE else code for code in record.codes))
        for record in care_parts.line_records(LAYOUT, LINE_KINDS, CARE_LINE)
    ]
    return [*claims, *services, *lines]


@layout_cache
def _ties() -> Ties:
    """How lines are tied to the claims before them."""
    found = care_parts.ties(LAYOUT, {"01": CLAIM, PLAN: BOTH}, [*SERVICE_KINDS, *LINE_KINDS])
    if found.places.get(PLAN) == found.places.get(PLAN_LINE):
        return found
    return replace(found, role={code: role for code, role in found.role.items() if code != PLAN})


def _with_plan_lines(source: CareRecords) -> CareRecords:
    """The records of a plan as its lines."""

    def with_lines(data: pl.DataFrame) -> pl.DataFrame:
        plans = data.filter(pl.col("code") == PLAN).with_columns(code=pl.lit(PLAN_LINE))
        return pl.concat([data, plans])

    return replace(source, data=with_lines(source.data), reread=lambda rows: with_lines(source.reread(rows)))


def _claims(source: CareRecords) -> Parts:
    """Records 01, and the first of each plan, as ``care_claim``, and those set aside."""
    control = source.control[PROCESSED_MONTH] if len(source.control) > PROCESSED_MONTH else None
    text = pl.select(cells.clean(pl.lit(control, dtype=pl.String)).alias("text"))
    month = text.select(cells.month_value(pl.col("text"))).item()
    plain, data = source.tables.get(CARE_CLAIM.name), source.data
    if plain is not None and month is None:  # no claim can be taken
        data, plain = source.data_with(plain["source_row"]), None
    first = _first_of_plans(data, plain)
    if plain is not None:
        is_later = (plain["record_code"] == PLAN) & ~plain["source_row"].is_in(first.implode())
        plain = plain.filter(~is_later) if is_later.any() else plain
        plain = plain.with_columns(adjudication_month=pl.lit(month, dtype=pl.Date)).select(*CARE_CLAIM.plain_schema())
    present = set(data["code"].unique())
    found = [_claim_records(data, code, month, first) for code in ("01", PLAN) if code in present]
    nothing = pl.DataFrame(schema=CARE_CLAIM.plain_schema()), empty_set_aside()
    table, aside = (pl.concat(parts) for parts in zip(nothing, *found, strict=True))
    return merged(plain, table.sort("source_row")), aside


def _first_of_plans(data: pl.DataFrame, plain: pl.DataFrame | None) -> pl.Series:
    """The rows of the first record of each insured, month and provider with a plan."""
    keys = []
    if plain is not None:
        own = plain.select("source_row", "record_code", *KEY)
        keys.append(own.filter(pl.col("record_code") == PLAN).drop("record_code"))
    if data.filter(pl.col("code") == PLAN).height:
        fields, _, printed = careframe.record_fields(data, LAYOUT, PLAN, "code")
        texts = cells.with_texts(fields, [printed[name] for name in KEY])
        keys.append(texts.select("source_row", *(printed[name].value.alias(name) for name in KEY)))
    if not keys:
        return pl.Series("source_row", dtype=pl.Int64)
    whole = pl.concat(keys).sort("source_row")
    return whole["source_row"].filter(whole.select(pl.struct(KEY).is_first_distinct()).to_series())


def _claim_cells(code: str) -> dict[str, Cell]:
    own = careframe.record_cells(careframe.record_columns(LAYOUT, code))
    if code == PLAN:
        own["user_yen"] = derived("user_yen", pl.lit(0, dtype=pl.Int64))
    return own | {
        "scheme_code": care_scheme(),
        "is_adjudicated": derived("is_adjudicated", pl.lit(False)),
        "adjustment_count": derived("adjustment_count", pl.lit(0, dtype=pl.Int64)),
        "is_purchase": derived("is_purchase", pl.lit(False)),
        "creation_code": derived("creation_code", pl.lit("1")),
        "input_form_code": derived("input_form_code", own["reference_number"].value),
    }


def _claim_records(data: pl.DataFrame, code: str, month: date | None, first: pl.Series) -> Parts:
    """The records of one code that were read as text."""
    fields, misfits, _ = careframe.record_fields(data, LAYOUT, code, "code")
    own = _claim_cells(code)
    if code == PLAN:
        fields = fields.join(first.to_frame(), on="source_row", how="semi", maintain_order="left")
        misfits = misfits.clear()  # a record too short is set aside once, as a line
    own["adjudication_month"] = derived("adjudication_month", pl.lit(month, dtype=pl.Date))
    table, aside = cells.typed(fields, CARE_CLAIM, list(own.values()))
    return table, pl.concat([aside, cells.misfits(misfits, CARE_CLAIM.name, "care")])


READERS: tuple[Reader, ...] = (Care7131(),)
