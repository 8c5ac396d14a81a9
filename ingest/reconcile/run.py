"""`tsumugi reconcile`: one form of KDB held against our figures, KDB's other columns kept at the site."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from ingest import published
from ingest.formats.layout_files import with_layouts
from ingest.progress import ProgressCallback
from ingest.published import Viewer
from ingest.reconcile import form as forms
from ingest.reconcile import kept, others
from ingest.reconcile.compare import DIFFERS, NOT_A_NUMBER, UNMAPPED, Line, Place, compare
from ingest.reconcile.errors import FormError
from ingest.reconcile.figures import Figures
from ingest.reconcile.form import Form
from ingest.reconcile.period import Period
from ingest.settings import PROJECT_ROOT, Settings
from ingest.site.layouts import corrected_layouts

_SEEDS = PROJECT_ROOT / "seeds"


@dataclass(frozen=True)
class Reconciliation:
    """What came of one form. ``peer`` is the peer group under which the form's 同規模 is kept."""

    form: Form
    viewer: Viewer
    place: Place
    area_name: str
    lines: tuple[Line, ...]
    kept_rows: int
    is_invented: bool
    edition: str
    reference_month: str

    @property
    def counts(self) -> dict[str, int]:
        """Cells by what became of them."""
        return dict(Counter(line.state for line in self.lines))


def reconcile(
    settings: Settings,
    file: Path,
    tenant: str,
    progress: ProgressCallback,
    *,
    period: Period | None = None,
    created: date | None = None,
) -> Reconciliation:
    """Read ``file`` as the tenant's form and compare; ``period`` and ``created`` where its head does not say them.

    Raises AccessDenied, FormError or SiteError with the remedy.
    """
    who = published.viewer(settings, tenant)
    site = settings.site(who.party)
    with ExitStack() as stack:
        stack.enter_context(with_layouts(corrected_layouts(site)))
        progress("reconcile", 0, 3)
        form = forms.read(file, own_names=_names(who))
        place, number = _place(who, form, period or form.period)
        progress("reconcile", 1, 3)
        statistics = stack.enter_context(published.open_statistics(settings, who))
        own = [stack.enter_context(connection) for connection in published.open_own(settings, who)]
        told = published.about(statistics)
        edition = published.edition(published.statistics_path(settings, who))
        figures = Figures(statistics, own, place.all_areas)
        lines = compare(form, figures, place)
        progress("reconcile", 2, 3)
        town = _municipality(number)
        areas = {
            "prefecture": site.prefecture_code,
            "peer": figures.peer_of(town, settings.peer_reading) if town else None,
            "nation": "JP",
        }
        made = created or form.created
        others_kept = others.figures_of(form, place, areas, made) if made is not None else []
    changed = kept.keep(site, others_kept)
    progress("reconcile", 3, 3)
    published.record(
        settings, who, "reconcile", result="done", edition=edition, object=f"{form.layout.form_id} {place.period}"
    )
    return Reconciliation(
        form, who, place, _insurers().get(number, number), tuple(lines), changed,
        published.is_invented(settings, told), edition, told.get("reference_month", "")[:7],
    )  # fmt: skip


def figures_of_lines(done: Reconciliation) -> dict[str, Any]:
    """Everything of a reconciliation as plain values, for ``--json``."""
    return {
        "form": done.form.layout.form_id,
        "tenant": done.viewer.tenant_id,
        "period": str(done.place.period),
        "scheme_code": done.place.scheme_code,
        "edition": done.edition,
        "is_synthetic": done.is_invented,
        "created_date": done.form.created,
        "counts": done.counts,
        "kept_rows": done.kept_rows,
        "unknown_headings": list(done.form.unknown_headings),
        "lines": [_plain(line) for line in done.lines],
    }


def _plain(line: Line) -> dict[str, Any]:
    return {
        "line": line.cell.line,
        "column": line.cell.column,
        "label": line.cell.label,
        "column_kind": line.cell.kind,
        "state": line.state,
        "indicator_id": line.asked.key.indicator_id if line.asked else None,
        "indicator_name": line.indicator_name or None,
        "unit": line.unit or None,
        "measure": line.asked.measure if line.asked else None,
        "sex_code": line.asked.key.sex_code if line.asked else None,
        "ages": line.asked.key.ages if line.asked else None,
        "kdb": None if line.kdb is None else float(line.kdb.value),
        "ours": None if line.ours is None else float(line.ours),
        "numerator": line.figure.numerator if line.figure and not line.figure.is_hidden else None,
        "denominator": line.figure.denominator if line.figure and not line.figure.is_hidden else None,
        "difference": None if line.difference is None else float(line.difference),
        "reasons": [
            {"code": one.code, "text": one.text, "detail": one.detail, "certainty": one.certainty}
            for one in line.reasons
        ],
        "note": line.note or None,
    }


def needs_a_look(line: Line) -> bool:
    """Whether somebody has to look at the line: it differs, or could not be held against anything for want of ours."""
    return line.state in (DIFFERS, UNMAPPED, NOT_A_NUMBER)


def _place(who: Viewer, form: Form, period: Period | None) -> tuple[Place, str]:
    """Period, scheme and areas of the own column, and the insurer's number."""
    if period is None:
        raise FormError(
            "帳票の対象年度・年月が読み取れません。--fiscal-year 2024 か --month 2025-03 で指定してください"
        )
    printed = form.insurer_number and form.insurer_number.lstrip("0")  # 国保 stands with 6 digits or with 8
    wanted = [
        (scheme, number)
        for scheme, number in who.insurers
        if form.scheme_code in (None, scheme) and (printed is None or printed == number.lstrip("0"))
    ]
    numbers = {number for _, number in wanted}
    if not wanted:
        raise FormError(
            f"帳票の保険者・制度は --tenant {who.tenant_id} のものではありません。"
            "この利用者の保険者の帳票を選んでください"
        )
    if len(numbers) > 1:
        raise FormError(
            "帳票の頭書きに保険者番号がなく、この利用者には複数の保険者があります。"
            f"その保険者だけの --tenant を選んでください（{'、'.join(sorted(numbers))}）"
        )
    scheme, number = wanted[0]
    town = _municipality(number)
    place = Place(period, scheme, {scheme: f"insurer:{number}"}, f"municipality:{town}" if town else None)
    return place, number


def _municipality(insurer: str) -> str | None:
    """The town of an insurer that has one."""
    rows = pl.read_csv(_SEEDS / "insurer_municipality.csv", infer_schema=False).filter(insurer_number=insurer)
    towns = sorted(set(rows["municipality_code"]))
    return towns[0] if len(towns) == 1 else None


def _insurers() -> dict[str, str]:
    rows = pl.read_csv(_SEEDS / "insurers.csv", infer_schema=False)
    return dict(rows.select("insurer_number", "insurer_name").iter_rows())


def _names(who: Viewer) -> list[str]:
    """How the own column may be called: by the names of the insurers."""
    names = _insurers()
    return [names[number] for _, number in who.insurers if number in names]
