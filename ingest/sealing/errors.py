"""What can go wrong with keys, tokens and envelopes; every message is one line without a key or a person's value."""

from __future__ import annotations


class SealingError(Exception):
    """A key, a token or a batch is not in order; the message holds no key and no value of a person."""


class EnvelopeError(SealingError):
    """Our own side failed (disk, memory, a wrong query): nothing was sealed or loaded, try again."""


class BatchRefused(SealingError):
    """A batch that must not be loaded; answered by a signed receipt with ``reason_code``.

    ``is_due``: it was signed by its sender for just this number, so that whatever comes under the number
    afterwards has to name it. What a stranger puts there binds nobody.
    """

    def __init__(
        self, reason_code: str, message: str, manifest_hash: str | None = None, *, is_due: bool = False
    ) -> None:
        super().__init__(f"{reason_code}: {message}")
        self.reason_code = reason_code
        self.message = message
        self.manifest_hash = manifest_hash
        self.is_due = is_due


class BatchHeld(SealingError):
    """A genuine batch that came before its turn: it waits until the missing ones are in."""

    def __init__(self, sequence: int, expected: int) -> None:
        super().__init__(f"batch {sequence} waits for batch {expected}")
        self.sequence = sequence
        self.expected = expected


class KeyError_(SealingError):  # noqa: N801, N818 - the name says what it is and is no KeyError
    """A key cannot be had; one line with the remedy, never a key."""


def told(error: BaseException) -> str:
    """What an error says, of the system's the reason alone: no path, no value."""
    return error.strerror or "" if isinstance(error, OSError) else str(error)
