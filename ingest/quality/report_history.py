"""The part of a delivery's report that needs other deliveries or the masters: codes classified, trend."""

from __future__ import annotations

from html import escape
from typing import Any

from ingest.ledger import Ledger
from ingest.quality.report_page import Html, bar, cells

_MONTHS = 13  # so many months, and deliveries, of the same insurers and kind are shown


def coverage(ledger: Ledger, delivery: dict[str, Any]) -> str:
    """Which share of the codes could be classified, and by what; nothing for files without codes."""
    counted = {
        row["kind"]: row
        for row in ledger.rows("SELECT * FROM coverage WHERE delivery_id = ?", (delivery["delivery_id"],))
    }
    rows = []
    for kind, (name, master) in KINDS.items():
        row = counted.get(kind)
        if row is None or not row["row_count"]:
            continue
        by = (
            f"{master}マスター"
            if row["has_master"]
            else f"{master}マスターなし" + ("（最小限の表）" if master == "傷病名" else "")
        )
        if row["has_master"] or master == "傷病名":
            rows.append([name, row["row_count"], row["unclassified_count"], _rate(row), by])
        else:
            rows.append([name, row["row_count"], "判別せず", "―", by])
    if not rows:
        return ""
    told = "<p>取り込んだ行のうち、コードから分類できなかったもの。分類できない傷病は病名別の集計に入りません。"
    if any("なし" in row[-1] for row in rows):
        told += "公式マスターを取り込むと判別できます（<code>tsumugi masters import</code>）。"
    return (
        "<h2>コードの分類</h2>"
        + told
        + "</p>"
        + cells(["対象", "件数", "分類できない件数", "割合", "判定に使ったもの"], rows)
    )


KINDS = {
    "claim": ("レセプト（調剤・総括を除く）", "傷病名"),
    "disease": ("傷病名", "傷病名"),
    "procedure": ("診療行為", "診療行為"),
    "drug": ("医薬品", "医薬品"),
    "material": ("特定器材", "特定器材"),
}


def _rate(row: dict[str, Any]) -> str:
    return f"{100 * row['unclassified_count'] / row['row_count']:.1f}%"


_MINE = """
    WITH its AS (SELECT DISTINCT insurer_number, stream FROM arrival WHERE delivery_id = :number),
    mine AS (
        SELECT arrival.* FROM arrival JOIN its USING (insurer_number, stream) JOIN delivery USING (delivery_id)
        WHERE delivery_id <= :number AND state = 'taken')"""
"""What came of the same insurers and kind up to a delivery, the delivery itself included."""


def trend(ledger: Ledger, delivery: dict[str, Any]) -> str:
    """Rows by month, then rows and rates by delivery, of the same insurers and kind up to this delivery."""
    given = {"number": delivery["delivery_id"], "months": _MONTHS}
    months = ledger.rows(
        f"{_MINE} SELECT month, sum(rows) AS rows FROM mine GROUP BY month ORDER BY month DESC LIMIT :months", given
    )
    deliveries = ledger.rows(
        f"""{_MINE},
        counted AS (
            SELECT delivery_id, sum(CASE WHEN outcome = 'read' THEN value ELSE 0 END) AS read,
                   sum(CASE WHEN outcome = 'set_aside' THEN value ELSE 0 END) AS set_aside
            FROM control_total WHERE measure = 'rows' GROUP BY delivery_id),
        claims AS (SELECT delivery_id, row_count, unclassified_count FROM coverage WHERE kind = 'claim'),
        dated AS (SELECT delivery_id, max(month) AS month FROM mine GROUP BY delivery_id)
        SELECT d.delivery_id, d.file_name, m.month, c.read, c.set_aside, k.row_count, k.unclassified_count
        FROM dated AS m JOIN delivery AS d ON d.delivery_id = m.delivery_id
        JOIN counted AS c ON c.delivery_id = m.delivery_id LEFT JOIN claims AS k ON k.delivery_id = m.delivery_id
        WHERE c.read > 0 ORDER BY m.month DESC, d.delivery_id DESC LIMIT :months""",
        given,
    )
    parts = []
    if len(months) > 1:
        largest = max(row["rows"] for row in months)
        rows = [[row["month"][:7], row["rows"], Html(bar(row["rows"], largest))] for row in reversed(months)]
        parts.append("<h2>これまでの月との比較</h2><p>同じ保険者・同じ種類の、月ごとの取り込んだ行数。</p>")
        parts.append(cells(["月", "取り込んだ行数", ""], rows))
    if len(deliveries) > 1:
        parts.append("<h2>これまでの配信との比較</h2><p>同じ保険者・同じ種類の、配信ごとの割合。</p>")
        parts.append(_rates(list(reversed(deliveries)), delivery["delivery_id"]))
    return "".join(parts)


def _rates(deliveries: list[dict[str, Any]], own: int) -> str:
    has_claims = any(row["row_count"] for row in deliveries)
    rows: list[list[Any]] = []
    for row in deliveries:
        name = escape(row["file_name"])
        aside = f"{100 * row['set_aside'] / row['read']:.1f}%"
        unclassified = [_rate(row) if row["row_count"] else "―"] if has_claims else []
        shown = Html(f"<b>{name}（この配信）</b>" if row["delivery_id"] == own else name)
        rows.append([shown, row["month"][:7], row["read"], aside, *unclassified])
    columns = ["ファイル", "最後の月", "読込", "保留の割合"]
    return cells([*columns, "分類できないレセプト"] if has_claims else columns, rows)
