"""新規患者, told in plain Python from the rows of the marts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from tests.dbt_fixture import Row

Table = Callable[[str], list[Row]]
YEAR = range(1, 13)


def _back(month: date, count: int) -> date:
    number = month.year * 12 + month.month - 1 - count
    return date(number // 12, number % 12 + 1, 1)


def new_patients(
    table: Table, classes_on: Callable[[tuple[Any, ...]], set[str]]
) -> Iterator[tuple[Row, date, str | None]]:
    """Members of a month that a disease of a year ago could have been seen in, and the classes that are new to them.

    ``classes_on`` gives the lifestyle classes of the diseases on a receipt, suspected ones left out. Yields the row of
    person_month, its month and a class, or None for the member alone.
    """
    came = set()
    ill: dict[tuple[Any, ...], dict[str, set[tuple[str, date]]]] = defaultdict(lambda: defaultdict(set))
    for row in table("marts.claim"):
        if row["is_summary"] or row["claim_kind_code"] not in ("medical", "dpc"):
            continue
        came.add((row["scheme_code"], row["insurer_number"], row["service_month"]))
        if row["sex_code"] != "U":
            for code in classes_on((row["linkage_domain"], row["record_key_tag"])):
                seen = ill[row["person_id"], row["scheme_code"]][code]
                seen.add((row["insurer_number"], row["service_month"]))
    of_person: dict[tuple[Any, ...], dict[date, Row]] = defaultdict(dict)
    for row in table("marts.person_month"):
        if row["is_member"]:
            of_person[row["person_id"], row["scheme_code"], row["insurer_number"]][row["month"]] = row
    for (person, scheme, insurer), months in of_person.items():
        for month, row in months.items():
            if (scheme, insurer, _back(month, 12)) not in came:
                continue
            yield row, month, None
            if not all(_back(month, count) in months for count in YEAR):
                continue
            for code, seen in ill.get((person, scheme), {}).items():
                if (insurer, month) in seen and not any(_back(month, 12) <= told < month for _, told in seen):
                    yield row, month, code
