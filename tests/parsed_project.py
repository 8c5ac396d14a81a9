"""What dbt has parsed of the project, handed from one workspace of the tests to the next.

dbt parses for seconds where a target folder holds no parse of the same project and the same variables, and nearly every
world of the tests is built in a folder of its own. dbt itself checks what it is handed, against every file.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from ingest.center import dbt
from ingest.center.build import project_hash
from ingest.center.dbt import Outcome
from ingest.settings import PROJECT_ROOT, CenterSettings, Settings

_KEPT = PROJECT_ROOT / ".pytest_cache" / "d" / "parsed_project"
_PARSE = "partial_parse.msgpack"


@contextmanager
def lent(target: Path, reference_month: str) -> Iterator[None]:
    """A build of the project into ``target``: with the parse of an earlier one, which it leaves to later ones."""
    kept = _folder() / f"{reference_month}.msgpack"
    dbt.forget_other_folders(target, PROJECT_ROOT)
    if kept.is_file() and not (target / _PARSE).exists():
        shutil.copy(kept, target / _PARSE)
    yield
    if not kept.exists() and (target / _PARSE).is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)  # the project was changed meanwhile
        whole = kept.with_name(f"{kept.name}.{os.getpid()}")
        shutil.copy(target / _PARSE, whole)
        whole.replace(kept)


def run_dbt(
    settings: Settings, center: CenterSettings, variables: dict[str, Any], *, project: Path = PROJECT_ROOT, **more: Any
) -> Outcome:
    """``ingest.center.dbt.run_dbt`` with a parse that is lent."""
    if project != PROJECT_ROOT:
        return dbt.run_dbt(settings, center, variables, project=project, **more)
    with lent(center.home / "target", variables["reference_month"]):
        return dbt.run_dbt(settings, center, variables, **more)


@cache
def _folder() -> Path:
    """Where the parses of this version of the project are kept; those of other versions go."""
    folder = _KEPT / project_hash(PROJECT_ROOT)[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for other in _KEPT.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return folder
