"""Bytes to fields: what is plain is found in the bytes, what is not is marked, and nothing is taken for another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.formats import bytecsv
from ingest.formats.bytecsv import Block
from ingest.formats.vocabulary import Vocabulary


def cells_of(block: Block, line: int, width: int) -> list[str]:
    offset, length = block.cells(np.array([line]), np.arange(width))
    return block.texts(offset[:, 0], length[:, 0]).to_list()


def test_fields_end_at_commas_that_stand_in_no_quotes() -> None:
    block = bytecsv.block('1,"二,三",\r\n,"",高\n'.encode("cp932"), 5, "cp932")
    assert block.plain_lines(3).tolist() == [0, 1]
    assert cells_of(block, 0, 4) == ["1", "二,三", "", ""]
    assert cells_of(block, 1, 3) == ["", "", "高"]
    assert block.rows_of(np.array([0, 1])).tolist() == [5, 6]


@pytest.mark.parametrize(
    "line", ['a,"b', 'a,b"', 'a,"b"c,d', 'a,b"c"', 'a,"b""c"', '"a" ,b', 'a,"b\r"x', "a\rb,c"], ids=repr
)
def test_a_line_whose_quotes_or_returns_are_not_plain_is_odd_and_its_neighbours_are_not(line: str) -> None:
    block = bytecsv.block(f"1,2\r\n{line}\r\n3,4\r\n".encode(), 1, "utf-8")
    assert block.odd.tolist() == [False, True, False]
    assert block.plain_lines(2).tolist() == [0, 2]
    assert block.text_of(np.array([1]))["text"].to_list() == [line]


def passed_over(data: bytes) -> tuple[list[int], list[bool]]:
    """(where fields end, which lines are odd), byte by byte."""
    ends, odd = [-1], [False]
    is_inside, before, was_cut, was_closed = False, "\n", True, False
    for at, character in enumerate(data.decode("ascii")):
        is_cut = is_closed = False
        odd[-1] |= before == "\r" and character != "\n"
        if character == '"':
            odd[-1] |= not is_inside and not was_cut
            is_inside, is_closed = not is_inside, is_inside
        elif character == "\n" or (character == "," and not is_inside):
            odd[-1] |= is_inside
            is_inside, is_cut = False, True
            ends.append(at)
            odd += [False] if character == "\n" else []
        else:
            odd[-1] |= was_closed and character != "\r"
        before, was_cut, was_closed = character, is_cut, is_closed
    return ends, odd[:-1]


@settings(max_examples=300, deadline=None)
@given(st.text('abc,,"\r\n', max_size=150), st.text("ab,", max_size=90))
def test_sixty_four_bytes_at_a_time_are_as_one_by_one(text: str, tail: str) -> None:
    data = f"{tail}{text}{tail}\n".encode()
    block = bytecsv.block(data, 1, "utf-8")
    ends, odd = passed_over(data)
    assert block.sep[: len(ends)].tolist() == ends
    assert block.odd.tolist() == odd


def test_blank_lines_are_no_rows_and_a_last_line_needs_no_end() -> None:
    block = bytecsv.block("1,2\r\n\r\n 　\r\n3,4".encode("cp932"), 1, "cp932")
    assert block.plain_lines(2).tolist() == [0, 3]
    assert block.text_of(block.other_lines(np.array([0, 3]))).is_empty()


def test_the_same_text_has_one_number_however_many_there_are() -> None:
    words = Vocabulary("utf-8")
    texts = [f"{number}" + "x" * (number % 20) for number in range(9_000)] * 2
    block = bytecsv.block("".join(f"{text}\n" for text in texts).encode(), 1, "utf-8")
    offset, length = block.cells(np.arange(len(texts)), np.array([0]))
    ids = np.empty(len(texts), np.int32)
    words.of_cells(block.buf, offset[0], length[0], ids)
    assert ids[:9_000].tolist() == list(range(1, 9_001)) == ids[9_000:].tolist()
    assert words.texts(np.arange(len(words))).to_list() == [None, *texts[:9_000]]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("番号,髙①\r\n".encode("cp932"), "cp932"),
        ("番号,髙①\r\n".encode("utf-8-sig"), "utf-8"),
        (b"1,2\r\n\x1a", "utf-8"),
        ("番号,架空\r\n".encode()[:-3], None),
        (b"1,\xfd\r\n", None),
        ("番号\r\n".encode("utf-16"), None),
        ("番号\r\n".encode("iso2022_jp"), None),
        (b"", None),
    ],
)
def test_a_file_is_read_from_its_bytes_only_where_every_character_can_be_read(
    tmp_path: Path, data: bytes, encoding: str | None
) -> None:
    (tmp_path / "f.csv").write_bytes(data)
    found = bytecsv.survey(tmp_path / "f.csv")
    assert (found and found.encoding) == encoding
    if found is not None:
        assert data[found.begin : found.end].endswith(b"\n")


def test_a_file_in_blocks_is_the_same_lines_as_in_one(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"".join(b"%d,%s\r\n" % (number, b"x" * (number % 40)) for number in range(300)))
    file = bytecsv.survey(path)
    assert file is not None
    lines = [
        (int(row), *cells_of(block, line, 2))
        for block in bytecsv.blocks(path, file, 0, 1, 16)
        for line, row in enumerate(block.rows_of(np.arange(block.lines)))
    ]
    assert lines == [(number + 1, str(number), "x" * (number % 40)) for number in range(300)]
