"""``tsumugi center release``: figures of a finished build are held against the month before, then let go.

Compared are the month of reference and the one before it, stream by stream (資格, 医科, 歯科, 調剤, 健診,
介護), by insurer and in total, only over the insurers whose deliveries of that stream came for both months
and only where the month before counts as much as the limit asks for (``seeds/release_limits.csv``). A build
within all limits is released by itself; otherwise it waits until a named person approves it with a reason. A
release belongs to the published inputs (``input key``), so a further load is judged anew.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from typing import Any

import duckdb

from ingest.center import changes
from ingest.center.errors import CenterError
from ingest.center.home import one_step, open_warehouse
from ingest.ledger import Ledger
from ingest.progress import ProgressCallback
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings

RELEASE = "release"  # value of the ledger: the last decision, or what waits for one
BY_ITSELF = "limits"
SHOWN = 5  # at most so many figures are named in one message
STREAM_NAMES = {
    "enrolment": "資格",
    "medical": "医科",
    "dental": "歯科",
    "pharmacy": "調剤",
    "checkup": "健診",
    "care_claim": "介護",
}

_STAND = "FROM staging.stg_medical__claim WHERE NOT is_withdrawn AND claim_kind_code"
_CLAIMS = f"SELECT insurer_number, service_month AS month, count(*) AS records, count(*) AS value {_STAND}"
_POINTS = f"SELECT insurer_number, service_month AS month, count(*) AS records, sum(points) AS value {_STAND}"
_CARE = "FROM staging.stg_care_claim__care_claim WHERE NOT is_withdrawn GROUP BY ALL"
# Measure: the stream it rests on, and a query of insurer_number, month, records (its size) and value.
_MEASURES = {
    "members": (
        "enrolment",
        "SELECT insurer_number, month, count(*) AS records, count(*) AS value FROM marts.person_month GROUP BY ALL",
    ),
    "claims": ("medical", f"{_CLAIMS} IN ('medical', 'dpc') GROUP BY ALL"),
    "points": ("medical", f"{_POINTS} IN ('medical', 'dpc') AND NOT is_summary GROUP BY ALL"),
    "dental_claims": ("dental", f"{_CLAIMS} = 'dental' GROUP BY ALL"),
    "dental_points": ("dental", f"{_POINTS} = 'dental' GROUP BY ALL"),
    "pharmacy_claims": ("pharmacy", f"{_CLAIMS} = 'pharmacy' GROUP BY ALL"),
    "pharmacy_points": ("pharmacy", f"{_POINTS} = 'pharmacy' GROUP BY ALL"),
    "checkups": (
        "checkup",
        "SELECT insurer_number, exam_month AS month, count(*) AS records, count(*) AS value "
        "FROM staging.stg_checkup__checkup WHERE NOT is_withdrawn GROUP BY ALL",
    ),
    "care_claims": (
        "care_claim",
        f"SELECT insurer_number, service_month AS month, count(*) AS records, count(*) AS value {_CARE}",
    ),
    "care_cost": (
        "care_claim",
        "SELECT insurer_number, service_month AS month, count(*) AS records, sum(benefit_yen + user_yen) AS value "
        f"{_CARE}",
    ),
}
# A register comes with its changes only, so an insurer that sent it once counts as arrived from then on.
_STANDING = ("enrolment",)


def release(
    settings: Settings, progress: ProgressCallback, approve: str | None = None, reason: str | None = None
) -> dict[str, Any]:
    """Judge the last finished build, or let it go in the name of ``approve`` because of ``reason``.

    Returns state (released, waiting), by whom, and the figures out of limits. Raises CenterError where no
    build is finished, or an approval has no reason.
    """
    center = settings.the_center()
    progress("center release", 0, 1)
    with one_step(center), Ledger(center.ledger) as ledger, open_warehouse(center, KeyRing(center)) as connection:
        decision = decide(connection, ledger)
        if approve is not None:
            decision = _approve(ledger, decision, approve, reason)
    progress("center release", 1, 1)
    return decision


def decide(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> dict[str, Any]:
    """The decision on what is published now; made here where there is none yet."""
    key, reference_month = _published(connection)
    last = last_decision(ledger)
    if last.get("key") == key:
        return last
    out_of_limits = compare(connection, reference_month)
    decision = {
        "key": key,
        "reference_month": f"{reference_month:%Y-%m}",
        "state": "waiting" if out_of_limits else "released",
        "released_by": None if out_of_limits else BY_ITSELF,
        "reason": None,
        "out_of_limits": out_of_limits,
    }
    _note(ledger, decision)
    return decision


def require(connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> dict[str, Any]:
    """The decision, released; CenterError names what it waits for."""
    decision = decide(connection, ledger)
    if decision["state"] != "released":
        raise CenterError(waits_for(decision))
    return decision


def waits_for(decision: dict[str, Any]) -> str:
    """Why a decision waits and what to do, in one line."""
    found = decision["out_of_limits"]
    named = [
        f"{_stream_name(row)} {row['insurer_number'] or '全体'} の {row['measure_id']} "
        f"{row['before']:,} → {row['now']:,}（{row['insurers_count']}保険者）"
        for row in found[:SHOWN]
    ]
    more = f"、ほか{len(found) - SHOWN}件" if len(found) > SHOWN else ""
    return (
        f"前月との差が限度を超えた数値が{len(found)}件あり、公表を止めています（{'、'.join(named)}{more}）。"
        "`tsumugi status --json` で確かめ、正しければ `tsumugi center release --approve 氏名 --reason 理由`、"
        "誤りであれば `tsumugi site retract` で取り下げてください"
    )


def _stream_name(row: dict[str, Any]) -> str:
    return STREAM_NAMES[row["stream"]]


def last_decision(ledger: Ledger) -> dict[str, Any]:
    """The decision noted last, empty where there is none."""
    noted: dict[str, Any] = json.loads(ledger.get_value(RELEASE) or "{}")
    return noted


def compare(connection: duckdb.DuckDBPyConnection, reference_month: date) -> list[dict[str, Any]]:
    """Figures that differ from the month before by more than their limit.

    Each: stream, measure_id, level_code, insurer_number (null in total), insurers_count (how many it rests on),
    before, now, maximum_change_rate.
    """
    found: list[dict[str, Any]] = []
    limits = connection.execute(
        "SELECT measure_id, level_code, maximum_change_rate, minimum_count FROM seeds.release_limits "
        "WHERE valid_from <= $month AND (valid_to IS NULL OR $month < valid_to) ORDER BY ALL",
        {"month": reference_month},
    ).fetchall()
    for measure, level, rate, minimum in limits:
        stream, query = _MEASURES[measure]
        came = "month <= $month" if stream in _STANDING else "month = $month"
        before = came.replace("$month", "$month - INTERVAL 1 MONTH")
        insurer = "insurer_number" if level == "insurer" else "NULL"
        rows = connection.execute(
            f"""
            WITH both_months AS (
                SELECT insurer_number FROM raw.arrival WHERE stream = $stream AND rows > 0
                GROUP BY insurer_number HAVING bool_or({came}) AND bool_or({before})
            ), figures AS (
                SELECT {insurer} AS insurer_number, count(DISTINCT insurer_number) AS insurers_count,
                       coalesce(sum(records) FILTER (month < $month), 0)::BIGINT AS size,
                       coalesce(sum(value) FILTER (month < $month), 0)::BIGINT AS before,
                       coalesce(sum(value) FILTER (month = $month), 0)::BIGINT AS now
                FROM ({query}) SEMI JOIN both_months USING (insurer_number)
                WHERE month IN ($month, $month - INTERVAL 1 MONTH)
                GROUP BY 1
            )
            SELECT insurer_number, insurers_count, before, now FROM figures
            WHERE size >= $minimum AND abs(now - before) > $rate * before
            ORDER BY ALL""",
            {"stream": stream, "month": reference_month, "minimum": minimum, "rate": rate},
        ).fetchall()
        names = ("insurer_number", "insurers_count", "before", "now")
        shown = {"stream": stream, "measure_id": measure, "level_code": level, "maximum_change_rate": float(rate)}
        found += [shown | dict(zip(names, row, strict=True)) for row in rows]
    return found


def _published(connection: duckdb.DuckDBPyConnection) -> tuple[str, date]:
    last = connection.execute(
        "SELECT reference_month, state, project_hash FROM control.build ORDER BY build_sequence DESC LIMIT 1"
    ).fetchone()
    if last is None or last[1] != "finished" or not changes.is_empty(connection):
        raise CenterError("the last build is not finished or changes wait; `tsumugi center build` first")
    batches = connection.execute("SELECT manifest_hash FROM control.received_batch ORDER BY ALL").fetchall()
    return hashlib.sha256(repr((last[0], last[2], batches)).encode()).hexdigest(), last[0]


def _approve(ledger: Ledger, decision: dict[str, Any], name: str, reason: str | None) -> dict[str, Any]:
    if decision["state"] == "released":
        raise CenterError(f"nothing waits for approval; released by {decision['released_by']}")
    if not name.strip() or not (reason or "").strip():
        raise CenterError("say who approves and why: --approve NAME --reason TEXT")
    approved = decision | {"state": "released", "released_by": name.strip(), "reason": (reason or "").strip()}
    _note(ledger, approved)
    return approved


def _note(ledger: Ledger, decision: dict[str, Any]) -> None:
    """Keep the decision, and its place among all that were made."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with ledger.transaction() as connection:
        ledger.set_value(connection, RELEASE, json.dumps(decision))
        ledger.set_value(
            connection, f"{RELEASE} {decision['key']} {decision['state']}", json.dumps(decision | {"at": now})
        )
