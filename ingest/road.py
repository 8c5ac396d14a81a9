"""The whole road, one step after the other, for the parties that live on this machine.

Sites know nothing of each other, so where a machine holds several their steps run side by side, each
in a process of its own.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from queue import Empty
from typing import Any

from ingest import settings as settings_module
from ingest.progress import ProgressCallback
from ingest.settings import Settings

_POLL_SECONDS = 0.2


def run_road(settings: Settings, progress: ProgressCallback) -> dict[str, Any]:
    """Do every step that is due.

    Rotations of keys that were interrupted go on first. Each step decides itself whether it has anything to do, so a
    second run does nothing. Returns
    ``{"steps": [(title, figures), …]}`` in the order they were done.
    """
    from ingest import key_rotation
    from ingest.center.build import build
    from ingest.center.errors import CenterError
    from ingest.center.link import link
    from ingest.center.receive import receive
    from ingest.center.release import release, waits_for
    from ingest.center.results import results

    steps: list[tuple[str, dict[str, Any]]] = key_rotation.finish(settings, progress)  # of keys, interrupted
    steps += _at_each_site(settings, "extract", progress)
    if settings.center is not None:
        steps.append(("center receive", receive(settings, progress)))
        steps.append(("center link", link(settings, progress)))
        steps.append(("center build", build(settings, progress)))
        decision = release(settings, progress)
        steps.append(("center release", decision))
        if decision["state"] != "released":
            raise CenterError(waits_for(decision))
        steps.append(("center results", results(settings, progress)))
    steps += _at_each_site(settings, "receive", progress)
    return {"steps": steps}


def _at_each_site(settings: Settings, verb: str, progress: ProgressCallback) -> list[tuple[str, dict[str, Any]]]:
    names = list(settings.sites)
    if len(names) < 2:
        return [(f"site {name} {verb}", _site_step(verb)(settings, name, progress)) for name in names]
    context = multiprocessing.get_context("spawn")  # a fork would copy the threads of Polars and DuckDB
    with context.Manager() as manager, ProcessPoolExecutor(len(names), mp_context=context) as pool:
        told: Any = manager.Queue()
        running = {name: pool.submit(_in_process, settings.workspace, verb, name, told) for name in names}
        while not all(future.done() for future in running.values()):
            _pass_on(told, progress)
        return [(f"site {name} {verb}", running[name].result()) for name in names]


def _site_step(verb: str) -> Callable[[Settings, str, ProgressCallback], dict[str, Any]]:
    if verb == "extract":
        from ingest.site.extract import extract

        return extract
    from ingest.site.receive import receive

    return receive


def _in_process(workspace: Path, verb: str, name: str, told: Any) -> dict[str, Any]:
    """One site's step in a process of its own; what it tells goes through the queue."""
    settings = settings_module.load(workspace)
    return _site_step(verb)(settings, name, lambda *news: told.put(news))


def _pass_on(told: Any, progress: ProgressCallback) -> None:
    try:
        progress(*told.get(timeout=_POLL_SECONDS))
    except Empty:
        return
