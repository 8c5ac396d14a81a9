"""`tsumugi quarantine`: what was set aside, looked at, released and given up by an operator.

A listing holds counts and line numbers. What a row says is shown one entry at a time, with a purpose, and
every look, release and drop is an event of the site's audit chain.
"""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Column, Table

from ingest.formats.reading import reasons
from ingest.ledger import Ledger
from ingest.policy import audit, audit_key
from ingest.quality.quarantine import Quarantine
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings, SiteSettings
from ingest.site import held
from ingest.site import release as release_module
from ingest.site.databases import open_quarantine
from ingest.site.errors import SiteError
from ingest.site.lock import locked

NOTHING = "保留した行はありません。定めに合わない行やありえない値の行が届くと、取り込まずにここに置かれます"


def audit_file(site: SiteSettings) -> Path:
    """The site's audit chain of the quarantine."""
    return site.home / "audit" / "quarantine.jsonl"


def entries(
    settings: Settings,
    site_name: str,
    *,
    reason: str | None = None,
    table: str | None = None,
    file: str | None = None,
    state: str | None = None,
) -> pl.DataFrame:
    """``held.entries`` of one site, of one reason code, table, file name or state where given.

    Empty at a site that has set nothing aside. Raises SiteError on a state that is none.
    """
    if state is not None and state not in held.STATES:
        raise SiteError(f"状態は {'、'.join(held.STATES)} のどれかです")
    site = settings.site(site_name)
    if not site.quarantine.is_file():
        return pl.DataFrame(schema=_EMPTY)
    with Ledger(site.ledger) as ledger, _opened(site) as quarantine:
        found = held.entries(ledger, quarantine)
    for column, wanted in (("reason_code", reason), ("table_name", table), ("file_name", file), ("state", state)):
        if wanted is not None:
            found = found.filter(pl.col(column) == wanted)
    return found


def _opened(site: SiteSettings, *, read_only: bool = True) -> Quarantine:
    if not site.quarantine.is_file():
        raise SiteError(NOTHING)
    return open_quarantine(site, KeyRing(site).secret("at-rest"), read_only=read_only)


_EMPTY: dict[str, pl.DataType] = {
    name: pl.String()
    for name in ("entry_id", "file_name", "table_name", "field", "reason_code", "message", "set_aside_by", "state")
} | {"source_row": pl.Int64(), "is_dropped": pl.Boolean()}


def counts(found: pl.DataFrame) -> list[dict[str, Any]]:
    """Entries by file, table, field and reason: rows, how many of them in each state, first line."""
    return (
        found.group_by("file_name", "table_name", "field", "reason_code", "set_aside_by", maintain_order=True)
        .agg(
            pl.len().alias("rows"),
            *((pl.col("state") == state).sum().alias(state) for state in held.STATES),
            pl.col("source_row").min().alias("first_line"),
            pl.col("message").min(),
        )
        .to_dicts()
    )


def show(settings: Settings, site_name: str, entry_id: str, purpose: str) -> str:
    """The raw record of one entry; the look is recorded before it is given. Raises SiteError where there is none."""
    site = settings.site(site_name)
    _purpose(purpose)
    with _opened(site) as quarantine:
        content = quarantine.content(entry_id)
    if content is None:
        raise SiteError("no such entry, or its record was dropped; `tsumugi quarantine list --rows` names the entries")
    _record(site, site_name, "quarantine.show", [entry_id], purpose)
    return content


def release(
    settings: Settings, site_name: str, entry_ids: list[str], *, by: str, reason: str, only_possible: bool = False
) -> dict[str, int]:
    """Say that rows set aside are right as they are; the next extract sends them, with the lines of a record.

    Returns counts: ``noted`` entries, and with ``only_possible`` the ``left`` ones that cannot be released. Raises
    SiteError, and notes nothing, where one of the entries cannot be released or no name or reason is given.
    """
    site = settings.site(site_name)
    if not by.strip() or not reason.strip():
        raise SiteError("誰の判断か（--by）と理由（--reason）を書いてください。監査記録に残ります")
    with locked(site.home), Ledger(site.ledger) as ledger, _opened(site) as quarantine:
        known = held.entries(ledger, quarantine)
        wanted = list(dict.fromkeys(entry_ids))
        refused = release_module.refusals(known, quarantine, wanted, settings.reference_month)
        possible = [entry_id for entry_id in wanted if entry_id not in refused]
        if refused and not (only_possible and possible):
            raise SiteError(release_module.told(refused))
        _record(site, site_name, "quarantine.release", possible, f"{by.strip()}: {reason.strip()}")
        release_module.note(ledger, known, possible, by=by.strip(), reason=reason.strip())
    return {"noted": len(possible)} | ({"left": len(refused)} if only_possible else {})


def drop(settings: Settings, site_name: str, entry_ids: list[str], purpose: str) -> int:
    """Give up the records of these entries; returns how many were erased.

    Raises SiteError, and erases nothing, where one of them was released: its record is still needed.
    """
    site = settings.site(site_name)
    _purpose(purpose)
    with locked(site.home), Ledger(site.ledger) as ledger, _opened(site, read_only=False) as quarantine:
        standing = held.entries(ledger, quarantine).filter(pl.col("state").is_in([held.NOTED, held.RELEASED]))
        kept = sorted(set(entry_ids) & set(standing["entry_id"]))
        if kept:
            raise SiteError(
                f"{kept[0]} ほか計{len(kept):,}件は解除した行のため破棄できません。送付を取り下げるときは "
                "`tsumugi site retract` を使ってください"
            )
        _record(site, site_name, "quarantine.drop", entry_ids, purpose)
        return quarantine.drop(entry_ids, by=getpass.getuser(), purpose=purpose)


def _purpose(purpose: str) -> None:
    if not purpose.strip():
        raise SiteError("say what for with --purpose; it is kept in the audit chain")


def _record(site: SiteSettings, site_name: str, action: str, entry_ids: list[str], purpose: str) -> None:
    for entry_id in entry_ids:
        audit.record(
            audit_file(site), account=getpass.getuser(), role="operator", tenant=f"site-{site_name}", action=action,
            object=entry_id, purpose=purpose,
        )  # fmt: skip
    if entry_ids:
        audit_key.sign_head_in_use(audit_file(site), site)


_ROW_COLUMNS = ("ファイル", "行", "項目", "理由", "状態")


def render(console: Console, found: pl.DataFrame, *, rows: bool) -> None:
    """The listing for the operator's eye: counts, or with ``rows`` every entry with its line."""
    if found.is_empty():
        console.print(NOTHING)
        return
    if rows:
        shown = Table(Column("ID", no_wrap=True), *(Column(name, overflow="fold") for name in _ROW_COLUMNS))
        for entry in found.iter_rows(named=True):
            shown.add_row(
                entry["entry_id"], entry["file_name"], str(entry["source_row"]), entry["field"], entry["message"],
                _state(entry),
            )  # fmt: skip
    else:
        file, what = Column("ファイル", overflow="fold"), Column("理由と対応", ratio=1)
        shown = Table(
            file, "表・項目", what, Column("行数", justify="right"), "状態", Column("最初の行", justify="right")
        )
        for row in counts(found):
            reason = reasons()[row["reason_code"]]
            states = "\n".join(f"{word} {row[state]:,}" for state, word in held.STATES.items() if row[state])
            shown.add_row(
                row["file_name"], f"{row['table_name']}\n{row['field']}", f"{reason.ja}\n→ {reason.remedy_ja}",
                f"{row['rows']:,}", states, str(row["first_line"]),
            )  # fmt: skip
    console.print(shown)
    waiting = found.filter(pl.col("state") == held.WAITING).height
    console.print(f"保留中 {waiting:,}行（全{found.height:,}行）", highlight=False)


def _state(entry: dict[str, Any]) -> str:
    """The state of an entry and what decided it."""
    word = held.STATES[entry["state"]]
    if entry["state"] == held.RELEASED:
        return f"{word}（{entry['decided_by']}、配信 {entry['delivery_id']}）"
    if entry["state"] == held.SUPERSEDED:
        return f"{word}（配信 {entry['delivery_id']} {entry['decided_by']}）"
    return f"{word}（{entry['decided_by']}）" if entry["state"] == held.NOTED else word
