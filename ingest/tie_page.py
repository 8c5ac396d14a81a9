"""How both parties tell on the terminal what ties a person together, and the words for it."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Column, Table

from ingest.identity.passes import passes

SCHEMES = {"kokuho": "国保", "kumiai": "国保組合", "koki": "後期", "care": "介護"}
STRENGTHS = {"decision": "判断", "strong": "強", "name": "氏名", "weak": "弱"}
DECISIONS = {"merge": "同一人とする", "split": "別人に分ける", "apart": "別人とする", "undo": "取り消す"}


_FIELDS = {
    "scheme_group": "制度", "insurer_number": "保険者番号", "insured_number": "被保険者番号", "branch": "枝番",
    "name_kana": "カナ氏名", "kana_skeleton": "カナ氏名の骨格", "given_kana": "カナ名", "birth_date": "生年月日",
    "sex_code": "性別", "municipality_code": "市町村", "address_number": "宛名番号",
}  # fmt: skip
_LEDGERS = {"previous_": "前の", "related_": "届出の"}
_BY_HAND = "人の判断"
_OTHERS = {"succession": "一方の資格の終わりと他方の始まり"}  # what agrees and is no token


def render_ties(console: Console, told: dict[str, Any]) -> None:
    """The ties of a person: places of both identities, strength, rule, the fields that agree, which is the weakest."""
    shown = Table("#", "#", "強さ", "規則", Column("一致した項目", overflow="fold"), title="一人にまとめている結び")
    for tie in told["ties"]:
        mark = " ← 最も弱い" if tie is told["weakest"] and len(told["ties"]) > 1 else ""
        agreed = "\n".join(_agreed(purpose) for purpose in tie["purposes"]) or _BY_HAND
        shown.add_row(str(tie["one"]), str(tie["other"]), STRENGTHS[tie["strength"]] + mark, tie["pass_id"], agreed)
    console.print(shown)


def _agreed(purpose: str) -> str:
    """The fields that a token of a purpose is made of, each way in which it is."""
    made = dict.fromkeys("・".join(map(_field, one.fields)) for one in passes() if one.purpose == purpose)
    return _OTHERS.get(purpose) or " / ".join(made)


def _field(name: str) -> str:
    for prefix, word in _LEDGERS.items():
        if name.startswith(prefix):
            return word + _FIELDS[name.removeprefix(prefix)]
    return _FIELDS[name]


def records_of(identity: dict[str, Any]) -> str:
    """Rows by table with first and last month, a line each."""
    return "\n".join(
        f"{one['table_name']} {one['row_count']:,}件 {one['first_month']:%Y-%m}～{one['last_month']:%Y-%m}"
        for one in identity["records"]
    )
