"""Checkup documents read from their bytes say what they say read as trees, whatever XML they are."""

from __future__ import annotations

import zipfile
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ingest.formats import FileRefused, checkup_xml_checkups, checkup_xml_plain, checkup_xml_walk, recognise
from ingest.formats.checkup_xml_archive import Fault
from ingest.formats.checkup_xml_checkups import Checkups
from ingest.formats.checkup_xml_document import is_well_formed, parse
from ingest.formats.checkup_xml_packed import PackedMembers
from ingest.formats.checkup_xml_plain import PlainBlock
from tests.fuzz.corpus import originals
from tests.fuzz.mutations import HEAVY, mutant
from tests.property.checkup_xml_variations import each, varied
from tests.property.test_plain_reading import told
from tests.unit.formats.checkup_xml_samples import ix08, name

DOCUMENTS = 40
HEAVY_NAMES = {mutation.__name__ for mutation in HEAVY}
MUTANTS = [
    number
    for number in range(250)
    if mutant(number, is_made=False).format == "checkup_xml"
    and not HEAVY_NAMES & set(mutant(number, is_made=False).mutations)
]


@pytest.fixture(autouse=True)
def _in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small archive is read in several, and what was said is forgotten in between."""
    monkeypatch.setattr(checkup_xml_walk, "BLOCK_BYTES", 20_000)
    monkeypatch.setattr(checkup_xml_checkups, "AT_ONCE", 8)
    monkeypatch.setattr(checkup_xml_checkups, "MOST_SAYINGS", 30)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many documents were plain, a number a block."""
    found: list[int] = []
    ask = Checkups.plain

    def noted(self: Checkups, documents: list[bytes]) -> PlainBlock:
        block = ask(self, documents)
        found.append(int(block.is_plain.sum()))
        return block

    monkeypatch.setattr(Checkups, "plain", noted)
    return found


def as_trees(path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is said of a file when every member is taken out by ``zipfile`` and read as a tree."""
    with monkeypatch.context() as patch:
        patch.setattr(checkup_xml_plain, "is_well_formed", lambda _: False)
        patch.setattr(PackedMembers, "read", lambda *_: None)
        return told(path)


def differences(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    from_bytes, from_trees = told(path), as_trees(path, monkeypatch)
    return [key for key in from_bytes | from_trees if from_bytes.get(key) != from_trees.get(key)]


def test_each_strange_thing_is_read_from_its_bytes_as_it_is_as_a_tree(
    tmp_path: Path, plain: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = list(each())
    for start in range(0, len(documents), 10):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as members:
            for number, data in enumerate(documents[start : start + 10]):
                members.writestr(name(number), data)
        assert differences(tmp_path / "a.zip", monkeypatch) == [], start
    assert sum(plain) > len(documents) // 3


def archive(path: Path, random: Random) -> Path:
    """An archive of documents that vary, some under strange names."""
    with zipfile.ZipFile(path, "w", random.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED))) as members:
        members.writestr("top/ix08_V08.xml", ix08(DOCUMENTS))
        for number in range(DOCUMENTS):
            other = random.choice((f"top/DATA/a{number}.xml", name(number).replace("/h", "/g"), f"表/{name(number)}"))
            members.writestr(other if random.random() < 0.08 else name(number), varied(random))
    return path


def check(seeds: range, path: Path, plain: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in seeds:
        assert differences(archive(path, Random(seed)), monkeypatch) == [], seed
    assert sum(plain) > len(seeds) * DOCUMENTS // 4


def test_documents_are_read_from_their_bytes_as_they_are_as_trees(
    tmp_path: Path, plain: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    check(range(6), tmp_path / "a.zip", plain, monkeypatch)


@pytest.mark.long
def test_many_documents_are_read_from_their_bytes_as_they_are_as_trees(
    tmp_path: Path, plain: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    check(range(6, 300), tmp_path / "a.zip", plain, monkeypatch)


def test_documents_of_the_writer_are_plain(tmp_path: Path, plain: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    for original in originals():
        if original.name.startswith("checkup-xml"):
            (tmp_path / "a.zip").write_bytes(original.data)
            plain.clear()
            assert told(tmp_path / "a.zip")["records"]["hc08"] == sum(plain)
            assert differences(tmp_path / "a.zip", monkeypatch) == []


def test_damaged_archives_are_read_from_their_bytes_as_they_are_as_trees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(MUTANTS) > 15
    for number in MUTANTS:
        made = mutant(number)
        (tmp_path / "a.zip").write_bytes(made.data)
        try:
            reader, _ = recognise(tmp_path / "a.zip")
        except FileRefused:
            continue
        if reader.format == "checkup_xml":
            assert differences(tmp_path / "a.zip", monkeypatch) == [], made


def test_a_document_is_well_formed_where_it_can_be_parsed() -> None:
    random = Random(20240603)
    found = [
        (is_well_formed(data), not isinstance(parse(data), Fault)) for data in (varied(random) for _ in range(500))
    ]
    assert all(one == other for one, other in found)
    assert 100 < sum(one for one, _ in found) < 480
