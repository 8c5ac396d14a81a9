"""地域コード of a public table: nation, prefecture or municipality, as offices write them.

National statistics write 00000 for the nation and two digits with 000 for a prefecture; many lists carry the
check digit (検査数字) as a sixth. Known codes are those of the seeds.
"""

from __future__ import annotations

import csv
from functools import cache

from ingest.settings import PROJECT_ROOT

NATION = ("nation", "JP")
WARD = "ward"
"""Level of a ward of a designated city: its city stands in the table, the ward is read past."""
_NATION_CODES = ("00", "00000", "000000", "JP", "全国")
_ZERO_LOST = "表計算ソフトが先頭の0を落としたようです。列を文字列にして5桁で書いてください"
_LOOK_UP = "総務省の全国地方公共団体コードで確かめてください"


def area_of(code: str) -> tuple[str, str] | str:
    """Level and id of a code without blanks, or what is wrong with it and what to do (parted by a tab)."""
    if code in _NATION_CODES:
        return NATION
    bare, check = (code[:5], code[5:]) if len(code) == 6 else (code, "")
    prefectures, towns = _known()
    if not code.isascii() or not code.isdigit():
        return f"地域コードではありません\t{_LOOK_UP}"
    if bare in prefectures or (len(bare) == 5 and bare.endswith("000") and bare[:2] in prefectures):
        return "prefecture", bare[:2]
    if bare in towns:
        kind, last = towns[bare]
        if check and check != last:
            return f"地域コードの検査数字（6桁目）が合いません\t{_LOOK_UP}"
        return (WARD if kind == WARD else "municipality"), bare
    if len(code) == 4 and f"0{code}" in towns or len(code) == 1 and f"0{code}" in prefectures:
        return f"地域コードの桁が足りません\t{_ZERO_LOST}"
    return f"知られていない地域コードです\t{_LOOK_UP}。合併前の市町村や面積だけの地域であれば、その行を除いてください"


@cache
def _known() -> tuple[frozenset[str], dict[str, tuple[str, str]]]:
    """Prefecture codes; kind and check digit of each municipality code."""
    seeds = PROJECT_ROOT / "seeds"
    with (seeds / "prefectures.csv").open(encoding="utf-8", newline="") as stream:
        prefectures = frozenset(row["prefecture_code"] for row in csv.DictReader(stream))
    with (seeds / "municipalities.csv").open(encoding="utf-8", newline="") as stream:
        towns = {
            row["municipality_code"]: (row["kind_code"], row["municipality_code_6"][5:])
            for row in csv.DictReader(stream)
        }
    return prefectures, towns
