"""Writes the 国保連 interchange files of 介護: 給付実績 (1111, 1112), 請求明細書 (7131 …), 受給者異動 (5311, 5341)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import polars as pl

from ingest.formats.care_7131 import LINE_KINDS, PLAN, PLAN_LINE
from ingest.formats.careframe import CONTROL, DATA, END
from ingest.formats.csvlayout import LayoutColumn, layout
from ingest.synth.writers.text import check_digit, date_text, month_text, plain, record_lines, save

SERVICE_ITEM = "1111"
"""サービス項目コード of the D1 line that stands for each service."""
HIGH_COST_FORM = "3411"
"""入力識別番号 of 高額 (unverified)."""
SYMBOL_SEPARATOR = "-"
UNIT_PRICE = "1000"
"""単位数単価 in hundredths of a yen: 10 yen."""


KEYS = ("number", "provider_code", "reference_number", "input_form_code")
"""Columns of a claim that its lines print too."""


def write_care_1111(
    claim: pl.DataFrame,
    service: pl.DataFrame,
    path: Path,
    *,
    line: pl.DataFrame | None = None,
    high_cost: pl.DataFrame | None = None,
    exchange_code: str = "1111",
    is_quoted: bool = False,
) -> None:
    """Plain frames of ``care_claim``, ``care_service`` and ``care_line`` (``parent_source_row`` = ``source_row`` of
    its claim), and of ``care_high_cost``.

    Each claim is H1, its lines and T1 in the order of the frames, the records of 高額 last. Without ``line`` each
    service has a D1 of its own before its T1.
    """
    claims = claim.with_row_index("claim_order")
    services = _children(service, claims)
    money = ("units", "benefit_yen", "user_yen")
    before_and_after = {
        f"{when}_{name}": plain(pl.col(column))
        for when in ("前", "後")
        for name, column in zip(("保険サービス単位数", "保険請求額", "保険利用者負担額"), money, strict=True)
    }
    sums = {
        "保険単位数単価": pl.lit(UNIT_PRICE),
        "再審査回数": pl.lit("0"),
        "過誤回数": plain(pl.col("adjustment_count")),
    }
    if line is None:
        parts = [
            _ordered(_d1_of(services), "D1", {}, pl.col("child_order") * 2 + 1, exchange_code, is_quoted=is_quoted),
            _ordered(services, "T1", sums, pl.col("child_order") * 2 + 2, exchange_code, is_quoted=is_quoted),
        ]
    else:
        lines = _children(line, claims)
        parts = [
            _ordered(rows, kind, {}, pl.col("child_order") + 1, exchange_code, is_quoted=is_quoted)
            for (kind,), rows in sorted(lines.partition_by("line_kind_code", as_dict=True).items())
        ]
        order = pl.col("child_order") + 1 + lines.height
        parts.append(_ordered(services, "T1", sums, order, exchange_code, is_quoted=is_quoted))
    head = before_and_after | {"給付実績区分コード": plain(pl.col("benefit_kind_code"))}
    parts.append(_ordered(claims, "H1", head, pl.lit(0), exchange_code, is_quoted=is_quoted))
    if high_cost is not None:
        last = pl.lit(claims.height, dtype=pl.UInt32)
        paid = high_cost.with_columns(claim_order=last, input_form_code=pl.lit(HIGH_COST_FORM))
        for (kind,), rows in sorted(paid.partition_by("line_kind_code", as_dict=True).items()):
            parts.append(_ordered(rows, str(kind), {}, pl.lit(0), exchange_code, is_quoted=is_quoted))
    body = pl.concat(parts).sort("claim_order", "order", maintain_order=True)["line"]
    month = claim.select(month_text(pl.col("adjudication_month").max())).item()
    _save(body, path, "111", claim["insurer_number"], month, is_quoted=is_quoted)


def write_care_7131(
    claim: pl.DataFrame, service: pl.DataFrame, line: pl.DataFrame, path: Path, *, is_quoted: bool = False
) -> None:
    """The same frames as 請求明細書: each claim in the form that it names, 様式七 (812x) as its lines alone.

    Kinds of line that a form has no record for (purchases, 様式七 within another form) are left out.
    """
    claims = claim.with_row_index("claim_order")
    is_plan = pl.col("input_form_code").str.starts_with(PLAN)
    services, lines = _children(service, claims), _children(line, claims)
    plans = lines.filter(is_plan).join(
        claims.select(
            "claim_order", "birth_date", "sex_code", "care_level_code", "certified_start_date", "certified_end_date",
            all_units="units", benefit_yen="benefit_yen",
        ),
        on="claim_order", how="left", maintain_order="left",
    ).with_columns(amount_yen="benefit_yen")  # fmt: skip
    plan = {"サービス単位数": plain(pl.col("units")), "サービス単位数合計": plain(pl.col("all_units"))}
    plan["サービスコード"] = _service_code()
    plan["回数"] = plain(pl.col("times_count"))
    parts = [
        _form(claims.filter(~is_plan), "01", {}, pl.lit(0), is_quoted=is_quoted),
        _form(plans, PLAN, plan, pl.col("child_order") + 1, is_quoted=is_quoted),
    ]
    for code, kind in LINE_KINDS.items():
        if code == PLAN_LINE:
            continue
        rows = lines.filter(~is_plan & (pl.col("line_kind_code") == kind))
        parts.append(_form(rows, code, {}, pl.col("child_order") + 1, is_quoted=is_quoted))
    after = pl.col("child_order") + 1 + lines.height
    parts.append(
        _form(services.filter(~is_plan), "10", {"保険単位数単価": pl.lit(UNIT_PRICE)}, after, is_quoted=is_quoted)
    )
    body = pl.concat(parts).sort("claim_order", "order", maintain_order=True)["line"]
    month = claim.select(month_text(pl.col("adjudication_month").max())).item()
    _save(body, path, "711", claim["insurer_number"], month, is_quoted=is_quoted)


def _children(rows: pl.DataFrame, claims: pl.DataFrame) -> pl.DataFrame:
    """Services or lines with what their records print of the claim, in order."""
    own = claims.select(pl.col("source_row").alias("parent_source_row"), "claim_order", "adjustment_count", *KEYS)
    return rows.with_row_index("child_order").join(own, on="parent_source_row", how="inner", maintain_order="left")


def _d1_of(services: pl.DataFrame) -> pl.DataFrame:
    return services.with_columns(item_code=pl.lit(SERVICE_ITEM), times_count="days_count")


def _service_code() -> pl.Expr:
    return pl.col("service_type_code").fill_null("") + pl.col("item_code").fill_null("")


def _ordered(
    frame: pl.DataFrame, code: str, given: dict[str, pl.Expr], order: pl.Expr, exchange_code: str, *, is_quoted: bool
) -> pl.DataFrame:
    named = {"交換情報識別番号": pl.lit(exchange_code), "レコード種別コード": pl.lit(code)}
    named["入力識別番号"] = plain(pl.col("input_form_code"))
    if code in ("D5", "D6", "D7", "DB"):
        named["サービスコード"] = _service_code()
    fields = _fields("care_1111", code, given | named, frame)
    lines = record_lines(frame, fields, is_quoted=is_quoted)
    return frame.select(pl.col("claim_order"), order.cast(pl.Int64).alias("order")).with_columns(line=lines)


def _form(
    frame: pl.DataFrame, code: str, given: dict[str, pl.Expr], order: pl.Expr, *, is_quoted: bool
) -> pl.DataFrame:
    named = {"交換情報識別番号": plain(pl.col("input_form_code")), "レコード種別コード": pl.lit(code)}
    lines = record_lines(frame, _fields("care_7131", code, given | named, frame), is_quoted=is_quoted)
    return frame.select(pl.col("claim_order"), order.cast(pl.Int64).alias("order")).with_columns(line=lines)


def _fields(name: str, code: str, given: dict[str, pl.Expr], frame: pl.DataFrame) -> list[pl.Expr]:
    """The fields after レコード種別 and レコード番号: given by name, else from the contract column, else blank."""
    # One field may fill two columns of a contract (サービスコード): it is printed once.
    columns = sorted({c.position: c for c in layout(name) if c.record_code == code}.values(), key=lambda c: c.position)
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
