"""Reading a form that KDB printed as CSV: what its head says, and every cell with the headings that it stands under.

A form is read by its row in ``kdb_forms``: heading rows above, columns of labels on the left, each of one dimension
(item, level, kind, sex, age). Merged headings come as blanks and take the words before them. What is no number is no
error here; nothing of a file is quoted before its title is known.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from ingest.reconcile import mapping, period
from ingest.reconcile.errors import FormError
from ingest.reconcile.mapping import FormLayout
from ingest.reconcile.numbers import plain
from ingest.reconcile.period import Period

_ENCODINGS = ("utf-8-sig", "cp932")
_LARGEST = 20_000_000  # bytes; a form has some thousand cells
OWN = "own"


@dataclass(frozen=True)
class Cell:
    """One cell below the headings: where it stands, the words of its item in order, and the codes of the rest.

    ``level`` is own, peer, prefecture or nation; "" where the heading is not known.
    """

    line: int
    column: int
    item: tuple[str, ...]
    item_words: tuple[str, ...]
    level: str
    kind: str
    sex: str
    age: str
    text: str

    @property
    def label(self) -> str:
        """The item as the form prints it."""
        return "／".join(self.item_words)


@dataclass(frozen=True)
class Form:
    """A form with what its head says; None where it does not."""

    layout: FormLayout
    cells: tuple[Cell, ...]
    created: date | None
    insurer_number: str | None
    insurer_name: str | None
    scheme_code: str | None
    period: Period | None
    unknown_headings: tuple[str, ...] = field(default=())


def read(path: Path, own_names: Iterable[str] = ()) -> Form:
    """The form in a file (CP932 or UTF-8). ``own_names``: words over the insurer's own column beside those known.

    Raises FormError where it cannot be read or is none of the known forms.
    """
    numbers, rows = _rows(path)
    layout = _layout(path, rows)
    top = _heading_row(path, rows, layout)
    below = top + len(layout.headings)
    facts = _facts(rows[:top])
    own = {plain(name) for name in own_names} | {plain(facts.get("insurer_name", ""))} - {""}
    headings = _filled_right([rows[top + number] for number in range(len(layout.headings))], len(layout.labels))
    cells: list[Cell] = []
    unknown: dict[str, None] = {}
    before = [""] * len(layout.labels)
    for place in range(below, len(rows)):
        row = rows[place]
        before = _filled_down(row[: len(layout.labels)], before)
        if not any(cell.strip() for cell in row):
            continue
        for column in range(len(layout.labels), len(row)):
            above = [line[column] if column < len(line) else "" for line in headings]
            cell = _cell(layout, numbers[place], column + 1, before, above, row[column], own)
            for word in _unknown(layout, before, above, cell):
                unknown[word] = None
            cells.append(cell)
    known_period = period.parse(facts.get("period", ""))
    return Form(
        layout=layout,
        cells=tuple(cells),
        created=period.parse_day(facts.get("created", "")),
        insurer_number=plain(facts.get("insurer_number", "")) or None,
        insurer_name=facts.get("insurer_name") or None,
        scheme_code=mapping.words("scheme").get(plain(facts.get("scheme", ""))),
        period=known_period,
        unknown_headings=tuple(unknown),
    )


def _rows(path: Path) -> tuple[list[int], list[list[str]]]:
    """The records of a file, and the line on which each ends: a heading may be broken over lines."""
    try:
        if path.stat().st_size > _LARGEST:
            raise FormError(f"{path}: 大きすぎます。KDBの帳票のCSVではありません")
        content = path.read_bytes()
    except OSError as error:
        raise FormError(f"{path}: 開けません（{type(error).__name__}）") from None
    for encoding in _ENCODINGS:
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise FormError(f"{path}: 文字コードを読めません。KDBから出したままのCSV（CP932）かUTF-8で保存してください")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        numbered = [(reader.line_num, row) for row in reader]
    except csv.Error:
        raise FormError(f"{path}: CSVとして読めません（引用符が閉じていません）") from None
    return [number for number, _ in numbered], [row for _, row in numbered]


def _layout(path: Path, rows: list[list[str]]) -> FormLayout:
    for row in rows:
        for cell in map(plain, row):
            for layout in mapping.forms():
                if any(title in cell for title in layout.titles):
                    return layout
    known = "、".join(layout.name for layout in mapping.forms())
    raise FormError(
        f"{path}: 知っている帳票ではありません（{known}）。表題が違うときは "
        "`tsumugi layouts copy kdb_forms` で title_words を直してください"
    )


def _heading_row(path: Path, rows: list[list[str]], layout: FormLayout) -> int:
    for place, row in enumerate(rows):
        if set(map(plain, row)) & set(layout.heading_words) and place + len(layout.headings) <= len(rows):
            return place
    raise FormError(
        f"{path}: {layout.name} の見出しの行が見つかりません（{'、'.join(layout.heading_words)}）。"
        "`tsumugi layouts copy kdb_forms` で heading_words を直してください"
    )


def _facts(head: list[list[str]]) -> dict[str, str]:
    """What the head says: in the cell beside a known word, or in the same cell behind a colon."""
    known = mapping.words("fact")
    found: dict[str, str] = {}
    for row in head:
        for place, cell in enumerate(row):
            word, _, behind = plain(cell).partition(":")
            code = known.get(word)
            if code is None:
                continue
            beside = next((other.strip() for other in row[place + 1 :] if other.strip()), "")
            found.setdefault(code, behind or ("" if plain(beside) in known else beside))
    return found


def _filled_right(rows: list[list[str]], first: int) -> list[list[str]]:
    """Heading rows with the words of merged cells in each of them, but for the last row, which has no merged cells.

    A cell is merged with the one before it only where the rows above are the same over both.
    """
    width = max(len(row) for row in rows)
    filled = [[cell.strip() for cell in row] + [""] * (width - len(row)) for row in rows]
    for number, row in enumerate(filled[:-1]):
        for column in range(first + 1, width):
            if not row[column] and all(above[column] == above[column - 1] for above in filled[:number]):
                row[column] = row[column - 1]
    return filled


def _filled_down(row: list[str], before: list[str]) -> list[str]:
    """The labels of a row: blanks left of its first word are those of the row above."""
    own = [cell.strip() for cell in row] + [""] * (len(before) - len(row))
    first = next((place for place, cell in enumerate(own) if cell), None)
    if first is None:
        return list(before)
    return before[:first] + own[first:]


def _cell(
    layout: FormLayout, line: int, column: int, left: list[str], above: list[str], text: str, own: set[str]
) -> Cell:
    codes = {"level": "", "kind": "any", "sex": "", "age": ""}
    item: list[str] = []
    for dimension, word in [*zip(layout.labels, left, strict=True), *zip(layout.headings, above, strict=True)]:
        if dimension == "item":
            if word:
                item.append(word)
        elif word:
            code = mapping.words(dimension).get(plain(word), "")
            codes[dimension] = OWN if dimension == "level" and plain(word) in own else code
    return Cell(line, column, tuple(map(plain, item)), tuple(item), codes["level"], codes["kind"] or "unknown",
                codes["sex"], codes["age"], text)  # fmt: skip


def _unknown(layout: FormLayout, left: list[str], above: list[str], cell: Cell) -> list[str]:
    """Headings of this cell that no table knows."""
    codes = {"level": cell.level, "kind": "" if cell.kind == "unknown" else cell.kind, "sex": cell.sex, "age": cell.age}
    return [
        word
        for dimension, word in [*zip(layout.labels, left, strict=True), *zip(layout.headings, above, strict=True)]
        if dimension != "item" and word and not codes[dimension]
    ]
