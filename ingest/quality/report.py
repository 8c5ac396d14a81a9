"""The report of a load: one HTML page a delivery and one that lists them; counts and line numbers only.

Written by ourselves because the data docs of Great Expectations fetch parts from the network and show
values. A page stands by itself (no script, no picture, no font from elsewhere), is readable in light and
dark and prints on A4. Everything on it comes from the ledger, which holds no person.
"""

from __future__ import annotations

import csv
import json
import re
from functools import cache
from html import escape
from pathlib import Path, PurePosixPath
from typing import Any

from ingest.formats.contracts import CONTRACTS
from ingest.formats.reading import reasons
from ingest.ledger import Ledger
from ingest.quality.report_history import coverage, trend
from ingest.quality.report_page import Html, cells, page
from ingest.quality.rules import rules

OUTCOMES = {"read": "読込", "sealed": "送付", "set_aside": "保留", "refused": "拒否", "out_of_area": "地域外"}
STATES = {"taken": "取込", "refused": "拒否", "duplicate": "重複"}
STREAMS = {
    "enrolment": "資格",
    "medical": "医療レセプト",
    "checkup": "健診",
    "care_claim": "介護給付実績",
    "care_certification": "介護認定",
    "care_insured_count": "介護被保険者数",
    "population": "人口",
    "district_set": "地区割",
    "statistics": "件数表",
}
TABLES = {
    "enrolment": "資格",
    "claim": "レセプト",
    "claim_diagnosis": "傷病名",
    "claim_item": "摘要",
    "checkup": "健診",
    "checkup_result": "健診結果",
    "guidance": "保健指導",
    "guidance_session": "保健指導の支援",
    "care_claim": "介護給付実績",
    "care_service": "サービス種類別の集計",
    "care_line": "介護の明細",
    "care_high_cost": "高額介護サービス費",
    "care_certification": "要介護認定",
    "care_insured_count": "介護被保険者数",
    "population": "人口",
    "statistic": "件数表の行",
}
SENDER_FILE = Path(__file__).with_name("sender_requests.csv")


def is_written(sequence: int, folder: Path) -> bool:
    """Whether the report of this batch is there: its list is written last."""
    return (folder / f"{sequence:06d}.html").is_file()


def write(ledger: Ledger, sequence: int, folder: Path, site_name: str, *, is_invented: bool) -> list[Path]:
    """Write ``<sequence>/<delivery>.html`` of every delivery of the batch, then their list ``<sequence>.html``."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    pages = folder / f"{sequence:06d}"
    pages.mkdir(exist_ok=True, mode=0o700)
    deliveries = ledger.rows("SELECT * FROM delivery WHERE sequence = ? ORDER BY delivery_id", (sequence,))
    counted = _counts(ledger, sequence)
    hits = _grouped(ledger, "rule_hit", sequence)
    problems = _grouped(ledger, "problem", sequence)
    releases = {row["delivery_id"] for row in ledger.rows("SELECT DISTINCT delivery_id FROM release")}
    written = []
    for delivery in deliveries:
        number = delivery["delivery_id"]
        body = _RELEASE if number in releases else ""
        body += _delivery(delivery, counted.get(number, {}), hits.get(number, []), problems.get(number, []))
        body += coverage(ledger, delivery) + trend(ledger, delivery)
        title = f"{delivery['file_name']} の取込結果"
        written.append(_written(pages / f"{number}.html", page(title, f"サイト {site_name}", body, is_invented)))
    body = _list(deliveries, counted, hits, f"{sequence:06d}")
    title = f"取込 {sequence:06d} の結果"
    written.append(_written(folder / f"{sequence:06d}.html", page(title, f"サイト {site_name}", body, is_invented)))
    return written


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def _counts(ledger: Ledger, sequence: int) -> dict[int, dict[str, dict[str, int]]]:
    """Rows by delivery, table and outcome."""
    found: dict[int, dict[str, dict[str, int]]] = {}
    for row in ledger.rows(
        "SELECT delivery_id, table_name, outcome, sum(value) AS value FROM control_total JOIN delivery "
        "USING (delivery_id) WHERE sequence = ? AND measure = 'rows' GROUP BY delivery_id, table_name, outcome",
        (sequence,),
    ):
        found.setdefault(row["delivery_id"], {}).setdefault(row["table_name"], {})[row["outcome"]] = row["value"]
    return found


def _grouped(ledger: Ledger, name: str, sequence: int) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in ledger.rows(
        f"SELECT {name}.* FROM {name} JOIN delivery USING (delivery_id) WHERE sequence = ? "
        "ORDER BY delivery_id, rows DESC, table_name, field",
        (sequence,),
    ):
        found.setdefault(row["delivery_id"], []).append(row)
    return found


def _total(counted: dict[str, dict[str, int]], outcome: str) -> int:
    return sum(outcomes.get(outcome, 0) for outcomes in counted.values())


def _list(deliveries: list[dict[str, Any]], counted: Any, hits: Any, pages: str) -> str:
    every: list[list[Any]] = []
    asked: list[list[Any]] = []
    for delivery in deliveries:
        number = delivery["delivery_id"]
        told = hits.get(number, [])
        link = f'<a href="{pages}/{number}.html">{escape(delivery["file_name"])}</a>'
        figures = [_total(counted.get(number, {}), outcome) for outcome in OUTCOMES]
        warned = sum(hit["rows"] for hit in told if hit["severity"] == "warn")
        stream = STREAMS.get(delivery["stream"], delivery["stream"] or "判別不能")
        every.append([Html(link), stream, STATES.get(delivery["state"], delivery["state"]), *figures, warned])
        if delivery["state"] == "refused" or told:
            asked.append(every[-1])
    states = ", ".join(
        f"{ja} {sum(delivery['state'] == state for delivery in deliveries):,}" for state, ja in STATES.items()
    )
    columns = ["ファイル", "種類", "結果", *OUTCOMES.values(), "警告"]
    first = f"<h2>確かめるファイル</h2>{cells(columns, asked)}" if asked else "<p>確かめるファイルはありません。</p>"
    return f"<p>{len(deliveries):,}ファイル（{states}）。行数は{_SUM}</p>{first}<h2>すべてのファイル</h2>" + cells(
        columns, every
    )


_RELEASE = (
    "<p>保留した行を解除して送った配信です。読み込んだ行は元の配信で数えているため0行で、"
    "保留から送付へ移った行を、保留では負の数で示します。</p>"
)
_SUM = "読込＝送付＋保留＋拒否＋地域外。警告の行は送付に含まれます。"


def _delivery(
    delivery: dict[str, Any], counted: dict[str, dict[str, int]], hits: list[dict[str, Any]], problems: list[Any]
) -> str:
    months = "、".join(json.loads(delivery["months"])) or "―"
    facts = [
        ["ファイル", delivery["file_name"]],
        ["種類", STREAMS.get(delivery["stream"], delivery["stream"] or "判別不能")],
        ["様式", " ".join(filter(None, (delivery["format"], delivery["edition"]))) or "―"],
        ["対象の月", months],
        ["受領", delivery["received_at"][:10]],
        ["結果", STATES.get(delivery["state"], delivery["state"])],
    ]
    if delivery["message"]:
        facts.append(["理由", delivery["message"]])
        facts.append(["対応", reasons()[delivery["reason_code"]].remedy_ja])
    rows = [
        [_named(name), *(outcomes.get(outcome, 0) for outcome in OUTCOMES), _share(outcomes)]
        for name, outcomes in sorted(counted.items())
    ]
    parts = [cells(None, facts)]
    parts.append(f"<h2>行数</h2><p>{_SUM}</p>" if rows else "")
    parts.append(cells(["表", *OUTCOMES.values(), "保留の割合"], rows) if rows else "")
    for severity, heading in (("set_aside", "保留した行"), ("warn", "警告（行は取り込みました）")):
        told = [hit for hit in hits if hit["severity"] == severity]
        if told:
            parts.append(f"<h2>{heading}</h2>" + _hits(told))
        if severity == "set_aside" and any(hit["rule_id"] in _judgements() for hit in told):
            parts.append(f"<p>{_MAY_BE_RIGHT}</p>")
    named = {
        (table_name, hit["field"], hit["reason_code"])
        for hit in hits
        for table_name in (hit["table_name"], *_lines_of(hit["table_name"]))
    }
    others = [p for p in problems if (p["table_name"], p["field"], p["reason_code"]) not in named]
    if others:
        listed = [
            [_named(p["table_name"]), p["message"], p["rows"], reasons()[p["reason_code"]].remedy_ja] for p in others
        ]
        parts.append("<h2>その他の気づき</h2>" + cells(["表", "内容", "件数", "対応"], listed))
    return "".join(parts) + _to_sender(delivery, counted, hits)


_MAY_BE_RIGHT = (
    "値の範囲や日付の前後だけで保留した行は、原本のとおりであれば送れます"
    "（<code>tsumugi quarantine release</code>）。様式や表の定めに合わない行は、訂正したファイルを待ちます。"
)


def _judgements() -> set[str]:
    return {rule.rule_id for rule in rules()}


def _named(table_name: str) -> str:
    return TABLES.get(table_name, table_name)


def _share(outcomes: dict[str, int]) -> str:
    read = outcomes.get("read", 0)
    return f"{100 * outcomes.get('set_aside', 0) / read:.1f}%" if read else "―"


def _lines(hit: dict[str, Any]) -> str:
    lines = json.loads(hit["lines"])
    return "、".join(str(line) for line in lines) + (" ほか" if hit["rows"] > len(lines) else "")


def _lines_of(table_name: str) -> list[str]:
    return [name for name, contract in CONTRACTS.items() if contract.parent == table_name]


def _field(hit: dict[str, Any]) -> str:
    """The Japanese name of the column, with which its description begins; else its own name."""
    columns = {column.name: column for column in CONTRACTS[hit["table_name"]].columns}
    if hit["field"] not in columns:
        return str(hit["field"])
    found = re.match(r"[^\x00-\x7f]+", columns[hit["field"]].description)
    return found[0] if found else str(hit["field"])


def _hits(hits: list[dict[str, Any]]) -> str:
    rows = [
        [
            f"{_field(hit)}（{hit['table_name']}.{hit['field']}）",
            hit["message"],
            hit["rows"],
            _lines(hit),
            hit["remedy"],
        ]
        for hit in hits
    ]
    return cells(["項目", "内容", "行数", "行番号", "対応"], rows)


def _to_sender(delivery: dict[str, Any], counted: dict[str, dict[str, int]], hits: list[dict[str, Any]]) -> str:
    """A paragraph to copy into a letter; nothing where there is nothing to say."""
    ours = ("missing_insurer", "parent_source_row")  # no fault of the sender, or told of at the record itself
    asked = [hit for hit in hits if hit["reason_code"] not in ours and hit["field"] not in ours]
    if not asked and delivery["state"] != "refused":
        return ""
    name = PurePosixPath(delivery["file_name"]).name  # where it lay in our inbox is no matter of the sender's
    told = [f"ご提出いただいた「{name}」（{delivery['received_at'][:10]}受領）について、"]
    if delivery["state"] == "refused":
        told[0] += f"次の理由により取り込めませんでした。{delivery['message']}。"
        told.append(f"{_requests().get(delivery['reason_code'], _requests()['*'])}。")
    else:
        aside = sum(hit["rows"] for hit in asked if hit["severity"] == "set_aside")
        read = _total(counted, "read")
        told[0] += f"{read:,}行のうち次の{aside:,}行を保留しました。" if aside else "行はすべて取り込みましたが、"
        told[0] += "次の点をご確認ください。"
        told += [f"・{_field(hit)}: {_bare(hit)}（{hit['rows']:,}行。行番号 {_lines(hit)}）" for hit in asked]
        if aside:
            told.append(
                "訂正したファイルの再提出をお願いいたします。値が原本のとおりである場合は、その旨をお知らせください。"
            )
    text = "<br>".join(escape(line) for line in told)
    return f"<h2>送付元に伝えること</h2><p>枠の中をクリックすると全文が選ばれます。</p><blockquote>{text}</blockquote>"


def _bare(hit: dict[str, Any]) -> str:
    """The message without the name of its column, which some begin with."""
    return str(hit["message"]).removeprefix(f"{_field(hit)}: ")


@cache
def _requests() -> dict[str, str]:
    """What a sender is asked for, by reason of refusal (``sender_requests.csv``); ``*`` for any other."""
    with SENDER_FILE.open(encoding="utf-8", newline="") as handle:
        return {row["reason_code"]: row["request_ja"] for row in csv.DictReader(handle)}
