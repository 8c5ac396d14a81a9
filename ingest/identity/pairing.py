"""Old and new tags side by side: a tokeniser that makes every tag under two epochs and notes the pairs.

Whatever ``seal_tables`` and ``member_tags`` tokenise goes through ``tags`` and ``encrypt``, so no purpose can be
forgotten: what a batch of the old epoch could hold has its pair.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ingest.identity.cipher import TAG_BYTES
from ingest.identity.tokens import Tokeniser

PAIRS: dict[str, pl.DataType] = {"purpose": pl.String(), "old_tag": pl.Binary(), "new_tag": pl.Binary()}
CIPHERTEXTS: dict[str, pl.DataType] = {"identity_tag": pl.Binary(), "ciphertext": pl.Binary()}


class Pairing(Tokeniser):
    """The tokeniser of the old epoch, which notes what ``newer`` makes of the same texts."""

    def __init__(self, older_key: bytes, older_epoch: int, newer: Tokeniser) -> None:
        super().__init__(older_key, older_epoch)
        self._newer = newer
        self._pairs: list[pl.DataFrame] = []
        self._ciphertexts: list[pl.DataFrame] = []

    def tags(self, purpose: str, texts: Sequence[str] | pl.Series) -> pl.Series:
        """The tags of the old epoch; both are noted."""
        older = super().tags(purpose, texts)
        self._note(purpose, older, self._newer.tags(purpose, texts))
        return older

    def encrypt(self, purpose: str, texts: Sequence[str] | pl.Series) -> pl.Series:
        """The ciphertexts of the old epoch; their tags and the ciphertexts of the new one are noted."""
        older, newer = super().encrypt(purpose, texts), self._newer.encrypt(purpose, texts)
        tags = newer.bin.slice(0, TAG_BYTES)
        self._note(purpose, older.bin.slice(0, TAG_BYTES), tags)
        self._ciphertexts.append(pl.DataFrame({"identity_tag": tags, "ciphertext": newer}, schema=CIPHERTEXTS))
        return older

    def taken(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The pairs (``PAIRS``) and new ciphertexts (``CIPHERTEXTS``) noted since the last call, each once."""
        pairs = pl.concat([pl.DataFrame(schema=PAIRS), *self._pairs]).unique()
        ciphertexts = pl.concat([pl.DataFrame(schema=CIPHERTEXTS), *self._ciphertexts]).unique()
        self._pairs, self._ciphertexts = [], []
        return pairs, ciphertexts

    def _note(self, purpose: str, older: pl.Series, newer: pl.Series) -> None:
        noted = {"purpose": [purpose] * len(older), "old_tag": older, "new_tag": newer}
        self._pairs.append(pl.DataFrame(noted, schema=PAIRS))
