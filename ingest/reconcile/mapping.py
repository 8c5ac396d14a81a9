"""The tables by which a form is read and judged; a site corrects each of them in a file (`tsumugi layouts`).

``kdb_forms`` says how a form's CSV is laid out, ``kdb_words`` what its headings mean, ``kdb_labels`` which label is
which of our indicators, ``kdb_reasons`` why a number of KDB may differ from ours. All are unverified until somebody
who holds the specification has corrected them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from ingest.formats.layout_files import layout_cache, layout_rows
from ingest.reconcile.errors import FormError
from ingest.reconcile.numbers import plain

HEADING_DIMENSIONS = ("level", "kind", "item", "sex", "age")
EXACT, POSSIBLE, UNKNOWN = "exact", "possible", "unknown"
"""How sure a reason is."""


@dataclass(frozen=True)
class FormLayout:
    """How the CSV of one form is laid out: what each heading row and each column of labels says."""

    form_id: str
    name: str
    titles: tuple[str, ...]
    heading_words: tuple[str, ...]
    headings: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Label:
    """What a label of a form is of ours; without ``indicator_id`` we have nothing like it (``note`` says so).

    ``class_codes`` are the classes of disease (seed ``disease_classes``) that the label takes together, if any.
    ``factor`` makes of our number the form's; ``per`` is "month" where the form prints the monthly mean of what we
    count in person-months.
    """

    paths: tuple[tuple[str, ...], ...]
    column_kind: str
    indicator_id: str
    class_codes: tuple[str, ...]
    measure: str
    factor: Fraction
    per: str
    scheme_code: str
    sex_code: str
    ages: str
    note: str


@dataclass(frozen=True)
class Rule:
    """One reason why numbers may differ, and the test by which it is tried; see ``reasons``."""

    code: str
    test: str
    indicators: frozenset[str]
    blocks: frozenset[str]
    measures: frozenset[str]
    arguments: tuple[str, ...]
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    certainty: str
    text: str

    def is_for(self, indicator_id: str, block: str, measure: str) -> bool:
        """Whether the rule speaks of this indicator and this number of it."""
        is_named = not (self.indicators or self.blocks) or indicator_id in self.indicators or block in self.blocks
        return is_named and (not self.measures or measure in self.measures)


@layout_cache
def forms() -> tuple[FormLayout, ...]:
    """The forms that can be read."""
    found = []
    for row in layout_rows("kdb_forms"):
        headings, labels = _split(row["heading_dimensions"]), _split(row["label_dimensions"])
        for name in headings + labels:
            _require("kdb_forms", row, name, HEADING_DIMENSIONS)
        found.append(
            FormLayout(row["form_id"], row["form_name"], _plains(row["title_words"]), _plains(row["heading_words"]),
                       headings, labels)
        )  # fmt: skip
    return tuple(found)


@layout_cache
def words(dimension: str) -> dict[str, str]:
    """What a heading means: its code by the word, as it is compared."""
    return {plain(row["word"]): row["code"] for row in layout_rows("kdb_words") if row["dimension"] == dimension}


@layout_cache
def blanks() -> frozenset[str]:
    """Cells that say that there is no number."""
    return frozenset(words("blank"))


@layout_cache
def labels(form_id: str) -> tuple[Label, ...]:
    """The labels of one form."""
    found = []
    for row in layout_rows("kdb_labels"):
        if form_id not in row["form_ids"].split("|"):
            continue
        found.append(
            Label(
                paths=tuple(_path(text) for text in row["label"].split("|")),
                column_kind=row["column_kind"],
                indicator_id=row["indicator_id"],
                class_codes=tuple(row["class_codes"].split()),
                measure=row["measure"],
                factor=_fraction("kdb_labels", row, row["factor"] or "1"),
                per=row["per"],
                scheme_code=row["scheme_code"],
                sex_code=row["sex_code"],
                ages=row["ages"],
                note=row["note"],
            )
        )
    return tuple(found)


@layout_cache
def reasons() -> tuple[Rule, ...]:
    """The rules in the order in which they are tried."""
    found = []
    for row in sorted(layout_rows("kdb_reasons"), key=lambda row: int(row["sort_order"])):
        named = row["indicators"].split()
        found.append(
            Rule(
                code=row["reason_code"],
                test=row["test"],
                indicators=frozenset(name for name in named if not name.startswith("block:")),
                blocks=frozenset(name.removeprefix("block:") for name in named if name.startswith("block:")),
                measures=frozenset(row["measures"].split()),
                arguments=tuple(row["arguments"].split()),
                numerator=tuple(row["numerator"].split()),
                denominator=tuple(row["denominator"].split()),
                certainty=row["certainty"],
                text=row["text_ja"],
            )
        )
    return tuple(found)


def label_of(known: Iterable[Label], path: tuple[str, ...], kind: str) -> Label | None:
    """The label that a cell is of: its last words are those of the path, its others come in the path in order.

    Of several the one that names most of the path; one for the kind of column before one for any.
    """
    best: tuple[int, bool] | None = None
    chosen = None
    for label in known:
        if label.column_kind not in (kind, "any"):
            continue
        for words_of_label in label.paths:
            if not path or words_of_label[-1] != path[-1] or not _is_within(words_of_label, path):
                continue
            rank = (len(words_of_label), label.column_kind == kind)
            if best is None or rank > best:
                best, chosen = rank, label
    return chosen


def _is_within(wanted: tuple[str, ...], path: tuple[str, ...]) -> bool:
    rest = iter(path)
    return all(word in rest for word in wanted)


def _split(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split("|")))


def _plains(text: str) -> tuple[str, ...]:
    return tuple(plain(word) for word in _split(text))


def _path(text: str) -> tuple[str, ...]:
    return tuple(plain(word) for word in text.split("/"))


def _require(name: str, row: dict[str, str], value: str, allowed: Iterable[str]) -> None:
    if value not in allowed:
        raise _wrong(name, row, f"使えない値があります（使える値: {'、'.join(allowed)}）")


def _fraction(name: str, row: dict[str, str], text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise _wrong(name, row, "factor は数か分数（1/12 など）で書いてください") from None


def _wrong(name: str, row: dict[str, str], why: str) -> FormError:
    place = next(number for number, known in enumerate(layout_rows(name), start=2) if known is row)
    return FormError(f"{name}.csv {place}行目: {why}")
