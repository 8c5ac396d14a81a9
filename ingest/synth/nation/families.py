"""All families of figures of a national world."""

from __future__ import annotations

import polars as pl

from ingest.synth.nation.attendance import attendance
from ingest.synth.nation.certification import certification
from ingest.synth.nation.cost import cost
from ingest.synth.nation.findings import bins, means
from ingest.synth.nation.joint import joint
from ingest.synth.nation.questions import questions
from ingest.synth.nation.sample import Sample

FAMILIES = ("attendance", "findings", "means", "questions", "medical_cost", "care_cost", "certification", "joint")


def all_cells(sample: Sample) -> pl.DataFrame:
    """Every cell (``cells.CELLS``), in the order of ``FAMILIES``, sorted within."""
    made = (attendance, bins, means, questions, cost, certification, joint)
    order = {family: number for number, family in enumerate(FAMILIES)}
    return pl.concat(make(sample) for make in made).sort(
        pl.col("family").replace_strict(order, return_dtype=pl.Int64), "scope", "figure", "sex_code", "age_band_code",
        "category", nulls_last=True,
    )  # fmt: skip
