"""`tsumugi bench tokens`: tokenise the rows of a table and give each its tokens back."""

from __future__ import annotations

import hmac
import time
from datetime import date
from typing import Any

import polars as pl

from ingest.formats.contracts import CONTRACTS
from ingest.identity.tokens import Tokeniser

TABLE = "care_claim"
_PRIME = 1_000_003  # no divisor of a number of identities that anybody asks for: rows of a person lie far apart
_COMPARED = 200_000  # tokens that the plain loop makes


def run(rows: int, identities: int) -> dict[str, Any]:
    """Tokenise ``rows`` care claims of ``identities`` persons, every row a record of its own.

    Returns rows and tokens a second of the whole path (normalise, encrypt, join back to the rows in their sealed form),
    the seconds of processor in it for a million rows, and how long a token takes beside one HMAC-SHA-256 in a plain
    loop. ``tokens`` are those of identities and passes, and of each row its record key and its reference number.
    """
    table = _table(rows, identities)
    tokeniser = Tokeniser(bytes(64), 1)
    tokeniser.seal_tables({TABLE: table.head(1000)}, "16")  # what is made ready once is made ready here
    start, worked = time.perf_counter(), time.process_time()
    sealed = tokeniser.seal_tables({TABLE: table}, "16")
    seconds, processor = time.perf_counter() - start, time.process_time() - worked
    made = sealed.identity.height + sealed.identity_pass.height + 2 * rows
    block = bytes(63)
    start = time.perf_counter()
    for _ in range(_COMPARED):
        hmac.digest(b"k" * 32, block, "sha256")
    plain = (time.perf_counter() - start) / _COMPARED
    return {
        "rows": rows,
        "identities": sealed.identity.height,
        "tokens": made,
        "rows_per_second": round(rows / seconds),
        "tokens_per_second": round(made / seconds),
        "processor_seconds_per_million_rows": round(processor / rows * 1e6, 2),
        "time_to_hmac_loop": round(seconds / made / plain, 2),
    }


def _table(rows: int, identities: int) -> pl.DataFrame:
    row = pl.int_range(0, rows, eager=True)
    schema = CONTRACTS[TABLE].plain_schema()
    values = {
        "source_row": row,
        "number": (row * _PRIME % identities).cast(pl.String).str.zfill(10),
        "reference_number": row.cast(pl.String).str.zfill(10),
    }
    constants = {
        "scheme_code": "care",
        "insurer_number": "169508",
        "birth_date": date(1940, 2, 3),
        "sex_code": "1",
        "service_month": date(2024, 4, 1),
        "adjudication_month": date(2024, 5, 1),
        "creation_code": "1",
        "provider_code": "1670100011",
        "units": 1,
        "benefit_yen": 1,
        "user_yen": 1,
    }
    table = pl.DataFrame(values).with_columns(**{name: pl.lit(value) for name, value in constants.items()})
    table = table.with_columns(**{name: pl.lit(None) for name in schema if name not in table.columns})
    return table.select(*schema).cast(schema)  # type: ignore[arg-type]
