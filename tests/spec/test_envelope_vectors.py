"""The envelope is what its page says: a plain implementation of the page and ours read the same test vectors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import warehouse
from ingest.center.schema import DECISION, sql_types
from ingest.sealing import hpke
from ingest.sealing.errors import BatchRefused
from ingest.sealing.manifest import canonical, parse_canonical
from ingest.sealing.receipts import Receipt, Statement, read_receipt, read_statement
from ingest.sealing.unseal import open_batch
from tests import plain_envelope as plain
from tests.vectors.make_envelope import as_json

FOLDER = Path(__file__).resolve().parents[1] / "vectors" / "envelope"
VECTORS: dict[str, Any] = json.loads((FOLDER / "vectors.json").read_text(encoding="utf-8"))
SITE = {name: bytes.fromhex(value) for name, value in VECTORS["keys"]["16"].items()}
CENTER = {name: bytes.fromhex(value) for name, value in VECTORS["keys"]["center"].items()}
FIRST, SECOND, THIRD = VECTORS["batches"]
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def batches() -> Iterator[tuple[Path, dict[str, Any]]]:
    for batch in VECTORS["batches"]:
        yield FOLDER / "batches" / f"{batch['sequence']:06d}", batch


def test_the_plain_implementation_reads_the_vectors() -> None:
    for folder, batch in batches():
        found = plain.read_batch(folder, SITE["signing_public"], CENTER["envelope_private"])
        assert found == {
            table: ([name for name, _ in file["columns"]], len(file["rows"])) for table, file in batch["files"].items()
        }
        manifest = json.loads((folder / "manifest.json").read_bytes())
        for entry in manifest["files"]:
            expected = batch["files"][entry["table"]]
            context = json.loads(expected["info"])
            key = plain.unwrap(bytes.fromhex(entry["wrapped_key"]), CENTER["envelope_private"], context)
            assert key.hex() == expected["file_key"]
            assert hpke.unwrap(bytes.fromhex(entry["wrapped_key"]), CENTER["envelope_private"], context) == key


def test_ours_reads_the_vectors_row_by_row(tmp_path: Path) -> None:
    taken: dict[int, str] = {}
    for folder, expected in batches():
        batch = open_batch(
            folder,
            tmp_path / folder.name,
            sender="16",
            recipient="center",
            expected_sequence=expected["sequence"],
            previous_hash=taken.get(expected["sequence"] - 1),
            pinned_public=SITE["signing_public"],
            private_key=CENTER["envelope_private"],
            refused={VECTORS["refused"]} if expected["sequence"] == 2 else (),
            taken=taken,
        )
        assert batch.manifest_hash == expected["manifest_hash"]
        with warehouse.connect(threads=1) as connection:
            for table, file in expected["files"].items():
                batch.load_new(connection, table, table)
                assert list(batch.columns(connection, table).items()) == [tuple(column) for column in file["columns"]]
                rows = connection.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall()
                assert [[as_json(value) for value in row] for row in rows] == file["rows"]
        taken[expected["sequence"]] = batch.manifest_hash


def test_both_read_the_answers() -> None:
    public = CENTER["signing_public"]
    for name, state, code, batch in (
        ("000001.receipt.json", "accepted", "", FIRST["manifest_hash"]),
        ("000002.refused.receipt.json", "refused", "contract", VECTORS["refused"]),
        ("000002.receipt.json", "accepted", "", SECOND["manifest_hash"]),
        ("000003.receipt.json", "accepted", "", THIRD["manifest_hash"]),
    ):
        found = plain.read_answer(FOLDER / "answers" / name, "receipt", public)
        assert (found["state"], found["reason_code"], found["manifest_hash"]) == (state, code, batch)
        ours = read_receipt(FOLDER / "answers" / name, sender="center", recipient="16", pinned_public=public)
        assert ours == Receipt(**found)
    stated = plain.read_answer(FOLDER / "answers" / "statement.json", "statement", public)
    assert stated == {
        "sender": "center",
        "recipient": "16",
        "sequence": 3,
        "manifest_hash": THIRD["manifest_hash"],
        "held": [5],
    }
    ours_stated = read_statement(FOLDER / "answers", sender="center", recipient="16", pinned_public=public)
    assert ours_stated == Statement("center", "16", 3, THIRD["manifest_hash"], (5,))


def test_the_replacement_names_the_refused_batch() -> None:
    second = json.loads((FOLDER / "batches" / "000002" / "manifest.json").read_bytes())
    refused = (FOLDER / "refused" / "000002" / "manifest.json").read_bytes()
    assert second["replaces"] == VECTORS["refused"] == plain.hashlib.sha256(refused).hexdigest()
    assert second["previous"] == FIRST["manifest_hash"]


def test_a_batch_of_decisions_holds_the_one_table_that_the_page_names() -> None:
    manifest = json.loads((FOLDER / "batches" / "000003" / "manifest.json").read_bytes())
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "envelope.md").read_text(encoding="utf-8")
    (columns,) = (dict(file["columns"]) for file in THIRD["files"].values())
    assert manifest["kind"] == "decision" and columns == sql_types(DECISION)
    assert f"`decision({', '.join(f'{name} {kind}' for name, kind in columns.items())})`" in page


def test_a_changed_vector_is_refused_by_both(tmp_path: Path) -> None:
    folder = tmp_path / "000001"
    shutil.copytree(FOLDER / "batches" / "000001", folder)
    path = folder / "0000_claim.parquet"
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    with pytest.raises(AssertionError):
        plain.read_batch(folder, SITE["signing_public"], CENTER["envelope_private"])
    with pytest.raises(BatchRefused) as caught:
        open_batch(
            folder,
            tmp_path / "private",
            sender="16",
            recipient="center",
            expected_sequence=1,
            previous_hash=None,
            pinned_public=SITE["signing_public"],
            private_key=CENTER["envelope_private"],
        )
    assert caught.value.reason_code == "hash"


@given(PLAIN)
def test_canonical_json_is_the_same_by_both(content: Any) -> None:
    try:
        written = canonical(content)
    except UnicodeEncodeError:  # half a surrogate pair is no text
        return
    assert written == plain.canonical(content)
    assert parse_canonical(written) == content
