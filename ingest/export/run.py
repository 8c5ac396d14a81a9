"""`tsumugi export`: the statistics of a tenant's viewer class as files, with their dictionary, and a line in the audit.

Only what was published after protection is read; no file of persons is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from ingest import published
from ingest.export import files, shapes
from ingest.export.choice import chosen
from ingest.export.dictionary import dictionary
from ingest.progress import ProgressCallback
from ingest.settings import Settings

SHAPES = (shapes.LONG, shapes.WIDE)
FORMATS = (files.CSV, files.PARQUET)
DICTIONARY_FILE = "dictionary.csv"
INVENTED = "架空データ (invented data): 実在の人・市町村の実績ではありません"


def export(
    settings: Settings,
    tenant: str,
    folder: Path,
    progress: ProgressCallback,
    *,
    fiscal_years: Sequence[int] = (),
    months: Sequence[date] = (),
    to_months: Sequence[date] = (),
    wanted_shapes: Sequence[str] = SHAPES,
    wanted_formats: Sequence[str] = FORMATS,
) -> dict[str, Any]:
    """Write ``statistics_<shape>.<format>`` and the dictionary into ``folder``; files of those names are replaced.

    Returns edition, periods and the rows of each file. Raises AccessDenied for an unknown tenant, WarehouseError where
    nothing is published yet, NothingToExport where a chosen period is not held.
    """
    who = published.viewer(settings, tenant)
    with published.open_statistics(settings, who) as connection:
        edition = published.edition(published.statistics_path(settings, who))
        told = published.about(connection)
        note = INVENTED if published.is_invented(settings, told) else ""
        periods = chosen(connection, fiscal_years, months, to_months)
        header = _header(who, told, edition, note, [str(period) for period in periods])
        work = [(shape, form) for shape in wanted_shapes for form in wanted_formats]
        rows: dict[str, int] = {}
        for done, (shape, form) in enumerate(work):
            progress("export", done, len(work) + 1)
            path = folder / f"statistics_{shape}.{form}"
            write = files.write_csv if form == files.CSV else files.write_parquet
            rows[path.name] = write(path, header, shapes.batches(connection, shape, periods, note))
        progress("export", len(work), len(work) + 1)
        described = dictionary(connection, periods, wanted_shapes)
        rows[DICTIONARY_FILE] = files.write_csv(folder / DICTIONARY_FILE, header, described.to_arrow().to_batches())
        progress("export", len(work) + 1, len(work) + 1)
    published.record(
        settings, who, "download", result="done", edition=edition,
        object=f"export {' '.join(wanted_shapes)}: {', '.join(str(period) for period in periods)}",
    )  # fmt: skip
    return {
        "tenant": tenant,
        "edition": edition,
        "is_synthetic": bool(note),
        "periods": [str(period) for period in periods],
        "folder": str(folder),
        "rows": rows,
    }


def _header(who: published.Viewer, told: dict[str, str], edition: str, note: str, periods: list[str]) -> dict[str, str]:
    """What every file says of itself; always the same lines, so that a program may skip them by number."""
    return {
        "title": "紡 Tsumugi 公表統計 (published statistics)",
        "data": note or "実データ (real data)",
        "edition": edition,
        "reference_month": told.get("reference_month", "")[:10],
        "periods": "、".join(periods),
        "viewer": f"{who.tenant_id} ({who.viewer_class})",
        "protection": "小さい人数は非表示 (small counts are hidden)",
        "dictionary": DICTIONARY_FILE,
    }
