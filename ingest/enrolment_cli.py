"""`tsumugi enrolment`: which column of a town's 資格 CSV is what; confirmed once, used each month."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ingest import settings as settings_module
from ingest.console import err, out, told_errors
from ingest.settings import Settings, SiteSettings
from ingest.site.errors import SiteError

if TYPE_CHECKING:
    from ingest.formats.enrolment_proposal import Proposal

enrolment_app = typer.Typer(
    no_args_is_help=True,
    help="Columns of 資格 files (国保・後期): proposed from the headings, confirmed once, used each month.\n\n"
    "A file with an unknown heading row waits in the inbox. `propose FILE` shows what its columns seem to be, "
    "`confirm FILE` saves that; then `tsumugi run` takes the file and every later one with the same headings.",
)

Workspace = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder with tsumugi.toml; else $TSUMUGI_WORKSPACE, else ./data."),
]
SiteName = Annotated[str | None, typer.Option("--site", help="Which site, where FILE lies in no site's inbox.")]
File = Annotated[Path, typer.Argument(help="A 資格 CSV as delivered; it is not loaded or changed.")]
UNUSED = "（使わない）"


def _site(settings: Settings, name: str | None, file: Path | None = None) -> SiteSettings:
    """The named site, else the one in whose home the file lies, else the only one."""
    if name is None and file is not None:
        for site in settings.sites.values():
            if file.resolve().is_relative_to(site.home.resolve()):
                return site
    return settings.site(name)


def _show(proposal: Proposal) -> None:
    table = Table("見出し", "項目", "確かさ", "内容の種類", "根拠")
    for column in proposal.columns:
        heading = column.column_name + (f"#{column.occurrence}" if column.occurrence > 1 else "")
        sure = "確か" if column.is_sure else "要確認"
        table.add_row(heading, column.contract_column or UNUSED, sure, column.kind, column.why)
    out.print(table)
    if proposal.missing:
        out.print(f"必須の項目に当たる列がありません: {'、'.join(proposal.missing)}", highlight=False)
    for note in proposal.notes:
        out.print(f"・{note}", highlight=False)


@enrolment_app.command("propose")
def propose_command(file: File) -> None:
    """Show heading → field, how sure that is and why; kinds of content, never values. Nothing is saved."""
    from ingest.formats.enrolment_profile import field_rules
    from ingest.formats.enrolment_proposal import propose

    with told_errors():
        proposal = propose(file)
        _show(proposal)
        out.print(f"使える項目: {'、'.join(field_rules())}", highlight=False)


@enrolment_app.command("confirm")
def confirm_command(
    file: File,
    workspace: Workspace = None,
    site: SiteName = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take the proposal without asking.")] = False,
    corrections: Annotated[
        list[str] | None,
        typer.Option("--set", help="見出し=項目, such as 証番=number; 見出し= leaves it unused; 番号#2=… its second."),
    ] = None,
    codes: Annotated[
        list[str] | None, typer.Option("--code", help="見出し:値=コード for 事由, such as 喪失事由:21=04 (後期加入).")
    ] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="全件: every file with these headings holds all members, so who is absent in the newest one is ended "
            "from its 基準日 on. Without it a file holds changes (異動) and ends nobody.",
        ),
    ] = False,
) -> None:
    """Save what the columns are. Asks about each doubtful column on a terminal; --yes takes the proposal.

    A full file that lacks more than 5 % of an insurer's live members is held in the inbox until
    `tsumugi site confirm` or `tsumugi site refuse` says what to do with it.
    """
    from ingest.formats.enrolment_profile import ProfileError
    from ingest.formats.enrolment_proposal import propose
    from ingest.site import profiles

    with told_errors():
        own = _site(settings_module.load(workspace), site, file)
        proposal = propose(file)
        _show(proposal)
        try:
            fields = dict(_pair(text) for text in corrections or [])
            mapped: dict[str, dict[str, str]] = {}
            for text in codes or []:
                source, code = _pair(text)
                heading, mark, value = source.partition(":")
                if not mark or not value or "|" in value + code:
                    raise ProfileError(f"--code {text}: 見出し:値=コード の形で指定してください")
                mapped.setdefault(heading, {})[value] = code
            if not yes:
                if not sys.stdin.isatty():
                    raise ProfileError("端末ではないため尋ねられません。--yes か --set を付けてください")
                fields = _asked(proposal) | fields
            profile = proposal.profile(fields, mapped, is_full=full)
        except ProfileError as error:
            raise SiteError(str(error)) from None
        path = profiles.confirm(own, profile)
        out.print(f"確認しました: {path}", highlight=False, soft_wrap=True)
        kind = "全件" if profile.is_full else "異動分"
        out.print(f"同じ見出しのファイルは{kind}として次の `tsumugi run` から読まれます", highlight=False)


def _pair(text: str) -> tuple[str, str]:
    from ingest.formats.enrolment_profile import ProfileError

    left, mark, right = text.rpartition("=")
    if not mark or not left:
        raise ProfileError(f"{text}: 見出し=項目 の形で指定してください")
    return left, right


def _asked(proposal: Proposal) -> dict[str, str]:
    """The operator's word on each doubtful column, and on the unused ones where a needed field is missing."""
    fields = {}
    for column in proposal.columns:
        is_open = not column.is_sure or (proposal.missing and not column.contract_column)
        if is_open:
            heading = f"{column.column_name}#{column.occurrence}"
            answer = typer.prompt(f"{heading}（{column.kind}）の項目", default=column.contract_column or UNUSED)
            fields[heading] = "" if answer == UNUSED else answer.strip()
    return fields


@enrolment_app.command("list")
def list_command(workspace: Workspace = None, site: SiteName = None) -> None:
    """The confirmed heading rows, and the files of the inbox that wait for one."""
    from ingest.site import profiles

    with told_errors():
        settings = settings_module.load(workspace)
        names = [site] if site else list(settings.sites)
        for name in names:
            own = settings.site(name)
            known = profiles.confirmed_profiles(own)
            out.print(f"site {name}: {len(known)} profiles in {own.profiles}", highlight=False, soft_wrap=True)
            for fingerprint, profile in known.items():
                used = sum(1 for column in profile.columns if column.contract_column)
                kind = "全件" if profile.is_full else "異動分"
                out.print(f"  {fingerprint} {kind} {len(profile.columns)}列のうち{used}列を使用", highlight=False)
            for file in profiles.held_names(own):
                err.print(f"  waits: {file}", highlight=False, soft_wrap=True)


@enrolment_app.command("show")
def show_command(
    fingerprint: Annotated[str, typer.Argument(help="As `list` prints it.")],
    workspace: Workspace = None,
    site: SiteName = None,
) -> None:
    """The columns of one confirmed heading row."""
    from ingest.site import profiles

    with told_errors():
        own = settings_module.load(workspace).site(site)
        known = profiles.confirmed_profiles(own)
        if fingerprint not in known:
            raise SiteError(f"確認済みの見出し {fingerprint} はありません。`tsumugi enrolment list` で確かめてください")
        table = Table("見出し", "項目", "事由の読み替え")
        for column in known[fingerprint].columns:
            words = "、".join(f"{value}→{code}" for value, code in column.codes.items())
            table.add_row(column.column_name, column.contract_column or UNUSED, words)
        out.print(table)


@enrolment_app.command("drop")
def drop_command(
    fingerprint: Annotated[str, typer.Argument(help="As `list` prints it.")],
    workspace: Workspace = None,
    site: SiteName = None,
) -> None:
    """Forget one confirmed heading row; what was loaded by it stays."""
    from ingest.site import profiles

    with told_errors():
        profiles.drop(settings_module.load(workspace).site(site), fingerprint)
        out.print(f"{fingerprint} を消しました", highlight=False)
