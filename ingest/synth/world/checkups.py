"""特定健診 and 後期高齢者健診: who comes in a year, and what is found.

A value is a person's own standing (which lasts) with the year's chance, shifted by treatment, turned into
the published distribution of that sex and age: so values persist within a person, fall when treatment
begins, and meet the national levels over all. Answers to the questionnaire persist likewise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri

from ingest.formats.contracts import CHECKUP, CHECKUP_RESULT
from ingest.synth.settings import SynthSettings
from ingest.synth.world.attendance import attenders
from ingest.synth.world.chance import fixed, stream
from ingest.synth.world.clock import age_at, day_of, months_of_days
from ingest.synth.world.coverage import Coverage
from ingest.synth.world.distributions import (
    KOKI_GROUP,
    creatinine_spread,
    from_bins,
    levelled,
    means,
    protein_codes,
    standardised,
    standing_among,
)
from ingest.synth.world.health import Health
from ingest.synth.world.judgement import guidance_level, metabolic_judgement
from ingest.synth.world.lives import Lives
from ingest.synth.world.people import People
from ingest.synth.world.questionnaire import answers, answers_2024, koki_answers, told_of_illness
from ingest.synth.world.towns import Towns

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

PERSISTENCE = {"bmi": 0.97, "waist": 0.93, "hba1c": 0.85, "systolic": 0.55, "ldl": 0.7}
OTHER_PERSISTENCE = 0.7
WAIST_SPREAD = (9.2, 8.9)  # of men and women, cm
BMI_SPREAD = 0.37  # of its square root
SUGAR_ON_METABOLIC = 0.5


@dataclass(frozen=True)
class Measure:
    """A measured item: load on the metabolic factor, spread (log-normal where ``is_log``), least and most, decimals."""

    item: str
    loading: float
    spread: float
    is_log: bool
    least: float
    most: float
    decimals: int


MEASURES = (
    Measure("diastolic", 0.45, 11.0, False, 40, 125, 0),
    Measure("triglyceride_fasting", 0.5, 0.48, True, 25, 900, 0),
    Measure("hdl", -0.45, 0.24, True, 20, 140, 0),
    Measure("ast", 0.35, 0.28, True, 8, 300, 0),
    Measure("alt", 0.5, 0.45, True, 4, 350, 0),
    Measure("gamma_gt", 0.35, 0.65, True, 6, 900, 0),
)
"""Spreads are typed from memory (unverified); means are those of the prefecture, sex and age."""
MEASURABLE = {"triglyceride_fasting": (30, 600), "gamma_gt": (10, 500), "ast": (10, 250), "hdl": (22, 120)}
"""What the analysers measure (unverified): a value beyond is reported with H or L."""


@dataclass(frozen=True)
class Attended:
    """The examinations of a fiscal year: persons, days, towns, and their plain frame with ``person`` and ``site``."""

    year: int
    who: Ints
    day: Ints
    town: Ints
    exams: pl.DataFrame


def make_checkups(
    settings: SynthSettings, towns: Towns, people: People, lives: Lives, health: Health, coverage: Coverage,
    institutions: list[str],
) -> tuple[pl.DataFrame, pl.DataFrame]:  # fmt: skip
    """Plain frames of checkup and checkup_result of all fiscal years; checkups have ``person`` and ``site`` too.

    ``source_row`` is a key over all years; ``created_date`` is left to the delivery.
    """
    years = attended_years(settings, towns, people, lives, health, coverage, institutions)
    results = []
    for year in years:
        values, codes, random = _values(settings, towns, people, health, year)
        results.append(_long(settings, year.exams, values, codes, random))
    return pl.concat(year.exams for year in years), pl.concat(results)


def attended_years(
    settings: SynthSettings, towns: Towns, people: People, lives: Lives, health: Health, coverage: Coverage,
    institutions: list[str],
) -> list[Attended]:  # fmt: skip
    """Who comes in each fiscal year, without what is found."""
    years: list[Attended] = []
    number = 0
    last = settings.reference_month
    for year in range(settings.first_fiscal_year, last.year + (last.month >= 4)):
        who, day, card = attenders(settings, towns, people, health, coverage, year, lives.last_day)
        exams = _exams(settings, people, coverage, institutions, who, day, card, number)
        years.append(Attended(year, who, day, coverage.town[card], exams))
        number += len(who)
    return years


def graded(settings: SynthSettings, towns: Towns, people: People, health: Health, year: Attended) -> pl.DataFrame:
    """Of what is found in a year only what ``make_guidance`` asks for."""
    values, codes, random = _values(settings, towns, people, health, year)
    level = {"guidance_level": codes["guidance_level"]}
    return _long(settings, year.exams, {name: values[name] for name in ("waist", "weight")}, level, random)


def _exams(
    settings: SynthSettings, people: People, coverage: Coverage, institutions: list[str], who: Ints, day: Ints,
    card: Ints, number: int,
) -> pl.DataFrame:  # fmt: skip
    cards = coverage.records.select("scheme_code", "insurer_number", "symbol", "number", "branch", "prefecture")[card]
    place = (fixed(settings.seed, "exam place", who) * len(institutions)).astype(np.int64)
    codes = pl.Series(institutions)
    prefecture = cards["prefecture"].cast(pl.String).str.zfill(2)
    months = months_of_days(day).astype("datetime64[M]").astype("datetime64[D]")
    frame = cards.with_columns(
        site=prefecture,
        person=pl.Series(who),
        source_row=pl.int_range(number, number + pl.len()),
        address_number=pl.lit(None, pl.String),
        birth_date=pl.Series(people.birth[who].astype("datetime64[D]")),
        sex_code=pl.Series(np.where(people.sex[who] == 1, "1", "2")),
        exam_date=pl.Series(day.astype("datetime64[D]")),
        exam_month=pl.Series(months),
        institution_code=prefecture + codes.gather(place).str.slice(2),
        data_number=pl.int_range(number, number + pl.len()) + 1,
        created_date=pl.lit(None, pl.Date),
        is_deleted=pl.lit(False),
        doctor_name=pl.lit("架空　医師"),
        doctor_opinion=pl.lit(None, pl.String),
    ).with_columns(
        ticket_number=pl.col("exam_date").dt.strftime("%y")
        + (pl.col("person") % 1_000_000_000).cast(pl.String).str.zfill(9),
    )
    return frame.select("person", "site", *[pl.col(c).cast(t) for c, t in CHECKUP.plain_schema().items()])


def _values(
    settings: SynthSettings, towns: Towns, people: People, health: Health, attended: Attended
) -> tuple[dict[str, Floats], dict[str, Ints], np.random.Generator]:
    """Values and codes of all items of the examinations of a year, and the generator that drew them."""
    year, who, day, town, exam = attended.year, attended.who, attended.day, attended.town, attended.exams
    random = stream(settings.seed, "values", year)
    n = len(who)
    sex = people.sex[who]
    age = age_at(people.birth[who], day_of(date(year + 1, 3, 31)))
    is_koki = exam["scheme_code"].to_numpy() == "koki"
    band = np.where(is_koki, KOKI_GROUP, np.clip((age - 40) // 5, 0, 6))
    place = band + 100 * towns.prefecture[town]  # whose means are published
    metabolic = people.metabolic[who] + towns.metabolic[town]

    def standing(item: str, loading: float) -> Floats:
        own = ndtri(np.clip(fixed(settings.seed, f"standing {item}", who), 1e-9, 1 - 1e-9))
        rest = np.sqrt(max(1 - loading**2, 0.0))
        lasting = loading * metabolic + rest * own
        p = PERSISTENCE.get(item, OTHER_PERSISTENCE)
        return np.sqrt(p) * lasting + np.sqrt(1 - p) * random.normal(size=n)

    ill = {name: health.onset[health.row(name), who] <= day for name in health.names}
    treated = {name: health.treated[health.row(name), who] <= day for name in health.names}
    told = told_of_illness(
        settings.seed, who, sex, band,
        {
            "drug_pressure": (treated["hypertension"], ill["hypertension"]),
            "drug_glucose": (treated["diabetes"], ill["diabetes"] & ~health.untreated_sugar[who]),
            "drug_lipid": (treated["dyslipidaemia"], ill["dyslipidaemia"]),
            "history_stroke": (ill["stroke"], ill["kidney"]),
            "history_heart": (ill["ischaemic_heart"], ill["hypertension"]),
            "history_kidney": (ill["kidney"], ill["diabetes"]),
        },
    )  # fmt: skip
    drugs = {name: told[f"drug_{name}"] == 1 for name in ("pressure", "glucose", "lipid")}
    values: dict[str, Floats] = {}
    bmi = standing("bmi", 0.6)
    values["bmi"] = from_bins("bmi", standing_among(bmi, sex, band), sex, band, 14, 48)
    sugar = 0.75 * standing("hba1c", SUGAR_ON_METABOLIC) + 1.25 * ill["diabetes"] - 0.45 * drugs["glucose"]
    hba1c = from_bins("hba1c", standing_among(sugar, sex, band), sex, band, 4.6, 11.5)
    high = 8.0 + 2.2 * fixed(settings.seed, "story level", who) + 0.25 * random.normal(size=n)
    values["hba1c"] = _rounded(np.where(health.untreated_sugar[who], np.maximum(high, 8.0), hba1c), 1)
    pressure = standing("systolic", 0.35) + 0.9 * ill["hypertension"] - 0.75 * drugs["pressure"]
    values["systolic"] = from_bins("systolic", standing_among(pressure, sex, band), sex, band, 82, 215)
    lipid = standing("ldl", 0.15) + 1.0 * ill["dyslipidaemia"] - 1.35 * drugs["lipid"]
    values["ldl"] = from_bins("ldl", standing_among(lipid, sex, band), sex, band, 35, 290)
    height = np.where(sex == 1, 170.5, 157.6) - np.maximum(age - 40, 0) * 0.13
    values["height"] = _rounded(height + 5.8 * ndtri(np.clip(fixed(settings.seed, "height", who), 1e-6, 1 - 1e-6)), 1)
    values["weight"] = _rounded(values["bmi"] * (values["height"] / 100) ** 2, 1)

    def at_level(item: str, value: Floats, is_log: bool = False) -> Floats:
        return levelled(value, means(item, towns, town, sex, band), sex, place, is_log)

    # Girth grows less than weight does, so the heaviest are not as far above the mean.
    spread = np.where(sex == 1, *WAIST_SPREAD)
    girth = 0.93 * np.sqrt(values["bmi"]) / BMI_SPREAD + 0.33 * standing("waist", 0.0)
    values["waist"] = _rounded(at_level("waist", spread * girth), 1)
    glucose = at_level("glucose_fasting", 22 * hba1c + 6 * random.normal(size=n)) + 22 * (values["hba1c"] - hba1c)
    values["glucose_fasting"] = _rounded(np.clip(glucose, 60, 420))
    for measure in MEASURES:
        score = standing(measure.item, measure.loading)
        if measure.item == "diastolic":
            score = 0.6 * score + 0.6 * values["systolic"] / 17
        value = at_level(measure.item, np.exp(measure.spread * score) if measure.is_log else measure.spread * score,
                         measure.is_log)  # fmt: skip
        values[measure.item] = _rounded(np.clip(value, measure.least, measure.most), measure.decimals)
    filters = standardised(standing("creatinine", 0.15) + 2.0 * ill["kidney"], sex, place)
    creatinine = at_level("creatinine", np.exp(creatinine_spread(towns, town, sex, band) * filters), is_log=True)
    values["creatinine"] = _rounded(np.clip(creatinine, 0.3, 12), 2)
    # 日本腎臓学会の推算式
    egfr = 194 * values["creatinine"] ** -1.094 * age**-0.287 * np.where(sex == 2, 0.739, 1.0)
    values["egfr"] = _rounded(np.clip(egfr, 3, 150), 1)
    uric = np.where(sex == 1, 6.0, 4.8) + np.where(sex == 1, 1.15, 1.0) * standing("uric_acid", 0.35)
    values["uric_acid"] = _rounded(np.clip(uric, 1.5, 13), 1)
    values["non_hdl"] = _rounded(values["ldl"] + np.clip(values["triglyceride_fasting"] / 5, 8, 60))
    codes = answers(settings.seed, who, sex, band, year, random)
    lifestyle = list(codes)
    codes |= told
    smokes = codes["smoking"] == 1
    if year >= 2024:  # 第4期: 1 はい 2 以前は吸っていた 3 いいえ
        past = fixed(settings.seed, "past smoker", who) < np.where(sex == 1, 0.35, 0.05)
        codes["smoking"] = np.where(smokes, 1, np.where(past, 2, 3))
        codes |= answers_2024(settings.seed, who, codes)
    codes["urine_glucose"] = np.where(values["hba1c"] >= 8, 4, np.where(values["hba1c"] >= 7, 2, 1))
    protein = 0.6 * standing("urine_protein", 0.2) + 0.8 * ill["kidney"] + 0.3 * (values["hba1c"] >= 7)
    codes["urine_protein"] = protein_codes(standing_among(protein, sex, band), sex, band)
    casual = fixed(settings.seed, "eats before", who, year) < 0.12
    codes["blood_draw_timing"] = np.where(casual, 3, 2)
    risks = {name: values[name] for name in ("waist", "bmi", "hba1c", "hdl", "systolic", "diastolic")} | {
        "triglyceride": values["triglyceride_fasting"], "glucose": values["glucose_fasting"],
    }  # fmt: skip
    risks["glucose"] = np.where(casual, np.nan, risks["glucose"])
    codes["metabolic_judgement"] = metabolic_judgement(
        risks, sex, casual, drugs["glucose"], drugs["lipid"], drugs["pressure"]
    )
    takes_any = drugs["pressure"] | drugs["glucose"] | drugs["lipid"]
    level = guidance_level(risks, sex, casual, smokes, age, takes_any)
    values["triglyceride_casual"] = np.where(casual, _rounded(values["triglyceride_fasting"] * 1.18), np.nan)
    values["triglyceride_fasting"] = np.where(casual, np.nan, values["triglyceride_fasting"])
    after = means("glucose_casual", towns, town, sex, band) / means("glucose_fasting", towns, town, sex, band)
    values["glucose_casual"] = np.where(casual, _rounded(values["glucose_fasting"] * after), np.nan)
    values["glucose_fasting"] = np.where(casual, np.nan, values["glucose_fasting"])
    # 後期高齢者健診 has no waist and what follows from it, and 15 questions of its own in place of the 22.
    values["waist"] = np.where(is_koki, np.nan, values["waist"])
    codes["guidance_level"] = level
    for item in {*lifestyle, "metabolic_judgement", "guidance_level"}:
        codes[item] = np.where(is_koki, 0, codes[item])
    own = koki_answers(settings.seed, who, year, stream(settings.seed, "koki answers", year))
    codes |= {item: np.where(is_koki, answer, 0) for item, answer in own.items()}
    return values, codes, random


def _long(
    settings: SynthSettings, exam: pl.DataFrame, values: dict[str, Floats], codes: dict[str, Ints],
    random: np.random.Generator,
) -> pl.DataFrame:  # fmt: skip
    """One row an item that was asked for, with the few that could not be had.

    In the order of the institutions of a prefecture every third of those is 測定不可能, the second for a start, and the
    others 未実施: so the few of an institution hold both.
    """
    wide = exam.select("source_row", "scheme_code", "insurer_number", "exam_month", "institution_code")
    parts = []
    for item, column in values.items():
        lacking = random.random(len(column))
        rate = settings.noise.checkup_missing_item if item in ("waist", "ldl", "uric_acid", "creatinine") else 0.0
        has_value = lacking >= rate
        status = np.where(has_value, "measured", _LACKING)
        low, high = MEASURABLE.get(item, (-np.inf, np.inf))
        is_measured = status == "measured"
        status = np.where(is_measured & (column < low), "low", np.where(is_measured & (column > high), "high", status))
        parts.append(
            wide.with_columns(
                item_id=pl.lit(item),
                numeric_value=pl.Series(np.where(has_value, column, np.nan)).fill_nan(None),
                code_value=pl.lit(None, pl.String),
                status_code=pl.Series(status),
            ).filter(pl.Series(~np.isnan(column)))
        )
    for item, code in codes.items():
        parts.append(
            wide.with_columns(
                item_id=pl.lit(item),
                numeric_value=pl.lit(None, pl.Float64),
                code_value=pl.Series(code).cast(pl.String),
                status_code=pl.lit("measured"),
            ).filter(pl.Series(code > 0))
        )
    is_lacking = pl.col("status_code") == _LACKING
    place = is_lacking.cum_sum().over(pl.col("institution_code").str.slice(0, 2), order_by="institution_code")
    told = pl.when(place % 3 == 2).then(pl.lit("not_measurable")).otherwise(pl.lit("not_done"))
    long = (
        pl.concat(parts)
        .with_columns(status_code=pl.when(is_lacking).then(told).otherwise("status_code"))
        .rename({"source_row": "parent_source_row"})
        .with_columns(source_row=pl.col("parent_source_row"))
    )
    long = long.with_columns(pl.lit(None).alias(name) for name in ("method_code", "unit_code", "interpretation_code"))
    return long.select(pl.col(c).cast(t) for c, t in CHECKUP_RESULT.plain_schema().items())


_LACKING = "lacking"


def _rounded(value: Floats, decimals: int = 0) -> Floats:
    return np.asarray(np.round(value, decimals), dtype=np.float64)
