"""What is inside the pictures and the files that people carry away."""

from __future__ import annotations

import base64
import json
from datetime import date

import polars as pl
import pytest

from app.charts import bars, spark, timeline
from app.persons import History
from app.show import Shape
from app.text import Text

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
            "month": [date(2024, 5, 1), date(2024, 5, 1)],
            "is_inpatient": [False, True],
            "points": [1000, 40000],
            "claims_count": [1, 1],
            "days_count": [2, 10],
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
        "league": bars.league_chart(PLACES, RATE, 38.0, TEXT, mark, "題"),
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


def test_the_time_line_stacks_inpatient_on_outpatient_and_counts_nothing_twice() -> None:
    spec = timeline.claims(timeline.frame(TEXT, "", date(2025, 3, 1)), HISTORY).to_dict()
    [rows] = [rows for rows in spec["datasets"].values() if rows and "top" in rows[0]]
    assert sorted((row["kind"], row["bottom"], row["top"]) for row in rows) == [
        ("入院", 1000, 41000), ("入院外", 0, 1000)
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
