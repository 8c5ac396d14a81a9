"""One story that holds every kind of change, told in four chapters between which the center works."""

from __future__ import annotations

from datetime import date

from tests.property.incremental_rows import Number, Person, Record, Row, Version
from tests.property.incremental_world import World

TOWN = Number("kokuho", "160010", "16201", "紡", "7001", "01")
OTHER_TOWN = Number("kokuho", "160028", "16202", "紡", "7002", "01")
LATE_ELDERLY = Number("koki", "39160015", "16201", None, "37000001", None)
CARE = Number("care", "169508", None, None, "0000070001", None)


class Story:
    """Six people of one prefecture; each chapter sends what the center has to hear of next."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.hanako = Person("16", "ハナコ", date(1957, 6, 15), "2", [TOWN])
        self.taro = Person("16", "タロウ", date(1948, 2, 1), "1", [LATE_ELDERLY])
        self.moving = Person("16", "ジロウ", date(1956, 8, 1), "1", [OTHER_TOWN])
        self.moving_misread = Person("16", "ジラウ", date(1965, 8, 1), "1", [TOWN])
        numbers = [Number("kokuho", "160010", "16201", "紡", f"70{day}", "01") for day in (11, 12)]
        self.alike = [Person("16", "サブロウ", date(1961, 3, 11 + each), "1", [numbers[each]]) for each in (0, 1)]
        self.settled = Person(
            "16", "シロウ", date(1961, 1, 5), "2", [Number("kokuho", "160028", "16202", "紡", "7021", "01")]
        )
        self.records: dict[str, Record] = {}

    def people_come(self) -> None:
        """Chapter 1: members, receipts, checkups, care."""
        self._enrol("hanako", self.hanako, TOWN, date(2024, 4, 1))
        self._enrol("taro", self.taro, LATE_ELDERLY, date(2024, 2, 1))
        self._enrol("before the move", self.moving, OTHER_TOWN, date(2023, 10, 1), date(2024, 9, 1))
        after = Number("kokuho", "160010", "16201", "紡", "7003", "01")
        self._enrol("after the move", self.moving_misread, after, date(2024, 9, 1))
        for who in self.alike:
            self._enrol(f"alike {who.birth}", who, who.numbers[0], date(2024, 4, 1))
        self._enrol("insured for a year", self.settled, self.settled.numbers[0], date(2023, 10, 1))
        self._claim("a year before", self.moving, OTHER_TOWN, date(2023, 11, 1))
        self._claim("newly ill", self.settled, self.settled.numbers[0], date(2024, 11, 1), lines=1)
        self._claim("moves its month", self.hanako, TOWN, date(2024, 5, 1))
        self._claim("is taken back", self.hanako, TOWN, date(2024, 6, 1))
        # Of June there is a total, and a receipt that the medicine goes back to, until the receipt is taken back.
        kinds: dict[str, Row] = {
            "dental": {},
            "pharmacy": {"days_count": None, "prescribing_institution_code": "1610123459"},
        }
        for kind, more in kinds.items():
            self._claim(kind, self.hanako, TOWN, date(2024, 6, 1), {"claim_kind_code": kind} | more)
        self._claim("before the move, paid", self.moving, OTHER_TOWN, date(2024, 5, 1))
        self._claim("after the move, paid", self.moving_misread, after, date(2024, 10, 1))
        often = {"days_count": 16}
        self._claim("goes often, and is certified", self.taro, LATE_ELDERLY, date(2024, 6, 1), often, lines=1)
        self._census("16201", 2025)
        self._checkup("first of the year", self.hanako, TOWN, date(2024, 5, 20))
        self._checkup("second of the year", self.hanako, TOWN, date(2024, 7, 20))
        self._checkup("the year before", self.moving, OTHER_TOWN, date(2024, 1, 15))
        self._checkup("before the move, examined", self.moving, OTHER_TOWN, date(2024, 6, 10))
        self._checkup("after the move, examined", self.moving_misread, after, date(2024, 11, 2))
        self._event("first period", date(2024, 1, 1), "1", date(2024, 1, 1), "12", "16208")
        self._event("another period", date(2024, 3, 1), "2", date(2024, 4, 1), "21", "16209")
        self._event("the first once more", date(2024, 5, 1), "2", date(2024, 1, 1), "23", "16210")
        for month in (date(2024, 2, 1), date(2025, 1, 1)):  # the later one after the month of reference
            self._care_claim(f"care of {month}", month)
        self._care_claim("adjudicated", date(2024, 7, 1))
        self._care_claim("as claimed", date(2024, 7, 1), {"is_adjudicated": False})  # gives way to it
        row = {"service_month": date(2024, 7, 1), "reference_number": "1", "benefit_yen": 15000}
        self._add("high cost", "care_high_cost", self.taro, CARE, row)
        self._divide(date(2024, 5, 1), {"001": "北小", "002": "南小"})
        self._divide(date(2024, 5, 1), {"002": "西圏域"}, name="日常生活圏域")

        # Counts of towns without records, and of one with them.
        self.world.tell(0, 5, 15)
        self.world.tell(0, 4, 15)

    def records_change(self) -> None:
        """Chapter 2: corrections, withdrawals, repeats, versions that come late."""
        self.world.tell(0, 7, 4)  # newer, of one town only
        self.world.tell(0, 3, 15)  # older, and late
        change, take_back, told = self.world.change, self.world.take_back, self.records
        change(told["moves its month"], service_month=date(2024, 8, 1), points=900)
        change(told["moves its month"], points=910)
        take_back(told["is taken back"])
        take_back(told["first of the year"])
        take_back(told["care of 2024-02-01"])
        change(told["the first once more"], municipality_code="16208")
        change(told["before the move"], district_code="002")  # which his receipt and his checkup show too
        change(told["hanako"], applied_end_date=date(2024, 11, 1), lost_date=date(2024, 11, 1))
        self._divide(date(2024, 6, 1), {"001": "北小", "002": "北小"})
        self._divide(date(2024, 5, 20), {"001": "古小"})  # comes late
        # 全件 of two insurers: whom they do not name has ended, Hanako among them until she is told of later.
        members = [record for record in self.world.records if record.table == "enrolment"]
        for insurer in (TOWN.insurer, LATE_ELDERLY.insurer):
            mine = [record for record in members if record.newest.row["insurer_number"] == insurer]
            self.world.full(date(2024, 10, 15), [record for record in mine[1::2] if record is not told["hanako"]])
        self.world.repeat(told["moves its month"], 0)  # the first version, which is no longer the newest

    def two_turn_out_to_be_one(self) -> None:
        """Chapter 3: the ledger corrects a birth date and names the number before.

        A withdrawn receipt stands again, an event of a certification goes, the month of reference moves on.
        """
        before = {f"previous_{name}": value for name, value in OTHER_TOWN.columns().items() if name != "branch"}
        self.world.change(self.records["after the move"], birth_date=self.moving.birth, **before)
        self.world.change(self.records["after the move, paid"], birth_date=self.moving.birth)
        self.world.change(self.records["is taken back"], points=77)
        members = [record for record in self.world.records if record.table == "enrolment"]
        of_town = [record for record in members if record.newest.row["insurer_number"] == TOWN.insurer]
        self.world.full(date(2024, 12, 20), of_town[::3])  # who was absent and is named again has never left
        self.world.take_back(self.records["another period"])  # so the third event only restates the first
        self.world.advance(1, 0, 0)

    def one_turns_out_to_be_two(self) -> None:
        """Chapter 4: the number before was in force all the time, so it was somebody else's."""
        self._divide(date(2024, 7, 1), {None: None}, is_deleted=True)
        self.world.change(self.records["before the move"], applied_end_date=None)
        self.world.repeat(self.records["hanako"], 0)

    def two_are_said_to_be_one(self) -> None:
        """A word of a person on two whom nothing else ties."""
        self.world.sites["16"].merge(*(who.numbers[0] for who in self.alike))

    def _divide(
        self, created: date, places: dict[str | None, str | None], name: str = "小学校区", *, is_deleted: bool = False
    ) -> None:
        for code, district in places.items():
            row = {"municipality_code": "16201", "district_set_name": name, "district_code": code,
                   "set_district_name": district, "created_date": created, "version_number": 1,
                   "is_deleted": is_deleted}  # fmt: skip
            self.world.sites["16"].put("district_set", Version(0, row, {}))

    def _enrol(self, name: str, person: Person, number: Number, start: date, end: date | None = None) -> None:
        row = {"municipality_code": number.municipality, "district_code": "001", "acquired_date": start,
               "applied_start_date": start, "applied_end_date": end}  # fmt: skip
        self._add(name, "enrolment", person, number, row)

    def _claim(
        self, name: str, person: Person, number: Number, month: date, more: Row | None = None, *, lines: int = 2
    ) -> None:
        row = {"service_month": month, "search_number": f"9{len(self.records):029d}", "points": 300, "meal_yen": 0,
               "receipt_number": len(self.records)}  # fmt: skip
        self._add(name, "claim", person, number, row | (more or {}), lines=lines)

    def _census(self, municipality: str, year: int) -> None:
        row = {"municipality_code": municipality, "year": year, "sex_code": "1", "age_band_code": "75-79",
               "population_count": 900, "created_date": date(2025, 1, 20)}  # fmt: skip
        self.world.sites["16"].put("population", Version(0, row, {}))

    def _checkup(self, name: str, person: Person, number: Number, day: date) -> None:
        self._add(name, "checkup", person, number, {"exam_date": day, "exam_month": day.replace(day=1)}, lines=3)

    def _event(self, name: str, day: date, code: str, start: date, level: str, town: str) -> None:
        row = {"event_date": day, "event_code": code, "event_reason_code": "01", "insured_start_date": day,
               "certified_start_date": start, "certified_end_date": date(2025, 6, 30), "care_level_code": level,
               "municipality_code": town} | LATE_ELDERLY.as_related()  # fmt: skip
        self._add(name, "care_certification", self.taro, CARE, row)

    def _care_claim(self, name: str, month: date, changes: Row | None = None) -> None:
        row = {"service_month": month, "reference_number": str(len(self.records)), "care_level_code": "12",
               "units": 500, "benefit_yen": 4500, "user_yen": 500} | (changes or {})  # fmt: skip
        self._add(name, "care_claim", self.taro, CARE, row, lines=2)

    def _add(self, name: str, table: str, person: Person, number: Number, row: Row, lines: int = 0) -> None:
        whole = number.columns() | person.columns() | row
        self.records[name] = self.world.add(table, person.domain, whole, lines)
