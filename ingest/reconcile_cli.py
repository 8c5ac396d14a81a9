"""`tsumugi reconcile`: a form of KDB held against our figures, with the probable reason where they differ."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from ingest import settings as settings_module
from ingest.console import out, print_json_line, progress_bar, told_errors
from ingest.settings import SettingsError

Workspace = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder with tsumugi.toml; else $TSUMUGI_WORKSPACE, else ./data."),
]


def reconcile_command(
    file: Annotated[Path, typer.Argument(help="The CSV as KDB wrote it (CP932 or UTF-8); it is left as it is.")],
    tenant: Annotated[str, typer.Option("--tenant", help="Whose form it is, such as kokuho-16208.")],
    fiscal_year: Annotated[
        int | None, typer.Option("--fiscal-year", help="年度 of the form, where its head does not say it.")
    ] = None,
    month: Annotated[
        datetime | None, typer.Option("--month", formats=["%Y-%m"], help="Month of the form, such as 2025-03.")
    ] = None,
    created: Annotated[
        datetime | None, typer.Option("--created", formats=["%Y-%m-%d"], help="作成年月日, where its head lacks it.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the result as one page into this file.")] = None,
    workspace: Workspace = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; the last line holds the figures.")] = False,
) -> None:
    """Hold a form of KDB (地域の全体像の把握, 地域の健康課題, 様式5-2) against our figures of insurer and period.

    Every cell of the insurer's own column stands beside our value with numerator and denominator. Where they differ at
    the digits that KDB prints, the probable reason is told: what was reckoned from our figures and gives KDB's number
    exactly, else what fits in size, else that the definition was never verified. Labels that are not known and cells
    that are no number are listed with line and column. The columns 県, 同規模 and 国 are kept at the site, encrypted,
    the newest form in place of older ones.

    Which label is which indicator, how a form is laid out and which reasons are tried are tables: `tsumugi layouts copy
    kdb_labels` (kdb_forms, kdb_words, kdb_reasons) puts one into the site's folder to be corrected.

    Example: tsumugi reconcile P21_001.csv --tenant kokuho-16208 --html 突合.html
    """
    from ingest.reconcile import page
    from ingest.reconcile.period import FISCAL_YEAR, MONTH, Period
    from ingest.reconcile.run import figures_of_lines, reconcile

    with told_errors():
        if fiscal_year is not None and month is not None:
            raise SettingsError("--fiscal-year と --month のどちらか一方を指定してください")
        period = Period(FISCAL_YEAR, date(fiscal_year, 4, 1)) if fiscal_year is not None else None
        if month is not None:
            period = Period(MONTH, month.date())
        settings = settings_module.load(workspace)
        with progress_bar() as progress:
            done = reconcile(
                settings, file, tenant, progress, period=period, created=created.date() if created else None
            )
        if html is not None:
            html.parent.mkdir(parents=True, exist_ok=True)
            html.write_text(page.html(done), encoding="utf-8")
        if as_json:
            print_json_line(figures_of_lines(done))
        else:
            page.render(out, done)
            if html is not None:
                out.print(f"書き出しました: {html}", highlight=False, soft_wrap=True)


def add_to(app: typer.Typer) -> None:
    """Hang the command onto the root of `tsumugi`."""
    app.command("reconcile")(reconcile_command)
