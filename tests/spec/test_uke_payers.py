"""Who pays a receipt and whose it is, in every kind of receipt and both editions: 資格確認 (SN), 公費単独, カタカナ.

Records are typed from formats.md 1.1 to 1.5, column by column.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest.formats import read
from ingest.formats.inspect import inspect_files

HEADS = {
    "medical": "IR,2,16,1,1234567,,架空医院,202404,,00,",
    "dpc": "IR,2,16,1,1234567,,架空病院,202404,,00,",
    "dental": "IR,2,16,3,1234567,,架空歯科,202404,,00",
    "pharmacy": "YK,2,16,4,1234567,架空薬局,202404,00,",
}
RE = {
    # kind: layout, columns, レセプト種別 (with insurer, of public funds alone), 検索番号, カタカナ
    "medical": ("medical", 38, ("1112", "1212"), 18, 36),
    "dpc28": ("dpc", 28, ("1111", "1211"), 20, 26),
    "dpc40": ("dpc", 40, ("1111", "1211"), 20, 38),
    "dental": ("dental", 38, ("3112", "3212"), 19, 36),
    "pharmacy": ("pharmacy", 42, ("4112", "4212"), 37, 41),
}
KINDS = [pytest.param(name, id=name) for name in RE]
EDITIONS = ["provider", "insurer"]
HO_COLUMNS = {"medical": 15, "dpc": 16, "dental": 14, "pharmacy": 14}
KO_COLUMNS = {"medical": 12, "dpc": 13, "dental": 10, "pharmacy": 10}


def padded(columns: int, *cells: Any) -> str:
    return ",".join([*map(str, cells), *[""] * (columns - len(cells))])


def receipt(name: str, *, is_public_only: bool = False, kana: str = "カクウ　タロウ") -> str:
    kind, columns, types, search, place = RE[name]
    cells = ["RE", "1", types[is_public_only], "202403", "架空　太郎", "1", "19500401", "070"]
    cells += [""] * (columns - len(cells))
    cells[search], cells[place] = "S1", kana
    if kind == "dpc":
        cells[18] = "0"
    return ",".join(cells)


def insurer(name: str, points: int = 500) -> str:
    return padded(HO_COLUMNS[RE[name][0]], "HO", "  160028", "１２", "３４５", 2, points)


def public(name: str, points: int = 500, payer: str = "12160019") -> str:
    """負担者番号, 受給者番号, 任意給付, 実日数 or 受付回数, 合計点数."""
    return padded(KO_COLUMNS[RE[name][0]], "KO", payer, "0000000", "", 2, points)


def written(path: Path, name: str, edition: str, lines: list[str], points: int = 500) -> Path:
    head = HEADS[RE[name][0]]
    if edition == "provider":
        whole = [head, *lines, f"GO,1,{points},99"]
    else:
        framed = ["MN,16001,,16001", head, *lines, "ON,1" + "," * 12, "EX" + "," * 12, "RC,Ver00001,x"]
        whole = [f"{2 if line[:2] in ('MN', 'ON', 'EX', 'RC') else 1},{n},0,{line}" for n, line in enumerate(framed, 1)]
    path.write_bytes("".join(f"{line}\r\n" for line in whole).encode("cp932"))
    return path


def one(path: Path) -> dict[str, Any]:
    reading = read(path)
    assert reading.set_aside.is_empty(), reading.set_aside["field"].to_list()
    assert reading.problems == []
    return reading.tables["claim"].row(0, named=True)


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("name", KINDS)
def test_a_receipt_moved_to_another_insurer_is_that_insurers_with_its_number_and_branch(
    tmp_path: Path, name: str, edition: str
) -> None:
    moved = "SN,1,04,  163014,９,８７,03,,"
    claim = one(written(tmp_path / "a", name, edition, [receipt(name), insurer(name), moved]))
    assert claim["claim_kind_code"] == RE[name][0]
    assert (claim["insurer_number"], claim["scheme_code"]) == ("163014", "kumiai")
    assert (claim["symbol"], claim["number"], claim["branch"]) == ("9", "87", "03")
    assert (claim["points"], claim["is_public_only"]) == (500, False)


@pytest.mark.parametrize("name", KINDS)
def test_a_receipt_of_someone_who_became_75_is_moved_to_the_koki_insurer(tmp_path: Path, name: str) -> None:
    claim = one(
        written(
            tmp_path / "a", name, "insurer", [receipt(name), insurer(name), "SN,1,05,39162021,,８７６５４３２１,,,"]
        )
    )
    assert (claim["insurer_number"], claim["scheme_code"]) == ("39162021", "koki")
    assert (claim["number"], claim["branch"]) == ("87654321", None)


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("name", KINDS)
def test_a_check_at_the_counter_gives_the_branch_and_leaves_the_insurer(
    tmp_path: Path, name: str, edition: str
) -> None:
    checks = ["SN,1,01,,,,02,,", "SN,2,04,12160019,,,,0000000,"]
    claim = one(written(tmp_path / "a", name, edition, [receipt(name), insurer(name), *checks]))
    assert (claim["insurer_number"], claim["symbol"], claim["number"]) == ("160028", "12", "345")
    assert claim["branch"] == "02"


@pytest.mark.parametrize("name", KINDS)
def test_of_several_checks_the_last_that_corrects_gives_the_insurer(tmp_path: Path, name: str) -> None:
    checks = ["SN,1,04,  163014,９,８７,03,,", "SN,1,12,  310029,８,７６,,,"]
    claim = one(written(tmp_path / "a", name, "insurer", [receipt(name), insurer(name), *checks]))
    assert (claim["insurer_number"], claim["symbol"], claim["number"]) == ("310029", "8", "76")


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("name", KINDS)
def test_a_receipt_that_only_public_funds_pay_has_their_points_and_no_insurer(
    tmp_path: Path, name: str, edition: str
) -> None:
    path = written(tmp_path / "a", name, edition, [receipt(name, is_public_only=True), public(name)])
    claim = one(path)
    assert claim["is_public_only"] and claim["insurer_number"] is None and claim["scheme_code"] is None
    assert (claim["points"], claim["original_points"]) == (500, 500)
    counted = "prescription_count" if RE[name][0] == "pharmacy" else "days_count"
    assert claim[counted] == 2
    assert inspect_files([path])[0]["claims"][0]["original_points"] == 500


@pytest.mark.parametrize("name", KINDS)
def test_of_two_public_funds_that_pay_alone_the_one_with_the_whole_of_it_counts(tmp_path: Path, name: str) -> None:
    lines = [receipt(name, is_public_only=True), public(name, 500), public(name, 120, "21160013")]
    assert one(written(tmp_path / "a", name, "insurer", lines))["points"] == 500


@pytest.mark.parametrize("name", KINDS)
def test_public_funds_beside_an_insurer_change_nothing_of_its_points(tmp_path: Path, name: str) -> None:
    lines = [receipt(name), insurer(name, 500), public(name, 900)]
    claim = one(written(tmp_path / "a", name, "insurer", lines))
    assert (claim["points"], claim["is_public_only"], claim["insurer_number"]) == (500, False, "160028")


@pytest.mark.parametrize("name", KINDS)
def test_the_name_in_kana_is_read_of_every_kind(tmp_path: Path, name: str) -> None:
    claim = one(written(tmp_path / "a", name, "insurer", [receipt(name), insurer(name)]))
    assert claim["name_kana"] == "カクウ　タロウ"


@pytest.mark.parametrize("name", ["dpc28", "dpc40", "dental"])
def test_what_is_no_kana_at_an_unverified_place_is_not_taken_for_a_name(tmp_path: Path, name: str) -> None:
    claim = one(written(tmp_path / "a", name, "insurer", [receipt(name, kana="001"), insurer(name)]))
    assert claim["name_kana"] is None and claim["name_kanji"] == "架空　太郎"
