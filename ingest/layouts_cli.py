"""`tsumugi layouts`: where the formats' columns stand, and how a site corrects that in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from ingest import settings as settings_module
from ingest.console import err, out, told_errors

layouts_app = typer.Typer(
    no_args_is_help=True,
    help="Layouts of the formats: which column of a file is what. Most are unverified; correct them in a file.\n\n"
    "`copy care_1111 --site 16` puts the packaged layout into the site's layouts/ folder. Correct the lines there "
    "(a position, a heading, a code) and write in `source` where that is from. `check` says whether it can be used. "
    "From then on the site reads by it; delete the file to go back. Files loaded before stay as they were read: take "
    "their batch back with `tsumugi site retract` and deliver them again.",
)

Workspace = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder with tsumugi.toml; else $TSUMUGI_WORKSPACE, else ./data."),
]
SiteName = Annotated[str | None, typer.Option("--site", help="Which site, where the workspace holds several.")]


@layouts_app.command("list")
def list_command(workspace: Workspace = None) -> None:
    """Every layout: what it is of, how many of its lines are verified, at which sites it is corrected."""
    from ingest.formats.layout_files import facts, packaged_rows
    from ingest.site.layouts import corrected_files

    with told_errors():
        settings = settings_module.load(workspace)
        at = {name: {path.stem for path in corrected_files(site)} for name, site in settings.sites.items()}
        table = Table(Column("名前", no_wrap=True), "様式", Column("行", justify="right"), "検証", "直したサイト")
        for name, layout in facts().items():
            rows = packaged_rows(name)
            table.add_row(
                name, layout.title_ja, f"{len(rows):,}", verified(rows),
                "、".join(site for site, names in at.items() if name in names),
            )  # fmt: skip
        out.print(table)


@layouts_app.command("copy")
def copy_command(
    name: Annotated[str, typer.Argument(help="A name of `tsumugi layouts list`, such as care_1111.")],
    workspace: Workspace = None,
    site: SiteName = None,
) -> None:
    """Put a packaged layout into the site's folder, to be corrected there."""
    from ingest.site import layouts

    with told_errors():
        path = layouts.copy(settings_module.load(workspace).site(site), name)
        out.print(f"{path}", highlight=False, soft_wrap=True)
        out.print("直したら `tsumugi layouts check` で確かめてください。次の取り込みから使われます", highlight=False)


@layouts_app.command("check")
def check_command(workspace: Workspace = None, site: SiteName = None) -> None:
    """Whether the corrected layouts can be used; exit code 1 where one cannot."""
    from ingest.site import layouts

    with told_errors():
        settings = settings_module.load(workspace)
        is_good = True
        for name in [site] if site else list(settings.sites):
            own = settings.site(name)
            faults = layouts.faults(own)
            for path in layouts.corrected_files(own):
                if path.name in faults:
                    err.print(f"× {faults[path.name]}", highlight=False, soft_wrap=True)
                else:
                    out.print(f"○ site {name} {path.name}: 使えます", highlight=False)
            if not layouts.corrected_files(own):
                out.print(f"site {name}: 直した様式定義はありません（{own.layouts}）", highlight=False, soft_wrap=True)
            is_good = is_good and not faults
        if not is_good:
            raise typer.Exit(1)


def verified(rows: tuple[dict[str, str], ...]) -> str:
    """How many lines of a layout are verified, in words; lines of a file without the column say it by their mark."""
    if "is_verified" in rows[0]:
        count = sum(row["is_verified"] == "true" for row in rows)
    elif "mark" in rows[0]:
        count = sum(row["mark"] in ("spec", "measured") for row in rows)
    else:
        return "未検証"
    return "検証済み" if count == len(rows) else f"{count:,}行" if count else "未検証"
