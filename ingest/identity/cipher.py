"""What is encrypted deterministically at a site, a column at a time: one key a purpose and epoch.

AES-SIV (RFC 5297, of the `cryptography` library) over texts padded to 64, 128, 256, … bytes, the last byte holding the
length; purpose and epoch are associated data, and each purpose has its own key. Equal in gives equal out, so the center
can link; the first 16 bytes (the SIV, a 128-bit PRF) are the tag on fact rows; the whole output can be opened by the
site.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from ingest.identity import siv
from ingest.sealing.errors import SealingError
from ingest.sealing.keys import derive

LABEL = b"tsumugi/tok/1"
TAG_BYTES = 16
_MASTER_BYTES = 32
_SIV_KEY_BYTES = 64


class TokenError(SealingError):
    """A token cannot be made or opened; the message holds no value of a person."""


class TokenCipher:
    """Encrypts and opens texts under the identity key of one site and epoch."""

    def __init__(self, identity_key: bytes, epoch: int) -> None:
        if len(identity_key) < _MASTER_BYTES:
            raise TokenError(f"an identity key has at least {_MASTER_BYTES} bytes")
        self._master = identity_key
        self.epoch = epoch
        self._columns: dict[str, siv.ColumnSiv] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(epoch={self.epoch})"

    def encrypt(self, purpose: str, texts: Sequence[str] | pl.Series) -> pl.Series:
        """The whole ciphertext of each text; equal texts give equal ciphertexts."""
        return self._column(purpose, texts, lambda cipher, rows: cipher.encrypt(rows))

    def tags(self, purpose: str, texts: Sequence[str] | pl.Series) -> pl.Series:
        """The 16-byte tag of each text."""
        return self._column(purpose, texts, lambda cipher, rows: cipher.tags(rows))

    def decrypt(self, purpose: str, ciphertexts: Sequence[bytes]) -> list[str]:
        """The texts; TokenError for a changed byte, another purpose, epoch or site."""
        decrypt, associated = AESSIV(self._key(purpose)).decrypt, self._associated(purpose)
        try:
            return [_unpadded(decrypt(ciphertext, associated)) for ciphertext in ciphertexts]
        except (InvalidTag, ValueError):
            raise TokenError(f"a token does not open under '{purpose}', epoch {self.epoch}, with this key") from None

    def _column(
        self, purpose: str, texts: Sequence[str] | pl.Series, of: Callable[[siv.ColumnSiv, siv.Padded], siv.Bytes]
    ) -> pl.Series:
        column = pl.Series(texts, dtype=pl.String)
        if column.is_empty():
            return pl.Series(dtype=pl.Binary)
        if purpose not in self._columns:
            self._columns[purpose] = siv.ColumnSiv(self._key(purpose), self._associated(purpose))
        places, parts = [], []
        for at, rows in siv.padded(column).values():
            places.append(pl.Series(at))
            parts.append(siv.binary(of(self._columns[purpose], rows)))
        return parts[0] if len(parts) == 1 else pl.concat(parts).gather(pl.concat(places).arg_sort())

    def _key(self, purpose: str) -> bytes:
        return derive(self._master, f"identity|{purpose}|{self.epoch}", _SIV_KEY_BYTES)

    def _associated(self, purpose: str) -> list[bytes]:
        return [LABEL, purpose.encode(), str(self.epoch).encode()]


def _unpadded(block: bytes) -> str:
    content = block[:-1].rstrip(b"\0")
    if len(content) & 0xFF != block[-1]:
        raise ValueError("padding")
    return content.decode()
