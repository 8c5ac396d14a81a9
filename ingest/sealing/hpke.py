"""A file key wrapped to its recipient: HPKE (RFC 9180), base mode, ML-KEM-768 with X25519.

Health data stays sensitive for decades, so the key exchange is the hybrid post-quantum one: it holds
while either of its two halves does. The context (``info``) binds a wrapped key to its place, so a
wrapped key moved to another file, batch or recipient does not open.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

from ingest.sealing.errors import SealingError
from ingest.sealing.manifest import canonical

SUITE_NAME = "MLKEM768_X25519/HKDF_SHA256/AES_256_GCM"
PRIVATE_BYTES = 64 + 32  # ML-KEM seed, X25519 scalar
PUBLIC_BYTES = 1184 + 32

_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class WrapError(SealingError):
    """A wrapped key does not open here, or a key has the wrong form; the message holds no key."""


def generate_private() -> bytes:
    """A new private envelope key: 96 bytes."""
    kem = mlkem.MLKEM768PrivateKey.generate().private_bytes_raw()
    return kem + os.urandom(32)


def public_of(private: bytes) -> bytes:
    """The public half (1,216 bytes) of a private envelope key."""
    kem, curve = _private_parts(private)
    return kem.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()


def wrap(key: bytes, recipient_public: bytes, context: list[str | int]) -> bytes:
    """``key`` readable only by the holder of the private half, and only in ``context``."""
    if len(recipient_public) != PUBLIC_BYTES:
        raise WrapError(f"a public envelope key has {PUBLIC_BYTES} bytes")
    try:
        public = hpke.MLKEM768X25519PublicKey(
            mlkem.MLKEM768PublicKey.from_public_bytes(recipient_public[:1184]),
            x25519.X25519PublicKey.from_public_bytes(recipient_public[1184:]),
        )
        return bytes(_SUITE.encrypt(key, public, info=canonical(context)))
    except ValueError:
        raise WrapError("the public envelope key is not one") from None


def unwrap(wrapped: bytes, private: bytes, context: list[str | int]) -> bytes:
    """The key inside ``wrapped``; WrapError for another recipient, another context, a changed byte.

    ``private`` is one private key, or several one after the other: after a rotation what was sealed to a key of
    before still opens.
    """
    for start in range(0, max(len(private), 1), PRIVATE_BYTES):
        kem, curve = _private_parts(private[start : start + PRIVATE_BYTES])
        try:
            return bytes(_SUITE.decrypt(wrapped, hpke.MLKEM768X25519PrivateKey(kem, curve), info=canonical(context)))
        except (InvalidTag, ValueError):
            continue
    raise WrapError("the wrapped key does not open with this key in this place")


def _private_parts(private: bytes) -> tuple[mlkem.MLKEM768PrivateKey, x25519.X25519PrivateKey]:
    if len(private) != PRIVATE_BYTES:
        raise WrapError(f"a private envelope key has {PRIVATE_BYTES} bytes")
    return (
        mlkem.MLKEM768PrivateKey.from_seed_bytes(private[:64]),
        x25519.X25519PrivateKey.from_private_bytes(private[64:]),
    )
