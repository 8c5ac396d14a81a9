"""How the command line speaks: progress bars, one clear line for an error, never a traceback.

An exception's own text may hold a value of a person (a conversion error prints what it could not
convert), so for an unexpected error only its type and the places in our code are told.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ingest.center.errors import CenterError
from ingest.progress import ProgressCallback
from ingest.sealing.errors import SealingError
from ingest.settings import PROJECT_ROOT, SettingsError
from ingest.site.errors import SiteError
from ingest.warehouse import WarehouseError

err = Console(stderr=True)
out = Console()


def is_expected(error: Exception) -> bool:
    """Whether an error is one of ours, whose text is made for the operator and holds no value of a person."""
    # Imported when something is wrong: the readers are slow to load, and `tsumugi --help` needs none.
    from ingest.export.choice import NothingToExport
    from ingest.formats.reading import FileRefused
    from ingest.policy.access import AccessDenied
    from ingest.policy.audit import AuditBroken
    from ingest.reconcile.errors import FormError

    own = (AuditBroken, SettingsError, WarehouseError, SealingError, FileRefused, AccessDenied, SiteError, CenterError)
    return isinstance(error, (*own, NothingToExport, FormError))


@contextmanager
def told_errors() -> Iterator[None]:
    """Turn an exception into one line on standard error and exit code 1."""
    try:
        yield
    except (KeyboardInterrupt, typer.Exit, typer.Abort, SystemExit):
        raise
    except Exception as error:
        if is_expected(error):
            err.print(f"[red]error:[/red] {escape(str(error))}", soft_wrap=True, highlight=False)
            raise typer.Exit(1) from None
        places = [
            f"{Path(frame.filename).relative_to(PROJECT_ROOT)}:{frame.lineno}"
            for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename).is_relative_to(PROJECT_ROOT) and ".venv" not in frame.filename
        ]
        err.print(
            f"[red]error:[/red] unexpected {type(error).__name__} at {' > '.join(places[-3:])}; "
            "nothing of this step was kept, run it again or report these places",
            soft_wrap=True,
            highlight=False,
        )
        raise typer.Exit(1) from None


@contextmanager
def progress_bar() -> Iterator[ProgressCallback]:
    """A progress bar as a callback(description, done, total)."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err) as progress:
        tasks: dict[str, Any] = {}

        def tell(description: str, done: int, total: int) -> None:
            if description not in tasks:
                tasks[description] = progress.add_task(description, total=total or None)
            progress.update(tasks[description], completed=done, total=total or None)

        yield tell


def print_json_line(figures: dict[str, Any]) -> None:
    """The last line of standard output: one line of JSON for scripts."""
    typer.echo(json.dumps(figures, ensure_ascii=False, default=str))
