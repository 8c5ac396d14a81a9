"""Accounts, sessions and rights: what keeps a stranger out and a colleague in their own rows."""

from __future__ import annotations

import dataclasses
import json
import stat
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from app.access.accounts import Account, AccountBook, AccountsError, accounts_path, create_demo_accounts, hash_password
from app.access.rights import NotPublished, PublishedFile, rights
from app.access.sessions import LONGEST_SECONDS, Sessions
from ingest import settings as settings_module
from ingest.policy.access import AccessDenied, load_grants
from ingest.settings import Settings, SettingsError
from tests.app.published_fixture import World

pytestmark = pytest.mark.xdist_group("dashboard")  # one process: one world, one server

NURSE = Account("eisei", "eisei", "eisei-16208", "16", "砺波市 保健師", "Tonami nurse")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def settings(world: World) -> Settings:
    return settings_module.load(world.workspace)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(settings: Settings, clock: Clock) -> AccountBook:
    return AccountBook(accounts_path(settings), clock=clock)


def account_of(settings: Settings, role: str) -> Account:
    found = AccountBook(accounts_path(settings)).find(role)
    assert found is not None
    return found


# --- accounts ------------------------------------------------------------------------------------


def test_the_accounts_file_is_private_and_holds_no_password(settings: Settings) -> None:
    path = accounts_path(settings)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    accounts = json.loads(path.read_text(encoding="utf-8"))["accounts"]
    assert len(accounts) == 8
    assert all(entry["password_hash"].startswith("$argon2id$") for entry in accounts.values())
    assert "-demo" not in path.read_text(encoding="utf-8")


def test_the_eight_roles_each_have_an_account_with_a_grant_in_force(settings: Settings) -> None:
    made = {role: rights(settings, load_grants(), account_of(settings, role)) for role in (
        "center", "federation", "prefecture", "koiki", "kumiai", "kokuho", "eisei", "kaigo")}  # fmt: skip
    assert {role for role, found in made.items() if found.sees_persons} == {
        "koiki", "kumiai", "kokuho", "eisei", "kaigo"
    }  # fmt: skip


def test_a_right_password_opens_and_a_wrong_one_does_not(book: AccountBook) -> None:
    assert book.sign_in("kokuho", "tsumugi-kokuho-demo") is not None
    assert book.sign_in("kokuho", "tsumugi-eisei-demo") is None
    assert book.sign_in("nobody", "tsumugi-kokuho-demo") is None


def test_repeated_failures_lock_with_growing_pauses(book: AccountBook, clock: Clock) -> None:
    for _ in range(5):
        assert book.sign_in("kaigo", "wrong") is None
    first = book.seconds_locked("kaigo")
    assert first >= 30
    assert book.sign_in("kaigo", "tsumugi-kaigo-demo") is None, "a locked account opens for nobody"
    clock.now += first + 1
    assert book.sign_in("kaigo", "wrong") is None
    assert book.seconds_locked("kaigo") > first
    clock.now += 1000
    assert book.sign_in("kaigo", "tsumugi-kaigo-demo") is not None
    assert book.seconds_locked("kaigo") == 0
    assert book.sign_in("kokuho", "tsumugi-kokuho-demo") is not None, "another account was never locked"


def test_demo_accounts_are_refused_where_the_data_is_real(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="public passwords"):
        create_demo_accounts(settings.model_copy(update={"is_synthetic": False}))


def test_a_short_password_is_refused() -> None:
    with pytest.raises(ValueError, match="13"):
        hash_password("short")


def test_an_accounts_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    path.write_text('{"accounts": {}}')
    path.chmod(0o644)
    with pytest.raises(AccountsError, match="chmod 600"):
        AccountBook(path).find("kokuho")


# --- sessions ------------------------------------------------------------------------------------


def test_a_session_ends_after_the_idle_time_and_looking_does_not_prolong_it(clock: Clock) -> None:
    sessions = Sessions(900, clock=clock)
    session_id = sessions.start(NURSE)
    clock.now += 800
    assert sessions.get(session_id, touch=False) is not None
    clock.now += 101
    assert sessions.get(session_id, touch=False) is None


def test_work_prolongs_a_session_but_not_beyond_eight_hours(clock: Clock) -> None:
    sessions = Sessions(900, clock=clock)
    session_id = sessions.start(NURSE)
    for _ in range(LONGEST_SECONDS // 600):
        clock.now += 600
        assert sessions.get(session_id, touch=True) is not None
    clock.now += 600
    assert sessions.get(session_id, touch=True) is None


def test_all_sessions_of_an_account_end_at_once(clock: Clock) -> None:
    sessions = Sessions(900, clock=clock)
    ids = [sessions.start(NURSE), sessions.start(NURSE)]
    other = sessions.start(dataclasses.replace(NURSE, user_name="kokuho"))
    assert sessions.end_all("eisei") == 2
    assert [sessions.get(key, touch=True) for key in ids] == [None, None]
    assert sessions.get(other, touch=True) is not None


def test_no_or_a_made_up_session_id_opens_nothing(clock: Clock) -> None:
    sessions = Sessions(900, clock=clock)
    sessions.start(NURSE)
    assert [sessions.get(key, touch=True) for key in (None, "", "x" * 43)] == [None, None, None]


# --- rights --------------------------------------------------------------------------------------


def test_a_role_opens_its_own_tenants_files_and_its_classes_statistics(settings: Settings) -> None:
    found = rights(settings, load_grants(), account_of(settings, "kokuho"))
    assert [file.path.name for file in found.person_files] == ["kokuho.duckdb"]
    assert [file.path.parent.name for file in found.person_files] == ["kokuho-16208"]
    assert found.statistics.path.parts[-3:] == ("published", "statistics", "insurer.duckdb")
    assert found.statistics.key_path.name == "statistics-16--insurer.key"


def test_the_center_and_the_prefecture_have_no_person_file(settings: Settings) -> None:
    for role in ("center", "federation", "prefecture"):
        assert rights(settings, load_grants(), account_of(settings, role)).person_files == ()


def test_an_account_without_a_grant_in_force_is_denied(settings: Settings) -> None:
    with pytest.raises(AccessDenied):
        rights(settings, load_grants(), dataclasses.replace(NURSE, tenant_id="eisei-99999"))
    with pytest.raises(AccessDenied):
        rights(settings, load_grants(), dataclasses.replace(NURSE, role_code="kokuho"))
    ended = load_grants().with_columns(valid_to=pl.lit(date(2024, 1, 1)))
    with pytest.raises(AccessDenied):
        rights(settings, ended, NURSE)


def test_an_account_of_another_site_is_denied(settings: Settings) -> None:
    with pytest.raises(AccessDenied):
        rights(settings, load_grants(), dataclasses.replace(NURSE, site="31"))


def test_a_key_that_others_can_read_opens_nothing(tmp_path: Path) -> None:
    key = tmp_path / "tenant.key"
    key.write_text("00" * 32)
    key.chmod(0o644)
    with pytest.raises(NotPublished, match="chmod 600"):
        PublishedFile(tmp_path / "x.duckdb", key).key()
    key.chmod(0o600)
    assert PublishedFile(tmp_path / "x.duckdb", key).key() == bytes(32)
    key.write_text("not a key")
    with pytest.raises(NotPublished, match="hex"):
        PublishedFile(tmp_path / "x.duckdb", key).key()
