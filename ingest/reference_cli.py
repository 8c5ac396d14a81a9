"""`tsumugi reference`: public tables (人口, 産業, 平均余命, 死亡, 医療施設) that stand beside the figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest import settings as settings_module
from ingest.console import err, out, print_json_line, told_errors
from ingest.settings import SettingsError

if TYPE_CHECKING:
    from ingest.reference.tables import ReferenceTable

reference_app = typer.Typer(
    no_args_is_help=True,
    help="Public tables of the center: population, industry, life tables, deaths, facilities and doctors.\n\n"
    "`template TABLE` prints a CSV to fill in, `import TABLE FILE` checks it and takes it whole or not at all. "
    "A year that is imported again takes the place of what was there of it.",
)

Workspace = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder with tsumugi.toml; else $TSUMUGI_WORKSPACE, else ./data."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; the last line holds the figures.")]
TableName = Annotated[str, typer.Argument(metavar="TABLE", help="A table as `tsumugi reference list` names it.")]


def _table(name: str) -> ReferenceTable:
    from ingest.reference.tables import tables

    if name not in tables():
        raise SettingsError(f"{name} という表はありません。使える表: {'、'.join(tables())}")
    return tables()[name]


@reference_app.command("list")
def list_command(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Which tables stand: years, areas, sources; and which are missing."""
    from ingest.reference.show import figures, render_list

    with told_errors():
        told = figures(settings_module.load(workspace).the_center().home)
        if as_json:
            print_json_line({"tables": told})
        else:
            render_list(out, told)


@reference_app.command("template")
def template_command(table: TableName) -> None:
    """Print a CSV with the headings of a table and one line as an example; what goes where is told beside it."""
    from ingest.reference.show import render_columns
    from ingest.reference.tables import template

    with told_errors():
        wanted = _table(table)
        typer.echo(template(wanted), nl=False)
        render_columns(err, wanted)


@reference_app.command("import")
def import_command(
    table: TableName,
    file: Annotated[Path, typer.Argument(help="The filled template; it is left as it is.")],
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Check a filled table and take it; where anything is wrong, every fault is told and nothing changes."""
    from dataclasses import asdict

    from ingest.center.home import one_step
    from ingest.reference import store
    from ingest.reference.reading import read
    from ingest.reference.show import render_import

    with told_errors():
        center = settings_module.load(workspace).the_center()
        wanted = _table(table)
        found = read(wanted, _bytes(file), file.name)
        with one_step(center):
            done = store.put(center.home, found)
        if as_json:
            print_json_line({"imports": [asdict(each) for each in done], "ward_rows": found.ward_rows})
        else:
            render_import(out, found, done)


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file} を開けません（{type(error).__name__}）。パスと権限を確かめてください") from None
