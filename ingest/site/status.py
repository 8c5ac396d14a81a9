"""What a site knows of its loads: from which file, how many rows, what waits, what was refused, what is missing."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

from ingest import at_rest
from ingest.expected import NOT_DUE, missing, reading_day
from ingest.formats.layout_files import with_layouts
from ingest.ledger import Ledger
from ingest.settings import Settings
from ingest.site import hold_desk, inbox, layouts, profiles
from ingest.site.matrix import matrix
from ingest.site.outbox import CENTER_STANDS, RECALLED, RETRACTED


def status(settings: Settings, site_name: str, on: date | None = None) -> dict[str, Any]:
    """The state of one site, counts and file names only, no person; what is due is read on the day ``on``.

    ``deliveries`` by state; ``rotations`` of the identity key with their state;
    ``files`` one entry a delivery; ``rows`` by table and outcome, what is held
    included; ``refused`` and ``problems`` with reason; ``waiting`` names in the inbox, ``held`` those of them
    whose columns nobody has confirmed, ``full_held`` full deliveries that wait for a word or for the run after
    it (``hold_desk.listed``); ``batches`` sent and received; ``center_lacks`` numbers of accepted batches that
    the center, put back to a backup, no longer has; ``left_open`` databases of a killed step; ``published``
    files; ``expected``, ``came`` counts of insurer × stream × period that are due; ``corrected_layouts`` and
    what is wrong with them (``layout_faults``: the next extract stops there); ``missing`` those that did not
    come; ``matrix`` the state of each (see ``ingest.expected``).
    """
    site = settings.site(site_name)
    waiting = [str(path.relative_to(site.inbox)) for path in inbox.listing(site.inbox)]
    faults = list(layouts.faults(site).values())
    with with_layouts({} if faults else layouts.corrected_layouts(site)):
        held = profiles.held_names(site)
    with Ledger(site.ledger) as ledger:
        month = settings.reference_month
        entries = matrix(ledger, month, on or reading_day(month))
        absent = missing(entries)
        expected = sum(1 for entry in entries if entry["state"] != NOT_DUE)
        return {
            "site": site_name,
            "deliveries": _pairs(ledger, "SELECT state, count(*) FROM delivery GROUP BY state ORDER BY state"),
            "rows": _rows(ledger),
            "files": _files(ledger),
            "refused": ledger.rows(
                "SELECT file_name, state, reason_code, message, received_at FROM delivery "
                "WHERE state IN ('refused', 'duplicate') ORDER BY delivery_id"
            ),
            "problems": ledger.rows(
                "SELECT file_name, table_name, field, problem.reason_code, problem.message, rows, first_line "
                "FROM problem JOIN delivery USING (delivery_id) WHERE state NOT IN (?, ?) "
                "ORDER BY delivery_id, table_name, field, problem.reason_code",
                (RECALLED, RETRACTED),
            ),
            "retracted": ledger.rows(
                "SELECT batch_sequence, reason, sequence, recorded_at FROM retraction ORDER BY batch_sequence"
            ),
            "rotations": ledger.rows("SELECT epoch, state, sequence, started_at FROM rotation ORDER BY epoch"),
            "waiting": waiting,
            "held": held,
            "full_held": hold_desk.listed(ledger),
            "corrected_layouts": [path.stem for path in layouts.corrected_files(site)],
            "layout_faults": faults,
            "batches": ledger.rows(
                "SELECT way, sequence, kind, state, reason_code, message FROM batch ORDER BY way, sequence, recorded_at"
            ),
            "center_lacks": _center_lacks(ledger),
            "left_open": at_rest.left_open(ledger),
            "steps_unfinished": ledger.rows(
                "SELECT name, state, message, started_at FROM step WHERE state <> 'done' ORDER BY started_at"
            ),
            "published": [
                row["name"].removeprefix("published/")
                for row in ledger.rows("SELECT name FROM value WHERE name LIKE 'published/%' ORDER BY name")
            ],
            "expected": expected,
            "came": expected - len(absent),
            "missing": absent,
            "matrix": entries,
        }


def _center_lacks(ledger: Ledger) -> list[int]:
    """Numbers of batches that the center accepted and, by its newest statement, does not have any more."""
    stated = ledger.get_value(CENTER_STANDS)
    if stated is None:
        return []
    accepted = ledger.rows(
        "SELECT sequence FROM batch WHERE way = 'sent' AND state = 'accepted' AND sequence > ? ORDER BY sequence",
        (int(stated),),
    )
    return [row["sequence"] for row in accepted]


def _pairs(ledger: Ledger, sql: str) -> dict[str, int]:
    return {str(key): int(value) for key, value in (tuple(row.values()) for row in ledger.rows(sql))}


def _rows(ledger: Ledger) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in ledger.rows(
        "SELECT table_name, outcome, sum(value) AS value FROM control_total JOIN delivery USING (delivery_id) "
        "WHERE measure = 'rows' AND state NOT IN (?, ?) GROUP BY table_name, outcome ORDER BY table_name, outcome",
        (RECALLED, RETRACTED),
    ):
        found[row["table_name"]][row["outcome"]] = int(row["value"])
    for row in hold_desk.listed(ledger):
        held = found[row["stream"]]
        for outcome in ("read", "held"):
            held[outcome] = held.get(outcome, 0) + sum(row["row_counts"].values())
    return dict(found)


def _files(ledger: Ledger) -> list[dict[str, Any]]:
    counted: dict[int, dict[str, int]] = defaultdict(dict)
    for row in ledger.rows(
        "SELECT delivery_id, outcome, sum(value) AS value FROM control_total WHERE measure = 'rows' "
        "GROUP BY delivery_id, outcome ORDER BY delivery_id, outcome"
    ):
        counted[row["delivery_id"]][row["outcome"]] = int(row["value"])
    return [
        row | {"rows": counted.get(row["delivery_id"], {})}
        for row in ledger.rows(
            "SELECT delivery_id, file_name, file_id, stream, format, edition, state, sequence, received_at "
            "FROM delivery ORDER BY delivery_id"
        )
    ]
