"""AES-SIV (RFC 5297) over a whole column: every AES step is one call for all values of the column.

The library's ``AESSIV`` costs more for the call than for the cipher, and a month of claims names some hundred
thousand numbers. Here the same steps are taken side by side: the cipher is the library's AES in ECB mode over the
blocks of all values, what stands between is XOR. A composition of our own is not trusted: of every column a random
value in a thousand, one at least, is encrypted by ``AESSIV`` as well, and any difference stops the work.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.cmac import CMAC
from numpy.typing import NDArray

from ingest.formats.bits import word_at
from ingest.formats.compiled import loop
from ingest.sealing.errors import SealingError

Bytes = NDArray[np.uint8]

BLOCK = 16
_WORD = 8
_ROWS = 1 << 14  # values taken together: what they need stays in the processor's cache
_CHECKED = 1000  # one value in so many is encrypted by the library as well
_BUFFER_BYTES = 1 << 30  # a view tells the place in its buffer by 31 bits
_CARRY_FREE = 0x7FFFFFFF  # RFC 5297, 2.5: the top bits of the two low words are cleared in the counter


class SivError(SealingError):
    """The column form and the library disagree: nothing it made may be used. The message holds no value."""


class ColumnSiv:
    """AES-SIV of one key (64 bytes: 32 for the tag, 32 for the text) and its associated data."""

    def __init__(self, key: bytes, associated: Sequence[bytes]) -> None:
        self._library = AESSIV(key)
        self._associated = list(associated)
        tag_key, text_key = key[: len(key) // 2], key[len(key) // 2 :]
        self._tag_key, self._text_key = tag_key, text_key
        self._subkey = _doubled(_ecb(tag_key).update(bytes(BLOCK)))
        chain = _cmac(tag_key, bytes(BLOCK))
        for data in self._associated:
            chain = _xor(_doubled(chain), _cmac(tag_key, data))
        self._chain = chain

    def tags(self, values: Bytes | Padded) -> Bytes:
        """The first 16 bytes (the SIV) of each ciphertext.

        ``values`` is one value a row, each of the same number of whole blocks; the result has 16 columns. Raises
        SivError where a checked value differs from the library's.
        """
        return self._checked(values, BLOCK, self._tags)

    def encrypt(self, values: Bytes | Padded) -> Bytes:
        """The whole ciphertexts, 16 bytes wider than ``values``; raises as ``tags``."""
        return self._checked(values, BLOCK + values.shape[1], self._encrypted)

    def _checked(self, values: Bytes | Padded, width: int, of: Callable[[Bytes], Bytes]) -> Bytes:
        found = np.empty((len(values), width), np.uint8)
        for start in range(0, len(values), _ROWS):
            found[start : start + _ROWS] = of(values[start : start + _ROWS])
        self._check(values, found)
        return found

    def _tags(self, values: Bytes) -> Bytes:
        """S2V of RFC 5297, 2.4: the last block is XORed with the chain, then CMAC over all blocks."""
        last = values.shape[1] - BLOCK
        cipher = _ecb(self._tag_key)  # one a call: threads may make tags of one purpose at a time
        state = _each(cipher, values[:, :BLOCK])
        for start in range(BLOCK, last, BLOCK):
            state = _each(cipher, state ^ values[:, start : start + BLOCK])
        closing = np.frombuffer(_xor(self._chain, self._subkey), np.uint8)
        return _each(cipher, state ^ values[:, last:] ^ closing)

    def _encrypted(self, values: Bytes) -> Bytes:
        """CTR from the tag, whose cleared bits keep the count from carrying out of the last word."""
        rows, width = values.shape
        tags = self._tags(values)
        words = tags.view(">u4").astype(np.uint32)  # four big-endian words a tag
        words[:, 2] &= _CARRY_FREE
        words[:, 3] &= _CARRY_FREE
        counters = np.repeat(words[:, None, :], width // BLOCK, axis=1)
        counters[:, :, 3] += np.arange(width // BLOCK, dtype=np.uint32)
        stream = _each(_ecb(self._text_key), counters.astype(">u4").view(np.uint8).reshape(-1, BLOCK))
        return np.hstack([tags, values ^ stream.reshape(rows, width)])

    def _check(self, values: Bytes | Padded, found: Bytes) -> None:
        chosen = random.SystemRandom().sample(range(len(values)), -(-len(values) // _CHECKED))
        for row in chosen:
            expected = self._library.encrypt(values[row].tobytes(), self._associated)
            if expected[: found.shape[1]] != found[row].tobytes():
                raise SivError("AES-SIV over the column differs from the library's; nothing was made of it")


@dataclass(frozen=True)
class Padded:
    """Texts as rows of the same width, made where they are asked for: what is encrypted next is in the cache then."""

    content: Bytes
    offsets: NDArray[np.int64]
    places: NDArray[np.int64]
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, bytes of a row."""
        return len(self.places), self.width

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, which: slice | int) -> Bytes:
        """Some rows, or the bytes of one."""
        places = np.atleast_1d(self.places[which])
        words = np.empty((len(places), self.width // _WORD), np.uint64)
        _fill(self.content, self.offsets, places, words)
        rows = words.view(np.uint8)
        return rows if isinstance(which, slice) else rows[0]


def padded(texts: pl.Series) -> dict[int, tuple[NDArray[np.int64], Padded]]:
    """UTF-8 texts as rows of 64, 128, 256, … bytes: the text, zeros, and its length (its low byte) at the end.

    By width: the positions of the texts and their rows. Texts hold no NUL, so the padding is told from the content.
    """
    array = texts.rechunk().to_arrow().cast(pa.large_string())
    offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]
    content = np.frombuffer(array.buffers()[2] or b"", np.uint8)
    sizes = np.diff(offsets)
    widths = np.full(len(texts), 64)
    while (wider := sizes >= widths).any():
        widths[wider] *= 2
    found = {}
    for width in np.unique(widths) if sizes.max(initial=0) >= 64 else [64][: len(texts)]:
        places = np.flatnonzero(widths == width)
        found[int(width)] = places, Padded(content, offsets, places, int(width))
    return found


@loop  # type: ignore[untyped-decorator]  # Numba has no types that mypy could follow
def _fill(content: Any, offsets: Any, places: Any, words: Any) -> None:  # pragma: no cover  (compiled)
    """The texts at ``places`` into rows of ``words`` of eight bytes, with zeros behind them and their lengths."""
    width = words.shape[1]
    for row in range(places.size):
        start = offsets[places[row]]
        size = offsets[places[row] + 1] - start
        for word in range(width):
            at, rest = start + _WORD * word, size - _WORD * word
            held = np.uint64(0)
            if rest > 0 and at + _WORD <= content.size:
                held = word_at(content, at)
                if rest < _WORD:
                    held &= (np.uint64(1) << np.uint64(8 * rest)) - np.uint64(1)
            else:
                for byte in range(min(rest, _WORD)):
                    held |= np.uint64(content[at + byte]) << np.uint64(8 * byte)
            words[row, word] = held
        words[row, width - 1] |= np.uint64(size & 0xFF) << np.uint64(56)


def binary(rows: Bytes) -> pl.Series:
    """Rows of 16 bytes or more as a binary column: views of Arrow upon the rows as they lie there."""
    count, width = rows.shape
    held = np.ascontiguousarray(rows)
    fit = _BUFFER_BYTES // width
    row = np.arange(count)
    views = np.empty((count, 4), np.uint32)  # length, first bytes, buffer, place in it
    views[:, 0], views[:, 1] = width, held.view(np.uint32)[:, 0]
    views[:, 2], views[:, 3] = row // fit, row % fit * width
    buffers = [pa.py_buffer(held[start : start + fit]) for start in range(0, count, fit)]
    return pl.Series(pa.Array.from_buffers(pa.binary_view(), count, [None, pa.py_buffer(views), *buffers]))


def _ecb(key: bytes) -> Any:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - the block cipher alone, chained here


def _each(cipher: Any, blocks: Bytes) -> Bytes:
    return np.frombuffer(cipher.update(np.ascontiguousarray(blocks)), np.uint8).reshape(-1, BLOCK)


def _cmac(key: bytes, data: bytes) -> bytes:
    mac = CMAC(algorithms.AES(key))
    mac.update(data)
    return mac.finalize()


def _doubled(block: bytes) -> bytes:
    """Times x in GF(2^128), RFC 5297, 2.3."""
    number = int.from_bytes(block, "big") << 1
    if number >> 128:
        number ^= (1 << 128) | 0x87
    return number.to_bytes(BLOCK, "big")


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
