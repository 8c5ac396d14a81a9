"""What the masters say of codes, put into the warehouse before the models run.

They are data that the models' content depends on, as seeds are: where a master was imported since the last build,
partitions that no load touched would be counted by other codes, so their digest goes into what decides on a full build.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from ingest.center.errors import CenterError
from ingest.masters.errors import MasterRefused
from ingest.masters.lookups import disease_icd10, drugs


@dataclass(frozen=True)
class KnownCodes:
    """Codes of receipts and what they lead to.

    ``diseases``  disease_code, icd10_code of every 傷病名コード that leads to an ICD-10 (2013)
    ``drugs``     every 医薬品コード of the price list, as by ``lookups.drugs``
    """

    diseases: pl.DataFrame
    drugs: pl.DataFrame


def read(workspace: Path) -> KnownCodes:
    """The codes of the imported masters, or of the typed core; each sorted by its code.

    Raises CenterError where the store of masters is damaged.
    """
    try:
        return KnownCodes(disease_icd10(workspace).select("disease_code", "icd10_code"), drugs(workspace))
    except MasterRefused as refused:
        raise CenterError(str(refused)) from None


def digest(codes: KnownCodes) -> str:
    """SHA-256 of the codes and what they lead to."""
    lines = (
        frame.select(pl.concat_str(pl.all(), separator=",")).to_series() for frame in (codes.diseases, codes.drugs)
    )
    return hashlib.sha256("\n\n".join("\n".join(each) for each in lines).encode()).hexdigest()


def put(connection: duckdb.DuckDBPyConnection, codes: KnownCodes) -> None:
    """Replace ``control.known_disease`` and ``control.known_drug`` by the codes."""
    for table, frame in (("known_disease", codes.diseases), ("known_drug", codes.drugs)):
        connection.register("known_codes", frame.to_arrow())
        connection.execute(f"CREATE OR REPLACE TABLE control.{table} AS FROM known_codes")
        connection.unregister("known_codes")
