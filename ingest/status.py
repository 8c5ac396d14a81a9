"""`tsumugi status`: what every party of this workspace knows of its loads, on one page or as JSON."""

from __future__ import annotations

from datetime import date
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from ingest.formats.reading import reasons
from ingest.sealing.reasons import batch_reasons
from ingest.settings import Settings
from ingest.site.hold_desk import WHAT_TO_DO, told
from ingest.site.profiles import HELD

OUTCOMES = ("read", "sealed", "held", "set_aside", "refused", "out_of_area")
SHOWN_MISSING = 10
STATE_MARKS = {"arrived": "○", "missing": "×", "held": "保", "set_aside": "■", "retracted": "△", "not_due": "・"}


def collect(settings: Settings, on: date | None = None) -> dict[str, Any]:
    """``sites`` by name and ``center``: counts, file names and reasons, no person.

    What is due is read on the day ``on``, else on the last day of the month after the month of reference.
    """
    from ingest.center import status as center_status
    from ingest.site import status as site_status

    figures: dict[str, Any] = {
        "reference_month": f"{settings.reference_month:%Y-%m}",
        "sites": {name: site_status.status(settings, name, on) for name in settings.sites},
    }
    if settings.center is not None:
        figures["center"] = center_status.status(settings, on)
    return figures


def render(console: Console, figures: dict[str, Any], months: int = 12, insurer: str | None = None) -> None:
    """The same for the operator's eye; of the matrix the last ``months``, or one insurer alone."""
    for name, site in figures["sites"].items():
        _render_site(console, name, site)
        _render_matrix(console, site.get("matrix", []), months, insurer)
    if "center" in figures:
        _render_center(console, figures["center"])


def _render_site(console: Console, name: str, site: dict[str, Any]) -> None:
    states = ", ".join(f"{state} {count}" for state, count in site["deliveries"].items())
    console.rule(f"site {name}", align="left")
    console.print(f"files: {states or 'none yet; put files into the inbox and run `tsumugi run`'}", highlight=False)
    if site["rows"]:
        table = Table(Column("table", no_wrap=True), *OUTCOMES)
        for table_name, outcomes in site["rows"].items():
            table.add_row(table_name, *(f"{outcomes.get(outcome, 0):,}" for outcome in OUTCOMES))
        console.print(table)
    for row in site["refused"]:
        _tell(console, row["file_name"], row["reason_code"], row["message"] or "")
    for row in _gathered(site["problems"]):
        place = f"{row['file_name']}:{row['first_line'] or ''}"
        count = f"{row['files']:,}ファイル {row['rows']:,}行、最初は {place}"
        _tell(console, f"{row['table_name']}.{row['field'] or ''}", row["reason_code"], f"{row['message']}（{count}）")
    for row in site.get("retracted", []):
        console.print(f"取り下げ済みのバッチ {row['batch_sequence']}: {row['reason']}", highlight=False, soft_wrap=True)
    _render_left_open(console, site.get("left_open", []))
    if site.get("center_lacks"):
        first, last = site["center_lacks"][0], site["center_lacks"][-1]
        console.print(
            f"× センターはバッチ {first}〜{last} を持っていません（バックアップから戻したとみられます）",
            highlight=False,
        )
        console.print(f"  → `tsumugi site resend --from {first} --site {name}` で送り直してください", highlight=False)
    fulls = [row for row in site.get("full_held", []) if row["state"] == "held"]
    ready = len(site["waiting"]) - len(site["held"]) - len(fulls)
    if ready:
        console.print(f"waiting in the inbox: {ready} files; `tsumugi run` takes them", highlight=False)
    for file_name in site["held"]:
        console.print(f"held in the inbox: {file_name}", highlight=False, soft_wrap=True)
        console.print(f"  → {HELD}", highlight=False, soft_wrap=True)
    for row in site.get("full_held", []):
        console.print(
            f"保留中の全件ファイル: {row['file_name']}（{row['as_of']}現在）", highlight=False, soft_wrap=True
        )
        console.print(f"  {told(row['losses'])}", highlight=False, soft_wrap=True)
        word = {"confirmed": "取り込む", "refused": "取り込まない"}.get(row["state"])
        what = f"{row['decided_by']}が「{word}」と決めました。次の `tsumugi run` で反映されます" if word else WHAT_TO_DO
        console.print(f"  → {what}", highlight=False, soft_wrap=True)
    if site.get("corrected_layouts"):
        named = "、".join(site["corrected_layouts"])
        console.print(f"このサイトで直した様式定義: {named}", highlight=False, soft_wrap=True)
    for fault in site.get("layout_faults", []):
        console.print(f"× {fault}", highlight=False, soft_wrap=True)
    _render_missing(console, site["missing"], site["expected"])


def _render_matrix(console: Console, matrix: list[dict[str, str]], months: int, insurer: str | None) -> None:
    entries = [row for row in matrix if insurer is None or row["insurer_number"] == insurer]
    shown = sorted({row["month"] for row in entries})[-months:]
    if not shown:
        return
    table = Table(Column("保険者", no_wrap=True), Column("種別", no_wrap=True), *(month[2:] for month in shown))
    states = {(row["insurer_number"], row["stream"], row["month"]): STATE_MARKS[row["state"]] for row in entries}
    for number, stream in sorted({(row["insurer_number"], row["stream"]) for row in entries}):
        table.add_row(number, stream, *(states.get((number, stream, month), "") for month in shown))
    console.print(table)
    console.print("○ 到着  × 未着  保 保留  ■ 取り込めず  △ 取り下げ  ・ 期日前  空白 対象外", highlight=False)


def _tell(console: Console, what: str, reason_code: str, message: str) -> None:
    """One thing that went wrong: what, why, where, and what to do about it."""
    console.print(f"× {what}: {message}", highlight=False, soft_wrap=True)
    console.print(f"  → {reasons()[reason_code].remedy_ja}", highlight=False, soft_wrap=True)


def _tell_batch(console: Console, row: dict[str, Any]) -> None:
    """A batch that waits or was refused: which, why, and what to do about it."""
    reason = batch_reasons().get(row["reason_code"])
    detail = f"{row['reason_code']} {row['message'] or ''}".strip()
    told = f"{reason.ja}（{detail}）" if reason else detail
    console.print(f"× {row['site']} のバッチ {row['sequence']}: {told}", highlight=False, soft_wrap=True)
    if reason:
        console.print(f"  → {reason.remedy_ja}", highlight=False, soft_wrap=True)


def _gathered(problems: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same fault in many files as one entry, the most frequent first, with the first place it was seen."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in problems:
        key = (row["table_name"], row["field"] or "", row["reason_code"])
        entry = found.setdefault(key, row | {"rows": 0, "files": 0})
        entry["rows"] += row["rows"]
        entry["files"] += 1
    return sorted(found.values(), key=lambda entry: (-entry["rows"], entry["table_name"], entry["field"] or ""))


def _render_missing(console: Console, missing: list[dict[str, Any]], expected: int) -> None:
    console.print(f"missing: {len(missing)} of {expected} expected (insurer × stream × period)", highlight=False)
    for row in missing[:SHOWN_MISSING]:
        console.print(f"  {row['insurer_number']} {row['stream']} {row['month']}", highlight=False)
    _more(console, len(missing))


def _more(console: Console, count: int) -> None:
    if count > SHOWN_MISSING:
        console.print(f"  … and {count - SHOWN_MISSING} more; `tsumugi status --json` lists all", highlight=False)


def _render_release(console: Console, decision: dict[str, Any]) -> None:
    if decision.get("state") == "waiting":
        from ingest.center.release import waits_for

        console.print(f"× {waits_for(decision)}", highlight=False, soft_wrap=True)
    elif decision:
        console.print(f"公表 {decision['reference_month']}: {decision['released_by']}", highlight=False)


def _render_left_open(console: Console, files: list[dict[str, Any]]) -> None:
    for row in files:
        console.print(
            f"△ {row['path']}: 前の処理が途中で終わったため、内容をハッシュで確かめられません。"
            "次の処理がログとともにそのまま使い、終わりに記録し直します",
            highlight=False,
            soft_wrap=True,
        )


def _render_center(console: Console, center: dict[str, Any]) -> None:
    console.rule("center", align="left")
    _render_left_open(console, center.get("left_open", []))
    for row in center["batches"]:
        console.print(
            f"{row['way']} {row['site']}: {row['batches']} batches of {row['kind']} {row['state']}, "
            f"last {row['last_sequence']}",
            highlight=False,
        )
    for state in ("held", "refused"):
        for row in center[state]:
            _tell_batch(console, row)
    _render_release(console, center.get("release") or {})
    for row in center.get("ties", []):
        console.print(
            f"同じ版で内容の異なる記録 {row['linkage_domain']} バッチ {row['batch_sequence']} {row['table_name']}: "
            f"{row['records']:,}件（ファイルの内容の順で一方を採用。送付元にどちらが正しいか確かめてください）",
            highlight=False,
            soft_wrap=True,
        )
    if "linkage" in center:
        linkage = center["linkage"]
        console.print(f"{linkage['identities']:,} identities, {linkage['persons']:,} persons", highlight=False)
    if "note" in center:
        console.print(center["note"], highlight=False)
