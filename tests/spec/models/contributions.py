"""What each person adds to each indicator, told from the rows of the marts in plain Python.

Written from the words of ``seeds/indicators.csv``: one function an indicator family, loops and no SQL.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from ingest.masters.lookups import CORE_DISEASES, CORE_DRUGS
from ingest.settings import PROJECT_ROOT
from tests.dbt_fixture import Row
from tests.spec.models import contributions_of_checkups as of_checkups
from tests.spec.models import contributions_of_crossing as of_crossing
from tests.spec.models import contributions_of_diseases as of_diseases
from tests.spec.models import contributions_of_linkage as of_linkage
from tests.spec.models import contributions_of_new_patients as of_new_patients
from tests.spec.models import contributions_of_prescriptions as of_prescriptions
from tests.spec.models import contributions_of_severity as of_severity
from tests.spec.models.delivery import FIRST_MONTH, REFERENCE_MONTH

Table = Callable[[str], list[Row]]


@dataclass(frozen=True)
class Contribution:
    """A share of one person (None: counted without persons) in one figure, at one place and month."""

    indicator: str
    scheme: str
    insurer: str
    town: str | None
    district: str | None
    month: date
    sex: str
    band: str
    person: bytes | None
    numerator: int
    denominator: int
    class_code: str = ""


def seed(name: str) -> list[dict[str, str]]:
    """Rows of a seed as text."""
    with (PROJECT_ROOT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def fiscal_year(month: date) -> int:
    return month.year if month.month >= 4 else month.year - 1


def days_of_fiscal_year(year: int) -> int:
    return (date(year + 1, 4, 1) - date(year, 4, 1)) // timedelta(days=1)


def counts(month: date) -> bool:
    """Whether a month lies between the first month of the warehouse and the month of reference."""
    return FIRST_MONTH <= month <= REFERENCE_MONTH


def _of(indicator: str, row: Row, month: date, numerator: int, denominator: int, **other: str) -> Contribution:
    return Contribution(
        indicator,
        row["scheme_code"],
        row["insurer_number"],
        row["municipality_code"],
        row.get("district_code"),
        month,
        row["sex_code"],
        other.get("band", row.get("age_band_code", "")),
        row.get("person_id"),
        numerator,
        denominator,
        other.get("class_code", ""),
    )


def members(table: Table) -> Iterator[Contribution]:
    """各月末の被保険者数, and of 国保 and 国保組合 how many of three ages."""
    for row in table("marts.person_month"):
        if row["is_member"]:
            yield _of("members", row, row["month"], 1, 0)
            if row["scheme_code"] != "koki":
                age = row["age_at_month_end"]
                yield _of("members_under_40", row, row["month"], int(age <= 39), 1)
                yield _of("members_40_64", row, row["month"], int(40 <= age <= 64), 1)
                yield _of("members_65_74", row, row["month"], int(65 <= age <= 74), 1)


KINDS = {"medical": "medical", "dpc": "medical", "dental": "dental", "pharmacy": "pharmacy"}
PER_MEMBER = {
    "medical": (
        "claims_per_1000",
        "inpatient_cost_per_member_month",
        "outpatient_cost_per_member_month",
        "inpatient_claims_per_1000",
        "outpatient_claims_per_1000",
    ),
    "dental": ("dental_claims_per_1000", "dental_cost_per_member_month"),
    "pharmacy": ("pharmacy_claims_per_1000", "pharmacy_cost_per_member_month"),
}


def medical(table: Table) -> Iterator[Contribution]:
    """Receipts by month of service over members of the months that the insurer's receipts of the kind came for."""
    came: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for row in table("marts.claim"):
        came[row["scheme_code"], row["insurer_number"], row["service_month"]].add(KINDS[row["claim_kind_code"]])
    for row in table("marts.person_month"):
        kinds = came.get((row["scheme_code"], row["insurer_number"], row["month"]), set())
        if row["is_member"]:
            for kind in kinds:
                for indicator in PER_MEMBER[kind]:
                    yield _of(indicator, row, row["month"], 0, 1)
            if len(kinds) == 3:
                yield _of("total_cost_per_member_month", row, row["month"], 0, 1)
    for row in table("marts.claim"):
        month = row["service_month"]
        if row["is_summary"] or not counts(month):
            continue
        kind, yen = KINDS[row["claim_kind_code"]], row["points"] * 10
        claims, *costs = PER_MEMBER[kind]
        yield _of(claims, row, month, 1, 0)
        if yen:
            cost = costs[0] if kind != "medical" or row["is_inpatient"] else costs[1]
            yield _of(cost, row, month, yen, 0)
            if len(came[row["scheme_code"], row["insurer_number"], month]) == 3:
                yield _of("total_cost_per_member_month", row, month, yen, 0)
        if kind == "medical":
            where = "inpatient" if row["is_inpatient"] else "outpatient"
            days = row["days_count"] or 0
            yield _of(f"{where}_claims_per_1000", row, month, 1, 0)
            yield _of("points_per_claim", row, month, row["points"], 1)
            yield _of("points_per_day", row, month, row["points"], days)
            yield _of("days_per_claim", row, month, days, 1)
            for side in ("inpatient", "outpatient"):
                yield _of(f"{side}_claims_share", row, month, int(side == where), 1)
                yield _of(f"{side}_cost_share", row, month, yen if side == where else 0, yen)
            if row["is_inpatient"]:
                yield _of("days_per_inpatient_claim", row, month, days, 1)
        if kind == "dental":
            yield _of("dental_days_per_claim", row, month, row["days_count"], 1)


def classification(table: Table) -> Iterator[Contribution]:
    """Receipts but 調剤 that hold a disease with no ICD-10 beside it and without a code of the typed core."""
    with CORE_DISEASES.open(encoding="utf-8", newline="") as file:
        known = {row["disease_code"] for row in csv.DictReader(file)} - {"0000999"}
    unclassified = {
        row["record_key_tag"]
        for row in table("marts.claim_disease")
        if row["disease_code"] not in known and row["icd10_code"] is None
    }
    for row in table("marts.claim"):
        if not row["is_summary"] and row["claim_kind_code"] != "pharmacy" and counts(row["service_month"]):
            yield _of("unclassified_claims", row, row["service_month"], int(row["record_key_tag"] in unclassified), 1)


def first_examinations(table: Table) -> list[Row]:
    """Of every person the first examination of each fiscal year at the insurer."""
    of_years: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in table("marts.checkup"):
        year = fiscal_year(row["exam_date"])
        of_years[row["person_id"], row["scheme_code"], row["insurer_number"], year].append(row)
    return [min(rows, key=lambda row: row["exam_date"]) for rows in of_years.values()]


Membership = dict[tuple[object, ...], dict[date, Row]]


def memberships(table: Table) -> Membership:
    """The months of a member of 国保 or a 国保組合, by person, insurer and fiscal year."""
    found: Membership = defaultdict(dict)
    for row in table("marts.person_month"):
        if row["scheme_code"] in ("kokuho", "kumiai"):
            found[row["person_id"], row["insurer_number"], fiscal_year(row["month"])][row["month"]] = row
    return found


def first_as_member(table: Table, members: Membership) -> dict[tuple[object, ...], date]:
    """The month of the first examination that a member had in the fiscal year; one before joining is nobody's."""
    found: dict[tuple[object, ...], date] = {}
    for row in table("marts.checkup"):
        of_year = row["person_id"], row["insurer_number"], fiscal_year(row["exam_date"])
        if row["exam_month"] in members.get(of_year, {}):
            found[of_year] = min(row["exam_month"], found.get(of_year, row["exam_month"]))
    return found


def attendance_asof(table: Table) -> Iterator[Contribution]:
    """Members at a month's end, 40 or more at the year's end and not 75 yet; of them, who was examined.

    An examination before the first month's end as a member counts in that first month.
    """
    members = memberships(table)
    examined = first_as_member(table, members)
    for of_year, months in members.items():
        eligible = sorted(
            month
            for month, row in months.items()
            if row["is_member"] and row["age_at_fiscal_year_end"] >= 40 and row["age_at_month_end"] < 75
        )
        for month in eligible:
            band = months[month]["fiscal_year_age_band_code"]
            yield _of("attendance_asof", months[month], month, 0, 1, band=band)
        if eligible and of_year in examined:
            month = max(examined[of_year], eligible[0])
            band = months[month]["fiscal_year_age_band_code"]
            yield _of("attendance_asof", months[month], month, 1, 0, band=band)


def attendance_legal(table: Table) -> Iterator[Contribution]:
    """Insured by one insurer on every day of the fiscal year, 40 to 74 at its end; of them, who was examined in it."""
    members = memberships(table)
    examined = first_as_member(table, members)
    for of_year, months in members.items():
        row = months.get(date(int(str(of_year[2])) + 1, 3, 1))
        days = sum(month["covered_days"] for month in months.values())
        if row and days == days_of_fiscal_year(int(str(of_year[2]))) and 40 <= row["age_at_fiscal_year_end"] <= 74:
            band = row["fiscal_year_age_band_code"]
            yield _of("attendance_legal", row, row["month"], int(of_year in examined), 1, band=band)


def continued_attendance(table: Table) -> Iterator[Contribution]:
    """Of those examined in the year before who are eligible at the same insurer now, who was examined again."""
    members = memberships(table)
    standing = {
        of_year: [
            row
            for _, row in sorted(months.items())
            if row["is_member"] and row["age_at_fiscal_year_end"] >= 40 and row["age_at_month_end"] < 75
        ]
        for of_year, months in members.items()
    }
    examined = {of_year for of_year in first_as_member(table, members) if standing[of_year]}
    for (person, insurer, year), rows in standing.items():
        if rows and (person, insurer, int(str(year)) - 1) in examined:
            last, again = rows[-1], (person, insurer, year) in examined
            band = last["fiscal_year_age_band_code"]
            yield _of("continued_attendance", last, last["month"], int(again), 1, band=band)


def checkups(table: Table) -> Iterator[Contribution]:
    """Who was examined for the first time in the year: 40 to 74 at 国保 and 国保組合, of any age at 後期."""
    for who in of_checkups.examinees(table, first_examinations(table)):
        row = who.row
        if not counts(row["exam_month"]):
            continue
        if row["scheme_code"] == "koki":
            found = of_checkups.answers_of_the_late_elderly(who)
        elif 40 <= row["age_at_fiscal_year_end"] <= 74:
            found = of_checkups.findings(who) | of_checkups.metabolic(who) | of_checkups.answers(who)
            found |= of_checkups.common(who)
        else:
            continue
        for indicator, is_so in found.items():
            yield _of(indicator, row, row["exam_month"], int(is_so), 1, band=row["fiscal_year_age_band_code"])


def guidance(table: Table) -> Iterator[Contribution]:
    """Who came to a level of 特定保健指導; of them, where guidance of that year came, whose was evaluated; who began
    it in the year before and is no target now."""
    came = {(row["insurer_number"], row["guidance_fiscal_year"]) for row in table("marts.guidance")}
    done = {
        (row["person_id"], row["insurer_number"], row["guidance_fiscal_year"])
        for row in table("marts.guidance")
        if row["final_evaluation_date"] is not None
    }
    began = {
        (row["person_id"], row["insurer_number"], row["guidance_fiscal_year"])
        for row in table("marts.guidance")
        if row["first_interview_date"] is not None
    }
    for row in first_examinations(table):
        is_of_age = row["scheme_code"] != "koki" and 40 <= row["age_at_fiscal_year_end"] <= 74
        level = row["guidance_level_code"]
        if is_of_age and counts(row["exam_month"]) and level in ("1", "2", "3"):
            band, month = row["fiscal_year_age_band_code"], row["exam_month"]
            yield _of("guidance_target", row, month, int(level != "3"), 1, band=band)
            if level != "3" and (row["insurer_number"], fiscal_year(row["exam_date"])) in came:
                of_year = row["person_id"], row["insurer_number"], fiscal_year(row["exam_date"])
                yield _of("guidance_completion", row, month, int(of_year in done), 1, band=band)
            if (row["person_id"], row["insurer_number"], fiscal_year(row["exam_date"]) - 1) in began:
                yield _of("guidance_reduction", row, month, int(level == "3"), 1, band=band)


def certification(table: Table) -> Iterator[Contribution]:
    """Certified at the month's end: 65 or more over the first insured, under 65 over the second, new ones, levels.

    Rates only where the table of insured came; levels are shares of the certified themselves.
    """
    names = {"1": ("certification_rate", "new_certification_rate"), "2": ("certification_rate_second",)}
    came = set()
    for row in table("marts.care_insured_count"):
        if counts(row["month"]):
            came.add((row["insurer_number"], row["month"], row["insured_class_code"]))
            for name in names[row["insured_class_code"]]:
                yield _of(name, row, row["month"], 0, row["insured_count"])
    certified = table("marts.care_person_month")
    first: dict[bytes, date] = {}
    for row in certified:
        first[row["person_id"]] = min(row["month"], first.get(row["person_id"], row["month"]))
    for row in certified:
        insured_class = "1" if row["age_at_month_end"] >= 65 else "2"
        if insured_class == "1":
            for level in ("12", "13", "21", "22", "23", "24", "25"):
                yield _of(f"certified_level_{level}", row, row["month"], int(row["care_level_code"] == level), 1)
        if (row["insurer_number"], row["month"], insured_class) not in came:
            continue
        yield _of(names[insured_class][0], row, row["month"], 1, 0)
        if insured_class == "1" and row["month"] == first[row["person_id"]] != FIRST_MONTH:
            yield _of("new_certification_rate", row, row["month"], 1, 0)


def care_cost(table: Table) -> Iterator[Contribution]:
    """介護給付費 over who received care in the month."""
    for row in table("marts.care_month"):
        if counts(row["service_month"]):
            yield _of("care_cost_per_recipient", row, row["service_month"], row["benefit_yen"], 1)
            yield _of("care_cost_per_claim", row, row["service_month"], row["benefit_yen"], row["claims_count"])
            level = f"care_cost_per_claim_level_{row['care_level_code']}"
            yield _of(level, row, row["service_month"], row["benefit_yen"], row["claims_count"])


def _core(path: Path, code: str, told: str) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row[code]: row[told] for row in csv.DictReader(file)}


def _attribution(table: Table) -> of_diseases.Attribution:
    return of_diseases.Attribution(
        table,
        seed,
        _core(CORE_DISEASES, "disease_code", "icd10_code"),
        {code: price[:4] for code, price in _core(CORE_DRUGS, "item_code", "price_standard_code").items()},
    )


def members_of_months_that_came(table: Table) -> dict[tuple[object, ...], dict[date, Row]]:
    """By person, scheme, insurer and year the months at whose end one is a member and that 医科 receipts came for."""
    came = {
        (row["scheme_code"], row["insurer_number"], row["service_month"])
        for row in table("marts.claim")
        if KINDS[row["claim_kind_code"]] == "medical"
    }
    found: dict[tuple[object, ...], dict[date, Row]] = defaultdict(dict)
    for row in table("marts.person_month"):
        if row["is_member"] and (row["scheme_code"], row["insurer_number"], row["month"]) in came:
            of_year = row["person_id"], row["scheme_code"], row["insurer_number"], fiscal_year(row["month"])
            found[of_year][row["month"]] = row
    return found


def diseases(table: Table) -> Iterator[Contribution]:
    """What each disease costs by the one that a receipt comes to, and who has it."""
    classes = of_diseases.Classes(seed)
    attribution = _attribution(table)

    def told_classes(icd10: str, is_dialysed: bool) -> list[str]:
        return [code for code in classes.of(icd10, is_dialysed) if classes.kinds[code] != "certified"]

    claims = table("marts.claim")
    standing = members_of_months_that_came(table)
    dispensed: dict[object, int] = defaultdict(int)
    points_of = {(row["linkage_domain"], row["record_key_tag"]): row["points"] for row in claims}
    for pharmacy, receipt in of_diseases.prescribers(claims).items():
        dispensed[receipt] += points_of[pharmacy]
    for row in claims:
        if row["claim_kind_code"] not in ("medical", "dpc") or row["is_summary"] or not counts(row["service_month"]):
            continue
        receipt = row["linkage_domain"], row["record_key_tag"]
        month, yen, is_dialysed = row["service_month"], row["points"] * 10, attribution.is_dialysed(receipt)
        side = "inpatient" if row["is_inpatient"] else "outpatient"
        with_pharmacy = yen + dispensed[receipt] * 10
        icd10, _ = attribution.decide(receipt)
        for code in told_classes(icd10, is_dialysed) if icd10 else []:
            for indicator, share in (
                ("disease_cost_per_member_month", yen),
                (f"disease_{side}_cost_per_member_month", yen),
                ("disease_cost_share", yen),
                ("disease_claims_per_1000", 1),
                (f"disease_{side}_claims_per_1000", 1),
            ):
                yield _of(indicator, row, month, share, 0, class_code=code)
            if side == "inpatient":
                yield _of("disease_cost_per_inpatient_claim", row, month, yen, 1, class_code=code)
                yield _of("disease_days_per_inpatient_claim", row, month, row["days_count"] or 0, 1, class_code=code)
            else:
                yield _of("disease_cost_per_outpatient_claim", row, month, with_pharmacy, 1, class_code=code)
            if classes.kinds[code] == "lifestyle":
                yield _of("lifestyle_cost_share", row, month, with_pharmacy, 0, class_code=code)
                yield _of("lifestyle_cost_share", row, month, 0, with_pharmacy)
        if row["sex_code"] != "U":
            has = {
                code
                for icd10, line in attribution.diseases(receipt)
                if not line["is_suspected"]
                for code in told_classes(icd10, is_dialysed)
            }
            of_year = row["person_id"], row["scheme_code"], row["insurer_number"], fiscal_year(month)
            months = standing.get(of_year, {})
            before = [other for other in months if other <= month]
            # Who left within the month stands where the last month before it ended, else where the first after it did.
            where = max(before) if before else min(months, default=None)
            for code in has if where else ():
                yield _of("disease_patients", months[where], where, 1, 0, class_code=code)


def crossing(table: Table) -> Iterator[Contribution]:
    """Checkups, receipts and care held against each other."""
    of_age = [
        who
        for who in of_checkups.examinees(table, first_examinations(table))
        if who.row["scheme_code"] != "koki" and 40 <= who.row["age_at_fiscal_year_end"] <= 74
        and counts(who.row["exam_month"])
    ]  # fmt: skip
    members = memberships(table)
    examined = first_as_member(table, members)
    eligible = {}
    for of_year, months in members.items():
        person, insurer, year = of_year
        standing = [
            month
            for month, row in months.items()
            if row["is_member"] and row["age_at_fiscal_year_end"] >= 40 and row["age_at_month_end"] < 75
        ]
        if standing:
            row = months[max(standing)]
            eligible[person, row["scheme_code"], insurer, year] = row, of_year in examined
    attribution, classes = _attribution(table), of_diseases.Classes(seed)

    def has(receipt: tuple[object, ...], kind: str = "certified") -> set[str]:
        return {
            code
            for icd10, line in attribution.diseases(receipt)
            if not line["is_suspected"]
            for code in classes.of(icd10, False)
            if classes.kinds[code] == kind
        }

    claims = [row for row in table("marts.claim") if counts(row["service_month"])]
    for told in (
        of_crossing.referrals(claims, of_age, fiscal_year),
        of_crossing.costs_by_attendance(claims, lambda receipt: bool(has(receipt, "lifestyle")), eligible, fiscal_year),
        of_crossing.tree_of_eligible(
            claims, lambda receipt: bool(has(receipt, "lifestyle")), eligible, of_age, fiscal_year
        ),
        of_crossing.claims_by_certification(table, claims),
        of_crossing.sickness_of_the_certified(table, claims, has),
        of_crossing.care_costs_by_service(table),
    ):
        for indicator, row, month, band, above, below, of_class in told:
            if counts(month):
                yield _of(indicator, row, month, above, below, band=band, class_code=of_class)


def prescriptions(table: Table) -> Iterator[Contribution]:
    """Drugs by quantity and who is prescribed too much; who goes to doctors too often."""
    with CORE_DRUGS.open(encoding="utf-8", newline="") as file:
        drugs = {row["item_code"]: row for row in csv.DictReader(file)}
    for told in (of_prescriptions.prescriptions(table, seed, drugs), of_prescriptions.visits(table, seed)):
        for indicator, row, month, above, below in told:
            if counts(month):
                yield _of(indicator, row, month, above, below)


def severity(table: Table) -> Iterator[Contribution]:
    """High cost, long stays and dialysis."""
    for indicator, row, month, above, below in of_severity.severity(table, _attribution(table).is_dialysed):
        if counts(month):
            yield _of(indicator, row, month, above, below)


def new_patients(table: Table) -> Iterator[Contribution]:
    """Who is newly ill of what, among those whose year before was seen."""
    attribution, classes = _attribution(table), of_diseases.Classes(seed)

    def classes_on(receipt: tuple[object, ...]) -> set[str]:
        return {
            code
            for icd10, line in attribution.diseases(receipt)
            if not line["is_suspected"]
            for code in classes.of(icd10, attribution.is_dialysed(receipt))
            if classes.kinds[code] == "lifestyle"
        }

    for row, month, code in of_new_patients.new_patients(table, classes_on):
        if code and counts(month):
            yield _of("disease_new_patients", row, month, 1, 0, class_code=code)


def linkage(table: Table) -> Iterator[Contribution]:
    """紐付けの品質, by insurer and month."""
    towns: dict[str, set[str]] = defaultdict(set)
    for row in seed("insurer_municipality"):
        if row["scheme_code"] == "koki":
            towns[row["municipality_code"]].add(row["insurer_number"])
    for indicator, scheme, insurer, month, person, above, below, sex, band in of_linkage.linkage(
        table, seed("enrolment_reasons"), towns
    ):
        if counts(month):
            yield Contribution(indicator, scheme, insurer, None, None, month, sex, band, person, above, below)


FAMILIES = (
    members, medical, classification, attendance_asof, attendance_legal, continued_attendance, checkups, guidance,
    certification, care_cost, linkage, diseases, crossing, prescriptions, severity,
    new_patients,
)  # fmt: skip
