"""The linkage passes: which fields are joined into which token, as data (``passes.csv``).

Tokens of one purpose match each other; a pass whose row lacks a field is not emitted. A token over a
single field would give the field away by its frequency (name, birth date), and so would one over fields of
few values: a pass that joins fewer than two fields, or may be expected to have fewer than 2^20 values
(``pass_fields.csv``), is refused when the table is read, before anything is built with it.
Source of both rules: shared/domain/security.md A1.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ingest.formats.contracts import SCHEME_CODES
from ingest.sealing.errors import SealingError

PASSES_FILE = Path(__file__).with_name("passes.csv")
FIELDS_FILE = Path(__file__).with_name("pass_fields.csv")
EVIDENCE_COLUMNS = (
    "scheme_group",
    "insurer_number",
    "insured_number",
    "branch",
    "name_kana",
    "kana_skeleton",
    "given_kana",
    "birth_date",
    "sex_code",
    "municipality_code",
    "address_number",
    "previous_scheme_group",
    "previous_insurer_number",
    "previous_insured_number",
    "related_scheme_group",
    "related_insurer_number",
    "related_insured_number",
)
MOST_SHARERS = 16
"""So many identities may share a token: the ways in which one person's name, birth date and branch are written under
the few numbers that the person had."""
SHARERS_ONE_IN = 10_000
"""Of a large site, a token may be shared by one in so many of its identities (security.md A1)."""
_MINIMUM_FIELDS = 2
_MINIMUM_VALUES = 1 << 20


class PassError(SealingError):
    """The table of passes is wrong; the message names the pass and the rule."""


@dataclass(frozen=True)
class Pass:
    """One row of the table: for rows of ``scheme_codes``, a token over ``fields`` under ``purpose``."""

    pass_id: str
    purpose: str
    scheme_codes: tuple[str, ...]
    fields: tuple[str, ...]
    used_by: str


def read_passes(path: Path) -> tuple[Pass, ...]:
    """The passes of a table; PassError for one that breaks a rule."""
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    found = tuple(
        Pass(
            row["pass_id"],
            row["purpose"],
            tuple(row["scheme_codes"].split()),
            tuple(row["fields"].split()),
            row["used_by"],
        )
        for row in rows
    )
    for one in found:
        _check(one)
    places = [(one.pass_id, scheme) for one in found for scheme in one.scheme_codes]
    if len(set(places)) != len(places):
        raise PassError("a pass stands twice for one scheme")
    return found


@cache
def passes() -> tuple[Pass, ...]:
    """The passes that this version of Tsumugi emits."""
    return read_passes(PASSES_FILE)


def most_sharers(identities: int) -> int:
    """How many of a site's distinct ``identities`` may share one token; one that more share tells too much."""
    return max(MOST_SHARERS, identities // SHARERS_ONE_IN)


@cache
def expected_values() -> dict[str, int]:
    """How many values each field may be expected to have among the people of one site."""
    with FIELDS_FILE.open(encoding="utf-8", newline="") as handle:
        return {row["field"]: int(row["expected_values"]) for row in csv.DictReader(handle)}


def require_many_values(pass_id: str, fields: Sequence[str], expected: Mapping[str, int]) -> None:
    """PassError for a token over too few fields, or over fields of too few values, ``expected`` of each."""
    if len(set(fields)) < _MINIMUM_FIELDS:
        raise PassError(f"pass {pass_id} joins fewer than {_MINIMUM_FIELDS} fields")
    values = math.prod(expected[field] for field in set(fields))
    if values < _MINIMUM_VALUES:
        raise PassError(f"pass {pass_id} may have {values} values; a token has 2^20 at the least")


def _check(one: Pass) -> None:
    unknown = set(one.fields) - set(EVIDENCE_COLUMNS)
    if unknown:
        raise PassError(f"pass {one.pass_id} names unknown fields: {', '.join(sorted(unknown))}")
    require_many_values(one.pass_id, one.fields, expected_values())
    if not one.purpose or not one.scheme_codes or set(one.scheme_codes) - set(SCHEME_CODES):
        raise PassError(f"pass {one.pass_id} needs a purpose and known schemes")
