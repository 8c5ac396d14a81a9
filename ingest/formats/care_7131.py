"""介護給付費請求明細書 (7131 …): care as claimed, for months of which no 給付実績 came.

The forms 二 to 十 and that of 総合事業 are one record family: 01 (基本) becomes ``care_claim``, 10 (集計)
``care_service``, the details ``care_line``. 様式七 (812x, 居宅介護支援) has one flat record a line of plan: the
first record of an insured, month and provider is its claim. ``is_adjudicated`` is false; 審査年月 is the
処理対象年月 of the file. A form's last digit grows with its editions, so the first three characters tell the form
(``FORMS``). Positions of the columns: ``layouts/care_7131.csv``, unverified. Source: formats.md 3.1, 3.2.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ingest.formats import care_parts, careframe, cells
from ingest.formats.care_parts import KEY, Parts, care_scheme
from ingest.formats.careframe import CareFile
from ingest.formats.cells import derived
from ingest.formats.contracts import CARE_CLAIM, CARE_LINE, CARE_SERVICE
from ingest.formats.reading import Reader, Reading

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
        file = careframe.open_frame(path, "care_claim")
        data = file.data().with_columns(code=_code())
        records = careframe.record_counts(data, "code")
        claim, claim_aside = _claims(data, file)
        service, service_aside, _ = care_parts.lines(data, LAYOUT, {"10": "10"}, CARE_SERVICE, claim)
        service = care_parts.with_rate(service, claim)
        plans = data.filter(pl.col("code") == PLAN).with_columns(code=pl.lit(PLAN_LINE))
        whole = pl.concat([data, plans])
        line, line_aside, _ = care_parts.lines(whole, LAYOUT, LINE_KINDS, CARE_LINE, claim)
        tables = {"care_claim": claim, "care_service": service, "care_line": line}
        aside = pl.concat([claim_aside, service_aside, line_aside]).sort("source_row", maintain_order=True)
        file.refuse(records, tables, aside)
        return Reading(
            format=self.format,
            edition=careframe.edition(data, FORMS[0]),
            months=cells.months_of(claim["service_month"]),
            records=records,
            tables=tables,
            set_aside=aside,
            problems=[*file.problems, *careframe.unknown_records(data, LAYOUT, "code", "care_claim")],
        )


def _code() -> pl.Expr:
    """What a record is: its レコード種別, 812 of a plan, the 交換情報識別番号 of a cover or of a form not known."""
    form = pl.col("exchange_code").str.slice(0, 3)
    return (
        pl.when(pl.col("exchange_code").is_in(list(COVERS)))
        .then(pl.col("exchange_code"))
        .when(form == PLAN)
        .then(pl.lit(PLAN))
        .when(form.is_in(list(FORMS)))
        .then(pl.col("form_code"))
        .otherwise(pl.col("exchange_code"))
    )


def _claims(data: pl.DataFrame, file: CareFile) -> Parts:
    """Records 01, and the first of each plan, as ``care_claim``, and those set aside."""
    control = file.control[PROCESSED_MONTH] if len(file.control) > PROCESSED_MONTH else None
    text = pl.select(cells.clean(pl.lit(control, dtype=pl.String)).alias("text"))
    month = text.select(cells.month_value(pl.col("text"))).item()
    found = [_claim_records(data, code, pl.lit(month, dtype=pl.Date)) for code in ("01", PLAN)]
    return pl.concat([table for table, _ in found]).sort("source_row"), pl.concat([aside for _, aside in found])


def _claim_records(data: pl.DataFrame, code: str, month: pl.Expr) -> Parts:
    fields, misfits, own = careframe.record_fields(data, LAYOUT, code, "code")
    if code == PLAN:
        keys = cells.with_texts(fields, [own[name] for name in KEY]).select(own[name].value.alias(name) for name in KEY)
        fields = fields.filter(keys.select(pl.struct(KEY).is_first_distinct()).to_series())
        misfits = misfits.clear()  # a record too short is set aside once, as a line
        own["user_yen"] = derived("user_yen", pl.lit(0, dtype=pl.Int64))
    own |= {
        "scheme_code": care_scheme(),
        "is_adjudicated": derived("is_adjudicated", pl.lit(False)),
        "adjustment_count": derived("adjustment_count", pl.lit(0, dtype=pl.Int64)),
        "is_purchase": derived("is_purchase", pl.lit(False)),
        "adjudication_month": derived("adjudication_month", month),
        "creation_code": derived("creation_code", pl.lit("1")),
        "input_form_code": derived("input_form_code", own["reference_number"].value),
    }
    table, aside = cells.typed(fields, CARE_CLAIM, list(own.values()))
    return table, pl.concat([aside, cells.misfits(misfits, CARE_CLAIM.name, "care")])


READERS: tuple[Reader, ...] = (Care7131(),)
