"""What a receiver answers: a signed receipt for each batch, and a signed statement of where it stands.

A receipt says what became of one batch. The statement names the last batch that was taken; after a
restore from a backup it tells the sender from where to fill up. Both are canonical JSON, an object of the
document and its signature, and Ed25519 is deterministic: the same answer has the same bytes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ingest.sealing.errors import BatchRefused
from ingest.sealing.files import put_whole, read_plain
from ingest.sealing.manifest import MAXIMUM_BODY_BYTES, ManifestError, canonical, is_signed, parse_canonical, sign

STATEMENT_FILE = "statement.json"
_KINDS = {"receipt": b"tsumugi/receipt/1\x00", "statement": b"tsumugi/statement/1\x00"}


@dataclass(frozen=True)
class Receipt:
    """The receiver's signed answer to one batch."""

    sender: str
    recipient: str
    sequence: int
    manifest_hash: str
    state: Literal["accepted", "refused"]
    reason_code: str
    message: str


@dataclass(frozen=True)
class Statement:
    """Where a receiver (``sender`` of the statement) stands: the last batch it took, and what it holds."""

    sender: str
    recipient: str
    sequence: int  # 0 before the first
    manifest_hash: str  # "" before the first
    held: tuple[int, ...] = ()  # numbers that came before their turn


def receipt_path(folder: Path, sequence: int) -> Path:
    """Where the receipt for a batch stands among the answers."""
    return folder / f"{sequence:06d}.receipt.json"


def write_receipt(path: Path, receipt: Receipt, signing_key: bytes) -> None:
    """Have the signed answer to one batch stand at ``path``, whole or not at all."""
    put_whole(path, _document("receipt", asdict(receipt), signing_key))


def read_receipt(path: Path, *, sender: str, recipient: str, pinned_public: bytes) -> Receipt:
    """The answer at ``path`` by ``sender`` (who received the batch) to ``recipient`` (who sealed it).

    Raises BatchRefused("receipt") where it is not genuine. Compare its ``manifest_hash`` with your own
    record of the batch: a genuine receipt of another batch is still of another batch.
    """
    content = _content("receipt", path, pinned_public)
    try:
        receipt = Receipt(**content)
    except TypeError:
        raise BatchRefused("receipt", "the receipt is not of a known form") from None
    if (receipt.sender, receipt.recipient) != (sender, recipient) or receipt.state not in ("accepted", "refused"):
        raise BatchRefused("receipt", "the receipt is of other parties")
    return receipt


def write_statement(folder: Path, statement: Statement, signing_key: bytes) -> None:
    """Have the signed statement stand among the answers in ``folder``, whole or not at all."""
    content = asdict(statement) | {"held": list(statement.held)}
    put_whole(folder / STATEMENT_FILE, _document("statement", content, signing_key))


def read_statement(folder: Path, *, sender: str, recipient: str, pinned_public: bytes) -> Statement | None:
    """What ``sender`` states to ``recipient`` in ``folder``; None where nothing genuine stands there."""
    try:
        content = _content("statement", folder / STATEMENT_FILE, pinned_public)
        statement = Statement(**content | {"held": tuple(content["held"])})
    except (BatchRefused, TypeError, KeyError):
        return None
    is_ours = (statement.sender, statement.recipient) == (sender, recipient)
    return statement if is_ours and _is_whole(statement) else None


def _is_whole(statement: Statement) -> bool:
    numbers = (statement.sequence, *statement.held)
    good = all(isinstance(number, int) and not isinstance(number, bool) and number >= 0 for number in numbers)
    return (
        good and isinstance(statement.manifest_hash, str) and bool(statement.sequence) == bool(statement.manifest_hash)
    )


def _document(kind: str, content: dict[str, Any], signing_key: bytes) -> bytes:
    content = {"format": f"tsumugi/{kind}/1"} | content
    signature = sign(_KINDS[kind], canonical(content), signing_key).hex()
    return canonical({kind: content, "signature": signature})


def _content(kind: str, path: Path, pinned_public: bytes) -> dict[str, Any]:
    try:
        document = parse_canonical(read_plain(path, MAXIMUM_BODY_BYTES))
        content, signature = document[kind], bytes.fromhex(document["signature"])
        if not is_signed(_KINDS[kind], canonical(content), signature, pinned_public):
            raise BatchRefused("receipt", f"the {kind} is not signed by the pinned key of its sender")
        if content.pop("format") != f"tsumugi/{kind}/1":
            raise BatchRefused("receipt", f"the {kind} is of another format")
    except (ManifestError, KeyError, TypeError, ValueError, AttributeError):
        raise BatchRefused("receipt", f"the {kind} is not of a known form") from None
    return dict(content)
