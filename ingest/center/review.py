"""``tsumugi center review``: persons of whom nobody can say by their records that they are one.

Two enrolments of one scheme that never overlap and that only name, birth date, sex (and town) tie are what somebody who
joined again under a new number leaves, and also what two people of one name and birth date leave. Linkage takes them
for one; here they are listed with tags, pass and dates, for a site to look at and to decide (``tsumugi site decide``).
A pair that was decided is held together by the decision and is not listed any more.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import numpy as np
import polars as pl

from ingest.center.errors import CenterError
from ingest.center.home import open_warehouse
from ingest.center.link import union
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings

_KEY = ["linkage_domain", "identity_tag"]
_BY_NAME = ["name", "weak"]
_IN_DOUBT = "SELECT DISTINCT linkage_domain, person_id FROM link.person_tie WHERE strength IN ('name', 'weak')"
_SPANS = """
    SELECT linkage_domain, identity_tag, scheme_code, min(applied_start_date) AS start_date,
           max(least(coalesce(applied_end_date, DATE '9999-12-31'), coalesce(lost_date, DATE '9999-12-31')))
               AS end_date
    FROM (
        SELECT *, row_number() OVER (
            PARTITION BY linkage_domain, record_key_tag
            ORDER BY processed_date DESC, record_number DESC, source_file_id DESC, source_row DESC) AS version
        FROM raw.enrolment SEMI JOIN (
            SELECT linkage_domain, record_key_tag FROM raw.enrolment SEMI JOIN temp.doubted
            USING (linkage_domain, identity_tag)) USING (linkage_domain, record_key_tag)
    ) WHERE version = 1 AND NOT is_deleted
    GROUP BY ALL"""
REVIEW_SCHEMA = {
    "linkage_domain": pl.String(),
    "person_id": pl.Binary(),
    "pass_id": pl.String(),
    "strength": pl.String(),
    "scheme_code": pl.String(),
    "one_tag": pl.Binary(),
    "other_tag": pl.Binary(),
    "one_start_date": pl.Date(),
    "one_end_date": pl.Date(),  # exclusive; 9999-12-31 while it stands
    "other_start_date": pl.Date(),
    "other_end_date": pl.Date(),
}


def review(settings: Settings) -> dict[str, Any]:
    """Who is to be looked at: ``persons`` (how many), ``pairs`` (``REVIEW_SCHEMA``, a frame), ``refused`` by reason."""
    center = settings.the_center()
    if not center.warehouse.is_file():
        raise CenterError("no batch has been received yet; `tsumugi center receive`, then `tsumugi center link`")
    with open_warehouse(center, KeyRing(center), read_only=True) as connection:
        pairs = pairs_in_doubt(connection)
        refused = connection.execute(
            "SELECT reason_code, sum(edges)::BIGINT FROM link.refused_edge GROUP BY 1 ORDER BY 1"
        ).fetchall()
    return {
        "persons": pairs.select("linkage_domain", "person_id").n_unique(),
        "pairs": pairs,
        "refused": dict(refused),
    }


def pairs_in_doubt(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Parts of one person that were enrolled in one scheme one after the other, and that names alone tie.

    A part is what surer ties hold together. Returns ``REVIEW_SCHEMA``: a row for each part and the one before it.
    """
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE doubted AS SELECT linkage_domain, identity_tag, person_id "
        f"FROM link.identity_person SEMI JOIN ({_IN_DOUBT}) USING (linkage_domain, person_id)"
    )
    members = connection.execute("SELECT linkage_domain, identity_tag, person_id FROM temp.doubted ORDER BY ALL").pl()
    ties = connection.execute(
        "SELECT linkage_domain, person_id, one_tag, other_tag, pass_id, strength, tie_rank FROM link.person_tie "
        f"SEMI JOIN ({_IN_DOUBT}) USING (linkage_domain, person_id) ORDER BY ALL"
    ).pl()
    if ties.is_empty():
        return pl.DataFrame(schema=REVIEW_SCHEMA)
    sure = ties.filter(~pl.col("strength").is_in(_BY_NAME))
    parts = _parts(members, sure)
    enrolled = (
        connection.execute(_SPANS)
        .pl()
        .join(parts, on=_KEY)
        .group_by("linkage_domain", "person_id", "scheme_code", "component")
        .agg(pl.col("identity_tag").min(), pl.col("start_date").min(), pl.col("end_date").max())
        .sort("linkage_domain", "person_id", "scheme_code", "start_date", "identity_tag")
    )
    of_person = ["linkage_domain", "person_id", "scheme_code"]
    followed = enrolled.select(
        *of_person,
        *(
            pl.col(name).shift(back).over(of_person).alias(f"{end}_{shown}")
            for end, back in (("one", 1), ("other", 0))
            for name, shown in (("identity_tag", "tag"), ("start_date", "start_date"), ("end_date", "end_date"))
        ),
    ).drop_nulls("one_tag")
    weakest = (
        ties.sort("tie_rank", "pass_id")
        .group_by("linkage_domain", "person_id", maintain_order=True)
        .agg(pl.col("pass_id").last(), pl.col("strength").last())
    )
    return (
        followed.filter(pl.col("one_end_date") <= pl.col("other_start_date"))
        .join(weakest, on=["linkage_domain", "person_id"])
        .select(REVIEW_SCHEMA.keys())
        .cast(REVIEW_SCHEMA)  # type: ignore[arg-type]
        .sort(pl.all())
    )


def _parts(members: pl.DataFrame, ties: pl.DataFrame) -> pl.DataFrame:
    """``members`` with the ``component`` that the ties leave each of them in."""
    numbered = members.with_row_index("node")
    ends = [
        ties.join(numbered, left_on=["linkage_domain", tag], right_on=_KEY, how="left", maintain_order="left")["node"]
        for tag in ("one_tag", "other_tag")
    ]
    component = np.arange(len(members), dtype=np.int32)
    union.connect(
        np.arange(0, 2 * len(ties) + 1, 2),
        pl.DataFrame({"one": ends[0], "other": ends[1]}).to_numpy().astype(np.int32).ravel(),
        component,
    )
    union.flatten(component)
    return members.with_columns(pl.Series("component", component))


def open_end(day: date) -> date | None:
    """The end of a span for the reader: none while it stands."""
    return None if day.year == date.max.year else day


def listed(pairs: pl.DataFrame) -> list[dict[str, Any]]:
    """``REVIEW_SCHEMA`` row by row, ids and tags in hex, no end while a span stands."""
    hexed = pairs.with_columns(pl.col(pl.Binary).bin.encode("hex"))
    ends = ("one_end_date", "other_end_date")
    return [row | {end: open_end(row[end]) for end in ends} for row in hexed.to_dicts()]
