"""Rows by hand for the spec tests of the models: who, at which insurer, when. ``Delivery`` numbers them like a file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from tests.dbt_fixture import Batch, Row

Results = dict[str, Decimal | int | str | None]

REFERENCE_MONTH = date(2025, 5, 1)
FIRST_MONTH = date(2020, 4, 1)


@dataclass(frozen=True)
class Insurer:
    """An insurer of seeds/insurers.csv; ``town`` is the municipality that answers for its members, if one does."""

    scheme: str
    number: str
    town: str | None = None


TOYAMA = Insurer("kokuho", "160010", "16201")
TAKAOKA = Insurer("kokuho", "160028", "16202")
UOZU = Insurer("kokuho", "160036", "16204")
HIMI = Insurer("kokuho", "160044", "16205")
NAMERIKAWA = Insurer("kokuho", "160051", "16206")
KUROBE = Insurer("kokuho", "160069", "16207")
TONAMI = Insurer("kokuho", "160077", "16208")
OYABE = Insurer("kokuho", "160085", "16209")
KAMIICHI = Insurer("kokuho", "160127", "16322")
TATEYAMA = Insurer("kokuho", "160135", "16323")
NYUZEN = Insurer("kokuho", "160143", "16342")
ASAHI = Insurer("kokuho", "160150", "16343")
DOCTORS = Insurer("kumiai", "163014")
TOYAMA_75 = Insurer("koki", "39160015", "16201")
UOZU_75 = Insurer("koki", "39160031", "16204")
NANTO_75 = Insurer("koki", "39160098", "16210")
TOYAMA_CARE = Insurer("care", "162019", "16201")
HIMI_CARE = Insurer("care", "162051", "16205")
TONAMI_UNION = Insurer("care", "169508")
TOTTORI = Insurer("kokuho", "310011", "31201")
KURAYOSHI = Insurer("kokuho", "310037", "31203")
KURAYOSHI_75 = Insurer("koki", "39310032", "31203")
KURAYOSHI_CARE = Insurer("care", "312037", "31203")


@dataclass(frozen=True)
class Person:
    """Somebody invented."""

    name: str
    born: date = date(1960, 6, 15)
    sex: str = "1"

    def at(self, insurer: Insurer) -> Row:
        """The columns that name this person at an insurer."""
        return {
            "who": self.name,
            "birth": self.born,
            "sex_code": self.sex,
            "scheme_code": insurer.scheme,
            "insurer_number": insurer.number,
        }


class Delivery:
    """Rows of one batch, each with its line number within its table."""

    def __init__(self) -> None:
        self.batch: Batch = defaultdict(list)

    def _add(self, table: str, row: Row) -> int:
        number = len(self.batch[table]) + 1
        self.batch[table].append({"source_row": number} | row)
        return number

    def enrol(self, who: Person, at: Insurer, start: date, end: date | None = None, **more: Any) -> None:
        """適用 from ``start`` to the day before ``end``."""
        applied = {"acquired_date": start, "applied_start_date": start, "applied_end_date": end}
        self._add("enrolment", who.at(at) | {"municipality_code": at.town} | applied | more)

    def name_all(self, day: date, at: Insurer, start: date, *members: Person) -> None:
        """A full delivery (全件) of ``day``: every member that it names, each since ``start``."""
        for who in members:
            self.enrol(who, at, start, processed_date=day, full_as_of_date=day)

    def claim(
        self,
        who: Person,
        at: Insurer,
        month: date,
        points: int,
        diseases: Iterable[Row] = (),
        items: Iterable[Row] = (),
        **more: Any,
    ) -> None:
        """A receipt, adjudicated in the month after the service unless told otherwise, with its diseases and items."""
        told = {"key": month.isoformat(), "service_month": month, "points": points}
        told["adjudication_month"] = next_month(month)
        parent = self._add("claim", who.at(at) | told | more)
        line = {"scheme_code": at.scheme, "insurer_number": at.number, "service_month": month}
        for number, disease in enumerate(diseases, start=1):
            self._add("claim_diagnosis", line | {"parent_source_row": parent, "sequence_number": number} | disease)
        for number, item in enumerate(items, start=1):
            self._add("claim_item", line | {"parent_source_row": parent, "sequence_number": number} | item)

    def exam(self, who: Person, at: Insurer, day: date, results: Results, **more: Any) -> None:
        """An examination; a number is a measured value, a text a code, None an item not done."""
        month = day.replace(day=1)
        parent = self._add("checkup", who.at(at) | {"exam_date": day, "exam_month": month} | more)
        line = {"scheme_code": at.scheme, "insurer_number": at.number, "exam_month": month}
        for item, value in results.items():
            values = {
                "item_id": item,
                "parent_source_row": parent,
                "numeric_value": Decimal(value) if isinstance(value, int | Decimal) else None,
                "code_value": value if isinstance(value, str) else None,
                "status_code": "not_done" if value is None else "measured",
            }
            self._add("checkup_result", line | values)

    def guide(self, who: Person, at: Insurer, first: date, contacts: list[Row], **more: Any) -> None:
        """A report of 特定保健指導 and its contacts."""
        month = first.replace(day=1)
        told = {"guidance_fiscal_year": 2024, "guidance_month": month, "first_interview_date": first}
        parent = self._add("guidance", who.at(at) | told | more)
        line = {"scheme_code": at.scheme, "insurer_number": at.number, "guidance_month": month}
        for number, contact in enumerate(contacts, start=1):
            self._add("guidance_session", line | {"parent_source_row": parent, "sequence_number": number} | contact)

    def certify(
        self, who: Person, at: Insurer, day: date, level: str | None, start: date | None, last: date | None, **more: Any
    ) -> None:
        """要介護認定: what became of it on ``day``; ``last`` is the last day that it holds, as printed."""
        told = {"event_date": day, "corrected_date": day, "care_level_code": level}
        span = {"certified_start_date": start, "certified_end_date": last}
        self._add("care_certification", who.at(at) | told | span | more)

    def care(
        self, who: Person, at: Insurer, month: date, benefit_yen: int, services: dict[str, int] | None = None,
        **more: Any,
    ) -> None:  # fmt: skip
        """介護給付実績 of one provider and month, with a line of its units, and what each service cost."""
        money = {"units": benefit_yen // 9, "benefit_yen": benefit_yen, "user_yen": benefit_yen // 9}
        told = {"service_month": month, "adjudication_month": next_month(month), "care_level_code": "21"}
        parent = self._add("care_claim", who.at(at) | told | money | more)
        line = {"insurer_number": at.number, "service_month": month, "parent_source_row": parent}
        kind = {"line_kind_code": "D7", "amount_yen": benefit_yen} if more.get("is_purchase") else {}
        days = {"times_count": 6, "public_times_count": 3, "public2_times_count": 2, "public3_times_count": 1}
        item = {"service_type_code": "15", "item_code": "1111", "units": money["units"]}
        self._add("care_line", line | item | days | kind)
        for service, yen in (services or {}).items():
            self._add("care_service", line | {"service_type_code": service, "units": yen // 9, "benefit_yen": yen})

    def as_claimed(self, who: Person, at: Insurer, month: date, benefit_yen: int) -> None:
        """The 請求明細書 of one provider and month."""
        self.care(who, at, month, benefit_yen, is_adjudicated=False, reference_number="7131")

    def paid_back(self, who: Person, at: Insurer, month: date, benefit_yen: int, **more: Any) -> None:
        """高額介護サービス費 of a month."""
        told = {"service_month": month, "adjudication_month": next_month(month), "benefit_yen": benefit_yen}
        self._add("care_high_cost", who.at(at) | told | more)

    def insured(self, at: Insurer, month: date, counts: dict[tuple[str, str], int], **more: Any) -> None:
        """The table of care insured: persons by sex and age band."""
        for (sex, band), count in counts.items():
            row = {
                "insurer_number": at.number,
                "municipality_code": at.town,
                "month": month,
                "sex_code": sex,
                "age_band_code": band,
                "insured_class_code": "1" if band >= "65" else "2",
                "insured_count": count,
                "created_date": date(2025, 6, 1),
            }
            self._add("care_insured_count", row | more)

    def people_of(self, town: str, year: int, counted: dict[tuple[str, str], int]) -> None:
        """人口 of a town on 1 January, by sex and age band."""
        for (sex, band), count in counted.items():
            row = {"municipality_code": town, "year": year, "sex_code": sex, "age_band_code": band}
            self._add("population", row | {"population_count": count, "created_date": date(year, 6, 1)})

    def divide(self, town: str, name: str, places: dict[str | None, str | None], **more: Any) -> None:
        """地区割 of a town: the 地区 of each 行政区コード."""
        for code, district in places.items():
            told = {"municipality_code": town, "district_set_name": name, "district_code": code}
            self._add("district_set", told | {"set_district_name": district} | more)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def months_from(first: date, last: date) -> list[date]:
    """First days of the months from ``first`` to ``last``, both counted."""
    found = [first]
    while found[-1] < last:
        found.append(next_month(found[-1]))
    return found
