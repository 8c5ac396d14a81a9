"""What is asked of the masters: codes in use, successors, ICD-10, what could not be classified."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from master_files import data, disease, drug
from typer.testing import CliRunner

from ingest.cli import app
from ingest.formats import uke_layout
from ingest.masters import importing, lookups, store, successors
from ingest.masters.layout import kinds
from ingest.masters.reading import read


def gone(code: str, successor: str, **fields: str) -> dict[str, str]:
    ended = {"change_kind_code": "9", "successor_code": successor, "abolished_date": "20240531", "icd10_code": ""}
    return disease(code, **(ended | fields))


LIVE = disease("1000000", icd10_code="E119")
DISEASES = [
    LIVE,
    gone("2000000", "3000000"),
    gone("3000000", "1000000"),
    gone("4000000", "5000000"),
    gone("5000000", "4000000"),
    gone("6000000", ""),
    gone("7000000", "4000000"),
    disease("0000999", icd10_code=""),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "b").write_bytes(data("disease", DISEASES))
    assert [each.state for each in importing.import_files(tmp_path, [tmp_path / "b"])] == ["imported"]
    return tmp_path


def stored(workspace: Path, kind: str = "disease") -> store.Stored:
    found = store.load(workspace, kind)
    assert found is not None
    return found


def test_a_chain_of_abolished_codes_is_followed_to_its_end(workspace: Path) -> None:
    assert successors.successor("2000000", stored(workspace)) == "1000000"
    assert successors.successor("3000000", stored(workspace)) == "1000000"


def test_a_code_in_use_or_without_a_successor_leads_nowhere(workspace: Path) -> None:
    assert [successors.successor(code, stored(workspace)) for code in ("1000000", "6000000", "9999999")] == [None] * 3


def test_a_circle_of_successors_is_noticed_and_not_followed(workspace: Path) -> None:
    ends = successors.successors(stored(workspace)).filter("is_cycle")
    assert ends["code"].to_list() == ["4000000", "5000000", "7000000"]
    codes = pl.Series(["2000000", "4000000", "1000000", None])
    assert successors.follow(codes, stored(workspace)).to_list() == ["1000000", "4000000", "1000000", None]


def test_a_price_standard_product_is_led_to_its_unified_name_only_after_its_last_day() -> None:
    records = [
        drug("611111111", related_code="619999999", transition_date="20240331"),
        drug("612222222", related_code="619999999", transition_date="20270331"),
        drug("619999999"),
    ]
    state = store.merged(None, read(data("drug", records), "y"))
    assert successors.links(state).rows() == [("611111111", "619999999")]


@pytest.mark.parametrize(("changes", "expected"), [(["161111111"], "161111111"), (["161111111", "162222222"], None)])
def test_a_procedure_names_the_one_it_took_the_place_of_and_a_split_one_is_not_guessed(
    changes: list[str], expected: str | None
) -> None:
    records = [
        {"change_kind_code": "0", "code": code, "short_name": "架空", "related_code": "160000000", "fee_points": "1.00",
         "changed_date": "20240601", "abolished_date": "99999999"}
        for code in changes
    ]  # fmt: skip
    state = store.merged(None, read(data("procedure", records), "s"))
    assert successors.successor("160000000", state) == expected


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.integers(0, 12), st.integers(0, 12)))
def test_chains_agree_with_walking_step_by_step(steps: dict[int, int]) -> None:
    frame = pl.DataFrame(
        {"code": [str(key) for key in steps], "next_code": [str(value) for value in steps.values()]},
        schema={"code": pl.String, "next_code": pl.String},
    )
    expected = {}
    for start in steps:
        here, left = start, len(steps) + 1
        while here in steps and left:
            here, left = steps[here], left - 1
        expected[str(start)] = (None, True) if here in steps else (str(here), False)
    assert {code: (end, circle) for code, end, circle in successors.chains(frame).iter_rows()} == expected


def test_codes_in_use_on_a_day_are_those_between_their_dates(workspace: Path) -> None:
    before, after = (lookups.current(workspace, "disease", day) for day in (date(2024, 5, 31), date(2024, 6, 1)))
    assert before is not None and before.height == len(DISEASES)
    assert after is not None and after["code"].to_list() == ["0000999", "1000000"]
    listed = lookups.current(workspace, "disease", date(2020, 3, 31))
    assert listed is not None and listed.is_empty()
    assert lookups.current(workspace, "drug", date(2024, 6, 1)) is None


def test_an_abolished_disease_has_the_icd10_of_its_successor(workspace: Path) -> None:
    found = lookups.disease_icd10(workspace).select("disease_code", "icd10_code", "is_by_successor").rows()
    assert found == [("1000000", "E119", False), ("2000000", "E119", True), ("3000000", "E119", True)]


def test_what_could_not_be_classified_is_counted_by_reason(workspace: Path) -> None:
    codes = pl.Series(["1000000", "1000000", "2000000", "4000000", "0000999", "9999999", "9999999", "", None])
    told = lookups.unclassified(codes, workspace, "disease").row(0, named=True)
    assert told == {
        "kind": "disease", "row_count": 9, "blank_count": 2, "uncoded_count": 1, "unknown_count": 3,
        "unknown_code_count": 2, "unclassified_count": 6,
    }  # fmt: skip


def test_without_a_master_of_drugs_the_typed_core_knows_their_classes(tmp_path: Path) -> None:
    known = lookups.drugs(tmp_path)
    amlodipine = known.row(by_predicate=pl.col("item_code") == "620007853", named=True)
    assert amlodipine == {
        "item_code": "620007853", "drug_class_code": "2171", "ingredient_code": "2171022", "form_code": "1",
        "is_generic": True, "has_generic": True,
    }  # fmt: skip
    assert known.height > 100 and known["form_code"].is_in(["1", "4", "6"]).all()


def test_a_drug_has_a_generic_where_one_of_its_ingredient_form_and_strength_is_listed(tmp_path: Path) -> None:
    records = [
        drug("611111111", price_standard_code="2171022F2017", is_generic="0"),
        drug("612222222", price_standard_code="2171022F2999", is_generic="1"),
        drug("613333333", price_standard_code="2171022F1010", is_generic="0"),
        drug("614444444", price_standard_code="", is_generic="0"),
    ]
    (tmp_path / "y").write_bytes(data("drug", records))
    importing.import_files(tmp_path, [tmp_path / "y"])
    found = lookups.drugs(tmp_path).select("item_code", "is_generic", "has_generic").rows()
    assert found == [("611111111", False, True), ("612222222", True, True), ("613333333", False, False)]


def test_without_masters_the_typed_core_answers(tmp_path: Path) -> None:
    core = pl.read_csv(lookups.CORE_DISEASES, infer_schema=False)
    codes = pl.concat([core["disease_code"], pl.Series(["9999999"])])
    told = lookups.unclassified(codes, tmp_path, "disease").row(0, named=True)
    assert (told["unclassified_count"], told["unknown_code_count"]) == (1, 1)
    assert lookups.unclassified(pl.Series(["611111111"]), tmp_path, "drug")["unclassified_count"].item() == 1
    assert lookups.subtraction_codes(tmp_path) is None
    empty = lookups.unclassified(pl.Series([], dtype=pl.String), tmp_path, "disease")
    assert empty["unclassified_count"].item() == 0


def test_subtraction_codes_come_from_the_masters_and_the_core_speaks_for_the_rest(tmp_path: Path) -> None:
    core = uke_layout.core_subtraction_codes()
    drugs = [code for code in core if code.startswith("6")]
    (tmp_path / "y").write_bytes(data("drug", [drug("699999999", amount_kind_code="7"), drug(drugs[0])]))
    importing.import_files(tmp_path, [tmp_path / "y"])
    told = lookups.subtraction_codes(tmp_path)
    assert told is not None and told["699999999"] == "7"
    assert drugs[0] not in told and set(drugs[1:]) <= set(told)
    with uke_layout.with_subtraction_codes(told):
        assert uke_layout.subtraction_codes() is told
    assert uke_layout.subtraction_codes() is core


def test_the_command_line_imports_lists_and_refuses(tmp_path: Path) -> None:
    place = ["-w", str(tmp_path / "place")]
    runner = CliRunner()
    assert runner.invoke(app, ["init", *place]).exit_code == 0
    empty = runner.invoke(app, ["masters", "list", *place])
    assert "診療報酬情報提供サービス" in empty.output and "masters import" in empty.output
    good, bad = tmp_path / "b.txt", tmp_path / "cut.txt"
    good.write_bytes(data("disease", DISEASES))
    bad.write_bytes(data("disease", DISEASES)[:-20])
    run = runner.invoke(app, ["masters", "import", str(bad), str(good), *place])
    assert run.exit_code == 1 and "cut.txt" in run.output and "Traceback" not in run.output
    told = json.loads(runner.invoke(app, ["masters", "list", "--json", *place]).output)["masters"]
    assert [(each["kind"], each["rows"]) for each in told if each["rows"]] == [("disease", len(DISEASES))]
    assert len(told) == len(kinds())
    shown = runner.invoke(app, ["masters", "list", *place]).output
    assert "b.txt" in shown and "not imported" in shown


def test_the_official_masters_agree_with_the_typed_core(shared: Path, tmp_path: Path) -> None:
    paths = sorted((shared / "reference" / "masters").iterdir())
    outcomes = importing.import_files(tmp_path, paths)
    assert {each.state for each in outcomes} == {"imported"} and len(outcomes) == 8
    assert lookups.subtraction_codes(tmp_path) == uke_layout.core_subtraction_codes()
    icd10 = lookups.disease_icd10(tmp_path)
    drugs = lookups.drugs(tmp_path / "without")
    same = ["item_code", "drug_class_code", "ingredient_code", "form_code", "is_generic"]  # generics come and go
    assert drugs.join(lookups.drugs(tmp_path), on=same, how="anti").is_empty()
    core = pl.read_csv(lookups.CORE_DISEASES, infer_schema=False).join(icd10, on="disease_code", how="left")
    assert core["icd10_code"].to_list() == core["icd10_code_right"].to_list()
    assert stored(tmp_path, "drug").imports[-1].unknown_count == 16
    assert not successors.successors(stored(tmp_path, "drug"))["is_cycle"].any()
