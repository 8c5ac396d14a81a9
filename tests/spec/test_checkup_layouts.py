"""The FKAC167 layouts against what formats.md 2.4 and kdb.md 4.5 say of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ingest.formats import fkac167, fkac167_results, read
from ingest.formats.checkup_xml_items import variants
from ingest.formats.contracts import CHECKUP
from ingest.formats.csvlayout import fold, layout
from ingest.synth.writers.fkac167 import items_of, write_fkac167
from tests.handmade import frame

# formats.md 2.4, positions from 0, of the edition seen in public programs.
SEEN = {
    0: "保険者番号",
    1: "広域連合番号",
    2: "被保険者証記号",
    3: "被保険者証番号",
    4: "生年月日元号",
    5: "生年月日",
    6: "性別",
    7: "個人番号",
    8: "データ管理番号１",
    9: "受診券整理番号",
    10: "健診実施年月日",
    11: "健診機関コード",
    12: "身長",
    16: "腹囲",
    23: "収縮期血圧",
    24: "拡張期血圧",
    34: "ＨｂＡ１ｃ（NGSP値）",
    36: "尿糖",
    37: "尿蛋白",
    48: "メタボリックシンドローム判定",
    49: "保健指導レベル",
    51: "健康診断を実施した医師の氏名",
    52: "服薬１（血圧）",
    53: "服薬確認者",
    62: "喫煙",
}

# The canonical item ids that the rest of the road reads (seed checkup_items).
ITEM_IDS = [
    "height",
    "weight",
    "bmi",
    "waist",
    "systolic",
    "diastolic",
    "blood_draw_timing",
    "triglyceride_fasting",
    "triglyceride_casual",
    "hdl",
    "ldl",
    "non_hdl",
    "ast",
    "alt",
    "gamma_gt",
    "glucose_fasting",
    "glucose_casual",
    "hba1c",
    "urine_glucose",
    "urine_protein",
    "creatinine",
    "egfr",
    "uric_acid",
    "metabolic_judgement",
    "guidance_level",
    "drug_pressure",
    "drug_glucose",
    "drug_lipid",
    "history_stroke",
    "history_heart",
    "history_kidney",
    "anaemia_history",
    "smoking",
    "weight_gain",
    "exercise",
    "activity",
    "walking_speed",
    "chewing",
    "eating_speed",
    "late_dinner",
    "snacking",
    "skip_breakfast",
    "drinking",
    "drinking_amount",
    "sleep",
    "improvement_will",
    "koki_health",
    "koki_satisfaction",
    "koki_three_meals",
    "koki_hard_food",
    "koki_choking",
    "koki_weight_loss",
    "koki_slow_walk",
    "koki_fall",
    "koki_exercise",
    "koki_forgetful",
    "koki_date_unknown",
    "koki_smoking",
    "koki_goes_out",
    "koki_contact",
    "koki_consults",
]


def headings(edition: str) -> list[str]:
    return [column.column_name for column in layout("fkac167") if column.edition == edition]


def test_the_seen_edition_has_its_columns_at_their_places() -> None:
    own = headings("term2")
    assert {place: own[place] for place in SEEN} == SEEN


def test_every_item_of_the_road_is_carried_and_no_other() -> None:
    assert sorted(item.item_id for item in fkac167_results.items()) == sorted(ITEM_IDS)


@pytest.mark.parametrize(
    ("item", "editions"),
    [
        ("creatinine", {"term3", "term4"}),
        ("egfr", {"term3", "term4"}),
        ("non_hdl", {"term3", "term4"}),
        ("chewing", {"term3", "term4"}),
        ("snacking", {"term3", "term4"}),
        ("triglyceride_casual", {"term4"}),
        ("hba1c", {"term2", "term3", "term4"}),
        ("smoking", {"term2", "term3", "term4"}),
    ],
)
def test_revisions_brought_their_items(item: str, editions: set[str]) -> None:
    assert {edition for edition in fkac167.EDITIONS if item in items_of(edition)} == editions  # type: ignore[arg-type]


def test_codes_allow_the_classes_of_2024() -> None:
    codes = {item.item_id: item.codes for item in fkac167_results.items()}
    assert codes["smoking"] == ("1", "2", "3")
    assert codes["drinking"] == tuple("12345678")
    assert codes["metabolic_judgement"] == codes["guidance_level"] == ("1", "2", "3", "4")


def test_every_layout_column_goes_to_the_contract_or_nowhere() -> None:
    names = set(CHECKUP.names())
    for column in layout("fkac167"):
        target = column.contract_column.split(":")[0]
        assert not target or target in names
        assert not column.is_verified, "nobody has held the specification against this layout yet"


def test_no_two_items_share_a_heading() -> None:
    spellings = [fold(heading) for item in fkac167_results.items() for heading in item.headings]
    assert len(spellings) == len(set(spellings))


def test_a_checkup_of_koki_without_waist_has_no_waist_row(tmp_path: Path) -> None:
    person = {
        "scheme_code": "koki",
        "insurer_number": "39162026",
        "number": "00000123",
        "birth_date": date(1944, 1, 7),
        "sex_code": "2",
        "exam_date": date(2024, 6, 3),
        "exam_month": date(2024, 6, 1),
        "created_date": date(2024, 7, 1),
    }
    bmi = {
        "scheme_code": "koki",
        "insurer_number": "39162026",
        "parent_source_row": 1,
        "exam_month": date(2024, 6, 1),
        "item_id": "bmi",
        "numeric_value": Decimal("21.5"),
    }
    write_fkac167(frame("checkup", [person]), frame("checkup_result", [bmi]), tmp_path / "f.csv")
    assert read(tmp_path / "f.csv").tables["checkup_result"]["item_id"].to_list() == ["bmi"]


def test_a_method_code_is_one_of_its_items_codes_and_its_name_stands_in_the_heading() -> None:
    of_code = {v.item_code: v for v in variants()}
    named = 0
    for item in fkac167_results.items():
        assert len(item.method_codes) == len(item.headings)
        own = [v for v in variants() if v.item is item]
        for heading, code in zip(item.headings, item.method_codes, strict=True):
            if not code:
                assert len(own) > 1 and not any(f"({fold(v.method_name)})" in fold(heading) for v in own)
            else:
                assert of_code[code] in own
                named += f"({fold(of_code[code].method_name)})" in fold(heading)
    assert named >= 14
