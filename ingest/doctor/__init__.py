"""`tsumugi doctor`: everything an installation needs, checked, and how to mend what is not well."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console

from ingest.doctor import encryption, machine, parties
from ingest.doctor.finding import MARKS, Finding
from ingest.progress import ProgressCallback
from ingest.sealing.keys import parties_of
from ingest.settings import Settings


def examine(settings: Settings, progress: ProgressCallback) -> list[Finding]:
    """All findings on the machine and the parties of the workspace, in order of check and party."""
    here = parties_of(settings)
    findings = [machine.extension(), machine.loops(), machine.time_zone(), *machine.memory(here)]
    for done, (name, party) in enumerate(here.items()):
        progress("doctor", done, len(here))
        party.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        findings.append(machine.disk(name, party.home))
        if done == 0 and findings[0].state == "ok":  # once: it is of DuckDB and our settings, not of the party
            findings += encryption.examine(party.home)
        findings += parties.examine(name, party, settings)
    progress("doctor", len(here), len(here))
    return findings


def figures(findings: list[Finding]) -> dict[str, Any]:
    """Counts by state, and every finding."""
    counts = {state: sum(1 for one in findings if one.state == state) for state in MARKS}
    return counts | {"findings": [asdict(one) for one in findings]}


def render(console: Console, findings: list[Finding]) -> None:
    """The same for the operator's eye."""
    for one in findings:
        console.print(f"{MARKS[one.state]} {one.place}: {one.what}", highlight=False, markup=False, soft_wrap=True)
        if one.remedy:
            console.print(f"    → {one.remedy}", highlight=False, markup=False, soft_wrap=True)
