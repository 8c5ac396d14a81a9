"""Small receipt files for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

IR = "IR,2,16,1,1234567,,架空医療機関,202404,00,"
HO = "HO,  160028,１２,３４５,2,73,,,,,,,,,"
SY = "SY,2500015,20240301,1,,,01,"
SI = "SI,12,1,112007410,,73,1" + "," * 37
GO = "GO,1,73,99"


def re_line(
    number: int = 1,
    *,
    name: str = "架空　太郎",
    birth: str = "19500401",
    sex: str = "1",
    kind: str = "1112",
    search: str | None = None,
) -> str:
    """A RE record of 38 columns."""
    columns = ["RE", str(number), kind, "202403", name, sex, birth, "070", *[""] * 30]
    columns[18] = f"S{number:04d}" if search is None else search
    columns[36] = "カクウ　タロウ"
    return ",".join(columns)


def receipt(number: int = 1, **fields: str) -> list[str]:
    """One receipt of 73 points."""
    return [re_line(number, **fields), HO, SY, SI]


def write(path: Path, lines: list[str], *, end: str = "\r\n", last: bytes = b"\x1a", encoding: str = "cp932") -> Path:
    """The lines as a file; gives the path back."""
    path.write_bytes((end.join(lines) + end).encode(encoding) + last)
    return path
