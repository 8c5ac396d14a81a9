"""What a party must have: keys in order, files that others cannot read, databases that open, a clock that goes on."""

from __future__ import annotations

import hashlib
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingest import warehouse
from ingest.doctor import key_ages
from ingest.doctor.finding import Finding
from ingest.doctor.limits import limit
from ingest.ledger import Ledger
from ingest.policy import audit_key
from ingest.policy.audit import AuditBroken
from ingest.sealing import inventory
from ingest.sealing.errors import SealingError
from ingest.sealing.keys import KeyRing
from ingest.sealing.keytable import CENTER
from ingest.settings import CenterSettings, PartySettings, Settings, SiteSettings
from ingest.site import epoch

_SHOWN = 3  # so many places of one kind are named
_OTHERS = 0o077


def examine(name: str, party: PartySettings, settings: Settings) -> list[Finding]:
    """Findings on one party of the workspace."""
    findings = [permissions(name, party), keys(name, party, settings)]
    findings += key_ages.examine(name, party)
    findings += databases(name, party)
    findings += audit_chains(name, party)
    if party.ledger.is_file():
        with Ledger(party.ledger) as ledger:
            findings.append(clock(name, ledger))
            if isinstance(party, SiteSettings):
                findings.append(published(name, party, ledger))
    return findings


def permissions(name: str, party: PartySettings) -> Finding:
    """Whether only their owner reads the home, the key files, the databases and the ledger."""
    private = [party.home, party.keys, *party.keys.rglob("*"), *party.home.rglob("*.duckdb"), party.ledger]
    open_to_others = [path for path in private if path.exists() and stat.S_IMODE(path.stat().st_mode) & _OTHERS]
    if not open_to_others:
        return Finding("permissions", name, "ok", "本人だけが読めます")
    named = " ".join(str(path) for path in open_to_others[:_SHOWN])
    what = f"ほかの利用者が読めるものが{len(open_to_others)}件あります: {named}"
    return Finding("permissions", name, "wrong", what, f"chmod -R go= {party.home}")


def keys(name: str, party: PartySettings, settings: Settings) -> Finding:
    """Whether every key can be had and the peers are pinned."""
    peers = [CENTER] if isinstance(party, SiteSettings) else list(settings.sites)
    found = inventory.check(party, peers, epoch.of_party(party))
    if not found:
        return Finding("keys", name, "ok", "鍵はすべて読め、相手の公開鍵も登録されています")
    what = "、".join(dict.fromkeys(fault.what for fault in found[:_SHOWN]))
    return Finding("keys", name, "wrong", f"{len(found)}件: {what}", "、".join({fault.remedy for fault in found}))


def audit_chains(name: str, party: PartySettings) -> list[Finding]:
    """Whether each audit chain holds and is as long as its signed head says."""
    findings = []
    for chain in audit_key.chains(party):
        try:
            count = audit_key.check(chain, party)
            findings.append(
                Finding("audit", name, "ok", f"監査記録 {chain.name} は{count:,}件、連鎖も署名も合っています")
            )
        except SealingError:
            break  # said by the check of keys
        except AuditBroken as error:
            remedy = "バックアップの同じファイルと比べ、誰が何を消したか調べてください"
            findings.append(Finding("audit", name, "wrong", str(error), remedy))
    return findings


def databases(name: str, party: PartySettings) -> list[Finding]:
    """Whether the party's own databases are encrypted and open with its key."""
    paths = [party.directory, party.quarantine, party.kdb_figures] if isinstance(party, SiteSettings) else []
    paths += [party.warehouse] if isinstance(party, CenterSettings) else []
    findings = []
    for path in paths:
        if not path.is_file():
            continue
        try:
            with warehouse.open_database(path, KeyRing(party).secret("at-rest"), alias="looked_at", read_only=True):
                findings.append(Finding("database", name, "ok", f"{path.name} は暗号化され、開けます"))
        except SealingError:
            break  # said by the check of keys
        except warehouse.WarehouseError as error:
            if "another process" in str(error):
                findings.append(
                    Finding("database", name, "note", f"{path.name} は使用中です", "終わってから確かめてください")
                )
                continue
            remedy = "`tsumugi keys check` で鍵を確かめ、鍵が正しければバックアップから戻してください"
            findings.append(Finding("database", name, "wrong", str(error), remedy))
    return findings


def clock(name: str, ledger: Ledger, now: datetime | None = None) -> Finding:
    """Whether the clock is not before the last entry of the ledger."""
    entries = ("SELECT max(received_at) AS at FROM delivery", "SELECT max(recorded_at) AS at FROM batch",
               "SELECT max(coalesce(ended_at, started_at)) AS at FROM step")  # fmt: skip
    noted = [row["at"] for sql in entries for row in ledger.rows(sql) if row["at"]]
    if not noted:
        return Finding("clock", name, "ok", "台帳にまだ記録がありません")
    last, now = datetime.fromisoformat(max(noted)), now or datetime.now(UTC)
    if last <= now + timedelta(seconds=limit("clock_ahead")):
        return Finding("clock", name, "ok", f"台帳の最後の記録 {last:%Y-%m-%d %H:%M} UTC より後です")
    what = f"時計が {now:%Y-%m-%d %H:%M} UTC で、台帳の最後の記録 {last:%Y-%m-%d %H:%M} UTC より前です"
    return Finding("clock", name, "wrong", what, "時計を合わせてください（chronyc makestep）")


def published(name: str, site: SiteSettings, ledger: Ledger) -> Finding:
    """Whether the published files are the bytes that were written."""
    changed = []
    noted = ledger.rows("SELECT name, content FROM value WHERE name LIKE 'published/%' ORDER BY name")
    for row in noted:
        path = site.published / row["name"].removeprefix("published/")
        if not path.is_file() or _digest(path) != json.loads(row["content"])["file_hash"]:
            changed.append(path)
    if not changed:
        return Finding("published", name, "ok", f"公表ファイル{len(noted)}件は書いたときのままです")
    named = " ".join(str(path) for path in changed[:_SHOWN])
    what = f"公表ファイル{len(changed)}件が書いたときと違うか、ありません: {named}"
    remedy = f"変わったファイルを消し、`tsumugi site receive --site {name}` で作り直してください"
    return Finding("published", name, "wrong", what, remedy)


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
