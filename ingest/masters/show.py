"""What `tsumugi masters` says on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

from ingest.masters import store
from ingest.masters.importing import Outcome
from ingest.masters.layout import kinds

_COUNTS = ("rows", "in use", "ended")


def figures(workspace: Path) -> list[dict[str, Any]]:
    """One entry a kind of master: release, rows, dates of validity and files; ``rows`` 0 where it is missing."""
    return [_figure(workspace, kind) for kind in kinds()]


def _figure(workspace: Path, name: str) -> dict[str, Any]:
    kind, stored = kinds()[name], store.load(workspace, name)
    told: dict[str, Any] = {"kind": name, "name": kind.name_ja, "release": None, "rows": 0}
    if stored is None:
        return told
    records = stored.records
    return told | {
        "release": stored.release_date,
        "rows": records.height,
        "in_use": records.filter(store.in_use(stored.release_date)).height,
        "ended": records.filter(pl.col("valid_to").is_not_null()).height,
        "first_valid_from": records["valid_from"].min(),
        "last_valid_to": records["valid_to"].max(),
        "unknown": sum(each.unknown_count for each in stored.imports),
        "files": [each.file_name for each in stored.imports],
    }


def render_list(console: Console, told: list[dict[str, Any]], workspace: Path) -> None:
    """The table of `masters list`; where nothing was imported, what to download and where to put it."""
    present = [each for each in told if each["rows"]]
    missing = [each["name"] for each in told if not each["rows"]]
    if not present:
        console.print(
            "No masters in this workspace: the product runs on its own typed core of codes.\n"
            "Download the master files (全件ファイル) from the ministry's 診療報酬情報提供サービス, "
            "put them anywhere and run\n"
            "  tsumugi masters import FILE…\n"
            f"with {'、'.join(missing)}, zipped or not. They are kept in {workspace / store.FOLDER}.\n"
            "Their terms forbid altering and passing them on; nothing of them is shipped with Tsumugi.",
            soft_wrap=True,
            highlight=False,
        )
        return
    table = Table(box=None)
    for heading in ("kind", "release", "rows", "in use", "ended", "valid from", "valid to", "files"):
        is_files = heading == "files"
        table.add_column(
            heading, justify="right" if heading in _COUNTS else "left", no_wrap=not is_files, overflow="fold"
        )
    for each in present:
        table.add_row(
            each["kind"], str(each["release"]), f"{each['rows']:,}", f"{each['in_use']:,}",
            f"{each['ended']:,}", str(each["first_valid_from"] or "-"), str(each["last_valid_to"] or "-"),
            "\n".join(name.rpartition("/")[2] for name in each["files"]),
        )  # fmt: skip
    console.print(table)
    for each in present:
        if each["unknown"]:
            console.print(
                f"{each['name']}: {each['unknown']} changes of codes that are not known were left out, because a file "
                "in between was never imported; import a newer 全件ファイル",
                soft_wrap=True,
                highlight=False,
            )
    if missing:
        console.print(f"not imported: {'、'.join(missing)}", highlight=False)


def render_outcomes(console: Console, errors: Console, outcomes: list[Outcome]) -> None:
    """One line a file: what it was and what it did, or why it was refused."""
    for each in outcomes:
        if each.refused is not None:
            errors.print(f"[red]refused:[/red] {each.refused}", soft_wrap=True, highlight=False)
        elif each.done is None:
            console.print(f"{each.file_name}: taken before, nothing changed", soft_wrap=True, highlight=False)
        else:
            done = each.done
            what = "full" if done.is_full else "difference"
            console.print(
                f"{each.file_name}: {each.kind}, {what} of {done.release_date}, {done.record_count} records, "
                f"{done.added_count} added, {done.changed_count} changed, {done.retained_count} kept though no longer "
                f"listed, {done.unknown_count} left out",
                soft_wrap=True,
                highlight=False,
            )
