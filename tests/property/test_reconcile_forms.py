"""Whatever a form looks like: what is planted in it is named, and a form of our own figures names nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ingest import warehouse
from ingest.reconcile import form as forms
from ingest.reconcile.compare import AGREES, DIFFERS, NOT_OURS, Line, Place, compare
from ingest.reconcile.figures import Figures
from ingest.reconcile.numbers import Printed, half_up, parse, plain, shown
from ingest.reconcile.period import FISCAL_YEAR, MONTH, YEAR_TO_DATE, Period
from ingest.reconcile.period import parse as parse_period
from tests import figures_world as world
from tests import kdb_forms
from tests.kdb_forms import PLANTS, Numbers, Style

PERIOD = Period(FISCAL_YEAR, date(2024, 4, 1))
PLACE = Place(PERIOD, "kokuho", {"kokuho": f"insurer:{world.INSURER}"}, f"municipality:{world.TOWN}")
styles = st.builds(
    Style,
    encoding=st.sampled_from(["cp932", "utf-8", "utf-8-sig"]),
    own_heading=st.sampled_from(["保険者", "市町村", "砺波市"]),
    has_separators=st.booleans(),
    is_full_width=st.booleans(),
    has_percent_sign=st.booleans(),
    is_in_brackets=st.booleans(),
    blank=st.sampled_from(["-", "－", "", "―", "*"]),
    period=st.sampled_from(["令和6年度", "R6年度", "2024年度", "令和６年度（累計）", "令和6年度累計 令和7年3月"]),
    line_end=st.sampled_from(["\r\n", "\n"]),
)


@cache
def figures_of(seed: int) -> pl.DataFrame:
    return world.figures(seed)


@pytest.fixture(scope="module")
def connections() -> Iterator[dict[int, duckdb.DuckDBPyConnection]]:
    """The same statistics as a file of them holds, in memory, of three worlds."""
    opened = {}
    for seed in (1, 2, 3):
        connection = warehouse.connect()
        connection.execute("CREATE SCHEMA published")
        for name, frame in world.tables(figures_of(seed)).items():
            connection.register("frame", frame.to_arrow())
            connection.execute(f"CREATE TABLE published.{name} AS SELECT * FROM frame")
        opened[seed] = connection
    yield opened
    for connection in opened.values():
        connection.close()


def lines_of(content: bytes, connection: duckdb.DuckDBPyConnection, folder: Path) -> list[Line]:
    path = folder / "form.csv"
    path.write_bytes(content)
    form = forms.read(path, own_names=["砺波市"])
    assert form.unknown_headings == ()
    assert form.period is not None
    assert form.period in (PERIOD, *PERIOD.same_as())
    return compare(form, Figures(connection, [], PLACE.all_areas), PLACE)


quick = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(style=styles, form_id=st.sampled_from(["P21_001", "P21_003", "5-2"]), seed=st.sampled_from([1, 2, 3]))
def test_a_form_without_planted_differences_names_none(
    style: Style, form_id: str, seed: int, connections: dict[int, duckdb.DuckDBPyConnection], tmp_path: Path
) -> None:
    numbers = Numbers(figures_of(seed))
    content = kdb_forms.findings(numbers, style) if form_id == "5-2" else kdb_forms.overview(form_id, numbers, style)
    states = {line.state for line in lines_of(content, connections[seed], tmp_path)}
    assert AGREES in states
    assert states <= {AGREES, NOT_OURS}


@quick
@given(
    style=styles,
    reasons=st.sets(st.sampled_from(sorted(PLANTS)), min_size=1),
    seed=st.sampled_from([1, 2, 3]),
)
def test_exactly_what_is_planted_is_named_and_its_reason_is_among_those_that_fit(
    style: Style, reasons: set[str], seed: int, connections: dict[int, duckdb.DuckDBPyConnection], tmp_path: Path
) -> None:
    numbers = Numbers(figures_of(seed))
    plants = {PLANTS[reason][:2]: PLANTS[reason][2](numbers, figures_of(seed)) for reason in reasons}
    content = kdb_forms.overview(
        "P21_001", numbers, style, {where: style.number(number, is_rate=False) for where, number in plants.items()}
    )
    found = {
        (line.cell.label.replace("／", "/"), line.cell.kind): {one.code for one in line.reasons}
        for line in lines_of(content, connections[seed], tmp_path)
        if line.state == DIFFERS
    }
    assert set(found) == set(plants)
    for reason in reasons:
        assert reason in found[PLANTS[reason][:2]]


@given(number=st.decimals(min_value=-(10**9), max_value=10**9, places=3), places=st.integers(0, 3))
def test_a_number_reads_back_as_it_was_printed_in_any_dress(number: Decimal, places: int) -> None:
    wanted = half_up(Fraction(number), places)
    text = shown(Fraction(number), places)
    wide = unicodedata.normalize("NFKC", text).translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789.,-"})
    for dressed in (text, text.replace(",", ""), wide, f" {text} ", f"{text}円", f"({text})", text.replace("-", "△")):
        assert parse(dressed, ["-"], ["円", "%"]) == Printed(wanted, places)


@given(text=st.text(max_size=12))
def test_any_other_text_is_blank_or_refused_and_never_quoted(text: str) -> None:
    cell = plain(text)
    assume(not re.fullmatch(r"\(?[+\-△▲]?[\d,]+(\.\d+)?\)?", cell, re.ASCII))
    try:
        read = parse(text, ["-", "*"], ["円", "%"])
    except ValueError as error:
        assert str(error) == "not a number"
    else:
        assert read is None or any(digit.isdigit() for digit in cell)


@given(value=st.fractions(min_value=-1000, max_value=1000), places=st.integers(0, 4))
def test_rounding_goes_to_the_nearest_and_halves_go_away_from_zero(value: Fraction, places: int) -> None:
    rounded = half_up(value, places)
    step = Fraction(1, 10**places)
    assert (rounded / step).denominator == 1
    assert abs(rounded - value) <= step / 2
    if abs(rounded - value) == step / 2:
        assert abs(rounded) > abs(value)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("令和6年度", PERIOD),
        ("平成31年度", Period(FISCAL_YEAR, date(2019, 4, 1))),
        ("令和元年度", Period(FISCAL_YEAR, date(2019, 4, 1))),
        ("令和7年3月", Period(MONTH, date(2025, 3, 1))),
        ("R07.03", Period(MONTH, date(2025, 3, 1))),
        ("2025/01", Period(MONTH, date(2025, 1, 1))),
        ("令和6年度累計（令和7年1月）", Period(YEAR_TO_DATE, date(2025, 1, 1))),
        ("なし", None),
    ],
)
def test_the_period_of_a_head_is_read_in_every_way_of_writing_it(text: str, period: Period | None) -> None:
    assert parse_period(text) == period
