"""Who the rows of a contract table speak of: the forms in which persons are written, each worked out once.

A person has many rows, so rows are grouped to *forms* (everything they say of the person) and what a form comes to is
given back to its rows by its number, never by joining texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from ingest.formats.contracts import CONTRACTS, Contract
from ingest.identity import normalise
from ingest.identity.passes import EVIDENCE_COLUMNS

SEPARATOR = "\x1f"
IDENTITY_FIELDS = (
    "scheme_group",
    "insurer_number",
    "insured_number",
    "branch",
    "name_kana",
    "birth_date",
    "sex_code",
)
PEOPLE_SCHEMA: dict[str, pl.DataType] = {
    "identity_tag": pl.Binary(),
    "identity_text": pl.String(),
    "scheme_code": pl.String(),
    "insurer_number": pl.String(),
    "symbol": pl.String(),
    "number": pl.String(),
    "branch": pl.String(),
    "name_kanji": pl.String(),
    "name_kana": pl.String(),
    "birth_date": pl.Date(),
    "sex_code": pl.String(),
    "address": pl.String(),
    "address_number": pl.String(),
    "municipality_code": pl.String(),
    "is_register": pl.Boolean(),
    "first_month": pl.Date(),
    "last_month": pl.Date(),
    "insured_key": pl.String(),  # whose number it is, without the name: scheme, insurer, number, birth and sex
    "own_branch": pl.String(),  # normalised
}
EVIDENCE_SCHEMA: dict[str, pl.DataType] = {
    "identity_text": pl.String(),
    **{name: pl.String() for name in EVIDENCE_COLUMNS},
    "scheme_code": pl.String(),
    "birth_day": pl.Date(),
    "sole_municipality_code": pl.String(),
}
WRITTEN = (
    "scheme_code",
    "insurer_number",
    "symbol",
    "number",
    "branch",
    "name_kanji",
    "name_kana",
    "birth_date",
    "sex_code",
    "address",
    "address_number",
    "municipality_code",
)
"""What a row says of its person, as it is written there."""
_INSURED_KEY = ("scheme_group", "insurer_number", "insured_number", "birth_date", "sex_code")
_NUMBER_WIDTH = 8
_SEEN = {"enrolment": "processed_date", "care_certification": "event_date"}
_LEDGERS = ("previous", "related")
_OWN_FORMS = {
    "insurer_number": normalise.INSURER_NUMBER,
    "symbol": normalise.SYMBOL,
    "number": normalise.INSURED_NUMBER,
    "branch": normalise.BRANCH,
    "name_kana": normalise.KANA,
    "address_number": normalise.INSURED_NUMBER,
}
_FORMS = _OWN_FORMS | {
    f"{ledger}_{name}": _OWN_FORMS[name] for ledger in _LEDGERS for name in ("insurer_number", "symbol", "number")
}


@dataclass(frozen=True)
class Persons:
    """``evidence`` (``EVIDENCE_SCHEMA``) and ``people`` (``PEOPLE_SCHEMA`` without the tag) have a row a form; ``form``
    gives for each row of the table the number of its form."""

    evidence: pl.DataFrame
    people: pl.DataFrame
    form: pl.Series


def persons(table: str, frame: pl.DataFrame, prefecture_code: str, sole_municipality: Mapping[str, str]) -> Persons:
    """The persons of a table of plain rows with identity columns, at a site of this prefecture."""
    contract = CONTRACTS[table]
    forms, number = _forms(contract, frame)
    evidence = _evidence(contract, forms, prefecture_code, sole_municipality)
    missing = pl.lit(None)
    people = forms.select(
        evidence["identity_text"],
        *((pl.col(n) if n in forms.columns else missing).cast(PEOPLE_SCHEMA[n]).alias(n) for n in WRITTEN),
        pl.lit(contract.stream == "enrolment").alias("is_register"),
        "first_month",
        "last_month",
        evidence.select(joined([pl.col(name) for name in _INSURED_KEY]).alias("insured_key")).to_series(),
        evidence["branch"].alias("own_branch"),
    )
    return Persons(evidence.select(*EVIDENCE_SCHEMA), people, number)


def joined(parts: list[pl.Expr]) -> pl.Expr:
    """Fields as one text, empty where there is none."""
    return pl.concat_str([part.fill_null("") for part in parts], separator=SEPARATOR)


def in_form(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """These columns as texts in the form in which they are compared, each distinct value worked out once."""
    columns = [_in_form(column) for column in frame.select(names)]
    return pl.DataFrame(columns)


def _in_form(column: pl.Series) -> pl.Series:
    if column.dtype == pl.String():
        return normalise.column(column, _FORMS.get(column.name, normalise.TEXT))
    if column.dtype == pl.Date():
        return normalise.each_once(column, lambda days: days.cast(pl.String))
    return column.cast(pl.String)


def _forms(contract: Contract, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """The distinct forms with the first and last month in which they stand, and the number of each row's form."""
    names = contract.names()
    identity = [*contract.names("identity"), *WRITTEN, *(f"{ledger}_scheme_code" for ledger in _LEDGERS)]
    written = [name for name in names if name in identity]
    said = [name for name in written if frame.get_column(name).null_count() < frame.height] or written
    unsaid = [pl.lit(None, frame.schema[name]).alias(name) for name in written if name not in said]
    month = pl.col(_SEEN.get(contract.name) or str(contract.partition_month)).dt.truncate("1mo")
    grouped = (
        frame.select(*said, month.alias("_month"), pl.int_range(pl.len()).alias("_row"))
        .group_by(said)
        .agg("_row", pl.col("_month").min().alias("first_month"), pl.col("_month").max().alias("last_month"))
    )
    rows = grouped.get_column("_row")
    number = np.empty(frame.height, np.int64)
    number[rows.explode().to_numpy()] = np.repeat(np.arange(len(rows)), rows.list.len().to_numpy())
    return grouped.drop("_row").with_columns(unsaid), pl.Series("form", number)


def _evidence(
    contract: Contract, forms: pl.DataFrame, prefecture_code: str, sole_municipality: Mapping[str, str]
) -> pl.DataFrame:
    """What the forms come to, a row each."""
    names = set(forms.columns)
    normal = forms.with_columns(in_form(forms, [name for name in _FORMS if name in names]).get_columns())
    missing = pl.lit(None, pl.String())
    nameless = pl.Series("name_kana", [None], dtype=pl.String()).new_from_index(0, forms.height)
    written, kana = (frame.get_column("name_kana", default=nameless) for frame in (forms, normal))
    identity = _identity_parts(names, prefecture_code)
    sole = pl.col("insurer_number").replace_strict(sole_municipality, default=None, return_dtype=pl.String())
    return normal.select(
        joined(identity).alias("identity_text"),
        sole.alias("sole_municipality_code"),
        *(part.alias(field) for part, field in zip(identity, IDENTITY_FIELDS, strict=True)),
        (pl.coalesce("municipality_code", sole) if "municipality_code" in names else sole).alias("municipality_code"),
        "scheme_code",
        pl.col("birth_date").alias("birth_day"),
        (pl.col("address_number") if "address_number" in names else missing).alias("address_number"),
        normalise.column(kana, normalise.SKELETON).alias("kana_skeleton"),
        normalise.column(written, normalise.GIVEN).alias("given_kana"),
        *(field for ledger in _LEDGERS for field in _ledger(ledger, names, prefecture_code)),
    )


def _identity_parts(names: set[str], prefecture_code: str) -> list[pl.Expr]:
    missing = pl.lit(None, pl.String())
    # 枝番 tells the members of one 国保 household apart; 後期 and 介護 numbers are one person's own.
    branch = pl.col("branch") if "branch" in names else missing
    return [
        _scheme_group("scheme_code"),
        _insurer("scheme_code", "insurer_number", prefecture_code),
        _insured("symbol" if "symbol" in names else None, "number"),
        pl.when(pl.col("scheme_code").is_in(["kokuho", "kumiai"])).then(branch).otherwise(None),
        pl.col("name_kana") if "name_kana" in names else missing,
        pl.col("birth_date").dt.to_string("%Y-%m-%d"),
        pl.col("sex_code"),
    ]


def _ledger(prefix: str, names: set[str], prefecture_code: str) -> list[pl.Expr]:
    """The number that a register gives beside its own: of before, or of the other scheme."""
    scheme = f"{prefix}_scheme_code"
    if scheme not in names:
        return [pl.lit(None, pl.String()).alias(name) for name in EVIDENCE_COLUMNS if name.startswith(f"{prefix}_")]
    return [
        _scheme_group(scheme).alias(f"{prefix}_scheme_group"),
        _insurer(scheme, f"{prefix}_insurer_number", prefecture_code).alias(f"{prefix}_insurer_number"),
        _insured(f"{prefix}_symbol", f"{prefix}_number").alias(f"{prefix}_insured_number"),
    ]


def _scheme_group(scheme: str) -> pl.Expr:
    """国保 and 国保組合 are told apart by the insurer's number; a care record calls both 国保."""
    return pl.col(scheme).replace("kumiai", "kokuho")


def _insurer(scheme: str, insurer: str, prefecture_code: str) -> pl.Expr:
    """The number space: the insurer, or 39 + prefecture for 後期, whose insurers share one."""
    number = pl.col(insurer)
    space = pl.when(number.str.contains("^39[0-9]{6}$")).then(number.str.slice(0, 4))
    return (
        pl.when((pl.col(scheme) == "koki") & number.is_not_null())
        .then(space.otherwise(pl.lit(f"39{prefecture_code}")))
        .otherwise(number)
    )


def _insured(symbol: str | None, number: str) -> pl.Expr:
    """記号 and 番号 in one: the number filled to 8 digits behind a symbol, so that no symbol and number
    read like another pair, and zeros before it do not matter; null without a number."""
    own = pl.col(number)
    if symbol is None:
        return own
    before = pl.col(symbol)
    return pl.when(before.is_null()).then(own).otherwise(before + own.str.zfill(_NUMBER_WIDTH))
