"""`tsumugi statistics`: tables of counts that a site sends where it has no records to send."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from ingest import settings as settings_module
from ingest.console import err, out, print_json_line, progress_bar, told_errors
from ingest.settings import Settings, SettingsError

statistics_app = typer.Typer(
    no_args_is_help=True,
    help="Tables of counts: public national tables, and prefectures or insurers that send counts only.\n\n"
    "`template` prints a CSV to fill in, `check FILE` tells every fault of a file, `send FILE` puts a file without "
    "fault into the site's inbox and seals it. The newer file of one source and year takes the place of the older, "
    "whole; `tsumugi site retract` takes one back. Whose records came is not counted by a table as well.",
)

Workspace = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder with tsumugi.toml; else $TSUMUGI_WORKSPACE, else ./data."),
]
SiteName = Annotated[str | None, typer.Option("--site", help="Which site, where the workspace holds several.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; the last line holds the figures.")]
File = Annotated[Path, typer.Argument(help="A table of counts as CSV; it is left as it is.")]


def _one_site(settings: Settings, site: str | None) -> str:
    if site is None and len(settings.sites) > 1:
        raise SettingsError("several sites here; say which with --site")
    settings.site(site)
    return site or next(iter(settings.sites))


def _checked(settings: Settings, site: str, file: Path) -> dict[str, Any]:
    """What the file holds; StatisticsRefused with all faults."""
    from ingest.statistics.reading import read

    try:
        data = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file} を開けません（{type(error).__name__}）。パスと権限を確かめてください") from None
    found = read(
        data, file.name, prefecture_code=settings.site(site).prefecture_code,
        reference_month=settings.reference_month,
    )  # fmt: skip
    source = found.source.row(0, named=True)
    return {
        "file": file.name,
        "source_id": source["source_id"],
        "source_name": source["source_name"],
        "source_year": source["source_year"],
        "created_date": str(source["created_date"]),
        "is_generated": source["is_generated"],
        "rows": found.rows.height,
        "indicators": found.rows["indicator_id"].n_unique(),
        "areas": found.rows.select("area_level", "area_id").n_unique(),
        "periods": found.months,
    }


@statistics_app.command("template")
def template_command() -> None:
    """Print a CSV with the headings and one line as an example; what goes where is told beside it."""
    from ingest.statistics.columns import columns, template

    with told_errors():
        typer.echo(template(), nl=False)
        for column in columns():
            needed = "" if column.is_needed else "（空欄でもよい）"
            err.print(f"  {column.heading}: {column.note_ja}{needed}", highlight=False, soft_wrap=True)


@statistics_app.command("check")
def check_command(file: File, workspace: Workspace = None, site: SiteName = None, as_json: AsJson = False) -> None:
    """Tell what a table of counts holds, or everything that is wrong with it; nothing is sent."""
    with told_errors():
        settings = settings_module.load(workspace)
        figures = _checked(settings, _one_site(settings, site), file)
        if as_json:
            print_json_line(figures)
        else:
            _render(figures)


@statistics_app.command("send")
def send_command(file: File, workspace: Workspace = None, site: SiteName = None, as_json: AsJson = False) -> None:
    """Check a table of counts, put it into the inbox and seal what waits there; a file with a fault changes nothing."""
    from ingest.site.extract import extract
    from ingest.site.statistics import put_into_inbox

    with told_errors():
        settings = settings_module.load(workspace)
        name = _one_site(settings, site)
        figures = _checked(settings, name, file)
        put_into_inbox(settings.site(name).inbox, file)
        with progress_bar() as progress:
            figures |= {"extract": extract(settings, name, progress)}
        if as_json:
            print_json_line(figures)
        else:
            _render(figures)
            out.print(f"サイト {name} から送りました。次の `tsumugi run` で集計に使われます", highlight=False)


@statistics_app.command("list")
def list_command(workspace: Workspace = None, site: SiteName = None, as_json: AsJson = False) -> None:
    """Which tables of counts a site has sent: file, rows, state, number of the batch."""
    from ingest.site.statistics import listed

    with told_errors():
        settings = settings_module.load(workspace)
        names = [site] if site else list(settings.sites)
        for name in names:
            found = listed(settings.site(name))
            if as_json:
                print_json_line({"site": name, "statistics": found})
            else:
                _render_list(name, found)


def _render(figures: dict[str, Any]) -> None:
    invented = "（架空の数値）" if figures["is_generated"] else ""
    out.print(
        f"{figures['file']}: {figures['source_name']} {figures['source_year']}年{invented} "
        f"{figures['rows']:,}行、{figures['indicators']:,}指標、{figures['areas']:,}地域",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


_STATES = {"taken": "送付", "refused": "拒否", "duplicate": "重複", "recalled": "差戻し", "retracted": "取下げ"}


def _render_list(site: str, found: list[dict[str, Any]]) -> None:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, title=f"サイト {site}")
    for heading in ("バッチ", "ファイル", "結果", "行"):
        table.add_column(heading, justify="right" if heading in ("バッチ", "行") else "left", overflow="fold")
    for row in found:
        table.add_row(str(row["sequence"]), row["file_name"], _STATES[row["state"]], f"{row['rows']:,}")
    out.print(table if found else f"サイト {site} から送った件数表はありません")
