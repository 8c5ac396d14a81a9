"""Who is prescribed what and who goes to how many doctors, told in plain Python from the rows of the marts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.dbt_fixture import Row

Table = Callable[[str], list[Row]]
Told = tuple[str, Row, date, int, int]
Seed = Callable[[str], list[dict[str, str]]]


def _whole(number: Decimal) -> int:
    return int(number.quantize(Decimal(1), ROUND_HALF_UP))


def _reaches(rule: dict[str, str], **counted: int) -> bool:
    return all(counted.get(name, 0) >= int(rule[name]) for name in counted if rule[name]) and not any(
        rule[name] for name in ("institution_count", "drug_class_count", "ingredient_count", "visit_day_count")
        if name not in counted
    )  # fmt: skip


def prescriptions(table: Table, seed: Seed, drugs: dict[str, dict[str, str]]) -> Iterator[Told]:
    """後発品 by quantity; 重複, 多剤 and 睡眠薬 of members."""
    rules = seed("prescription_rules")
    receipts = {(row["linkage_domain"], row["record_key_tag"]): row for row in table("marts.claim")}
    sums: dict[tuple[Any, ...], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    of_place: dict[tuple[Any, ...], Row] = {}
    taken: dict[tuple[Any, ...], set[tuple[str, str]]] = defaultdict(set)
    came: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for row in receipts.values():
        if not row["is_summary"]:
            kind = {"dpc": "medical"}.get(row["claim_kind_code"], row["claim_kind_code"])
            came[row["scheme_code"], row["insurer_number"], row["service_month"]].add(kind)
    for item in table("marts.claim_item"):
        receipt = receipts.get((item["linkage_domain"], item["record_key_tag"]))
        drug = drugs.get(item["item_code"])
        if receipt is None or drug is None or receipt["is_summary"] or item["item_kind_code"] != "IY":
            continue
        quantity = Decimal(1) if item["quantity"] is None else item["quantity"]
        quantity *= 1 if item["times_count"] is None else item["times_count"]
        names = ("person_id", "scheme_code", "insurer_number", "municipality_code", "district_code", "sex_code",
                 "age_band_code", "service_month")  # fmt: skip
        place = tuple(receipt[name] for name in names)
        of_place[place] = receipt
        if drug["is_generic"] == "true":
            sums[place][0] += quantity
        if drug["has_generic"] == "true" or drug["is_generic"] == "true":
            sums[place][1] += quantity
        if drug["form_code"] == "1" and not receipt["is_inpatient"]:
            pharmacy = receipt["claim_kind_code"] == "pharmacy"
            doctor = receipt["prescribing_institution_code" if pharmacy else "institution_code"]
            whose = receipt["person_id"], receipt["scheme_code"], receipt["insurer_number"], receipt["service_month"]
            taken[whose].add((doctor, drug["price_standard_code"]))
    for place, (generic, replaceable) in sums.items():
        if _whole(replaceable):
            row = of_place[place]
            yield "generic_drug_share", row, row["service_month"], _whole(generic), _whole(replaceable)
    for row in table("marts.person_month"):
        where = row["scheme_code"], row["insurer_number"], row["month"]
        if not row["is_member"] or not {"medical", "pharmacy"} <= came.get(where, set()):
            continue
        own = taken.get((row["person_id"], *where), set())
        doctors: dict[str, set[str]] = defaultdict(set)
        for doctor, code in own:
            doctors[code[:4]].add(doctor)
        doubled = {code: by for code, by in doctors.items() if len(by) > 1}
        counted = {
            "institution_count": len(set().union(*doubled.values())),
            "drug_class_count": len(doubled),
            "ingredient_count": len({code[:7] for _, code in own}),
        }
        for rule in ("duplicate_prescription", "polypharmacy", "sleep_drug"):
            met = any(
                any(code.startswith(each["drug_class_code"]) for code in doctors)
                if each["drug_class_code"]
                else _reaches(each, **counted)
                for each in rules
                if each["rule_id"] == rule
            )
            yield rule, row, row["month"], int(met), 1


def visits(table: Table, seed: Seed) -> Iterator[Told]:
    """重複受診 and 頻回受診 of members."""
    rules = seed("prescription_rules")
    came, days = set(), defaultdict(lambda: defaultdict(int))  # type: ignore[var-annotated]
    for row in table("marts.claim"):
        if row["is_summary"] or row["claim_kind_code"] not in ("medical", "dpc"):
            continue
        where = row["scheme_code"], row["insurer_number"], row["service_month"]
        came.add(where)
        if not row["is_inpatient"] and row["days_count"]:
            days[(row["person_id"], *where)][row["institution_code"]] += row["days_count"]
    for row in table("marts.person_month"):
        where = row["scheme_code"], row["insurer_number"], row["month"]
        if row["is_member"] and where in came:
            own = days.get((row["person_id"], *where), {})
            counted = {"institution_count": len(own), "visit_day_count": max(own.values(), default=0)}
            for rule in ("multiple_visits", "frequent_visits"):
                met = any(_reaches(each, **counted) for each in rules if each["rule_id"] == rule)
                yield rule, row, row["month"], int(met), 1
