"""Site receive: the center's results become the files that tenants open.

Two steps. Taking a batch: check it, keep the sealed copy, answer with a signed receipt. Publishing:
decrypt, hold every identity against the directory, split by the access table. Publishing is due when
the newest batch, the access table or the seeds of areas have changed; it writes every file anew, each
put in place whole, so that a kill anywhere is made good by the next run.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from functools import partial
from typing import Any

import polars as pl

from ingest import faults
from ingest.identity.directory import Directory
from ingest.identity.tokens import Tokeniser
from ingest.ledger import Ledger
from ingest.policy import access
from ingest.progress import ProgressCallback
from ingest.sealing.errors import BatchHeld, BatchRefused
from ingest.sealing.files import sync_folder
from ingest.sealing.keys import KeyRing
from ingest.sealing.keytable import CENTER
from ingest.sealing.opened import OpenBatch
from ingest.sealing.reception import Reception, last_of
from ingest.settings import Settings, SiteSettings
from ingest.site import area, figure_rows, own_areas, steps
from ingest.site.databases import open_directory
from ingest.site.lock import locked
from ingest.site.outbox import Outbox
from ingest.site.publish import (
    PERSON_TABLES,
    STATISTICS_TABLES,
    Published,
    Publisher,
    TenantFile,
    remove_ungranted,
)
from ingest.site.workroom import Workroom
from ingest.warehouse import file_hash

KIND = "results"
TABLES = (
    "identity",
    *(table.source for table in PERSON_TABLES),
    "own_indicator",
    "own_edition_change",
    "statistics_indicator",
    "viewer_class",
    *STATISTICS_TABLES,
)
ABOUT = ("is_synthetic", "reference_month")
"""What the center says of its results and every published file repeats."""


def receive(settings: Settings, site_name: str, progress: ProgressCallback) -> dict[str, Any]:
    """Take the results that came and publish the newest; returns figures.

    Does nothing when no results came and the access table is as it was. Raises SiteError where
    another step of the site is running, and the errors of keys, tokens and the directory.
    """
    site = settings.site(site_name)
    with locked(site.home), Ledger(site.ledger) as ledger:
        ring = KeyRing(site)
        settled = Outbox.of(settings, site_name, ledger, ring).settle()
        desk = Desk(settings, site, site_name, ledger, ring)
        figures: dict[str, Any] = desk.take()
        figures |= desk.publish(progress)
        return figures | {name: count for name, count in settled.items() if count}


class Desk:
    """Where the results of the center are taken in at one site."""

    def __init__(self, settings: Settings, site: SiteSettings, name: str, ledger: Ledger, ring: KeyRing) -> None:
        self._settings = settings
        self._site = site
        self._name = name
        self._ledger = ledger
        self._ring = ring
        self._kept = site.home / "results"
        self._reception = Reception(
            name,
            CENTER,
            KIND,
            incoming=settings.to_site(name),
            answers=settings.to_center(name),
            ledger=ledger,
            ring=self._ring,
        )

    # -- taking ------------------------------------------------------------------------------------
    def take(self) -> dict[str, int]:
        """Check and keep what came, in its order; answer each batch. Returns counts by state."""
        taken = self._reception.accepted()
        last = last_of(taken)
        if last:
            self._reception.answer(last, taken[last], "accepted")
        figures = {"received": 0, "held": 0, "refused": self._reception.watch(taken, self._kept / "other.open")}
        waiting = [number for number in self._reception.arrived() if number not in taken]
        while waiting and waiting[0] == last_of(taken) + 1:
            try:
                batch = self._open(waiting[0], taken)
            except BatchHeld:
                break  # its name says it is due, its manifest that it is not: it waits
            except BatchRefused as refusal:
                sequence = waiting.pop(0)
                manifest_hash = self._reception.refuse(sequence, refusal)
                self._reception.answer(sequence, manifest_hash, "refused", refusal.reason_code, refusal.message)
                figures["refused"] += 1
                break
            faults.point("results.opened")
            self._accept(batch, taken)
            figures["received"] += 1
            waiting.pop(0)
        figures["held"] = len(waiting)
        self._reception.hold(waiting)
        self._reception.state(taken, waiting)
        return figures

    def _open(self, sequence: int, taken: dict[int, str]) -> OpenBatch:
        batch = self._reception.open(sequence, self._kept / f"{sequence:06d}.open", taken)
        missing = (set(TABLES) - batch.files.keys()) | (set(ABOUT) - batch.manifest.extra.keys())
        if batch.manifest.kind != KIND or missing:
            batch.discard()
            what = f"no {', '.join(sorted(missing))}" if missing else f"a batch of kind {batch.manifest.kind}"
            raise BatchRefused("contract", what, batch.manifest_hash, is_due=True)
        return batch

    def _accept(self, batch: OpenBatch, taken: dict[int, str]) -> None:
        sequence = batch.manifest.sequence
        kept = self._kept / f"{sequence:06d}"
        shutil.rmtree(kept, ignore_errors=True)
        batch.folder.replace(kept)
        self._ring.settle_peer(CENTER, kept)
        sync_folder(self._kept)
        with self._ledger.transaction() as connection:
            rows = {table: batch.rows(table) for table in batch.files}
            self._reception.accept(connection, sequence, batch.manifest_hash, KIND, {"rows": rows})
        faults.point("results.accepted")
        taken[sequence] = batch.manifest_hash
        self._reception.state(taken)
        self._reception.answer(sequence, batch.manifest_hash, "accepted")
        for older in self._kept.iterdir():
            if older != kept:
                shutil.rmtree(older)

    def newest(self) -> OpenBatch | None:
        """The results that were taken last, checked once more; None before the first."""
        last = self._ledger.last_batch("received", CENTER)
        if last is None:
            return None
        return self._reception.reopen(self._kept / f"{int(last['sequence']):06d}", str(last["manifest_hash"]))

    # -- publishing --------------------------------------------------------------------------------
    def publish(self, progress: ProgressCallback) -> dict[str, Any]:
        """Write the files of the newest results, unless that was done with the same inputs."""
        last = self._ledger.last_batch("received", CENTER)
        if last is None:
            return {"note": "no results came yet"}
        grants = access.load_grants().filter(pl.col("site") == self._name)
        step = _step_name(str(last["manifest_hash"]), grants)
        if self._ledger.is_done("publish", step) and self._are_as_written():
            return {"note": "nothing to do"}
        self._ledger.begin_step("publish", step)
        try:
            figures, files = self._published(int(last["sequence"]), str(last["manifest_hash"]), grants, progress)
            with self._ledger.transaction() as connection:
                connection.execute("DELETE FROM value WHERE name LIKE 'published/%'")
                for file in files:
                    name = f"published/{file.path.relative_to(self._site.published)}"
                    content = {"file_hash": file.file_hash, "rows": file.rows}
                    self._ledger.set_value(connection, name, json.dumps(content))
                steps.end(self._ledger, connection, "publish", step, figures)
        except BaseException as error:
            self._ledger.end_step("publish", step, error=type(error).__name__)
            raise
        return figures

    def _are_as_written(self) -> bool:
        """Whether every published file has the bytes that were put in place; one that has not is written anew."""
        return all(
            path.is_file() and file_hash(path) == json.loads(row["content"])["file_hash"]
            for row in self._ledger.rows("SELECT name, content FROM value WHERE name LIKE 'published/%'")
            for path in [self._site.home / row["name"]]
        )

    def _published(
        self, sequence: int, manifest_hash: str, grants: pl.DataFrame, progress: ProgressCallback
    ) -> tuple[dict[str, Any], list[Published]]:
        batch = self._reception.reopen(self._kept / f"{sequence:06d}", manifest_hash)
        with Workroom(self._site, "results") as room:
            room.connection.execute("SET preserve_insertion_order = true")  # it is part of a published table
            for table in TABLES:
                if table in figure_rows.ORDERS:
                    figure_rows.load(batch, room.connection, table)
                else:
                    batch.load_new(room.connection, table, f"results.{table}")
            people = self._people(room)
            about = {name: str(batch.manifest.extra[name]) for name in ABOUT}
            persons = grants.filter(pl.col("detail") == "person")
            own = own_areas.own_areas(persons, self._site.prefecture_code)
            publisher = Publisher(room.connection, persons, people, own, about)
            files = self._files(publisher, grants, f"site {self._name}: publish", progress)
        removed = remove_ungranted(self._site.published, {file.path for file in files})
        return {
            "sequence": sequence,
            "files": len(files),
            "rows": sum(sum(file.rows.values()) for file in files),
            "removed": len(removed),
        }, files

    def _people(self, room: Workroom) -> pl.DataFrame:
        """Names by identity, each opened and held against the directory."""
        returned = room.connection.execute("SELECT * FROM results.identity").pl()
        at_rest = self._ring.secret("at-rest")
        with open_directory(self._site, at_rest) as connection:
            directory = Directory(connection)
            found = [
                directory.reidentify(rows, Tokeniser(self._ring.secret(f"identity-{epoch}"), epoch))
                for (epoch,), rows in returned.group_by(["epoch"])
            ]
        known = found or [pl.DataFrame(schema=_NOBODY)]
        return pl.concat(known).select(*_NOBODY)

    def _files(
        self, publisher: Publisher, grants: pl.DataFrame, description: str, progress: ProgressCallback
    ) -> list[Published]:
        sets = access.tenants(grants.filter(pl.col("detail") == "person")).select("tenant_id", "scheme_set").unique()
        tasks: list[Callable[[], Published]] = [
            partial(publisher.tenant, self._tenant_file(tenant_id, scheme_set))
            for tenant_id, scheme_set in sets.sort("tenant_id", "scheme_set").iter_rows()
        ]
        for viewer_class in sorted(set(grants["viewer_class"])):
            path = self._site.published / "statistics" / f"{viewer_class}.duckdb"
            key = self._ring.statistics_key(viewer_class)
            tasks.append(partial(publisher.statistics, viewer_class, path, key))
        files: list[Published] = []
        progress(description, 0, len(tasks))
        for done, task in enumerate(tasks, start=1):
            files.append(task())
            progress(description, done, len(tasks))
        return files

    def _tenant_file(self, tenant_id: str, scheme_set: str) -> TenantFile:
        # One key of ids a tenant: the same person has the same id in all files of that tenant.
        id_key = self._ring.id_key(tenant_id)
        path = self._site.published / "tenants" / tenant_id / f"{scheme_set}.duckdb"
        return TenantFile(tenant_id, scheme_set, path, self._ring.tenant_key(tenant_id, scheme_set), id_key)


_NOBODY: dict[str, pl.DataType] = {
    "identity_tag": pl.Binary(),
    "name_kanji": pl.String(),
    "name_kana": pl.String(),
    "birth_date": pl.Date(),
    "sex_code": pl.String(),
    "address": pl.String(),
}


def _step_name(manifest_hash: str, grants: pl.DataFrame) -> str:
    """What publishing depends on: the results, the access table, the seeds of areas."""
    digest = hashlib.sha256(manifest_hash.encode())
    digest.update(grants.sort(grants.columns).write_csv().encode())
    for seed in (area.INSURERS, own_areas.INSURER_MUNICIPALITY):
        digest.update(seed.read_bytes())
    return digest.hexdigest()
