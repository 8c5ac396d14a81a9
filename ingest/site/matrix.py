"""The matrix of ``ingest.expected`` from what the site's ledger knows: insurer × stream × month."""

from __future__ import annotations

from datetime import date

from ingest.expected import ARRIVED, CAME, HELD, SET_ASIDE, TAKEN_BACK, stream_rules
from ingest.expected import matrix as of_what_came
from ingest.ledger import Ledger
from ingest.site import hold_desk
from ingest.site.outbox import RETRACTED


def matrix(ledger: Ledger, reference_month: date, on: date) -> list[dict[str, str]]:
    """One entry an insurer, stream and period; see ``ingest.expected.matrix``.

    A month whose rows were all set aside or refused came and has not arrived; one whose full delivery
    waits for a word is held.
    """
    came: dict[tuple[str, str], dict[date, str]] = {}

    def note(insurer: str, stream: str, day: str, state: str) -> None:
        periods = came.setdefault((insurer, stream), {})
        period = stream_rules()[stream].period(date.fromisoformat(day).replace(day=1))
        periods[period] = min(state, periods.get(period, state), key=CAME.index)

    for row in ledger.rows(
        "SELECT insurer_number, arrival.stream, month, state FROM arrival JOIN delivery USING (delivery_id) "
        "WHERE state IN ('taken', ?)",
        (RETRACTED,),
    ):
        note(row["insurer_number"], row["stream"], row["month"], ARRIVED if row["state"] == "taken" else TAKEN_BACK)
    for held in hold_desk.listed(ledger):
        for loss in held["losses"]:
            note(loss["insurer_number"], held["stream"], held["as_of"], HELD)
    aside: dict[tuple[str, str], set[date]] = {}
    for row in ledger.rows(
        "SELECT insurer_number, arrival_aside.stream, month FROM arrival_aside JOIN delivery USING (delivery_id) "
        "WHERE state IN ('taken', 'refused')"
    ):
        month = date.fromisoformat(row["month"])
        if month <= on:
            aside.setdefault((row["insurer_number"], row["stream"]), set()).add(month)
    for (insurer, stream), months in aside.items():
        # What was set aside may misprint its month: it does not move the month from which the stream is expected.
        first = min(came.get((insurer, stream), {max(months): ""}))
        for month in months:
            if stream_rules()[stream].period(month) >= stream_rules()[stream].period(first):
                note(insurer, stream, month.isoformat(), SET_ASIDE)
    return of_what_came(came, reference_month, on)
