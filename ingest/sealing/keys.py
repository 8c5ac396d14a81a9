"""The keys of one party: how they are unlocked, made, derived and exchanged.

A secret comes from the configured command, else from a file of mode 0600 under ``<home>/keys``, else
from a prompt where there is a terminal, else there is one clear line. No key stands in a log, an
error, a setting or the environment of a child.

Names of secrets:

=========================== =========================== ==========================================
site                        center                      bytes
=========================== =========================== ==========================================
identity-<epoch>                                        32, tokens and ciphertext of identities
at-rest                     at-rest                     32, the party's DuckDB files
envelope                    envelope                    96, private key that unwraps file keys
signing                     signing                     32, Ed25519 seed
audit                       audit                       32, Ed25519 seed of the audit chain
tenant-master                                           32, parent of the tenants' keys
statistics-master           statistics-master           32, parent of the statistics' keys
                            link                        32, makes ``person_id``
tenant-<tenant>--<set>                                  32, derived from tenant-master
statistics-<viewer class>   statistics-<viewer class>   32, derived from statistics-master
=========================== =========================== ==========================================
"""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import secrets
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ingest.memory import forbid_dumps
from ingest.sealing import hpke
from ingest.sealing.errors import SealingError
from ingest.sealing.manifest import ManifestError, canonical, is_signed, parse_canonical, sign
from ingest.settings import PartySettings, Settings, SiteSettings

CENTER = "center"
PUBLIC_FILE = "public.json"

_PUBLIC_LABEL = b"tsumugi/public-key/1\x00"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+.-]{0,99}")
_COMMAND_SECONDS = 60
_LENGTHS = {"envelope": hpke.PRIVATE_BYTES}
_KEY_BYTES = 32


class KeyError_(SealingError):  # noqa: N801, N818 - the name says what it is and is no KeyError
    """A key cannot be had; one line with the remedy, never a key."""


@dataclass(frozen=True)
class PublicKeys:
    """What the others may know of a party: its name and two public keys."""

    party: str
    envelope: bytes
    signing: bytes

    @property
    def fingerprint(self) -> str:
        """What two people read to each other on the telephone before they trust an exchange."""
        digest = hashlib.sha256(self._body()).hexdigest()[:40]
        return " ".join(digest[i : i + 4] for i in range(0, 40, 4))

    def _body(self) -> bytes:
        return canonical({"party": self.party, "envelope": self.envelope.hex(), "signing": self.signing.hex()})

    def document(self, signing_key: bytes) -> bytes:
        """The public file: the body, its fingerprint, and a signature that proves the private half is held."""
        signature = sign(_PUBLIC_LABEL, self._body(), signing_key)
        return canonical(
            {
                "party": self.party,
                "envelope": self.envelope.hex(),
                "signing": self.signing.hex(),
                "fingerprint": self.fingerprint,
                "signature": signature.hex(),
            }
        )

    @classmethod
    def from_document(cls, document: bytes) -> PublicKeys:
        """The keys in a public file; KeyError_ where it is not whole."""
        try:
            content = parse_canonical(document)
            keys = cls(str(content["party"]), bytes.fromhex(content["envelope"]), bytes.fromhex(content["signing"]))
            signature = bytes.fromhex(content["signature"])
            is_whole = len(keys.envelope) == hpke.PUBLIC_BYTES and content["fingerprint"] == keys.fingerprint
        except (ManifestError, KeyError, TypeError, ValueError, AttributeError):
            raise KeyError_("not a public key file of Tsumugi") from None
        if not is_whole or not is_signed(_PUBLIC_LABEL, keys._body(), signature, keys.signing):
            raise KeyError_("the public key file was changed: ask its party for it again")
        return keys


class KeyRing:
    """The keys that one party may use. Secrets are read when first asked for."""

    def __init__(self, party: PartySettings) -> None:
        forbid_dumps()
        self._party = party
        self._unlocked: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"KeyRing({self._party.home})"

    def secret(self, name: str) -> bytes:
        """The secret called ``name`` (see the table above); KeyError_ when it cannot be had."""
        if name not in self._unlocked:
            self._unlocked[name] = self._derived(name) or self._stored(name)
        return self._unlocked[name]

    def tenant_key(self, tenant_id: str, scheme_set: str) -> bytes:
        """Key of one tenant's person file of one scheme set."""
        return self.secret(tenant_key_name(tenant_id, scheme_set))

    def statistics_key(self, viewer_class: str) -> bytes:
        """Key of this party's statistics file for one viewer class."""
        return self.secret(f"statistics-{_checked(viewer_class)}")

    def public(self) -> PublicKeys:
        """This party's own public keys."""
        return _read_public(self._party.keys / PUBLIC_FILE)

    def peer(self, party: str) -> PublicKeys:
        """The pinned public keys of another party; KeyError_ where it is unknown."""
        keys = _read_public(self._party.keys / "peers" / f"{_checked(party)}.json")
        if keys.party != party:
            raise KeyError_(f"the pinned public keys of {party} are those of another party")
        return keys

    def pin(self, document: bytes, fingerprint: str) -> PublicKeys:
        """Pin another party's public file after its fingerprint was compared out of band."""
        keys = PublicKeys.from_document(document)
        if "".join(fingerprint.split()).lower() != keys.fingerprint.replace(" ", ""):
            raise KeyError_("the fingerprint is not that of this public key file: do not trust it")
        folder = self._party.keys / "peers"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(folder / f"{_checked(keys.party)}.json", document)
        return keys

    def _derived(self, name: str) -> bytes | None:
        if name in ("tenant-master", "statistics-master"):
            return None
        if name.startswith("tenant-"):
            tenant_id, mark, scheme_set = name.removeprefix("tenant-").partition("--")
            if not mark:
                raise KeyError_(f"{name}: a tenant key is named tenant-<tenant>--<scheme set>")
            return derive(self.secret("tenant-master"), f"tenant|{_checked(tenant_id)}|{_checked(scheme_set)}")
        if name.startswith("statistics-"):
            viewer_class = name.removeprefix("statistics-")
            return derive(self.secret("statistics-master"), f"statistics|{_checked(viewer_class)}")
        return None

    def _stored(self, name: str) -> bytes:
        path = self._party.keys / f"{_checked(name)}.key"
        if self._party.unlock_command:
            return self._from_command(name)
        if path.exists() or path.is_symlink():
            return _decoded(name, read_private(path))
        if sys.stdin is not None and sys.stdin.isatty():
            return _decoded(name, getpass.getpass(f"key {name} of {self._party.home} (hex): ").encode())
        raise KeyError_(
            f"no key '{name}' for {self._party.home}: set unlock_command, or put {path} (mode 0600) in place"
        )

    def _from_command(self, name: str) -> bytes:
        command = [*shlex.split(self._party.unlock_command or ""), name]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_COMMAND_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KeyError_(f"unlock_command did not answer for '{name}' ({type(error).__name__})") from None
        if done.returncode != 0:
            raise KeyError_(f"unlock_command gave no key '{name}' (exit {done.returncode})")
        return _decoded(name, done.stdout)


def tenant_key_name(tenant_id: str, scheme_set: str) -> str:
    """Name of the key, and of the key file in the app's home, of one tenant and scheme set."""
    return f"tenant-{_checked(tenant_id)}--{_checked(scheme_set)}"


def derive(master: bytes, info: str, length: int = _KEY_BYTES) -> bytes:
    """HKDF-SHA256 of a master key for one use."""
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=b"tsumugi/" + info.encode()).derive(master)


def create_keys(settings: Settings) -> None:
    """Make the keys of every party of the workspace and exchange the public ones.

    Never overwrites: a second call adds only what is missing (a new epoch, a new party). Exchanging
    by copying is right only where all parties live on one machine (demo, tests); elsewhere a party's
    ``public.json`` is carried over and pinned with ``KeyRing.pin``.
    """
    parties: dict[str, PartySettings] = dict(settings.sites)
    if settings.center is not None:
        parties[CENTER] = settings.center
    documents = {name: _create_party(name, party) for name, party in parties.items()}
    for name, party in parties.items():
        ring = KeyRing(party)
        known = [CENTER] if isinstance(party, SiteSettings) else [n for n in parties if n != name]
        for other in known:
            if other in documents and not (party.keys / "peers" / f"{other}.json").exists():
                ring.pin(documents[other], PublicKeys.from_document(documents[other]).fingerprint)


def _create_party(name: str, party: PartySettings) -> bytes:
    party.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = ["at-rest", "envelope", "signing", "audit", "statistics-master"]
    names += [f"identity-{party.epoch}", "tenant-master"] if isinstance(party, SiteSettings) else ["link"]
    if party.unlock_command is None:
        for key_name in names:
            fresh = hpke.generate_private() if key_name == "envelope" else secrets.token_bytes(_KEY_BYTES)
            _create_private(party.keys / f"{key_name}.key", fresh.hex().encode())
    ring = KeyRing(party)
    signing = ring.secret("signing")
    public = PublicKeys(
        name,
        hpke.public_of(ring.secret("envelope")),
        ed25519.Ed25519PrivateKey.from_private_bytes(signing).public_key().public_bytes_raw(),
    )
    document = public.document(signing)
    if not (party.keys / PUBLIC_FILE).exists():
        write_private(party.keys / PUBLIC_FILE, document)
    return document


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
    folder = app_home / "keys"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = []
    for tenant_id, scheme_set in sorted(set(tenants)):
        path = folder / f"{tenant_key_name(tenant_id, scheme_set)}.key"
        write_private(path, ring.tenant_key(tenant_id, scheme_set).hex().encode())
        written.append(path)
    for viewer_class in sorted(set(viewer_classes)):
        path = folder / f"statistics-{_checked(publisher)}--{_checked(viewer_class)}.key"
        write_private(path, ring.statistics_key(viewer_class).hex().encode())
        written.append(path)
    return written


def read_private(path: Path) -> bytes:
    """The content of a key file; KeyError_ where others may read it or it is a link."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise KeyError_(f"{path} cannot be read ({type(error).__name__})") from None
    with os.fdopen(handle, "rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise KeyError_(f"{path} may be read by others (mode {mode:04o}): chmod 600 {path}")
        return file.read()


def write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600, whole or not at all, replacing what stood there."""
    temporary = _write_temporary(path, content)
    temporary.replace(path)


def _create_private(path: Path, content: bytes) -> None:
    # A link instead of a rename: it fails where a key already stands, so none is ever overwritten.
    if path.exists():
        return
    temporary = _write_temporary(path, content)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink()


def _write_temporary(path: Path, content: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _read_public(path: Path) -> PublicKeys:
    if not path.is_file():
        raise KeyError_(f"{path} does not exist: make keys, or pin the other party's public key file")
    return PublicKeys.from_document(path.read_bytes())


def _decoded(name: str, content: bytes) -> bytes:
    length = _LENGTHS.get(name, _KEY_BYTES)
    try:
        key = bytes.fromhex(content.decode("ascii").strip())
    except ValueError:
        raise KeyError_(f"key '{name}' is not written in hex") from None
    if len(key) != length:
        raise KeyError_(f"key '{name}' has {len(key)} bytes, not {length}")
    return key


def _checked(name: str) -> str:
    # Names become file names and parts of a derivation: no separators, no "--", no way up.
    if not _NAME.fullmatch(name) or "--" in name:
        raise KeyError_("a key, tenant or party name holds letters, digits and single - _ + . only")
    return name
