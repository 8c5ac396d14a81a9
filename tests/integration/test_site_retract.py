"""Taking a delivery back at the site: nothing of it is left, the good files come again, a kill costs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest import faults, warehouse
from ingest.ledger import Ledger
from ingest.progress import silent
from ingest.quality.quarantine import Quarantine
from ingest.sealing.keys import CENTER, KeyRing
from ingest.sealing.receipts import Receipt, write_receipt
from ingest.settings import Settings
from ingest.site.errors import SiteError
from ingest.site.extract import extract
from ingest.site.inbox import listing
from ingest.site.retract import retract
from ingest.site.status import status
from tests import site_world as world
from tests.handmade import demo_workspace
from tests.integration.test_site_extract import opened, rows

pytestmark = pytest.mark.xdist_group("site_extract")


class Killed(BaseException):
    """Stands for a kill: no handler of ours catches it."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A site that sent a good batch and after it a wrong one of somebody else and of one known person."""
    settings = demo_workspace(tmp_path)
    inbox = settings.site("16").inbox
    world.write_enrolments(inbox / "good.csv", [world.person(0)])
    extract(settings, "16", silent)
    world.write_enrolments(
        inbox / "wrong.csv", [world.person(0, processed_date=world.date(2024, 5, 1)), world.person(1)]
    )
    world.write_claims(inbox / "fine.UKE", [world.person(2), world.person(3, insurer_number=None)])
    extract(settings, "16", silent)
    return settings


def people(settings: Settings) -> list[tuple[object, ...]]:
    site = settings.site("16")
    with warehouse.open_database(site.directory, KeyRing(site).secret("at-rest"), alias="directory") as connection:
        return connection.execute("SELECT number, first_month, last_month FROM people ORDER BY ALL").fetchall()


def set_aside(settings: Settings) -> int:
    site = settings.site("16")
    with Quarantine(site.quarantine, KeyRing(site).secret("at-rest")) as quarantine:
        return quarantine.rows("set_aside").height


def test_of_a_batch_taken_back_nothing_is_left_at_the_site(settings: Settings, tmp_path: Path) -> None:
    only_good = demo_workspace(tmp_path / "other")
    world.write_enrolments(only_good.site("16").inbox / "good.csv", [world.person(0)])
    extract(only_good, "16", silent)
    assert len(people(settings)) > len(people(only_good)) and set_aside(settings)

    assert retract(settings, "16", 2, reason="別の月のファイル", files=[])["files_retracted"] == 2

    assert people(settings) == people(only_good)
    assert set_aside(settings) == 0
    told = status(settings, "16")
    assert told["deliveries"] == {"retracted": 2, "taken": 1}
    assert told["rows"] == {"enrolment": {"read": 1, "sealed": 1}}
    assert [row["reason"] for row in told["retracted"]] == ["別の月のファイル"]


def test_the_center_is_told_which_batch_is_taken_back(settings: Settings) -> None:
    retract(settings, "16", 2, reason="誤送付", files=[])

    first = opened(settings)
    second = opened(settings, 2, first.manifest_hash)
    third = opened(settings, 3, second.manifest_hash)
    assert third.manifest.kind == "retraction"
    assert rows(third, "retraction")["retracted_sequence"].to_list() == [2]


def test_the_same_bytes_load_again_after_they_were_taken_back(settings: Settings) -> None:
    retract(settings, "16", 2, reason="誤送付", files=[])
    before = people(settings)
    inbox = settings.site("16").inbox
    world.write_enrolments(
        inbox / "again.csv", [world.person(0, processed_date=world.date(2024, 5, 1)), world.person(1)]
    )

    assert extract(settings, "16", silent)["taken"] == 1
    assert len(people(settings)) > len(before)


def test_of_a_batch_with_one_wrong_file_the_others_are_delivered_again(settings: Settings) -> None:
    figures = retract(settings, "16", 2, reason="資格のみ誤り", files=["wrong.csv"])

    assert figures["files_delivered_again"] == 1
    assert [path.name.split("-", 1)[1] for path in listing(settings.site("16").inbox)] == ["fine.UKE"]
    assert extract(settings, "16", silent)["taken"] == 1
    assert set_aside(settings) == 3, "what was set aside of the good file is set aside again"


@pytest.mark.parametrize("place", ["recorded", "clearing", "sealed"])
def test_a_retraction_that_died_is_made_good_by_the_next_step(
    settings: Settings, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(name: str) -> None:
        if name == f"retract.{place}":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(faults, "point", die)
        with pytest.raises(Killed):
            retract(settings, "16", 2, reason="誤送付", files=["wrong.csv"])

    assert extract(settings, "16", silent)["taken"] == 1, "the good file, once"
    assert extract(settings, "16", silent)["files"] == 0
    told = status(settings, "16")
    assert [(batch["sequence"], batch["kind"]) for batch in told["batches"]] == [
        (1, "facts"), (2, "facts"), (3, "retraction"), (4, "facts"),
    ]  # fmt: skip
    assert told["deliveries"] == {"retracted": 2, "taken": 2}


def test_a_refused_retraction_is_sealed_anew_and_gives_nothing_back_twice(settings: Settings) -> None:
    retract(settings, "16", 2, reason="誤送付", files=["wrong.csv"])
    with Ledger(settings.site("16").ledger) as ledger:
        sealed = ledger.rows("SELECT manifest_hash FROM batch WHERE sequence = 3")[0]["manifest_hash"]
    refusal = Receipt(CENTER, "16", 3, sealed, "refused", "cut", "damaged on its way")
    write_receipt(
        settings.to_site("16") / "000003.receipt.json", refusal, KeyRing(settings.the_center()).secret("signing")
    )

    assert extract(settings, "16", silent)["taken"] == 1
    sent = [(batch["sequence"], batch["kind"], batch["state"]) for batch in status(settings, "16")["batches"]]
    assert sorted(sent) == [
        (1, "facts", "sealed"), (2, "facts", "sealed"), (3, "retraction", "refused"), (3, "retraction", "sealed"),
        (4, "facts", "sealed"),
    ]  # fmt: skip


@pytest.mark.parametrize(("batch", "files", "told"), [(9, [], "no batch 9"), (2, ["nil.csv"], "no file nil.csv")])
def test_what_was_never_sent_cannot_be_taken_back(settings: Settings, batch: int, files: list[str], told: str) -> None:
    with pytest.raises(SiteError, match=told):
        retract(settings, "16", batch, reason="誤送付", files=files)


def test_a_batch_is_taken_back_once(settings: Settings) -> None:
    retract(settings, "16", 2, reason="誤送付", files=[])
    with pytest.raises(SiteError, match="taken back before"):
        retract(settings, "16", 2, reason="誤送付", files=[])
