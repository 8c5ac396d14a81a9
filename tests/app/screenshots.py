"""Take the pictures of the docs: ``python -m tests.app.screenshots data docs/images``.

The workspace holds a finished demo. Pictures are of the dashboard as it is, at 1440 and 1024 points.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from ingest import warehouse
from ingest.sealing.keys import KeyRing
from tests.app.conftest import CHROMIUM_FLAGS, Served, choose, open_page, segment, serving, settle

CHROMIUM = "/usr/bin/chromium"
HEIGHT_LIMIT = 1900
COLOURS = 256  # enough for a page of tables and lines, at a third of the bytes


def whole(page: Any, path: Path) -> None:
    """The page from top to bottom, up to a height that a document can bear."""
    width = page.viewport_size["width"]
    for _ in range(2):  # a wide table grows with the window
        height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": width, "height": min(int(height) + 10, HEIGHT_LIMIT)})
        page.wait_for_timeout(1200)
    shoot(page, path)


def shoot(page: Any, path: Path, **options: Any) -> None:
    """Save what the window shows, with few colours."""
    page.screenshot(path=path, **options)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path} {path.stat().st_size // 1000} kB")


def someone(served: Served) -> str:
    """A person of 砺波市 with a full history: 国保 then 後期, many checkups, care."""
    site = served.settings.site("16")
    path = site.published / "tenants" / "eisei-16208" / "kokuho_koki_care.duckdb"
    connection = warehouse.open_hardened(path, KeyRing(site).tenant_key("eisei-16208", "kokuho_koki_care"))
    row = connection.execute(
        """
        SELECT p.person_id FROM person p
        ORDER BY
            (SELECT count(DISTINCT scheme_code) FROM enrolment e WHERE e.person_id = p.person_id) DESC,
            (SELECT least(count(*), 1) FROM care_certification c WHERE c.person_id = p.person_id) DESC,
            (SELECT least(count(*), 3) FROM checkup c WHERE c.person_id = p.person_id) DESC,
            (SELECT max(hba1c) >= 6.5 FROM checkup c WHERE c.person_id = p.person_id) DESC NULLS LAST,
            (SELECT count(*) FROM claim c WHERE c.person_id = p.person_id AND c.is_inpatient) DESC,
            p.person_id
        """
    ).fetchone()
    assert row is not None
    return str(row[0])


def take(browser: Any, served: Served, folder: Path) -> None:
    """All pictures."""
    page = browser.new_page(viewport={"width": 1024, "height": 640})
    page.goto(served.address)
    shoot(page, folder / "sign-in.png")

    page = open_page(browser, served, "kokuho")
    whole(page, folder / "overview-municipality.png")
    page.get_by_role("button", name="特定健診受診率(法定)").click()
    page.wait_for_timeout(400)
    page.set_viewport_size({"width": 1440, "height": 900})
    shoot(page, folder / "definition.png")

    whole(open_page(browser, served, "kokuho", width=1024), folder / "overview-1024.png")
    page = open_page(browser, served, "prefecture")
    segment(page, "q_parts", "市町村別")
    whole(page, folder / "overview-prefecture-parts.png")
    whole(open_page(browser, served, "kokuho", "view=league"), folder / "league.png")
    whole(open_page(browser, served, "prefecture", "view=about"), folder / "about.png")
    whole(open_page(browser, served, "center", "lang=en&parts=prefecture"), folder / "overview-english.png")

    page = open_page(browser, served, "eisei", "view=person")
    choose(page, "purpose", "重症化予防")
    page.locator(".st-key-person_hba1c input").fill("6.5")
    page.keyboard.press("Enter")
    settle(page)
    whole(page, folder / "person-list.png")
    person = someone(served)
    page = open_page(browser, served, "eisei", f"view=person&person={person}")
    choose(page, "purpose", "重症化予防")
    whole(page, folder / "person.png")
    page = open_page(browser, served, "kaigo", f"view=person&person={person}")
    shoot(page, folder / "refused.png", clip={"x": 0, "y": 0, "width": 1440, "height": 260})


def main() -> None:
    """Serve the workspace of the first argument, write to the folder of the second."""
    from playwright.sync_api import sync_playwright

    workspace, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        serving(workspace, Path(scratch) / "serve.log") as served,
        sync_playwright() as playwright,
    ):
        take(playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS), served, folder)


if __name__ == "__main__":
    main()
