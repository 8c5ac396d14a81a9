"""The disease that each receipt's cost goes to and who has which, told in plain Python from the rows of the marts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from tests.dbt_fixture import Row

Table = Callable[[str], list[Row]]
Receipt = tuple[Any, ...]
Seed = Callable[[str], list[dict[str, str]]]


def lies_in(code: str, first: str, last: str) -> bool:
    """Whether an ICD-10 lies between two, both as far as they are written."""
    return code[: len(first)] >= first and code[: len(last)] <= last


class Classes:
    """Which classes an ICD-10 lies in; of the detailed ones, the narrower."""

    def __init__(self, seed: Seed) -> None:
        self.kinds = {row["class_code"]: row["class_kind_code"] for row in seed("disease_classes")}
        self._ranges = seed("disease_class_ranges")
        self._found: dict[tuple[str, bool], list[str]] = {}

    def of(self, icd10: str, is_dialysed: bool) -> list[str]:
        key = icd10, is_dialysed
        if key not in self._found:
            narrowest: dict[str, int] = defaultdict(int)
            met = []
            for row in self._ranges:
                if row["with_dialysis"] in ("", "yes" if is_dialysed else "no") and lies_in(
                    icd10, row["icd10_from_code"], row["icd10_to_code"]
                ):
                    kind, width = self.kinds[row["class_code"]], len(row["icd10_from_code"])
                    narrowest[kind] = max(narrowest[kind], width)
                    met.append((row["class_code"], kind, width))
            self._found[key] = sorted(
                {code for code, kind, width in met if kind != "detail" or width == narrowest[kind]}
            )
        return self._found[key]


def _by_receipt(rows: list[Row]) -> dict[Receipt, list[Row]]:
    found: dict[Receipt, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["sequence_number"]):
        found[row["linkage_domain"], row["record_key_tag"]].append(row)
    return found


class Attribution:
    """What stands on each receipt and which disease it comes to."""

    def __init__(self, table: Table, seed: Seed, icd10_of: dict[str, str], drug_class: dict[str, str]) -> None:
        self._icd10_of, self._drug_class = icd10_of, drug_class
        self._links = seed("item_disease_links")
        self._dialysis = {row["item_code"] for row in seed("dialysis_items")}
        self._diseases = _by_receipt(table("marts.claim_disease"))
        self._items = _by_receipt(table("marts.claim_item"))

    def diseases(self, receipt: Receipt) -> list[tuple[str, Row]]:
        """ICD-10 and line of every disease that leads to one."""
        return [
            (icd10, row)
            for row in self._diseases.get(receipt, [])
            if (icd10 := row["icd10_code"] or self._icd10_of.get(row["disease_code"]))
        ]

    def is_dialysed(self, receipt: Receipt) -> bool:
        return any(row["item_code"] in self._dialysis for row in self._items.get(receipt, []))

    def _points_to(self, item: str, icd10: str) -> bool:
        by_class = [
            row
            for row in self._links
            if row["match_kind"] == "drug_class" and self._drug_class.get(item, "").startswith(row["match_code"])
        ]
        narrowest = max((len(row["match_code"]) for row in by_class), default=0)
        rows = [row for row in by_class if len(row["match_code"]) == narrowest]
        rows += [row for row in self._links if row["match_kind"] == "item" and row["match_code"] == item]
        return any(lies_in(icd10, row["icd10_from_code"], row["icd10_to_code"]) for row in rows)

    def _groups(self, receipt: Receipt) -> Iterator[tuple[set[str], int]]:
        """Lines that share points: the items of each group and its points."""
        items: set[str] = set()
        for row in self._items.get(receipt, []):
            if row["item_kind_code"] not in ("SI", "IY", "TO"):
                continue
            items.add(row["item_code"])
            if row["points"] is not None:
                times = 1 if row["times_count"] is None else row["times_count"]
                yield items, row["points"] * times
                items = set()

    def decide(self, receipt: Receipt) -> tuple[str | None, str]:
        """ICD-10 and method."""
        coded = self.diseases(receipt)
        sure = [pair for pair in coded if not pair[1]["is_suspected"]]
        candidates = sure or coded
        if not candidates:
            return None, "none"
        for icd10, row in candidates:
            if row["disease_class_code"] == "01":
                return icd10, "dpc"
        scores: dict[str, Fraction] = defaultdict(Fraction)
        for items, points in self._groups(receipt):
            hit = {icd10 for icd10, _ in candidates if any(self._points_to(item, icd10) for item in items)}
            for icd10 in hit:
                scores[icd10] += Fraction(points, len(hit))
        best = max(scores.values(), default=Fraction(0))
        if best > 0:
            ahead = [pair for pair in candidates if scores[pair[0]] == best]
            if len({icd10 for icd10, _ in ahead}) == 1:
                return ahead[0][0], "allocated"
            candidates = ahead
        for icd10, row in candidates:
            if row["is_main"]:
                return icd10, "main"
        dated = [pair for pair in candidates if pair[1]["start_date"]]
        if dated:
            newest = max(row["start_date"] for _, row in dated)
            candidates = [pair for pair in dated if pair[1]["start_date"] == newest]
        return candidates[0][0], "order"


def prescribers(claims: list[Row]) -> dict[Receipt, Receipt | None]:
    """The receipt that each 調剤 receipt follows: of the same person, insurer, month and institution, 入院外 first."""
    found: dict[Receipt, Receipt | None] = {}
    for dispensed in claims:
        if dispensed["claim_kind_code"] != "pharmacy":
            continue
        same = ("linkage_domain", "person_id", "scheme_code", "insurer_number", "service_month")
        candidates = [
            (row["is_inpatient"], row["record_key_tag"])
            for row in claims
            if row["claim_kind_code"] in ("medical", "dpc")
            and not row["is_summary"]
            and row["institution_code"] == dispensed["prescribing_institution_code"]
            and all(row[name] == dispensed[name] for name in same)
        ]
        domain = dispensed["linkage_domain"]
        found[domain, dispensed["record_key_tag"]] = (domain, min(candidates)[1]) if candidates else None
    return found
