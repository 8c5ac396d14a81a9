"""The whole calculation: every figure of the counted indicators of a world, from its files and its truth."""

from __future__ import annotations

import polars as pl

from ingest.settings import Settings
from tests.recount import attendance, care, crossing, diseases, examinees, insured, receipts
from tests.recount.cells import figures
from tests.recount.sources import Tables, taken_in


def recount(settings: Settings) -> pl.DataFrame:
    """Figures (``cells.KEY``, ``cells.FIGURES``) of every indicator that is counted here."""
    tables = taken_in(settings)
    return figures(shares_of(tables), tables["district_set"])


def shares_of(tables: Tables) -> list[pl.DataFrame]:
    """What each person adds to each indicator."""
    of_months = insured.insured_months(tables)
    claims = receipts.receipts(tables, of_months)
    exams = examinees.examinations(tables, of_months)
    first_exams = examinees.examinees(exams)
    certified = care.certified_months(tables)
    ill = diseases.diagnoses(tables, claims)
    attended = attendance.as_of(of_months, exams)
    return [
        *insured.members(of_months),
        *receipts.costs(of_months, claims),
        attended,
        attendance.legal(of_months, insured.insured_all_year(tables), exams),
        *examinees.found(first_exams),
        *examinees.guided(tables, first_exams),
        *care.certification(tables, certified),
        *care.costs(tables),
        *crossing.referrals(first_exams, claims),
        *crossing.costs_by_attendance(attended, claims),
        *crossing.costs_by_certification(claims, certified),
        *diseases.patients(of_months, claims, ill),
        *diseases.patients_among_the_certified(of_months, claims, ill, certified),
        diseases.unclassified(claims, ill),
    ]
