"""Each cell of the insurer's own column beside our figure: the same, different and why, or not comparable and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from ingest.reconcile import mapping
from ingest.reconcile.figures import ALL, Figure, Figures, Key
from ingest.reconcile.form import OWN, Cell, Form
from ingest.reconcile.mapping import Label
from ingest.reconcile.numbers import Printed, parse
from ingest.reconcile.period import Period
from ingest.reconcile.reasons import Asked, Found, explain, our_number

AGREES, DIFFERS = "agrees", "differs"
UNMAPPED, NOT_OURS, NO_FIGURE, HIDDEN, NOT_A_NUMBER, BLANK = (
    "unmapped", "not_ours", "no_figure", "hidden", "not_a_number", "blank",
)  # fmt: skip
STATES = {
    AGREES: "一致",
    DIFFERS: "差あり",
    UNMAPPED: "項目を対応づけられない",
    NOT_OURS: "本システムにない指標",
    NO_FIGURE: "本システムに値がない",
    HIDDEN: "本システムでは非表示",
    NOT_A_NUMBER: "数として読めない",
    BLANK: "KDBが空欄",
}
"""What became of a cell, as it is told."""
_Place = tuple[str, tuple[str, ...], str, str]


@dataclass(frozen=True)
class Place:
    """Whose numbers the insurer's own column holds: its area (``level:id``) by scheme, its town, and the period.

    What is published of towns and of no insurer (facilities, residents) is that of the town.
    """

    period: Period
    scheme_code: str
    areas: dict[str, str]
    town: str | None = None

    @property
    def all_areas(self) -> list[str]:
        """Every area that the own column may speak of."""
        return [*self.areas.values(), *([self.town] if self.town else [])]


@dataclass(frozen=True)
class Line:
    """One cell of the form beside ours. ``reasons`` holds every rule that fits, the likeliest first."""

    cell: Cell
    state: str
    asked: Asked | None = None
    indicator_name: str = ""
    unit: str = ""
    kdb: Printed | None = None
    figure: Figure | None = None
    ours: Fraction | None = None
    reasons: tuple[Found, ...] = ()
    note: str = ""

    @property
    def difference(self) -> Fraction | None:
        """KDB's number less ours."""
        return None if self.kdb is None or self.ours is None else self.kdb.value - self.ours


def compare(form: Form, figures: Figures, place: Place) -> list[Line]:
    """The cells of the own column in the order of the form, ranks left out."""
    known = mapping.labels(form.layout.form_id)
    cells = [cell for cell in form.cells if cell.level == OWN and cell.kind != "rank"]
    numbers = {cell: read_number(cell) for cell in cells}
    beside = _counts(cells, numbers, known)
    lines = []
    for cell in cells:
        label = mapping.label_of(known, cell.item, cell.kind)
        lines.append(_line(cell, label, numbers[cell], figures, place, beside))
    return [line for line in lines if line is not None]


def read_number(cell: Cell) -> Printed | None | ValueError:
    """The number of a cell, None where it is blank, the error where it is none."""
    try:
        return parse(cell.text, mapping.blanks(), mapping.words("unit"))
    except ValueError as error:
        return error


def asked_of(cell: Cell, label: Label, place: Place) -> Asked:
    """Which of our numbers a cell is held against."""
    scheme = label.scheme_code or place.scheme_code
    key = Key(
        label.indicator_id, place.period, scheme, place.areas.get(scheme, place.town or ""),
        label.sex_code or cell.sex or ALL,
        label.ages or cell.age or ALL,
        label.class_codes,
    )  # fmt: skip
    factor = label.factor / (place.period.months if label.per == "month" else 1)
    return Asked(key, label.measure, factor)


def _counts(
    cells: Iterable[Cell], numbers: dict[Cell, Printed | None | ValueError], known: Iterable[Label]
) -> dict[_Place, Printed]:
    """The numerators that the form itself prints, by indicator, classes, sex and age."""
    found = {}
    for cell in cells:
        label = mapping.label_of(known, cell.item, cell.kind)
        number = numbers[cell]
        if label is not None and label.measure == "numerator" and not label.per and isinstance(number, Printed):
            found[_place(cell, label)] = number
    return found


def _place(cell: Cell, label: Label) -> _Place:
    return label.indicator_id, label.class_codes, label.sex_code or cell.sex, label.ages or cell.age


def _line(
    cell: Cell,
    label: Label | None,
    number: Printed | None | ValueError,
    figures: Figures,
    place: Place,
    beside: dict[_Place, Printed],
) -> Line | None:
    kdb = number if isinstance(number, Printed) else None
    if label is None:
        # A label that is nowhere in the table is told of once a cell that holds something.
        return Line(cell, UNMAPPED, kdb=kdb) if cell.item and number is not None else None
    if isinstance(number, ValueError):
        return Line(cell, NOT_A_NUMBER)
    if not label.indicator_id:
        return Line(cell, NOT_OURS, kdb=kdb, note=label.note) if kdb is not None else None
    indicator = figures.catalogue.get(label.indicator_id)
    if indicator is None:
        return Line(cell, NOT_OURS, kdb=kdb, note=f"指標 {label.indicator_id} は公表されていない") if kdb else None
    asked = asked_of(cell, label, place)
    figure = figures.get(asked.key)
    if figure is None and place.town is not None:
        asked = replace(asked, key=replace(asked.key, area=place.town))
        figure = figures.get(asked.key)
    told = Line(cell, BLANK, asked, indicator.name, indicator.unit, kdb, figure)
    if kdb is None:
        return told if figure is not None and label.column_kind != "any" else None
    ours = None if figure is None or figure.is_hidden else our_number(asked, figure, indicator)
    if figure is not None and figure.is_hidden:
        return _with(told, HIDDEN)
    if figure is None or ours is None:
        return _with(told, NO_FIGURE)
    if kdb.is_of(ours):
        return _with(told, AGREES, ours)
    count = beside.get(_place(cell, label))
    return _with(told, DIFFERS, ours, tuple(explain(asked, kdb, figure, ours, figures, count)))


def _with(line: Line, state: str, ours: Fraction | None = None, reasons: tuple[Found, ...] = ()) -> Line:
    return Line(
        line.cell, state, line.asked, line.indicator_name, line.unit, line.kdb, line.figure, ours, reasons, line.note
    )
