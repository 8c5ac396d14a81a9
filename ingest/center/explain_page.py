"""What the center tells of linkage on the terminal: one person explained, and the list for review."""

from __future__ import annotations

from typing import Any

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from ingest.center.near import TOO_FEW
from ingest.center.review import open_end
from ingest.tie_page import DECISIONS, SCHEMES, records_of, render_ties

FORMER = {
    "late_record": "資格記録が後から届いた", "merge": "統合", "split": "分割", "manual": "人の判断",
}  # fmt: skip
REASONS = {
    "decided": "別人とする判断がある",
    "sex": "性別が違う",
    "birth_month": "生年月が違う",
    "live_numbers": "同じ制度の有効な番号が同じ日に2つになる",
    "care_numbers": "介護の被保険者番号が同じ日に2つになる",
    "not_asked": "この規則の対象でない",
    "life_after_death": "死亡による喪失の後に記録がある",
    "long_gap": "資格の間が空きすぎ、氏名だけでは結べない",
    "group_size": "一人にしては識別が多すぎる",
    "ambiguous": "別人同士の両方に当てはまり、どちらか言えない",
    TOO_FEW: "一致するトークンが足りない",
}
NOBODY_TO_REVIEW = (
    "確かめる組はありません。氏名・生年月日・性別だけで結ばれ、資格の期間が重ならない2つの番号がここに並びます"
)


def render(console: Console, told: dict[str, Any]) -> None:
    """One person for the operator's eye; tags only."""
    kind = "（仮のID: 資格・認定の記録がまだない）" if told["is_provisional"] else ""
    console.print(f"[bold]{told['person_id']}[/bold] {kind} 連結域 {told['linkage_domain']}", highlight=False)
    shown = Table("#", Column("識別タグ", no_wrap=True), "制度・保険者", "有効な番号", "記録", title="この人の識別")
    for one in told["identities"]:
        numbers = "\n".join(
            f"{(n['number_tag'] or '')[:8]} {n['start_date']}～{n['end_date'] or ''}" for n in one["numbers"]
        )
        scheme = SCHEMES.get(one["scheme_code"], one["scheme_code"])
        shown.add_row(
            str(one["place"]), one["identity_tag"], f"{scheme} {one['insurer_number']}", numbers, records_of(one)
        )
    console.print(shown)
    _render_ties(console, told)
    _render_near(console, told)
    for former in told["former_ids"]:
        month = f"{former['reference_month']:%Y-%m}" if former["reference_month"] else ""
        reason = FORMER.get(former["reason"], former["reason"])
        console.print(
            f"以前のID {former['person_id']}（ビルド {former['build_sequence']}、{month}、{reason}）", highlight=False
        )
    render_decisions(console, told["decisions"])


def _render_ties(console: Console, told: dict[str, Any]) -> None:
    if not told["ties"]:
        console.print("識別は1つで、結ぶ必要がありません")
        return
    render_ties(console, told)
    tokens = Table("パス", Column("トークン", no_wrap=True), "共有する識別", title="共有しているトークン")
    for token in told["tokens"]:
        tokens.add_row(" ".join(token["passes"]), token["token_tag"][:8], " ".join(map(str, token["identities"])))
    console.print(tokens)


def _render_near(console: Console, told: dict[str, Any]) -> None:
    if told["near"]:
        shown = Table(
            Column("person_id", no_wrap=True), "識別", "共有するパス", "一人としない理由", title="近くにいる別の人"
        )
        for other in told["near"]:
            reason = REASONS.get(other["reason_code"], other["reason_code"])
            shown.add_row(other["person_id"], str(len(other["identity_tags"])), " ".join(other["passes"]), reason)
        console.print(shown)
    for edge in told["refused"]:
        reason = REASONS.get(edge["reason_code"], edge["reason_code"])
        console.print(f"周囲で退けた結び: {reason}（{edge['pass_id']}）{edge['edges']:,}件", highlight=False)


def render_decisions(console: Console, decisions: list[dict[str, Any]]) -> None:
    """Manual decisions, in force or not; nothing where there is none."""
    if not decisions:
        return
    shown = Table("ID", "判断", Column("タグ", no_wrap=True), "誰が", "いつ", "理由", "効力", title="人の判断")
    for one in decisions:
        tags = "\n".join(tag for tag in (one["one_tag"], one["other_tag"]) if tag) or one["undone_id"]
        shown.add_row(
            one["decision_id"], DECISIONS[one["decision_code"]], tags, escape(one["decided_by"]),
            f"{one['decided_on']}", escape(one["reason"]), "有効" if one["is_in_force"] else "－",
        )  # fmt: skip
    console.print(shown)


def render_review(console: Console, told: dict[str, Any], limit: int) -> None:
    """Who is to be looked at, and the refused edges by reason."""
    pairs: pl.DataFrame = told["pairs"]
    if pairs.is_empty():
        console.print(NOBODY_TO_REVIEW)
    else:
        shown = Table(
            Column("タグ", no_wrap=True),
            "制度",
            "パス",
            "期間",
            title=f"確かめる組 {pairs.height:,}（{told['persons']:,}人）",
        )
        for row in pairs.head(limit).iter_rows(named=True):
            spans = "\n".join(
                f"{row[f'{end}_start_date']}～{open_end(row[f'{end}_end_date']) or ''}" for end in ("one", "other")
            )
            tags = f"{row['one_tag'].hex()}\n{row['other_tag'].hex()}"
            shown.add_row(tags, SCHEMES.get(row["scheme_code"], row["scheme_code"]), row["pass_id"], spans)
        console.print(shown)
        console.print(
            "記録だけでは再加入と同姓同名を見分けられません。サイトで `tsumugi site explain タグ` により確かめ、"
            "`tsumugi site decide` で決めてください",
            soft_wrap=True,
        )
    for reason, edges in told["refused"].items():
        console.print(f"退けた結び: {REASONS.get(reason, reason)} {edges:,}件", highlight=False)
