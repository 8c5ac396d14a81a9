"""Receipts of 医科, DPC, 歯科 and 調剤, line by line: an insurer's file of all, an institution's of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests import site_world as world

HEADS = {
    "medical": "IR,2,16,1,0123459,,架空医院,202406,,00,",
    "dpc": "IR,2,16,1,0123459,,架空病院,202406,,00,",
    "dental": "IR,2,16,3,0123459,,架空歯科,202406,,00",
    "pharmacy": "YK,2,16,4,0123459,架空薬局,202406,00,",
}
CLAIM_TYPES = {"medical": "1112", "dpc": "1111", "dental": "3112", "pharmacy": "4112"}
WIDTHS = {"medical": (38, 18), "dpc": (40, 20), "dental": (38, 19), "pharmacy": (42, 37)}
"""Columns of RE by kind, and where 検索番号 stands."""
SUMMARY_CODE = 18
CODING = "CD,20240505,33,1,1,640453060,2,,,1,"
BODIES = {
    "medical": ["SY,2500015,20240401,1,,,01,", "SI,12,1,112007410,,300,3,,,,,,,1,1,1" + "," * 28],
    "dpc": [
        "BU,050050xx9910x0,20240501,20240510,1,",
        "SB,8830417,8002,,I200,01,,",
        "SB,2500015,,,E119,11,,",
        "GT,202405,2,1,1,0,0,0,900,93,,",
        CODING,
    ],
    "dental": [
        "HS,20240501,1,,8844001,,,,,01,,,",
        f"SS,44,1,309000110,,,309000570,1{',' * 69}400,2,1,1{',' * 29}",
        f"IY,21,1,610406047,1.5,10,10{',' * 32}",
    ],
    "pharmacy": [
        "SH,1,1,,,7,,,,",
        "IY,1,610406047,3,,,,,,",
        f"CZ,1,20240501,20240505,1,14,1,1,,430000001,24,,,98{',' * 57}",
        f"KI,20240505,1,1,430000020,660,,1,430000030,2,59{',' * 103}",
    ],
}
"""Records of a receipt of 900 points, behind its HO."""
PUBLIC = "KO,21160013,1234567,,3,900" + "," * 6


def write_insurers_file(path: Path) -> None:
    """An insurer's file with a receipt of each kind."""
    lines = []
    for number, (kind, head) in enumerate(HEADS.items(), start=1):
        lines += ["MN,16001,,16001", head, *_receipt(kind, number), "EX,,,", "RC,Ver00001,x"]
    text = "".join(f"1,{number},0,{line}\r\n" for number, line in enumerate(lines, start=1))
    path.write_bytes(text.encode("cp932"))


def write_institutions_file(path: Path, kind: str) -> None:
    """An institution's file of one kind: three receipts, one of public funds alone, one whose insurer was corrected."""
    lines = [
        HEADS[kind],
        *_receipt(kind, 1),
        *_receipt(kind, 2, insurer=PUBLIC),
        *_receipt(kind, 3, behind=[f"SN,1,04,  {world.KOKUHO},,{_wide(world.person(5)['number'])},02,,"]),
        "GO,3,2700,99",
    ]
    path.write_bytes(("\r\n".join(lines) + "\r\n\x1a").encode("cp932"))


def write_hospitals_file(path: Path) -> None:
    """DPC as a hospital sends it: a receipt of the old 28 columns, then a 総括 of the new 40 with its two children.

    The second child was corrected, its list of HO that of formats.md rule 9: own, 総括 revised, own revised.
    """
    old = _receipt("dpc", 1, width=28, summary="0")
    revised = [_insurer(2, 1700), _insurer(2, 800)]
    lines = [
        HEADS["dpc"],
        *old,
        *_receipt("dpc", 2, summary="1", points=1800, body=[]),
        *_receipt("dpc", 3, summary="2", number_of=2),
        *_receipt("dpc", 4, summary="3", number_of=2, behind=revised, body=BODIES["medical"]),
        "GO,3,2700,99",
    ]
    path.write_bytes(("\r\n".join(lines) + "\r\n\x1a").encode("cp932"))


def _receipt(
    kind: str,
    number: int,
    *,
    width: int | None = None,
    summary: str = "0",
    points: int = 900,
    number_of: int | None = None,
    insurer: str | None = None,
    behind: list[str] | None = None,
    body: list[str] | None = None,
) -> list[str]:
    """The lines of one receipt; ``number_of`` is the person, ``insurer`` what stands in place of HO."""
    columns, search = WIDTHS[kind]
    person = world.person(number if number_of is None else number_of)
    cells = ["RE", str(number), CLAIM_TYPES[kind], "202405", person["name_kanji"], "1"]
    cells += [f"{person['birth_date']:%Y%m%d}", "070"]
    cells += [""] * ((width or columns) - len(cells))
    cells[search] = f"S{number}"
    if kind == "dpc":
        cells[SUMMARY_CODE] = summary
    payer = _insurer(number if number_of is None else number_of, points) if insurer is None else insurer
    records = BODIES[kind] if body is None else body
    return [",".join(cells), payer, *(behind or []), *records]


def _insurer(person: int, points: int) -> str:
    number: Any = world.person(person)["number"]
    return f"HO,  {world.KOKUHO},,{_wide(number)},3,{points}{',' * 9}"


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
