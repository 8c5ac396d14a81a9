"""Small published files in the real schema: one invented world for the tests of the dashboard.

It is written through ``ingest/warehouse.py`` with keys laid out as a site and the center lay them
out, so that what the dashboard opens here it opens in a real workspace.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from ingest import warehouse
from ingest.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "seeds"
REFERENCE_MONTH = date(2025, 3, 1)
YEARS = range(2020, 2025)
TOWNS = {
    "16202": 2500, "16208": 1700, "16209": 800, "16210": 800, "16343": 450,
    "16322": 450, "31202": 1700, "31203": 800, "31302": 450, "31386": 450,
}  # fmt: skip
BANDS = [f"{low:02d}-{low + 4:02d}" for low in range(0, 95, 5)] + ["95+"]
SECRET_NAME = "架空 太郎"


@dataclass(frozen=True)
class World:
    """Where the fixture lies, and persons that tests name."""

    workspace: Path
    own_person: str  # 砺波市 国保
    other_person: str  # 高岡市 国保
    nurse_person: str  # 砺波市, seen by 衛生: 国保, then 後期, with care at the end


def build(workspace: Path) -> World:
    """Write a whole small workspace: settings, keys, published files; returns what tests need."""
    workspace.mkdir(parents=True, exist_ok=True)
    (workspace / "tsumugi.toml").write_text(
        'reference_month = "2025-03-01"\nexchange = "exchange"\nis_synthetic = true\n'
        '[center]\nhome = "center"\n[sites.16]\nhome = "site-16"\nprefecture_code = "16"\n'
        '[sites.31]\nhome = "site-31"\nprefecture_code = "31"\n[app]\nhome = "app"\n',
        encoding="utf-8",
    )
    statistics, area = _statistics(), _areas()
    for home, publisher, viewer_class in (
        ("site-16", "16", "insurer"),
        ("site-16", "16", "prefecture"),
        ("site-16", "16", "operator"),
        ("site-31", "31", "insurer"),
        ("center", "center", "operator"),
    ):
        tables = {
            "indicator_statistics": _protected(statistics, viewer_class),
            "area": area,
            "indicator": pl.read_csv(SEEDS / "indicators.csv", infer_schema=False).with_columns(
                pl.col("sort_order", "scale").cast(pl.Int64), pl.col("is_verified") == "true"
            ),
            "disease_class": _disease_classes(),
            "coverage": _coverage(),
            "lineage": _lineage(),
            "reference_table": _reference_table(),
            "edition": _editions(),
            "statistics_source": _statistics_source(),
            "about": _about(),
        }
        _write(
            workspace / home / "published" / "statistics" / f"{viewer_class}.duckdb",
            workspace / "app" / "keys" / f"statistics-{publisher}--{viewer_class}.key",
            tables,
        )
    people = _people("16208", 60, seed=1)
    _tenant(workspace, "kokuho-16208", "kokuho", people, statistics, [("municipality", "16208")], ["kokuho"])
    nurse = _people("16208", 60, seed=1, tenant="eisei")
    _tenant(
        workspace, "eisei-16208", "kokuho_koki_care", nurse, statistics, [("municipality", "16208")],
        ["kokuho", "koki", "care"],
    )  # fmt: skip
    others = _people("16202", 20, seed=2)
    _tenant(workspace, "kokuho-16202", "kokuho", others, statistics, [("municipality", "16202")], ["kokuho"])
    return World(workspace, people["person_id"][0], others["person_id"][0], nurse["person_id"][0])


def _write(path: Path, key_path: Path, tables: dict[str, pl.DataFrame]) -> None:
    key = secrets.token_bytes(32)
    key_path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(key.hex())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    connection = warehouse.open_database(path, key, alias="published")
    for name, frame in tables.items():
        connection.register("frame", frame.to_arrow())
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM frame")
        connection.unregister("frame")
    connection.close()


def _about() -> pl.DataFrame:
    return pl.DataFrame(
        {"key": ["is_synthetic", "reference_month", "definition"], "value": ["true", "2025-03-01", "1"]}
    )


SCHOOLS = {f"16208-小学校区/{name}": name for name in ("紡小", "糸小")}
"""A second way in which 砺波市 is divided: 紡小 is 1区 to 3区, 糸小 the rest."""


def _areas() -> pl.DataFrame:
    rows: list[tuple[str, str, str | None, str | None, str, str]] = [("nation", "JP", None, None, "全国", "Japan")]
    towns = pl.read_csv(SEEDS / "municipalities.csv", infer_schema=False)
    names = dict(zip(towns["municipality_code"], towns["municipality_name"], strict=True))
    medical = pl.read_csv(SEEDS / "municipality_medical_area.csv", infer_schema=False)
    area_of = dict(zip(medical["municipality_code"], medical["medical_area_code"], strict=True))
    for code, name, name_en in (("16", "富山県", "Toyama"), ("31", "鳥取県", "Tottori")):
        rows.append(("prefecture", code, "nation", "JP", name, name_en))
    english = dict(zip(towns["municipality_code"], towns["municipality_name_en"], strict=True))
    for area in pl.read_csv(SEEDS / "medical_areas.csv", infer_schema=False).iter_rows(named=True):
        if area["prefecture_code"] in ("16", "31"):
            rows.append(("medical_area", area["medical_area_code"], "prefecture", area["prefecture_code"],
                         area["medical_area_name"], area["medical_area_name_en"]))  # fmt: skip
    for code in TOWNS:
        rows.append(("municipality", code, "medical_area", area_of[code], names[code], english[code]))
        rows.append(("municipality", code, "peer", f"kdb_13:{_peer(code)}", names[code], english[code]))
    rows += [("peer", "kdb_13:07", None, None, "市 5万人未満", "City under 50,000")]
    rows += [("peer", "kdb_13:10", None, None, "町村 1万～1万5千人", "Town 10,000-15,000")]
    rows += [("district", f"16208-{n:02d}", "municipality", "16208", f"{n}区", f"District {n}") for n in range(1, 6)]
    rows += [("district", area, "municipality", "16208", name, name) for area, name in SCHOOLS.items()]
    insurers = pl.read_csv(SEEDS / "insurers.csv", infer_schema=False).unique("insurer_number")
    known = dict(insurers.select("insurer_number", "insurer_name").iter_rows())
    rows += [("insurer", number, "prefecture", town[:2], known[number], number)
             for (_, town), number in sorted(_insurers().items())]  # fmt: skip
    return pl.DataFrame(
        rows,
        schema=["area_level", "area_id", "parent_level", "parent_id", "area_name", "area_name_en"],
        orient="row",
    ).with_columns(district_set_name=pl.when(pl.col("area_id").is_in(list(SCHOOLS))).then(pl.lit("小学校区")))


def _peer(code: str) -> str:
    return "07" if code[2] == "2" else "10"


@cache
def _insurers() -> dict[tuple[str, str], str]:
    """The insurer of 国保 and of 後期 by scheme and town."""
    rows = pl.read_csv(SEEDS / "insurer_municipality.csv", infer_schema=False)
    of_towns = rows.filter(
        pl.col("municipality_code").is_in(list(TOWNS)), pl.col("scheme_code").is_in(["kokuho", "koki"])
    )
    return {(r["scheme_code"], r["municipality_code"]): r["insurer_number"] for r in of_towns.iter_rows(named=True)}


def _groups(code: str) -> list[tuple[str, str]]:
    area = _areas().filter((pl.col("area_level") == "municipality") & (pl.col("parent_level") == "medical_area"))
    medical = dict(zip(area["area_id"], area["parent_id"], strict=True))
    return [
        ("nation", "JP"), ("prefecture", code[:2]), ("medical_area", medical[code]), ("municipality", code),
        ("peer", f"kdb_13:{_peer(code)}"),
    ]  # fmt: skip


_LEVELS = {
    "claims_per_1000": 690, "inpatient_cost_per_member_month": 11000, "outpatient_cost_per_member_month": 9500,
    "points_per_claim": 2600, "days_per_claim": 2, "dental_claims_per_1000": 190, "dental_cost_per_member_month": 2200,
    "dental_days_per_claim": 1.6, "pharmacy_claims_per_1000": 520, "pharmacy_cost_per_member_month": 6100,
    "total_cost_per_member_month": 28800, "checkups_joined": 98, "care_joined": 97, "transitions_followed": 99,
    "koki_to_population": 96, "arrivals": 12, "departures": 9, "claims_after_death": 900, "unclassified_claims": 3,
    "attendance_legal": 42, "attendance_asof": 40, "tree_examined": 40, "tree_examined_treated": 24,
    "tree_treated_referred": 13, "tree_examined_untreated": 16, "tree_untreated_intensive": 1.2,
    "tree_untreated_motivational": 1.6, "tree_untreated_referred": 5, "tree_untreated_information": 8,
    "tree_unexamined": 60, "tree_unexamined_treated": 38, "tree_unexamined_untreated": 22,
    "metabolic": 20, "premetabolic": 11, "hba1c_56": 56, "hba1c_65": 9, "hba1c_80": 1.4, "systolic_130": 47,
    "disease_cost_per_member_month": 20000, "disease_cost_share": 20, "lifestyle_cost_share": 25,
    "disease_patients": 30, "disease_claims_per_1000": 300,
    "systolic_140": 24, "systolic_160": 4, "smoking": 13, "certification_rate": 18, "care_cost_per_recipient": 138000,
}  # fmt: skip


_SIZES = {"kokuho": 0.55, "koki": 0.45, "kokuho_koki": 1.0, "care": 0.9, "residents": 5}
"""How many a scheme has, as shares of a town's number."""

# Some classes of diseases and how much of a figure each has.
_DISEASES = {
    "major-09": 0.9, "major-02": 0.7, "major-13": 0.5, "major-05": 0.001, "minor-0901": 0.4, "minor-0402": 0.6,
    "detail-0901": 0.4, "lifestyle-diabetes": 0.6, "lifestyle-hypertension": 0.4,
}  # fmt: skip


def _disease_classes() -> pl.DataFrame:
    return pl.read_csv(SEEDS / "disease_classes.csv", infer_schema=False).with_columns(
        pl.col("sort_order").cast(pl.Int64), pl.col("is_verified") == "true"
    )


def _statistics() -> pl.DataFrame:
    """True counts of towns and districts by fiscal year and month, summed up the ladder."""
    random = np.random.default_rng(7)
    catalogue = pl.read_csv(SEEDS / "indicators.csv", infer_schema=False)
    rows = []
    for code, people in TOWNS.items():
        places = [*_groups(code)]
        shares = [1.0]
        if code == "16208":
            shares = [0.3, 0.25, 0.2, 0.15, 0.1]
        for indicator, scale, schemes, kinds, block in catalogue.select(
            "indicator_id", "scale", "scheme_codes", "period_kinds", "block_code"
        ).iter_rows():
            lasting = random.normal(1, 0.09)
            for scheme in schemes.split():
                size = people * _SIZES.get(scheme, 0)
                if size == 0:
                    continue
                for year in YEARS:
                    level = _LEVELS.get(indicator, 1) * lasting * (0.93 if year == 2020 else 1) * random.normal(1, 0.02)
                    for part, share in enumerate(shares, start=1):
                        base = size * share * (12 if "cost" in indicator or "claims" in indicator else 1)
                        where = list(places)
                        if block == "linkage":  # by insurer, and by no town
                            insurer = _insurers().get((scheme, code))
                            where = [*places[:2], *([("insurer", insurer)] if insurer else [])]
                        if code == "16208" and block != "linkage":
                            where.append(("district", f"16208-{part:02d}"))
                            where.append(("district", list(SCHOOLS)[part > 3]))
                        for sex, half in (("1", 0.48), ("2", 0.52)):
                            denominator = round(base * half)
                            numerator = round(denominator * level / float(scale))
                            if indicator == "members":
                                numerator, denominator = round(size * share * half * 12), 0
                            if scale == "100":
                                numerator = int(random.binomial(denominator, min(level / 100, 0.99)))
                            for area_level, area_id in where:
                                if "fiscal_year" in kinds:
                                    rows.append((indicator, "fiscal_year", date(year, 4, 1), scheme, area_level,
                                                 area_id, sex, numerator, denominator))  # fmt: skip
                                if "month" in kinds and year == 2024:
                                    rows.append((indicator, "month", date(2025, 3, 1), scheme, area_level, area_id,
                                                 sex, numerator // 12, denominator // 12))  # fmt: skip
    frame = pl.DataFrame(
        rows,
        schema=["indicator_id", "period_kind", "period", "scheme_code", "area_level", "area_id", "sex_code",
                "numerator", "denominator"],
        orient="row",
    )  # fmt: skip
    told = frame["indicator_id"].is_in(pl.read_csv(SEEDS / "indicator_classes.csv")["indicator_id"].implode())
    frame = pl.concat(
        [frame.filter(~told).with_columns(class_code=pl.lit(""))]
        + [
            frame.filter(told).with_columns(
                pl.lit(code).alias("class_code"), (pl.col("numerator") * share).cast(pl.Int64).alias("numerator")
            )
            for code, share in _DISEASES.items()
        ]
    )
    keys = ["indicator_id", "class_code", "period_kind", "period", "scheme_code", "area_level", "area_id", "sex_code"]
    frame = frame.group_by(keys).agg(pl.col("numerator", "denominator").sum())
    both = frame.with_columns(sex_code=pl.lit("all")).group_by(keys).agg(pl.col("numerator", "denominator").sum())
    frame = pl.concat([frame, both])
    band = frame.with_columns(pl.col("numerator", "denominator") // 20, age_band_code=pl.lit("60-64"))
    return (
        pl.concat([frame.with_columns(age_band_code=pl.lit("all")), band])
        .with_columns(definition_version=pl.lit("1"))
        .sort(*keys, "age_band_code")
    )


def _protected(frame: pl.DataFrame, viewer_class: str) -> pl.DataFrame:
    small = (pl.col("numerator") < 10) & (pl.col("numerator") > 0)
    return (
        frame.filter(pl.col("area_level") != "district")
        .with_columns(
            viewer_class=pl.lit(viewer_class),
            value_status=pl.when(small).then(pl.lit("hidden_small")).otherwise(pl.lit("shown")),
        )
        .with_columns(
            pl.when(pl.col("value_status") == "shown").then(pl.col(name)).alias(name)
            for name in ("numerator", "denominator")
        )
    )


def _coverage() -> pl.DataFrame:
    months = [date(2024 + (m > 9), (m + 2) % 12 + 1, 1) for m in range(1, 13)]
    return pl.DataFrame(
        [
            (stream, month, 10 if stream != "checkup" or month.month != 3 else 9, 10)
            for stream in ("enrolment", "medical", "checkup", "care_claim", "care_certification")
            for month in months
        ],
        schema=["stream", "month", "insurers_arrived", "insurers_expected"],
        orient="row",
    )


def _lineage() -> pl.DataFrame:
    catalogue = pl.read_csv(SEEDS / "indicators.csv", infer_schema=False)
    ids = catalogue.filter(pl.col("age_rule") != "as_published")["indicator_id"].to_list()
    rows: list[tuple[str, str, str, str, str | None, int | None, int | None]] = [
        (name, "1", "measure_members", "enrolment", code, 12, 1000) for name in ids for code in ("16", "31")
    ]
    rows += [("residents", "1", "reference_fact", "reference_population", None, 1, 5000)]
    rows += [("industry_primary", "1", "reference_fact", "reference_industry", None, None, None)]
    columns = ["indicator_id", "definition_version", "measure_model", "stream", "prefecture_code",
               "source_files_count", "records_count"]  # fmt: skip
    return pl.DataFrame(rows, schema=columns, orient="row")


def _editions() -> pl.DataFrame:
    """令和5年度 was called final twice, 令和6年度 is provisional."""
    rows = [("2023-1", date(2024, 6, 3), False), ("2023-2", date(2024, 9, 20), True)]
    return pl.DataFrame(
        [(name, 2023, "紡木 織江", day, date(2024, 3, 1), 1200, last) for name, day, last in rows],
        schema={
            "edition_id": pl.String, "fiscal_year": pl.Int64, "frozen_by_name": pl.String, "frozen_date": pl.Date,
            "reference_month": pl.Date, "figures_count": pl.Int64, "is_in_force": pl.Boolean,
        },
        orient="row",
    )  # fmt: skip


def _changes_since(own: pl.DataFrame) -> pl.DataFrame:
    """Since 令和5年度 was final, one person more was examined and one figure came anew; of all and of one sex."""
    year = own.filter(
        (pl.col("period_kind") == "fiscal_year") & (pl.col("period") == date(2023, 4, 1))
        & pl.col("indicator_id").is_in(["attendance_legal", "members"])
    )  # fmt: skip
    is_new = pl.col("indicator_id") == "members"
    return year.select(
        pl.lit("2023-2").alias("edition_id"),
        pl.col("indicator_id", "definition_version", "period", "scheme_code", "class_code", "area_level", "area_id"),
        pl.col("sex_code", "age_band_code"),
        pl.when(~is_new).then(pl.col("numerator") - 1).cast(pl.Int64).alias("frozen_numerator"),
        pl.when(~is_new).then(pl.col("denominator")).cast(pl.Int64).alias("frozen_denominator"),
        pl.col("numerator", "denominator").cast(pl.Int64),
    )


def _reference_table() -> pl.DataFrame:
    """Of the public tables 人口 was loaded, 産業 was not."""
    rows = [("population", 2025, "架空の人口", 20, 5000)]
    return pl.DataFrame(rows, schema=["table_name", "year", "source", "areas_count", "records_count"], orient="row")


def _statistics_source() -> pl.DataFrame:
    """The nation's metabolic and smoking hold counts of a sender, invented ones."""
    rows = [
        (indicator, 1, "fiscal_year", date(2024, 4, 1), "kokuho", "", "nation", "JP", 10, 1707,
         "架空の全国件数表（デモ用）（作成者）", 2024, True, False)
        for indicator in ("metabolic", "smoking")
    ]  # fmt: skip
    columns = ["indicator_id", "definition_version", "period_kind", "period", "scheme_code", "class_code", "area_level",
               "area_id", "record_insurers_count", "sent_insurers_count", "source", "year", "is_generated",
               "is_whole"]  # fmt: skip
    return pl.DataFrame(rows, schema=columns, orient="row")


def _people(code: str, number: int, *, seed: int, tenant: str = "kokuho") -> pl.DataFrame:
    random = np.random.default_rng(seed)
    ages = random.integers(42, 74, number)
    ages[0] = 76 if tenant == "eisei" else 66
    return pl.DataFrame(
        {
            "person_id": [hashlib.md5(f"{tenant}{code}{n}".encode()).hexdigest() for n in range(number)],
            "name_kanji": [SECRET_NAME] + [f"架空 {n}郎" for n in range(1, number)],
            "name_kana": ["カクウ タロウ"] + [f"カクウ {n}ロウ" for n in range(1, number)],
            "birth_date": [date(2024 - int(age), 6, 15) for age in ages],
            "sex_code": [str(value) for value in random.integers(1, 3, number)],
            "address": [f"架空町{n}番地" for n in range(number)],
            "municipality_code": [code] * number,
            "district_code": [f"{value:02d}" for value in random.integers(1, 6, number)],
        }
    )


def _tenant(
    workspace: Path,
    tenant_id: str,
    scheme_set: str,
    people: pl.DataFrame,
    statistics: pl.DataFrame,
    areas: list[tuple[str, str]],
    schemes: list[str],
) -> None:
    random = np.random.default_rng(len(tenant_id))
    crosses = "koki" in schemes
    first = people["person_id"][0]
    code = people["municipality_code"][0]
    place = {"municipality_code": code, "district_code": "01"}
    enrolment, claims, diseases, checkups, results, care_months, certifications, months = ([] for _ in range(8))
    for person_id, district in people.select("person_id", "district_code").iter_rows():
        turned = crosses and person_id == first
        end = date(2024, 6, 15) if turned else None
        spot = place | {"district_code": district}
        enrolment.append(spot | {"person_id": person_id, "scheme_code": "kokuho", "insurer_number": "160077",
                                 "start_date": date(2015, 4, 1), "end_date": end})  # fmt: skip
        if turned:
            enrolment.append(spot | {"person_id": person_id, "scheme_code": "koki", "insurer_number": "39160072",
                                     "start_date": date(2024, 6, 15), "end_date": None})  # fmt: skip
        month = date(2022, 4, 1)
        while month <= REFERENCE_MONTH:
            scheme = "koki" if turned and month >= date(2024, 6, 1) else "kokuho"
            insurer = "39160072" if scheme == "koki" else "160077"
            months.append(spot | {"person_id": person_id, "scheme_code": scheme, "insurer_number": insurer,
                                  "month": month, "is_member": True})  # fmt: skip
            if random.random() < 0.6:
                claims.append(spot | {"person_id": person_id, "scheme_code": scheme, "insurer_number": insurer,
                                      "claim_id": f"{len(claims)}", "service_month": month, "is_inpatient": False,
                                      "claim_kind_code": "medical",
                                      "days_count": 2, "points": int(random.integers(400, 4000))})  # fmt: skip
                diseases.append({"person_id": person_id, "scheme_code": scheme, "insurer_number": insurer,
                                 "service_month": month, "disease_code": "8830052", "is_main": True,
                                 "claim_kind_code": "medical",
                                 "is_suspected": False})  # fmt: skip
            if random.random() < 0.01:
                claims.append(spot | {"person_id": person_id, "scheme_code": scheme, "insurer_number": insurer,
                                      "claim_id": f"{len(claims)}", "service_month": month, "is_inpatient": True,
                                      "claim_kind_code": "dpc",
                                      "days_count": 14, "points": int(random.integers(30000, 90000))})  # fmt: skip
            for kind, every, days, points in (("pharmacy", 2, None, 900), ("dental", 5, 2, 1300)):
                if month.month % every == 0:
                    claims.append(spot | {"person_id": person_id, "scheme_code": scheme, "insurer_number": insurer,
                                          "claim_id": f"{len(claims)}", "service_month": month, "is_inpatient": False,
                                          "claim_kind_code": kind, "days_count": days, "points": points})  # fmt: skip
            if month.month % 5 == 0:
                diseases.append({"person_id": person_id, "scheme_code": scheme, "insurer_number": insurer,
                                 "service_month": month, "disease_code": "5220001", "is_main": True,
                                 "claim_kind_code": "dental", "is_suspected": False})  # fmt: skip
            month = (month + timedelta(days=32)).replace(day=1)
        level = random.normal(5.8, 0.6)
        for year in YEARS:
            if random.random() < 0.6 or person_id == first:
                day = date(year, 7, 10)
                hba1c = round(float(level + random.normal(0, 0.2)), 1)
                checkups.append(spot | {"person_id": person_id, "scheme_code": "kokuho", "insurer_number": "160077",
                                        "exam_date": day, "fiscal_year": year, "age_at_fiscal_year_end": 60,
                                        "metabolic_code": "3", "guidance_level_code": "3", "hba1c": hba1c,
                                        "systolic": float(round(random.normal(133, 12))),
                                        "diastolic": float(round(random.normal(78, 8))),
                                        "bmi": round(float(random.normal(23, 2)), 1),
                                        "ldl": float(round(random.normal(122, 25))), "egfr": 68.0,
                                        "is_smoker": False, "takes_glucose_drug": False,
                                        "takes_pressure_drug": True, "takes_lipid_drug": False})  # fmt: skip
                results.append({"person_id": person_id, "exam_month": date(year, 7, 1), "item_id": "waist",
                                "numeric_value": 84.0, "code_value": None, "status_code": "1"})  # fmt: skip
    if crosses:
        for number, (begin, finish, care_level) in enumerate(
            [(date(2024, 5, 1), date(2024, 11, 1), "12"), (date(2024, 11, 1), date(2025, 11, 1), "22")]
        ):
            certifications.append(place | {"person_id": first, "insurer_number": "169508",
                                           "care_level_code": care_level, "certified_start_date": begin,
                                           "certified_end_date": finish})  # fmt: skip
            care_months.append(place | {"person_id": first, "insurer_number": "169508",
                                        "service_month": date(2024, 6 + 5 * number, 1), "care_level_code": care_level,
                                        "units": 9000, "benefit_yen": 81000, "user_yen": 9000})  # fmt: skip
    own = statistics.filter(
        pl.col("scheme_code").is_in(schemes)
        & (
            pl.concat_str("area_level", pl.lit(":"), "area_id").is_in([f"{a}:{b}" for a, b in areas])
            | ((pl.col("area_level") == "district") & pl.col("area_id").str.starts_with(areas[0][1]))
        )
    )
    empty_certification = {name: [] for name in ("person_id", "insurer_number", "care_level_code")}
    tables = {
        "person": people,
        "enrolment": pl.DataFrame(enrolment, infer_schema_length=None).cast({"end_date": pl.Date}),
        "person_month": pl.DataFrame(months),
        "claim": pl.DataFrame(claims).with_columns(is_summary=pl.lit(False)),
        "claim_disease": pl.DataFrame(diseases),
        "checkup": pl.DataFrame(checkups),
        "checkup_result": pl.DataFrame(results, infer_schema_length=None).cast({"code_value": pl.String}),
        "own_indicator": own,
        "own_edition_change": _changes_since(own),
        "about": _about(),
    }
    if crosses:
        tables |= {"care_month": pl.DataFrame(care_months), "care_certification": pl.DataFrame(certifications)}
    else:
        text = pl.String
        tables |= {
            "care_month": pl.DataFrame(
                empty_certification | {"service_month": [], "units": [], "benefit_yen": [], "user_yen": []},
                schema={"person_id": text, "insurer_number": text, "care_level_code": text, "service_month": pl.Date,
                        "units": pl.Int64, "benefit_yen": pl.Int64, "user_yen": pl.Int64},
            ),
            "care_certification": pl.DataFrame(
                empty_certification | {"certified_start_date": [], "certified_end_date": []},
                schema={"person_id": text, "insurer_number": text, "care_level_code": text,
                        "certified_start_date": pl.Date, "certified_end_date": pl.Date},
            ),
        }  # fmt: skip
    _write(
        workspace / "site-16" / "published" / "tenants" / tenant_id / f"{scheme_set}.duckdb",
        workspace / "app" / "keys" / f"tenant-{tenant_id}--{scheme_set}.key",
        tables,
    )
