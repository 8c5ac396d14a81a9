"""The road of `tsumugi link evaluate` says what the road over files says: same tokens, same persons, same truth."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from ingest.center.home import open_warehouse
from ingest.center.link.records import link_records
from ingest.center.link.rules import rules
from ingest.evaluation.forms import forms
from ingest.evaluation.identities import Identities, tokenise
from ingest.progress import silent
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from ingest.site import epoch
from ingest.synth.settings import SynthSettings, demo
from ingest.synth.world.whole import make_world
from tests.handmade import demo_workspace

IDENTITY = ["linkage_domain", "identity_tag"]


def told_without_files(settings: Settings) -> Identities:
    """The world whose files lie in a workspace, made once more without them, under the keys of the sites there."""
    invented = SynthSettings(**json.loads((settings.workspace / "truth" / "settings.json").read_text("utf-8")))
    written = forms(make_world(invented), silent)
    return tokenise(written, lambda site: epoch.tokeniser(KeyRing(settings.site(site)), 1), silent)


def assert_same(settings: Settings) -> None:
    told = told_without_files(settings)
    center = settings.the_center()
    ring = KeyRing(center)
    linked = link_records(told.records, rules(), ring.secret("link"))
    with open_warehouse(center, ring, read_only=True) as connection:
        tags = connection.execute(
            "SELECT DISTINCT linkage_domain, purpose, pass_tag, identity_tag, pass_id FROM raw.identity_pass"
        ).pl()
        persons = connection.execute("SELECT linkage_domain, identity_tag, person_id FROM link.identity_person").pl()
    assert persons.height > 500
    assert same_rows(tags, told.records.incidences)
    assert same_rows(persons, linked.persons)


def same_rows(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    return one.sort(one.columns).equals(other.select(one.columns).sort(one.columns))


def test_a_world_without_files_has_the_tokens_and_persons_of_its_files(tiny_road: Settings) -> None:
    assert_same(tiny_road)


@pytest.mark.long
def test_a_world_of_ten_thousand_without_files_has_the_tokens_and_persons_of_its_files(tmp_path: Path) -> None:
    from ingest.center.link import link
    from ingest.center.receive import receive
    from ingest.site.extract import extract
    from ingest.synth.run import synthesise

    settings = demo_workspace(tmp_path)
    synthesise(settings.workspace, demo(people=10_000, months=12), silent)
    for site in settings.sites:
        extract(settings, site, silent)
    receive(settings, silent)
    link(settings, silent)
    assert_same(settings)
