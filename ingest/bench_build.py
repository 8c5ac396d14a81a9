"""How long the models take: `tsumugi bench build`, over the months one by one and all at once.

A synthetic world is written, sealed, received and linked as on any machine; only `center build` is measured, with
DuckDB held to what leaves the process below 6 GB. Deliveries are held back and handed over up to a month, so that the
month is built upon the history that a center has by then.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ingest import settings as settings_module
from ingest.center.build import build
from ingest.center.link import link
from ingest.center.receive import receive
from ingest.progress import ProgressCallback, silent
from ingest.sealing.keys import create_keys
from ingest.settings import PROJECT_ROOT, SETTINGS_FILE, WORKSPACE_VARIABLE, Settings
from ingest.site.extract import extract
from ingest.synth.run import synthesise
from ingest.synth.settings import SynthSettings
from ingest.workspace import create

EARLY, YEAR = 12, 12
_DELIVERED = re.compile(r"_(\d{6})(?:_\w+)?\.\w+$")
_REFERENCE = re.compile(r"^reference_month = \S+", re.MULTILINE)
_MEMORY = "4500MB"  # of DuckDB; dbt and what DuckDB does not count come on top of it
_REWRITTEN = """
with facts as (
    {% for part in ['members', 'checkups', 'medical', 'diseases', 'care', 'certified', 'certified_cost'] %}
    select '{{ part }}' as part, scheme_code, period, count(*) as row_count
    from {{ ref('fact_' ~ part) }} group by scheme_code, period
    {{ 'union all' if not loop.last }}
    {% endfor %}
),
changed as (
    select scheme_code, {{ fiscal_year('month') }} as fiscal_year from {{ source('control', 'change_partition') }}
    union distinct
    select 'kokuho_koki', {{ fiscal_year('month') }} from {{ source('control', 'change_partition') }}
    where scheme_code in ('kokuho', 'koki')
)
select
    sum(case
        when part <> 'certified_cost' and {{ is_reached('facts', 'scheme_fiscal_year', 'facts.period') }} then row_count
        when part = 'certified_cost' and {{ is_reached('facts', 'scheme_year_or_care', 'facts.period') }} then row_count
        else 0
    end) as rewritten,
    sum(case when exists (
        select 1 from changed
        where changed.scheme_code = facts.scheme_code and changed.fiscal_year = {{ fiscal_year('facts.period') }}
    ) then row_count else 0 end) as touched
from facts"""


@dataclass(frozen=True)
class Built:
    """What a build took: seconds by the clock and of the processors, and the most memory of any build so far."""

    seconds: float
    cpu_seconds: float
    most_memory_mb: int


def run(synth: SynthSettings, progress: ProgressCallback) -> dict[str, Any]:
    """Build a synthetic world of at least 13 months month by month and at once.

    Returns people and months; ``early`` and ``late``, the builds of the twelfth and of the last month upon the history
    before them; ``full_year`` and ``full``, builds of everything up to those months, each with seconds by the clock and
    of the processors; the ratio of late to early, what the late one may take (60 s and a sixth of the first twelve
    months at once), how many rows of indicator_fact the late one makes anew over those of the schemes and fiscal years
    that its deliveries are of, and the most memory that a build held, in MB.
    """
    with TemporaryDirectory() as folder:
        workspace = Path(folder)
        create(workspace, demo=True)
        _limit_memory(workspace)
        create_keys(settings_module.load(workspace), None)
        synthesise(workspace, synth, progress)
        rewritten: list[float] = []
        built = dict(_stages(workspace, synth, progress, rewritten))
    early, late, full_year = built["early"], built["late"], built["full_year"]
    return {
        "people": synth.people,
        "months": synth.months,
        **{name: {"seconds": one.seconds, "cpu_seconds": one.cpu_seconds} for name, one in built.items()},
        "late_to_early": round(late.seconds / early.seconds, 2),
        "late_to_early_cpu": round(late.cpu_seconds / early.cpu_seconds, 2),
        "late_at_most_seconds": round(60 + full_year.seconds / 6, 1),
        "late_rewritten_to_touched": rewritten[0],
        "most_memory_mb": max(one.most_memory_mb for one in built.values()),
    }


def _limit_memory(workspace: Path) -> None:
    told = workspace / SETTINGS_FILE
    told.write_text(told.read_text("utf-8").replace("[center]\n", f'[center]\nmemory_limit = "{_MEMORY}"\n'), "utf-8")


def _stages(
    workspace: Path, synth: SynthSettings, progress: ProgressCallback, rewritten: list[float]
) -> Iterator[tuple[str, Built]]:
    """Every build, by its name; before the last month's ``rewritten`` takes what it makes anew."""
    held = _hold_back(workspace)
    last = synth.reference_month
    early = _months_after(synth.first_claim_month, EARLY - 1)
    for number, (month, name) in enumerate(
        [(_months_after(early, -1), ""), (early, "early"), (_months_after(last, -1), ""), (last, "late")]
    ):
        progress(f"{month:%Y-%m}", number, 4)
        _hand_over(workspace, held, month)
        if name == "late":
            rewritten.append(_rewritten_to_touched(settings_module.load(workspace)))
        done = _built(workspace, is_full=not name)  # the history before a month is laid down at once
        if name:
            progress(f"{month:%Y-%m} {done.seconds} s", number, 4)
            yield name, done
        if month == early:
            yield "full_year", _built(workspace, is_full=True)
    yield "full", _built(workspace, is_full=True)
    progress(f"{last:%Y-%m}", 4, 4)


def _hold_back(workspace: Path) -> list[tuple[date, Path, Path]]:
    """Move the files of the inboxes away; of each its month of delivery, where it lies and where it belongs."""
    found = []
    for path in sorted(workspace.glob("site-*/inbox/**/*")):
        if path.is_file():
            aside = workspace / "held" / path.relative_to(workspace)
            aside.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, aside)
            named = _DELIVERED.search(path.name)
            month = date(int(named[1][:4]), int(named[1][4:]), 1) if named else date.min
            found.append((month, aside, path))
    return found


def _hand_over(workspace: Path, held: list[tuple[date, Path, Path]], month: date) -> None:
    """Deliver what insurers know of a month and those before it, and take it up to the persons."""
    for delivered, aside, path in held:
        if delivered <= _months_after(month, 1) and aside.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(aside, path)
    told = workspace / SETTINGS_FILE
    told.write_text(_REFERENCE.sub(f"reference_month = {month}", told.read_text("utf-8")), "utf-8")
    settings = settings_module.load(workspace)
    for site in settings.sites:
        extract(settings, site, silent)
    receive(settings, silent)
    link(settings, silent)


def _rewritten_to_touched(settings: Settings) -> float:
    """What the change set reaches in indicator_fact, by the macro that the models delete by, over what it names."""
    center = settings.the_center()
    command = [
        *(sys.executable, "-m", "dbt.cli.main", "--no-send-anonymous-usage-stats", "--quiet", "show"),
        *("--inline", _REWRITTEN, "--output", "json", "--target", "center"),
        *("--project-dir", str(PROJECT_ROOT), "--profiles-dir", str(PROJECT_ROOT)),
        *("--target-path", str(center.home / "target"), "--log-path", str(center.logs)),
        *("--vars", json.dumps({"reference_month": settings.reference_month.isoformat()})),
    ]
    environment = os.environ | {WORKSPACE_VARIABLE: str(settings.workspace)}
    told = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, check=True, capture_output=True, text=True).stdout
    (row,) = json.loads(told[told.index("{") :])["show"]
    if not float(row["touched"] or 0):
        raise ValueError("the last month changed nothing that has a figure: deliver more months (--months)")
    return round(float(row["rewritten"]) / float(row["touched"]), 2)


def _built(workspace: Path, *, is_full: bool) -> Built:
    settings = settings_module.load(workspace)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    build(settings, silent, full_refresh=is_full)
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Built(round(ended - began, 1), round(cpu, 1), round(after.ru_maxrss / 1024))


def _months_after(month: date, count: int) -> date:
    number = month.year * 12 + month.month - 1 + count
    return date(number // 12, number % 12 + 1, 1)
