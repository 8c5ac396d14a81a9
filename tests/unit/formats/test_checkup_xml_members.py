"""Strange members of a checkup archive: archives in it, names that lead out of it or stand twice, huge texts, many."""

from __future__ import annotations

import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import polars as pl
import pytest

from ingest.formats import FileRefused, read
from tests.unit.formats.checkup_xml_samples import HBA1C, HEIGHT, hc08, ix08, name, packed, pq

FINDINGS = "9N511000000000049"  # 医師の診断, free text


def archive_of(path: Path, *members: tuple[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of two members of one name
        for member, content in members:
            archive.writestr(member, content)
    return path


def refused(path: Path) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        read(path)
    return caught.value


# -- archives in archives ------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("inner_name", ["top/DATA.zip", "top/1610123459_00162024_20240710_1"])
def test_an_archive_in_a_checkup_archive_is_refused_and_not_passed_over(
    tmp_path: Path, method: int, inner_name: str
) -> None:
    inner = packed(tmp_path / "inner", hc08(), hc08()).read_bytes()
    path = archive_of(
        tmp_path / "a.zip", ("top/ix08_V08.xml", ix08(3)), (inner_name, inner), (name(1), hc08()), method=method
    )
    error = refused(path)
    assert error.reason_code == "not_opened"
    assert "ZIPの中に圧縮ファイル" in error.message and "取り出し" in error.remedy


def test_archives_packed_together_are_refused_with_what_to_do(tmp_path: Path) -> None:
    inner = packed(tmp_path / "inner", hc08()).read_bytes()
    stored = archive_of(tmp_path / "a.zip", ("june.zip", inner), ("july.zip", inner), method=zipfile.ZIP_STORED)
    assert refused(stored).reason_code == "not_opened"
    deflated = archive_of(tmp_path / "b.zip", ("june.zip", inner), ("july.zip", inner))
    error = refused(deflated)
    assert error.reason_code in ("not_opened", "unrecognised") and ("展開" in error.remedy or "取り出" in error.remedy)


def test_an_archive_in_one_that_lost_its_end_is_refused_too(tmp_path: Path) -> None:
    inner = packed(tmp_path / "inner", hc08()).read_bytes()
    whole = archive_of(tmp_path / "a.zip", ("top/ix08_V08.xml", ix08(1)), ("top/DATA.zip", inner), (name(1), hc08()))
    (tmp_path / "b.zip").write_bytes(whole.read_bytes()[:-40])
    assert refused(tmp_path / "b.zip").reason_code == "not_opened"


@pytest.mark.parametrize("content", ["a.csv", "xl/workbook.xml"])
def test_a_zip_of_something_else_says_to_unpack_it(tmp_path: Path, content: str) -> None:
    error = refused(archive_of(tmp_path / "a.zip", (content, "1,2,3")))
    assert error.reason_code == "unrecognised" and "ZIP" in error.message and "展開" in error.remedy


# -- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "strange",
    ["/etc/cron.d/h16101234592024071001000001.xml", "../../../h16101234592024071001000001.xml",
     "C:\\Windows\\h16101234592024071001000001.xml", "..\\..\\DATA\\h16101234592024071001000001.xml"],
)  # fmt: skip
def test_a_name_that_leads_out_of_the_archive_writes_nothing_and_the_document_is_read(
    tmp_path: Path, strange: str
) -> None:
    home = tmp_path / "inbox" / "a" / "b"
    home.mkdir(parents=True)
    bad = hc08().replace("<ClinicalDocument", "<ClinicalDocument x", 1)
    path = archive_of(home / "a.zip", ("top/ix08_V08.xml", ix08(2)), (strange, hc08()), (name(2), bad))
    before = sorted(tmp_path.rglob("*"))
    reading = read(path)
    assert sorted(tmp_path.rglob("*")) == before
    assert reading.tables["checkup"]["data_number"].to_list() == [1]
    assert reading.set_aside["source_row"].to_list() == [2]


def test_a_message_names_a_member_without_the_folders_it_pretends_to_lie_in(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "a.zip", ("top/ix08_V08.xml", ix08(1)), ("../../etc/passwd\x1b[31m.xml", "<a"))
    (message,) = read(path).set_aside["message"]
    assert message.startswith("passwd") and "etc" not in message and message.isprintable()


def test_two_documents_of_one_name_are_both_read_and_told(tmp_path: Path) -> None:
    first, second = (hc08(pq(HEIGHT, value, "cm")) for value in ("160", "161"))
    path = archive_of(tmp_path / "a.zip", ("top/ix08_V08.xml", ix08(2)), (name(1), first), (name(1), second))
    reading = read(path)
    assert reading.tables["checkup"].height == 2
    assert reading.tables["checkup_result"]["numeric_value"].cast(pl.Int64).to_list() == [160, 161]
    (problem,) = reading.problems
    assert (problem.field, problem.reason_code) == ("ファイル名", "contract") and "同じ名前" in problem.message


# -- size ----------------------------------------------------------------------------------------


def test_a_document_of_one_huge_text_is_read_and_the_text_kept_out_of_the_messages(tmp_path: Path) -> None:
    opinion = f'<observation classCode="OBS" moodCode="EVN"><code code="{FINDINGS}"/>' + (
        f'<value xsi:type="ST">{"".join(chr(0x4E00 + n % 20000) for n in range(1_000_000))}</value></observation>'
    )
    number = "".join(str(n) for n in range(200_000))
    reading = read(packed(tmp_path / "a.zip", hc08(opinion, pq(HEIGHT, "160", "cm")), hc08(pq(HEIGHT, number, "cm"))))
    assert reading.tables["checkup"].height == 2
    assert len(reading.tables["checkup"]["doctor_opinion"][0]) == 1_000_000
    assert reading.set_aside.select("table_name", "source_row", "reason_code").rows() == [
        ("checkup_result", 2, "bad_number")
    ]
    assert all(len(text) < 300 for text in reading.set_aside["message"])
    assert all(len(p.message) < 300 for p in reading.problems)


def test_elements_that_lie_in_each_other_without_end_do_not_end_the_process(tmp_path: Path) -> None:
    depth = 300_000
    deep = hc08().replace("<text/>", "<text>" + "<b>" * depth + "</b>" * depth + "</text>", 1)
    reading = read(packed(tmp_path / "a.zip", deep, hc08()))
    assert reading.tables["checkup"].height + reading.set_aside.height == 2


_STREAMED = """
import resource, sys
from pathlib import Path
from ingest.formats import read
opened = []
sys.addaudithook(lambda event, args: opened.append(args) if event == "open" else None)
reading = read(Path(sys.argv[1]))
written = [str(args[0]) for args in opened if isinstance(args[1], str) and set(args[1]) & set("wax+")]
print(reading.tables["checkup"].height, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, *written)
"""


def streamed(path: Path, documents: int) -> tuple[int, int, list[str]]:
    """(checkups read, peak memory in MB, files opened for writing) of an archive of so many documents."""
    text = hc08(pq(HEIGHT, "160", "cm"), pq(HBA1C, "5.6", "%"))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("top/ix08_V08.xml", ix08(documents))
        for number in range(1, documents + 1):
            archive.writestr(name(number), text.replace('extension="0012"', f'extension="{number:07}"'))
    command = [sys.executable, "-c", _STREAMED, str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()  # noqa: S603
    return int(found[0]), int(found[1]), found[2:]


def test_members_are_read_without_unpacking_any(tmp_path: Path) -> None:
    assert streamed(tmp_path / "a.zip", 500)[::2] == (500, [])


@pytest.mark.long
def test_a_hundred_thousand_members_are_read_in_less_than_a_gigabyte_without_unpacking_any(tmp_path: Path) -> None:
    count, megabytes, written = streamed(tmp_path / "a.zip", 100_000)
    assert (count, written) == (100_000, [])
    assert megabytes < 1024
