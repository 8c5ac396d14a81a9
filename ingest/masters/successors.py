"""From a code that was abolished to the one that took its place, through any number of steps.

Which field says so, and in which direction, is in the layout (``role``). 傷病名 has 移行先コード; the
fields of the other kinds (商品名等関連, 異動関連, 廃止・新設関連) are marked unverified there. A code that may
still be used on the day of the newest file is never led away from, and a code that was split into
several is not guessed.
"""

from __future__ import annotations

import polars as pl

from ingest.masters.reading import ABOLISHED, ERASED
from ingest.masters.store import Stored

ROLES = ("successor", "predecessor", "related")


def links(stored: Stored) -> pl.DataFrame:
    """``code`` and the ``next_code`` that took its place: one row a code, in one step."""
    kind, records = stored.kind, stored.records
    is_ended = pl.col("change_kind_code").is_in([ABOLISHED, ERASED]) | (pl.col("valid_to") <= stored.release_date)
    is_ended = is_ended.fill_null(False)
    found = [pl.DataFrame(schema={"code": pl.String, "next_code": pl.String})]
    for field in kind.kept():
        if field.role not in ROLES:
            continue
        other = pl.col(field.column_name)
        stated = records.filter(other.is_not_null() & (other != pl.col("code")))
        if field.role in ("successor", "related"):
            found.append(stated.filter(is_ended).select("code", next_code=other))
        if field.role in ("predecessor", "related"):
            found.append(stated.filter(~is_ended).select(code=other, next_code=pl.col("code")))
    live = records.filter(~is_ended).select("code")
    return (
        pl.concat(found)
        .unique()
        .join(live, on="code", how="anti")
        .filter(pl.len().over("code") == 1)
        .sort("code")
    )  # fmt: skip


def chains(stepwise: pl.DataFrame) -> pl.DataFrame:
    """Where each code of ``links`` ends: ``code``, ``successor_code``, ``is_cycle``.

    A code that leads into a circle has no successor. Each round doubles the steps looked ahead, so
    n links need no more than log2(n) + 1 joins.
    """
    jump = stepwise.select("code", "next_code")
    ends = jump
    for _ in range(max(1, stepwise.height).bit_length() + 1):
        ahead = jump.select(next_code="code", further="next_code")
        ends = ends.join(ahead, on="next_code", how="left").select(
            "code", next_code=pl.coalesce("further", "next_code")
        )
        jump = ends
    still = pl.col("next_code").is_in(stepwise["code"].implode())
    return ends.select(
        "code", successor_code=pl.when(~still).then(pl.col("next_code")), is_cycle=still
    ).sort("code")  # fmt: skip


def successors(stored: Stored) -> pl.DataFrame:
    """Every abolished code with the code that stands for it today (``chains`` of ``links``)."""
    return chains(links(stored))


def follow(codes: pl.Series, stored: Stored) -> pl.Series:
    """The codes, each abolished one replaced by its successor where there is one."""
    ends = successors(stored).filter(pl.col("successor_code").is_not_null())
    return codes.replace(ends["code"], ends["successor_code"])


def successor(code: str, stored: Stored) -> str | None:
    """The code that took the place of ``code``, or None where none did or the masters go in a circle."""
    ends = successors(stored).filter(pl.col("code") == code)
    return ends["successor_code"].item() if ends.height else None
