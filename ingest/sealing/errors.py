"""The common name of what can go wrong with keys, tokens and envelopes; every message is one line."""

from __future__ import annotations


class SealingError(Exception):
    """A key, a token or a batch is not in order; the message holds no key and no value of a person."""


class KeyError_(SealingError):  # noqa: N801, N818 - the name says what it is and is no KeyError
    """A key cannot be had; one line with the remedy, never a key."""
