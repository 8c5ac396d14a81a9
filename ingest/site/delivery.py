"""One arrival of one file: also bytes that came before are a delivery, and are told of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.formats.reading import FileRefused, Reader, reasons
from ingest.ledger import Ledger
from ingest.site.inbox import InboxFile


@dataclass
class Delivery:
    """A file of the inbox and what becomes of it.

    ``original``    the delivery id that brought the same bytes before; such a file is not read again
    ``is_release``  no file of the inbox, but rows of ``original`` that were set aside and go on after all
    """

    file: InboxFile
    delivery_id: int
    original: int | None = None
    stream: str | None = None
    format: str | None = None
    edition: str | None = None
    months: list[str] = field(default_factory=list)
    state: str = "taken"
    reason_code: str | None = None
    message: str | None = None
    refusal: str | None = None  # why a person has decided against the file; it is read to be counted
    is_release: bool = False

    def recognised(self, reader: Reader, edition: str) -> None:
        """Note which reader takes the file."""
        self.stream, self.format, self.edition = reader.stream, reader.format, edition

    def refuse(self, reason_code: str, message: str) -> None:
        """Note that the file as a whole is not taken."""
        self.state, self.reason_code, self.message = "refused", reason_code, message

    def refused_by(self, refusal: FileRefused) -> None:
        """The same, for a reader's refusal; the line is part of the message."""
        where = f"{refusal.line}行目: " if refusal.line is not None else ""
        self.refuse(refusal.reason_code, f"{where}{refusal.message}")


def next_delivery_id(ledger: Ledger) -> int:
    """The number of the next delivery; holds until the ledger transaction, as one step of a site runs at a time."""
    return int(ledger.rows("SELECT coalesce(max(delivery_id), 0) + 1 AS next FROM delivery")[0]["next"])


def plan(ledger: Ledger, files: list[InboxFile], refusals: Mapping[str, str]) -> list[Delivery]:
    """A delivery for each file, numbered on from the ledger; bytes known before are marked as such.

    ``refusals`` says by file id why a person has decided against a file.

    The numbers hold until the ledger transaction, because one step of a site runs at a time.
    """
    first = next_delivery_id(ledger)
    seen = {
        row["file_id"]: row["delivery_id"]
        for row in ledger.rows(
            "SELECT file_id, min(delivery_id) AS delivery_id FROM delivery WHERE state = 'taken' GROUP BY file_id"
        )
    }
    deliveries = []
    for delivery_id, file in enumerate(files, start=first):
        delivery = Delivery(file, delivery_id, original=seen.get(file.file_id), refusal=refusals.get(file.file_id))
        if delivery.original is None and delivery.refusal is None:
            seen[file.file_id] = delivery_id
        elif delivery.original is not None:
            delivery.state, delivery.reason_code = "duplicate", "duplicate_file"
            delivery.message = reasons()["duplicate_file"].ja
        deliveries.append(delivery)
    return deliveries
