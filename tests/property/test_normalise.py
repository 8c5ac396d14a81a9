"""Normalising is idempotent, and what people write for the same thing agrees."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.identity import normalise

Normaliser = Callable[[pl.Expr], pl.Expr]


def skeleton(column: pl.Expr) -> pl.Expr:
    """As the site makes it: of a name in its form."""
    return normalise.kana_skeleton(normalise.kana(column))


NORMALISERS: list[Normaliser] = [
    normalise.text,
    normalise.kana,
    skeleton,
    normalise.symbol,
    normalise.insured_number,
    normalise.branch,
    normalise.insurer_number,
]
_JAPANESE = (
    "アィャッーｰﾊﾞ゛゜ﾟﾞﾔﾏﾀあぁゃっゔヴヶㇰ・･ 　-‐−―〜0０1１９AａZ髙﨑①㍻\u3099\u200d\u0345\u1100\u1161ßŉǰ\x1f\x00"
)
WRITTEN = st.lists(st.none() | st.text(max_size=12) | st.text(_JAPANESE, max_size=12), min_size=1, max_size=30)


def apply(normaliser: Normaliser, values: list[str | None]) -> list[str | None]:
    frame = pl.DataFrame({"a": values}, schema={"a": pl.String()})
    return frame.select(normaliser(pl.col("a"))).to_series().to_list()


@pytest.mark.parametrize("normaliser", NORMALISERS, ids=lambda n: n.__name__)
@given(values=WRITTEN)
@example(values=["カ-\u3099", "゛", "00", "0", "", None, "\u1100 \u1161", "0０", "00000012", "0012345", "ΐ"])
@settings(max_examples=150, deadline=None)
def test_normalising_twice_changes_nothing(normaliser: Normaliser, values: list[str | None]) -> None:
    once = apply(normaliser, values)
    assert apply(normaliser, once) == once


@pytest.mark.parametrize("normaliser", NORMALISERS, ids=lambda n: n.__name__)
@given(values=WRITTEN)
@settings(max_examples=60, deadline=None)
def test_nothing_that_separates_or_pads_fields_is_left(normaliser: Normaliser, values: list[str | None]) -> None:
    for value in apply(normaliser, values):
        assert value is None or (value and not {"\x00", "\x1f", " ", "　"} & set(value))


FORMS = [
    normalise.TEXT,
    normalise.KANA,
    normalise.SYMBOL,
    normalise.INSURED_NUMBER,
    normalise.BRANCH,
    normalise.INSURER_NUMBER,
]
NUMBERS = st.text("0019９A- ", max_size=9)
NAMES = st.text("アタナカヴヷンァー　 ・ｱﾞ山", max_size=6)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.whole.__name__)
@given(values=st.lists(st.none() | st.text(max_size=12) | st.text(_JAPANESE, max_size=12) | NUMBERS | NAMES))
@example(
    values=["0", "00", "01", "0100", "00160028", "39160023", "160028", "タナカ　ハナコ", "　", "ヷ", "ABC\n", "\n"]
)
@settings(max_examples=200, deadline=None)
def test_what_is_written_plainly_comes_to_the_same_by_the_short_way(
    form: normalise.Form, values: list[str | None]
) -> None:
    column = normalise.column(pl.Series("a", values, dtype=pl.String), form)
    assert column.to_list() == apply(form.whole, values)


def test_each_way_is_taken_by_what_it_is_made_for() -> None:
    plain = ["000012345", "12345", "タナカ　ハナコ", "160028", "39160023", "01", "19D0001", "2024-04-01"]
    taken = {form.whole.__name__: pl.Series(plain).str.contains(form.plain).to_list() for form in FORMS}
    assert taken["insured_number"][:2] == [True, True]
    assert taken["kana"] == [False, False, True, False, False, False, False, False]
    assert taken["insurer_number"][3:5] == [True, True]
    assert taken["branch"][5] and taken["symbol"][6] and taken["text"][7]


@pytest.mark.parametrize("normaliser", [normalise.text, normalise.symbol, normalise.insured_number, normalise.kana])
@given(value=st.text(_JAPANESE, max_size=12))
@settings(max_examples=60, deadline=None)
def test_full_and_half_width_agree(normaliser: Normaliser, value: str) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in value)
    assert apply(normaliser, [wide]) == apply(normaliser, [value])


@pytest.mark.parametrize(
    "written",
    [
        "ジョー　スミス",
        "ｼﾞｮｰ ｽﾐｽ",
        "ジヨー・スミス",
        "じょー　すみす",
        "ジョ‐ スミス",
        "ジョ−スミス",
        "シ゛ョースミス",
        "ｼﾞｮ-･ｽﾐｽ",
        "ジョスミス",
    ],
)
def test_the_known_variants_of_a_name_agree(written: str) -> None:
    assert apply(normalise.kana, [written]) == ["ジヨスミス"]


def test_different_names_stay_different() -> None:
    names = ["ハシモト", "バシモト", "パシモト", "ヤマダ", "ヤマタ", "SMITH", "山田"]
    assert len(set(apply(normalise.kana, names))) == len(names)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("１９Ｄ０００１", "19D0001"),
        ("19-d-0001", "19D0001"),
        ("0012345", "12345"),
        ("０００", "0"),
        ("", None),
        (None, None),
    ],
)
def test_numbers_agree_in_every_width_and_with_zeros_before(written: str | None, expected: str | None) -> None:
    assert apply(normalise.insured_number, [written]) == [expected]


@pytest.mark.parametrize(
    ("written", "expected"),
    [("1", "01"), ("０１", "01"), ("00", None), ("0", None), (" ", None), ("", None), (None, None), ("12", "12")],
)
def test_a_branch_of_zeros_is_none_given(written: str | None, expected: str | None) -> None:
    assert apply(normalise.branch, [written]) == [expected]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("160028", "160028"),
        ("00160028", "160028"),
        ("１６００２８", "160028"),
        ("10017", "010017"),
        ("39160015", "39160015"),
        (" 39160015 ", "39160015"),
        ("", None),
    ],
)
def test_an_insurer_number_has_six_or_eight_digits(written: str, expected: str | None) -> None:
    assert apply(normalise.insurer_number, [written]) == [expected]


@pytest.mark.parametrize(
    ("written", "as_well"),
    [
        ("ミズノ", "ミヅノ"),
        ("オオノ", "オーノ"),
        ("ユウコ", "ユーコ"),
        ("ヤナギダ", "ヤナキタ"),
        ("カヲル", "カオル"),
        ("ケイコ", "ケーコ"),
    ],
)
def test_writing_habits_leave_the_skeleton_of_a_name_as_it_is(written: str, as_well: str) -> None:
    assert len(set(apply(skeleton, [written, as_well]))) == 1


def test_a_given_name_is_what_follows_the_first_blank_and_none_where_there_is_no_blank() -> None:
    names: list[str | None] = ["サトウ　ハナコ", " ｻﾄｳ ﾊﾅｺ ", "サトウハナコ", "ロペス　マリア　ルス", None]
    assert apply(normalise.given_kana, names) == ["ハナコ", "ハナコ", None, "マリアルス", None]
