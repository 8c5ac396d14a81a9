"""Write the test vectors of the envelope anew: `python -m tests.vectors.make_envelope`.

Only needed where the format itself changes. File keys, nonces and wrapped keys are random, so every run writes other
bytes; `docs/reference/envelope.md` names the ones that are there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519

from ingest import warehouse
from ingest.sealing import hpke
from ingest.sealing.manifest import canonical
from ingest.sealing.receipts import Receipt, Statement, receipt_path, write_receipt, write_statement
from ingest.sealing.seal import Sealed, seal
from ingest.sealing.unseal import open_batch

FOLDER = Path(__file__).with_name("envelope")
SITE, CENTER = "16", "center"
TABLES = {
    "claim": "SELECT range AS source_row, '架空' || range AS word, range * 10 AS points, "
    "DATE '2025-03-01' + range::INTEGER AS day FROM range(7)",
    "claim_item": "SELECT range AS source_row, (range % 2 = 0) AS is_even FROM range(3)",
    "decision": "SELECT '0a1b2c3d' AS decision_id, 1::BIGINT AS place, 'merge' AS decision_code, "
    "unhex(repeat('1a', 16)) AS one_tag, unhex(repeat('2b', 16)) AS other_tag, '' AS undone_id, "
    "'架空花子' AS decided_by, DATE '2025-03-31' AS decided_on, '架空の理由' AS reason UNION ALL "
    "SELECT '4e5f6071', 2, 'undo', NULL, NULL, '0a1b2c3d', '架空花子', DATE '2025-03-31', '架空の取り違え'",
}


def secret(name: str) -> bytes:
    """A key that everybody knows: SHA-256 of its name."""
    return hashlib.sha256(f"tsumugi test vector, never use: {name}".encode()).digest()


def party(name: str) -> dict[str, str]:
    """The four keys of one party in hex."""
    signing = secret(f"{name} signing")
    envelope = b"".join(secret(f"{name} envelope {number}") for number in range(3))
    public = ed25519.Ed25519PrivateKey.from_private_bytes(signing).public_key().public_bytes_raw()
    return {
        "signing_seed": signing.hex(),
        "signing_public": public.hex(),
        "envelope_private": envelope.hex(),
        "envelope_public": hpke.public_of(envelope).hex(),
    }


def main() -> None:
    """Three batches, of which the second replaces a refused one and the third holds decisions, with every answer."""
    for part in ("batches", "refused", "answers"):
        shutil.rmtree(FOLDER / part, ignore_errors=True)
    keys = {SITE: party(SITE), CENTER: party(CENTER)}
    first = _seal(keys, FOLDER / "batches" / "000001", 1, None, ["claim", "claim_item"])
    refused = _seal(keys, FOLDER / "refused" / "000002", 2, first.manifest_hash, ["claim_item"])
    second = _seal(keys, FOLDER / "batches" / "000002", 2, first.manifest_hash, ["claim_item"], refused.manifest_hash)
    third = _seal(keys, FOLDER / "batches" / "000003", 3, second.manifest_hash, ["decision"], kind="decision")
    signing = bytes.fromhex(keys[CENTER]["signing_seed"])
    answers = FOLDER / "answers"
    no = Receipt(CENTER, SITE, 2, refused.manifest_hash, "refused", "contract", "claim_item: 1 unknown column")
    write_receipt(answers / "000002.refused.receipt.json", no, signing)
    for sealed in (first, second, third):
        yes = Receipt(CENTER, SITE, sealed.sequence, sealed.manifest_hash, "accepted", "", "")
        write_receipt(receipt_path(answers, sealed.sequence), yes, signing)
    write_statement(answers, Statement(CENTER, SITE, 3, third.manifest_hash, (5,)), signing)
    vectors = {
        "about": "架空データ。Test keys that everybody knows: never use them. See docs/reference/envelope.md.",
        "keys": keys,
        "batches": [
            _contents(keys, first, None),
            _contents(keys, second, first.manifest_hash),
            _contents(keys, third, second.manifest_hash),
        ],
        "refused": refused.manifest_hash,
    }
    (FOLDER / "vectors.json").write_text(json.dumps(vectors, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def as_json(value: Any) -> Any:
    """A value of a row as the vectors write it: days as ISO, bytes in hex."""
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if hasattr(value, "isoformat") else value


def _seal(
    keys: dict[str, dict[str, str]],
    folder: Path,
    sequence: int,
    previous: str | None,
    tables: list[str],
    replaces: str | None = None,
    kind: str = "facts",
) -> Sealed:
    with warehouse.connect(threads=1) as connection:
        return seal(
            connection,
            {table: TABLES[table] for table in tables},
            folder,
            sender=SITE,
            recipient=CENTER,
            sequence=sequence,
            previous_hash=previous,
            kind=kind,
            signing_key=bytes.fromhex(keys[SITE]["signing_seed"]),
            recipient_public=bytes.fromhex(keys[CENTER]["envelope_public"]),
            replaces=replaces,
            extra={"note": "架空データ"},
        )


def _contents(keys: dict[str, dict[str, str]], sealed: Sealed, previous: str | None) -> dict[str, Any]:
    batch = open_batch(
        sealed.path,
        FOLDER / "open",
        sender=SITE,
        recipient=CENTER,
        expected_sequence=sealed.sequence,
        previous_hash=previous,
        pinned_public=bytes.fromhex(keys[SITE]["signing_public"]),
        private_key=bytes.fromhex(keys[CENTER]["envelope_private"]),
    )
    files = {}
    with warehouse.connect(threads=1) as connection:
        for entry in batch.manifest.files:
            batch.load_new(connection, entry.table, entry.table)
            rows = connection.execute(f"SELECT * FROM {entry.table} ORDER BY ALL").fetchall()
            columns = list(batch.columns(connection, entry.table).items())
            files[entry.table] = {
                "info": canonical(batch.manifest.context(entry)).decode(),
                "file_key": batch._keys[entry.table].hex(),
                "columns": columns,
                "rows": [[as_json(value) for value in row] for row in rows],
            }
    batch.discard()
    return {"sequence": sealed.sequence, "manifest_hash": sealed.manifest_hash, "files": files}


if __name__ == "__main__":
    main()
