"""What the codes of a receipt say: its kind, its insurer, its institution.

A block has few different codes, so that a rule is plain Python and runs once for each; institutions, of which an
insurer's file names one a receipt, are put together by a compiled loop.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingest.formats.bits import Array
from ingest.formats.compiled import loop
from ingest.formats.uke_arrow import Texts

SUMMARY = "1"
"""レセプト総括区分 of a 総括."""
INSTITUTION_PARTS = ("prefecture_code", "point_table_code", "institution_number")
_CLAIM_TYPE = re.compile(r"[134][1-4][1-5][0-9]")
_INSURER = re.compile(r"[0-9]{6}|[0-9]{8}")


def of_distinct(column: Texts, *rules: Callable[[str], Any]) -> list[Array]:
    """What each rule says of the code of each row, "" where there is none."""
    number, values = column.distinct()
    codes = [code or "" for code in values.to_list()]
    return [np.array([rule(code) for code in codes]).take(number) for rule in rules]


def type_digit(claim_type: str) -> int:
    """The first digit of a レセプト種別, 0 of what is none."""
    return int(claim_type[0]) if _CLAIM_TYPE.fullmatch(claim_type) else 0


def is_inpatient(claim_type: str) -> bool:
    """Whether a レセプト種別 is one of 入院: its last digit is odd."""
    return claim_type[3:4] in ("1", "3", "5", "7", "9")


def is_summary(summary: str) -> bool:
    """Whether a レセプト総括区分 says 総括."""
    return summary == SUMMARY


def is_summary_code(summary: str) -> bool:
    """Whether a code is a レセプト総括区分."""
    return summary in ("0", "1", "2", "3")


def is_sex(sex: str) -> bool:
    """Whether a code is one of 男女区分."""
    return sex in ("1", "2")


def normal_insurer_number(raw: str) -> str:
    """保険者番号 in half width without padding: 6 digits, or 8 (rule 3); 67 (退職) gives the 国保 number behind it."""
    if len(raw) == 8 and raw[:2] in ("00", "67"):
        return raw[2:]
    return raw.zfill(6 if len(raw) <= 6 else 8)


def scheme_of(insurer_number: str) -> str | None:
    """制度 by insurer number: 6 digits 国保 (3rd digit 3: 国保組合), 39… 後期; None for employees' insurance."""
    if len(insurer_number) == 6:
        return "kumiai" if insurer_number[2] == "3" else "kokuho"
    return "koki" if len(insurer_number) == 8 and insurer_number[:2] == "39" else None


@dataclass(frozen=True)
class Insurers:
    """保険者番号 of each row, 制度, and whether it is a number of an insurer."""

    number: Texts
    scheme: Texts
    is_number: Array


def insurers(raw: Texts) -> Insurers:
    """The insurers that these texts name."""
    own, values = raw.distinct()
    numbers = [None if text is None else normal_insurer_number(text) for text in values.to_list()]
    schemes = [None if number is None else scheme_of(number) for number in numbers]
    is_number = np.array([_INSURER.fullmatch(number or "") is not None for number in numbers])
    return Insurers(Texts.of(numbers).take(own), Texts.of(schemes).take(own), is_number.take(own))


@dataclass(frozen=True)
class Institutions:
    """Institutions as 10 digits of prefecture, 点数表 and number, null where one is missing; whether each is one."""

    code: Texts
    is_code: Array

    def take(self, rows: Array) -> Institutions:
        """Those at these rows."""
        return Institutions(self.code.take(rows), self.is_code.take(rows))


def institutions(prefecture: Texts, table: Texts, number: Texts) -> Institutions:
    """The institutions of these parts; the text of what is no institution is empty."""
    valid = prefecture.valid & table.valid & number.valid
    view, is_code = np.zeros((len(valid), 2), np.uint64), np.zeros(len(valid), bool)
    _institutions(*(_bytes(part.view) for part in (prefecture, table, number)), valid, _bytes(view), is_code)
    return Institutions(Texts(view, valid), is_code)


def _bytes(view: Array) -> Array:
    """Views as sixteen bytes each: length, then the text where it is short."""
    return np.ascontiguousarray(view).view(np.uint8)


@loop
def _institutions(prefecture: Any, table: Any, number: Any, valid: Any, out: Any, is_code: Any) -> None:
    for row in range(valid.size):
        if not valid[row]:
            continue
        is_code[row] = (
            _put_digits(prefecture, row, 2, out, 4)
            and _put_digits(table, row, 1, out, 6)
            and _put_digits(number, row, 7, out, 7)
        )
        if is_code[row]:
            out[row, 0] = 10
        else:
            out[row, :] = 0


@loop
def _put_digits(text: Any, row: int, width: int, out: Any, to: int) -> bool:
    """The digits of a text with zeros before them; False where it is longer or anything else."""
    size = text[row, 0]
    if size == 0 or size > width or text[row, 1] or text[row, 2] or text[row, 3]:
        return False
    for place in range(width):
        at = 4 + place - width + size
        byte = text[row, at] if at >= 4 else 48
        if byte < 48 or byte > 57:
            return False
        out[row, to + place] = byte
    return True
