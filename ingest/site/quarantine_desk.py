"""`tsumugi quarantine`: what was set aside, looked at and given up by an operator.

A listing holds counts and line numbers. What a row says is shown one entry at a time, with a purpose, and
every look and every drop is an event of the site's audit chain.
"""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Column, Table

from ingest.formats.reading import reasons
from ingest.policy import audit
from ingest.quality.quarantine import Quarantine
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings, SiteSettings
from ingest.site.errors import SiteError
from ingest.site.lock import locked


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
) -> pl.DataFrame:
    """``Quarantine.listing`` of one site, of one reason code, table or file name where given."""
    site = settings.site(site_name)
    if not site.quarantine.is_file():
        raise SiteError(f"site {site_name} has set nothing aside yet")
    with Quarantine(site.quarantine, KeyRing(site).secret("at-rest"), read_only=True) as quarantine:
        found = quarantine.listing()
    for column, wanted in (("reason_code", reason), ("table_name", table), ("file_name", file)):
        if wanted is not None:
            found = found.filter(pl.col(column) == wanted)
    return found


def counts(found: pl.DataFrame) -> list[dict[str, Any]]:
    """Entries by file, table, field and reason: rows, dropped of them, first line."""
    return (
        found.group_by("file_name", "table_name", "field", "reason_code", "set_aside_by", maintain_order=True)
        .agg(
            pl.len().alias("rows"),
            pl.col("is_dropped").sum().alias("dropped"),
            pl.col("source_row").min().alias("first_line"),
            pl.col("message").min(),
        )
        .to_dicts()
    )


def show(settings: Settings, site_name: str, entry_id: str, purpose: str) -> str:
    """The raw record of one entry; the look is recorded before it is given. Raises SiteError where there is none."""
    site = settings.site(site_name)
    _purpose(purpose)
    with Quarantine(site.quarantine, KeyRing(site).secret("at-rest"), read_only=True) as quarantine:
        content = quarantine.content(entry_id)
    if content is None:
        raise SiteError("no such entry, or its record was dropped; `tsumugi quarantine list --rows` names the entries")
    _record(site, site_name, "quarantine.show", entry_id, purpose)
    return content


def drop(settings: Settings, site_name: str, entry_ids: list[str], purpose: str) -> int:
    """Give up the records of these entries; returns how many were erased."""
    site = settings.site(site_name)
    _purpose(purpose)
    with locked(site.home), Quarantine(site.quarantine, KeyRing(site).secret("at-rest")) as quarantine:
        for entry_id in entry_ids:
            _record(site, site_name, "quarantine.drop", entry_id, purpose)
        return quarantine.drop(entry_ids, by=getpass.getuser(), purpose=purpose)


def _purpose(purpose: str) -> None:
    if not purpose.strip():
        raise SiteError("say what for with --purpose; it is kept in the audit chain")


def _record(site: SiteSettings, site_name: str, action: str, entry_id: str, purpose: str) -> None:
    audit.record(
        audit_file(site), account=getpass.getuser(), role="operator", tenant=f"site-{site_name}", action=action,
        object=entry_id, purpose=purpose,
    )  # fmt: skip


def render(console: Console, found: pl.DataFrame, *, rows: bool) -> None:
    """The listing for the operator's eye: counts, or with ``rows`` every entry with its line."""
    if rows:
        shown = Table(Column("ID", no_wrap=True), "ファイル", "行", "項目", "理由", "状態")
        for entry in found.iter_rows(named=True):
            state = "破棄済み" if entry["is_dropped"] else "保留"
            shown.add_row(
                entry["entry_id"], entry["file_name"], str(entry["source_row"]), entry["field"], entry["message"], state
            )
    else:
        shown = Table("ファイル", "表", "項目", "理由", "行数", "破棄済み", "最初の行", "対応")
        for row in counts(found):
            reason = reasons()[row["reason_code"]]
            shown.add_row(
                row["file_name"], row["table_name"], row["field"], reason.ja, f"{row['rows']:,}", f"{row['dropped']:,}",
                str(row["first_line"]), reason.remedy_ja,
            )  # fmt: skip
    console.print(shown)
