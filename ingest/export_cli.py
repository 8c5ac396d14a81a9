"""`tsumugi export`: the published statistics that a tenant may see, as CSV and Parquet with a dictionary."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ingest import settings as settings_module
from ingest.console import out, print_json_line, progress_bar, told_errors

Workspace = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder with tsumugi.toml; else $TSUMUGI_WORKSPACE, else ./data."),
]


class Shape(StrEnum):
    """long: a row a figure; wide: a row an area, sex and age, four columns an indicator."""

    LONG = "long"
    WIDE = "wide"


class Format(StrEnum):
    """As a spreadsheet or as a program reads it."""

    CSV = "csv"
    PARQUET = "parquet"


def export_command(
    folder: Annotated[Path, typer.Argument(help="Folder to write into; files of the same names are replaced.")],
    tenant: Annotated[str, typer.Option("--tenant", help="Whose statistics, such as kokuho-16208 or prefecture-16.")],
    fiscal_year: Annotated[
        list[int] | None, typer.Option("--fiscal-year", help="年度 by its first year, such as 2024; repeat for more.")
    ] = None,
    month: Annotated[
        list[datetime] | None, typer.Option("--month", formats=["%Y-%m"], help="A month, such as 2025-03.")
    ] = None,
    to_month: Annotated[
        list[datetime] | None,
        typer.Option("--to-month", formats=["%Y-%m"], help="累計: from April up to this month, such as 2025-01."),
    ] = None,
    shape: Annotated[list[Shape] | None, typer.Option("--shape", help="long or wide; else both.")] = None,
    file_format: Annotated[list[Format] | None, typer.Option("--format", help="csv or parquet; else both.")] = None,
    workspace: Workspace = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; the last line holds the figures.")] = False,
) -> None:
    """Write the published statistics that a tenant may see: long and wide, CSV (UTF-8 with BOM) and Parquet.

    Only figures after protection are written, never rows of persons: what the dashboard of this tenant shows of other
    areas. Columns never change from month to month; `dictionary.csv` beside the files tells of each its unit,
    definition, source, whether it was verified and what it rests on, in Japanese and English. The first lines of each
    CSV begin with # and say edition, periods, and whether the data is invented. Without a choice of periods the newest
    fiscal year is written. Each export is in the audit chain of the party that published.

    Example: tsumugi export out/ --tenant kokuho-16208 --fiscal-year 2023 --fiscal-year 2024 --shape wide --format csv
    """
    from ingest.export.run import FORMATS, SHAPES, export

    with told_errors():
        settings = settings_module.load(workspace)
        with progress_bar() as progress:
            told = export(
                settings,
                tenant,
                folder,
                progress,
                fiscal_years=fiscal_year or [],
                months=[day.date() for day in month or []],
                to_months=[day.date() for day in to_month or []],
                wanted_shapes=[one.value for one in shape or []] or SHAPES,
                wanted_formats=[one.value for one in file_format or []] or FORMATS,
            )
        if as_json:
            print_json_line(told)
            return
        out.print(f"{'、'.join(told['periods'])}（版 {told['edition']}）", highlight=False)
        for name, rows in told["rows"].items():
            out.print(f"  {folder / name}  {rows:,}行", highlight=False, soft_wrap=True)
        if told["is_synthetic"]:
            out.print("架空のデータです。実在の人・市町村の実績ではありません", highlight=False)


def age_sheet_command(
    file: Annotated[Path, typer.Argument(help="CSV to write (CP932, as KDB writes its forms); it is replaced.")],
    tenant: Annotated[str, typer.Option("--tenant", help="A 国保 insurer, such as kokuho-16208.")],
    fiscal_year: Annotated[int, typer.Option("--fiscal-year", help="年度 by its first year, such as 2024.")],
    workspace: Workspace = None,
) -> None:
    """Write 様式5-2 (findings by sex and age) from our figures, as input for the age-adjustment tools that towns use.

    The insurer's own line holds its own counts in full, those of 県 and 国 the published statistics. How the sheet is
    laid out is a table that was never checked against a tool: `tsumugi layouts copy age_adjustment_sheet` puts it into
    the site's folder, where columns, headings, sexes, ages and levels can be corrected.

    Example: tsumugi age-sheet 様式5-2.csv --tenant kokuho-16208 --fiscal-year 2024
    """
    from ingest.export.age_sheet import write

    with told_errors():
        told = write(settings_module.load(workspace), tenant, file, fiscal_year)
        blank = f"、空欄 {told['blank_cells']:,}（非表示か値なし）" if told["blank_cells"] else ""
        out.print(f"{file}  {told['rows']:,}行{blank}", highlight=False, soft_wrap=True)
        out.print(
            "並びは未検証です。ツールの入力シートと違うときは様式定義 age_adjustment_sheet を直してください",
            highlight=False,
            soft_wrap=True,
        )
        if told["is_synthetic"]:
            out.print("架空のデータです。実在の人・市町村の実績ではありません", highlight=False)


def add_to(app: typer.Typer) -> None:
    """Hang the commands onto the root of `tsumugi`."""
    app.command("export")(export_command)
    app.command("age-sheet")(age_sheet_command)
