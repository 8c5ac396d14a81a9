"""The keys of one party: how they are asked for, made and derived.

How a secret is unlocked is told in ``unlock``, which keys there are in ``keytable``, the public halves in ``public``.
No key stands in a log, an error, a setting or the environment of a child.

Names of secrets besides those of the key table:

=========================== ==========================================
tenant-<tenant>--<set>      32 bytes, derived from tenant-master
statistics-<viewer class>   32 bytes, derived from statistics-master
=========================== ==========================================
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ingest.memory import forbid_dumps
from ingest.sealing import hpke, key_numbers, passphrase, public, unlock
from ingest.sealing.errors import KeyError_
from ingest.sealing.keyfiles import checked_name, create_private, write_private
from ingest.sealing.keytable import (
    BY_LEDGER,
    CENTER,
    ENVELOPE,
    SIGNING,
    STATISTICS_MASTER,
    TENANT_MASTER,
    by_ledger,
    is_name,
    kinds_of,
    numbered,
    split,
)
from ingest.sealing.public import PUBLIC_FILE, PublicKeys
from ingest.settings import PartySettings, Settings, SiteSettings

FIRST_EPOCH = 1


class KeyRing:
    """The keys that one party may use. Secrets are read when first asked for."""

    def __init__(self, party: PartySettings) -> None:
        forbid_dumps()
        self._party = party
        self._unlocked: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"KeyRing({self._party.home})"

    def secret(self, name: str) -> bytes:
        """The secret called ``name``; KeyError_ when it cannot be had, also while a rotation of it is not through.

        The name of a kind is that of the key in use, whatever its number. ``envelope`` is every private envelope key
        that the party still has, the newest first, one after the other: what was sealed to a retired one opens as well.
        """
        if name == SIGNING:
            return self.numbered(SIGNING, self._numbers()[0])
        if name == ENVELOPE:
            newest = self._numbers()[1]
            retired = [self._retired(numbered(ENVELOPE, number)) for number in range(newest - 1, 0, -1)]
            return self.numbered(ENVELOPE, newest) + b"".join(retired)
        if name in by_ledger():
            return self.numbered(name, key_numbers.in_use(self._party, name))
        return self._derived(name) or self._kept(name)

    def numbered(self, kind: str, number: int) -> bytes:
        """One key of a kind, in use or not."""
        return self._kept(numbered(kind, number))

    def tenant_key(self, tenant_id: str, scheme_set: str) -> bytes:
        """Key of one tenant's person file of one scheme set."""
        return tenant_key_of(self.secret(TENANT_MASTER), tenant_id, scheme_set)

    def statistics_key(self, viewer_class: str) -> bytes:
        """Key of this party's statistics file for one viewer class."""
        return statistics_key_of(self.secret(STATISTICS_MASTER), viewer_class)

    def id_key(self, tenant_id: str) -> bytes:
        """Key of one tenant's published ids; of the first master always, for ids outlive the keys of files."""
        return derive(self.numbered(TENANT_MASTER, FIRST_EPOCH), f"person_id|{tenant_id}")

    def public(self) -> PublicKeys:
        """This party's own public keys."""
        return public.read_public(self._party.keys / PUBLIC_FILE)

    def peer(self, party: str) -> PublicKeys:
        """The pinned public keys of another party; KeyError_ where it is unknown."""
        return public.read_peer(self._party.keys, party)

    def pin(self, document: bytes, fingerprint: str | None = None) -> PublicKeys:
        """Pin another party's public file (``public.pin``)."""
        return public.pin(self._party.keys, document, fingerprint)

    def settle_peer(self, party: str, batch: Path) -> None:
        """After a batch of ``party`` was taken (``public.settle_peer``)."""
        public.settle_peer(self._party.keys, party, batch)

    def _numbers(self) -> tuple[int, int]:
        """Numbers of the signing and envelope keys in use."""
        path = self._party.keys / PUBLIC_FILE
        if not path.is_file():
            return 1, 1
        own = public.read_public(path)
        return own.signing_number, own.envelope_number

    def _retired(self, name: str) -> bytes:
        """A key of before; empty where it was destroyed, for what is sealed now does not need it."""
        stored = unlock.stored(self._party, name)
        try:
            return b"" if stored is None else self._kept(name)
        except KeyError_:
            if stored != "command":
                raise
            return b""

    def _kept(self, name: str) -> bytes:
        if name not in self._unlocked:
            self._unlocked[name] = unlock.unlocked(self._party, name)
        return self._unlocked[name]

    def _derived(self, name: str) -> bytes | None:
        if is_name(name):
            return None
        if name.startswith("tenant-"):
            tenant_id, mark, scheme_set = name.removeprefix("tenant-").partition("--")
            if not mark:
                raise KeyError_(f"{name}: a tenant key is named tenant-<tenant>--<scheme set>")
            return self.tenant_key(tenant_id, scheme_set)
        if name.startswith("statistics-"):
            return self.statistics_key(name.removeprefix("statistics-"))
        return None


def tenant_key_of(master: bytes, tenant_id: str, scheme_set: str) -> bytes:
    """Key of one tenant's person file of one scheme set, of the tenants' master key."""
    return derive(master, f"tenant|{checked_name(tenant_id)}|{checked_name(scheme_set)}")


def statistics_key_of(master: bytes, viewer_class: str) -> bytes:
    """Key of the statistics file of one viewer class, of the statistics' master key."""
    return derive(master, f"statistics|{checked_name(viewer_class)}")


def tenant_key_name(tenant_id: str, scheme_set: str) -> str:
    """Name of the key, and of the key file in the app's home, of one tenant and scheme set."""
    return f"tenant-{checked_name(tenant_id)}--{checked_name(scheme_set)}"


def derive(master: bytes, info: str, length: int = unlock.KEY_BYTES) -> bytes:
    """HKDF-SHA256 of a master key for one use."""
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=b"tsumugi/" + info.encode()).derive(master)


def parties_of(settings: Settings) -> dict[str, PartySettings]:
    """The parties of a workspace by name."""
    parties: dict[str, PartySettings] = dict(settings.sites)
    return parties | ({CENTER: settings.center} if settings.center is not None else {})


def create_keys(settings: Settings, given: str | None = None) -> None:
    """Make the keys of every party of the workspace, wrapped by the passphrase ``given`` if any, and exchange the
    public ones.

    Never overwrites: a second call adds only what is missing. Exchanging by copying is right only where all parties
    live on one machine (demo, tests); elsewhere a party's public file is carried over and taken with `keys import`.
    """
    parties = parties_of(settings)
    documents = {name: _create_party(name, party, given) for name, party in parties.items()}
    for name, party in parties.items():
        ring = KeyRing(party)
        known = [CENTER] if isinstance(party, SiteSettings) else [other for other in parties if other != name]
        for other in known:
            if other in documents and other not in public.pinned_parties(party.keys):
                ring.pin(documents[other], PublicKeys.from_document(documents[other]).fingerprint)


def make_key(party: PartySettings, name: str, given: str | None = None) -> None:
    """Make the key called ``name`` unless it is there; a party with an ``unlock_command`` makes its own.

    It is wrapped by the passphrase ``given``, plain without one.
    """
    if unlock.stored(party, name) is not None:
        return
    fresh = hpke.generate_private() if name.startswith(ENVELOPE) else secrets.token_bytes(unlock.KEY_BYTES)
    store_key(party, name, fresh, given)


def store_key(party: PartySettings, name: str, key: bytes, given: str | None = None) -> bool:
    """Write a key file unless one stands there; whether it was written."""
    _make_folders(party)
    if given is None:
        return create_private(unlock.key_file(party, name), key.hex().encode())
    return create_private(unlock.wrapped_file(party, name), passphrase.wrap(name, key, given))


def wrap_keys(party: PartySettings, given: str) -> list[str]:
    """Wrap every plain key file of a party by a passphrase and take the plain ones away; returns their names."""
    passphrase.require_strength(given)
    names = [name for name in unlock.kept_names(party) if unlock.stored(party, name) == "file"]
    for name in names:
        key = unlock.unlocked(party, name)
        write_private(unlock.wrapped_file(party, name), passphrase.wrap(name, key, given))
    for name in names:  # only when every one is safe in its wrapped file
        unlock.key_file(party, name).unlink()
    unlock.remember_passphrase(party, given)
    return names


def public_of(party_name: str, ring: KeyRing, signing_number: int, envelope_number: int) -> bytes:
    """The public file of a party for keys of these numbers, signed by the signing key and the one before it."""
    signing = ring.numbered(SIGNING, signing_number)
    keys = PublicKeys(
        party_name,
        hpke.public_of(ring.numbered(ENVELOPE, envelope_number)),
        public.public_signing(signing),
        envelope_number,
        signing_number,
    )
    return keys.document(signing, ring.numbered(SIGNING, signing_number - 1) if signing_number > 1 else None)


def _make_folders(party: PartySettings) -> None:
    for folder in (party.home, party.keys):  # one by one: the mode holds for the last of a path only
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def _create_party(name: str, party: PartySettings, given: str | None) -> bytes:
    _make_folders(party)
    if given is not None:
        passphrase.require_strength(given)
        unlock.remember_passphrase(party, given)
    path = party.keys / PUBLIC_FILE
    known = {split(kept)[0] for kept in unlock.kept_names(party)}
    for kind in kinds_of(party):
        # Of a kind that was rotated the first key may be gone for good; a fresh one in its name would open nothing.
        if kind.kind not in known and (kind.numbered_by == BY_LEDGER or not path.exists()):
            make_key(party, numbered(kind.kind, FIRST_EPOCH), given)
    if not path.exists():
        write_private(path, public_of(name, KeyRing(party), 1, 1))
    return path.read_bytes()


def export_tenant_keys(
    app_home: Path,
    ring: KeyRing,
    publisher: str,
    *,
    tenants: Iterable[tuple[str, str]] = (),
    viewer_classes: Iterable[str] = (),
) -> list[Path]:
    """Hand the app what it may open: keys of tenants (tenant_id, scheme_set) and of statistics.

    Writes ``<app home>/keys/tenant-<tenant>--<scheme set>.key`` and
    ``<app home>/keys/statistics-<publisher>--<viewer class>.key`` (hex, mode 0600), ``publisher`` being
    the site's name or "center". The app never sees a master key, nor any other key of the party.
    """
    (app_home / "keys").mkdir(parents=True, exist_ok=True, mode=0o700)
    written = []
    for tenant_id, scheme_set in sorted(set(tenants)):
        path = app_tenant_key(app_home, tenant_id, scheme_set)
        write_private(path, ring.tenant_key(tenant_id, scheme_set).hex().encode())
        written.append(path)
    for viewer_class in sorted(set(viewer_classes)):
        path = app_statistics_key(app_home, publisher, viewer_class)
        write_private(path, ring.statistics_key(viewer_class).hex().encode())
        written.append(path)
    return written


def app_tenant_key(app_home: Path, tenant_id: str, scheme_set: str) -> Path:
    """Where the app has the key of a tenant's person file of one scheme set."""
    return app_home / "keys" / f"{tenant_key_name(tenant_id, scheme_set)}.key"


def app_statistics_key(app_home: Path, publisher: str, viewer_class: str) -> Path:
    """Where the app has the key of a publisher's statistics for one viewer class."""
    return app_home / "keys" / f"statistics-{checked_name(publisher)}--{checked_name(viewer_class)}.key"
