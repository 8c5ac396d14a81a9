"""The rooms know only the rooms that the design allows them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ingest.formats import READERS
from ingest.formats.contracts import CONTRACTS

ROOT = Path(__file__).resolve().parents[3]


def imported_modules(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def modules_under(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def offenders(paths: list[Path], forbidden: tuple[str, ...], allowed: tuple[str, ...] = ()) -> list[str]:
    def is_under(name: str, prefixes: tuple[str, ...]) -> bool:
        return any(name == p or name.startswith(p + ".") for p in prefixes)

    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in paths
        for name in sorted(imported_modules(path))
        if is_under(name, forbidden) and not is_under(name, allowed)
    ]


def test_the_site_never_imports_the_center() -> None:
    assert offenders(modules_under("ingest/site"), ("ingest.center",)) == []


def test_the_center_never_imports_the_site_nor_anything_that_opens_an_identity() -> None:
    opening = ("cipher", "directory", "evidence", "siv", "tokens")
    forbidden = ("ingest.site", "ingest.synth", *(f"ingest.identity.{module}" for module in opening))
    assert offenders(modules_under("ingest/center"), forbidden) == []


def test_the_app_imports_of_ingest_only_settings_warehouse_and_policy() -> None:
    allowed = ("ingest.settings", "ingest.warehouse", "ingest.policy")
    names = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules_under("app")
        for name in sorted(imported_modules(path))
        if name.split(".")[0] == "ingest" and not name.startswith(allowed)
    ]
    assert [line for line in names if not line.endswith("imports ingest")] == []


def test_the_formats_know_neither_party() -> None:
    assert offenders(modules_under("ingest/formats"), ("ingest.site", "ingest.center", "ingest.synth")) == []


def test_only_the_warehouse_opens_duckdb() -> None:
    found = []
    for path in modules_under("ingest", "app"):
        if path == ROOT / "ingest/warehouse.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_connect = (
                isinstance(node, ast.Attribute)
                and node.attr == "connect"
                and isinstance(node.value, ast.Name)
                and node.value.id == "duckdb"
            )
            is_attach = (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node.value.lstrip().upper().startswith("ATTACH ")
            )
            if is_connect or is_attach:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []


@pytest.mark.parametrize("folder", ["ingest", "app"])
def test_nothing_that_ships_reads_the_shared_folder_of_the_tests(folder: str) -> None:
    found = [
        str(path.relative_to(ROOT)) for path in modules_under(folder) if "../shared" in path.read_text(encoding="utf-8")
    ]
    assert found == []


def test_files_are_read_through_one_door() -> None:
    """Who reads a file asks ``ingest.formats`` what it is, and names no reader."""
    readers = tuple(sorted({type(reader).__module__ for reader in READERS}))
    inspect = ROOT / "ingest" / "formats" / "inspect.py"
    asking = [*modules_under("ingest/site", "ingest/quality"), inspect, ROOT / "ingest" / "cli.py"]
    assert offenders(asking, readers) == []
    named = {name for contract in CONTRACTS.values() for name in contract.formats}
    assert named == {reader.format for reader in READERS}
