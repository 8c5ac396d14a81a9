"""What grew severe, told in plain Python from the rows of the marts: high cost, long stays, dialysis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from tests.dbt_fixture import Row

Table = Callable[[str], list[Row]]
Told = tuple[str, Row, date, int, int]
HIGH_COST_YEN = 800_000


def _back(month: date, count: int) -> date:
    number = month.year * 12 + month.month - 1 - count
    return date(number // 12, number % 12 + 1, 1)


def severity(table: Table, is_dialysed: Callable[[tuple[object, ...]], bool]) -> Iterator[Told]:
    """Receipts and their cost by high cost and long stay; members on dialysis, and who began it."""
    came, dialysed = set(), defaultdict(set)
    for row in table("marts.claim"):
        if row["is_summary"] or row["claim_kind_code"] not in ("medical", "dpc"):
            continue
        month, yen = row["service_month"], row["points"] * 10
        came.add((row["scheme_code"], row["insurer_number"], month))
        is_dear = yen >= HIGH_COST_YEN
        admitted = row["admission_date"]
        is_long = bool(row["is_inpatient"] and admitted and admitted.replace(day=1) <= _back(month, 6))
        yield "high_cost_claims", row, month, int(is_dear), 1
        yield "high_cost_share", row, month, yen if is_dear else 0, yen
        yield "long_stay_share", row, month, yen if is_long else 0, yen
        if row["is_inpatient"]:
            yield "long_stay_claims", row, month, int(is_long), 1
        if is_dialysed((row["linkage_domain"], row["record_key_tag"])):
            dialysed[row["person_id"], row["scheme_code"]].add((row["insurer_number"], month))
    of_person: dict[tuple[Any, ...], dict[date, Row]] = defaultdict(dict)
    for row in table("marts.person_month"):
        if row["is_member"]:
            of_person[row["person_id"], row["scheme_code"], row["insurer_number"]][row["month"]] = row
    for (person, scheme, insurer), months in of_person.items():
        on = dialysed.get((person, scheme), set())
        for month, row in months.items():
            is_on = (insurer, month) in on
            if (scheme, insurer, month) in came:
                yield "dialysis_members", row, month, int(is_on), 1
            if (scheme, insurer, _back(month, 12)) in came:
                earlier = any(_back(month, 12) <= told < month for _, told in on)
                settled = all(_back(month, count) in months for count in (1, 2, 3))
                yield "new_dialysis", row, month, int(is_on and not earlier and settled), 1
