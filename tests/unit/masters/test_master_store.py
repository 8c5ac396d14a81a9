"""The store: full files, differences, order, repetition, loss, kills."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from master_files import change, data, disease, drug
from polars.testing import assert_frame_equal

from ingest.faults import EXIT_CODE, FAULT_VARIABLE
from ingest.masters import importing, store
from ingest.masters.errors import MasterRefused
from ingest.masters.reading import read

A, B, C = "611111111", "612222222", "613333333"
FULL = data("drug", [drug(A), drug(B, price_yen="20.00"), *(drug(f"6200000{n:02}") for n in range(10))])
DIFFERENCE = data("drug", [change(A, price_yen="11.50", changed_date="20250630")])


def put(folder: Path, **files: bytes) -> list[Path]:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def states(workspace: Path, *paths: Path) -> list[str]:
    return [outcome.state for outcome in importing.import_files(workspace, list(paths))]


def row(workspace: Path, code: str, kind: str = "drug") -> dict[str, object]:
    stored = store.load(workspace, kind)
    assert stored is not None
    return stored.records.row(by_predicate=pl.col("code") == code, named=True)


def test_a_difference_changes_what_it_states_and_leaves_the_rest(tmp_path: Path) -> None:
    assert states(tmp_path, *put(tmp_path, full=FULL, diff=DIFFERENCE)) == ["imported", "imported"]
    changed = row(tmp_path, A)
    assert (changed["price_yen"], changed["short_name"]) == (Decimal("11.5"), "架空錠１ｍｇ")
    assert (changed["release_date"], changed["file_name"]) == (date(2025, 6, 30), "diff")
    assert row(tmp_path, B)["release_date"] == date(2024, 4, 1)


def test_files_of_one_command_may_stand_in_any_order(tmp_path: Path) -> None:
    full, diff = put(tmp_path, full=FULL, diff=DIFFERENCE)
    assert states(tmp_path, diff, full) == ["imported", "imported"]
    assert row(tmp_path, A)["price_yen"] == Decimal("11.5")


def test_the_same_file_twice_changes_not_a_byte_zipped_or_not(tmp_path: Path) -> None:
    full, diff = put(tmp_path, full=FULL, diff=DIFFERENCE)
    zipped = tmp_path / "again.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("folder/y.csv", FULL)
        archive.writestr("readme.pdf", b"no master")
    states(tmp_path, full, diff)
    before = store.path_of(tmp_path, "drug").read_bytes()
    assert states(tmp_path, zipped, diff) == ["unchanged", "unchanged"]
    assert store.path_of(tmp_path, "drug").read_bytes() == before


def test_a_difference_before_its_full_file_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    outcome = importing.import_files(tmp_path, put(tmp_path, diff=DIFFERENCE))[0]
    assert outcome.refused is not None and "全件ファイル" in str(outcome.refused)
    assert not store.path_of(tmp_path, "drug").exists()


def test_a_bad_file_leaves_the_good_ones(tmp_path: Path) -> None:
    assert sorted(states(tmp_path, *put(tmp_path, bad=FULL[:-30], good=FULL, other=b"x,y"))) == [
        "imported", "refused", "refused",
    ]  # fmt: skip


def test_an_older_file_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    states(tmp_path, *put(tmp_path, full=FULL, diff=DIFFERENCE))
    before = store.path_of(tmp_path, "drug").read_bytes()
    older = data("drug", [change(B, price_yen="1.00", changed_date="20240501")])
    assert states(tmp_path, *put(tmp_path, older=older)) == ["refused"]
    assert store.path_of(tmp_path, "drug").read_bytes() == before


def test_a_code_that_a_newer_full_file_no_longer_holds_is_kept_closed_and_marked(tmp_path: Path) -> None:
    newer = data("drug", [drug(A, changed_date="20250401"), *(drug(f"6200000{n:02}") for n in range(10))])
    states(tmp_path, *put(tmp_path, full=FULL, newer=newer))
    kept = row(tmp_path, B)
    assert (kept["is_retained"], kept["valid_to"]) == (True, date(2025, 3, 31))
    assert not row(tmp_path, A)["is_retained"]


def test_a_full_file_that_loses_half_of_the_codes_is_refused(tmp_path: Path) -> None:
    states(tmp_path, *put(tmp_path, full=FULL))
    half = data("drug", [drug(A, changed_date="20250401")])
    outcome = importing.import_files(tmp_path, put(tmp_path, half=half))[0]
    assert outcome.refused is not None and outcome.refused.reason_code == "truncated"


def test_dates_of_validity_follow_abolition_transition_and_revival(tmp_path: Path) -> None:
    first = data("drug", [
        change(A, transition_date="20250930", changed_date="20250630"),
        {"change_kind_code": "9", "code": B, "abolished_date": "20250613"},
        drug(C, change_kind_code="3", changed_date="20250630"),
    ])  # fmt: skip
    states(tmp_path, *put(tmp_path, full=FULL, first=first))
    assert [row(tmp_path, code)["valid_to"] for code in (A, B, C)] == [date(2025, 9, 30), date(2025, 6, 13), None]
    second = data("drug", [{"change_kind_code": "2", "code": B, "changed_date": "20250801"}])
    states(tmp_path, *put(tmp_path, second=second))
    assert row(tmp_path, B)["valid_to"] is None and row(tmp_path, B)["price_yen"] == Decimal(20)


def test_an_abolished_record_without_a_date_ends_with_its_change(tmp_path: Path) -> None:
    full = data("disease", [disease("1111111"), disease("2222222", change_kind_code="9", changed_date="20240501")])
    states(tmp_path, *put(tmp_path, full=full))
    assert row(tmp_path, "2222222", "disease")["valid_to"] == date(2024, 5, 1)
    assert row(tmp_path, "1111111", "disease")["valid_from"] == date(2020, 4, 1)


def test_a_change_of_a_code_that_nobody_knows_is_left_out_and_counted(tmp_path: Path) -> None:
    diff = data("drug", [change(C, price_yen="1.00", changed_date="20250630"), change(A, changed_date="20250630")])
    outcomes = importing.import_files(tmp_path, put(tmp_path, full=FULL, diff=diff))
    done = outcomes[1].done
    assert done is not None and (done.unknown_count, done.changed_count, done.added_count) == (1, 1, 0)
    stored = store.load(tmp_path, "drug")
    assert stored is not None and C not in stored.records["code"]


def test_a_kill_before_the_replacement_leaves_the_state_of_before(tmp_path: Path) -> None:
    full, diff = put(tmp_path, full=FULL, diff=DIFFERENCE)
    states(tmp_path, full)
    script = (
        "import sys; from pathlib import Path; from ingest.masters.importing import import_files; "
        "import_files(Path(sys.argv[1]), [Path(sys.argv[2])])"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), str(diff)], env={FAULT_VARIABLE: "masters.written"}
    )
    assert run.returncode == EXIT_CODE and row(tmp_path, A)["price_yen"] == Decimal("10.1")
    assert states(tmp_path, diff) == ["imported"] and row(tmp_path, A)["price_yen"] == Decimal("11.5")


def test_a_damaged_store_is_told_with_its_remedy(tmp_path: Path) -> None:
    states(tmp_path, *put(tmp_path, full=FULL))
    path = store.path_of(tmp_path, "drug")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(MasterRefused, match="もう一度"):
        store.load(tmp_path, "drug")


@pytest.mark.parametrize("content", [b"PK\x03\x04 cut", b""])
def test_a_broken_or_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    assert states(tmp_path, *put(tmp_path, file=content)) == ["refused"]
    assert states(tmp_path, tmp_path / "absent.zip") == ["refused"]


def test_a_zip_cut_in_half_is_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("y.csv", FULL)
    content = whole.read_bytes()
    assert states(tmp_path, *put(tmp_path, half=content[: len(content) // 2])) == ["refused"]
    damaged = content[:60] + bytes([content[60] ^ 0xFF]) + content[61:]
    assert states(tmp_path, *put(tmp_path, damaged=damaged)) == ["refused"]


VALUES = {
    "short_name": st.sampled_from(["架空錠", "架空散１％", "架空注"]),
    "price_yen": st.sampled_from(["5.90", "10.10", "21916.80"]),
    "is_generic": st.sampled_from(["0", "1"]),
    "transition_date": st.sampled_from(["0", "20260331"]),
    "abolished_date": st.sampled_from(["99999999", "20251231"]),
    "price_standard_code": st.sampled_from(["2325003B2029", "2171022F1010"]),
}
CODES = st.sampled_from([A, B, C])


@st.composite
def differences(draw: st.DrawFn) -> list[dict[str, str]]:
    """One difference: some codes, each stating some of its fields, or a new code stating all."""
    found = []
    for code in draw(st.lists(CODES, unique=True, min_size=1)):
        stated = draw(st.sets(st.sampled_from(sorted(VALUES))))
        found.append(change(code, **{name: draw(VALUES[name]) for name in sorted(stated)}))
    return found


@settings(deadline=None, max_examples=40)
@given(st.lists(differences(), max_size=4))
def test_applying_differences_equals_reading_the_merged_full_file(rounds: list[list[dict[str, str]]]) -> None:
    rest = [drug("629999999", changed_date="20241231")]
    merged = {code: drug(code) for code in (A, B, C)}
    state = store.merged(None, read(data("drug", [*merged.values(), *rest]), "full"))
    for month, records in enumerate(rounds, start=1):
        dated = [record | {"changed_date": f"2025{month:02}01"} for record in records]
        state = store.merged(state, read(data("drug", dated), f"difference {month}"))
        for record in dated:
            merged[record["code"]] = merged[record["code"]] | {key: value for key, value in record.items() if value}
    whole = store.merged(None, read(data("drug", [*merged.values(), *rest]), "merged"))
    provenance = ["release_date", "file_name"]
    assert_frame_equal(state.records.drop(provenance), whole.records.drop(provenance))
