"""What really is: which person is behind each number and record. Only tests and evaluation read it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl

from ingest.synth.noise import Parcel
from ingest.synth.settings import SynthSettings
from ingest.synth.world.clock import month_date
from ingest.synth.world.enrolment import EVENTS
from ingest.synth.world.health import Health
from ingest.synth.world.lives import Lives
from ingest.synth.world.naming import name_columns
from ingest.synth.world.numbers import Records
from ingest.synth.world.people import People
from ingest.synth.world.towns import Towns


def write_claims(folder: Path, month: int, parcels: list[Parcel]) -> None:
    """Person, number and points of every receipt of a 診療月, each time it is sent (``sent``: base, late …)."""
    rows = pl.concat(
        [
            p.claims.select(
                "person", "scheme_code", "insurer_number", "symbol", "number", "search_number", "service_month",
                "adjudication_month", "points", "meal_yen", "has_search_number", "is_public_only",
                "claim_kind_code", "is_summary",
                sent=pl.lit(p.kind),
            )
            for p in parcels
        ]
    )  # fmt: skip
    target = folder / "claims"
    target.mkdir(exist_ok=True)
    rows.write_parquet(target / f"{month_date(month):%Y%m}.parquet")


def write_world(
    folder: Path, settings: SynthSettings, towns: Towns, people: People, lives: Lives, records: Records,
    exams: pl.DataFrame, care: pl.DataFrame, health: Health,
) -> None:  # fmt: skip
    """``people``, ``numbers``, ``care_numbers``, ``events`` and ``checkups`` (parquet), stories and settings (json)."""
    kanji, kana = name_columns(people.surname, people.given)
    pl.DataFrame(
        {
            "person": np.arange(len(people)),
            "birth_date": people.birth.astype("datetime64[D]"),
            "sex_code": np.where(people.sex == 1, "1", "2"),
            "household": people.household,
            "death_date": lives.death.astype("datetime64[D]"),
        }
    ).with_columns(kanji, kana, death_date=pl.when(pl.Series(lives.death) >= 0).then("death_date")).write_parquet(
        folder / "people.parquet"
    )
    dates = [pl.col(c).cast(pl.Int32).cast(pl.Date).alias(f"{c}_date") for c in ("start", "end", "acquired")]
    records.records.select(
        "person", "scheme_code", "insurer_number", "symbol", "number", "branch", *dates
    ).write_parquet(folder / "numbers.parquet")
    care.select("person", "insurer_number", "number").unique(maintain_order=True).write_parquet(
        folder / "care_numbers.parquet"
    )
    place = pl.when(pl.col("town") >= 0).then(pl.lit(pl.Series(towns.code)).gather(pl.col("town").clip(0)))
    lives.states.select(
        "person",
        event=pl.col("reason").replace_strict(EVENTS, return_dtype=pl.String),
        event_date=pl.col("start").cast(pl.Int32).cast(pl.Date),
        municipality_code=place,
        coverage=pl.col("coverage").replace_strict(
            {0: "employees", 1: "kokuho", 2: "kumiai", 3: "koki", 4: "welfare"}, return_dtype=pl.String
        ),
    ).write_parquet(folder / "events.parquet")
    exams.select(
        "person", "scheme_code", "insurer_number", "symbol", "number", "exam_date", "data_number", "delivery"
    ).write_parquet(folder / "checkups.parquet")
    (folder / "stories.json").write_text(json.dumps(_stories(towns, health), ensure_ascii=False, indent=1), "utf-8")
    (folder / "settings.json").write_text(settings.model_dump_json(indent=1), "utf-8")


def _stories(towns: Towns, health: Health) -> list[dict[str, object]]:
    words = {
        "untreated_hba1c": "40-74歳に、HbA1c 8.0以上で服薬のない人が多い",
        "low_attendance_men": "40-54歳男性の健診受診率が低い",
        "polypharmacy": "後期高齢者に15剤以上の多剤処方が多い",
    }
    return [
        {
            "story": story,
            "municipality_code": towns.code[town],
            "municipality_name": towns.name[town],
            "what": words[story],
            **({"persons": int(health.untreated_sugar.sum())} if story == "untreated_hba1c" else {}),
        }
        for story, town in sorted(towns.story.items())
    ]
