"""The items of the 特定健診 XML: what each 17-digit code is, and one canonical item for all its methods.

``layouts/checkup_xml_items.csv`` ties every code to the item that FKAC167 has as well; kind and codes of the item are
those of ``layouts/fkac167_items.csv``. Source: formats.md 2.2, 2.3, Appendix B.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest.formats.fkac167_results import Item, items
from ingest.formats.layout_files import layout_cache, layout_rows
from ingest.formats.reading import Problem


@dataclass(frozen=True)
class Variant:
    """One code of the layout: the item it is carried as, or the ``checkup`` column it fills, or neither."""

    item_code: str
    item: Item | None
    checkup_column: str
    item_name: str
    method_name: str
    units: tuple[str, ...]
    mark: str


@layout_cache
def variants() -> tuple[Variant, ...]:
    """Every code of the layout, the preferred ones of an item first."""
    by_id = {item.item_id: item for item in items()}
    return tuple(
        Variant(
            row["item_code"],
            by_id[row["item_id"]] if row["item_id"] else None,
            row["checkup_column"],
            row["item_name"],
            row["method_name"],
            tuple(row["unit"].split("|")) if row["unit"] else (),
            row["mark"],
        )
        for row in layout_rows("checkup_xml_items")
    )


@layout_cache
def variant_numbers() -> dict[str, int]:
    """The place of each code in ``variants``."""
    return {variant.item_code: number for number, variant in enumerate(variants())}


@layout_cache
def is_numeric() -> tuple[bool, ...]:
    """Of each variant whether it is a measured item."""
    return tuple(v.item is not None and v.item.value_kind == "numeric" for v in variants())


@layout_cache
def text_columns() -> tuple[str, ...]:
    """The columns of ``checkup`` that observations fill, each once."""
    return tuple(dict.fromkeys(v.checkup_column for v in variants() if v.checkup_column))


def unknown_problem(unknown: dict[str, int]) -> list[Problem]:
    """One problem naming the item codes that the layout does not know (they are read past)."""
    if not unknown:
        return []
    codes = sorted(code for code in unknown if len(code) == 17 and code.isascii() and code.isalnum())
    shown = codes[:20] + (["ほか"] if len(codes) > 20 or len(codes) < len(unknown) else [])
    return [
        Problem(
            "checkup_result",
            None,
            "、".join(shown),
            "unknown_record",
            f"項目の表にないコードが{len(unknown)}種類、{sum(unknown.values())}件あります",
            "必要な項目であれば layouts/checkup_xml_items.csv にコードを足してください",
        )
    ]
