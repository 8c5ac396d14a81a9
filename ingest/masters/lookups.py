"""What readers and models ask the masters, as Polars frames; without masters, the typed core answers."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

from ingest.formats.uke_layout import core_subtraction_codes
from ingest.masters import store
from ingest.masters.successors import successors
from ingest.settings import PROJECT_ROOT

UNCODED_DISEASE = "0000999"
"""未コード化傷病名: the name is written out, there is no code to classify. Source: domain/formats.md 6."""
SUBTRACTIONS: dict[str, tuple[str, ...]] = {"procedure": ("7", "8"), "drug": ("7",)}
"""点数識別 7 減点, 8 マイナス and 金額種別 7 減点. Source: domain/formats.md 1 (rule 8) and 6."""
CORE_DRUGS = PROJECT_ROOT / "ingest" / "masters" / "core_drugs.csv"
CORE_DISEASES = PROJECT_ROOT / "ingest" / "synth" / "calibration" / "diseases.csv"


def current(workspace: Path, kind: str, on: date) -> pl.DataFrame | None:
    """The records of a kind whose codes may be used on a day; None where no master was imported.

    Names and prices are those of the newest import, in force since ``changed_date``.
    """
    stored = store.load(workspace, kind)
    return None if stored is None else stored.records.filter(store.in_use(on))


def disease_icd10(workspace: Path) -> pl.DataFrame:
    """ICD-10 (2013) of each 傷病名コード: disease_code, icd10_code, icd10_second_code, is_by_successor.

    An abolished code without an ICD-10 of its own has that of its successor. Without a master, the
    typed core answers for the few codes that it knows.
    """
    stored = store.load(workspace, "disease")
    if stored is None:
        return _core_diseases()
    own = stored.records.filter(pl.col("icd10_code").is_not_null()).select(
        disease_code="code", icd10_code="icd10_code", icd10_second_code="icd10_second_code"
    )
    inherited = (
        successors(stored)
        .join(own, left_on="successor_code", right_on="disease_code")
        .join(own, left_on="code", right_on="disease_code", how="anti")
        .select(pl.col("code").alias("disease_code"), "icd10_code", "icd10_second_code")
    )
    return pl.concat(
        [own.with_columns(is_by_successor=pl.lit(False)), inherited.with_columns(is_by_successor=pl.lit(True))]
    ).sort("disease_code")


@cache
def _core_diseases() -> pl.DataFrame:
    core = pl.read_csv(CORE_DISEASES, infer_schema=False)
    return core.select(
        "disease_code", "icd10_code", icd10_second_code=pl.lit(None, pl.String), is_by_successor=pl.lit(False)
    ).unique("disease_code", maintain_order=True).sort("disease_code")  # fmt: skip


def drugs(workspace: Path) -> pl.DataFrame:
    """What the price list says of each 医薬品コード, sorted by it: item_code, drug_class_code (薬効分類),
    ingredient_code (成分), form_code (剤形: 1 内用薬, 4 注射薬, 6 外用薬, 8 歯科用薬剤), is_generic (後発品),
    has_generic (a 後発品 is listed).

    The first four digits of 薬価基準収載医薬品コード are the class, the first seven the ingredient, and drugs that
    agree in nine are of one ingredient, form and strength: they have a generic where one of them is generic. Drugs
    that the price list does not hold are left out. Without a master, the typed core answers for those that it knows.
    """
    stored = store.load(workspace, "drug")
    if stored is None:
        listed = pl.read_csv(CORE_DRUGS, infer_schema=False).with_columns(
            pl.col("is_generic") == "true", pl.col("has_generic") == "true"
        )
    else:
        strength = pl.col("price_standard_code").str.slice(0, 9)
        listed = (
            stored.records.filter(pl.col("price_standard_code").str.contains(r"^[0-9]{7}"))
            .with_columns(pl.col("is_generic").fill_null(False))
            .select(
                "price_standard_code",
                "form_code",
                "is_generic",
                item_code="code",
                has_generic=pl.col("is_generic").any().over(strength),
            )
        )
    return listed.select(
        "item_code",
        pl.col("price_standard_code").str.slice(0, 4).alias("drug_class_code"),
        pl.col("price_standard_code").str.slice(0, 7).alias("ingredient_code"),
        "form_code",
        "is_generic",
        "has_generic",
    ).sort("item_code")


def subtraction_codes(workspace: Path) -> dict[str, str] | None:
    """Codes that are recorded positive and subtracted, with their 点数識別 or 金額種別.

    None where neither master that tells (診療行為, 医薬品) was imported; where one was, the typed core
    speaks for the codes that it does not hold. Abolished codes are included, since claims of earlier
    months hold them.
    """
    found = dict(core_subtraction_codes())
    is_told = False
    for kind, amount_kinds in SUBTRACTIONS.items():
        stored = store.load(workspace, kind)
        column = stored.kind.column_of("amount_kind") if stored else None
        if stored is None or column is None:
            continue
        is_told = True
        held = set(stored.records["code"])
        rows = stored.records.filter(pl.col(column).is_in(amount_kinds)).select("code", column)
        found = {code: told for code, told in found.items() if code not in held} | dict(rows.iter_rows())
    return found if is_told else None


def known_codes(workspace: Path, kind: str) -> pl.DataFrame:
    """``code`` of every record that can be classified: known, and for 傷病名 with an ICD-10.

    Without a master: the typed core for 傷病名, nothing for the other kinds.
    """
    if kind == "disease":
        return disease_icd10(workspace).select(code="disease_code")
    stored = store.load(workspace, kind)
    if stored is None:
        return pl.DataFrame(schema={"code": pl.String})
    followed = successors(stored).filter(pl.col("successor_code").is_not_null()).select("code")
    return pl.concat([stored.records.select("code"), followed]).unique().sort("code")


def unclassified(codes: pl.Series, workspace: Path, kind: str) -> pl.DataFrame:
    """How many of the codes of claims could not be classified, one row.

    ``row_count`` rows in all, of which ``blank_count`` hold no code, ``uncoded_count`` are 未コード化傷病名
    and ``unknown_count`` (``unknown_code_count`` different ones) hold a code that nothing is known of.
    ``unclassified_count`` is the sum of the three, to be divided by ``row_count``.
    """
    frame = codes.cast(pl.String).str.strip_chars().alias("code").to_frame()
    code = pl.col("code")
    is_blank = code.is_null() | (code == "")
    is_uncoded = pl.lit(kind == "disease") & (code == UNCODED_DISEASE).fill_null(False)
    is_known = code.is_in(known_codes(workspace, kind)["code"].implode()).fill_null(False)
    is_unknown = ~is_blank & ~is_uncoded & ~is_known
    return frame.select(
        kind=pl.lit(kind),
        row_count=pl.len().cast(pl.Int64),
        blank_count=is_blank.sum().cast(pl.Int64),
        uncoded_count=is_uncoded.sum().cast(pl.Int64),
        unknown_count=is_unknown.sum().cast(pl.Int64),
        unknown_code_count=code.filter(is_unknown).n_unique().cast(pl.Int64),
    ).with_columns(unclassified_count=pl.sum_horizontal("blank_count", "uncoded_count", "unknown_count"))
