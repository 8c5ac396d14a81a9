"""What every page is given: the words, the rights and the files of the session that looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import polars as pl

from app import data
from app.access.rights import Rights
from app.access.sessions import Session
from app.areas import NATION, Ladder, level
from app.runtime import Runtime
from app.show import Shape
from app.text import Text
from ingest.policy import audit

_LINKAGE = "linkage"  # block of what tells of the linkage
_AS_PUBLISHED = "as_published"  # age rule of what rests on public tables
_TABLE = "reference_"  # before the name of a public table, where lineage names streams
_DISEASE = "disease"  # block of what is told by class of disease


@dataclass(frozen=True)
class Indicator:
    """One row of the catalogue, with its words in the language of the screen."""

    text: Text
    indicator_id: str
    name: str
    block_code: str
    good_direction: str
    schemes: tuple[str, ...]
    period_kinds: tuple[str, ...]
    shape: Shape
    row: dict[str, str]

    @property
    def label(self) -> str:
        """Name and unit."""
        return self.text("definition.with_unit", name=self.name, unit=self.shape.shown_unit)

    def counts_persons(self, period_kind: str) -> bool:
        """Whether a period's numerator and denominator count each person once, so that chance can be reckoned.

        What is counted at every month's end adds up to person-months over a longer period; of public tables
        everybody is in them, and a difference is one.
        """
        rule = self.row["age_rule"]
        return self.shape.is_proportion and rule != _AS_PUBLISHED and (rule != "month" or period_kind == "month")

    @property
    def is_verified(self) -> bool:
        """Whether its definition was compared with the official one."""
        return str(self.row["is_verified"]).lower() == "true"


def _shape(text: Text, row: dict[str, str]) -> Shape:
    has_denominator = row["denominator_ja"] not in (None, "", "なし")
    return Shape(float(row["scale"]), row["unit"], has_denominator, text.get(f"unit.{row['unit']}", row["unit"]))


@dataclass
class Screen:
    """One rerun of one page for one session."""

    text: Text
    runtime: Runtime
    session: Session
    rights: Rights
    files: data.Files

    @cached_property
    def about(self) -> dict[str, str]:
        """What the publisher says about the statistics."""
        return data.about(self.files.statistics)

    @property
    def is_synthetic(self) -> bool:
        """Whether the data is invented: the files say so, or the settings do."""
        return self.runtime.settings.is_synthetic or self.about.get("is_synthetic", "").lower() == "true"

    @property
    def mark(self) -> str:
        """The words that go inside every picture; empty where the data is real."""
        return self.text("app.synthetic_mark") if self.is_synthetic else ""

    @property
    def reference_month(self) -> date:
        """参照月 of the publication."""
        written = self.about.get("reference_month")
        return date.fromisoformat(written[:10]) if written else self.runtime.settings.reference_month

    @property
    def edition(self) -> str:
        """Short name of the published statistics."""
        return data.edition(self.files.statistics)

    @cached_property
    def ladder(self) -> Ladder:
        """The areas."""
        return Ladder(data.areas(self.files.statistics), self.runtime.settings.peer_reading)

    @cached_property
    def own_areas(self) -> set[str]:
        """Areas with the tenant's own counts."""
        return data.own_areas(self.files.key)

    @property
    def indicators(self) -> list[Indicator]:
        """The catalogue of what is shown of areas, one entry an indicator; ends of intervals stand with their value."""
        ends = {end.indicator_id for both in self.interval_ends.values() for end in both}
        shown = [one for one in self._catalogue if one.block_code not in (_LINKAGE, _DISEASE)]
        return [one for one in shown if one.indicator_id not in ends]

    @cached_property
    def interval_ends(self) -> dict[str, tuple[Indicator, Indicator]]:
        """By indicator the two that tell the ends of its 95 % interval, where it has them."""
        known = {one.indicator_id: one for one in self._catalogue}
        return {
            name: (known[f"{name}_lower"], known[f"{name}_upper"])
            for name in known
            if f"{name}_lower" in known and f"{name}_upper" in known
        }

    @property
    def linkage_indicators(self) -> list[Indicator]:
        """What tells of the linkage itself, on a page of its own."""
        return [one for one in self._catalogue if one.block_code == _LINKAGE]

    @property
    def disease_indicators(self) -> list[Indicator]:
        """What is told by class of disease, on a page of its own."""
        return [one for one in self._catalogue if one.block_code == _DISEASE]

    @cached_property
    def _catalogue(self) -> list[Indicator]:
        """One entry an indicator, its newest definition."""
        newest: dict[str, Indicator] = {}
        for row in data.indicators(self.files.statistics).iter_rows(named=True):
            english = row.get("indicator_name_en") or row["indicator_name"]
            newest[row["indicator_id"]] = Indicator(
                text=self.text,
                indicator_id=row["indicator_id"],
                name=row["indicator_name"] if self.text.is_japanese else english,
                block_code=row["block_code"],
                good_direction=row["good_direction"],
                schemes=tuple(str(row["scheme_codes"]).split()),
                period_kinds=tuple(str(row["period_kinds"]).split()),
                shape=_shape(self.text, row),
                row=row,
            )
        return list(newest.values())

    @cached_property
    def tables_of(self) -> dict[str, list[str]]:
        """By indicator the public tables that it rests on."""
        return self._tables(data.lineage(self.files.statistics))

    @cached_property
    def missing_tables(self) -> dict[str, list[str]]:
        """By indicator the public tables that it needs and that nobody has loaded."""
        return self._tables(data.lineage(self.files.statistics).filter(pl.col("source_files_count").is_null()))

    @staticmethod
    def _tables(lineage: pl.DataFrame) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for indicator, stream in lineage.select("indicator_id", "stream").iter_rows():
            if stream.startswith(_TABLE):
                found.setdefault(indicator, []).append(stream.removeprefix(_TABLE))
        return found

    def table_name(self, table: str) -> str:
        """The name of a public table in the language of the screen."""
        return self.text.get(f"stream.{_TABLE}{table}", table)

    def area_name(self, area_key: str) -> str:
        """The name of an area in the language of the screen."""
        name = self.ladder.name(area_key, japanese=self.text.is_japanese)
        if level(area_key) in ("peer", "medical_area"):
            return self.text(f"level.{level(area_key)}_name", name=name)
        return name

    @cached_property
    def home(self) -> str:
        """The area at which this account's pages open."""
        rights = self.rights
        towns = {key for key in self.own_areas if level(key) == "municipality"}
        if rights.municipalities:
            towns = {f"municipality:{code}" for code in rights.municipalities}
        if len(towns) == 1 and rights.tenant_kind != "society":
            return next(iter(towns))
        insurers = [f"insurer:{number}" for number in rights.insurers]
        if len(insurers) == 1 and insurers[0] in self.ladder:
            return insurers[0]
        if rights.prefecture_code and f"prefecture:{rights.prefecture_code}" in self.ladder:
            return f"prefecture:{rights.prefecture_code}"
        return NATION

    def is_mine(self, area_key: str) -> bool:
        """Whether an area is the account's own: its home, or its insurer."""
        return area_key == self.home or area_key in {f"insurer:{number}" for number in self.rights.insurers}

    @property
    def sees_medical(self) -> bool:
        """Whether the tenant's persons come with enrolment, checkups and claims."""
        return any(scheme != "care" for scheme in self.rights.schemes)

    @property
    def sees_care(self) -> bool:
        """Whether the tenant's persons come with certification and care."""
        return "care" in self.rights.schemes

    @property
    def home_scheme(self) -> str:
        """The scheme at which this account's pages open."""
        schemes = self.rights.schemes
        return schemes[0] if len(schemes) == 1 else "kokuho"

    def log(self, action: str, **fields: str) -> None:
        """Write what this session did into the audit log; never a name, number or birth date."""
        account = self.session.account
        audit.record(
            self.runtime.audit_path,
            account=account.user_name,
            role=account.role_code,
            tenant=account.tenant_id,
            action=action,
            **fields,
        )
