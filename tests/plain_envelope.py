"""The envelope read as `docs/reference/envelope.md` says, with nothing of ours: hashlib, json and the primitives.

HPKE (RFC 9180, base mode) and X-Wing are put together by hand, the footer of an encrypted Parquet file is decrypted
by hand. What this reads and what the product reads have to agree.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEM, _KDF, _AEAD = 0x647A, 0x0001, 0x0002
_SUITE = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (_KEM, _KDF, _AEAD))
_XWING_LABEL = b"\\.//^\\"


def canonical(content: Any) -> bytes:
    """Canonical JSON, written out by its rules."""
    if content is True or content is False or content is None:
        return {True: b"true", False: b"false", None: b"null"}[content]
    if isinstance(content, int):
        return str(content).encode()
    if isinstance(content, str):
        return b'"' + b"".join(_escaped(character) for character in content) + b'"'
    if isinstance(content, list):
        return b"[" + b",".join(canonical(item) for item in content) + b"]"
    assert isinstance(content, dict)
    return b"{" + b",".join(canonical(key) + b":" + canonical(content[key]) for key in sorted(content)) + b"}"


def _escaped(character: str) -> bytes:
    short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
    if character in short:
        return short[character].encode()
    return (f"\\u{ord(character):04x}" if character < " " else character).encode()


def is_signed(label: str, body: bytes, signature: bytes, public: bytes) -> bool:
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, label.encode() + b"\x00" + body)
    except Exception:
        return False
    return True


def unwrap(wrapped: bytes, private: bytes, context: list[Any]) -> bytes:
    """The file key: X-Wing decapsulation, the key schedule of RFC 9180, AES-256-GCM without associated data."""
    kem_text, curve_text, sealed = wrapped[:1088], wrapped[1088:1120], wrapped[1120:]
    kem = mlkem.MLKEM768PrivateKey.from_seed_bytes(private[:64])
    curve = x25519.X25519PrivateKey.from_private_bytes(private[64:])
    own_public = curve.public_key().public_bytes_raw()
    shared_kem = kem.decapsulate(kem_text)
    shared_curve = curve.exchange(x25519.X25519PublicKey.from_public_bytes(curve_text))
    shared = hashlib.sha3_256(shared_kem + shared_curve + curve_text + own_public + _XWING_LABEL).digest()
    schedule = b"\x00" + _extract(b"", b"psk_id_hash", b"") + _extract(b"", b"info_hash", canonical(context))
    secret = _extract(shared, b"secret", b"")
    key, nonce = _expand(secret, b"key", schedule, 32), _expand(secret, b"base_nonce", schedule, 12)
    return AESGCM(key).decrypt(nonce, sealed, b"")


def _extract(salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + _SUITE + label + material, "sha256")


def _expand(secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + _SUITE + label + info
    return hmac.digest(secret, labelled + b"\x01", "sha256")[:length]


class Footer:
    """The footer of a Parquet file with encrypted footer, decrypted: names of columns and number of rows."""

    def __init__(self, path: Path, key: bytes) -> None:
        content = path.read_bytes()
        assert content[:4] == content[-4:] == b"PARE"
        length = int.from_bytes(content[-8:-4], "little")
        crypto, module = content[-8 - length : -8][:5], content[-8 - length : -8][5:]
        assert crypto == b"\x1c\x1c\x00\x00\x00", "AES_GCM_V1 without further fields"
        assert int.from_bytes(module[:4], "little") == len(module) - 4
        self._bytes = AESGCM(key).decrypt(module[4:16], module[16:], None)
        self._at = 0
        found = self._structure()
        self.rows = int(found[3])
        self.columns = [bytes(element[4]).decode() for element in found[2][1:]]

    # A reader of Thrift's compact protocol, as far as the footer needs it.
    def _structure(self) -> dict[int, Any]:
        found: dict[int, Any] = {}
        number = 0
        while True:
            head = self._byte()
            if head == 0:
                return found
            number = number + (head >> 4) if head >> 4 else self._signed()
            found[number] = self._value(head & 0x0F)

    def _value(self, kind: int) -> Any:
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._signed()
        if kind == 8:
            length = self._unsigned()
            self._at += length
            return self._bytes[self._at - length : self._at]
        if kind == 9:
            head = self._byte()
            length = head >> 4 if head >> 4 < 15 else self._unsigned()
            return [self._value(head & 0x0F) for _ in range(length)]
        assert kind == 12, kind
        return self._structure()

    def _byte(self) -> int:
        self._at += 1
        return self._bytes[self._at - 1]

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)


def read_batch(folder: Path, signing_public: bytes, envelope_private: bytes) -> dict[str, tuple[list[str], int]]:
    """Columns and rows by table, after every check that can be made without a ledger; an assertion fails otherwise."""
    body, signature = (folder / "manifest.json").read_bytes(), (folder / "manifest.sig").read_bytes()
    assert is_signed("tsumugi/manifest/1", body, signature, signing_public)
    manifest = json.loads(body)
    assert canonical(manifest) == body
    assert manifest["format"] == "tsumugi/batch/1"
    assert manifest["suite"] == "MLKEM768_X25519/HKDF_SHA256/AES_256_GCM"
    named = {entry["path"] for entry in manifest["files"]}
    assert {path.name for path in folder.iterdir()} == named | {"manifest.json", "manifest.sig"}
    found = {}
    for place, entry in enumerate(manifest["files"]):
        assert entry["index"] == place
        assert entry["path"] == f"{place:04d}_{entry['table']}.parquet"
        content = (folder / entry["path"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["bytes"], entry["sha256"])
        context = ["tsumugi/batch/1", manifest["sender"], manifest["recipient"], manifest["sequence"], place,
                   entry["path"]]  # fmt: skip
        key = unwrap(bytes.fromhex(entry["wrapped_key"]), envelope_private, context)
        footer = Footer(folder / entry["path"], key)
        assert footer.rows == entry["rows"]
        found[entry["table"]] = (footer.columns, footer.rows)
    return found


def read_answer(path: Path, kind: str, signing_public: bytes) -> dict[str, Any]:
    """The content of a receipt or a statement after its signature was checked."""
    document = json.loads(path.read_bytes())
    assert canonical(document) == path.read_bytes()
    body = canonical(document[kind])
    assert is_signed(f"tsumugi/{kind}/1", body, bytes.fromhex(document["signature"]), signing_public)
    assert document[kind].pop("format") == f"tsumugi/{kind}/1"
    return dict(document[kind])
