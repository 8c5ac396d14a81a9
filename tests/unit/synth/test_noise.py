"""Clerical noise: rates, and that what it writes is still what an office could write."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from ingest.synth.identity_noise import half_width, noisy_names, wrong_births
from ingest.synth.settings import NoiseRates
from ingest.synth.world.chance import Dice, fixed


def dice(rows: int) -> Dice:
    return Dice(1, "noise", np.arange(rows))


def test_half_width_kana_fold_back_to_full_width() -> None:
    names = pl.DataFrame({"name": ["ガギグゲゴ", "パピプペポ", "キョウコ　ヅカ", "ナガーイ"]})
    folded = names.select(half_width(pl.col("name")).str.normalize("NFKC").str.replace_all(" ", "　"))
    assert folded.to_series().to_list() == names["name"].to_list()


def test_wrong_births_are_days_that_exist_and_are_few() -> None:
    days = pl.DataFrame({"birth_date": pl.date_range(date(1930, 1, 1), date(2020, 12, 31), eager=True)})
    rates = NoiseRates(wrong_birth_digit=0.1)
    noisy = wrong_births(days, rates, dice(days.height))
    changed = noisy["birth_date"] != days["birth_date"]
    assert 0.08 < changed.mean() < 0.12
    difference = (noisy["birth_date"] - days["birth_date"]).dt.total_days().filter(changed)
    same_month = difference.is_between(-10, 10)
    ten_years = difference.is_between(-3654, -3650)
    assert (same_month | ten_years).all()


def test_noise_of_rate_zero_changes_nothing() -> None:
    frame = pl.DataFrame({"name_kanji": ["髙橋　太郎"] * 50, "name_kana": ["タカハシ　タロウ"] * 50})
    still = NoiseRates(kana_variant=0, half_width_name=0, kanji_variant=0, blank_in_name=0)
    assert noisy_names(frame, still, dice(50)).equals(frame)


def test_noise_befalls_about_its_share_of_names() -> None:
    frame = pl.DataFrame({"name_kanji": ["髙橋　太郎"] * 5000, "name_kana": ["キョウコ　ハナ"] * 5000})
    noisy = noisy_names(frame, NoiseRates(kanji_variant=0.1, blank_in_name=0), dice(5000))
    assert 0.08 < (noisy["name_kanji"] != frame["name_kanji"]).mean() < 0.12


def test_fixed_chances_are_uniform_and_belong_to_their_keys() -> None:
    keys = np.arange(20_000)
    u = fixed(7, "topic", keys)
    assert abs(u.mean() - 0.5) < 0.01
    assert (fixed(7, "topic", keys[::-1]) == u[::-1]).all()
    assert abs(np.corrcoef(u, fixed(7, "other topic", keys))[0, 1]) < 0.03
    assert abs(np.corrcoef(u, fixed(8, "topic", keys))[0, 1]) < 0.03
    assert len(np.unique(u)) == len(u)


def test_what_befalls_a_row_depends_on_no_other_row() -> None:
    rates = NoiseRates(kana_variant=0.3, wrong_birth_digit=0.3)
    keys = np.arange(1000)
    births = pl.DataFrame({"birth_date": [date(1950, 5, 5)] * 1000})
    whole = wrong_births(births, rates, Dice(3, "noise", keys))
    part = wrong_births(births[::7], rates, Dice(3, "noise", keys[::7]))
    assert part.equals(whole[::7])
