"""`tsumugi status`: what every party of this workspace knows of its loads, on one page or as JSON."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from ingest.settings import Settings

OUTCOMES = ("read", "sealed", "set_aside", "refused", "out_of_area")
SHOWN_MISSING = 10


def collect(settings: Settings) -> dict[str, Any]:
    """``sites`` by name and ``center``: counts, file names and reasons, no person."""
    from ingest.center import status as center_status
    from ingest.site import status as site_status

    figures: dict[str, Any] = {
        "reference_month": f"{settings.reference_month:%Y-%m}",
        "sites": {name: site_status.status(settings, name) for name in settings.sites},
    }
    if settings.center is not None:
        figures["center"] = center_status.status(settings)
    return figures


def render(console: Console, figures: dict[str, Any]) -> None:
    """The same for the operator's eye."""
    for name, site in figures["sites"].items():
        _render_site(console, name, site)
    if "center" in figures:
        _render_center(console, figures["center"])


def _render_site(console: Console, name: str, site: dict[str, Any]) -> None:
    states = ", ".join(f"{state} {count}" for state, count in site["deliveries"].items())
    console.rule(f"site {name}", align="left")
    console.print(f"files: {states or 'none yet; put files into the inbox and run `tsumugi run`'}", highlight=False)
    if site["rows"]:
        table = Table("table", *OUTCOMES)
        for table_name, outcomes in site["rows"].items():
            table.add_row(table_name, *(f"{outcomes.get(outcome, 0):,}" for outcome in OUTCOMES))
        console.print(table)
    if site["refused"]:
        table = Table("refused file", "reason", "what to do")
        for row in site["refused"]:
            table.add_row(row["file_name"], row["reason_code"], row["message"])
        console.print(table)
    if site["problems"]:
        table = Table("file", "table", "field", "reason", "rows", "first line", "what is wrong")
        for row in site["problems"][:SHOWN_MISSING]:
            table.add_row(
                row["file_name"],
                row["table_name"],
                row["field"],
                row["reason_code"],
                str(row["rows"]),
                str(row["first_line"] or ""),
                row["message"],
            )
        console.print(table)
        _more(console, len(site["problems"]))
    if site["waiting"]:
        console.print(f"waiting in the inbox: {len(site['waiting'])} files; `tsumugi run` takes them", highlight=False)
    _render_missing(console, site["missing"], site["expected"])


def _render_missing(console: Console, missing: list[dict[str, Any]], expected: int) -> None:
    console.print(f"missing: {len(missing)} of {expected} expected (insurer × stream × period)", highlight=False)
    for row in missing[:SHOWN_MISSING]:
        console.print(f"  {row['insurer_number']} {row['stream']} {row['month']}", highlight=False)
    _more(console, len(missing))


def _more(console: Console, count: int) -> None:
    if count > SHOWN_MISSING:
        console.print(f"  … and {count - SHOWN_MISSING} more; `tsumugi status --json` lists all", highlight=False)


def _render_center(console: Console, center: dict[str, Any]) -> None:
    console.rule("center", align="left")
    for row in center["batches"]:
        console.print(
            f"{row['way']} {row['site']}: {row['batches']} batches of {row['kind']} {row['state']}, "
            f"last {row['last_sequence']}",
            highlight=False,
        )
    for state in ("held", "refused"):
        for row in center[state]:
            console.print(
                f"{state} {row['site']} {row['sequence']}: {row['reason_code']} {row['message'] or ''}", highlight=False
            )
    if "linkage" in center:
        linkage = center["linkage"]
        console.print(f"{linkage['identities']:,} identities, {linkage['persons']:,} persons", highlight=False)
    if "note" in center:
        console.print(center["note"], highlight=False)
