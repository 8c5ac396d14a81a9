"""What a synthetic world is made of: size, time, towns, noise. Every number of noise has a name here."""

from __future__ import annotations

from datetime import date

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ingest.settings import SettingsError
from ingest.synth.calibration import seed

DEMO_MUNICIPALITIES: dict[str, int] = {
    "16202": 2500, "16208": 1700, "16209": 800, "16210": 800, "16322": 450, "16343": 450,
    "31202": 1700, "31203": 800, "31302": 450, "31386": 450,
}  # fmt: skip
"""Insured of 国保 and 後期 in each town of the demo: one of about 2,500, two of 1,700, three of 800, four of 450."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoiseRates(_Strict):
    """Clerical noise: shares of the rows it befalls, and how many files of each bad kind a site gets."""

    kana_variant: float = Field(default=0.03, ge=0, le=1, description="small kana, long vowel, ヅ/ズ")
    half_width_name: float = Field(default=0.06, ge=0, le=1, description="kana in half width")
    kanji_variant: float = Field(default=0.02, ge=0, le=1, description="髙/高, 﨑/崎, 斎/斉")
    blank_in_name: float = Field(default=0.04, ge=0, le=1, description="a blank of the other width, or none")
    full_width_number: float = Field(default=0.02, ge=0, le=1, description="the number of a checkup in full width")
    missing_branch: float = Field(default=0.12, ge=0, le=1, description="claims of 国保 without 枝番")
    wrong_birth_digit: float = Field(default=0.002, ge=0, le=1, description="one digit of the day or year of birth")
    late_claim: float = Field(default=0.02, ge=0, le=1, description="請求年月 one to five months late")
    repeated_claim: float = Field(default=0.002, ge=0, le=1, description="the same receipt again, a later 請求年月")
    corrected_claim: float = Field(default=0.006, ge=0, le=1, description="again later with other points")
    assessed_claim: float = Field(default=0.006, ge=0, le=1, description="査定: two HO in one receipt")
    withdrawn_claim: float = Field(default=0.003, ge=0, le=1, description="返戻・取下げ")
    returned_after_withdrawal: float = Field(default=0.4, ge=0, le=1, description="of these, sent again later")
    stand_in_search_number: float = Field(default=0.002, ge=0, le=1, description="receipts without 検索番号")
    out_of_area_claim: float = Field(default=0.002, ge=0, le=1, description="insurer of elsewhere or an employees' one")
    out_of_area_row: float = Field(default=0.0005, ge=0, le=1, description="other records sent to the wrong federation")
    transferred_claim: float = Field(
        default=0.002, ge=0, le=1, description="振替: another insurer than that of the card"
    )
    outside_cp932: float = Field(default=0.001, ge=0, le=1, description="a name with a character that becomes '?'")
    unknown_record: float = Field(default=0.001, ge=0, le=1, description="a record of an unknown kind (ZZ)")
    public_only_claim: float = Field(default=0.002, ge=0, le=1, description="公費単独")
    impossible_row: float = Field(default=0.0005, ge=0, le=1, description="40 days in a month, sex 9")
    uncoded_disease: float = Field(default=0.01, ge=0, le=1, description="0000999 with a name in words")
    suspected_disease: float = Field(default=0.08, ge=0, le=1, description="a further 疑い")
    care_corrected: float = Field(default=0.006, ge=0, le=1, description="作成区分 2")
    care_cancelled: float = Field(default=0.004, ge=0, le=1, description="作成区分 3")
    certification_corrected: float = Field(default=0.01, ge=0, le=1, description="訂正区分 2 and 3")
    checkup_corrected: float = Field(default=0.006, ge=0, le=1, description="the same examination with other values")
    checkup_missing_item: float = Field(default=0.01, ge=0, le=1, description="未実施 or 測定不可能")
    enrolment_deleted: float = Field(default=0.002, ge=0, le=1, description="entered by mistake, deleted later")
    late_notice: float = Field(default=0.35, ge=0, le=1, description="leavers whose notice comes in a later month")
    ledger_gap: float = Field(default=0.1, ge=0, le=1, description="records without the number before or 宛名番号")
    file_twice: int = Field(default=1, ge=0, description="files of a site delivered twice")
    file_cut: int = Field(default=1, ge=0, description="files of each stream cut short, whole later")
    file_unrecognised: int = Field(default=1, ge=0, description="files of no known format")


class StoryTowns(_Strict):
    """Towns of the planted stories; a story whose town is not in the world goes to the largest free town.

    A story of None is not told.
    """

    untreated_hba1c: str | None = "16208"
    low_attendance_men: str | None = "31202"
    polypharmacy: str | None = "31203"


class Upheavals(_Strict):
    """What befalls all members of an insurer at once; nothing where no municipality is named."""

    month: date | None = None  # from its first day on; None: the middle of the months of claims
    renumbered: str | None = None  # municipality whose 国保 gives all its members new numbers
    merged: str | None = None  # municipality that becomes part of ``merged_into``: new insurers, new numbers
    merged_into: str | None = None
    half_width_office: str | None = None  # municipality whose insurers write every name in half-width kana


class Planted(_Strict):
    """Pairs of people who are hard to tell apart, put into the world beside those who happen to be so."""

    twins: int = Field(default=0, ge=0, description="of one sex, insured together all their lives")
    namesakes: int = Field(
        default=0, ge=0, description="of one name, day of birth, sex and town, both insured on the same days"
    )
    apart: int = Field(
        default=0, ge=0, description="the same, but the second comes after the first has left: like one who came again"
    )


class SynthSettings(_Strict):
    """One synthetic world. The same settings give the same bytes."""

    people: int = Field(default=10_100, ge=50)  # insured of 国保 and 後期 where the world begins
    months: int = Field(default=36, ge=1, le=60)  # months of claims and care up to the reference month
    seed: int = 20250331
    municipalities: dict[str, int] = Field(default_factory=lambda: dict(DEMO_MUNICIPALITIES))
    reference_month: date = date(2025, 3, 1)
    first_fiscal_year: int = 2020  # of enrolment, checkups and certification
    noise: NoiseRates = Field(default_factory=NoiseRates)
    stories: StoryTowns = Field(default_factory=StoryTowns)
    upheavals: Upheavals = Field(default_factory=Upheavals)
    planted: Planted = Field(default_factory=Planted)
    is_nation: bool = False  # all towns like the nation: its ages, its attendance, no differences between towns

    @field_validator("reference_month")
    @classmethod
    def _first_of_month(cls, value: date) -> date:
        if value.day != 1:
            raise ValueError("must be the first day of a month, such as 2025-03-01")
        return value

    @field_validator("municipalities")
    @classmethod
    def _some_towns(cls, value: dict[str, int]) -> dict[str, int]:
        if not value or any(insured < 1 for insured in value.values()):
            raise ValueError("needs at least one municipality with at least one insured")
        return value

    def insured(self) -> dict[str, int]:
        """Insured by municipality, scaled so that they sum to ``people`` (largest remainders)."""
        total = sum(self.municipalities.values())
        exact = {code: self.people * share / total for code, share in sorted(self.municipalities.items())}
        result = {code: int(value) for code, value in exact.items()}
        rest = self.people - sum(result.values())
        for code in sorted(exact, key=lambda c: (result[c] - exact[c], c))[:rest]:
            result[code] += 1
        return result

    @property
    def first_claim_month(self) -> date:
        """The first 診療年月 of claims and care."""
        return self._months_before(self.months - 1)

    @property
    def upheaval_month(self) -> date:
        """The month of the upheavals."""
        return self.upheavals.month or self._months_before(self.months // 2)

    def _months_before(self, months: int) -> date:
        index = self.reference_month.year * 12 + self.reference_month.month - 1 - months
        return date(index // 12, index % 12 + 1, 1)


def demo(**changes: object) -> SynthSettings:
    """About 10,000 insured in 10 towns, 36 months."""
    return SynthSettings(**changes)  # type: ignore[arg-type]


def _populations() -> dict[str, int]:
    towns = seed("population_2025").group_by("municipality_code").agg(pl.col("population_count").sum())
    return dict(towns.sort("municipality_code").iter_rows())


def full_world(**changes: object) -> SynthSettings:
    """100,000 insured in all 34 towns of 富山県 and 鳥取県 by their population, 36 months."""
    return SynthSettings(**({"people": 100_000, "municipalities": _populations()} | changes))  # type: ignore[arg-type]


def nation(**changes: object) -> SynthSettings:
    """A world like the nation, for comparison with its published figures: no town differs, no story is told.

    The towns are those of ``full_world``, as places only; the years are 2020 to 2022, of which the figures are.
    """
    base: dict[str, object] = {
        "people": 100_000,
        "months": 12,
        "municipalities": _populations(),
        "reference_month": date(2023, 3, 1),
        "stories": StoryTowns(untreated_hba1c=None, low_attendance_men=None, polypharmacy=None),
        "is_nation": True,
    }
    return SynthSettings(**(base | changes))  # type: ignore[arg-type]


def tiny(**changes: object) -> SynthSettings:
    """About 300 insured in 3 towns of two sites, 6 months: for tests."""
    towns = {"16208": 130, "16343": 60, "31202": 110}
    # Rates high enough that every kind of noise befalls some of the few rows.
    noise = NoiseRates(
        out_of_area_claim=0.01,
        out_of_area_row=0.008,
        public_only_claim=0.008,
        transferred_claim=0.01,
        outside_cp932=0.01,
        unknown_record=0.01,
        withdrawn_claim=0.012,
        corrected_claim=0.012,
        repeated_claim=0.008,
        impossible_row=0.004,
        care_corrected=0.02,
        care_cancelled=0.02,
        checkup_corrected=0.05,
        checkup_missing_item=0.1,
    )
    # Among just so many the linkage takes nobody for another, so that figures can be held against the truth.
    base: dict[str, object] = {"people": 305, "months": 6, "municipalities": towns, "noise": noise}
    return SynthSettings(**(base | changes))  # type: ignore[arg-type]


def one_prefecture(
    prefecture_code: str,
    *,
    people: int | None = None,
    months: int | None = None,
    seed: int | None = None,
    planted: dict[str, int] | None = None,
) -> SynthSettings:
    """A world of all towns of one prefecture by their population: one linkage domain."""
    towns = {code: count for code, count in _populations().items() if code.startswith(prefecture_code)}
    if len(prefecture_code) != 2 or not towns:
        raise SettingsError(f"no prefecture {prefecture_code}; known are 16 (富山県) and 31 (鳥取県)")
    asked: dict[str, object] = {"people": people, "months": months, "seed": seed, "planted": planted}
    changes = {name: value for name, value in asked.items() if value is not None}
    return SynthSettings(**({"municipalities": towns} | changes))  # type: ignore[arg-type]


def chosen(
    *, full: bool = False, people: int | None = None, months: int | None = None, seed: int | None = None,
    municipalities: list[str] | None = None,
) -> SynthSettings:  # fmt: skip
    """The demo (or the full world) with what was asked for in its place; None keeps the preset's own.

    Raises SettingsError naming a municipality that the seeds do not know.
    """
    changes: dict[str, object] = {"people": people, "months": months, "seed": seed}
    if municipalities:
        shares = _populations()
        unknown = sorted(set(municipalities) - set(shares))
        if unknown:
            raise SettingsError(f"no municipality {', '.join(unknown)}; known are those of 富山県 (16) and 鳥取県 (31)")
        changes["municipalities"] = {code: shares[code] for code in municipalities}
    given = {name: value for name, value in changes.items() if value is not None}
    return full_world(**given) if full else demo(**given)
