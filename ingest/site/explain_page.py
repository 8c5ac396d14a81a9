"""What the site tells of linkage on the terminal: one person with names, and the manual decisions."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from ingest.tie_page import DECISIONS, SCHEMES, records_of, render_ties

STATES = {"waiting": "送付待ち", "sealed": "送付済", "accepted": "センター受領済"}
NOTHING = (
    "人の判断はまだありません。`tsumugi center review` が挙げた組や、`tsumugi site explain` で誤りとわかった結びを "
    "`tsumugi site decide merge|split|apart タグ タグ --by 氏名 --reason 理由` で正せます"
)
NO_TIES = "届いている結果には結びの記録がありません。次の `tsumugi site receive` の後に表示されます"
NOT_WHOLE = "この範囲の記録だけでは、一人にまとめた理由のすべては説明できません"


def render(console: Console, told: dict[str, Any]) -> None:
    """One person as the tenant may see it; names and numbers stand on this screen and nowhere else."""
    console.print(f"[bold]{told['person_id']}[/bold] {told['tenant']}", highlight=False)
    who = Table(
        "#", Column("識別タグ", overflow="fold"), "制度・保険者", "記号・番号・枝番", "氏名", "生年月日・性別", "住所",
        "記録", title="この人の識別",
    )  # fmt: skip
    for one in told["identities"]:
        names = "\n".join(escape(one[name]) for name in ("name_kanji", "name_kana") if one[name])
        number = "・".join(one[name] for name in ("symbol", "number", "branch") if one[name])
        scheme = SCHEMES.get(one["scheme_code"], one["scheme_code"] or "")
        who.add_row(
            str(one["place"]), one["identity_tag"], f"{scheme} {one['insurer_number'] or ''}", escape(number), names,
            f"{one['birth_date'] or ''}\n{one['sex_code'] or ''}", escape(one["address"] or ""),
            records_of(one) or f"{one['first_month']:%Y-%m}～{one['last_month']:%Y-%m}",
        )  # fmt: skip
    console.print(who)
    if told["ties"]:
        render_ties(console, told)
    if not told["has_ties"]:
        console.print(NO_TIES)
    elif not told["is_whole"]:
        console.print(NOT_WHOLE)


def render_decisions(console: Console, decisions: list[dict[str, Any]]) -> None:
    """The decisions of a site; without any, what they are for."""
    if not decisions:
        console.print(NOTHING, highlight=False, soft_wrap=True)
        return
    shown = Table("ID", "判断", Column("タグ", overflow="fold"), "誰が", "いつ", "理由", "状態")
    for one in decisions:
        tags = "\n".join(tag for tag in (one["one_tag"], one["other_tag"]) if tag) or one["undone_id"]
        state = STATES[one["state"]] + ("・取消済" if one["is_undone"] else "")
        shown.add_row(
            one["decision_id"], DECISIONS[one["decision_code"]], tags, escape(one["decided_by"]), one["decided_on"],
            escape(one["reason"]), state,
        )  # fmt: skip
    console.print(shown)
