"""Every visible string is in both languages and in the words that the field pinned."""

from __future__ import annotations

import re
import string
from pathlib import Path

import polars as pl
import pytest

from app.areas import LEVELS
from app.persons import ITEMS
from app.text import LANGUAGES, Text, strings
from app.views.filters import AGE_SPANS, PERIOD_KINDS, SCHEMES
from ingest.formats.contracts import CARE_LEVEL_CODES
from ingest.settings import PROJECT_ROOT

APP = Path(__file__).resolve().parents[2] / "app"
JAPANESE, ENGLISH = strings("ja"), strings("en")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys() -> None:
    assert set(JAPANESE) == set(ENGLISH)


def test_both_languages_fill_in_the_same_values() -> None:
    assert {key for key in JAPANESE if fields(JAPANESE[key]) != fields(ENGLISH[key])} == set()


def test_no_string_is_empty() -> None:
    assert [key for language in LANGUAGES for key, text in strings(language).items() if not text.strip()] == []


def test_every_key_that_the_code_names_exists() -> None:
    named = set()
    for path in APP.rglob("*.py"):
        named |= set(re.findall(r"""\btext\(\s*["']([a-z_]+\.\w+)["']""", path.read_text(encoding="utf-8")))
    assert len(named) > 100
    assert named - set(JAPANESE) == set()


def test_every_key_is_used_somewhere() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in APP.rglob("*.py"))
    # keys made from a code of the data: f"scheme.{code}", "block." + code, .get(f"metabolic.{...}")
    made = [re.sub(r"\{[^}]*\}", r"\\w+", key) for key in re.findall(r"""f["']([a-z_]+\.\w*\{[^"']*\}\w*)["']""", code)]
    made += [r"block\.\w+", r"cell\.\w+", r"metabolic\.\w+", r"unit\..+", r"threshold\..+"]
    assert [key for key in JAPANESE if key not in code and not any(re.fullmatch(form, key) for form in made)] == []


def test_every_code_of_the_data_has_a_name() -> None:
    needed = {f"level.{name}" for name in LEVELS} | {f"level.by_{name}" for name in LEVELS[1:]}
    needed |= {f"scheme.{code}" for code in SCHEMES} | {f"period.{kind}" for kind in PERIOD_KINDS}
    needed |= {f"age.{span}" for span in AGE_SPANS} | {f"item.{item}" for item in ITEMS}
    needed |= {f"care.{code}" for code in CARE_LEVEL_CODES}
    steps = pl.read_csv(PROJECT_ROOT / "seeds" / "thresholds.csv", infer_schema=False)
    needed |= {f"item.{item}" for item in steps["item_id"]} | {f"threshold.{meaning}" for meaning in steps["meaning"]}
    catalogue = pl.read_csv(PROJECT_ROOT / "seeds" / "indicators.csv", infer_schema=False)
    needed |= {f"block.{code}" for code in catalogue["block_code"]} | {f"unit.{unit}" for unit in catalogue["unit"]}
    needed |= {f"role.{code}" for code in pl.read_csv(PROJECT_ROOT / "seeds" / "roles.csv")["role_code"]}
    assert needed - set(JAPANESE) == set()


@pytest.mark.parametrize("banned", ["82分類", "原因", "効果", "ランキング"])
def test_the_screen_never_says_what_the_glossary_forbids(banned: str) -> None:
    assert [key for key, text in JAPANESE.items() if banned in text] == []


def test_the_bare_word_for_two_different_rates_never_stands_alone() -> None:
    assert [key for key, text in JAPANESE.items() if re.search(r"(?<!健診)受診率", text)] == []


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("cell.hidden_small", "10人未満のため非表示"),
        ("cell.hidden_complement", "他の値から逆算されるため非表示"),
        ("app.synthetic", "架空のデータです。実在の人・市町村の実績ではありません"),
        ("level.peer", "同規模保険者"),
        ("level.peer_note", "人口規模別(本システム暫定区分)"),
        ("role.center", "国保中央会"),
        ("role.federation", "国保連合会"),
        ("person.refused", "この人の記録を見る権限がありません"),
        ("person.care", "要介護(要支援)認定"),
        ("definition.unverified", "未検証"),
    ],
)
def test_the_pinned_words_stand_as_pinned(key: str, words: str) -> None:
    assert JAPANESE[key] == words


def test_japanese_strings_hold_no_english_words_but_names_and_units() -> None:
    allowed = {"Tsumugi", "KDB", "CSV", "HbA1c", "LDL", "HDL", "BMI", "eGFR", "mmHg", "mg", "dL", "mL", "kg", "m", "cm",
               "ALT", "U", "L", "DPC", "English", "Non"}  # fmt: skip
    found = {
        (key, word)
        for key, text in JAPANESE.items()
        for word in re.findall(r"[A-Za-z][A-Za-z0-9]*", re.sub(r"\{\w+\}", "", text))
    }
    assert {(key, word) for key, word in found if word not in allowed} == set()


def test_an_unknown_language_falls_back_to_japanese() -> None:
    assert Text("xx")("nav.overview") == "全体像"
