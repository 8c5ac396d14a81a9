"""The files of an invented world are those of a 連合会: real formats, every receipt reconciling, noise and all."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from ingest import formats
from ingest.formats import enrolment_profile
from ingest.formats.reading import Reading
from ingest.progress import silent
from ingest.synth.deliveries import VENDOR_INSURER
from ingest.synth.run import synthesise
from ingest.synth.settings import SynthSettings, tiny

ELSEWHERE = "^(?:13|3913)"  # insurers of 東京都: records sent to the wrong federation


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("synth")
    synthesise(workspace, tiny(), silent)
    return workspace


@pytest.fixture(scope="module")
def read_or_refused(written: Path) -> tuple[dict[str, Reading], Counter[str]]:
    """Every file that can be read, by its name from the workspace on; why others were refused."""
    result = {}
    refusals: Counter[str] = Counter()
    profiles = [enrolment_profile.load(path) for path in written.glob("site-*/profiles/*.csv")]
    with enrolment_profile.with_profiles({profile.fingerprint: profile for profile in profiles}):
        for path in sorted(written.glob("site-*/inbox/*/*")):
            try:
                result[str(path.relative_to(written))] = formats.read(path)
            except formats.FileRefused as refused:
                refusals[refused.reason_code] += 1
    return result, refusals


@pytest.fixture(scope="module")
def readings(read_or_refused: tuple[dict[str, Reading], Counter[str]]) -> dict[str, Reading]:
    return read_or_refused[0]


def _table(readings: dict[str, Reading], name: str) -> pl.DataFrame:
    parts = [
        reading.tables[name].with_columns(file=pl.lit(file))
        for file, reading in readings.items()
        if name in reading.tables
    ]
    return pl.concat(parts)


def _hashes(workspace: Path) -> dict[str, str]:
    return {
        str(path.relative_to(workspace)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(workspace.glob("site-*/inbox/*/*"))
    }


def test_the_same_settings_give_the_same_bytes(written: Path, tmp_path: Path) -> None:
    synthesise(tmp_path, tiny(), silent)
    assert _hashes(tmp_path) == _hashes(written)


def test_another_seed_gives_another_world(written: Path, tmp_path: Path) -> None:
    synthesise(tmp_path, tiny(seed=1, months=1), silent)
    mine, other = _hashes(tmp_path), _hashes(written)
    persons = (
        "medical/medical",
        "medical/dpc",
        "dental/",
        "pharmacy/",
        "enrolment/",
        "checkup/",
        "care_claim/",
        "care_certification/",
    )
    common = set(mine.values()) & set(other.values())
    assert not [name for name, digest in mine.items() if digest in common and any(p in name for p in persons)]


def test_there_is_a_file_for_every_site_stream_and_month(written: Path) -> None:
    months = ["202411", "202412", "202501", "202502", "202503", "202504"]
    for site in ("16", "31"):
        inbox = written / f"site-{site}" / "inbox"
        for month in months:
            for scheme in ("kokuho", "koki"):
                assert (inbox / "medical" / f"medical_{scheme}_{month}.UKE").is_file()
            assert (inbox / "care_claim" / f"care_1111_{month}.csv").is_file()
            assert (inbox / "care_insured_count" / f"care_insured_{month}.csv").is_file()
        for scheme in ("kokuho", "koki"):
            assert (inbox / "enrolment" / f"enrolment_{scheme}_202411.csv").is_file()
        assert (inbox / "checkup" / "FKAC167_202411.csv").is_file()
        assert (inbox / "care_certification" / "care_5311_202411.csv").is_file()
        for year in range(2020, 2026):
            assert (inbox / "population" / f"population_{year}.csv").is_file()


def test_every_receipt_reconciles_with_its_lines(readings: dict[str, Reading]) -> None:
    # A 総括 has no lines: its children are reconciled.
    claims = _table(readings, "claim").filter(~pl.col("is_summary"))
    assert claims.height > 3000
    assert (claims["line_points"] == claims["original_points"].fill_null(claims["points"])).all()


def test_bad_files_are_refused_and_no_others(read_or_refused: tuple[dict[str, Reading], Counter[str]]) -> None:
    assert read_or_refused[1] == {"truncated": 14, "unrecognised": 2}


def test_one_file_of_each_site_comes_twice(written: Path) -> None:
    for site in ("16", "31"):
        hashes = Counter(
            hashlib.sha256(path.read_bytes()).hexdigest() for path in (written / f"site-{site}").glob("inbox/*/*")
        )
        assert sorted(hashes.values())[-1] == 2


def test_every_kind_of_noise_befalls_some_receipts(readings: dict[str, Reading]) -> None:
    claims = _table(readings, "claim")
    versions = (
        claims.filter("has_search_number")
        .group_by("insurer_number", "search_number")
        .agg(pl.col("adjudication_month").n_unique(), pl.col("points").n_unique(), pl.col("is_withdrawn").any())
    )
    later = versions.filter(pl.col("adjudication_month") > 1)
    assert later.filter((pl.col("points") == 1) & ~pl.col("is_withdrawn")).height > 0  # repeated
    assert later.filter((pl.col("points") > 1) & ~pl.col("is_withdrawn")).height > 0  # corrected
    assert versions.filter("is_withdrawn").height > 0
    assert claims.filter(pl.col("points") != pl.col("original_points")).height > 0  # 査定
    assert claims.filter("is_public_only").height > 0
    assert claims.filter(~pl.col("has_search_number")).height > 0
    late = (claims["adjudication_month"] - claims["service_month"]).dt.total_days() > 45
    assert late.sum() > 0
    inside = pl.col("insurer_number").str.contains("^(16|31|3916|3931)")
    assert claims.filter(~inside).height > 0  # out of area
    assert claims.filter((pl.col("scheme_code") == "kokuho") & pl.col("branch").is_null()).height > 0
    aside = pl.concat([reading.set_aside for reading in readings.values()])
    assert aside.filter(pl.col("table_name") == "claim").height > 0


def test_care_is_new_corrected_and_cancelled_and_adds_up(readings: dict[str, Reading]) -> None:
    claims = _table(readings, "care_claim")
    services = _table(readings, "care_service")
    assert set(claims["creation_code"].unique()) == {"1", "2", "3"}
    told_in_units = claims.filter(~pl.col("is_purchase"))
    assert (told_in_units["benefit_yen"] + told_in_units["user_yen"] == told_in_units["units"] * 10).all()
    sums = services.group_by("file", "parent_source_row").agg(pl.col("units", "benefit_yen").sum())
    both = claims.join(sums, left_on=["file", "source_row"], right_on=["file", "parent_source_row"])
    without = pl.col("is_purchase") | pl.col("input_form_code").str.starts_with("812") & ~pl.col("is_adjudicated")
    assert both.height == claims.filter(~without).height
    assert (both["units"] == both["units_right"]).all()
    assert (both["benefit_yen"] == both["benefit_yen_right"]).all()


def test_care_holds_every_kind_of_line_and_what_was_paid_back(readings: dict[str, Reading]) -> None:
    kinds = set(_table(readings, "care_line")["line_kind_code"].unique())
    assert {"D1", "DD", "D5", "DB", "D6", "D7", "D9"} <= kinds
    paid = _table(readings, "care_high_cost")
    assert (paid["benefit_yen"] > 0).all()
    # The day of birth is that of the claim, which is not there where its sex is impossible.
    claimed = _table(readings, "care_claim").select("file", "insurer_number", "number")
    paid = paid.join(claimed, on=["file", "insurer_number", "number"], how="semi")
    assert paid.height > 20 and paid["birth_date"].null_count() == 0


def test_some_care_comes_as_claimed_and_half_of_it_as_adjudicated_later(readings: dict[str, Reading]) -> None:
    claims = _table(readings, "care_claim")
    key = ["insurer_number", "number", "service_month", "provider_code", "input_form_code"]
    early = claims.filter(~pl.col("is_adjudicated"))
    later = early.join(claims.filter("is_adjudicated"), on=key, how="semi")
    assert 0 < later.height < early.height


def test_every_receipt_of_a_known_person_is_in_the_truth(readings: dict[str, Reading], written: Path) -> None:
    truth = pl.concat([pl.read_parquet(path) for path in sorted((written / "truth" / "claims").glob("*.parquet"))])
    claims = _table(readings, "claim").filter("has_search_number")
    missing = claims.join(truth, on="search_number", how="anti")
    assert missing.height == 0
    owners = truth.filter("has_search_number").group_by("search_number").agg(pl.col("person").n_unique())
    assert owners["person"].max() == 1


def test_numbers_of_the_files_belong_to_persons_of_the_truth(readings: dict[str, Reading], written: Path) -> None:
    numbers = pl.read_parquet(written / "truth" / "numbers.parquet")
    for table in ("enrolment", "checkup"):
        rows = _table(readings, table).filter(~pl.col("insurer_number").str.contains(ELSEWHERE))
        keys = ["insurer_number", "number"]
        assert rows.join(numbers, on=keys, how="anti").height == 0, table
    care = pl.read_parquet(written / "truth" / "care_numbers.parquet")
    for table in ("care_claim", "care_certification"):
        rows = _table(readings, table).filter(~pl.col("insurer_number").str.contains(ELSEWHERE))
        assert rows.join(care, on=["insurer_number", "number"], how="anti").height == 0


def test_the_first_delivery_of_enrolment_is_full_and_the_others_are_changes(readings: dict[str, Reading]) -> None:
    rows = _table(readings, "enrolment").with_columns(month=pl.col("file").str.extract(r"enrolment_[a-z]+_(\d{6})"))
    sizes = dict(rows.group_by("month").len().iter_rows())
    first = sizes.pop("202411")
    assert first > 5 * max(sizes.values())
    closing = rows.filter((pl.col("month") > "202411") & pl.col("applied_end_date").is_not_null())
    assert closing.height > 0


def test_one_town_prints_its_enrolment_under_headings_that_only_its_confirmed_profile_knows(
    readings: dict[str, Reading], written: Path
) -> None:
    vendor = {name: reading for name, reading in readings.items() if "enrolment_vendor" in name}
    assert {reading.format for reading in vendor.values()} == {"enrolment_profile_csv"}
    aside = pl.concat([reading.set_aside for reading in vendor.values()])
    assert aside.select((pl.col("field") == "sex_code").all()).item()  # of noise: a sex that does not exist
    assert not any(reading.problems for reading in vendor.values())
    rows = _table(readings, "enrolment")
    own = rows.filter(pl.col("insurer_number") == VENDOR_INSURER)
    assert own.height > 0 and own["file"].str.contains("enrolment_vendor").all()
    assert _table(vendor, "enrolment")["insurer_number"].unique().to_list() == [VENDOR_INSURER]
    with pytest.raises(formats.FileRefused):
        formats.read(written / min(vendor))


def test_counts_of_care_are_the_population_of_40_and_over_but_for_welfare(readings: dict[str, Reading]) -> None:
    counts = _table(readings, "care_insured_count").filter(pl.col("month").dt.strftime("%Y-%m") == "2024-12")
    people = _table(readings, "population").filter((pl.col("year") == 2025) & (pl.col("age_band_code") >= "40"))
    insured, residents = counts["insured_count"].sum(), people["population_count"].sum()
    assert 0.97 * residents <= insured <= residents


def test_the_stories_are_told_in_the_truth(written: Path) -> None:
    stories = json.loads((written / "truth" / "stories.json").read_text("utf-8"))
    assert {story["story"] for story in stories} == {"untreated_hba1c", "low_attendance_men", "polypharmacy"}
    assert all(story["municipality_code"] in tiny().municipalities for story in stories)


def test_progress_is_told_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    figures = synthesise(
        tmp_path, SynthSettings(people=60, months=1, municipalities={"16343": 60}), lambda *step: told.append(step)
    )
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1] == told[-1][2]
    assert figures["claim"] > 0
    assert not (tmp_path / "truth.tmp").exists()


def _is_xml() -> pl.Expr:
    return pl.col("file").str.ends_with(".zip")


def test_some_institutions_send_their_checkups_in_xml_and_no_examination_comes_twice_but_as_a_correction(
    readings: dict[str, Reading],
) -> None:
    rows = _table(readings, "checkup").with_columns(is_xml=_is_xml())
    assert 0.01 < rows["is_xml"].mean() < 0.5  # type: ignore[operator]
    key = ["insurer_number", "symbol", "number", "birth_date", "sex_code", "exam_date"]
    cut = rows.filter(~pl.col("file").str.contains("_resent_"))  # a file cut short comes whole later
    versions = cut.group_by(key).agg(pl.len(), pl.struct("created_date", "data_number").n_unique().alias("versions"))
    assert (versions["len"] == versions["versions"]).all()
    assert versions.filter(pl.col("len") > 1).height > 0


def test_results_are_not_done_not_measurable_high_and_low_in_both_formats(readings: dict[str, Reading]) -> None:
    results = _table(readings, "checkup_result").with_columns(is_xml=_is_xml())
    found = results.group_by("is_xml").agg(pl.col("status_code").unique())
    told = {is_xml: set(codes) for is_xml, codes in found.rows()}
    assert told[False] == {"measured", "not_done", "not_measurable", "high", "low"}
    assert told[True] >= {"measured", "not_done", "not_measurable"} and told[True] & {"high", "low"}
    every = results.filter("is_xml").group_by("file", "parent_source_row").agg(pl.col("item_id"))
    assert every["item_id"].list.contains("waist").n_unique() == 2  # of 後期 it is absent, which is no status
    assert results.filter("is_xml")["method_code"].null_count() == 0


def test_checkups_of_koki_have_fifteen_questions_and_no_waist(readings: dict[str, Reading]) -> None:
    results = _table(readings, "checkup_result")
    asked = results.filter(pl.col("item_id").str.starts_with("koki_"))
    assert set(asked["scheme_code"]) == {"koki"} and asked["item_id"].n_unique() == 15
    of_koki = set(results.filter(pl.col("scheme_code") == "koki")["item_id"])
    assert {"bmi", "systolic", "drug_pressure"} <= of_koki
    assert not of_koki & {"waist", "metabolic_judgement", "guidance_level", "exercise"}


def test_guidance_follows_its_contacts_and_the_evaluation_the_start(readings: dict[str, Reading]) -> None:
    guidance, sessions = _table(readings, "guidance"), _table(readings, "guidance_session")
    assert set(guidance["report_code"]) >= {"21", "22"}
    key = ["insurer_number", "symbol", "number", "birth_date", "sex_code", "guidance_fiscal_year"]
    versions = guidance.group_by(key).agg(pl.col("report_code").sort_by("created_date", "data_number"))
    assert all(codes == sorted(codes) and len(codes) <= 2 for codes in versions["report_code"].to_list())
    points = sessions.group_by("file", "parent_source_row").agg(pl.col("points").sum().alias("told"))
    both = guidance.join(points, left_on=["file", "source_row"], right_on=["file", "parent_source_row"])
    assert both.height == guidance.height
    ended = both.filter(pl.col("points").is_not_null())
    assert (ended["points"] == ended["told"]).all()
    assert sessions.group_by("file", "parent_source_row").agg(first=pl.col("session_kind_code").first())[
        "first"
    ].unique().to_list() == ["first"]
