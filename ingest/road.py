"""The whole road, one step after the other, for the parties that live on this machine."""

from __future__ import annotations

from typing import Any

from ingest.progress import ProgressCallback
from ingest.settings import Settings


def run_road(settings: Settings, progress: ProgressCallback) -> dict[str, Any]:
    """Do every step that is due.

    Each step decides itself whether it has anything to do, so a second run does nothing. Returns
    ``{"steps": [(title, figures), …]}`` in the order they were done.
    """
    from ingest.center.build import build
    from ingest.center.link import link
    from ingest.center.receive import receive as center_receive
    from ingest.center.results import results
    from ingest.site.extract import extract
    from ingest.site.receive import receive as site_receive

    steps: list[tuple[str, dict[str, Any]]] = []
    for name in settings.sites:
        steps.append((f"site {name} extract", extract(settings, name, progress)))
    if settings.center is not None:
        steps.append(("center receive", center_receive(settings, progress)))
        steps.append(("center link", link(settings, progress)))
        steps.append(("center build", build(settings, progress)))
        steps.append(("center results", results(settings, progress)))
    for name in settings.sites:
        steps.append((f"site {name} receive", site_receive(settings, name, progress)))
    return {"steps": steps}
