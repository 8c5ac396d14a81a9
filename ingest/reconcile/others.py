"""The columns of a form that are not the insurer's own, as figures to be kept: 県, 同規模, 国."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from ingest.reconcile import mapping
from ingest.reconcile.compare import Place, asked_of, read_number
from ingest.reconcile.form import Form
from ingest.reconcile.kept import KdbFigure
from ingest.reconcile.numbers import Printed

_Numbers = dict[str, Printed]


def figures_of(form: Form, place: Place, areas: Mapping[str, str | None], created: date) -> list[KdbFigure]:
    """One row an indicator, level, sex and age: the printed rate as ``value``, the counts where they are whole counts.

    ``areas`` names the area of each level (prefecture, peer, nation); a level without one is left out. What the form
    prints as a monthly mean of what we count in person-months has no numerator.
    """
    found: dict[tuple[str, str, str, str, str, str], _Numbers] = {}
    known = mapping.labels(form.layout.form_id)
    for cell in form.cells:
        label = mapping.label_of(known, cell.item, cell.kind)
        number = read_number(cell)
        if label is None or not label.indicator_id or areas.get(cell.level) is None or not isinstance(number, Printed):
            continue
        asked = asked_of(cell, label, place)
        if asked.measure != "value" and asked.factor != 1:
            continue
        scaled = Printed(number.value / asked.factor, number.decimals)
        key = (
            label.indicator_id, " ".join(label.class_codes), asked.key.scheme_code, cell.level, asked.key.sex_code,
            asked.key.ages,
        )  # fmt: skip
        found.setdefault(key, {})[asked.measure] = scaled
    source = f"KDB 帳票 {form.layout.form_id} 作成年月日 {created.isoformat()}"
    return [
        KdbFigure(
            indicator_id=indicator_id,
            class_code=classes,
            period_kind=place.period.kind,
            period=place.period.first,
            scheme_code=scheme,
            area_level=level,
            area_id=str(areas[level]),
            sex_code=sex,
            age_band_code=ages,
            value=float(numbers["value"].value) if "value" in numbers else None,
            numerator=_whole(numbers.get("numerator")),
            denominator=_whole(numbers.get("denominator")),
            source=source,
            created_date=created,
        )
        for (indicator_id, classes, scheme, level, sex, ages), numbers in sorted(found.items())
    ]


def _whole(number: Printed | None) -> int | None:
    return int(number.value) if number is not None and number.value.denominator == 1 else None
