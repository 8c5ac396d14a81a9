"""`tsumugi center edition`: the figures of a fiscal year that no later load changes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from ingest import settings as settings_module
from ingest.console import out, print_json_line, progress_bar, told_errors

edition_app = typer.Typer(
    no_args_is_help=True,
    help="Figures of a fiscal year that no later load changes (確定版).\n\n"
    "Receipts that come late and corrections go on changing past years. `freeze` keeps a year as it stands and the "
    "dashboard says from then on which figures differ from it; a year without an edition is provisional (暫定).",
)
Workspace = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder with tsumugi.toml; else $TSUMUGI_WORKSPACE, else ./data."),
]


@edition_app.command("freeze")
def freeze_command(
    fiscal_year: Annotated[int, typer.Argument(min=2008, help="Year of its April, such as 2024 for 令和6年度.")],
    by: Annotated[str, typer.Option("--by", help="Who calls the figures final; kept with them and shown.")],
    workspace: Workspace = None,
) -> None:
    """Keep the figures of a fiscal year as they stand.

    The year must be over in the month of reference and the last build released. Where nothing changed since the last
    edition nothing is done; else the new one is in force, and the old one is kept too. `tsumugi center results` sends
    it to the sites.

    Example: tsumugi center edition freeze 2023 --by 紡木
    """
    from ingest.center.edition import freeze

    with told_errors():
        settings = settings_module.load(workspace)
        with progress_bar() as progress:
            figures = freeze(settings, fiscal_year, by, date.today(), progress)
        print_json_line(figures)


@edition_app.command("list")
def list_command(
    workspace: Workspace = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; the last line holds the figures.")] = False,
) -> None:
    """The editions that are kept, oldest year first."""
    from ingest.center.edition import editions

    with told_errors():
        found = editions(settings_module.load(workspace))
        for one in found:
            out.print(
                f"{one['edition_id']}  {one['frozen_date']}  {one['frozen_by']}  {one['figures']:,}件の数値"
                f"（{one['reference_month']:%Y-%m} 時点）",
                highlight=False,
            )
        if not found:
            out.print("確定版はまだありません。`tsumugi center edition freeze 年度 --by 氏名` で年度の数値を残します")
        if as_json:
            print_json_line({"editions": [{name: str(value) for name, value in one.items()} for one in found]})
