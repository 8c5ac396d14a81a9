"""The layouts of the formats as files: the packaged ones, and those that a site has corrected.

A layout is a CSV in ``layouts/``. Many are marked unverified; whoever holds the specification corrects the file, not
the code. A corrected copy in a site's own folder takes the place of the packaged one as a whole, for as long as
``with_layouts`` says so. A reader asks for its layout through a function marked ``layout_cache``: what it made of a
layout is forgotten when another one comes into force.

``layout_facts.csv`` states of each layout its name in words, what may stand in it once only (``unique_columns``) and
which of the packaged lines a correction must still have (``kept_columns``; of a layout with ``is_needed`` those that
are needed): a reader cannot do without the columns it was written for, only find them elsewhere.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

LAYOUTS = Path(__file__).with_name("layouts")
FACTS_FILE = Path(__file__).with_name("layout_facts.csv")
ENCODINGS = ("utf-8-sig", "cp932")  # as spreadsheets save them
_CHOICES = (
    "type", "use", "value_kind", "item_id", "contract_table", "is_verified", "is_needed",
    "dimension", "column_kind", "measure", "per", "test", "certainty",
)  # fmt: skip
"""Columns whose values are a closed list: those that occur in the packaged layouts."""
_NUMBERS = ("position", "first_position", "occurrence", "preference", "groups", "width", "sort_order")
_REASONED = ("source", "mark")  # a line says where it comes from

Rows = tuple[dict[str, str], ...]
_Function = TypeVar("_Function", bound=Callable[..., Any])
_caches: list[Callable[[], None]] = []
_corrected: Mapping[str, Rows] = {}


class LayoutError(ValueError):
    """A corrected layout that cannot be used: the message says file, line and column, and what to do."""


@dataclass(frozen=True)
class LayoutFacts:
    """One row of ``layout_facts.csv``."""

    name: str
    title_ja: str
    unique_columns: tuple[str, ...]
    kept_columns: tuple[str, ...]


@cache
def facts() -> dict[str, LayoutFacts]:
    """Every layout that can be corrected, by name."""
    with FACTS_FILE.open(encoding="utf-8", newline="") as handle:
        return {
            row["name"]: LayoutFacts(
                row["name"],
                row["title_ja"],
                tuple(filter(None, row["unique_columns"].split("|"))),
                tuple(filter(None, row["kept_columns"].split("|"))),
            )
            for row in csv.DictReader(handle)
        }


def layout_cache(function: _Function) -> _Function:
    """As ``functools.cache``, for what is made of layouts: forgotten when other layouts come into force."""
    cached = cache(function)
    _caches.append(cached.cache_clear)
    return cast(_Function, cached)


def layout_rows(name: str) -> Rows:
    """The lines of a layout: the corrected ones that are in force, else the packaged ones."""
    return _corrected[name] if name in _corrected else packaged_rows(name)


@cache
def packaged_rows(name: str) -> Rows:
    """The lines of ``layouts/<name>.csv``."""
    with (LAYOUTS / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return tuple(csv.DictReader(handle))


@contextmanager
def with_layouts(corrected: Mapping[str, Rows]) -> Iterator[None]:
    """Read files with corrected layouts, once in a process and for all its threads."""
    global _corrected
    before = _corrected
    _put(corrected)
    try:
        yield
    finally:
        _put(before)


def _put(corrected: Mapping[str, Rows]) -> None:
    global _corrected
    if corrected != _corrected:
        _corrected = corrected
        for clear in _caches:
            clear()


# -- corrected layouts -------------------------------------------------------------------------------
def load(path: Path) -> Rows:
    """A corrected layout; raises LayoutError naming file, line and column where it cannot be used."""
    if path.stem not in facts():
        raise LayoutError(
            f"{path}: この名前の様式定義はありません（{'、'.join(facts())}）。ファイル名を確かめてください"
        )
    known = packaged_rows(path.stem)
    reader = csv.DictReader(io.StringIO(_text(path)))
    header = [name.strip() for name in reader.fieldnames or []]
    missing = [name for name in known[0] if name not in header]
    unknown = [name for name in header if name not in known[0]]
    if missing or unknown or len(set(header)) < len(header):
        told = [f"足りない列 {'、'.join(missing)}"] if missing else []
        told += [f"余分な列 {'、'.join(unknown)}"] if unknown else []
        raise _wrong(path, 1, "", f"見出しが製品の様式定義と違います（{'。'.join(told) or '同じ列が2つあります'}）")
    reader.fieldnames = header
    rows = []
    for row in reader:
        if None in row or None in row.values():
            raise _wrong(path, reader.line_num, "", f"列の数が見出し（{len(header)}列）と違います")
        tidy = {name: value.strip() for name, value in row.items()}
        if any(tidy.values()):
            _check_row(path, reader.line_num, tidy)
            rows.append((reader.line_num, tidy))
    _check_whole(path, rows)
    return tuple(row for _, row in rows)


def _text(path: Path) -> str:
    content = path.read_bytes()
    for encoding in ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise LayoutError(f"{path}: 文字コードを読めません。UTF-8 の CSV で保存し直してください")


def _wrong(path: Path, line: int, column: str, why: str) -> LayoutError:
    where = f"{line}行目" + (f" {column}" if column else "")
    return LayoutError(f"{path}: {where}: {why}。`tsumugi layouts check` で確かめながら直してください")


def _check_row(path: Path, line: int, row: dict[str, str]) -> None:
    numbers, choices = _numbers(path.stem), _choices()
    for column, value in row.items():
        if column in numbers and not (value.isascii() and value.isdigit() or value == ""):
            raise _wrong(path, line, column, "整数ではありません")
        if column in numbers and value == "" and column not in _blank(path.stem):
            raise _wrong(path, line, column, "空にできません")
        if column in choices and value not in choices[column]:
            allowed = "、".join(sorted(choices[column] - {""}))
            raise _wrong(path, line, column, f"使えない値です（使える値: {allowed}）")
        if column == "contract_column" and value not in _columns(path.stem):
            raise _wrong(path, line, column, "表にない列の名前です。docs/reference/contracts.md の名前を使ってください")
        if column in _REASONED and not value:
            raise _wrong(path, line, column, "出典を書いてください（例: 仕様書の名前と版）")


def _check_whole(path: Path, rows: list[tuple[int, dict[str, str]]]) -> None:
    own = facts()[path.stem]
    seen: dict[tuple[str, ...], int] = {}
    for line, row in rows:
        key = tuple(row[name] for name in own.unique_columns)
        if own.unique_columns and key in seen:
            raise _wrong(path, line, "・".join(own.unique_columns), f"{seen[key]}行目と重なっています")
        seen[key] = line
    held = {tuple(row[name] for name in own.kept_columns) for _, row in rows}
    for row in packaged_rows(path.stem):
        key = tuple(row[name] for name in own.kept_columns)
        if own.kept_columns and all(key) and row.get("is_needed") != "false" and key not in held:
            named = "、".join(f"{name}={value}" for name, value in zip(own.kept_columns, key, strict=True))
            raise _wrong(path, len(rows) + 1, "", f"読み取りに要る行がありません（{named}）")


@cache
def _numbers(name: str) -> frozenset[str]:
    """Columns that hold whole numbers."""
    return frozenset(c for c in packaged_rows(name)[0] if c in _NUMBERS or c.endswith("_offset"))


@cache
def _blank(name: str) -> frozenset[str]:
    """Columns that may be empty, since a packaged line is."""
    return frozenset(column for row in packaged_rows(name) for column, value in row.items() if value == "")


@cache
def _choices() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name in facts():
        for row in packaged_rows(name):
            for column in _CHOICES:
                if column in row:
                    found.setdefault(column, set()).add(row[column])
    return {column: frozenset(values) for column, values in found.items()}


@cache
def _columns(name: str) -> frozenset[str]:
    """What a line of the layout can name: the columns that its packaged lines name, and none."""
    return frozenset(row["contract_column"] for row in packaged_rows(name)) | {""}
