"""``tsumugi site resend``: a center that was put back to a backup is filled up from what the site keeps."""

from __future__ import annotations

from typing import Any

from ingest.ledger import Ledger
from ingest.progress import ProgressCallback
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from ingest.site.errors import SiteError
from ingest.site.lock import locked
from ingest.site.outbox import Outbox


def resend(settings: Settings, site_name: str, first: int | None, progress: ProgressCallback) -> dict[str, Any]:
    """Hand over again the batches from number ``first`` on, or those after the one that the center states.

    Returns the numbers. What lies in the exchange unchanged is left there; the center takes each batch once,
    whatever comes again. Raises SiteError where a batch is no longer kept, before any is handed over.
    """
    site = settings.site(site_name)
    with locked(site.home), Ledger(site.ledger) as ledger:
        outbox = Outbox.of(settings, site_name, ledger, KeyRing(site))
        outbox.settle()
        start = outbox.stated() + 1 if first is None else first
        known = [
            row["sequence"]
            for row in ledger.rows(
                "SELECT sequence FROM batch WHERE way = 'sent' AND state IN ('sealed', 'accepted') AND sequence >= ? "
                "ORDER BY sequence",
                (start,),
            )
        ]
        gone = [sequence for sequence in known if outbox.kept(sequence) is None]
        if gone:
            raise SiteError(
                f"サイト {site_name} にはバッチ {'、'.join(map(str, gone))} の控えがもうありません（保管期間は "
                "kept_batches.csv）。センターは受け取ったバッチをすべて batches フォルダに残しています。"
                "センターのそのフォルダをバックアップから戻し、`tsumugi center rebuild` を実行してください"
            )
        for done, sequence in enumerate(known, start=1):
            outbox.hand_over_again(sequence)
            progress(f"site {site_name} resend", done, len(known))
    return {"first": start, "batches": len(known), "numbers": known}
