"""A center for tests of the change set: its own steps throughout, dbt inside this process for speed.

``build`` is the center's; only the child that runs dbt is replaced, by the same dbt in this process
over the models alone (seeds stand since the first build, and data tests change no row).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingest import faults
from ingest import settings as settings_module
from ingest.center import build as build_module
from ingest.center.dbt import Outcome
from ingest.center.errors import CenterError
from ingest.center.home import open_warehouse, transaction
from ingest.center.link import link
from ingest.center.receive import receive
from ingest.progress import silent
from ingest.sealing.keys import KeyRing
from ingest.settings import CenterSettings, Settings
from tests import dbt_here
from tests.property.incremental_rows import moved

LAYERS = ("staging", "intermediate", "marts", "rollups", "published")
LINKED = ("node", "incidence", "identity_person", "refused_component", "refused_edge", "person_evidence",
          "person_tie")  # fmt: skip
STEPS = ("receive", "link", "build")


class Killed(BaseException):
    """Stands for the end of the process at a fault point: nothing above catches it."""


class Center:
    """One workspace with its center at one month of reference."""

    def __init__(self, workspace: Path) -> None:
        self.settings: Settings = settings_module.load(workspace)

    def move_to(self, reference_month: date) -> None:
        """Another month of reference, as an operator writes it into the settings."""
        self.settings = self.settings.model_copy(update={"reference_month": reference_month})

    # -- the steps ---------------------------------------------------------------------------------
    def receive(self) -> None:
        """Take what the sites have sent; all of it holds."""
        figures = receive(self.settings, silent)
        assert not figures["refused"] and not figures["held"], figures

    def link(self) -> None:
        """Link what was received."""
        link(self.settings, silent)

    def build(self) -> None:
        """Build what changed, and no more than that."""
        assert not self._build().get("full_refresh")

    def bring_up(self) -> None:
        """Receive, link, build: after it nothing is due."""
        for step in STEPS:
            getattr(self, step)()

    def hesitate(self) -> None:
        """Receive and link while the month of reference is set back, for it is set to and fro before a build."""
        meant = self.settings.reference_month
        self.move_to(moved(meant, -3))
        self.receive()
        self.link()
        self.move_to(meant)

    def end_half_way(self, selection: Sequence[str]) -> None:
        """A build that dies after the models of ``selection``, where one is due."""
        self.receive()
        self.link()
        try:
            figures = self._build(selection)
        except CenterError as error:
            assert "the change set stays open" in str(error)
        else:
            assert figures == {"note": "nothing to do"}

    def die_at(self, fault: str) -> bool:
        """Run up to the step of ``fault`` and die there; False where that step does not come so far."""
        dying = fault.split(".")[0]
        for step in STEPS[: STEPS.index(dying)]:
            getattr(self, step)()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(faults, "point", _dies_at(fault))
            try:
                getattr(self, dying)()
            except Killed:
                return True
        return False

    def _build(self, selection: Sequence[str] = ()) -> dict[str, Any]:
        with _dbt_in_this_process(selection):
            return build_module.build(self.settings, silent)

    # -- what came of it ---------------------------------------------------------------------------
    def content(self) -> dict[str, pa.Table]:
        """Every row of what linkage and dbt made, by relation, in an order of their values."""
        with self.warehouse(read_only=True) as connection:
            names = connection.execute(
                "SELECT table_schema || '.' || table_name FROM information_schema.tables "
                "WHERE table_catalog = 'warehouse' AND list_contains(?, table_schema) ORDER BY 1",
                [list(LAYERS)],
            ).fetchall()
            relations = [name for (name,) in names] + [f"link.{name}" for name in LINKED]
            return {one: connection.execute(f"SELECT * FROM {one} ORDER BY ALL").to_arrow_table() for one in relations}

    def one(self, sql: str) -> Any:
        """The single value that a query gives."""
        with self.warehouse(read_only=True) as connection:
            return connection.execute(sql).fetchone()[0]

    def rebuilt(self, folder: Path) -> Center:
        """Another center that got the same batches and linked and built them at once, from nothing."""
        other = self.copy(folder)
        with other.warehouse() as connection, transaction(connection):
            for name in LINKED:
                connection.execute(f"DELETE FROM link.{name}")
            for name in ("link_rules", "change_partition", "change_person", "build"):
                connection.execute(f"DELETE FROM control.{name}")
            connection.execute("UPDATE control.received_batch SET is_linked = false")
        other.link()
        assert other._build()["full_refresh"]
        return other

    def copy(self, folder: Path) -> Center:
        """The same center once more, in a workspace of its own."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.settings.workspace, folder)
        other = Center(folder)
        other.move_to(self.settings.reference_month)
        return other

    @contextmanager
    def warehouse(self, *, read_only: bool = False) -> Iterator[Any]:
        """The center's warehouse, open."""
        center = self.settings.the_center()
        with open_warehouse(center, KeyRing(center), read_only=read_only) as connection:
            yield connection


def differences(found: dict[str, pa.Table], expected: dict[str, pa.Table]) -> dict[str, str]:
    """What differs, by relation: rows too many and too few (a few of each)."""
    told = {}
    for name in sorted(found.keys() | expected.keys()):
        if name not in found or name not in expected:
            told[name] = "is missing on one side"
        elif not found[name].equals(expected[name]):
            ours, theirs = (list(map(repr, table.to_pylist())) for table in (found[name], expected[name]))
            more, fewer = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
            told[name] = f"{len(ours)} rows for {len(theirs)}; only incremental {more[:3]}; only anew {fewer[:3]}"
    return told


def _dies_at(fault: str) -> Callable[[str], None]:
    def point(name: str) -> None:
        if name == fault:
            raise Killed

    return point


@contextmanager
def _dbt_in_this_process(selection: Sequence[str]) -> Iterator[None]:
    def run(
        settings: Settings, center: CenterSettings, variables: dict[str, str], *, full_refresh: bool, **_: Any
    ) -> Outcome:
        more = [*(["--full-refresh"] if full_refresh else []), *(["--select", *selection] if selection else [])]
        result = dbt_here.dbt(settings, center, variables["reference_month"], "run", more)
        assert result.success, dbt_here.reason(result)
        return Outcome(not selection, {}, ("what was not selected",) if selection else ())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build_module, "run_dbt", run)
        yield
