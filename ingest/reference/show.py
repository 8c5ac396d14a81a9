"""What `tsumugi reference` says on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from ingest.reference import store
from ingest.reference.reading import ReferenceFile
from ingest.reference.tables import ReferenceTable, tables


def figures(home: Path) -> list[dict[str, Any]]:
    """One entry a table: its years with file, areas, rows and sources; ``years`` empty where nothing was imported."""
    return [_figure(home, table) for table in tables().values()]


def _figure(home: Path, table: ReferenceTable) -> dict[str, Any]:
    stored = store.load(home, table.name)
    years = []
    for each in stored.imports if stored is not None else ():
        assert stored is not None
        of_year = stored.rows.filter(stored.rows["year"] == each.year)
        sources = sorted(set(of_year["source"].to_list()))
        years.append(
            {"year": each.year, "file": each.file_name, "areas": each.areas, "rows": each.rows, "sources": sources}
        )
    return {"table": table.name, "name": table.name_ja, "years": years}


def render_list(console: Console, told: list[dict[str, Any]]) -> None:
    """The tables and their years, and how those that are missing are loaded."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for heading in ("table", "表", "年", "地域", "出典"):
        table.add_column(heading, justify="right" if heading == "地域" else "left", overflow="fold")
    for entry in told:
        for year in entry["years"] or [None]:
            shown = (
                (str(year["year"]), f"{year['areas']:,}", "、".join(year["sources"])) if year else ("－", "－", "－")
            )
            table.add_row(entry["table"], entry["name"], *shown)
    console.print(table)
    missing = [entry["table"] for entry in told if not entry["years"]]
    if missing:
        console.print(
            f"まだ取り込まれていない表: {'、'.join(missing)}。`tsumugi reference template 表 > 表.csv` で雛形を作り、"
            "`tsumugi reference import 表 表.csv` で取り込みます",
            soft_wrap=True,
            highlight=False,
        )


def render_columns(console: Console, table: ReferenceTable) -> None:
    """What goes under each heading of a template."""
    console.print(f"{table.name_ja}（年: {table.year_ja}）", highlight=False, soft_wrap=True)
    for column in table.columns:
        needed = "" if column.is_needed else "（空欄でもよい）"
        console.print(f"  {column.heading}: {column.note_ja}{needed}", highlight=False, soft_wrap=True)


def render_import(console: Console, file: ReferenceFile, done: list[store.Import]) -> None:
    """What an import did, year by year; areas that a year had before and has no more are told."""
    if file.ward_rows:
        told = f"政令指定都市の区の行 {file.ward_rows}件は使いません（市の行で数えます）"
        console.print(told, highlight=False, soft_wrap=True)
    if not done:
        console.print(f"{file.file_name}: いまの表と同じ内容です。何も変わりません", highlight=False, soft_wrap=True)
        return
    for each in done:
        line = f"{file.table.name_ja} {each.year}年: {each.areas:,}地域 {each.rows:,}件"
        if each.areas_before:
            line += f"（前の{each.areas_before:,}地域と入れ替え）"
        console.print(line, highlight=False, soft_wrap=True)
        if each.areas < each.areas_before:
            console.print(
                f"  {each.year}年の地域が減りました。1つの年の表は1つのファイルにまとめてください",
                highlight=False,
                soft_wrap=True,
            )
    console.print("次の `tsumugi run` で集計に使われます", highlight=False)
