"""What a ZIP or an XML document could do to its reader, and what becomes of damaged ones."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from pathlib import Path

import polars as pl
import pytest

from ingest.formats import FileRefused, Reading, checkup_xml_archive, read
from ingest.formats.reading import reasons
from tests.unit.formats.checkup_xml_samples import HEIGHT, hc08, ix08, name, packed, pq

ENTITIES = '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;">]>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'


def refused(path: Path) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        read(path)
    return caught.value


def reasons_of(reading: Reading) -> list[tuple[int, str]]:
    return reading.set_aside.select("source_row", "reason_code").rows()


@pytest.mark.parametrize("declaration", [ENTITIES, OUTSIDE])
def test_a_document_with_a_dtd_or_entities_is_not_opened_and_the_others_go_on(tmp_path: Path, declaration: str) -> None:
    bad = hc08().replace("<ClinicalDocument", declaration + "<ClinicalDocument", 1).replace("高", "&x;")
    reading = read(packed(tmp_path / "a.zip", bad, hc08()))
    assert reasons_of(reading) == [(1, "not_opened")] and reading.tables["checkup"].height == 1
    assert reading.set_aside["raw"][0] == bad and "DTD" in reading.set_aside["message"][0]
    (tmp_path / "one.xml").write_text(bad, encoding="utf-8")
    assert refused(tmp_path / "one.xml").reason_code == "not_opened"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_dtd_does_not_hide_in_another_encoding(tmp_path: Path, encoding: str) -> None:
    bad = hc08().replace("<ClinicalDocument", ENTITIES + "<ClinicalDocument", 1).replace("高", "&y;")
    for text in (bad, bad.removeprefix('<?xml version="1.0" encoding="UTF-8"?>\n')):
        assert reasons_of(read(packed(tmp_path / "a.zip", text.encode(encoding)))) == [(1, "encoding")]


def test_an_entity_that_nobody_declared_is_not_well_formed(tmp_path: Path) -> None:
    assert reasons_of(read(packed(tmp_path / "a.zip", hc08().replace("高", "&x;")))) == [(1, "contract")]


def test_a_document_in_another_encoding_is_set_aside_and_told(tmp_path: Path) -> None:
    declared = hc08().replace('encoding="UTF-8"', 'encoding="Shift_JIS"')
    reading = read(packed(tmp_path / "a.zip", declared.encode("cp932"), hc08().encode("utf-16"), hc08()))
    assert reasons_of(reading) == [(1, "encoding"), (2, "encoding")]
    assert "UTF-8" in reading.set_aside["remedy"][0]


def test_a_document_cut_off_is_set_aside_in_an_archive_and_refused_alone(tmp_path: Path) -> None:
    half = hc08()[:900]
    assert reasons_of(read(packed(tmp_path / "a.zip", half, hc08()))) == [(1, "truncated")]
    (tmp_path / "one.xml").write_text(half, encoding="utf-8")
    assert refused(tmp_path / "one.xml").reason_code == "truncated"


def test_a_member_that_grows_too_much_is_not_opened(tmp_path: Path) -> None:
    spaces, huge = " " * (1 << 20), "x" * (5 << 20)
    reading = read(packed(tmp_path / "a.zip", hc08() + spaces, hc08(), huge))
    assert reasons_of(reading) == [(1, "not_opened"), (3, "not_opened")]
    assert reading.set_aside["raw"].to_list() == ["", ""]


def test_an_archive_that_grows_too_much_is_refused_before_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path / "a.zip", *[" " * (200 << 10)] * 20)
    monkeypatch.setattr(checkup_xml_archive, "TOTAL_FLOOR", 1 << 10)
    error = refused(path)
    assert error.reason_code == "not_opened" and "200倍" in error.message


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    whole = packed(tmp_path / "a.zip", hc08()).read_bytes()
    start = whole.index(b"PK\x01\x02")
    end = whole.index(b"PK\x05\x06")
    times = 50
    directory = whole[start:end] * times
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2 * times, 2 * times, len(directory), start, 0)
    (tmp_path / "b.zip").write_bytes(whole[:start] + directory + tail)
    assert refused(tmp_path / "b.zip").reason_code == "not_opened"


def test_an_encrypted_archive_is_refused_and_says_how_to_go_on(tmp_path: Path) -> None:
    data = bytearray(packed(tmp_path / "a.zip", hc08()).read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(mark)
        while place >= 0:
            data[place + offset] |= 1
            place = data.find(mark, place + 4)
    (tmp_path / "b.zip").write_bytes(data)
    error = refused(tmp_path / "b.zip")
    assert error.reason_code == "not_opened" and "暗号" in error.message and "復号" in error.remedy
    (tmp_path / "c.zip").write_bytes(data[: len(data) - 60])
    assert refused(tmp_path / "c.zip").reason_code == "not_opened"


@pytest.mark.parametrize("is_streamed", [False, True])
def test_an_archive_cut_in_half_is_refused_with_what_was_read(tmp_path: Path, is_streamed: bool) -> None:
    documents = [hc08(pq(HEIGHT, str(150 + n), "cm")) for n in range(20)]
    if is_streamed:  # written to a pipe: sizes follow the members
        pipe = io.BytesIO()
        pipe.seekable = lambda: False  # type: ignore[method-assign]
        with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("top/ix08_V08.xml", ix08(20))
            for number, text in enumerate(documents, start=1):
                archive.writestr(name(number), text)
        whole = pipe.getvalue()
    else:
        whole = packed(tmp_path / "a.zip", *documents).read_bytes()
    path = tmp_path / "b.zip"
    path.write_bytes(whole[: len(whole) // 2])
    error = refused(path)
    assert error.reason_code == "truncated"
    taken = error.tables["checkup"].height
    assert 5 < taken < 15 and error.records["hc08"] == taken == error.tables["checkup_result"].height


def test_a_member_whose_bytes_changed_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(name(1), hc08(pq(HEIGHT, "160", "cm")))
        archive.writestr(name(2), hc08())
    path.write_bytes(path.read_bytes().replace(b'value="160"', b'value="190"'))
    assert reasons_of(read(path)) == [(1, "checksum")]


def test_another_zip_is_not_taken_for_ours(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("photos/1.xml", "<x/>")
    assert refused(tmp_path / "a.zip").reason_code == "unrecognised"


def test_folders_named_in_cp932_are_read(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", hc08(), **{"top__CLAIMS__c1.xml": "<x/>"})
    path.write_bytes(path.read_bytes().replace(b"top/", "表x/".encode("cp932")))
    reading = read(path)
    assert reading.tables["checkup"].height == 1 and not reading.problems
    assert reading.records == {"cc08": 1, "hc08": 1, "ix08": 1}


def test_an_index_that_cannot_be_read_is_a_problem_and_the_documents_go_on(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("top/ix08_V08.xml", "<index")
        archive.writestr(name(1), hc08())
    reading = read(path)
    assert reading.tables["checkup"].height == 1 and reading.records == {"hc08": 1, "ix08": 1}
    assert [(p.field, p.reason_code) for p in reading.problems] == [("ix08_V08.xml", "truncated")]


def test_damage_anywhere_ends_in_a_refusal_or_a_reading_that_adds_up(tmp_path: Path) -> None:
    whole = packed(tmp_path / "a.zip", *[hc08(pq(HEIGHT, "160", "cm")) for _ in range(4)]).read_bytes()
    plain = hc08(pq(HEIGHT, "160", "cm")).encode()
    chance, path, seen = random.Random(20240603), tmp_path / "b", set()
    for turn in range(120):
        data = bytearray(whole if turn % 4 else plain)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if turn % 3 == 0:
            data = data[: chance.randrange(len(data))]
        if turn % 5 == 0:
            place = chance.randrange(len(data) + 1)
            data[place:place] = data[max(0, place - 50) : place]
        path.write_bytes(data)
        try:
            reading = read(path)
        except FileRefused as error:
            assert error.reason_code in reasons()
            seen.add(error.reason_code)
            continue
        aside = reading.set_aside.filter(pl.col("table_name") == "checkup").height
        assert reading.records.get("hc08", 0) == reading.tables["checkup"].height + aside
        seen.add("read")
    assert {"read", "truncated"} <= seen
