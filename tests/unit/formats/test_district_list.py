"""A town's two-column list, as offices keep it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.formats.district_list import DistrictList, read_list
from ingest.formats.reading import FileRefused


def listed(folder: Path, text: str, encoding: str = "cp932") -> DistrictList:
    path = folder / "list.csv"
    path.write_bytes(text.encode(encoding))
    return read_list(path)


def refused(folder: Path, text: str, encoding: str = "cp932") -> FileRefused:
    with pytest.raises(FileRefused) as told:
        listed(folder, text, encoding)
    return told.value


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_a_list_is_read_in_either_encoding_with_a_title_wide_blanks_and_empty_columns(
    tmp_path: Path, encoding: str, end: str
) -> None:
    lines = ["砺波市の一覧", "", "　行政区コード　,小学校区名,", "０１　,　出町小　,", '02,"庄南小",']
    found = listed(tmp_path, end.join(lines) + end, encoding)
    assert found.rows.rows() == [(4, "01", "出町小"), (5, "02", "庄南小")]
    assert (found.key_kind, found.set_name, found.repeated, found.is_complete) == ("code", "小学校区", 0, True)


@pytest.mark.parametrize(
    ("heading", "key_kind", "set_name", "pair"),
    [
        ("町字名,中学校区", "name", "中学校区", ("甲", "乙")),
        ("地区,町丁目", "name", None, ("乙", "甲")),
        ("日常生活圏域名,住所コード", "code", "日常生活圏域", ("乙", "甲")),
        ("行政区コード,行政区名", "code", "行政区", ("甲", "乙")),
        ("町字名,行政区名", "name", "行政区", ("甲", "乙")),
    ],
)
def test_the_heading_tells_which_column_is_the_key(
    tmp_path: Path, heading: str, key_kind: str, set_name: str | None, pair: tuple[str, str]
) -> None:
    found = listed(tmp_path, f"{heading}\n甲,乙\n")
    assert (found.key_kind, found.set_name, found.rows.row(0)[1:]) == (key_kind, set_name, pair)


def test_one_place_in_two_districts_is_refused_with_the_lines(tmp_path: Path) -> None:
    told = refused(tmp_path, "町字名,小学校区\n出町,甲小\n庄下,乙小\n出　町,丙小\n出町,丁小\n")
    assert (told.reason_code, told.line) == ("two_districts", 2)
    assert "2行と5行" in told.message and "4行" not in told.message
    assert "甲小" not in told.message


def test_the_same_line_twice_is_told_and_counts_once(tmp_path: Path) -> None:
    found = listed(tmp_path, "町字名,小学校区\n出町,甲小\n出町,甲小\n")
    assert (found.rows.height, found.repeated) == (1, 1)


def test_lines_that_say_nothing_or_do_not_fit_are_set_aside_and_none_is_lost(tmp_path: Path) -> None:
    text = '町字名,小学校区\n出町,甲小\n,甲小\n庄下,　\n中野,乙小,丙小\n林\n油田,"甲,乙"\n'
    found = listed(tmp_path, text)
    assert found.rows["source_row"].to_list() == [2]
    assert found.set_aside["source_row"].to_list() == [3, 4, 5, 6, 7]
    assert found.rows.height + found.set_aside.height + found.repeated == len(text.splitlines()) - 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("町字名,小学校区,備考\n出町,甲小,\n", "contract"),
        ("町字名,小学校区,\n出町,甲小,覚え\n", "contract"),
        ("宛名番号,小学校区\n0000015,甲小\n", "contract"),
        ("町字名,小学校区\n,\n", "contract"),
        ("町字名,小学校区\n", "contract"),
        ("出町,甲小\n庄下,乙小\n", "unrecognised"),
        ("町字名,小学校区\n出町,甲小\n庄", "truncated"),
        ("町字名,小学", "truncated"),
        ("町字名,小学校区", "truncated"),
        ("", "truncated"),
    ],
)
def test_what_is_no_such_list_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    assert refused(tmp_path, text).reason_code == reason


def test_a_list_of_persons_is_refused_without_its_numbers(tmp_path: Path) -> None:
    told = refused(tmp_path, "宛名番号,町字名\n0000015,出町\n")
    assert "0000015" not in told.message + told.remedy


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    text = "町字名,小学校区\n出町,甲小\n"
    assert refused(tmp_path, text, "utf-16").reason_code == "encoding"
    assert refused(tmp_path, text, "euc_jp").reason_code in ("encoding", "unrecognised")


def test_a_list_cut_anywhere_gives_no_place_another_district(tmp_path: Path) -> None:
    text = "町字名,小学校区\r\n出町,甲小\r\n庄下,乙小学校\r\n中野,丙小\r\n"
    whole = {key: name for _, key, name in listed(tmp_path, text).rows.iter_rows()}
    body = text.encode("cp932")
    for length in range(len(body)):
        (tmp_path / "list.csv").write_bytes(body[:length])
        try:
            found = read_list(tmp_path / "list.csv")
        except FileRefused:
            continue
        wrong = {key for _, key, name in found.rows.iter_rows() if whole.get(key) != name}
        assert not wrong or not found.is_complete, f"cut at {length}: told as whole"
