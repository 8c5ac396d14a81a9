"""Guards: facts that forbid two identities to be one person.

A guard compares two identities, or two groups of them, and names the reason it objects. Sex and
month of birth must agree; two numbers of one scheme must not be in force on the same day (the rule
of one insurer at a time: 国民健康保険法 6条, 高齢者医療確保法 50条, 介護保険法 9条; a move or a 75th
birthday rightly gives two numbers in one month, for ends are exclusive).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import polars as pl

MAXIMUM_GROUP = 40  # identities of one person; more is a number used for many, not a person

REASONS = ("decided", "sex", "birth_month", "live_numbers", "care_numbers", "group_size", "ambiguous")

NODE_SCHEMA = {
    "linkage_domain": pl.String(),
    "identity_tag": pl.Binary(),
    "sex_code": pl.String(),
    "birth_month": pl.Date(),
}
LIVE_SCHEMA = {
    "linkage_domain": pl.String(),
    "identity_tag": pl.Binary(),
    "scheme_code": pl.String(),
    "start_date": pl.Date(),
    "end_date": pl.Date(),  # exclusive; date.max while in force
    "number_tag": pl.Binary(),
    "number_birth_tag": pl.Binary(),
}


@dataclass(frozen=True)
class Live:
    """A number in force: [start, end) at one scheme, known by its tag with and without the branch."""

    scheme_code: str
    start: date
    end: date
    number_tag: bytes | None
    number_birth_tag: bytes | None

    def clashes(self, other: Live) -> bool:
        """Whether both are in force on one day under different numbers of one scheme."""
        if self.scheme_code != other.scheme_code or self.end <= other.start or other.end <= self.start:
            return False
        if self.number_tag is not None and other.number_tag is not None:
            return self.number_tag != other.number_tag
        return self.number_birth_tag != other.number_birth_tag


@dataclass
class Group:
    """Identities taken for one person so far, with what the guards compare."""

    members: list[int]
    sex_code: str | None
    birth_month: date | None
    lives: list[Live] = field(default_factory=list)
    apart: set[int] = field(default_factory=set)  # identities that somebody decided to be others

    @property
    def head(self) -> int:
        """The least member: groups are absorbed into the one with the lesser head."""
        return self.members[0]

    def absorb(self, other: Group) -> None:
        """Take the other group in; the caller has asked ``objection`` before."""
        self.members += other.members
        self.sex_code = self.sex_code or other.sex_code
        self.birth_month = self.birth_month or other.birth_month
        self.lives += other.lives
        self.apart |= other.apart

    def is_apart(self, other: Group) -> bool:
        """Whether somebody decided that a member of the one is not a member of the other."""
        return not self.apart.isdisjoint(other.members)


def objection(one: Group, other: Group) -> str | None:
    """The reason why the two groups are not one person, or None."""
    if one.is_apart(other):
        return "decided"
    if one.sex_code and other.sex_code and one.sex_code != other.sex_code:
        return "sex"
    if one.birth_month and other.birth_month and one.birth_month != other.birth_month:
        return "birth_month"
    for mine in one.lives:
        for theirs in other.lives:
            if mine.clashes(theirs):
                return "care_numbers" if mine.scheme_code == "care" else "live_numbers"
    return None


def suspects(members: pl.DataFrame, lives: pl.DataFrame) -> pl.Series:
    """Components in which some guard may object.

    ``members`` has (component, sex_code, birth_month), ``lives`` (component, and the columns of
    ``LIVE_SCHEMA``). A component too many costs time only: replaying it gives the same groups.
    """
    mixed = (
        members.group_by("component")
        .agg(
            pl.len().alias("size"),
            pl.col("sex_code").drop_nulls().n_unique().alias("sexes"),
            pl.col("birth_month").drop_nulls().n_unique().alias("births"),
        )
        .filter((pl.col("size") > MAXIMUM_GROUP) | (pl.col("sexes") > 1) | (pl.col("births") > 1))
        .get_column("component")
    )
    several = lives.filter(
        pl.struct("number_tag", "number_birth_tag").n_unique().over("component", "scheme_code") > 1
    ).sort("component", "scheme_code", "start_date", "end_date")
    overlapping = several.filter(
        pl.col("end_date").cum_max().shift(1).over("component", "scheme_code") > pl.col("start_date")
    ).get_column("component")
    return pl.concat([mixed, overlapping]).unique()
