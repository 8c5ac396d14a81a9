"""What a site knows of its loads: from which file, how many rows, what waits, what was refused, what is missing."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

from ingest.formats.layout_files import with_layouts
from ingest.ledger import Ledger
from ingest.settings import Settings
from ingest.site import inbox, layouts, profiles
from ingest.site.arrivals import stream_rules
from ingest.site.matrix import matrix
from ingest.site.outbox import RECALLED, RETRACTED


def status(settings: Settings, site_name: str) -> dict[str, Any]:
    """The state of one site, counts and file names only, no person.

    ``deliveries`` by state; ``files`` one entry a delivery; ``rows`` by table and outcome;
    ``refused`` and ``problems`` with reason; ``waiting`` names in the inbox, ``held`` those of them whose
    columns nobody has confirmed; ``batches`` sent and
    received; ``published`` files; ``expected``, ``arrived`` counts of insurer × stream × period;
    ``corrected_layouts`` and what is wrong with them (``layout_faults``: the next extract stops there);
    ``missing`` those that did not come; ``matrix`` the state of each (see ``matrix.py``).
    """
    site = settings.site(site_name)
    waiting = [str(path.relative_to(site.inbox)) for path in inbox.listing(site.inbox)]
    faults = list(layouts.faults(site).values())
    with with_layouts({} if faults else layouts.corrected_layouts(site)):
        held = profiles.held_names(site)
    with Ledger(site.ledger) as ledger:
        expected, missing = _missing(ledger)
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
            "waiting": waiting,
            "held": held,
            "corrected_layouts": [path.stem for path in layouts.corrected_files(site)],
            "layout_faults": faults,
            "batches": ledger.rows(
                "SELECT way, sequence, kind, state, reason_code, message FROM batch ORDER BY way, sequence, recorded_at"
            ),
            "steps_unfinished": ledger.rows(
                "SELECT name, state, message, started_at FROM step WHERE state <> 'done' ORDER BY started_at"
            ),
            "published": [
                row["name"].removeprefix("published/")
                for row in ledger.rows("SELECT name FROM value WHERE name LIKE 'published/%' ORDER BY name")
            ],
            "expected": expected,
            "arrived": expected - len(missing),
            "missing": missing,
            "matrix": matrix(ledger, settings.reference_month),
        }


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


def _missing(ledger: Ledger) -> tuple[int, list[dict[str, str]]]:
    """How many insurer × stream × period are expected, and which did not come.

    An insurer that once delivered a stream is expected from its first period to the last one that
    any insurer of the site delivered.
    """
    came: dict[str, dict[str, set[date]]] = defaultdict(lambda: defaultdict(set))
    for row in ledger.rows(
        "SELECT DISTINCT insurer_number, arrival.stream, month FROM arrival JOIN delivery USING (delivery_id) "
        "WHERE state = 'taken'"
    ):
        rule = stream_rules()[row["stream"]]
        came[row["stream"]][row["insurer_number"]].add(rule.period(date.fromisoformat(row["month"])))
    expected = 0
    missing = []
    for stream in sorted(came):
        rule = stream_rules()[stream]
        last = max(max(periods) for periods in came[stream].values())
        for insurer in sorted(came[stream]):
            period = min(came[stream][insurer])
            while period <= last:
                expected += 1
                if period not in came[stream][insurer]:
                    month = f"{period:%Y-%m}"
                    missing.append(
                        {"insurer_number": insurer, "stream": stream, "month": month, "cadence": rule.cadence}
                    )
                period = rule.next_period(period)
    return expected, missing
