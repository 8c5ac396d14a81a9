"""Reading persons: only from the files of the session's tenant, never kept in a cache.

A person of another tenant is not in these files, so it can not be read by any path; what is left
to do is to say so clearly and to write it down.
"""

from __future__ import annotations

import csv
import operator
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import polars as pl

from app.data import Opened
from ingest.settings import PROJECT_ROOT

_ID = "CAST(person_id AS VARCHAR)"
_FORM = re.compile(r"[0-9a-f]{32}")
_DISEASES = PROJECT_ROOT / "app" / "text" / "diseases.csv"
_THRESHOLDS = PROJECT_ROOT / "seeds" / "thresholds.csv"

# Columns of the checkup table that the time line draws, in its order.
ITEMS = ("hba1c", "systolic", "diastolic", "bmi", "ldl", "egfr")
# The answers about medicines in the questionnaire of the checkup.
DRUGS = ("takes_pressure_drug", "takes_glucose_drug", "takes_lipid_drug")


@dataclass(frozen=True)
class Filter:
    """What the list of persons is narrowed to; None: not narrowed."""

    search: str = ""
    age_from: int | None = None
    age_to: int | None = None
    sex_code: str | None = None
    hba1c_from: float | None = None
    systolic_from: int | None = None
    district_id: str | None = None  # <municipality>-<district>, as the ladder names it
    without_visit: bool = False


def is_id(text: str) -> bool:
    """Whether ``text`` has the form of a record number; anything else may be a name and is not logged."""
    return bool(_FORM.fullmatch(text))


def _each(files: Sequence[Opened], sql: str, parameters: Sequence[Any] | dict[str, Any]) -> pl.DataFrame:
    frames = [frame for file in files if not (frame := file.rows(sql, parameters)).is_empty()]
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()


def find(files: Sequence[Opened], person_id: str) -> dict[str, Any] | None:
    """Name, birth date, sex and address of one person of the tenant; None when it is not theirs."""
    rows = _each(files, f"SELECT {_ID} AS person_id, * EXCLUDE (person_id) FROM person WHERE {_ID} = ?", [person_id])
    return rows.row(0, named=True) if rows.height else None


_LIST = """
WITH last_checkup AS (
    SELECT person_id, max(exam_date) AS exam_date, max_by(hba1c, exam_date) AS hba1c,
           max_by(systolic, exam_date) AS systolic
    FROM checkup WHERE exam_date < $until GROUP BY person_id
), recent_claims AS (
    SELECT c.person_id,
           sum(c.points) FILTER (c.service_month >= $year_ago) AS points_year,
           bool_or(c.service_month > date_trunc('month', l.exam_date) AND c.claim_kind_code IN ('medical', 'dpc'))
               AS has_visit
    FROM claim c LEFT JOIN last_checkup l ON l.person_id = c.person_id
    WHERE c.service_month < $until AND NOT c.is_summary GROUP BY c.person_id
), last_scheme AS (
    SELECT person_id, string_agg(DISTINCT scheme_code, ' ') AS schemes FROM enrolment
    WHERE start_date < $until AND (end_date IS NULL OR end_date >= $until) GROUP BY person_id
), last_care AS (
    SELECT person_id, max_by(care_level_code, certified_start_date) AS care_level_code FROM care_certification
    WHERE certified_start_date < $until AND (certified_end_date IS NULL OR certified_end_date >= $until)
    GROUP BY person_id
), everyone AS (
    SELECT p.*, date_diff('year', p.birth_date, $last_day)
                - CASE WHEN strftime(p.birth_date, '%m%d') > strftime($last_day, '%m%d') THEN 1 ELSE 0 END AS age
    FROM person p
)
SELECT CAST(p.person_id AS VARCHAR) AS person_id, p.name_kanji, p.name_kana, p.age, p.sex_code, p.district_code,
       s.schemes, l.exam_date, l.hba1c::DOUBLE AS hba1c, l.systolic::DOUBLE AS systolic,
       coalesce(c.points_year, 0)::BIGINT AS points_year, k.care_level_code
FROM everyone p
LEFT JOIN last_checkup l USING (person_id)
LEFT JOIN recent_claims c USING (person_id)
LEFT JOIN last_scheme s USING (person_id)
LEFT JOIN last_care k USING (person_id)
WHERE ($age_from IS NULL OR p.age >= $age_from)
  AND ($age_to IS NULL OR p.age <= $age_to)
  AND ($sex IS NULL OR p.sex_code = $sex)
  AND ($hba1c IS NULL OR l.hba1c >= $hba1c)
  AND ($systolic IS NULL OR l.systolic >= $systolic)
  AND ($district IS NULL OR p.municipality_code || '-' || p.district_code = $district)
  AND (NOT $without_visit OR (l.exam_date IS NOT NULL AND NOT coalesce(c.has_visit, false)))
  AND ($search = ''
       OR contains(regexp_replace(coalesce(p.name_kanji, ''), '[ \u3000]', '', 'g'), $search)
       OR contains(regexp_replace(coalesce(p.name_kana, ''), '[ \u3000]', '', 'g'), $search_kana))
ORDER BY CASE WHEN $hba1c IS NOT NULL THEN -l.hba1c END NULLS LAST,
         CASE WHEN $systolic IS NOT NULL THEN -l.systolic END NULLS LAST, p.name_kana, p.person_id
"""


def listed(files: Sequence[Opened], narrowed: Filter, reference_month: date) -> pl.DataFrame:
    """The tenant's persons with their last values, narrowed by ``narrowed``, as of the month of reference."""
    until = _next_month(reference_month)
    parameters = {
        "until": until,
        "last_day": last_day(reference_month),
        "year_ago": until.replace(year=until.year - 1),
        "age_from": narrowed.age_from,
        "age_to": narrowed.age_to,
        "sex": narrowed.sex_code,
        "hba1c": narrowed.hba1c_from,
        "systolic": narrowed.systolic_from,
        "district": narrowed.district_id,
        "without_visit": narrowed.without_visit,
        "search": searched(narrowed.search),
        "search_kana": _in_katakana(searched(narrowed.search)),
    }
    frames = [file.rows(_LIST, parameters) for file in files]
    return pl.concat(frames, how="vertical_relaxed").unique("person_id", keep="first", maintain_order=True)


def searched(typed: str) -> str:
    """A name as typed, without blanks and in full width: 「ｺｼﾞﾏ ﾌﾐｺ」 finds 「コジマ　フミコ」."""
    return "".join(unicodedata.normalize("NFKC", typed).split())


def _in_katakana(text: str) -> str:
    return "".join(chr(ord(letter) + 0x60) if "ぁ" <= letter <= "ゖ" else letter for letter in text)


def districts(files: Sequence[Opened]) -> list[str]:
    """Districts among the tenant's persons, as the ladder names them."""
    sql = "SELECT DISTINCT municipality_code || '-' || district_code AS id FROM person WHERE district_code IS NOT NULL"
    rows = _each(files, sql, [])
    return sorted(set(rows["id"].drop_nulls())) if rows.height else []


@dataclass(frozen=True)
class History:
    """Everything of one person that the tenant's files hold."""

    enrolment: pl.DataFrame  # scheme_code, insurer_number, start_date, end_date (exclusive)
    claims: pl.DataFrame  # month, kind (inpatient, outpatient: 医科 with DPC; dental; pharmacy), points
    checkups: pl.DataFrame  # exam_date, fiscal_year, ITEMS, metabolic_code, is_smoker, DRUGS
    care: pl.DataFrame  # care_level_code, certified_start_date, certified_end_date (exclusive)
    care_months: pl.DataFrame  # service_month, benefit_yen


@dataclass(frozen=True)
class Care:
    """Months with receipts of one kind, and their points."""

    months: int
    points: int


@dataclass(frozen=True)
class Year:
    """What was treated in the twelve months up to the month of reference.

    ``diseases``  disease_code, months_count of 医科 (with DPC); the longest treated first, suspected ones left out
    """

    medical: Care
    dental: Care
    pharmacy: Care
    inpatient_months: int
    diseases: pl.DataFrame

    def __bool__(self) -> bool:
        return any(kind.months for kind in (self.medical, self.dental, self.pharmacy))


def year(files: Sequence[Opened], person_id: str, reference_month: date) -> Year:
    """The last twelve months of one person of the tenant."""
    until = _next_month(reference_month)
    parameters = {"id": person_id, "since": until.replace(year=until.year - 1), "until": until}
    within = f"{_ID} = $id AND service_month >= $since AND service_month < $until"
    claims = _each(
        files,
        "SELECT DISTINCT claim_id, service_month, is_inpatient, points,"
        " CASE claim_kind_code WHEN 'dpc' THEN 'medical' ELSE claim_kind_code END AS kind"
        f" FROM claim WHERE {within} AND NOT is_summary",
        parameters,
    )
    diseases = _each(
        files,
        f"SELECT DISTINCT disease_code, service_month FROM claim_disease WHERE {within} AND NOT is_suspected"
        " AND claim_kind_code IN ('medical', 'dpc')",
        parameters,
    )  # fmt: skip
    if claims.is_empty():
        return Year(Care(0, 0), Care(0, 0), Care(0, 0), 0, pl.DataFrame())
    claims = claims.unique("claim_id")
    kinds = {kind: claims.filter(pl.col("kind") == kind) for kind in ("medical", "dental", "pharmacy")}
    return Year(
        **{kind: Care(rows["service_month"].n_unique(), int(rows["points"].sum())) for kind, rows in kinds.items()},
        inpatient_months=kinds["medical"].filter(pl.col("is_inpatient"))["service_month"].n_unique(),
        diseases=diseases
        if diseases.is_empty()
        else diseases.group_by("disease_code")
        .agg(months_count=pl.col("service_month").n_unique())
        .sort("months_count", "disease_code", descending=[True, False]),
    )


def history(files: Sequence[Opened], person_id: str) -> History:
    """The history of one person of the tenant."""
    one = [person_id]
    return History(
        _each(
            files,
            f"SELECT scheme_code, insurer_number, start_date, end_date FROM enrolment WHERE {_ID} = ?"
            " ORDER BY start_date, scheme_code",
            one,
        ),
        _each(
            files,
            "SELECT service_month AS month, CASE WHEN claim_kind_code IN ('dental', 'pharmacy') THEN claim_kind_code"
            " WHEN is_inpatient THEN 'inpatient' ELSE 'outpatient' END AS kind,"
            " sum(points)::BIGINT AS points FROM claim"
            f" WHERE {_ID} = ? AND NOT is_summary GROUP BY ALL ORDER BY ALL",
            one,
        ),
        _each(
            files,
            "SELECT exam_date, fiscal_year, " + ", ".join(f"{name}::DOUBLE AS {name}" for name in ITEMS)
            + f", metabolic_code, is_smoker, {', '.join(DRUGS)} FROM checkup WHERE {_ID} = ? ORDER BY exam_date",
            one,
        ),
        _each(
            files,
            "SELECT care_level_code, certified_start_date, certified_end_date FROM care_certification"
            f" WHERE {_ID} = ? ORDER BY certified_start_date",
            one,
        ),
        _each(
            files,
            "SELECT service_month, sum(benefit_yen)::BIGINT AS benefit_yen FROM care_month"
            f" WHERE {_ID} = ? GROUP BY service_month ORDER BY service_month",
            one,
        ),
    )  # fmt: skip


@lru_cache(maxsize=1)
def disease_names() -> dict[str, str]:
    """Names of diseases by their code in the ministry's master; what is not listed has none."""
    with _DISEASES.open(encoding="utf-8", newline="") as stream:
        return {row["disease_code"]: row["disease_name"] for row in csv.DictReader(stream)}


@dataclass(frozen=True)
class Step:
    """A 判定値: the value, on which side of it a finding lies (``>=``, ``>``, ``<`` or ``<=``), and what it means."""

    value: float
    operator: str
    meaning: str

    def is_reached(self, value: float | None) -> bool:
        """Whether a measured value is a finding; what was not measured is none."""
        return value is not None and _COMPARED[self.operator](value, self.value)


_COMPARED = {">=": operator.ge, ">": operator.gt, "<": operator.lt, "<=": operator.le}


@lru_cache(maxsize=16)
def thresholds(day: date, sex_code: str | None) -> dict[str, list[Step]]:
    """判定値 in force on ``day`` for a sex: item → its steps, nearest first; from seed ``thresholds``."""
    found: dict[str, list[Step]] = {}
    with _THRESHOLDS.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            in_force = row["valid_from"] <= day.isoformat() and (
                not row["valid_to"] or row["valid_to"] > day.isoformat()
            )
            if in_force and row["sex_code"] in ("all", sex_code):
                step = Step(float(row["value"]), row["operator"], row["meaning"])
                found.setdefault(row["item_id"], []).append(step)
    return {
        item: sorted(steps, key=lambda step: step.value, reverse=steps[0].operator.startswith("<"))
        for item, steps in found.items()
    }


def digits(item: str) -> int:
    """How many digits after the point an item of the checkup is printed with."""
    return {"hba1c": 1, "bmi": 1, "waist": 1, "uric_acid": 1, "creatinine": 2}.get(item, 0)


def last_day(month: date) -> date:
    """The last day of a month."""
    return date.fromordinal(_next_month(month).toordinal() - 1)


def _next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
