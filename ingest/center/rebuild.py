"""``tsumugi center rebuild``: the warehouse made anew from the sealed batches that the center kept.

Every kept batch is checked first: signature, place in its chain, hash of every file, the hash under which the ledger
knows it. Where one does not hold, it is named and nothing is touched. Then all are landed, retractions replayed,
linked and, where the models had been built, built, in a new file beside the old one, which it replaces when it is
whole. The content is the same, ``person_id``s included. What tells only how it came about begins anew: aliases of
persons (``link.alias``), numbers of builds and their change sets (``control.build``, ``control.change_history``).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb

from ingest import at_rest, faults, warehouse
from ingest.center import edition, kept
from ingest.center.build import build_models
from ingest.center.dbt import STEP
from ingest.center.errors import CenterError
from ingest.center.home import one_step, open_warehouse
from ingest.center.link import link_batches
from ingest.center.receive import reception_of, take_in
from ingest.ledger import Ledger
from ingest.progress import ProgressCallback
from ingest.sealing.errors import BatchRefused
from ingest.sealing.keys import KeyRing
from ingest.sealing.opened import OpenBatch
from ingest.sealing.reception import Reception
from ingest.settings import PROJECT_ROOT, CenterSettings, Settings
from ingest.warehouse import WarehouseError

_FOLDER = re.compile(r"[0-9]{6}")
_SHOWN = 10


class _Beside(CenterSettings):
    """The same center with another warehouse: what is not whole yet stands beside the one in use."""

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse.rebuilt.duckdb"


def rebuild(settings: Settings, progress: ProgressCallback, project: Path = PROJECT_ROOT) -> dict[str, Any]:
    """Replace the warehouse by one made from the kept batches; returns counts of batches and rows of ``raw``.

    Raises CenterError naming the kept batches that are missing or do not hold, where none is kept, and where a model
    or test fails; the old warehouse stands in all these cases.
    """
    center = settings.the_center()
    ring = KeyRing(center)
    beside = _Beside(**center.model_dump())
    with one_step(center), Ledger(center.ledger) as ledger:
        batches = _kept_batches(settings, ledger, ring, progress)
        _remove(beside.warehouse)  # of a run that did not come to its end
        rows = _land(beside, ring, settings, batches, progress)
        faults.point("rebuild.landed")
        with open_warehouse(beside, ring) as connection:
            linked = link_batches(connection, ring, settings.reference_month)
        figures: dict[str, Any] = {"batches": len(batches), "rows": rows, "persons": linked["persons"]}
        figures |= _take_over_editions(center, beside, ring)
        if ledger.rows("SELECT 1 FROM step WHERE name = ? AND state = 'done' LIMIT 1", (STEP,)):
            built = build_models(settings, beside, ring, ledger, progress, full_refresh=True, project=project)
            figures["nodes"] = built["nodes"]
        faults.point("rebuild.whole")
        _put_in_place(center, beside, ledger, figures.pop("kept", None))
        faults.point("rebuild.replaced")
    return figures


def _kept_batches(
    settings: Settings, ledger: Ledger, ring: KeyRing, progress: ProgressCallback
) -> list[tuple[str, OpenBatch]]:
    """Every batch that was taken, checked, in the order of its number; with the linkage domain of its site."""
    found: list[tuple[str, OpenBatch]] = []
    wrong: list[str] = []
    with warehouse.connect(threads=1) as counting:
        for place, site in enumerate(sorted(settings.sites)):
            progress("center rebuild: check", place, len(settings.sites))
            reception = reception_of(settings, ledger, ring, site)
            domain = settings.site(site).linkage_domain
            for number, batch in _of_site(settings.the_center(), reception, site, counting).items():
                if isinstance(batch, str):
                    wrong.append(f"{site}/{number:06d} {batch}")
                else:
                    found.append((domain, batch))
    progress("center rebuild: check", len(settings.sites), len(settings.sites))
    if wrong:
        more = f"、ほか{len(wrong) - _SHOWN}件" if len(wrong) > _SHOWN else ""
        raise CenterError(
            f"受領済みのバッチ {len(wrong)}件が揃っていないため、倉庫は元のままにしました: "
            f"{'、'.join(wrong[:_SHOWN])}{more}。{settings.the_center().batches} をバックアップから戻すか、"
            "サイトの控え（sent フォルダ）から同じ番号のフォルダを写して、もう一度実行してください"
        )
    if not found:
        raise CenterError("受領済みのバッチがありません。`tsumugi center receive` が受け取ります")
    return found


def _of_site(
    center: CenterSettings, reception: Reception, site: str, counting: duckdb.DuckDBPyConnection
) -> dict[int, OpenBatch | str]:
    """The batches of a site by number, or what is wrong with each."""
    taken = reception.accepted()
    folder = center.batches / site
    kept.tidy(center, site, taken)
    there = {int(path.name) for path in folder.iterdir() if _FOLDER.fullmatch(path.name)} if folder.is_dir() else set()
    found: dict[int, OpenBatch | str] = {}
    previous = ""
    for number in range(1, max(there | taken.keys(), default=0) + 1):
        try:
            batch = reception.reopen(kept.place(center, site, number), taken.get(number), counting)
        except BatchRefused as refusal:
            found[number] = refusal.reason_code
            continue
        follows = batch.manifest.previous == previous or isinstance(found.get(number - 1), str)
        found[number] = batch if follows and batch.manifest.sequence == number else "chain"
        previous = batch.manifest_hash
    return found


def _land(
    beside: CenterSettings,
    ring: KeyRing,
    settings: Settings,
    batches: list[tuple[str, OpenBatch]],
    progress: ProgressCallback,
) -> int:
    with open_warehouse(beside, ring) as connection:
        for done, (domain, batch) in enumerate(batches):
            progress("center rebuild: land", done, len(batches))
            try:
                take_in(connection, batch, domain, settings.reference_month, ring.secret("link"))
            except BatchRefused as refusal:
                raise CenterError(
                    f"受領済みのバッチ {batch.folder} を今の定めでは取り込めません（{refusal}）。倉庫は元のままです"
                ) from None
        progress("center rebuild: land", len(batches), len(batches))
        found = connection.execute(
            "SELECT sum(estimated_size)::BIGINT FROM duckdb_tables() WHERE schema_name = 'raw' "
            "AND database_name = 'warehouse'"
        ).fetchone()
    return int(found[0]) if found else 0


def _take_over_editions(center: CenterSettings, beside: CenterSettings, ring: KeyRing) -> dict[str, Any]:
    """Copy the editions out of the old warehouse, which alone holds them; returns how many. One that cannot be read is
    to be ``kept`` under a name beside it, for what it holds may yet be saved."""
    if not center.warehouse.is_file():
        return {}
    try:
        old = open_warehouse(center, ring, read_only=True)
    except WarehouseError:
        aside = _aside(center.warehouse).name
        return {"editions": f"none: the old warehouse could not be read, and is kept as {aside}", "kept": aside}
    with old, open_warehouse(beside, ring) as new:
        return {"editions": edition.take_over(old, new)}


def _aside(path: Path) -> Path:
    """A name of its own beside a file: nothing that was kept before is written over."""
    number = 1
    while (found := path.with_name(f"{path.stem}.unreadable-{number}{path.suffix}")).exists():
        number += 1
    return found


def _put_in_place(center: CenterSettings, beside: CenterSettings, ledger: Ledger, aside: str | None) -> None:
    """The new file takes the place of the old one, which is kept where it has a name ``aside``; marked open, so that a
    kill here locks nobody out."""
    _require_no_log(beside.warehouse)
    if aside:
        center.warehouse.replace(center.home / aside)
    at_rest.take_place(ledger, beside.warehouse.name, center.warehouse.name)
    _log_of(center.warehouse).unlink(missing_ok=True)  # of the old file, never of the new one
    beside.warehouse.replace(center.warehouse)


def _require_no_log(path: Path) -> None:
    if _log_of(path).exists():
        raise CenterError(f"{path} was not closed whole; run `tsumugi center rebuild` again")


def _remove(path: Path) -> None:
    for left in (path, _log_of(path)):
        left.unlink(missing_ok=True)


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")
