"""``tsumugi link evaluate``: a world without files, tokenised, linked by the real linker, held against the truth."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import polars as pl

from ingest.center.link.records import Linked, link_records
from ingest.center.link.rules import Rules, rules
from ingest.evaluation import referee
from ingest.evaluation.forms import forms
from ingest.evaluation.identities import Identities, tokenise
from ingest.evaluation.metrics import figures
from ingest.evaluation.mixed import mixed
from ingest.evaluation.planted import merged, planted_of
from ingest.evaluation.truth import followed, people_of, transitions
from ingest.identity.tokens import Tokeniser
from ingest.progress import ProgressCallback
from ingest.sealing.keys import derive
from ingest.synth.settings import SynthSettings
from ingest.synth.world.whole import make_world

KEY = bytes(range(32))  # of an invented world; no identity of a person is ever under it


@dataclass(frozen=True)
class Trial:
    """A world up to the linker: what it takes, and what is true."""

    identities: Identities
    people: pl.DataFrame
    turns: pl.DataFrame
    planted: pl.DataFrame


def make_trial(settings: SynthSettings, tell: ProgressCallback) -> Trial:
    """The identities of a world of the settings, and its truth."""
    tell("population", 0, 1)
    world = make_world(settings)
    people, turns = people_of(world), transitions(world)
    written = forms(world, tell)
    planted = planted_of(world, written["enrolment"])
    del world
    identities = tokenise(written, lambda site: Tokeniser(derive(KEY, f"evaluation {site}"), 1), tell)
    return Trial(identities, people, turns, planted)


def evaluate(settings: SynthSettings, tell: ProgressCallback, *, with_referee: bool = False) -> dict[str, Any]:
    """Make a world, link it, measure; figures of ``judge``, the seconds of each part and the settings.

    ``with_referee`` adds ``referee``: the figures of Splink on the same identities in clear. Raises SettingsError where
    that is asked for and Splink is not installed.
    """
    if with_referee:
        referee.demand()
    began = time.process_time()
    trial = make_trial(settings, tell)
    made = time.process_time()
    tell("link", 0, 1)
    linked = link_all(trial, rules())
    done = time.process_time()
    tell("link", 1, 1)
    found = judge(trial, linked)
    measured = time.process_time()
    if with_referee:
        tell("Splink", 0, 1)
        key = ["linkage_domain", "identity_tag"]
        units = trial.identities.units
        found["referee"] = figures(units.join(referee.groups(units), on=key, how="left"), trial.people)
        tell("Splink", 1, 1)
    return found | {
        "people": settings.people,
        "months": settings.months,
        "seed": settings.seed,
        "cpu_seconds_world": round(made - began, 1),
        "cpu_seconds_link": round(done - made, 1),
        "cpu_seconds_measure": round(measured - done, 1),
    }


def link_all(trial: Trial, by: Rules) -> Linked:
    """The trial's identities linked by the real linker."""
    return link_records(trial.identities.records, by, derive(KEY, "evaluation link"))


def judge(trial: Trial, linked: Linked) -> dict[str, Any]:
    """The figures of ``metrics.figures`` with mixed groups by relation, 75th birthdays followed, refused edges."""
    key = ["linkage_domain", "identity_tag"]
    group = linked.persons.select(*key, group=pl.col("person_id").rank("dense"))
    units = trial.identities.units.join(group, on=key, how="left")
    refused = linked.solved.refused.group_by("reason_code").agg(pl.col("edges").sum()).sort("reason_code")
    turned = followed(units, trial.turns)
    return figures(units, trial.people) | {
        "mixed": mixed(units, trial.people),
        "planted": merged(units, trial.planted),
        "refused_edges": dict(refused.iter_rows()),
        **turned,
        "followed_rate": turned["followed"] / turned["turned_75"] if turned["turned_75"] else None,
    }
