"""Every visible string, by key, in Japanese and English."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path

LANGUAGES = ("ja", "en")
_FOLDER = Path(__file__).parent


@lru_cache(maxsize=4)
def strings(language: str) -> dict[str, str]:
    """All strings of one language, keyed ``section.name``."""
    raw = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return {f"{section}.{name}": text for section, entries in raw.items() for name, text in entries.items()}


class Text:
    """Strings of one language: ``text("nav.overview")``."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else LANGUAGES[0]

    def __call__(self, key: str, **values: object) -> str:
        """The string of ``key`` with ``values`` filled in; KeyError for an unknown key."""
        return strings(self.language)[key].format(**values)

    def get(self, key: str, default: str) -> str:
        """The string of ``key``, or ``default``: for codes that come with the data."""
        return strings(self.language).get(key, default)

    @property
    def is_japanese(self) -> bool:
        return self.language == "ja"
