"""What the center cannot do, said in one line that holds no value of a person."""

from __future__ import annotations


class CenterError(Exception):
    """A step of the center cannot go on; the message says why and what to do."""
