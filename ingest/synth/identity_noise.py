"""Clerical noise on what a row says of its person: names, day of birth, sex, 枝番, the insurer.

What befalls a row is drawn first, as *slips* (one column each), from the row's own key; the slips are written into
the row afterwards. So a road without files can draw the slips of all rows and write the distinct ones only.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from ingest.synth.settings import NoiseRates
from ingest.synth.world.chance import Dice
from ingest.synth.world.numbers import check_digits

KANA_VARIANTS = (
    ("ー", "－"),
    ("ヅ", "ズ"),
    ("ヂ", "ジ"),
    ("ョ", "ヨ"),
    ("ュ", "ユ"),
    ("ャ", "ヤ"),
    ("ヲ", "オ"),
    ("ッ", "ツ"),
)
KANJI_VARIANTS = (
    ("髙", "高"),
    ("﨑", "崎"),
    ("斎", "斉"),
    ("渡辺", "渡邊"),
    ("沢", "澤"),
    ("浜", "濱"),
    ("広", "廣"),
    ("嶋", "島"),
)
_WIDE_KANA = (
    "ァアィイゥウェエォオカキクケコサシスセソタチッツテトナニヌネノハヒフヘホマミムメモャヤュユョヨラリルレロワヲンー"
)
_HALF_KANA = "ｧｱｨｲｩｳｪｴｫｵｶｷｸｹｺｻｼｽｾｿﾀﾁｯﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓｬﾔｭﾕｮﾖﾗﾘﾙﾚﾛﾜｦﾝｰ"
_VOICED = "ガギグゲゴザジズゼゾダヂヅデドバビブベボ"
_VOICED_BASE = "ｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾊﾋﾌﾍﾎ"
OUTSIDE_KOKUHO = ("138057", "270017", "010017")
"""Insurers of other prefectures: 国保 of 東京都, 大阪府, 北海道 (the first seen in public samples; unverified)."""
OUTSIDE_CARE = "131016"  # 千代田区: its municipality code with the check digit
OUTSIDE_KOKI = (39131, 39271, 39011)  # prefecture of a 後期 insurer and first digit of its town; completed by rule
NARROW, GONE = 1, 2
"""``slip_blank``: the blank between the names in half width, or left out."""
OTHER_DAY, OTHER_YEAR = 1, 2
"""``slip_birth``: another day of the month, or a year ten off."""
NAME_SLIPS = ("slip_kana", "slip_half", "slip_kanji", "slip_blank")
IMPOSSIBLE_SEX = "9"
OTHER_YEAR_SHARE = 0.3
NARROW_SHARE = 0.5


def half_width(text: pl.Expr) -> pl.Expr:
    """Katakana in half width, voiced sounds as two characters."""
    return (
        text.str.replace_many(list(_VOICED), [f"{base}ﾞ" for base in _VOICED_BASE])
        .str.replace_many(list("パピプペポ"), [f"{base}ﾟ" for base in "ﾊﾋﾌﾍﾎ"])
        .str.replace_many(list(_WIDE_KANA), list(_HALF_KANA))
        .str.replace_all("　", " ", literal=True)
    )


def name_slips(rates: NoiseRates, dice: Dice) -> pl.DataFrame:
    """How the names of rows are written amiss (``NAME_SLIPS``)."""
    narrow = dice.befalls("narrow", NARROW_SHARE)
    blank = dice.befalls("blank", rates.blank_in_name)
    return pl.DataFrame(
        {
            "slip_kana": dice.befalls("kana", rates.kana_variant),
            "slip_half": dice.befalls("half", rates.half_width_name),
            "slip_kanji": dice.befalls("kanji", rates.kanji_variant),
            "slip_blank": np.where(blank, np.where(narrow, NARROW, GONE), 0),
        }
    )


def written_names(frame: pl.DataFrame) -> pl.DataFrame:
    """Names as the slips of the row have them, which go; name columns that are not there are left out."""
    changes = []
    for column in ("name_kanji", "name_kana"):
        if column not in frame.columns:
            continue
        name = pl.col(column)
        narrow = name.str.replace_all("　", " ", literal=True)
        closed = name.str.replace_all("　", "", literal=True)
        blank = pl.col("slip_blank")
        name = pl.when(blank == NARROW).then(narrow).when(blank == GONE).then(closed).otherwise(name)
        if column == "name_kana":
            name = pl.when("slip_kana").then(_replaced(name, KANA_VARIANTS)).otherwise(name)
            name = pl.when("slip_half").then(half_width(name)).otherwise(name)
        else:
            name = pl.when("slip_kanji").then(_replaced(name, KANJI_VARIANTS)).otherwise(name)
        changes.append(name.alias(column))
    return frame.with_columns(changes).drop(NAME_SLIPS)


def noisy_names(frame: pl.DataFrame, rates: NoiseRates, dice: Dice) -> pl.DataFrame:
    """Names as another clerk would have written them."""
    return written_names(frame.hstack(name_slips(rates, dice)))


def birth_slips(rates: NoiseRates, dice: Dice) -> pl.Series:
    """Whose day of birth has one digit wrong, and which (``slip_birth``)."""
    wrong = dice.befalls("birth", rates.wrong_birth_digit)
    by_year = dice.befalls("year of birth", OTHER_YEAR_SHARE)
    return pl.Series("slip_birth", np.where(wrong, np.where(by_year, OTHER_YEAR, OTHER_DAY), 0))


def written_births(frame: pl.DataFrame) -> pl.DataFrame:
    """Days of birth as the slips of the row have them, which go."""
    birth, slip = pl.col("birth_date"), pl.col("slip_birth")
    day = birth.dt.day()
    other_day = birth + pl.duration(days=pl.when(day <= 10).then(10).when(day <= 19).then(-10).otherwise(-9))
    return frame.with_columns(
        birth_date=pl.when(slip == OTHER_YEAR).then(birth.dt.offset_by("-10y"))
        .when(slip == OTHER_DAY).then(other_day).otherwise(birth)
    ).drop("slip_birth")  # fmt: skip


def wrong_births(frame: pl.DataFrame, rates: NoiseRates, dice: Dice) -> pl.DataFrame:
    """Some days of birth with one digit wrong: another day of the month, or a year ten off."""
    return written_births(frame.with_columns(birth_slips(rates, dice)))


def impossible_sex(frame: pl.DataFrame, rates: NoiseRates, dice: Dice) -> pl.DataFrame:
    """Some rows with a sex that does not exist, to be set aside by whoever reads them."""
    wrong = pl.Series(dice.befalls("sex", rates.impossible_row))
    return frame.with_columns(sex_code=pl.when(wrong).then(pl.lit(IMPOSSIBLE_SEX)).otherwise("sex_code"))


def strangers(frame: pl.DataFrame, rates: NoiseRates, dice: Dice) -> pl.DataFrame:
    """Some records of an insurer of another prefecture: sent to the wrong federation."""
    elsewhere = (
        pl.when(pl.col("scheme_code") == "koki")
        .then(pl.lit(completed(OUTSIDE_KOKI[0])))
        .when(pl.col("scheme_code") == "care")
        .then(pl.lit(OUTSIDE_CARE))
        .otherwise(pl.lit(OUTSIDE_KOKUHO[0]))
    )
    strange = pl.Series(dice.befalls("stranger", rates.out_of_area_row))
    return frame.with_columns(insurer_number=pl.when(strange).then(elsewhere).otherwise("insurer_number"))


def full_width_numbers(frame: pl.DataFrame, rates: NoiseRates, dice: Dice) -> pl.DataFrame:
    """Some numbers in full width."""
    wide = pl.Series(dice.befalls("wide number", rates.full_width_number))
    number = pl.col("number")
    return frame.with_columns(
        number=pl.when(wide).then(number.str.replace_many(list("0123456789"), list("０１２３４５６７８９")))
        .otherwise(number)
    )  # fmt: skip


def completed(code: int) -> str:
    """An insurer's number of seven digits (five and 01) with its check digit."""
    seven = code * 100 + 1
    return f"{seven}{check_digits(np.array([seven], dtype=np.int64))[0]}"


def _replaced(text: pl.Expr, pairs: tuple[tuple[str, str], ...]) -> pl.Expr:
    return text.str.replace_many([a for a, _ in pairs], [b for _, b in pairs])
