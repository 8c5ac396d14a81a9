"""Named accounts with Argon2id hashes, in ``<app home>/accounts.json`` (mode 0600).

A password is never stored, logged or put in an error. Wrong names and wrong passwords take the
same time and give the same answer. Repeated failures lock an account with growing pauses.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from ingest.settings import Settings, SettingsError

ACCOUNTS_FILE = "accounts.json"
MINIMUM_PASSWORD_LENGTH = 13  # 安全管理ガイドライン 6.0: 13+ characters need no periodic change
FREE_TRIES = 5
FIRST_PAUSE_SECONDS = 30
LONGEST_PAUSE_SECONDS = 900

# RFC 9106, second recommended choice (64 MiB), one lane: about 0.2 s a try on one core.
_ITERATIONS, _LANES, _MEMORY_KIB, _HASH_BYTES = 3, 1, 64 * 1024, 32


@dataclass(frozen=True)
class Account:
    """One person's account: its role, the tenant it works for and the site that publishes to it."""

    user_name: str
    role_code: str
    tenant_id: str
    site: str
    display_name: str
    display_name_en: str


@dataclass(frozen=True)
class DemoAccount:
    """What ``make demo`` prints: an account of the invented world with its password."""

    user_name: str
    password: str
    role_code: str
    display_name: str

    def __str__(self) -> str:
        return f"{self.user_name:<11} {self.password:<25} {self.display_name}"

    def __rich__(self) -> str:  # one line on a rich console too, not the fields of a dataclass
        return str(self)


# One account a role; every password is public, so these exist only where the data is invented.
_DEMO = (
    Account("center", "center", "center", "center", "国保中央会 担当", "Center"),
    Account("federation", "federation", "federation-16", "16", "富山県国保連合会 担当", "Toyama Federation"),
    Account("prefecture", "prefecture", "prefecture-16", "16", "富山県 国保担当", "Toyama Prefecture"),
    Account("koiki", "koiki", "koiki-16", "16", "富山県後期高齢者医療広域連合 担当", "Toyama Late-elderly Union"),
    Account("kumiai", "kumiai", "kumiai-163014", "16", "国保組合 担当", "NHI Society"),
    Account("kokuho", "kokuho", "kokuho-16208", "16", "砺波市 国保担当", "Tonami City, NHI"),
    Account("eisei", "eisei", "eisei-16208", "16", "砺波市 保健師", "Tonami City, public health nurse"),
    Account("kaigo", "kaigo", "kaigo-16208", "16", "砺波市 介護担当", "Tonami City, long-term care"),
)


class AccountsError(Exception):
    """The accounts file is missing, malformed or readable by others; the message names the remedy."""


def accounts_path(settings: Settings) -> Path:
    """Where the accounts of this workspace live; SettingsError without an ``[app]`` part."""
    if settings.app is None:
        raise SettingsError("tsumugi.toml has no [app]; the dashboard needs a home for its accounts")
    return settings.app.home / ACCOUNTS_FILE


def hash_password(password: str) -> str:
    """The PHC string of ``password``; ValueError where it is shorter than the rule asks."""
    if len(password) < MINIMUM_PASSWORD_LENGTH:
        raise ValueError(f"a password has at least {MINIMUM_PASSWORD_LENGTH} characters")
    kdf = Argon2id(
        salt=secrets.token_bytes(16),
        length=_HASH_BYTES,
        iterations=_ITERATIONS,
        lanes=_LANES,
        memory_cost=_MEMORY_KIB,
    )
    return kdf.derive_phc_encoded(password.encode())


def demo_password(user_name: str) -> str:
    """The public password of a demo account: easy to read out and to type."""
    return f"tsumugi-{user_name}-demo"


def create_demo_accounts(settings: Settings) -> list[DemoAccount]:
    """Write the accounts of the eight roles, and return them with their passwords for printing.

    Raises SettingsError where the data is not invented: these passwords are public.
    """
    if not settings.is_synthetic:
        raise SettingsError("demo accounts have public passwords; they are made only with is_synthetic = true")
    entries = {account.user_name: _entry(account, demo_password(account.user_name)) for account in _DEMO}
    _write(accounts_path(settings), entries)
    return [
        DemoAccount(account.user_name, demo_password(account.user_name), account.role_code, account.display_name)
        for account in _DEMO
    ]


def _entry(account: Account, password: str) -> dict[str, Any]:
    fields = asdict(account)
    del fields["user_name"]
    return fields | {"password_hash": hash_password(password)}


def _write(path: Path, entries: dict[str, dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(".part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump({"accounts": entries}, stream, ensure_ascii=False, indent=1)
    part.replace(path)


class AccountBook:
    """The accounts of one workspace, read anew whenever the file changes."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Semaphore(1)  # a try costs 64 MiB: many at once would be an attack
        self._failures: dict[str, tuple[int, float]] = {}
        self._decoy = hash_password(secrets.token_hex(16))

    def find(self, user_name: str) -> Account | None:
        """The account of that name, if there is one."""
        entry = self._read().get(user_name)
        if entry is None:
            return None
        return Account(user_name, **{k: v for k, v in entry.items() if k != "password_hash"})

    def seconds_locked(self, user_name: str) -> int:
        """How long the account stays locked; 0 when it is open."""
        with self._lock:
            _, until = self._failures.get(user_name, (0, 0.0))
            return max(0, round(until - self._clock() + 0.5)) if until > self._clock() else 0

    def sign_in(self, user_name: str, password: str) -> Account | None:
        """The account when the password is right and the account is not locked, else None."""
        if self.seconds_locked(user_name):
            return None
        entry = self._read().get(user_name)
        with self._one_at_a_time:
            matches = _verify(password, entry["password_hash"] if entry else self._decoy)
        if entry is None or not matches:
            self._count_failure(user_name)
            return None
        with self._lock:
            self._failures.pop(user_name, None)
        return self.find(user_name)

    def _count_failure(self, user_name: str) -> None:
        with self._lock:
            if len(self._failures) > 10_000:  # made-up names must not fill the memory
                self._failures.clear()
            count = self._failures.get(user_name, (0, 0.0))[0] + 1
            pause = 0.0
            if count >= FREE_TRIES:
                pause = min(FIRST_PAUSE_SECONDS * 2.0 ** (count - FREE_TRIES), LONGEST_PAUSE_SECONDS)
            self._failures[user_name] = (count, self._clock() + pause if pause else 0.0)

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            raise AccountsError(f"{self._path} does not exist; `make demo` makes the demo accounts") from None
        if status.st_mode & 0o077:
            raise AccountsError(f"{self._path} can be read by others; run: chmod 600 {self._path}")
        try:
            accounts: dict[str, dict[str, Any]] = json.loads(self._path.read_text(encoding="utf-8"))["accounts"]
        except (ValueError, KeyError):
            raise AccountsError(f"{self._path} is not an accounts file") from None
        return accounts


def _verify(password: str, encoded: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode(), encoded)
    except InvalidKey:
        return False
    return True
