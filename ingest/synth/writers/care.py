"""Writes the 国保連 interchange files of 介護: 給付実績 (1111) and 受給者異動 (5311, 5341)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import polars as pl

from ingest.formats.careframe import CONTROL, DATA, END
from ingest.formats.csvlayout import LayoutColumn, layout
from ingest.synth.writers.text import check_digit, date_text, month_text, plain, record_lines, save

SERVICE_ITEM = "1111"
"""サービス項目コード of the D1 line that stands for each service (not carried by the reader)."""
SYMBOL_SEPARATOR = "-"
UNIT_PRICE = "1000"
"""単位数単価 in hundredths of a yen: 10 yen."""


def write_care_1111(claim: pl.DataFrame, service: pl.DataFrame, path: Path, *, is_quoted: bool = False) -> None:
    """Plain frames of ``care_claim`` and ``care_service`` (``parent_source_row`` = ``source_row`` of its claim).

    Each claim is H1, then D1 and T1 for each service, in the order of the frames.
    """
    claims = claim.with_row_index("claim_order")
    services = service.with_row_index("service_order").join(
        claims.select(
            pl.col("source_row").alias("parent_source_row"),
            "claim_order",
            "number",
            "provider_code",
            "reference_number",
            "input_form_code",
        ),
        on="parent_source_row",
        how="inner",
        maintain_order="left",
    )
    before_units = {
        "前_保険サービス単位数": plain(pl.col("units")),
        "前_保険請求額": plain(pl.col("benefit_yen")),
        "前_保険利用者負担額": plain(pl.col("user_yen")),
        "後_保険サービス単位数": plain(pl.col("units")),
        "後_保険請求額": plain(pl.col("benefit_yen")),
        "後_保険利用者負担額": plain(pl.col("user_yen")),
        "給付実績区分コード": pl.lit("1"),
        "レコード種別コード": pl.lit("H1"),
    }
    after_units = {
        "後_単位数合計": plain(pl.col("units")),
        "保険単位数合計": plain(pl.col("units")),
        "後_保険請求額": plain(pl.col("benefit_yen")),
        "保険請求額": plain(pl.col("benefit_yen")),
        "入力識別番号": plain(pl.col("input_form_code")),
        "保険単位数単価": pl.lit(UNIT_PRICE),
        "レコード種別コード": pl.lit("T1"),
    }
    detail = {
        "証記載保険者番号": pl.col("insurer_number").str.zfill(8),
        "被保険者番号": plain(pl.col("number")),
        "サービス提供年月": month_text(pl.col("service_month")),
        "事業所番号": plain(pl.col("provider_code")),
        "整理番号": plain(pl.col("reference_number")),
        "入力識別番号": plain(pl.col("input_form_code")),
        "サービス種類コード": plain(pl.col("service_type_code")),
        "サービス項目コード": pl.lit(SERVICE_ITEM),
        "サービス単位数": plain(pl.col("units")),
        "後_サービス単位数": plain(pl.col("units")),
        "レコード種別コード": pl.lit("D1"),
    }
    parts = [
        _ordered(claims, "H1", before_units, pl.lit(0), is_quoted=is_quoted),
        _ordered(services, "D1", detail, pl.col("service_order") * 2 + 1, is_quoted=is_quoted),
        _ordered(services, "T1", after_units, pl.col("service_order") * 2 + 2, is_quoted=is_quoted),
    ]
    body = pl.concat(parts).sort("claim_order", "order")["line"]
    month = claim.select(month_text(pl.col("adjudication_month").max())).item()
    _save(body, path, "111", claim["insurer_number"], month, is_quoted=is_quoted)


def _ordered(
    frame: pl.DataFrame, code: str, given: dict[str, pl.Expr], order: pl.Expr, *, is_quoted: bool
) -> pl.DataFrame:
    fields = _fields("care_1111", code, given | {"交換情報識別番号": pl.lit("1111")}, frame)
    lines = record_lines(frame, fields, is_quoted=is_quoted)
    return frame.select(pl.col("claim_order"), order.cast(pl.Int64).alias("order")).with_columns(line=lines)


def _fields(name: str, code: str, given: dict[str, pl.Expr], frame: pl.DataFrame) -> list[pl.Expr]:
    """The fields after レコード種別 and レコード番号: given by name, else from the contract column, else blank."""
    columns = sorted((c for c in layout(name) if c.record_code == code), key=lambda c: c.position)
    return [given[c.column_name] if c.column_name in given else _field(c, frame) for c in columns if c.position > 2]


def _field(column: LayoutColumn, frame: pl.DataFrame) -> pl.Expr:
    name = column.contract_column
    if not name or name not in frame.columns:
        return pl.lit("")
    if column.kind == "date":
        return date_text(pl.col(name), "seireki")
    if column.kind == "month":
        return month_text(pl.col(name))
    if column.kind == "insurer":
        return pl.col(name).str.zfill(8).fill_null("")
    return plain(pl.col(name))


def write_care_5311(
    certification: pl.DataFrame,
    path: Path,
    *,
    record_code: Literal["5311", "5341"] | None = None,
    is_quoted: bool = True,
) -> None:
    """A plain frame of ``care_certification`` as 受給者異動 (5311) or as the 受給者台帳 (5341).

    By default the ledger where a row was corrected, else 5311: 5311 has no column for corrections, and
    ValueError where it is asked for all the same.
    """
    is_corrected = (pl.col("correction_code") != "0") | (pl.col("corrected_date") != pl.col("event_date"))
    has_corrections = bool(certification.select(is_corrected.any()).item())
    code = record_code or ("5341" if has_corrections else "5311")
    if code == "5311" and has_corrections:
        raise ValueError("5311 has no column for corrections")
    is_koki = (pl.col("related_scheme_code") == "koki").fill_null(False)
    is_kokuho = (pl.col("related_scheme_code") == "kokuho").fill_null(False)
    joined = pl.concat_str("related_symbol", "related_number", separator=SYMBOL_SEPARATOR, ignore_nulls=True)
    municipality = pl.col("municipality_code")
    given = {
        "交換情報識別番号": pl.lit(code),
        "広域連合(政令市)保険者番号": (municipality + check_digit(municipality)).fill_null(""),
        "保険者番号(後期)": pl.when(is_koki).then(pl.col("related_insurer_number")).fill_null(""),
        "被保険者番号(後期)": pl.when(is_koki).then(pl.col("related_number")).fill_null(""),
        "保険者番号(国保)": pl.when(is_kokuho).then(pl.col("related_insurer_number").str.zfill(8)).fill_null(""),
        "被保険者証番号(国保)": pl.when(is_kokuho).then(joined).fill_null(""),
        "住所地特例対象者区分コード": pl.when("is_address_exception").then(pl.lit("1")).otherwise(pl.lit("2")),
    }
    lines = record_lines(certification, _fields("care_5311", code, given, certification), is_quoted=is_quoted)
    month = certification.select(month_text(pl.col("corrected_date").max())).item()
    _save(lines, path, code[:3], certification["insurer_number"], month, is_quoted=is_quoted)


def _save(body: pl.Series, path: Path, kind: str, insurers: pl.Series, month: str, *, is_quoted: bool) -> None:
    """The data records in their frame, numbered from 1."""
    quote = '"' if is_quoted else ""
    insurer = insurers.mode().sort()[0] if insurers.len() else ""
    prefecture = insurer[:2]
    control = [CONTROL, "1", "0", str(body.len()), kind, "0", insurer.zfill(8), "0", prefecture, "1", month, "1"]
    lines = pl.DataFrame({"line": body}).with_row_index("number", offset=2)
    begin = pl.lit(f"{quote}{DATA}{quote},{quote}")
    numbered = lines.select(begin + pl.col("number").cast(pl.String) + pl.lit(f"{quote},") + pl.col("line")).to_series()
    first = ",".join(f"{quote}{field}{quote}" for field in control)
    last = ",".join(f"{quote}{field}{quote}" for field in (END, str(body.len() + 2)))
    text = "\r\n".join([first, *([numbered.str.join("\r\n").item()] if body.len() else []), last]) + "\r\n"
    save(text, path, "cp932")
