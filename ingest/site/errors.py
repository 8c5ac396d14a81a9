"""What can go wrong at a site, told in one line with the remedy and without a value of a person."""

from __future__ import annotations


class SiteError(Exception):
    """A step of the site could not go on; nothing of it was kept and it may be run again."""
