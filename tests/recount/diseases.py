"""有病: who has a disease of a group on a 医科 receipt, among the insured and among the certified."""

from __future__ import annotations

import polars as pl

from ingest.synth.calibration import seed
from tests.recount.insured import AT
from tests.recount.receipts import OF_INSURER, came
from tests.recount.shares import told
from tests.recount.sources import FILE, Tables

LIFESTYLE = {
    "diabetes": "E1[0-4]",
    "hypertension": "I1[0-5]",
    "dyslipidaemia": "E78",
    "hyperuricaemia": "E790|M10",
    "fatty_liver": "K760",
    "atherosclerosis": "I70",
    "cerebral_haemorrhage": "I61",
    "cerebral_infarction": "I63",
    "angina": "I20",
    "myocardial_infarction": "I2[12]",
    "cancer": "C[0-8][0-9]|C9[0-7]",
    "musculoskeletal": "M0|M1[1-9]|M[2-9]",
    "mental": "F",
}
"""ICD-10 of the groups of 疾病別医療費分析(生活習慣病) that do not ask for 透析."""
OF_THE_CERTIFIED = {
    "diabetes": "E1[0-4]",
    "diabetes_complications": "E1[0-4][2-8]",
    "heart": "I01|I020|I0[5-9]|I1[0-5]|I[234]|I5[0-2]",
    "brain": "I6",
    "cancer": "C[0-8][0-9]|C9[0-7]",
    "mental": "F|G30",
    "dementia": "F0[0-3]|G30",
    "alzheimer": "F00|G30",
    "musculoskeletal": "M",
    "intractable": "G12|G20|G23|G35|M3[0-5]",
    "hypertension": "I1[0-5]",
    "dyslipidaemia": "E78",
}
"""ICD-10 of the groups of 要介護(支援)者有病状況."""


def diagnoses(tables: Tables, receipts: pl.DataFrame) -> pl.DataFrame:
    """Diseases on receipts: the ICD-10 that the record itself gives, else that of its code as the world was made."""
    of_code = seed("diseases").select("disease_code", of_code="icd10_code").unique("disease_code")
    receipt = receipts.select(*AT, *FILE, "month", "kind", "is_known", parent_source_row="source_row")
    lines = tables["claim_diagnosis"].select(*FILE, "parent_source_row", "disease_code", "icd10_code", "is_suspected")
    lines = lines.join(receipt, on=[*FILE, "parent_source_row"]).join(of_code, on="disease_code", how="left")
    return lines.with_columns(icd10=pl.coalesce("icd10_code", "of_code"))


def patients(insured: pl.DataFrame, receipts: pl.DataFrame, diagnoses: pl.DataFrame) -> list[pl.DataFrame]:
    """Insured who have a disease, not only suspected, of those insured in the year in months that receipts came for."""
    members = insured.filter("is_member").join(came(receipts, "medical"), on=OF_INSURER, how="semi")
    found = []
    for group, codes in LIFESTYLE.items():
        ill = insured.join(_ill(diagnoses, codes), on=[*AT, "month"], how="semi")
        indicator = f"disease_patients lifestyle-{group}"
        found += [told(indicator, members, 0, 1), told(indicator, ill, 1, 0)]
    return found


def patients_among_the_certified(
    insured: pl.DataFrame, receipts: pl.DataFrame, diagnoses: pl.DataFrame, certified: pl.DataFrame
) -> list[pl.DataFrame]:
    """Certified members of 国保 and 後期 in months that receipts came for; of them, who has a disease in the month."""
    came_for = insured.filter("is_member").join(came(receipts, "medical"), on=OF_INSURER, how="semi")
    people = certified.join(came_for, on=["person", "month"], how="semi")
    found = []
    for group, codes in OF_THE_CERTIFIED.items():
        ill = _ill(diagnoses, codes).select("person", "month").unique().with_columns(is_ill=pl.lit(True))
        rows = people.join(ill, on=["person", "month"], how="left")
        found.append(told(f"certified_patients certified-{group}", rows, pl.col("is_ill").fill_null(False), 1))
    return found


def unclassified(receipts: pl.DataFrame, diagnoses: pl.DataFrame) -> pl.DataFrame:
    """医科 and 歯科 receipts with a disease that leads to no ICD-10: told in words alone, or by a code of no list here
    (the world is built without the official masters)."""
    counted = receipts.filter(~pl.col("is_summary"), pl.col("kind") != "pharmacy")
    unknown = diagnoses.filter(pl.col("icd10").is_null()).select(*FILE, source_row="parent_source_row").unique()
    rows = counted.join(unknown.with_columns(is_so=pl.lit(True)), on=[*FILE, "source_row"], how="left")
    return told("unclassified_claims", rows, pl.col("is_so").fill_null(False), 1)


def _ill(diagnoses: pl.DataFrame, codes: str) -> pl.DataFrame:
    return diagnoses.filter(
        ~pl.col("is_suspected"), pl.col("kind") == "medical", pl.col("icd10").str.contains(f"^({codes})")
    )
