"""A served dashboard over a small published world, and Debian's chromium to look at it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from app.access.accounts import create_demo_accounts, demo_password
from app.serve import command
from ingest import settings as settings_module
from ingest.settings import Settings
from tests.app.published_fixture import World, build

CHROMIUM_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
START_SECONDS = 180  # importing Streamlit on a busy machine takes its time
PAGE_SECONDS = 90


@dataclass(frozen=True)
class Served:
    """A running dashboard."""

    address: str
    settings: Settings
    log: Path

    @property
    def audit_path(self) -> Path:
        assert self.settings.app is not None
        return self.settings.app.home / "audit.jsonl"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A workspace with published files and the demo accounts."""
    made = build(tmp_path_factory.mktemp("published"))
    create_demo_accounts(settings_module.load(made.workspace))
    return made


@pytest.fixture(scope="session")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The dashboard of that world on a free port of the loopback address."""
    with serving(world.workspace, tmp_path_factory.mktemp("served") / "serve.log") as running:
        yield running


class serving:  # noqa: N801 - used like a function, with `with`
    """Start the dashboard of a workspace; end it by its process id."""

    def __init__(self, workspace: Path, log: Path, tenant: str | None = None) -> None:
        settings = settings_module.load(workspace)
        assert settings.app is not None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._settings = settings.model_copy(update={"app": settings.app.model_copy(update={"port": port})})
        self._log = log
        self._tenant = tenant
        self._address = f"http://127.0.0.1:{port}"

    def __enter__(self) -> Served:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TSUMUGI_")}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command(self._settings, self._tenant), stdout=log, stderr=subprocess.STDOUT, env=environment
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self._address}/login", timeout=5).close()
                return Served(self._address, self._settings, self._log)
            except (urllib.error.URLError, ConnectionError, TimeoutError):  # not yet, or slow to answer
                if self._process.poll() is not None:
                    break
                time.sleep(0.25)
        self.__exit__()
        raise AssertionError(f"the dashboard did not start:\n{self._log.read_text(errors='replace')[-2000:]}")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Debian's chromium; a machine without it skips the browser tests with the reason."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("chromium is not installed (Debian: apt-get install chromium fonts-noto-cjk)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


SignIn = Callable[..., Any]


@pytest.fixture
def sign_in(chromium: Any, served: Served) -> Iterator[SignIn]:
    """``sign_in(user, query="view=person")``: a new browser window signed in as a demo account."""
    contexts = []

    def signed_in(user: str, query: str = "") -> Any:
        page = open_page(chromium, served, user, query)
        contexts.append(page.context)
        return page

    yield signed_in
    for context in contexts:
        context.close()


def open_page(chromium: Any, served: Served, user: str, query: str = "", width: int = 1440) -> Any:
    """A window at the page of ``query`` after sign-in; ``page.outside`` lists requests that left the machine."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, locale="ja-JP")
    page = context.new_page()
    page.set_default_timeout(PAGE_SECONDS * 1000)
    page.outside = []
    page.on("request", lambda request: _note_outside(page, served, request.url))
    page.goto(f"{served.address}/?{query}")
    page.fill("#user_name", user)
    page.fill("#password", demo_password(user))
    page.click("button[type=submit]")
    page.wait_for_selector(".ts-foot")
    settle(page)
    return page


def _note_outside(page: Any, served: Served, url: str) -> None:
    if not url.startswith((served.address, served.address.replace("http", "ws"), "data:", "blob:")):
        page.outside.append(url)


_AT_REST = """() => {
  const state = document.querySelector('[data-testid="stApp"]')?.getAttribute('data-test-script-state');
  if (state !== 'notRunning') { window.restingSince = undefined; return false }
  window.restingSince ??= performance.now();
  return performance.now() - window.restingSince > 300;
}"""


def settle(page: Any) -> None:
    """Wait until the page's script has not run for a moment: what a click asks for is asked for at once."""
    page.evaluate("window.restingSince = undefined")
    page.wait_for_function(_AT_REST, polling=50)


def choose(page: Any, parameter: str, option: str) -> None:
    """Pick ``option`` in the select box of a parameter or key."""
    page.locator(f".st-key-{parameter} input").click()
    page.get_by_role("option", name=option, exact=True).click()
    settle(page)


def press(page: Any, name: str) -> None:
    """Press the button of that name."""
    page.get_by_role("button", name=name, exact=True).first.click()
    settle(page)


def segment(page: Any, key: str, name: str) -> None:
    """Pick one of the choices that stand side by side."""
    page.locator(f".st-key-{key}").get_by_text(name, exact=True).click()
    settle(page)


def search_person(page: Any, words: str) -> None:
    """Type into the search box of the list of persons."""
    page.locator(".st-key-person_search input").fill(words)
    page.keyboard.press("Enter")
    settle(page)


def open_first_person(page: Any) -> None:
    """Click the first line of the list, again where the table was not yet ready for the click."""
    for _ in range(6):
        box = page.locator('[data-testid="stDataFrame"]').bounding_box()
        if box is not None:
            page.mouse.click(box["x"] + 18, box["y"] + 52)
        try:
            page.wait_for_selector('[data-testid="person"]', timeout=PAGE_SECONDS * 1000 / 6)
        except PlaywrightTimeout:
            continue
        settle(page)
        return
    raise AssertionError("the first person of the list did not open")


def column_names(page: Any) -> list[str]:
    """The areas that stand side by side in the overview."""
    heads = page.locator('[data-testid="comparison"] thead th')
    return [text.split("\n")[0] for text in heads.all_inner_texts()]
