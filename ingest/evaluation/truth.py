"""What is true of the persons of a world, as evaluation asks for it."""

from __future__ import annotations

import numpy as np
import polars as pl

from ingest.evaluation.metrics import PEOPLE_SCHEMA
from ingest.synth.world.clock import age_at, first_day, month_of
from ingest.synth.world.lives import AGE_75, KOKI, KOKUHO, KUMIAI
from ingest.synth.world.naming import name_columns
from ingest.synth.world.whole import World


def people_of(world: World) -> pl.DataFrame:
    """``PEOPLE_SCHEMA``: age in the month of reference, the first name, who is a twin or changed the name."""
    people = world.people
    frame = pl.DataFrame(
        {
            "person": np.arange(len(people)),
            "birth_date": people.birth.astype("datetime64[D]"),
            "age": age_at(people.birth, first_day(month_of(world.settings.reference_month))),
            "household": people.household,
            "sex": people.sex,
        }
    )
    names = world.records.names.join(world.records.records.select("record", "person"), on="record")
    renamed = names.group_by("person").agg(pl.col("surname").n_unique()).filter(pl.col("surname") > 1)["person"]
    kanji, _ = name_columns(people.surname, people.given)
    twin = pl.len().over("household", "birth_date", "sex") > 1
    return frame.with_columns(
        kanji.alias("name"), is_twin=twin, is_renamed=pl.col("person").is_in(renamed.implode())
    ).select(pl.col(n).cast(t) for n, t in PEOPLE_SCHEMA.items())


def transitions(world: World) -> pl.DataFrame:
    """The 75th birthdays on which a member of 国保 (or 国保組合) became one of 後期 in the same prefecture, with the
    number of before: linkage_domain, person, insurer_number, number."""
    cards = world.coverage.records
    before = {name: pl.col(name).shift(1) for name in ("person", "prefecture", "coverage", "end", "insurer_number")}
    is_turn = (
        (pl.col("reason") == AGE_75)
        & (pl.col("coverage") == KOKI)
        & (before["person"] == pl.col("person"))
        & (before["prefecture"] == pl.col("prefecture"))
        & (before["end"] == pl.col("start"))
        & before["coverage"].is_in([KOKUHO, KUMIAI])
    )
    return (
        cards.with_columns(before["insurer_number"], pl.col("number").shift(1), is_turn=is_turn.fill_null(False))
        .filter("is_turn")
        .select(_domain(), "person", "insurer_number", "number")
    )


def _domain() -> pl.Expr:
    return pl.col("prefecture").cast(pl.String).str.zfill(2).alias("linkage_domain")


def followed(units: pl.DataFrame, turns: pl.DataFrame) -> dict[str, int]:
    """How many of the ``turns`` have both numbers in the registers, and of how many both lie in one group.

    ``units`` are those of ``metrics.figures``.
    """
    register = units.filter("is_register").select(
        "linkage_domain", "person", "group", "scheme_group", "insurer_number", "insured_number"
    )
    own = ["linkage_domain", "person"]
    old = register.filter(pl.col("scheme_group") == "kokuho").join(turns, on=[*own, "insurer_number"])
    old = old.filter(pl.col("insured_number").str.ends_with(pl.col("number")))  # 記号 stands before it
    new = register.filter(pl.col("scheme_group") == "koki").select(*own, "group", is_there=pl.lit(True))
    known = old.join(new.select(own).unique(), on=own, how="semi").select(own).unique()
    tied = old.join(new, on=[*own, "group"], how="semi").select(own).unique()
    return {"turned_75": known.height, "followed": tied.height}
