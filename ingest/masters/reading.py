"""From the bytes of a master file to typed records, or its refusal with line, field and remedy.

A master is CP932, every value quoted, CRLF, without a heading; field 2 names the kind of master. A
full file holds records that did not change (変更区分 0), a difference only those that did, where an
empty field means unchanged. Source: domain/formats.md 6.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

import polars as pl

from ingest.formats import cells, csvtext
from ingest.formats.reading import FileRefused
from ingest.masters.errors import MasterRefused
from ingest.masters.layout import Field, Kind, kinds

UNCHANGED, ERASED, REVIVED, NEW, CHANGED, ABOLISHED = "0", "1", "2", "3", "5", "9"
CHANGE_KINDS = (UNCHANGED, ERASED, REVIVED, NEW, CHANGED, ABOLISHED)
"""変更区分: 変更なし, 抹消, 復活, 新規, 変更, 廃止. Source: domain/formats.md 6."""

OPEN_DATE = "99999999"
# Names whose stated length is another: above this share the text was read in a wrong encoding.
_WRONG_LENGTHS = 0.01
_DOWNLOAD_AGAIN = "診療報酬情報提供サービスから取り直し、開いて保存し直さずにそのまま取り込んでください"


@dataclass(frozen=True)
class MasterFile:
    """One master file as read.

    ``records``  the kept columns, typed, and for each ``set:<column>``: whether the file states it
    """

    kind: Kind
    file_name: str
    sha256: str
    is_full: bool
    release_date: date
    records: pl.DataFrame


def read(data: bytes, file_name: str) -> MasterFile:
    """The master that ``data`` holds; raises MasterRefused where it is not one, whole and readable."""
    try:
        lines = csvtext.lines_of(data)
    except FileRefused as refused:
        raise MasterRefused(
            refused.reason_code, file_name, refused.message, line=refused.line, remedy=_DOWNLOAD_AGAIN
        ) from None
    kind, width = _recognise(lines.frame["text"][0], file_name)
    if lines.replaced:
        raise MasterRefused(
            "encoding", file_name, f"CP932として読めない文字が{lines.replaced}字あります", remedy=_DOWNLOAD_AGAIN
        )
    fields = _split(lines, width, file_name)
    _check_fixed(fields, kind, file_name)
    _check_lengths(fields, kind, width, file_name)
    records = _typed(fields, kind, width, file_name)
    return MasterFile(
        kind=kind,
        file_name=file_name,
        sha256=hashlib.sha256(data).hexdigest(),
        is_full=bool((records["change_kind_code"] == UNCHANGED).any()),
        release_date=_release(records, kind, file_name),
        records=records,
    )


def _recognise(first_line: str, file_name: str) -> tuple[Kind, int]:
    first = csvtext.split_line(first_line)
    kind = next((known for known in kinds().values() if len(first) > 1 and first[1].strip() == known.kind_code), None)
    if kind is None or first[0].strip() not in CHANGE_KINDS:
        raise MasterRefused(
            "unrecognised",
            file_name,
            "マスターファイルではありません",
            line=1,
            field="変更区分・マスター種別",
            remedy="傷病名・診療行為・医薬品・修飾語・特定器材・コメントの各マスターファイルを指定してください",
        )
    if len(first) not in kind.widths:
        known = "・".join(map(str, kind.widths))
        raise MasterRefused(
            "unrecognised",
            file_name,
            f"{kind.name_ja}の項目数が{len(first)}で、知られている{known}のどれでもありません",
            line=1,
            remedy="途中で切れていなければ様式の改定です。新しい仕様を"
            f"ingest/masters/layouts/{kind.kind}.csv と kinds.csv の widths に書き足してください",
        )
    return kind, len(first)


def _split(lines: csvtext.Lines, width: int, file_name: str) -> pl.DataFrame:
    split = csvtext.split(lines, width)
    torn = split.torn_line
    if torn is not None:
        raise MasterRefused("truncated", file_name, "最後の行が途中で切れています", line=torn, remedy=_DOWNLOAD_AGAIN)
    if not split.misfits.is_empty():
        raise MasterRefused(
            "contract",
            file_name,
            f"項目数が{width}でない、または引用符が閉じていない行があります",
            line=int(split.misfits["source_row"][0]),
            remedy=_DOWNLOAD_AGAIN,
        )
    return split.fields


def _refuse_first(
    fields: pl.DataFrame, is_wrong: pl.Expr, file_name: str, field: Field | None, reason_code: str, message: str
) -> None:
    wrong = fields.filter(is_wrong.fill_null(True))
    if not wrong.is_empty():
        raise MasterRefused(
            reason_code,
            file_name,
            message,
            line=int(wrong["source_row"][0]),
            field=field.printed_name if field else "",
            remedy=_DOWNLOAD_AGAIN,
        )


def _check_fixed(fields: pl.DataFrame, kind: Kind, file_name: str) -> None:
    """変更区分, マスター種別 and the code itself, which no record may lack or repeat."""
    change, own, code = (kind.of_role(role) for role in ("change_kind", "kind_code", "code"))
    if change is None or own is None or code is None:
        raise MasterRefused(
            "contract", file_name, f"layouts/{kind.kind}.csv に role が足りません", remedy="表を直してください"
        )
    is_known = pl.col(f"f{change.position}").is_in(CHANGE_KINDS)
    _refuse_first(fields, ~is_known, file_name, change, "bad_code", "定めのない変更区分です")
    is_own = pl.col(f"f{own.position}") == kind.kind_code
    _refuse_first(fields, ~is_own, file_name, own, "bad_code", "ほかの種別のマスターの行が混ざっています")
    text = pl.col(f"f{code.position}")
    _refuse_first(fields, ~text.str.contains(kind.code_pattern), file_name, code, "bad_code", "コードの桁が違います")
    _refuse_first(fields, ~text.is_first_distinct(), file_name, code, "contract", "同じコードの行が二つあります")


def _check_lengths(fields: pl.DataFrame, kind: Kind, width: int, file_name: str) -> None:
    """Each name states its length: where many differ, the bytes are not CP932 although they can be read."""
    for field in kind.fields:
        if field.length_of is None or field.length_of > width:
            continue
        stated = cells.integer_value(pl.col(f"f{field.position}"))
        name = pl.col(f"f{field.length_of}").fill_null("")
        wrong = fields.filter(stated.is_not_null() & (stated != name.str.len_chars()))
        if wrong.height > 1 and wrong.height > fields.height * _WRONG_LENGTHS:
            raise MasterRefused(
                "encoding",
                file_name,
                f"名称の長さが桁数と合わない行が{wrong.height}行あり、CP932のファイルではありません",
                line=int(wrong["source_row"][0]),
                field=field.printed_name,
                remedy=_DOWNLOAD_AGAIN,
            )


def _typed(fields: pl.DataFrame, kind: Kind, width: int, file_name: str) -> pl.DataFrame:
    columns: list[pl.Expr] = []
    for field in kind.kept():
        if field.position > width:
            value, text = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=pl.String)
        else:
            text = cells.printed(pl.col(f"f{field.position}"))
            value = _value(text, field.type)
            unreadable = _stated(text, field.type) & value.is_null()
            reason = "bad_date" if field.type == "date" else "bad_number"
            _refuse_first(fields, unreadable, file_name, field, reason, "値を読めません")
        columns += [value.alias(field.column_name), text.is_not_null().alias(f"set:{field.column_name}")]
    schema = kind.schema()
    return fields.select(columns).with_columns(
        pl.col(field.column_name).cast(schema[field.column_name]) for field in kind.kept()
    )


def _stated(text: pl.Expr, kind: str) -> pl.Expr:
    """Whether a field says a value at all."""
    if kind == "date":
        return (text.is_not_null() & ~text.str.contains(r"^0+$") & (text != OPEN_DATE)).fill_null(False)
    if kind == "related":
        return pl.lit(False)
    return text.is_not_null()


def _value(text: pl.Expr, kind: str) -> pl.Expr:
    if kind == "date":
        stated = pl.when(text.str.contains(r"^\d{8}$") & ~text.str.contains(r"^0+$") & (text != OPEN_DATE)).then(text)
        return stated.str.to_date("%Y%m%d", strict=False)
    if kind == "integer":
        return cells.integer_value(text)
    if kind == "decimal":
        return cells.decimal_value(text)
    if kind == "flag":
        return pl.when(text.is_in(["0", "1"])).then(text == "1")
    if kind == "related":
        return pl.when(~text.str.contains(r"^0+$")).then(text)
    return text


def _release(records: pl.DataFrame, kind: Kind, file_name: str) -> date:
    """The latest day on which a record of the file was listed or changed, else abolished.

    The file's name says its day of publication, but a file is known by its content under any name.
    """
    for roles in (("listed", "changed"), ("abolished",)):
        columns = [column for role in roles if (column := kind.column_of(role)) is not None]
        days = [day for column in columns if isinstance(day := records[column].max(), date)]
        if days:
            return max(days)
    raise MasterRefused(
        "missing_field",
        file_name,
        "収載・変更・廃止のどの年月日もありません",
        field="変更年月日",
        remedy=_DOWNLOAD_AGAIN,
    )
