"""The signed list of what a batch holds: canonical JSON and an Ed25519 signature beside it.

Canonical means one byte string for one content: sorted keys, no spaces, UTF-8, whole numbers only
(a float has more than one spelling). A body that is not in this form is refused even where its
signature is good, so nothing can hide in a second spelling.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519

from ingest.sealing.errors import BatchRefused, SealingError
from ingest.sealing.files import read_plain

FORMAT = "tsumugi/batch/1"
BODY_FILE = "manifest.json"
SIGNATURE_FILE = "manifest.sig"
MAXIMUM_BODY_BYTES = 16 * 1024 * 1024
FIRST_HASH = ""  # what the first batch names as its predecessor

_PUBLIC_BYTES = 32
_SIGNATURE_BYTES = 64
_MANIFEST_LABEL = b"tsumugi/manifest/1\x00"
_FILE_NAME = re.compile(r"[0-9]{4}_[a-z][a-z0-9_]{0,99}\.parquet")
_HEX_HASH = re.compile(r"[0-9a-f]{64}")


class ManifestError(SealingError):
    """The body is not a manifest; ``reason_code`` says in which way."""

    def __init__(self, reason_code: str, message: str) -> None:
        super().__init__(message)
        self.reason_code = reason_code
        self.message = message


@dataclass(frozen=True)
class FileEntry:
    """One file of a batch: its place, its table, its size, hash and wrapped key."""

    index: int
    path: str
    table: str
    rows: int
    size: int
    sha256: str
    wrapped_key: str = field(repr=False)  # hex


@dataclass(frozen=True)
class Manifest:
    """What a sender says about one batch; ``previous`` chains it to the batch before.

    ``replaces`` names the batch of the same number that the recipient refused, "" where it refused none.
    """

    sender: str
    recipient: str
    sequence: int
    previous: str
    replaces: str
    kind: str
    suite: str
    files: tuple[FileEntry, ...]
    extra: dict[str, Any]

    def body(self) -> bytes:
        """The bytes that are hashed and signed."""
        return canonical(
            {
                "format": FORMAT,
                "sender": self.sender,
                "recipient": self.recipient,
                "sequence": self.sequence,
                "previous": self.previous,
                "replaces": self.replaces,
                "kind": self.kind,
                "suite": self.suite,
                "extra": self.extra,
                "files": [
                    {
                        "index": entry.index,
                        "path": entry.path,
                        "table": entry.table,
                        "rows": entry.rows,
                        "bytes": entry.size,
                        "sha256": entry.sha256,
                        "wrapped_key": entry.wrapped_key,
                    }
                    for entry in self.files
                ],
            }
        )

    @property
    def manifest_hash(self) -> str:
        """SHA-256 of the body, in hex: the name of this batch."""
        return hashlib.sha256(self.body()).hexdigest()

    def context(self, entry: FileEntry) -> list[str | int]:
        """What a wrapped key is bound to."""
        return key_context(self.sender, self.recipient, self.sequence, entry.index, entry.path)


def key_context(sender: str, recipient: str, sequence: int, index: int, path: str) -> list[str | int]:
    """HPKE info of one file key: [format, sender, recipient, sequence, index, path]."""
    return [FORMAT, sender, recipient, sequence, index, path]


def canonical(content: Any) -> bytes:
    """``content`` as canonical JSON; ManifestError where it holds a float or another type."""
    _require_plain(content)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def parse_canonical(body: bytes) -> Any:
    """The content of a canonical body; ManifestError for any other spelling of it."""
    try:
        content = json.loads(body.decode("utf-8"), parse_float=_no_float, parse_constant=_no_float)
        is_same = canonical(content) == body
    except (ValueError, RecursionError):
        raise ManifestError("malformed", "the body is not JSON in UTF-8") from None
    if not is_same:
        raise ManifestError("malformed", "the body is not in canonical form")
    return content


def sign(label: bytes, body: bytes, signing_key: bytes) -> bytes:
    """Ed25519 over the domain label and the body; the label keeps kinds of documents apart."""
    return ed25519.Ed25519PrivateKey.from_private_bytes(signing_key).sign(label + body)


def is_signed(label: bytes, body: bytes, signature: bytes, pinned_public: bytes) -> bool:
    """Whether the holder of a pinned key signed just these bytes under this label.

    ``pinned_public`` is one public key, or several of one party one after the other (``PublicKeys.verifying``).
    """
    keys = [pinned_public[start : start + _PUBLIC_BYTES] for start in range(0, len(pinned_public), _PUBLIC_BYTES)]
    return any(_is_signed_by(key, label + body, signature) for key in keys)


def _is_signed_by(public: bytes, content: bytes, signature: bytes) -> bool:
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def read_head(folder: Path) -> tuple[bytes, bytes]:
    """Body and signature of the batch at ``folder``, not yet believed; BatchRefused where there is no batch."""
    if not folder.is_dir() or folder.is_symlink():
        raise BatchRefused("not_a_batch", "there is no batch folder")
    return read_plain(folder / BODY_FILE, MAXIMUM_BODY_BYTES), read_plain(folder / SIGNATURE_FILE, _SIGNATURE_BYTES)


def sign_manifest(body: bytes, signing_key: bytes) -> bytes:
    """The signature that stands beside the body."""
    return sign(_MANIFEST_LABEL, body, signing_key)


def is_signed_manifest(body: bytes, signature: bytes, pinned_public: bytes) -> bool:
    """Whether ``signature`` is that of a manifest by a pinned key; what the body says is not looked at."""
    return is_signed(_MANIFEST_LABEL, body, signature, pinned_public)


def read_manifest(body: bytes, signature: bytes, pinned_public: bytes) -> Manifest:
    """The manifest in ``body``, believed only after its signature by a pinned key.

    Raises ManifestError with reason_code "signature" or "malformed".
    """
    if not is_signed_manifest(body, signature, pinned_public):
        raise ManifestError("signature", "the manifest is not signed by the pinned key of its sender")
    return parsed(body)


def parsed(body: bytes) -> Manifest:
    """The manifest in a body that is believed, by its signature or its hash; ManifestError("malformed")."""
    content = parse_canonical(body)
    try:
        if content.pop("format") != FORMAT:
            raise ManifestError("malformed", f"the manifest is not of format {FORMAT}")
        files = tuple(_entry(dict(item)) for item in content.pop("files"))
        manifest = Manifest(files=files, **content)
        _check_fields(manifest)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ManifestError("malformed", "the manifest has missing or unknown fields") from None
    return manifest


def _entry(item: dict[str, Any]) -> FileEntry:
    return FileEntry(size=item.pop("bytes"), **item)


def _check_fields(manifest: Manifest) -> None:
    texts = (manifest.sender, manifest.recipient, manifest.kind, manifest.suite, manifest.previous, manifest.replaces)
    good = all(isinstance(text, str) for text in texts) and isinstance(manifest.extra, dict)
    good = good and _is_count(manifest.sequence) and manifest.sequence >= 1
    for named in (manifest.previous, manifest.replaces):
        good = good and (named == FIRST_HASH or bool(_HEX_HASH.fullmatch(named)))
    for place, entry in enumerate(manifest.files):
        good = good and entry.index == place and _is_count(entry.rows) and _is_count(entry.size)
        good = good and bool(_FILE_NAME.fullmatch(entry.path)) and entry.path == file_name(place, entry.table)
        good = good and bool(_HEX_HASH.fullmatch(entry.sha256)) and bool(bytes.fromhex(entry.wrapped_key))
    tables = [entry.table for entry in manifest.files]
    if not good or len(set(tables)) != len(tables):
        raise ManifestError("malformed", "a field of the manifest is out of its range")


def file_name(index: int, table: str) -> str:
    """Name of the file of a table inside its batch."""
    return f"{index:04d}_{table}.parquet"


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _require_plain(content: Any) -> None:
    if content is None or isinstance(content, (str, bool, int)):
        return
    if isinstance(content, list):
        for item in content:
            _require_plain(item)
    elif isinstance(content, dict) and all(isinstance(key, str) for key in content):
        for item in content.values():
            _require_plain(item)
    else:
        raise ManifestError("malformed", f"canonical JSON holds no {type(content).__name__}")


def _no_float(_: str) -> Any:
    raise ManifestError("malformed", "canonical JSON holds no float")
