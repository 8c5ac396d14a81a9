"""年齢階級 of a public table, as the seed of age bands names them."""

from __future__ import annotations

import re

ALL = "all"
UNKNOWN = "unknown"
BANDS = (*(f"{low:02d}-{low + 4:02d}" for low in range(0, 95, 5)), "95+")
_WHOLE = {"総数", "計", "合計", "全年齢", "全体"}
_UNKNOWN = {"不詳", "年齢不詳", "不明"}
_REMEDY = "0～4歳から90～94歳までの5歳ごとと95歳以上、または総数にまとめてください"


def band_of(text: str) -> str:
    """Code of a band, of all ages or of those unknown; else reason code, message and remedy parted by tabs."""
    bare = re.sub(r"[歳才\s]", "", text)
    if bare in _WHOLE:
        return ALL
    if bare in _UNKNOWN:
        return UNKNOWN
    if found := re.fullmatch(r"(\d{1,2})[~〜～‐−ー–—-](\d{1,2})", bare):
        code = f"{int(found[1]):02d}-{int(found[2]):02d}"
    elif found := re.fullmatch(r"(\d{1,3})(?:以上|[+~〜～])", bare):
        code = f"{found[1]}+"
    else:
        code = ""
    return code if code in BANDS else f"bad_code\t5歳ごとの年齢階級ではありません\t{_REMEDY}"
