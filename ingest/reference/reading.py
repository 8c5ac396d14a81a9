"""From the bytes of a filled table to its rows, or its refusal with every fault.

Out come long rows, one a measure: year, area, sex, age, measure, value. Totals are always there: 計 and 総数 as the
file gives them, else the sum of what it gives.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from ingest.formats import csvtext
from ingest.formats.csvlayout import fold
from ingest.formats.reading import FileRefused
from ingest.reference.ages import ALL, BANDS, UNKNOWN, band_of
from ingest.reference.areas import WARD, area_of
from ingest.reference.errors import Fault, ReferenceRefused
from ingest.reference.tables import ReferenceColumn, ReferenceTable

SCHEMA = pl.Schema(
    {
        "year": pl.Int64(),
        "area_level": pl.String(),
        "area_id": pl.String(),
        "sex_code": pl.String(),
        "age_band_code": pl.String(),
        "measure_code": pl.String(),
        "value": pl.Decimal(18, 4),
        "source": pl.String(),
    }
)
EXAMPLE = "記入例"
_SEXES = {"1": "1", "男": "1", "男性": "1", "2": "2", "女": "2", "女性": "2", "計": ALL, "総数": ALL, "男女計": ALL}
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
_NUMBER = re.compile(r"\d{1,12}(\.\d+)?")
_NOTHING = {"-", "‐", "−", "ー", "…", "...", "***", "x", "X", "χ"}
_SPREADSHEET = "表計算ソフトで CSV UTF-8 として保存し直してください"

# year, area level, area, sex, age band
Key = tuple[int, str, str, str, str]


@dataclass(frozen=True)
class ReferenceFile:
    """One table as read; ``ward_rows`` are lines of wards, which stand in the line of their city."""

    table: ReferenceTable
    file_name: str
    sha256: str
    rows: pl.DataFrame
    ward_rows: int

    @property
    def years(self) -> list[int]:
        """The years that the file speaks of."""
        return sorted(set(self.rows["year"].to_list()))


@dataclass(frozen=True)
class _Line:
    number: int
    key: Key
    values: dict[str, Decimal]  # by measure; blank cells are not there
    source: str


def read(table: ReferenceTable, data: bytes, file_name: str) -> ReferenceFile:
    """The rows of a file; raises ReferenceRefused with all that is wrong with it."""
    try:
        lines = csvtext.lines_of(data)
    except FileRefused as refused:
        raise ReferenceRefused(
            file_name, [Fault(refused.reason_code, refused.message, refused.line, remedy=_SPREADSHEET)]
        ) from None
    if lines.replaced:
        raise ReferenceRefused(
            file_name, [Fault("encoding", f"読めない文字が{lines.replaced}字あります", remedy=_SPREADSHEET)]
        )
    records = [(int(number), csvtext.split_line(text)) for number, text in lines.frame.iter_rows()]
    places = _places(table, records[0], file_name)
    faults: list[Fault] = []
    found: list[_Line] = []
    ward_rows = 0
    for number, fields in records[1:]:
        if not any(field.strip() for field in fields):
            continue
        line = _line(table, places, number, fields, len(records[0][1]), faults)
        if line is not None and line.key[1] == WARD:
            ward_rows += 1
        elif line is not None:
            found.append(line)
    faults += _doubled(found)
    if not faults and not found:
        faults.append(Fault("truncated", "見出しの下に行がありません", remedy="雛形に数値を記入してください"))
    if not faults:
        faults += [fault for line in found for fault in _totals(table, line)]
        faults += _whole(table, found)
    if faults:
        raise ReferenceRefused(file_name, sorted(faults, key=lambda fault: fault.line or 0))
    rows = pl.DataFrame(_with_totals(table, found), schema=SCHEMA, orient="row").sort(SCHEMA.names())
    return ReferenceFile(table, file_name, hashlib.sha256(data).hexdigest(), rows, ward_rows)


def tidy(text: str) -> str:
    """A cell as compared: NFKC, no blanks around it."""
    return unicodedata.normalize("NFKC", text).strip()


def _places(table: ReferenceTable, heading: tuple[int, list[str]], file_name: str) -> dict[str, int]:
    """Position of each column by its name; headings that the table does not know are read past."""
    number, headings = heading
    folded = [fold(name) for name in headings]
    faults = []
    found: dict[str, int] = {}
    for column in table.columns:
        at = [place for place, name in enumerate(folded) if name in {fold(spelling) for spelling in column.spellings}]
        if len(at) > 1:
            faults.append(
                Fault("contract", "同じ見出しの列が二つあります", number, column.heading, "一つにしてください")
            )
        elif at:
            found[column.column_name] = at[0]
        elif column.is_needed:
            remedy = f"`tsumugi reference template {table.name}` の見出しに合わせてください"
            faults.append(Fault("unrecognised", f"「{column.heading}」の列がありません", number, remedy=remedy))
    if faults:
        raise ReferenceRefused(file_name, faults)
    return found


def _line(
    table: ReferenceTable, places: dict[str, int], number: int, fields: list[str], width: int, faults: list[Fault]
) -> _Line | None:
    """One line; None where something is wrong with it, which is then among ``faults``."""
    if len(fields) != width:
        remedy = "数値の桁区切りや名前の中のカンマを除くか、引用符で囲んでください"
        faults.append(Fault("contract", f"列の数が{len(fields)}で、見出しの{width}と違います", number, remedy=remedy))
        return None
    before = len(faults)
    key = {"year": "", "area": "", "sex": ALL, "each_sex": ALL, "age_band": ALL, "source": ""}
    values: dict[str, Decimal] = {}
    for column in table.columns:
        text = tidy(fields[places[column.column_name]]) if column.column_name in places else ""
        if column.role == "ignored":
            continue
        if text == "":
            if column.is_needed:
                faults.append(Fault("missing_field", "空欄です", number, column.heading, "値を記入してください"))
        elif column.role == "value":
            value = _number(column, text, number, faults)
            if value is not None:
                values[column.column_name] = value
        else:
            read_key = _KEYS[column.role](text)
            if "\t" in read_key:
                code, message, remedy = read_key.split("\t")
                faults.append(Fault(code, message, number, column.heading, remedy))
            key[column.role] = read_key
    if not values and len(faults) == before:
        faults.append(
            Fault("missing_field", "数値が一つもありません", number, remedy="数値を記入するか、行を除いてください")
        )
    if len(faults) > before:
        return None
    level, _, area = key["area"].partition(":")
    sex = key["each_sex"] if key["each_sex"] != ALL else key["sex"]
    return _Line(number, (int(key["year"]), level, area, sex, key["age_band"]), values, key["source"])


def _number(column: ReferenceColumn, text: str, number: int, faults: list[Fault]) -> Decimal | None:
    def wrong(reason_code: str, message: str, remedy: str | None = None) -> None:
        faults.append(Fault(reason_code, message, number, column.heading, remedy))

    if text in _NOTHING:
        wrong("bad_number", "数値ではない印です", "0であれば0と書き、数が分からなければ行を除くか空欄にしてください")
        return None
    bare = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text
    if not _NUMBER.fullmatch(bare):
        wrong("bad_number", "0以上の数値ではありません", "単位や記号を除き、数字だけを書いてください")
        return None
    value = Decimal(bare)
    if value != round(value, column.decimals):
        digits = f"小数点以下{column.decimals}桁まで" if column.decimals else "整数"
        wrong("bad_number", f"{digits}ではありません", "表の単位（人、施設、年など）を確かめてください")
    elif (column.minimum is not None and value < column.minimum) or (
        column.maximum is not None and value > column.maximum
    ):
        wrong(
            "implausible", f"{column.minimum:,}から{column.maximum:,}までの値ではありません", "単位を確かめてください"
        )
    else:
        return value
    return None


def _year(text: str) -> str:
    bare = text.removesuffix("年")
    if re.fullmatch(r"(19|20)\d\d", bare):
        return bare
    return "bad_date\t西暦4桁の年ではありません\t2025 のように西暦で書いてください"


def _area(text: str) -> str:
    found = area_of(text)
    return f"bad_code\t{found}" if isinstance(found, str) else ":".join(found)


def _sex(text: str) -> str:
    return _SEXES.get(text, "bad_code\t性別を読めません\t男・女・計のどれかを書いてください")


def _each_sex(text: str) -> str:
    sex = _sex(text)
    return "bad_code\t男女別の値ではありません\t男か女の行だけを残してください" if sex == ALL else sex


def _source(text: str) -> str:
    if text.startswith(EXAMPLE):
        return "contract\t雛形の記入例の行が残っています\t記入例の行を除いてください"
    return text.replace("\t", " ")


# What a key column says, or reason code, message and remedy parted by tabs.
_KEYS: dict[str, Callable[[str], str]] = {
    "year": _year,
    "area": _area,
    "sex": _sex,
    "each_sex": _each_sex,
    "age_band": band_of,
    "source": _source,
}


def _doubled(lines: list[_Line]) -> list[Fault]:
    first: dict[Key, int] = {}
    faults = []
    for line in lines:
        if line.key in first:
            message = f"{first[line.key]}行目と同じ年・地域・性別・年齢の行です"
            faults.append(Fault("contract", message, line.number, remedy="どちらが正しいか確かめ、一つにしてください"))
        first.setdefault(line.key, line.number)
    return faults


def _totals(table: ReferenceTable, line: _Line) -> list[Fault]:
    """Totals within a line against their parts; a blank part counts nothing."""
    faults = []
    for column in table.of_role("value"):
        if not column.total_of or column.column_name not in line.values:
            continue
        total = line.values[column.column_name]
        parts = sum((line.values.get(part, Decimal(0)) for part in column.total_of), Decimal(0))
        if parts > total or (column.total_rule == "equal" and parts != total):
            told = "と合いません" if column.total_rule == "equal" else "より小さい値です"
            message = f"{total:,}は内訳の合計{parts:,}{told}"
            faults.append(Fault("total_mismatch", message, line.number, column.heading, "統計表の値を確かめてください"))
    return faults


def _whole(table: ReferenceTable, lines: list[_Line]) -> list[Fault]:
    """Totals over lines: 総数 against the ages, 計 against the sexes; all ages, or none of them."""
    faults: list[Fault] = []
    columns = table.of_role("value")
    by_key = {line.key: line for line in lines}
    if table.of_role("age_band"):
        of_ages: dict[Key, list[_Line]] = defaultdict(list)
        for line in lines:
            if line.key[4] != ALL:
                of_ages[(*line.key[:4], ALL)].append(line)
        for key, parts in of_ages.items():
            faults += _missing_ages(parts) or _sum_fault(columns, by_key.get(key), parts, "年齢階級")
    if table.of_role("sex"):
        of_sexes: dict[Key, list[_Line]] = defaultdict(list)
        for line in lines:
            if line.key[3] != ALL:
                of_sexes[(*line.key[:3], ALL, line.key[4])].append(line)
        for key, parts in of_sexes.items():
            if len(parts) == 1 and key[4] != UNKNOWN:  # nobody of an unknown age is often left out
                other = "女" if parts[0].key[3] == "1" else "男"
                message = f"この地域と年齢に{other}の行がありません"
                faults.append(Fault("missing_field", message, parts[0].number, "性別", "男と女の両方を書いてください"))
            else:
                faults += _sum_fault(columns, by_key.get(key), parts, "男女")
    return faults


def _missing_ages(parts: list[_Line]) -> list[Fault]:
    missing = [band for band in BANDS if band not in {line.key[4] for line in parts}]
    if not missing:
        return []
    told = "、".join(missing[:3]) + ("など" if len(missing) > 3 else "")
    message = f"この地域と性別に年齢階級 {told} の行がありません"
    return [Fault("missing_field", message, parts[0].number, "年齢階級", "0人の階級も0と書いてください")]


def _sum_fault(columns: Sequence[ReferenceColumn], total: _Line | None, parts: list[_Line], what: str) -> list[Fault]:
    if total is None:
        return []
    faults = []
    for column in columns:
        given = total.values.get(column.column_name, Decimal(0))
        added = sum((line.values.get(column.column_name, Decimal(0)) for line in parts), Decimal(0))
        if given != added:
            message = f"{given:,}は{what}の合計{added:,}と合いません"
            faults.append(
                Fault("total_mismatch", message, total.number, column.heading, "統計表の値を確かめてください")
            )
    return faults


def _with_totals(table: ReferenceTable, lines: list[_Line]) -> list[tuple[object, ...]]:
    """Long rows, with the totals over ages and sexes that the file leaves out."""
    values: dict[tuple[Key, str], Decimal] = {}
    sources: dict[Key, str] = {}
    for line in lines:
        sources[line.key] = line.source
        values |= {(line.key, measure): value for measure, value in line.values.items()}
    for role, place in (("age_band", 4), ("sex", 3)):
        if not table.of_role(role):
            continue
        added: dict[tuple[Key, str], Decimal] = defaultdict(Decimal)
        for (key, measure), value in values.items():
            if key[place] != ALL:
                whole = (*key[:place], ALL, *key[place + 1 :])
                added[whole, measure] += value  # type: ignore[index]
                sources.setdefault(whole, sources[key])  # type: ignore[arg-type]
        values = dict(added) | values
    return [(*key, measure, value, sources[key]) for (key, measure), value in values.items() if key[4] != UNKNOWN]
