"""Checkups, receipts and care held against each other, in plain Python from the rows of the marts.

Every function yields indicator, row that says where it counts, month, age band, numerator, denominator and class.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal

from tests.dbt_fixture import Row
from tests.spec.models.contributions_of_checkups import Examinee

Table = Callable[[str], list[Row]]
Told = tuple[str, Row, date, str, int, int, str]
MEDICAL = ("medical", "dpc")
TREE = (
    "examined examined_treated treated_referred examined_untreated untreated_intensive untreated_motivational"
    " untreated_referred untreated_information unexamined unexamined_treated unexamined_untreated"
)


def is_referred(who: Examinee) -> bool:
    """Whether any value calls for a doctor (受診勧奨判定値)."""
    limits = {
        "triglyceride_fasting": "300", "triglyceride_casual": "300", "ldl": "140", "non_hdl": "170",
        "glucose_fasting": "126", "glucose_casual": "126", "hba1c": "6.5", "systolic": "140", "diastolic": "90",
        "ast": "51", "alt": "51", "gamma_gt": "101", "creatinine": "1.3" if who.row["sex_code"] == "1" else "1.0",
    }  # fmt: skip
    return any(who.over(item, limit) for item, limit in limits.items()) or (
        "egfr" in who.values and who.values["egfr"] < Decimal(45)
    )


def referrals(claims: list[Row], examinees: list[Examinee], year_of: Callable[[date], int]) -> Iterator[Told]:
    """受診勧奨者 over examinees, and who went to a doctor until the year's end."""
    visits: dict[tuple[object, ...], list[date]] = defaultdict(list)
    came = set()
    for row in claims:
        if row["claim_kind_code"] in MEDICAL and not row["is_summary"]:
            insurer = row["scheme_code"], row["insurer_number"], year_of(row["service_month"])
            came.add(insurer)
            visits[row["person_id"], *insurer].append(row["service_month"])
    for who in examinees:
        row, month, band = who.row, who.row["exam_month"], who.row["fiscal_year_age_band_code"]
        insurer = row["scheme_code"], row["insurer_number"], year_of(month)
        referred = is_referred(who)
        yield "referral_value", row, month, band, int(referred), 1, ""
        if insurer in came:
            went = any(visit >= month for visit in visits[row["person_id"], *insurer])
            yield "referral_visited", row, month, band, int(referred and went), 1, ""
            yield "referral_unvisited", row, month, band, int(referred and not went), 1, ""
            if who.over("hba1c", "6.5"):
                yield "hba1c_65_unvisited", row, month, band, int(not went), 1, ""


def costs_by_attendance(
    claims: list[Row],
    has_lifestyle: Callable[[tuple[object, ...]], bool],
    eligible: dict[tuple[object, ...], tuple[Row, bool]],
    year_of: Callable[[date], int],
) -> Iterator[Told]:
    """What eligible persons (by person, scheme, insurer, year: their last row, whether examined) cost in the year."""
    points: dict[tuple[object, ...], int] = defaultdict(int)
    came, ill = set(), set()
    for row in claims:
        insurer = row["scheme_code"], row["insurer_number"], year_of(row["service_month"])
        if not row["is_summary"] and row["claim_kind_code"] != "dental":
            points[row["person_id"], *insurer] += row["points"]
            if row["claim_kind_code"] in MEDICAL:
                came.add(insurer)
                if has_lifestyle((row["linkage_domain"], row["record_key_tag"])):
                    ill.add((row["person_id"], *insurer))
    for (person, *insurer), (row, examined) in eligible.items():
        if tuple(insurer) not in came:
            continue
        cost, month, band = points[(person, *insurer)], row["month"], row["fiscal_year_age_band_code"]
        for name, of_group in (("examined", examined), ("unexamined", not examined)):
            share = cost if of_group else 0
            yield f"points_of_{name}_per_eligible", row, month, band, share, 1, ""
            is_ill = (person, *insurer) in ill
            if share or is_ill:
                yield f"points_of_{name}_per_lifestyle", row, month, band, share, int(is_ill), ""
            if of_group:
                yield f"points_per_{name}", row, month, band, cost, 1, ""


def tree_of_eligible(
    claims: list[Row],
    has_lifestyle: Callable[[tuple[object, ...]], bool],
    eligible: dict[tuple[object, ...], tuple[Row, bool]],
    examinees: list[Examinee],
    year_of: Callable[[date], int],
) -> Iterator[Told]:
    """Where every eligible person stands: examined or not, treated or not, and what the checkup asks for."""
    ill, came = set(), set()
    for row in claims:
        if row["claim_kind_code"] in MEDICAL and not row["is_summary"]:
            insurer = row["scheme_code"], row["insurer_number"], year_of(row["service_month"])
            came.add(insurer)
            if has_lifestyle((row["linkage_domain"], row["record_key_tag"])):
                ill.add((row["person_id"], *insurer))
    found = {
        (who.row["person_id"], who.row["scheme_code"], who.row["insurer_number"], year_of(who.row["exam_month"])): who
        for who in examinees
    }
    for key, (row, examined) in eligible.items():
        if key[1:] not in came:
            continue
        treated, who = key in ill, found.get(key)
        nodes = [f"{'' if examined else 'un'}examined"]
        nodes.append(f"{nodes[0]}_{'' if treated else 'un'}treated")
        if examined and who is not None:
            level = who.row["guidance_level_code"]
            if treated:
                nodes += ["treated_referred"] * is_referred(who)
            elif level in ("1", "2"):
                nodes.append({"1": "untreated_intensive", "2": "untreated_motivational"}[level])
            elif level == "3":
                nodes.append("untreated_referred" if is_referred(who) else "untreated_information")
        for node in TREE.split():
            yield f"tree_{node}", row, row["month"], row["fiscal_year_age_band_code"], int(node in nodes), 1, ""


def claims_by_certification(table: Table, claims: list[Row]) -> Iterator[Told]:
    """Points and receipts of those aged 40 and more, with and without a certification in the month."""
    certified = {(row["person_id"], row["month"]) for row in table("marts.care_person_month")}
    for row in claims:
        band = row["age_band_code"]
        if row["claim_kind_code"] not in MEDICAL or row["is_summary"] or band in ("unknown", "all"):
            continue
        if int(band[:2]) >= 40:
            name = "certified" if (row["person_id"], row["service_month"]) in certified else "uncertified"
            yield f"points_per_claim_{name}", row, row["service_month"], band, row["points"], 1, ""


def sickness_of_the_certified(
    table: Table, claims: list[Row], has: Callable[[tuple[object, ...]], set[str]]
) -> Iterator[Told]:
    """Certified members whose receipts came, and the diseases on their receipts of the month."""
    came, of_month = set(), defaultdict(set)
    for row in claims:
        if row["claim_kind_code"] in MEDICAL:
            if not row["is_summary"]:
                came.add((row["scheme_code"], row["insurer_number"], row["service_month"]))
            receipt = row["linkage_domain"], row["record_key_tag"]
            of_month[row["person_id"], row["service_month"]] |= has(receipt)
    insured = {
        (row["person_id"], row["month"])
        for row in table("marts.person_month")
        if row["is_member"] and (row["scheme_code"], row["insurer_number"], row["month"]) in came
    }
    for row in table("marts.care_person_month"):
        month = row["month"]
        if (row["person_id"], month) in insured:
            yield "certified_patients", row, month, row["age_band_code"], 0, 1, ""
            for code in of_month[row["person_id"], month]:
                yield "certified_patients", row, month, row["age_band_code"], 1, 0, code


CARE_SERVICES = {
    "home": "11 12 13 14 15 16 17 21 22 23 24 25 26 27 2A 2B 31 33 34 35 43 46 61 62 63 64 65 66 67",
    "facility": "51 52 53 55",
    "community": "28 32 36 37 38 39 54 68 69 71 72 73 74 75 76 77 78 79",
}


def care_costs_by_service(table: Table) -> Iterator[Told]:
    """介護給付費 by class of service: of a receipt with services of two classes, each has its part and counts one."""
    months = {
        (row["linkage_domain"], row["person_id"], row["insurer_number"], row["service_month"]): row
        for row in table("marts.care_month")
    }
    for name, codes in CARE_SERVICES.items():
        yen: dict[tuple[object, ...], int] = defaultdict(int)
        receipts: dict[tuple[object, ...], set[bytes]] = defaultdict(set)
        for row in table("marts.care_service"):
            key = row["linkage_domain"], row["person_id"], row["insurer_number"], row["service_month"]
            if row["service_type_code"] in codes.split() and key in months:
                yen[key] += row["benefit_yen"]
                receipts[key].add(row["record_key_tag"])
        for key, whole in yen.items():
            row = months[key]
            yield (
                f"care_cost_per_{name}_claim", row, row["service_month"], row["age_band_code"], whole,
                len(receipts[key]), "",
            )  # fmt: skip
