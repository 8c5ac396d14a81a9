"""Small master files with invented codes, in the layouts of the official ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingest.masters.layout import Kind, kinds

Record = Mapping[str, str]


def kind(name: str) -> Kind:
    return kinds()[name]


def disease(code: str, **fields: str) -> dict[str, str]:
    """A record of 傷病名 as a full file holds it."""
    plain = {
        "change_kind_code": "0", "code": code, "successor_code": code, "base_name": "架空の病", "icd10_code": "A09",
        "listed_date": "20200401", "changed_date": "20240601", "abolished_date": "99999999",
    }  # fmt: skip
    return plain | fields


def drug(code: str, **fields: str) -> dict[str, str]:
    """A record of 医薬品 as a full file holds it."""
    plain = {
        "change_kind_code": "0", "code": code, "short_name": "架空錠１ｍｇ", "amount_kind_code": "1",
        "price_yen": "10.10", "is_generic": "0", "related_code": "0", "changed_date": "20240401",
        "abolished_date": "99999999", "transition_date": "0", "price_standard_code": "2325003B2029", "listed_date": "0",
    }  # fmt: skip
    return plain | fields


def change(code: str, **fields: str) -> dict[str, str]:
    """A record of a difference file: what is not stated stays empty."""
    return {"change_kind_code": "5", "code": code} | fields


def text(name: str, records: Sequence[Record], width: int | None = None) -> str:
    """The lines of a file; stated lengths of names are filled in."""
    known = kind(name)
    lines = []
    for record in records:
        cells = dict.fromkeys(range(1, (width or max(known.widths)) + 1), "")
        for field in known.fields:
            if field.position in cells and field.column_name in record:
                cells[field.position] = record[field.column_name]
        own = known.of_role("kind_code")
        assert own is not None
        cells[own.position] = known.kind_code
        for field in known.fields:
            if field.length_of is not None and cells[field.length_of]:
                cells[field.position] = str(len(cells[field.length_of]))
        lines.append(",".join(f'"{value}"' for value in cells.values()))
    return "\r\n".join(lines) + "\r\n"


def data(name: str, records: Sequence[Record], width: int | None = None, encoding: str = "cp932") -> bytes:
    """The bytes of a file as delivered."""
    return text(name, records, width).encode(encoding)
