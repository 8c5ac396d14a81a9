"""The rows that a file holds, counted in plain Python and from the format's description alone.

For a file that was taken, the lines of each kind must be exactly the ``source_row`` of the table and of
the rows set aside, each once. A refused file must not hold more than it could.
"""

from __future__ import annotations

import io
import unicodedata
import zipfile
from xml.etree import ElementTree as ET  # noqa: S405  (no document with a DTD is parsed)

import polars as pl

from ingest.formats.reading import FileRefused, Reading
from tests.fuzz.archives import BROKEN

BLANKS = " \t\x0b\x0c\r\x85\xa0　 " + "".join(chr(code) for code in range(0x2000, 0x200B)) + "\u2028\u2029\u202f\u205f"
"""What counts as nothing in a line: white space of Unicode, not the separators 0x1C to 0x1F."""
UKE_TABLES = {
    "RE": "claim",
    **dict.fromkeys(("SY", "SB", "HS"), "claim_diagnosis"),
    **dict.fromkeys(("SI", "IY", "TO", "CD", "SS"), "claim_item"),
}
FEES = ("CZ", "KI")
"""Records of a pharmacy that become a row for each of their codes, and none without a code."""
CARE_TABLES = {
    "H1": "care_claim",
    "T1": "care_service",
    "D8": "care_high_cost",
    "DE": "care_high_cost",
    **dict.fromkeys(["D1", "DD", "D2", "DC", "D3", "D4", "D5", "D6", "D7", "D9", "DA", "DB"], "care_line"),
}
FORM_TABLES = {
    "01": "care_claim",
    "10": "care_service",
    **dict.fromkeys(["02", "03", "04", "05", "11", "12", "13", "14"], "care_line"),
}
FORMS = ("713", "714", "715", "716", "717", "718", "719", "71A", "71P")
PLAN = "812"
"""様式七: every record is a line, and the first of a person, month and provider its claim too (not counted here)."""
HEADED = {
    "enrolment_kokuho_csv": "enrolment",
    "enrolment_koki_csv": "enrolment",
    "enrolment_profile_csv": "enrolment",
    "care_insured_count_csv": "care_insured_count",
    "population_csv": "population",
    "district_set_csv": "district_set",
}
HEADING_WORDS = {
    "enrolment_kokuho_csv": "保険者番号",
    "enrolment_koki_csv": "保険者番号",
    "enrolment_profile_csv": "保険者コード",  # of the vendor in the corpus
    "care_insured_count_csv": "被保険者数",
    "population_csv": "人口",
    "district_set_csv": "地区割",
}
HEADING_WITHIN = 6
COUNTED = {"uke", "fkac167_csv", "care_1111", "care_5311", "care_7131", *HEADED}
"""Formats whose rows are counted here; of another (an archive, which only bombs look like) none may come twice."""
ONCE = {
    "claim",
    "checkup",
    "guidance",
    "enrolment",
    "care_claim",
    "care_line",
    "care_high_cost",
    "care_certification",
}

Lines = list[tuple[int, str]]


def _numbered(text: str) -> Lines:
    return list(enumerate(text.split("\n"), start=1))


def uke_lines(data: bytes) -> Lines:
    """Lines of receipts that hold something, by their number."""
    lines = [(number, line.rstrip("\r\x1a")) for number, line in _numbered(data.decode("cp932", errors="replace"))]
    return [(number, line) for number, line in lines if line]


def csv_lines(data: bytes) -> Lines:
    """Lines of a CSV file that hold something, by their number."""
    body = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("cp932", errors="replace")
    return [(number, line) for number, line in _numbered(text.rstrip("\x1a")) if line.strip(BLANKS)]


def uke_record(line: str) -> str | None:
    """The record id: the first of the first five columns that is two capital letters."""
    for column in line.split(",")[:5]:
        if len(column) == 2 and column.isascii() and column.isalpha() and column.isupper():
            return column
    return None


def rows_of(format_name: str, data: bytes, *, is_refused: bool = False) -> dict[str, set[int]]:
    """Line numbers by table that a file must account for; headed CSV files: see ``misplaced``.

    A file of care that is refused may hold its records in another frame than between the first and the last line.
    """
    found: dict[str, set[int]] = {}
    records = _records_of_care(data) if is_refused else csv_lines(data)[1:-1]
    if format_name == "uke":
        for number, line in uke_lines(data):
            table = UKE_TABLES.get(uke_record(line) or "")
            if table:
                found.setdefault(table, set()).add(number)
    elif format_name == "fkac167_csv":
        found["checkup"] = {number for number, _ in csv_lines(data)[2:]}
    elif format_name == "care_1111":
        unclear = unclear_rows(format_name, data)
        for number, line in records:
            columns = [column.strip('"').strip(BLANKS) for column in line.split(",")[:5]]
            table = CARE_TABLES.get(columns[4] if len(columns) == 5 else "")
            if table and number not in unclear:
                found.setdefault(table, set()).add(number)
    elif format_name == "care_7131":
        unclear = unclear_rows(format_name, data)
        for number, line in records:
            columns = [column.strip('"').strip(BLANKS) for column in line.split(",")[:4]]
            form = columns[2][:3] if len(columns) > 2 else ""
            table = FORM_TABLES.get(columns[3]) if len(columns) == 4 and form in FORMS else None
            table = "care_line" if form == PLAN else table
            if table and number not in unclear:
                found.setdefault(table, set()).add(number)
    elif format_name == "care_5311":
        unclear = unclear_rows(format_name, data)
        for number, line in records:
            columns = [column.strip('"').strip(BLANKS) for column in line.split(",")[:3]]
            if columns[2:] in (["5311"], ["5341"]) and number not in unclear:
                found.setdefault("care_certification", set()).add(number)
    return found


def _records_of_care(data: bytes) -> Lines:
    """Lines that say that they are data records."""
    return [(n, line) for n, line in csv_lines(data) if line.split(",")[0].strip('"').strip(BLANKS) == "2"]


def unclear_rows(format_name: str, data: bytes) -> set[int]:
    """Lines of care whose quotes are wrong before the code: set aside, or read past as of no known type."""
    if format_name not in ("care_1111", "care_5311", "care_7131"):
        return set()
    return {n for n, line in csv_lines(data) if any('"' in c.strip('"').strip(BLANKS) for c in line.split(",")[:5])}


def misplaced(reading: Reading, data: bytes) -> list[str]:
    """What is wrong with where the rows of a taken file went; empty where all is well."""
    counted = _counted(reading.tables, reading.set_aside)
    if reading.format not in COUNTED:
        return _twice(counted) + (_lost_documents(reading, counted, data) if reading.format == "checkup_xml" else [])
    wrong: list[str] = []
    expected = rows_of(reading.format, data)
    if reading.format in HEADED:
        table = HEADED[reading.format]
        numbered = csv_lines(data)
        lines = [number for number, _ in numbered]
        above = len(lines) - len(counted.get(table, []))
        if not 1 <= above <= HEADING_WITHIN or not _is_heading(reading.format, numbered[above - 1][1]):
            wrong.append(f"{len(lines)} lines, {len(counted.get(table, []))} rows of {table}")
        expected = {table: set(lines[above:])}
    wrong += _differences(reading.format, counted, expected, data)
    wrong += _lost_records(reading.format, reading.records, data)
    return wrong


def lost_in_refusal(format_name: str, refused: FileRefused, data: bytes) -> list[str]:
    """What is wrong with the rows of a file that was read and then refused: they are counted as refused with it.

    A torn last line is no row of any.
    """
    if not refused.tables:
        return []
    counted = _counted(refused.tables, refused.set_aside)
    if format_name == "checkup_xml":
        told = refused.records.get("hc08", 0) + refused.records.get("hg08", 0)
        rows = [row for name in ("checkup", "guidance") for row in counted.get(name, [])]
        return [] if sorted(rows) == list(range(1, told + 1)) else [f"refused {len(rows)} rows of {told} documents"]
    lines = uke_lines(data) if format_name == "uke" else csv_lines(data)
    torn = lines[-1][0]
    if format_name in HEADED:
        table = HEADED[format_name]
        rows = [row for row in counted.get(table, []) if row != torn]
        expected = {table: {number for number, _ in lines[len(lines) - 1 - len(rows) : -1]}}
        heading = len(lines) - 2 - len(rows)
        if not 0 <= heading < HEADING_WITHIN or not _is_heading(format_name, lines[heading][1]):
            return [f"refused {len(rows)} rows of {table} in {len(lines)} lines"]
    else:
        expected = rows_of(format_name, data, is_refused=True)
    wrong = _differences(format_name, counted, expected, data, besides={torn})
    return [f"refused: {what}" for what in wrong]


def _counted(tables: dict[str, pl.DataFrame], set_aside: pl.DataFrame) -> dict[str, list[int]]:
    """Line numbers of the rows by table, those set aside among them."""
    counted = {name: frame["source_row"].to_list() for name, frame in tables.items()}
    for name, row in set_aside.select("table_name", "source_row").iter_rows():
        counted.setdefault(name, []).append(row)
    return counted


def _twice(counted: dict[str, list[int]]) -> list[str]:
    return [
        f"{name}: a row twice" for name, rows in sorted(counted.items()) if name in ONCE and len(rows) != len(set(rows))
    ]


def _differences(
    format_name: str, counted: dict[str, list[int]], expected: dict[str, set[int]], data: bytes,
    besides: frozenset[int] | set[int] = frozenset(),
) -> list[str]:  # fmt: skip
    """Tables whose rows are not exactly those expected, each once; lines ``besides`` may be missing."""
    wrong: list[str] = []
    unclear = unclear_rows(format_name, data)
    if format_name == "uke" and "claim_item" in counted:
        several = {number for number, line in uke_lines(data) if uke_record(line) in FEES}
        of_dentist = {number for number, line in uke_lines(data) if uke_record(line) == "SS"}
        once = set(counted["claim_item"]) & of_dentist  # additions of a treatment are rows of the same line
        counted["claim_item"] = [row for row in counted["claim_item"] if row not in several | once] + sorted(once)
    if format_name == "care_7131":  # the claim of a plan stands on its first line
        counted["care_claim"] = [n for n in counted.get("care_claim", []) if n not in expected.get("care_line", set())]
    for name in sorted(expected.keys() | (counted.keys() - {"checkup_result"})):
        rows = [row for row in counted.get(name, []) if row not in unclear | besides]
        whole = expected.get(name, set()) - besides
        if sorted(rows) != sorted(whole):
            strange = sorted(set(rows) ^ whole)[:5]
            wrong.append(f"{name}: {len(rows)} rows accounted for, {len(whole)} in the file {strange}")
    return wrong


def _lost_documents(reading: Reading, counted: dict[str, list[int]], data: bytes) -> list[str]:
    """Every document of an archive is one checkup or one guidance, taken or set aside."""
    rows = [row for name in ("checkup", "guidance") for row in counted.get(name, [])]
    documents = documents_in(data)
    told = reading.records.get("hc08", 0) + reading.records.get("hg08", 0)
    wrong = [] if sorted(rows) == list(range(1, documents + 1)) else [f"{len(rows)} rows of {documents} documents"]
    return wrong if told == documents else [*wrong, f"{told} records of {documents} documents"]


def documents_in(data: bytes) -> int:
    """Documents of a person in a whole archive, or in one XML file: those that say so, and those nobody can open."""
    if not data.startswith(b"PK\x03\x04"):
        return 1
    count = 0
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            parts = _printed_name(info).replace("\\", "/").upper().split("/")
            if not parts[-1].endswith(".XML") or parts[-2:-1] in (["XSD"], ["CORESCHEMAS"], ["CLAIMS"]):
                continue
            root = _root_of(archive, info)
            is_total = root in ("index", "summary") or parts[-1][:4] in ("IX08", "SU08")
            count += root in ("ClinicalDocument", "") and not is_total
    return count


def _printed_name(info: zipfile.ZipInfo) -> str:
    """CP932 where the name is not marked as UTF-8: its second bytes may look like a backslash."""
    if info.flag_bits & 0x800 or info.filename.isascii():
        return info.filename
    return info.filename.encode("cp437").decode("cp932", errors="replace")


def _root_of(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    """The root element of a member, without its namespace; empty where it cannot be opened."""
    try:
        content = archive.read(info) if info.file_size <= 4 << 20 else b""
        if b"<!DOCTYPE" in content or b"\0" in content:
            return ""
        parser = ET.XMLParser(encoding="utf-8")  # noqa: S314  (whatever the document declares)
        return ET.fromstring(content.removeprefix(b"\xef\xbb\xbf"), parser).tag.rpartition("}")[2]  # noqa: S314
    except (ET.ParseError, *BROKEN):
        return ""


def _is_heading(format_name: str, line: str) -> bool:
    """Whether a line names a column that every file of the format has, and no row holds."""
    bare = "".join(unicodedata.normalize("NFKC", line).split())
    return HEADING_WORDS[format_name] in bare


def _lost_records(format_name: str, records: dict[str, int], data: bytes) -> list[str]:
    """Every line is of some record type, or stands around the records."""
    total = sum(records.values())
    lines = len(uke_lines(data) if format_name == "uke" else csv_lines(data))
    around = {"uke": (0, 0), "fkac167_csv": (2, 2), "care_1111": (2, 2), "care_5311": (2, 2), "care_7131": (2, 2)}
    low, high = around.get(format_name, (1, HEADING_WITHIN))
    return [] if low <= lines - total <= high else [f"{total} records of {lines} lines"]


def overcounted(format_name: str, records: dict[str, int], rows: dict[str, set[int]], data: bytes) -> list[str]:
    """What a refusal says that is more than the file holds."""
    wrong: list[str] = []
    if format_name not in COUNTED:
        return wrong
    lines = {number for number, _ in (uke_lines(data) if format_name == "uke" else csv_lines(data))}
    if sum(records.values()) > len(lines):
        wrong.append(f"refused with {sum(records.values())} records of {len(lines)} lines")
    if format_name == "uke" and records:
        receipts = rows_of(format_name, data).get("claim", set())
        if not len(receipts) - 1 <= records.get("RE", 0) <= len(receipts):  # the last line may be torn
            wrong.append(f"refused with {records.get('RE', 0)} receipts of {len(receipts)}")
    wrong += [f"{table}: refused rows that are no lines" for table, found in rows.items() if not found <= lines]
    return wrong
