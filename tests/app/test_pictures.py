"""What is inside the pictures and the files that people carry away."""

from __future__ import annotations

import base64
import json
from datetime import date
from types import SimpleNamespace

import polars as pl
import pytest

from app.charts import bars, spark, timeline, trend
from app.persons import History
from app.show import Shape
from app.text import Text
from app.views.comparison import Cell

MARK = "架空データ"
TEXT = Text("ja")
PLACES = pl.DataFrame(
    {
        "name": ["砺波市", "高岡市", "南砺市"],
        "value": [36.0, 38.0, 40.0],
        "numerator": [36.0, 380.0, 80.0],
        "denominator": [100.0, 1000.0, 200.0],
        "is_own": [True, False, False],
    }
)
RATE = Shape(100, "%", has_denominator=True)
HISTORY = History(
    enrolment=pl.DataFrame(
        {
            "scheme_code": ["kokuho", "koki"],
            "insurer_number": ["160077", "39160072"],
            "start_date": [date(2015, 4, 1), date(2024, 6, 15)],
            "end_date": [date(2024, 6, 15), None],
        }
    ),
    claims=pl.DataFrame(
        {
            "month": [date(2024, 5, 1)] * 4,
            "kind": ["dental", "inpatient", "outpatient", "pharmacy"],
            "points": [300, 40000, 1000, 700],
        }
    ),
    checkups=pl.DataFrame(
        {
            "exam_date": [date(2022, 7, 1), date(2023, 7, 1)],
            "fiscal_year": [2022, 2023],
            **{name: [120.0, 140.0] for name in ("systolic", "diastolic", "bmi", "ldl", "egfr")},
            "hba1c": [6.1, 8.2],
            "metabolic_code": ["3", "1"],
            "is_smoker": [False, False],
        }
    ),
    care=pl.DataFrame(
        {
            "care_level_code": ["12"],
            "certified_start_date": [date(2024, 5, 1)],
            "certified_end_date": [date(2025, 5, 1)],
        }
    ),
    care_months=pl.DataFrame({"service_month": [date(2024, 6, 1)], "benefit_yen": [81000]}),
)


NAMES = {
    "municipality:16208": "砺波市",
    "prefecture:16": "富山県",
    "peer:kdb_13:07": "同規模保険者：市",
    "nation:JP": "全国",
}
ROW = SimpleNamespace(indicator=SimpleNamespace(name="喫煙者割合", shape=RATE))
YEARS = [date(year, 4, 1) for year in range(2020, 2025)]


def comparison(mark: str) -> SimpleNamespace:
    """A town beside its prefecture, peers and nation; the last year of the peers is hidden."""

    def cell(_row: object, key: str, day: date = YEARS[-1]) -> Cell:
        if key.startswith("peer") and day == YEARS[-1]:
            return Cell(None, None, "hidden_small")
        return Cell(10.0 + list(NAMES).index(key) / 10, 100.0, "shown")

    return SimpleNamespace(
        screen=SimpleNamespace(text=TEXT, mark=mark, area_name=NAMES.__getitem__),
        columns=list(NAMES), parts=frozenset(), focus="municipality:16208", base="prefecture:16",
        trend=YEARS, period_kind="fiscal_year", cell=cell,
    )  # fmt: skip


def drawn_words(chart: object) -> set[str]:
    """Every text that the picture writes by itself."""
    found: set[str] = set()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if node.get("type") == "text" and isinstance(node.get("text"), str):
                found.add(node["text"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(json.loads(chart.to_json()))  # type: ignore[attr-defined]
    return found


def pictures(mark: str) -> dict[str, object]:
    shared = timeline.frame(TEXT, mark, date(2025, 3, 1))
    return {
        "trend": trend.chart(comparison(mark), ROW),  # type: ignore[arg-type]
        "bars": bars.comparison_chart(comparison(mark), ROW, "令和6年度"),  # type: ignore[arg-type]
        "funnel": bars.funnel_chart(PLACES, RATE, TEXT, mark, "題"),
        "spans": timeline.spans(shared, HISTORY),
        "claims": timeline.claims(shared, HISTORY),
        "care": timeline.care_benefit(shared, HISTORY),
        "checkup": timeline.checkup(shared, HISTORY, "hba1c", is_last=True),
    }


@pytest.mark.parametrize("name", list(pictures(MARK)))
def test_every_picture_says_inside_that_its_data_is_invented(name: str) -> None:
    assert MARK in drawn_words(pictures(MARK)[name])
    assert MARK not in drawn_words(pictures("")[name]), "real data is not called invented"


def test_every_line_of_the_trend_is_named_where_it_ends_and_no_name_covers_another() -> None:
    spec = trend.chart(comparison(MARK), ROW).to_dict()  # type: ignore[arg-type]
    [ends] = [rows for rows in spec["datasets"].values() if rows and "place" in rows[0]]
    assert {row["area"] for row in ends} == {"砺波市", "富山県", "同規模保険者", "全国"}
    assert {row["period"] for row in ends} == {"R6"}, "a hidden last value leaves the name beside the last year"
    low, high = spec["layer"][0]["encoding"]["y"]["scale"]["domain"]
    places = sorted(row["place"] for row in ends)
    gaps = [after - before for before, after in zip(places, places[1:], strict=False)]
    assert min(gaps) / (high - low) * 200 > 12


def test_names_move_no_further_than_they_must() -> None:
    assert trend.apart([1.0, 5.0, 9.0], 1.0, 0.0, 10.0) == [1.0, 5.0, 9.0]
    assert trend.apart([4.0, 5.0, 5.0, 6.0], 1.0, 0.0, 10.0) == [3.5, 4.5, 5.5, 6.5], "around their middle"
    assert trend.apart([9.5, 9.6, 9.7], 1.0, 0.0, 10.0) == [8.0, 9.0, 10.0], "within the picture"
    assert trend.apart([0.1, 0.2], 1.0, 0.0, 10.0) == [0.0, 1.0]


def test_the_time_line_stacks_the_kinds_of_receipts_and_counts_nothing_twice() -> None:
    spec = timeline.claims(timeline.frame(TEXT, "", date(2025, 3, 1)), HISTORY).to_dict()
    [rows] = [rows for rows in spec["datasets"].values() if rows and "top" in rows[0]]
    assert sorted((row["kind"], row["bottom"], row["top"]) for row in rows) == [
        ("入院", 2000, 42000), ("入院外", 0, 1000), ("歯科", 1700, 2000), ("調剤", 1000, 1700)
    ]  # fmt: skip


def test_all_pictures_of_a_time_line_share_one_axis_of_months() -> None:
    domains = set()
    for name in ("spans", "claims", "care", "checkup"):
        layer = pictures(MARK)[name].to_dict()["layer"][0]  # type: ignore[attr-defined]
        domains.add(json.dumps(layer["encoding"]["x"]["scale"]["domain"], sort_keys=True))
    assert len(domains) == 1


def test_the_small_trend_says_its_values_in_words_and_breaks_at_a_gap() -> None:
    picture = spark.picture([1.0, None, 3.0, 4.0], [2.0, 2.0, 2.0, 2.0], f"{MARK} 1.0、－、3.0、4.0")
    assert f'alt="{MARK} 1.0、－、3.0、4.0"' in picture
    svg = base64.b64decode(picture.split("base64,")[1].split('"')[0]).decode()
    own = svg.split("<path")[2]
    assert own.count("M") == 2
    assert spark.picture([1.0], [1.0], "x") == "", "one value is no trend"


def test_of_many_places_the_largest_and_one_s_own_are_named() -> None:
    many = pl.DataFrame(
        {
            "name": [f"町{number}" for number in range(300)],
            "value": [20.0] * 300,
            "numerator": [20.0 + number for number in range(300)],
            "denominator": [100.0 + number for number in range(300)],
            "is_own": [number == 0 for number in range(300)],
        }
    )
    drawn = bars.funnel_chart(many, RATE, TEXT, MARK, "題").to_dict()
    sizes = [{row["name"] for row in rows if "name" in row} for rows in drawn["datasets"].values()]
    named = min((names for names in sizes if names), key=len)
    assert named == {"町0", *(f"町{number}" for number in range(288, 300))}
    assert max(map(len, sizes)) == 300, "every place is a dot"
