"""`tsumugi center explain|review` and `tsumugi site explain|decide|decisions`: why records are one person, and a word
on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ingest import settings as settings_module
from ingest.console import out, print_json_line, progress_bar, told_errors
from ingest.settings import Settings, SettingsError

Workspace = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder with tsumugi.toml; else $TSUMUGI_WORKSPACE, else ./data."),
]
SiteName = Annotated[str | None, typer.Option("--site", help="Which site, where the workspace holds several.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; the last line holds the figures.")]
Tag = Annotated[str, typer.Argument(help="Tag of an identity, 32 hexadecimal digits, as `site explain` shows it.")]
By = Annotated[str, typer.Option("--by", help="Who decides; the name stands at the center, too.")]
Reason = Annotated[
    str,
    typer.Option(
        "--reason",
        help="Why. It stands in clear at the center: no name, number or birth date of an insured person belongs in it "
        "(seven digits and more, and names that the directory knows, are refused).",
    ),
]

decide_app = typer.Typer(
    no_args_is_help=True,
    help="Say of two identities whether they are one person; the center follows with its next link.\n\n"
    "`merge` joins past what linkage found (not past an `apart`), `split` parts what it joined, `apart` keeps it from "
    "ever joining them, `undo ID` takes a decision back. Of several on one pair the last stands. Each goes to the "
    "center in a signed, sealed batch with who and why, and is in the site's audit chain.",
)


def _one_site(settings: Settings, site: str | None) -> str:
    if site is not None:
        settings.site(site)
        return site
    if len(settings.sites) != 1:
        raise SettingsError("several sites here; say which with --site")
    return next(iter(settings.sites))


def center_explain(
    person: Annotated[str, typer.Argument(help="Id of a person, a former id, or a tag: 32 hexadecimal digits.")],
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Say why these identities are one person: passes, dates, numbers in force, refused edges, the weakest link.

    Tags only: no name, number or birth date is known here.
    """
    from ingest.center.explain import explain
    from ingest.center.explain_page import render

    with told_errors():
        told = explain(settings_module.load(workspace), person)
        if as_json:
            print_json_line(told)
        else:
            render(out, told)


def center_review(
    workspace: Workspace = None,
    limit: Annotated[int, typer.Option(min=1, help="How many pairs to print; --json has all.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List persons whom only name and birth date tie over enrolments that never overlap, and count refused edges.

    By the records, one who joined again cannot be told from two of one name: `tsumugi site decide` says it.
    """
    from ingest.center.explain_page import render_review
    from ingest.center.review import listed, review

    with told_errors():
        told = review(settings_module.load(workspace))
        if as_json:
            print_json_line(told | {"pairs": listed(told["pairs"])})
        else:
            render_review(out, told, limit)


def site_explain(
    person: Annotated[str, typer.Argument(help="The tenant's id of a person, or a tag: 32 hexadecimal digits.")],
    tenant: Annotated[str, typer.Option("--tenant", help="For whom you look; the access table says what is shown.")],
    purpose: Annotated[str, typer.Option("--purpose", help="What for; kept in the site's audit chain.")],
    workspace: Workspace = None,
    site: SiteName = None,
    as_json: AsJson = False,
) -> None:
    """Say why these identities are one person, with names and numbers, on this screen only.

    Shown are the identities of which the tenant's file holds a row, and nothing of others. Every look, also a
    refused one, is recorded.
    """
    from ingest.site.explain import explain
    from ingest.site.explain_page import render

    with told_errors():
        settings = settings_module.load(workspace)
        told = explain(settings, _one_site(settings, site), person, tenant=tenant, purpose=purpose)
        if as_json:
            print_json_line(told)
        else:
            render(out, told)


def site_decisions(workspace: Workspace = None, site: SiteName = None, as_json: AsJson = False) -> None:
    """List the manual decisions on persons: what, who, when, why, and whether the center has them."""
    from ingest.site.decisions import listed
    from ingest.site.explain_page import render_decisions

    with told_errors():
        settings = settings_module.load(workspace)
        for name in [site] if site else list(settings.sites):
            found = listed(settings, name)
            if as_json:
                print_json_line({"site": name, "decisions": found})
            else:
                out.print(f"[bold]site {name}[/bold] {len(found):,}", highlight=False)
                render_decisions(out, found)


def _decide(code: str, one: str, other: str, by: str, reason: str, workspace: Path | None, site: str | None) -> None:
    from ingest.site.decisions import decide

    with told_errors():
        settings = settings_module.load(workspace)
        name = _one_site(settings, site)
        with progress_bar() as progress:
            figures = decide(settings, name, code, (one, other), progress, by=by, reason=reason)
        _told(name, figures)


def _told(site: str, figures: dict[str, Any]) -> None:
    facts = ", ".join(f"{key} {value}" for key, value in figures.items())
    out.print(f"[bold]site {site} decide[/bold] {facts}", highlight=False)
    out.print("次の `tsumugi run`（センターの receive・link・build）で反映されます", highlight=False)


@decide_app.command("merge")
def decide_merge(
    one: Tag, other: Tag, by: By, reason: Reason, workspace: Workspace = None, site: SiteName = None
) -> None:
    """The two are one person (同一人)."""
    _decide("merge", one, other, by, reason, workspace, site)


@decide_app.command("split")
def decide_split(
    one: Tag, other: Tag, by: By, reason: Reason, workspace: Workspace = None, site: SiteName = None
) -> None:
    """The two were taken for one person and are not (別人に分ける).

    Who is tied to both goes with whom it agrees best; say `merge` where that is wrong.
    """
    _decide("split", one, other, by, reason, workspace, site)


@decide_app.command("apart")
def decide_apart(
    one: Tag, other: Tag, by: By, reason: Reason, workspace: Workspace = None, site: SiteName = None
) -> None:
    """The two are two persons, whatever comes to tie them (別人とする)."""
    _decide("apart", one, other, by, reason, workspace, site)


@decide_app.command("undo")
def decide_undo(
    decision: Annotated[str, typer.Argument(help="ID, as `tsumugi site decisions` lists it.")],
    by: By,
    reason: Reason,
    workspace: Workspace = None,
    site: SiteName = None,
) -> None:
    """Take a decision back: what stood before it stands again."""
    from ingest.site.decisions import undo

    with told_errors():
        settings = settings_module.load(workspace)
        name = _one_site(settings, site)
        with progress_bar() as progress:
            figures = undo(settings, name, decision, progress, by=by, reason=reason)
        _told(name, figures)


def add_to(site_app: typer.Typer, center_app: typer.Typer) -> None:
    """Hang the commands on those of the two parties."""
    center_app.command("explain")(center_explain)
    center_app.command("review")(center_review)
    site_app.command("explain")(site_explain)
    site_app.command("decisions")(site_decisions)
    site_app.add_typer(decide_app, name="decide")
