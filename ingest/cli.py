"""`tsumugi`: one verb a step, thin; the work is done in the rooms that the verbs name."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ingest import settings as settings_module
from ingest.console import err, out, print_json_line, progress_bar, told_errors
from ingest.districts_cli import districts_app
from ingest.edition_cli import edition_app
from ingest.enrolment_cli import enrolment_app
from ingest.export_cli import add_to as add_export
from ingest.keys_cli import keys_app
from ingest.layouts_cli import layouts_app
from ingest.link_cli import PresetName, link_app
from ingest.persons_cli import add_to as add_persons
from ingest.reconcile_cli import add_to as add_reconcile
from ingest.reference_cli import reference_app
from ingest.settings import Settings
from ingest.statistics_cli import statistics_app
from ingest.synth.preset import Preset

app = typer.Typer(
    name="tsumugi",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="紡 Tsumugi: checkups, medical and care records, one history per person, identities encrypted.\n\n"
    "The road: site extract → center receive → link → build → results → site receive. "
    "`tsumugi run` does every step that is due; `tsumugi status` says what was loaded and what is missing.",
)
site_app = typer.Typer(no_args_is_help=True, help="Steps of a site (国保連合会): files in, published files out.")
center_app = typer.Typer(no_args_is_help=True, help="Steps of the center (国保中央会): link and count, encrypted.")
analyst_app = typer.Typer(no_args_is_help=True, help="A copy of the warehouse for an analyst and dbt.")
masters_app = typer.Typer(no_args_is_help=True, help="The official masters of codes (傷病名, 診療行為, 医薬品, …).")
bench_app = typer.Typer(no_args_is_help=True, help="Measure speed, as ratios within one run.")
app.add_typer(site_app, name="site")
app.add_typer(center_app, name="center")
add_persons(site_app, center_app)
center_app.add_typer(edition_app, name="edition")
app.add_typer(keys_app, name="keys")
app.add_typer(analyst_app, name="analyst")
app.add_typer(masters_app, name="masters")
app.add_typer(enrolment_app, name="enrolment")
app.add_typer(districts_app, name="districts")
app.add_typer(layouts_app, name="layouts")
app.add_typer(link_app, name="link")
app.add_typer(reference_app, name="reference")
app.add_typer(statistics_app, name="statistics")
add_export(app)
add_reconcile(app)
_QUARANTINE_HELP = (
    "Rows that were set aside at a site: list, look, release, give up.\n\n"
    "`list` counts them and says what to do; `list --rows` names each by an ID. A row that cannot be typed or breaks "
    "its contract waits for a corrected file, which marks it superseded (差替済み). A row that was only judged "
    "implausible may be right: `release ID --by NAME --reason WHY` sends it with the next `tsumugi site extract`. "
    "`drop` erases records that nobody will need. Every look, release and drop is in the site's audit chain."
)
quarantine_app = typer.Typer(no_args_is_help=True, help=_QUARANTINE_HELP)
app.add_typer(bench_app, name="bench")
app.add_typer(quarantine_app, name="quarantine")

Workspace = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder with tsumugi.toml; else $TSUMUGI_WORKSPACE, else ./data."),
]
SiteName = Annotated[str | None, typer.Option("--site", help="Which site, where the workspace holds several.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; the last line holds the figures.")]


def _sites(settings: Settings, site: str | None) -> list[str]:
    if site is not None:
        settings.site(site)
        return [site]
    return list(settings.sites)


def _tell(title: str, figures: dict[str, Any]) -> None:
    plain = {key: value for key, value in figures.items() if not isinstance(value, dict | list)}
    out.print(f"[bold]{title}[/bold] " + ", ".join(f"{key} {value}" for key, value in plain.items()), highlight=False)


@app.command()
def init(
    workspace: Workspace = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Two sites, a sender of counts, a center and an app, of invented data.")
    ] = False,
) -> None:
    """Make a workspace: write tsumugi.toml and the home folders; an existing file is left alone."""
    from ingest.workspace import create

    with told_errors():
        path, created = create(settings_module.workspace_path(workspace), demo=demo, with_counts=demo)
        out.print(f"{path}: {'written' if created else 'there already, left alone'}", highlight=False)


@app.command()
def synth(
    workspace: Workspace = None,
    people: Annotated[int | None, typer.Option(min=50, help="Insured of 国保 and 後期 together.")] = None,
    months: Annotated[int | None, typer.Option(min=1, max=60, help="Months of claims and care.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same files.")] = None,
    municipality: Annotated[list[str] | None, typer.Option(help="5-digit codes; repeat the option.")] = None,
    full: Annotated[bool, typer.Option("--full", help="All 34 municipalities, 100,000 people.")] = False,
    preset: PresetName = Preset.DEFAULT,
) -> None:
    """Invent a population and write its files, in the real formats, into the sites' inboxes."""
    from ingest.synth.presets import with_preset
    from ingest.synth.run import synthesise
    from ingest.synth.settings import chosen

    with told_errors():
        settings = settings_module.load(workspace)
        if (settings.workspace / "truth").exists():
            out.print("a population was invented here before; nothing to do (`make clean-demo` begins anew)")
            return
        wanted = chosen(full=full, people=people, months=months, seed=seed, municipalities=municipality)
        wanted = with_preset(wanted, preset)
        with progress_bar() as progress:
            figures = synthesise(settings.workspace, wanted, progress)
        _tell("synth", figures)
        print_json_line(figures)


@app.command()
def inspect(
    files: Annotated[list[Path], typer.Argument(help="Files as delivered; nothing is loaded or changed.")],
    workspace: Workspace = None,
    site: Annotated[
        str | None, typer.Option("--site", help="Look with the layouts that this site has corrected.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a file is by its content and what is in it, through the readers and layouts that load it."""
    from ingest.formats.enrolment_profile import with_profiles
    from ingest.formats.inspect import inspect_files, render
    from ingest.formats.layout_files import with_layouts
    from ingest.formats.uke_layout import with_subtraction_codes
    from ingest.masters.lookups import subtraction_codes
    from ingest.site.layouts import layouts_for
    from ingest.site.profiles import all_profiles

    with told_errors():
        folder = settings_module.workspace_path(workspace)
        has_settings = (folder / settings_module.SETTINGS_FILE).is_file()
        settings = settings_module.load(folder) if has_settings else None
        layouts = layouts_for(settings, files, site) if settings else {}
        if layouts and not as_json:
            err.print(f"このサイトで直した様式定義で読みます: {'、'.join(layouts)}", highlight=False)
        profiles = all_profiles(settings) if settings else {}
        codes = subtraction_codes(folder)
        with with_layouts(layouts), with_subtraction_codes(codes), with_profiles(profiles):
            results = inspect_files(files)
        if as_json:
            for result in results:
                print_json_line(result)
        else:
            render(out, results)


@site_app.command("extract")
def site_extract(workspace: Workspace = None, site: SiteName = None) -> None:
    """Read the inbox, check, tokenise and seal one batch for the center."""
    from ingest.site.extract import extract

    with told_errors():
        settings = settings_module.load(workspace)
        for name in _sites(settings, site):
            with progress_bar() as progress:
                _tell(f"site {name} extract", extract(settings, name, progress))


@site_app.command("retract")
def site_retract(
    batch: Annotated[int, typer.Argument(help="Number of the batch, as `tsumugi status --json` lists it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever reads the status later; name no person.")],
    file: Annotated[
        list[str] | None,
        typer.Option("--file", help="Only this file of the batch (repeat it); the others are delivered again."),
    ] = None,
    workspace: Workspace = None,
    site: SiteName = None,
) -> None:
    """Take back a batch that should not have been sent, here and at the center; earlier states stand again.

    The corrected files, or the same ones, may be put into the inbox afterwards and load as new.
    """
    from ingest.site.retract import retract

    with told_errors():
        settings = settings_module.load(workspace)
        names = _sites(settings, site)
        if len(names) > 1:
            raise settings_module.SettingsError(
                "several sites here; say which with --site, each numbers its own batches"
            )
        _tell(f"site {names[0]} retract", retract(settings, names[0], batch, reason=reason, files=file or []))


Held = Annotated[str, typer.Argument(help="The held file, as `tsumugi status` names it, or the start of its SHA-256.")]
By = Annotated[str, typer.Option("--by", help="Who decides; the ledger keeps the name and the time.")]


def _decide(decision: str, file: str, by: str, reason: str | None, workspace: Path | None, site: str | None) -> None:
    from ingest.site.hold_desk import decide

    with told_errors():
        settings = settings_module.load(workspace)
        names = _sites(settings, site)
        if len(names) > 1:
            raise settings_module.SettingsError("several sites here; say which with --site")
        _tell(f"site {names[0]}", decide(settings, names[0], file, decision, by=by, reason=reason))


@site_app.command("confirm")
def site_confirm(file: Held, by: By, workspace: Workspace = None, site: SiteName = None) -> None:
    """Let a held full delivery (全件) go: it loads with the next run, and ends the members that it does not name.

    A full 資格 file is held where more than 5 % of an insurer's live members are not in it; `tsumugi status`
    says how many there were and how many are missing. Nobody asks again for the same file.
    """
    _decide("confirmed", file, by, None, workspace, site)


@site_app.command("refuse")
def site_refuse(
    file: Held,
    by: By,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; name no member.")] = None,
    workspace: Workspace = None,
    site: SiteName = None,
) -> None:
    """Have a held full delivery (全件) refused: the next run counts its rows as refused and loads none of them.

    The file is kept, encrypted, like every refused file; members stay as they were. The corrected file may be put
    into the inbox at any time.
    """
    _decide("refused", file, by, reason, workspace, site)


@site_app.command("resend")
def site_resend(
    first: Annotated[
        int | None,
        typer.Option("--from", min=1, help="The first batch; else the one after the last that the center says it has."),
    ] = None,
    workspace: Workspace = None,
    site: SiteName = None,
) -> None:
    """Hand sealed batches over again, after the center was put back to a backup and says that it has fewer.

    Nothing is read or sealed anew, and the center takes each batch once, whatever comes again.
    """
    from ingest.site.resend import resend

    with told_errors():
        settings = settings_module.load(workspace)
        for name in _sites(settings, site):
            with progress_bar() as progress:
                _tell(f"site {name} resend", resend(settings, name, first, progress))


@site_app.command("receive")
def site_receive(workspace: Workspace = None, site: SiteName = None) -> None:
    """Open the center's results, re-identify, publish the tenants' files."""
    from ingest.site.receive import receive

    with told_errors():
        settings = settings_module.load(workspace)
        for name in _sites(settings, site):
            with progress_bar() as progress:
                _tell(f"site {name} receive", receive(settings, name, progress))


def _center_step(title: str, workspace: Path | None, step: Callable[..., dict[str, Any]], **options: Any) -> None:
    with told_errors():
        settings = settings_module.load(workspace)
        settings.the_center()
        with progress_bar() as progress:
            _tell(title, step(settings, progress, **options))


@center_app.command("receive")
def center_receive(workspace: Workspace = None) -> None:
    """Verify the batches that came and land them."""
    from ingest.center.receive import receive

    _center_step("center receive", workspace, receive)


@center_app.command("link")
def center_link(workspace: Workspace = None) -> None:
    """Link the numbers of one person; write what changed."""
    from ingest.center.link import link

    _center_step("center link", workspace, link)


@center_app.command("build")
def center_build(
    workspace: Workspace = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Build every model from its beginning.")] = False,
) -> None:
    """Run the dbt models and their tests over what changed."""
    from ingest.center.build import build

    _center_step("center build", workspace, build, full_refresh=full_refresh)


@center_app.command("rebuild")
def center_rebuild(workspace: Workspace = None) -> None:
    """Make the warehouse anew from the sealed batches that were kept; the old one stays until the new one is whole.

    Every kept batch is checked first. One that is missing or damaged is named, and nothing is replaced.
    """
    from ingest.center.rebuild import rebuild

    _center_step("center rebuild", workspace, rebuild)


@center_app.command("release")
def center_release(
    workspace: Workspace = None,
    approve: Annotated[str | None, typer.Option("--approve", help="Let it go in this person's name.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why the figures are right after all.")] = None,
) -> None:
    """Hold the figures against the month before; within the limits they go out, else a named person decides."""
    from ingest.center.release import release, waits_for

    with told_errors():
        settings = settings_module.load(workspace)
        with progress_bar() as progress:
            decision = release(settings, progress, approve=approve, reason=reason)
        _tell("center release", {name: decision[name] for name in ("state", "released_by", "reason")})
        if decision["state"] != "released":
            out.print(waits_for(decision), highlight=False, soft_wrap=True)


@center_app.command("results")
def center_results(workspace: Workspace = None) -> None:
    """Seal the published tables for each site."""
    from ingest.center.results import results

    _center_step("center results", workspace, results)


@app.command()
def run(workspace: Workspace = None) -> None:
    """Do every step of the road that is due for the parties of this workspace; a second run does nothing."""
    from ingest.road import run_road

    with told_errors():
        settings = settings_module.load(workspace)
        with progress_bar() as progress:
            figures = run_road(settings, progress)
        for title, numbers in figures["steps"]:
            _tell(title, numbers)


@app.command()
def status(
    workspace: Workspace = None,
    as_json: AsJson = False,
    months: Annotated[int, typer.Option(min=1, help="How many months of deliveries to show.")] = 12,
    insurer: Annotated[str | None, typer.Option(help="Show the deliveries of this insurer only.")] = None,
    on: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Day on which it is read what is due (due day and allowed lag: seeds/expected_deliveries.csv); "
            "else the last day of the month after the reference month.",
        ),
    ] = None,
) -> None:
    """What was loaded from which file, what waits or is held, what was refused and why, what is missing.

    The matrix shows each insurer's streams month by month: ○ arrived, × missing, 保 held for a word, ■ came but
    nothing of it could be taken, △ taken back, ・ not due yet.
    """
    from ingest.status import collect, render

    with told_errors():
        figures = collect(settings_module.load(workspace), on.date() if on else None)
        if not as_json:
            render(out, figures, months, insurer)
        else:
            print_json_line(figures)


@app.command()
def doctor(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Check everything an installation needs and say how to mend it; exit code 1 where something is wrong.

    Encryption really on, extension, permissions, keys and peers, databases, clock, disk, memory, published files.
    """
    from ingest.doctor import examine, figures, render

    with told_errors():
        settings = settings_module.load(workspace)
        with progress_bar() as progress:
            findings = examine(settings, progress)
        if as_json:
            print_json_line(figures(findings))
        else:
            render(out, findings)
        if any(one.state == "wrong" for one in findings):
            raise typer.Exit(1)


@analyst_app.command("copy")
def analyst_copy(workspace: Workspace = None) -> None:
    """Copy the center's warehouse, with a key of its own, so that plain `dbt build` works in the repository."""
    from ingest.analyst import copy

    with told_errors():
        _tell("analyst copy", copy(settings_module.load(workspace)))


@masters_app.command("import")
def masters_import(
    files: Annotated[list[Path], typer.Argument(help="Full and difference files, zipped or not, in any order.")],
    workspace: Workspace = None,
) -> None:
    """Take the official master files into the workspace; a file taken before changes nothing."""
    from ingest.masters.importing import import_files
    from ingest.masters.show import render_outcomes

    with told_errors():
        settings = settings_module.load(workspace)
        with progress_bar() as progress:
            outcomes = import_files(settings.workspace, files, progress)
        render_outcomes(out, err, outcomes)
        if any(outcome.refused for outcome in outcomes):
            raise typer.Exit(1)


@masters_app.command("list")
def masters_list(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """Which masters are in the workspace: kind, release, rows, dates of validity, files."""
    from ingest.masters.show import figures, render_list

    with told_errors():
        settings = settings_module.load(workspace)
        told = figures(settings.workspace)
        if as_json:
            print_json_line({"masters": told})
        else:
            render_list(out, told, settings.workspace)


@bench_app.command("synth")
def bench_synth(
    people: Annotated[int, typer.Option(min=50)] = 10_000,
    months: Annotated[int, typer.Option(min=1, max=60)] = 12,
) -> None:
    """Write a synthetic world and read its claims back, beside Python's csv module on the same lines."""
    from ingest import bench
    from ingest.synth.settings import chosen

    with told_errors(), progress_bar() as progress:
        figures = bench.synth(chosen(people=people, months=months), progress)
    print_json_line(figures)


@bench_app.command("read")
def bench_read(
    megabytes: Annotated[int, typer.Option(min=10, help="Size of the receipt file that is made and read.")] = 500,
) -> None:
    """Read one large receipt file, beside iconv and Python's csv module on the same bytes.

    Then checkup and care files of at most 50 MB beside the csv module, and a checkup archive beside lxml.
    """
    from ingest.bench_read import read

    with told_errors(), progress_bar() as progress:
        figures = read(megabytes, progress)
    if figures["checkup_xml"]["lxml_seconds"] is None:
        out.print("lxml is not installed, so the archive has nothing beside it: pip install lxml")
    print_json_line(figures)


@bench_app.command("tokens")
def bench_tokens(
    rows: Annotated[int, typer.Option(min=1000)] = 1_000_000,
    identities: Annotated[int, typer.Option(min=1000, help="Persons that the rows are of.")] = 150_000,
) -> None:
    """Tokenise rows and give each its tokens back, beside a plain loop of HMAC-SHA-256."""
    from ingest import bench_tokens

    with told_errors():
        print_json_line(bench_tokens.run(rows, identities))


@bench_app.command("link")
def bench_link(
    records: Annotated[int, typer.Option(min=1000, help="Records of identities, as batches bring them.")] = 6_000_000,
) -> None:
    """Link records made of arrays, and a month more, beside a plain join and grouping of the same tags."""
    from ingest import bench_link

    with told_errors():
        with progress_bar() as progress:
            figures = bench_link.run(records, progress)
        print_json_line(figures)


@bench_app.command("build")
def bench_build(
    people: Annotated[int, typer.Option(min=50, help="Insured of 国保 and 後期 together.")] = 100_000,
    months: Annotated[int, typer.Option(min=14, max=60, help="Months of claims and care.")] = 36,
) -> None:
    """Build the models of a synthetic world month by month and at once; the last month beside the twelfth."""
    from ingest import bench_build
    from ingest.synth.settings import chosen

    with told_errors(), progress_bar() as progress:
        figures = bench_build.run(chosen(full=True, people=people, months=months), progress)
    print_json_line(figures)


@bench_app.command("frequency")
def bench_frequency(
    people: Annotated[
        int, typer.Option(min=1000, help="Insured where the world begins; over its years about twice as many.")
    ] = 600_000,
) -> None:
    """Attack the tokens of every linkage pass by counting them, and tokens over single fields beside them."""
    from ingest import bench_frequency
    from ingest.synth.settings import chosen

    with told_errors(), progress_bar() as progress:
        figures = bench_frequency.run(chosen(full=True, people=people), progress)
    print_json_line(figures)


@bench_app.command("extract")
def bench_extract(megabytes: Annotated[int, typer.Option(min=1)] = 200) -> None:
    """Extract one UKE file (read, check, tokenise, seal, archive), beside its reader alone."""
    from ingest import bench_extract

    with told_errors(), progress_bar() as progress:
        figures = bench_extract.run(megabytes, progress)
    print_json_line(figures)


@bench_app.command("seal")
def bench_seal(
    rows: Annotated[int, typer.Option(min=1000, help="Lines of receipts that are sealed and opened.")] = 4_000_000,
) -> None:
    """Seal, check and load a batch, beside plain Parquet of the same rows and SHA-256 alone over the same bytes."""
    from ingest import bench_seal

    with told_errors(), progress_bar() as progress:
        figures = bench_seal.run(rows, progress)
    print_json_line(figures)


Purpose = Annotated[str, typer.Option("--purpose", help="What for; kept in the site's audit chain.")]
Reason = Annotated[str | None, typer.Option(help="A reason code, such as contract or implausible.")]
TableName = Annotated[str | None, typer.Option("--table", help="A contract table, such as claim.")]
FileName = Annotated[str | None, typer.Option("--file", help="Name of the file as it lay in the inbox.")]


@quarantine_app.command("list")
def quarantine_list(
    workspace: Workspace = None,
    site: SiteName = None,
    reason: Reason = None,
    table: TableName = None,
    file: FileName = None,
    state: Annotated[
        str | None, typer.Option(help="waiting, noted (release not sent yet), released, superseded or dropped.")
    ] = None,
    rows: Annotated[bool, typer.Option("--rows", help="Every entry with its line number; no values.")] = False,
    as_json: AsJson = False,
) -> None:
    """What was set aside and what became of it, by file, table, field and reason; what the rows say is not shown."""
    from ingest.site import quarantine_desk as desk

    with told_errors():
        settings = settings_module.load(workspace)
        for name in _sites(settings, site):
            found = desk.entries(settings, name, reason=reason, table=table, file=file, state=state)
            if as_json:
                print_json_line({"site": name, "entries": found.to_dicts() if rows else desk.counts(found)})
            else:
                out.print(f"[bold]site {name}[/bold] {found.height:,}", highlight=False)
                desk.render(out, found, rows=rows)


@quarantine_app.command("show")
def quarantine_show(
    entry: Annotated[str, typer.Argument(help="An ID of `tsumugi quarantine list --rows`.")],
    site: Annotated[str, typer.Option("--site", help="Which site.")],
    purpose: Purpose,
    workspace: Workspace = None,
) -> None:
    """Print the raw record of one entry; the look is recorded in the audit chain with its purpose."""
    from ingest.site import quarantine_desk as desk

    with told_errors():
        out.print(desk.show(settings_module.load(workspace), site, entry, purpose), highlight=False, markup=False)


@quarantine_app.command("release")
def quarantine_release(
    site: Annotated[str, typer.Option("--site", help="Which site.")],
    by: Annotated[str, typer.Option("--by", help="Who decided; kept in the ledger and the audit chain.")],
    reason: Annotated[str, typer.Option("--reason", help="Why the row is right as it is; name no person in it.")],
    entry: Annotated[list[str] | None, typer.Argument(help="IDs of `list --rows`; or choose by the options.")] = None,
    table: TableName = None,
    file: FileName = None,
    workspace: Workspace = None,
) -> None:
    """Say that rows set aside are right as they are: the next extract sends them, from their own file and line.

    Only a judgement can be overruled (a value out of its usual range, an order of dates, a month that had not come
    yet). A row that breaks its format or contract needs a corrected file from its sender. The lines of a record go
    with it. With --table or --file every row that can be released is, and the others are counted as left.
    `tsumugi site retract` takes a release back.

    Example: tsumugi quarantine release 0f3a9c21b7de:checkup_result:12 --site 16 --by 富山花子 --reason 照会済み
    """
    from ingest.site import quarantine_desk as desk

    with told_errors():
        settings = settings_module.load(workspace)
        chosen = list(entry or [])
        if table or file:
            found = desk.entries(settings, site, table=table, file=file, state="waiting")
            chosen += found["entry_id"].to_list()
        if not chosen:
            out.print(
                "解除する行がありません。`tsumugi quarantine list --rows` の ID か --table、--file で選んでください"
            )
            return
        is_choice = bool(table or file) and not entry
        figures = desk.release(settings, site, chosen, by=by, reason=reason, only_possible=is_choice)
        _tell(f"site {site} quarantine release", figures)
        out.print("次の `tsumugi site extract` で送られます", highlight=False)


@quarantine_app.command("drop")
def quarantine_drop(
    site: Annotated[str, typer.Option("--site", help="Which site.")],
    purpose: Purpose,
    entry: Annotated[list[str] | None, typer.Argument(help="IDs; or choose by the options.")] = None,
    reason: Reason = None,
    table: TableName = None,
    file: FileName = None,
    workspace: Workspace = None,
) -> None:
    """Give up rows that were set aside: the raw record is erased for good, the row stays counted."""
    from ingest.site import quarantine_desk as desk

    with told_errors():
        settings = settings_module.load(workspace)
        chosen = list(entry or [])
        if reason or table or file:
            found = desk.entries(settings, site, reason=reason, table=table, file=file)
            chosen += found["entry_id"].to_list()
        figures = {"dropped": desk.drop(settings, site, chosen, purpose)}
        _tell(f"site {site} quarantine drop", figures)


@app.command()
def accounts(workspace: Workspace = None) -> None:
    """Make the demo accounts of the eight roles and hand the app the files' keys."""
    with told_errors():
        from app.access.accounts import create_demo_accounts
        from ingest.sealing.handover import hand_over_keys

        settings = settings_module.load(workspace)
        hand_over_keys(settings)
        for line in create_demo_accounts(settings):
            out.print(line, highlight=False)


@app.command()
def serve(
    workspace: Workspace = None,
    tenant: Annotated[str | None, typer.Option(help="Narrow the process to one tenant.")] = None,
) -> None:
    """Serve the dashboard on loopback."""
    with told_errors():
        from app.serve import command

        settings = settings_module.load(workspace)
        os.environ[settings_module.WORKSPACE_VARIABLE] = str(settings.workspace)
        arguments = command(settings, tenant)
        os.execv(arguments[0], arguments)


def main() -> None:
    """Entry point of the console script."""
    app()
