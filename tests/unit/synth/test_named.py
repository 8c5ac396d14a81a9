"""Whose the receipts of a month are is known without making them."""

from __future__ import annotations

import polars as pl

from ingest.synth.settings import demo
from ingest.synth.world.all_kinds import AllKinds
from ingest.synth.world.care_use import CareUse
from ingest.synth.world.catalogue import catalogue
from ingest.synth.world.clock import first_day, month_of
from ingest.synth.world.naming import name_columns
from ingest.synth.world.receipts import ReceiptMaker
from ingest.synth.world.whole import make_world


def test_the_receipts_of_a_month_are_of_whom_was_said_before_they_were_made() -> None:
    settings = demo(people=4000, months=1)
    world = make_world(settings)
    cover, people = world.coverage, world.people
    use = CareUse(settings, world.towns, people, world.lives, world.health, world.institutions)
    maker = AllKinds(ReceiptMaker(settings, people, cover, world.institutions, catalogue()), world.institutions)
    month = month_of(settings.reference_month)
    insured, town = cover.in_month(first_day(month), first_day(month + 1))
    events = use.month(month, insured, town)
    named = maker.named(month, events, insured, town)
    made = maker.month(month, events, insured, town).claims
    card = named["card"].to_numpy()
    _, kana = name_columns(cover.surname_on(card, named["day"].to_numpy()), people.given[cover.person[card]])
    said = named.with_columns(kana, person=pl.Series(cover.person[card])).hstack(
        cover.records.select("insurer_number", "number", "branch")[card]
    )
    found = made.with_columns(
        in_set=pl.col("summary_code").fill_null("0") != "0", has_days=pl.col("days_count").is_not_null()
    )
    columns = ["source_row", "person", "insurer_number", "number", "branch", "name_kana", "in_set", "has_days"]
    assert set(found["claim_kind_code"]) == {"medical", "dpc", "dental", "pharmacy"}
    assert found["in_set"].any() and not found["has_days"].all()
    assert said.select(columns).sort("source_row").equals(found.select(columns).sort("source_row"))
