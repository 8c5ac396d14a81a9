"""What stops a reconciliation: the message names the file or the table, and the remedy; it quotes no cell."""

from __future__ import annotations


class FormError(Exception):
    """The form, or a table by which it is read, cannot be used."""
