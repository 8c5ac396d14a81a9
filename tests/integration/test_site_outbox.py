"""What becomes of a sealed batch after the center answered: kept, recalled, sent again, or told as unknown."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest.ledger import Ledger
from ingest.progress import silent
from ingest.sealing.keys import CENTER
from ingest.sealing.receipts import Receipt, Statement, receipt_path, write_receipt, write_statement
from ingest.sealing.seal import Sealed
from ingest.site.errors import SiteError
from ingest.site.outbox import Outbox
from ingest.site.resend import resend
from ingest.site.sent import Sent, kept_days
from ingest.site.status import status
from tests.unit.sealing.pair import SITE, Pair, make_pair


class Site:
    """A site that seals by hand and hears from its center."""

    def __init__(self, root: Path) -> None:
        self.pair: Pair = make_pair(root)
        self.settings = self.pair.settings
        self.ledger = Ledger(self.settings.site(SITE).ledger)
        self.outbox = Outbox.of(self.settings, SITE, self.ledger, self.pair.site)
        self.answers = self.settings.to_site(SITE)

    def seal(self) -> Sealed:
        sequence, previous = self.outbox.next_batch()
        replaces = self.outbox.replaced(sequence)
        sealed = self.pair.seal_into(self.outbox.place(sequence), sequence, previous, replaces=replaces)
        with self.ledger.transaction() as connection:
            self.ledger.add_batch(
                connection, way="sent", peer=CENTER, sequence=sequence, kind="facts",
                manifest_hash=sealed.manifest_hash, state="sealed", figures=sealed.figures,
            )  # fmt: skip
        self.outbox.hand_over()
        return sealed

    def answer(self, sealed: Sealed, state: str) -> None:
        receipt = Receipt(CENTER, SITE, sealed.sequence, sealed.manifest_hash, state, "hash", "")  # type: ignore[arg-type]
        write_receipt(receipt_path(self.answers, sealed.sequence), receipt, self.pair.center.secret("signing"))

    def state(self, sequence: int, manifest_hash: str) -> None:
        statement = Statement(CENTER, SITE, sequence, manifest_hash)
        write_statement(self.answers, statement, self.pair.center.secret("signing"))

    def taken(self, count: int) -> list[Sealed]:
        """So many batches sealed and accepted."""
        found = []
        for _ in range(count):
            found.append(self.seal())
            self.answer(found[-1], "accepted")
            self.state(found[-1].sequence, found[-1].manifest_hash)
            self.outbox.settle()
        return found

    def in_exchange(self) -> list[str]:
        return sorted(path.name for path in self.settings.to_center(SITE).iterdir())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site(tmp_path)
    yield found
    found.ledger.close()


def test_an_accepted_batch_is_kept_and_deleted_when_its_time_is_over(site: Site) -> None:
    first, second = site.taken(2)
    sent = Sent(site.settings.site(SITE).home / "sent")
    assert sent.numbers() == [1, 2]
    assert (sent.place(1) / "manifest.json").is_file()
    assert not list((site.settings.site(SITE).home / "outbox").iterdir())
    now = datetime.now(UTC)
    sent.forget_old(site.ledger, 2, now + timedelta(days=kept_days(now) - 1))
    assert sent.numbers() == [1, 2]
    sent.forget_old(site.ledger, 1, now + timedelta(days=kept_days(now) + 1))
    assert sent.numbers() == [2], "what the center does not have is kept, however old"


def test_a_kill_between_keeping_and_the_ledger_is_made_good(site: Site) -> None:
    sealed = site.seal()
    site.answer(sealed, "accepted")
    Sent(site.settings.site(SITE).home / "sent").keep(sealed.path, 1)
    assert site.outbox.settle()["batches_accepted"] == 1
    assert site.outbox.next_batch() == (2, sealed.manifest_hash)
    assert site.outbox.kept(1) is not None


def test_a_statement_alone_is_an_answer_where_the_receipt_was_lost(site: Site) -> None:
    first, second = site.seal(), site.seal()
    site.state(1, first.manifest_hash)
    assert site.outbox.settle()["batches_accepted"] == 1
    assert [row["state"] for row in site.ledger.rows("SELECT state FROM batch ORDER BY sequence")] == [
        "accepted",
        "sealed",
    ]
    assert second.path.is_dir()


def test_a_refused_batch_is_replaced_by_one_that_names_it(site: Site) -> None:
    first, second = site.seal(), site.seal()
    site.answer(first, "refused")
    assert site.outbox.settle()["batches_refused"] == 1
    assert site.in_exchange() == []
    again = site.seal()
    assert (again.sequence, site.pair.open(again.path).manifest.replaces) == (1, first.manifest_hash)
    later = site.seal()  # the center never refused the second: it names nothing
    assert site.pair.open(later.path, 2, again.manifest_hash).manifest.replaces == ""
    assert second.manifest_hash != later.manifest_hash


def test_a_center_that_was_put_back_is_filled_up_from_what_is_kept(site: Site) -> None:
    batches = site.taken(4)
    shutil.rmtree(site.settings.to_center(SITE))
    site.state(2, batches[1].manifest_hash)
    assert site.outbox.settle() == {"batches_accepted": 0, "batches_refused": 0, "files_recalled": 0}
    assert status(site.settings, SITE)["center_lacks"] == [3, 4]
    assert resend(site.settings, SITE, None, silent) == {"first": 3, "batches": 2, "numbers": [3, 4]}
    assert site.in_exchange() == ["000003", "000004"]
    batch = site.pair.open(site.settings.to_center(SITE) / "000003", 3, batches[1].manifest_hash)
    assert batch.manifest_hash == batches[2].manifest_hash
    assert resend(site.settings, SITE, 1, silent)["numbers"] == [1, 2, 3, 4]
    site.state(4, batches[3].manifest_hash)
    site.outbox.settle()
    assert status(site.settings, SITE)["center_lacks"] == []


def test_nothing_is_sent_again_where_a_batch_is_no_longer_kept(site: Site) -> None:
    site.taken(3)
    shutil.rmtree(site.settings.to_center(SITE))
    shutil.rmtree(site.settings.site(SITE).home / "sent" / "000002")
    with pytest.raises(SiteError, match="バッチ 2 の控え.*center rebuild"):
        resend(site.settings, SITE, 1, silent)
    assert not site.settings.to_center(SITE).exists()
    assert resend(site.settings, SITE, 3, silent)["numbers"] == [3]


def test_a_site_that_was_put_back_goes_on_from_what_the_center_took(site: Site) -> None:
    site.taken(1)
    waiting = site.seal()
    site.state(3, "cd" * 32)  # batches 2 and 3 were sealed by the ledger that was lost
    figures = site.outbox.settle()
    assert figures["batches_accepted"] == 0
    assert site.outbox.next_batch() == (4, "cd" * 32)
    assert not waiting.path.exists()
    assert "000002" not in site.in_exchange()
    assert site.outbox.replaced(2) is None
    assert site.pair.open(site.seal().path, 4, "cd" * 32).manifest.replaces == ""


def test_a_statement_of_another_hand_or_form_says_nothing(site: Site) -> None:
    first = site.seal()
    forged = Statement(CENTER, SITE, 1, first.manifest_hash)
    write_statement(site.answers, forged, site.pair.site.secret("signing"))
    assert site.outbox.settle()["batches_accepted"] == 0
    for wrong in (
        Statement("31", SITE, 1, first.manifest_hash),
        Statement(CENTER, "31", 1, first.manifest_hash),
        Statement(CENTER, SITE, 1, ""),
        Statement(CENTER, SITE, -1, "ab" * 32),
        Statement(CENTER, SITE, 1, first.manifest_hash, (-2,)),
    ):
        write_statement(site.answers, wrong, site.pair.center.secret("signing"))
        assert site.outbox.settle()["batches_accepted"] == 0, wrong
    (site.answers / "statement.json").write_bytes(b"{}")
    assert site.outbox.settle()["batches_accepted"] == 0
