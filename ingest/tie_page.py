"""How both parties tell on the terminal what ties a person together, and the words for it."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Column, Table

from ingest.identity.passes import passes

SCHEMES = {"kokuho": "国保", "kumiai": "国保組合", "koki": "後期", "care": "介護"}
STRENGTHS = {"decision": "判断", "strong": "強", "name": "氏名", "weak": "弱"}
DECISIONS = {"merge": "同一人とする", "split": "別人に分ける", "apart": "別人とする", "undo": "取り消す"}


def render_ties(console: Console, told: dict[str, Any]) -> None:
    """The ties of a person: places of both identities, strength, pass, the fields that agree, which is the weakest."""
    fields = {one.pass_id: "・".join(one.fields) for one in passes()}
    shown = Table("#", "#", "強さ", "パス", Column("一致した項目", overflow="fold"), title="一人にまとめている結び")
    for tie in told["ties"]:
        mark = " ← 最も弱い" if tie is told["weakest"] and len(told["ties"]) > 1 else ""
        agreed = fields.get(tie["pass_id"], "人の判断")
        shown.add_row(str(tie["one"]), str(tie["other"]), STRENGTHS[tie["strength"]] + mark, tie["pass_id"], agreed)
    console.print(shown)


def records_of(identity: dict[str, Any]) -> str:
    """Rows by table with first and last month, a line each."""
    return "\n".join(
        f"{one['table_name']} {one['row_count']:,}件 {one['first_month']:%Y-%m}～{one['last_month']:%Y-%m}"
        for one in identity["records"]
    )
