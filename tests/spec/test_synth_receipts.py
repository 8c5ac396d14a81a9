"""The receipt files of an invented world beside a second, plain reading of them (formats.md 0, 1)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from ingest import formats
from ingest.progress import silent
from ingest.synth.run import synthesise
from ingest.synth.settings import NoiseRates, SynthSettings, tiny
from tests.plain_uke import File, Receipt, read_plain


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world in which no file is cut short; with more noise, that every kind of it befalls the few receipts.

    Its draw has people whose names have a character that vendors write in their own way (髙, 﨑): of a thousand, one.
    """
    rates = tiny().noise.model_dump() | {"file_cut": 0, "file_twice": 0, "file_unrecognised": 0, "assessed_claim": 0.02}
    workspace = tmp_path_factory.mktemp("receipts")
    towns = {"16208": 260, "16343": 60, "31202": 220}
    world = SynthSettings(people=540, months=6, seed=11, municipalities=towns, noise=NoiseRates(**rates))
    synthesise(workspace, world, silent)
    return workspace


@pytest.fixture(scope="module")
def files(written: Path) -> dict[str, File]:
    paths = sorted(
        path for folder in ("medical", "dental", "pharmacy") for path in written.glob(f"site-*/inbox/{folder}/*")
    )
    return {str(path.relative_to(written)): read_plain(path) for path in paths}


@pytest.fixture(scope="module")
def receipts(files: dict[str, File]) -> list[Receipt]:
    return [receipt for file in files.values() for receipt in file.receipts]


def test_the_lines_of_every_receipt_add_up_to_what_was_submitted(receipts: list[Receipt]) -> None:
    counts = Counter(receipt.kind for receipt in receipts)
    assert set(counts) == {"medical", "dpc", "dental", "pharmacy"}
    assert [r.re for r in receipts if not r.is_summary and r.line_points != r.submitted] == []


def test_the_days_of_every_line_sum_to_its_times(receipts: list[Receipt]) -> None:
    pairs = [pair for receipt in receipts for pair in receipt.day_columns()]
    assert len(pairs) > 10_000
    assert [pair for pair in pairs if pair[0] != pair[1]] == []


def test_go_announces_the_receipts_and_points_of_its_institution(files: dict[str, File]) -> None:
    for name, file in files.items():
        told = [receipt for receipt in file.receipts if not receipt.is_summary]
        if file.edition == "insurer":
            assert file.announced == [], name
        else:
            assert sum(count for count, _ in file.announced) == len(told), name
            assert sum(points for _, points in file.announced) == sum(r.submitted for r in told), name


def test_both_sites_send_both_editions_and_dates_of_both_eras(files: dict[str, File]) -> None:
    for site in ("site-16", "site-31"):
        own = {name: file for name, file in files.items() if name.startswith(site)}
        mixed = [file for file in own.values() if file.edition == "insurer"]
        assert {receipt.kind for file in mixed for receipt in file.receipts} == {"medical", "dpc", "dental", "pharmacy"}
        assert {len(receipt.re[3]) for file in own.values() for receipt in file.receipts} == {5, 6}
        by_era = [file for file in own.values() if file.receipts and len(file.receipts[0].re[3]) == 5]
        assert not any(file.has_end_mark or file.has_cr for file in by_era)
        western = [file for file in own.values() if file.receipts and len(file.receipts[0].re[3]) == 6]
        assert all(file.has_end_mark and file.has_cr for file in western)


def test_every_variant_of_a_receipt_is_among_them(files: dict[str, File], receipts: list[Receipt]) -> None:
    codes = Counter(receipt.re[18] for receipt in receipts if receipt.kind == "dpc")
    assert set(codes) == {"0", "1", "2", "3"} and codes["1"] == codes["2"] == codes["3"]
    assert {len(receipt.re) for receipt in receipts if receipt.kind == "dpc"} == {28, 40}
    assert any(len(receipt.of("HO")) == 2 and receipt.of("JY") for receipt in receipts)
    assert any(not receipt.of("HO") and receipt.of("KO") for receipt in receipts)
    assert any("髙" in receipt.re[4] or "﨑" in receipt.re[4] for receipt in receipts)
    assert any("?" in receipt.re[4] for receipt in receipts)
    assert sum(file.unknown for file in files.values()) > 0
    meals = [line for receipt in receipts for line in receipt.of("SI") if line[1] == "97"]
    assert {line[5] for line in meals} <= {"640", "670"} and meals
    checks = {(line[2], bool(line[3])) for receipt in receipts for line in receipt.of("SN")}
    assert checks == {("01", False), ("04", True)}
    assert any(name.endswith(".HEN") and {r.kind for r in f.receipts} >= {"pharmacy"} for name, f in files.items())


def test_a_record_has_the_columns_of_its_layout(receipts: list[Receipt]) -> None:
    widths: dict[str, dict[str, int]] = {
        "medical": {"HO": 15, "SN": 9, "JD": 33, "SY": 8, "SI": 44, "IY": 44, "TO": 48},
        "dpc": {"HO": 16, "BU": 6, "SB": 8, "KK": 14, "GA": 7, "HH": 9, "GT": 12, "CD": 11, "SI": 44, "SY": 8},
        "dental": {"HO": 14, "HS": 13, "SS": 109, "SI": 38, "IY": 39, "TO": 45},
        "pharmacy": {"HO": 14, "SH": 10, "CZ": 71, "IY": 10, "KI": 114},
    }
    wrong = {
        (receipt.kind, record[0], len(record))
        for receipt in receipts
        for record in receipt.records
        if len(record) != widths[receipt.kind].get(record[0], len(record))
    }
    assert wrong == set()


def test_a_set_of_dpc_receipts_keeps_its_list_of_corrections_in_order(receipts: list[Receipt]) -> None:
    """Own original, the revised one of the 総括, own revised (formats.md, rule 9); the last only where revised."""
    told = {receipt.re[18]: receipt for receipt in receipts if receipt.is_of_set and len(receipt.of("HO")) > 1}
    assert set(told) == {"2", "3"} and {len(receipt.of("HO")) for receipt in told.values()} == {2, 3}
    for receipt in told.values():
        own, of_set, *revised = (int(line[5]) for line in receipt.of("HO"))
        assert all(points < own for points in revised) and own < of_set
    assert all(receipt.is_of_set for receipt in receipts if len(receipt.of("HO")) == 3)


def test_the_reader_finds_the_same_receipts_points_and_rows(written: Path, files: dict[str, File]) -> None:
    for name, file in files.items():
        reading = formats.read(written / name)
        claims = reading.tables["claim"]
        aside = reading.set_aside.filter(pl.col("table_name") == "claim").height
        assert claims.height + aside == len(file.receipts), name
        assert {p.reason_code for p in reading.problems} <= {"unknown_record"}, name
        plain = Counter((receipt.kind, receipt.submitted, receipt.adjudicated) for receipt in file.receipts)
        found = Counter(claims.select("claim_kind_code", "original_points", "points").iter_rows())
        assert (plain - found).total() == aside and not found - plain, name
        told = claims.filter(~pl.col("is_summary"))
        assert (told["line_points"] == told["original_points"]).all(), name


def test_the_points_of_the_truth_are_those_of_the_files(written: Path) -> None:
    truth = pl.concat([pl.read_parquet(path) for path in sorted((written / "truth" / "claims").glob("*.parquet"))])
    last = truth["adjudication_month"].max()
    claims = pl.concat(
        [
            formats.read(path).tables["claim"].filter("has_search_number")
            for folder in ("medical", "dental", "pharmacy")
            for path in sorted(written.glob(f"site-*/inbox/{folder}/*"))
        ]
    )
    keys = ["search_number", "adjudication_month"]
    both = claims.join(truth.filter(pl.col("adjudication_month") <= last), on=keys, how="left", suffix="_true")
    assert both.height == claims.height
    for column in ("points", "insurer_number", "number", "claim_kind_code", "is_summary"):
        assert both[column].eq_missing(both[f"{column}_true"]).all(), column
