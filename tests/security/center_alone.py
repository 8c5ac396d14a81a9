"""The center of a world by itself, nothing of a site beside it; its keys, and its files without them."""

from __future__ import annotations

import shutil
from pathlib import Path

from ingest import settings as settings_module
from ingest.settings import PartySettings, Settings


def center_alone(settings: Settings, folder: Path) -> Settings:
    """A workspace in ``folder`` with a copy of the center and the world's exchange; no site has a home there."""
    home = folder / "center"
    shutil.copytree(settings.the_center().home, home)
    sites = "".join(f'[sites.{name}]\nhome = "nowhere"\nprefecture_code = "{name}"\n' for name in settings.sites)
    (folder / settings_module.SETTINGS_FILE).write_text(
        f'reference_month = {settings.reference_month}\nexchange = "{settings.exchange}"\n'
        f'[center]\nhome = "{home}"\n{sites}'
    )
    return settings_module.load(folder)


def keys_of(party: PartySettings) -> list[bytes]:
    """The secret keys that a party holds."""
    keys = [bytes.fromhex(path.read_text().strip()) for path in party.keys.glob("*.key")]
    assert len(keys) > 3
    return keys


def files_but_keys(party: PartySettings) -> list[Path]:
    """Every file of a party's home that is no key."""
    return [path for path in sorted(party.home.rglob("*")) if path.is_file() and not path.is_relative_to(party.keys)]
