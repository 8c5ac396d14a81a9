"""`tsumugi districts`: named sets of districts (小学校区, 日常生活圏域 …) from a town's two-column list."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from ingest import settings as settings_module
from ingest.console import out, print_json_line, told_errors
from ingest.settings import Settings
from ingest.site.errors import SiteError

districts_app = typer.Typer(
    no_args_is_help=True,
    help="Named sets of districts (行政区, 小学校区, 中学校区, 日常生活圏域): a town's two-column list, "
    "and how far it covers the members.\n\n"
    "`import FILE` takes 行政区コード or 町字名 → 地区 and puts the set into the inbox; `tsumugi run` takes it from "
    "there. A set is always whole: the next import of the same name takes its place.",
)

Workspace = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder with tsumugi.toml; else $TSUMUGI_WORKSPACE, else ./data."),
]
Municipality = Annotated[str, typer.Option("--municipality", help="市町村コード, 5 or 6 digits, such as 16208.")]
Created = Annotated[
    datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="作成年月日 of the list; else today.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; the last line holds the figures.")]
SCHEMES = {"kokuho": "国保", "koki": "後期"}
STATES = {"taken": "取込済", "waiting": "取込待ち"}
_NO_MEMBERS = "公表された資格がまだありません。`tsumugi run` の後に coverage で確かめてください"
_SHOWN = 20  # so many places of one kind are printed; --json has all


def _site_of(settings: Settings, municipality: str) -> str:
    for name, site in settings.sites.items():
        if municipality.strip().startswith(site.prefecture_code):
            return name
    raise SiteError(f"{municipality} の市町村を扱うサイトはこの作業フォルダにありません")


@districts_app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="The town's list: one heading row, two columns; it is left as it is.")],
    municipality: Municipality,
    set_name: Annotated[
        str | None, typer.Option("--set", help="Name of the set, such as 小学校区; else as the heading says.")
    ] = None,
    created: Created = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Take a list and tell how far it covers the members; the same list again changes nothing."""
    from ingest.sealing.keys import KeyRing
    from ingest.site import district_coverage, district_sets

    with told_errors():
        settings = settings_module.load(workspace)
        name = _site_of(settings, municipality)
        site, ring = settings.site(name), KeyRing(settings.site(name))
        town = district_sets.town_of(site, municipality)
        known = district_coverage.members(settings, name, ring, [town])
        done = district_sets.import_list(
            site, ring, file, town, set_name, created.date() if created else date.today(), known.places
        )
        (entry,) = district_coverage.report([done.made], known)
        if as_json:
            aside = done.read.set_aside.to_dicts()
            told = {"is_new": done.path is not None, "set_aside": aside, "repeated_count": done.read.repeated}
            print_json_line(told | {"file": str(done.path) if done.path else None, "coverage": entry})
            return
        _tell_reading(done)
        _render([entry], has_details=True)


def _tell_reading(done: Any) -> None:
    read, made = done.read, done.made
    lines = f"使える行 {read.rows.height}、保留 {read.set_aside.height}、同じ内容の繰り返し {read.repeated}"
    out.print(f"{made.municipality_code} {made.name}: {lines}", highlight=False)
    for row in read.set_aside.head(_SHOWN).iter_rows(named=True):
        out.print(f"  {row['source_row']}行目: {row['message']}", highlight=False)
    if not read.is_complete:
        out.print("最後の行に改行がありません。途中で切れていないか確かめてください", highlight=False)
    if done.path is None:
        out.print("いまの版と同じ内容です。何も変わりません", highlight=False)
    else:
        out.print(f"受信箱に置きました: {done.path}", highlight=False, soft_wrap=True)
        out.print("次の `tsumugi run` で集計に使われます", highlight=False)


@districts_app.command("list")
def list_command(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """The sets that stand: version, districts, members with and without one."""
    with told_errors():
        entries = _entries(settings_module.load(workspace))
        if as_json:
            print_json_line({"sets": entries})
        else:
            _render(entries, has_details=False)


@districts_app.command("coverage")
def coverage_command(
    municipality: Annotated[str | None, typer.Option("--municipality", help="Only this 市町村コード.")] = None,
    set_name: Annotated[str | None, typer.Option("--set", help="Only this set.")] = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Who has a district and who has none; 行政区 without a row, rows that fit no member."""
    with told_errors():
        entries = [
            entry
            for entry in _entries(settings_module.load(workspace))
            if (municipality is None or entry["municipality_code"] == municipality[:5])
            and (set_name is None or entry["district_set_name"] == set_name)
        ]
        if as_json:
            print_json_line({"sets": entries})
        else:
            _render(entries, has_details=True)


@districts_app.command("drop")
def drop_command(
    municipality: Municipality,
    set_name: Annotated[str, typer.Option("--set", help="Name of the set, as `list` prints it.")],
    created: Created = None,
    workspace: Workspace = None,
) -> None:
    """Give a set up; the next `tsumugi run` counts without it, earlier versions stay in history."""
    from ingest.sealing.keys import KeyRing
    from ingest.site import district_sets

    with told_errors():
        settings = settings_module.load(workspace)
        site = settings.site(_site_of(settings, municipality))
        day = created.date() if created else date.today()
        path = district_sets.give_up(site, KeyRing(site), municipality, set_name, day)
        out.print(f"受信箱に置きました: {path}", highlight=False, soft_wrap=True)
        out.print("次の `tsumugi run` から、この地区割は集計に使われません", highlight=False)


def _entries(settings: Settings) -> list[dict[str, Any]]:
    from ingest.sealing.keys import KeyRing
    from ingest.site import district_coverage, district_sets

    entries: list[dict[str, Any]] = []
    for name, site in settings.sites.items():
        ring = KeyRing(site)
        sets = district_sets.standing(site, ring)
        if sets:
            towns = {found.municipality_code for found in sets if not found.is_given_up}
            entries += district_coverage.report(sets, district_coverage.members(settings, name, ring, towns))
    return entries


def _render(entries: list[dict[str, Any]], *, has_details: bool) -> None:
    if not entries:
        out.print("地区割はまだありません。`tsumugi districts import` で取り込みます", highlight=False)
        return
    # Two lines a cell, so that the table stays whole on a terminal of 80 columns.
    table = Table("市町村\n地区割", "状態・版\n作成日", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for heading in ("地区数\n行政区数", "制度", "被保険者", "地区\nあり", "地区\nなし", "うち行政\n区不記載"):
        table.add_column(heading, justify="right" if heading != "制度" else "left")
    for entry in entries:
        schemes = entry["schemes"] or [{}]
        counts = ("members_count", "with_district_count", "without_district_count", "without_key_count")
        table.add_row(
            f"{entry['municipality_code']} {entry['municipality_name']}\n{entry['district_set_name']}",
            f"{STATES[entry['state']]} 第{entry['version_number']}版\n{entry['created_date']}",
            f"{entry['districts_count']:,}\n{entry['places_count']:,}",
            "\n".join(SCHEMES.get(scheme.get("scheme_code", ""), "－") for scheme in schemes),
            *("\n".join(f"{scheme[name]:,}" if scheme else "－" for scheme in schemes) for name in counts),
        )
    out.print(table)
    if not any(entry["schemes"] for entry in entries):
        out.print(_NO_MEMBERS, highlight=False)
    elif has_details:
        for entry in entries:
            _render_details(entry)


def _render_details(entry: dict[str, Any]) -> None:
    title = f"{entry['municipality_name']} {entry['district_set_name']}"
    missing = [
        f"{_place(row)} {SCHEMES[row['scheme_code']]}{row['members_count']:,}人" for row in entry["members_without_row"]
    ]
    unused = [f"{_place(row)} → {row['set_district_name']}" for row in entry["rows_without_member"]]
    for what, lines in (("一覧にない行政区", missing), ("該当する被保険者のいない行", unused)):
        if lines:
            more = f" ほか{len(lines) - _SHOWN}件" if len(lines) > _SHOWN else ""
            out.print(f"{title} {what}: {'、'.join(lines[:_SHOWN])}{more}", highlight=False)


def _place(row: dict[str, Any]) -> str:
    return " ".join(part for part in (row["district_code"], row["district_name"]) if part)
