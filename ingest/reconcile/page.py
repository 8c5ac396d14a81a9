"""What a reconciliation says, on the console and as one page of HTML that needs nothing else."""

from __future__ import annotations

from html import escape

from rich import box
from rich.console import Console
from rich.table import Table

from ingest.quality.report_page import Html, cells, page
from ingest.reconcile.compare import (
    AGREES,
    BLANK,
    DIFFERS,
    NO_FIGURE,
    NOT_A_NUMBER,
    NOT_OURS,
    STATES,
    UNMAPPED,
    Line,
)
from ingest.reconcile.mapping import EXACT, POSSIBLE
from ingest.reconcile.numbers import shown
from ingest.reconcile.run import Reconciliation, needs_a_look

CERTAINTIES = {EXACT: "計算で一致", POSSIBLE: "可能性"}
_MARKS = {AGREES: "○", DIFFERS: "≠"}
_UNVERIFIED = "帳票の様式と項目の対応は一般的知識による仮のもので、公式資料と突き合わせていません。理由は推定です。"
_SCHEMES = {"kokuho": "国保", "kumiai": "国保組合", "koki": "後期", "care": "介護"}


def ours(line: Line) -> str:
    """Our number with the digits that KDB prints."""
    if line.ours is None:
        return "－"
    return shown(line.ours, line.kdb.decimals if line.kdb is not None else 1)


def sums(line: Line) -> str:
    """Our numerator and denominator."""
    if line.figure is None or line.figure.is_hidden:
        return "－"
    below = f" / {line.figure.denominator:,}" if line.figure.denominator else ""
    return f"{line.figure.numerator:,}{below}"


def difference(line: Line) -> str:
    """KDB's number less ours, at KDB's digits."""
    if line.difference is None or line.kdb is None or line.state != DIFFERS:
        return ""
    text = shown(line.difference, line.kdb.decimals)
    return text if text.startswith("-") else f"+{text}"


def reason(line: Line) -> str:
    """The likeliest reason; the others that fit behind it; for what was not compared, why not."""
    if line.state != DIFFERS:
        return "" if line.state == AGREES else line.note or STATES[line.state]
    if not line.reasons:
        return "当てはまる理由がありません"
    first, *rest = line.reasons
    mark = CERTAINTIES.get(first.certainty)
    told = first.text + (f"（{first.detail}）" if first.detail else "") + (f" ［{mark}］" if mark else "")
    return told + (f" ほかに当てはまる理由: {'、'.join(one.text for one in rest)}" if rest else "")


def place(line: Line) -> str:
    """Line and column of the form."""
    return f"{line.cell.line}行{line.cell.column}列"


def title(done: Reconciliation) -> str:
    """What was held against what."""
    scheme = _SCHEMES.get(done.place.scheme_code, done.place.scheme_code)
    return f"KDBの数字との突き合わせ: {done.form.layout.name} {done.area_name} {scheme} {done.place.period.name}"


def render(console: Console, done: Reconciliation) -> None:
    """On the console: a row a cell that we have something for, what differs last; then what could not be compared."""
    console.print(title(done), highlight=False, soft_wrap=True)
    if done.is_invented:
        console.print("架空のデータです。実在の人・市町村の実績ではありません", highlight=False)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for heading in ("", "項目\n指標", "KDB", "本システム\n分子 / 分母", "差\n理由"):
        table.add_column(heading, justify="right" if heading.startswith(("KDB", "本")) else "left", overflow="fold")
    shown_lines = [line for line in done.lines if line.state not in (BLANK, NOT_OURS, UNMAPPED, NOT_A_NUMBER)]
    for line in sorted(shown_lines, key=lambda line: line.state == DIFFERS):
        kind = {"count": "実数", "rate": "割合"}.get(line.cell.kind, "")
        table.add_row(
            _MARKS.get(line.state, "・"),
            f"{line.cell.label} {kind}\n{line.indicator_name}".rstrip(),
            "－" if line.kdb is None else str(line.kdb),
            f"{ours(line)}\n{sums(line)}" if line.figure is not None else "",
            "\n".join(filter(None, (difference(line), reason(line)))),
        )
    console.print(table)
    for line in done.lines:
        if needs_a_look(line) and line.state != DIFFERS:
            console.print(f"{place(line)} {line.cell.label}: {STATES[line.state]}", highlight=False, soft_wrap=True)
    if not_ours := [line.cell.label for line in done.lines if line.state == NOT_OURS]:
        console.print(f"{STATES[NOT_OURS]}: {'、'.join(not_ours)}", highlight=False, soft_wrap=True)
    if done.form.unknown_headings:
        console.print(f"読めない見出し: {'、'.join(done.form.unknown_headings)}", highlight=False, soft_wrap=True)
    console.print(summary(done), highlight=False, soft_wrap=True)
    console.print(_UNVERIFIED, highlight=False, soft_wrap=True)


def summary(done: Reconciliation) -> str:
    """The counts in one sentence, and what was kept."""
    counts = "、".join(f"{STATES[state]} {number}" for state, number in sorted(done.counts.items()))
    kept = f"KDBの県・同規模・国の値を{done.kept_rows}件、新しく保管しました" if done.kept_rows else ""
    if done.form.created is None and not done.kept_rows:
        kept = "作成年月日がわからないため、県・同規模・国の値は保管していません（--created で指定できます）"
    return "。".join(filter(None, (counts, kept)))


def html(done: Reconciliation) -> str:
    """The whole as a page: differences first, then what could not be compared, then what agrees."""
    differing = [line for line in done.lines if line.state == DIFFERS]
    unread = [line for line in done.lines if needs_a_look(line) and line.state != DIFFERS]
    without = [line for line in done.lines if line.state not in (AGREES, DIFFERS, BLANK) and not needs_a_look(line)]
    agreeing = [line for line in done.lines if line.state == AGREES]
    head = cells(
        None,
        [
            ["保険者", done.area_name],
            ["期間", done.place.period.name],
            ["帳票の作成年月日", "－" if done.form.created is None else done.form.created.isoformat()],
            ["本システム", f"参照月 {done.reference_month}、版 {done.edition}"],
            ["結果", summary(done)],
        ],
    )
    parts = [head, f"<p>{escape(_UNVERIFIED)}</p>"]
    for heading, lines in (("差があるもの", differing), ("読めなかったもの", unread),
                           ("比べる値がないもの", without), ("一致したもの", agreeing)):  # fmt: skip
        if lines:
            parts.append(f"<h2>{heading}（{len(lines)}）</h2>" + _table(lines))
    if done.form.unknown_headings:
        parts.append(f"<p>読めない見出し: {escape('、'.join(done.form.unknown_headings))}</p>")
    return page(title(done), done.viewer.tenant_name, "".join(parts), done.is_invented)


def _table(lines: list[Line]) -> str:
    has_ours = any(line.figure is not None or line.state == NO_FIGURE for line in lines)
    has_reason = any(reason(line) for line in lines)
    columns = ["場所", "帳票の項目", "KDB"]
    columns += ["指標", "本システム", "分子 / 分母", "差"] if has_ours else []
    columns += ["理由"] if has_reason else []
    rows = []
    for line in lines:
        kind = {"count": "実数", "rate": "割合"}.get(line.cell.kind, "")
        row = [place(line), f"{line.cell.label} {kind}".strip(), _number("－" if line.kdb is None else str(line.kdb))]
        if has_ours:
            unit = f"（{line.unit}）" if line.unit else ""
            row += [f"{line.indicator_name}{unit}", _number(ours(line)), _number(sums(line)), _number(difference(line))]
        rows.append(row + ([reason(line)] if has_reason else []))
    return cells(columns, rows)


def _number(text: str) -> str:
    return Html(f'<span class="n">{escape(text)}</span>')
