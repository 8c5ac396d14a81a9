"""Checkup and care files read from their bytes say what they say read as text, whatever happened to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest.formats import FileRefused, bytecsv, careplain, carewalk, read, recognise
from tests.fuzz.corpus import originals
from tests.fuzz.mutations import HEAVY, mutant

FORMATS = ("fkac167_csv", "care_1111", "care_5311", "care_7131")
HEAVY_NAMES = {mutation.__name__ for mutation in HEAVY}
MUTANTS = [
    number
    for number in range(130)
    if mutant(number, is_made=False).format in FORMATS
    and not HEAVY_NAMES & set(mutant(number, is_made=False).mutations)
]


def told(path: Path) -> dict[str, Any]:
    """Everything that a reader says of a file."""
    try:
        found = read(path)
    except FileRefused as refused:
        said: dict[str, Any] = {"refused": str(refused), "line": refused.line, "records": refused.records}
        return said | {name: table.rows() for name, table in refused.tables.items()}
    said = {"edition": found.edition, "months": found.months, "records": found.records, "problems": found.problems}
    tables = {name: (table.schema, table.rows()) for name, table in found.tables.items()}
    return said | tables | {"set_aside": found.set_aside.rows()}


def differences(path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    path.write_bytes(data)
    from_bytes = told(path)
    with monkeypatch.context() as patch:
        patch.setattr(bytecsv, "outlines", lambda _: [])
        as_text = told(path)
    return [name for name in from_bytes | as_text if from_bytes.get(name) != as_text.get(name)]


@pytest.fixture(autouse=True)
def _in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that files of a dozen lines are read in several, and in two parts."""
    monkeypatch.setattr(bytecsv, "BLOCK_BYTES", 1_500)
    monkeypatch.setattr(carewalk, "BLOCK_BYTES", 1_500)
    monkeypatch.setattr(careplain, "PART_BYTES", 1_000)


def test_good_files_are_read_from_their_bytes_as_they_are_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for original in originals():
        if original.format in FORMATS:
            assert differences(tmp_path / "f", original.data, monkeypatch) == [], original.name


def test_damaged_files_are_read_from_their_bytes_as_they_are_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(MUTANTS) > 40
    for number in MUTANTS:
        made = mutant(number)
        (tmp_path / "f").write_bytes(made.data)
        try:
            recognise(tmp_path / "f")
        except FileRefused:
            continue
        assert differences(tmp_path / "f", made.data, monkeypatch) == [], made


def with_each_field_changed(data: bytes, changed: str) -> bytes:
    """A care file with a line of each record again and again, each time with another field that says ``changed``."""
    control, *lines, end = data.decode("cp932").splitlines()
    kinds = {tuple(line.replace('"', "").split(",")[2:5:2]): line.split(",") for line in lines}
    made = [
        [*fields[:place], changed, *fields[place + 1 :]] for fields in kinds.values() for place in range(5, len(fields))
    ]
    rows = [control.split(","), *made, end.split(",")]
    rows[0][3] = f'"{len(made)}"'
    for number, row in enumerate(rows, start=1):
        row[1] = str(number)
    return "".join(",".join(row) + "\r\n" for row in rows).encode("cp932")


@pytest.mark.parametrize("changed", ["", '""', "x", "５０６０５０１", "R6.5.1", " 1", "-1", "0" * 19, "ｱ", "99999999"])
def test_whatever_a_field_of_care_says_it_is_read_from_its_bytes_as_it_is_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    for original in originals():
        if original.format in FORMATS[1:]:
            data = with_each_field_changed(original.data, changed)
            assert differences(tmp_path / "f", data, monkeypatch) == [], original.name
