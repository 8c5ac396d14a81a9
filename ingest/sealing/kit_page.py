"""The recovery kit on paper: one self-contained page to print, Japanese first, and the same as plain text."""

from __future__ import annotations

import html
from pathlib import Path

from ingest.sealing.errors import KeyError_
from ingest.sealing.keyfiles import create_private
from ingest.sealing.kit import WHOLE, Kit

_STYLE = """
@page { size: A4; margin: 16mm }
body { font: 10.5pt/1.6 "Noto Sans CJK JP", "Yu Gothic", "Hiragino Sans", sans-serif; color: #111; max-width: 178mm;
  margin: 0 auto; padding: 4mm }
h1 { font-size: 17pt; margin: 0 } h2 { font-size: 12pt; margin: 5mm 0 1mm; border-bottom: .4pt solid #111 }
.warning { border: 1.5pt solid #a00; padding: 2mm 4mm; margin: 4mm 0 }
pre { font: 9.5pt/1.75 "DejaVu Sans Mono", "Noto Sans Mono", monospace; break-inside: avoid; margin: 2mm 0 }
li { margin: 0 } .en { color: #444; font-size: 9pt } table { border-collapse: collapse; width: 100% }
td { border: .4pt solid #111; height: 9mm; padding: 0 2mm }
.about { display: flex; flex-wrap: wrap; justify-content: space-between; font-size: 9.5pt }
"""


def title(kit: Kit) -> str:
    """What the page is of, in Japanese."""
    part = "（全体）" if kit.part == WHOLE else f"（二分割の{kit.part}）"
    return f"Tsumugi 復旧キット　{kit.party}{part}"


def purpose(kit: Kit) -> list[tuple[str, str]]:
    """What it is for and how to keep it: Japanese, English."""
    keep = [
        (
            "この紙には暗号鍵そのものが書かれています。写しを取らず、封をして施錠できる金庫に保管してください。",
            "This sheet holds the keys themselves. Make no copy; seal it and keep it in a locked safe.",
        ),
        (
            "サーバーが失われたとき、この紙とバックアップで復旧します。鍵がなければ、暗号化したデータは誰にも開けません。",
            "With it and a backup a lost server is restored. Without the keys nobody can open what was encrypted.",
        ),
        (
            "鍵を更新したときは新しいキットを作り、古い紙は裁断してください。",
            "After a rotation make a new kit and shred the old sheet.",
        ),
    ]
    if kit.part != WHOLE:
        keep.insert(
            1,
            (
                "AとBの二枚がそろわないと復旧できません。別々の金庫に、別々の責任者で保管してください。",
                "Both halves A and B are needed. Keep them in two safes under two persons.",
            ),
        )
    return keep


def steps(kit: Kit) -> list[tuple[str, str]]:
    """How to restore: Japanese, English."""
    files = "kit.txt" if kit.part == WHOLE else "kit-A.txt kit-B.txt"
    return [
        (
            "新しいサーバーに Tsumugi を入れ、tsumugi.toml に同じ名前でこの拠点を書きます。",
            "Install Tsumugi and name this party in tsumugi.toml as before.",
        ),
        (
            f"下の「kit」から「end」までの行をテキストファイル（{files}）に打ち込みます。空白と大文字小文字は問いません。",
            f"Type the lines from 'kit' to 'end' into a text file ({files}); spaces and capitals do not matter.",
        ),
        (
            f"tsumugi keys restore {files} を実行します。打ち間違いは行ごとに知らせます。",
            f"Run tsumugi keys restore {files}; every mistyped line is named.",
        ),
        (
            "打ち込んだファイルを消し、相手の公開鍵を tsumugi keys import で登録し、tsumugi keys check で確かめます。",
            "Delete the typed file, take the peers' public keys with tsumugi keys import, then tsumugi keys check.",
        ),
    ]


def printed(kit: Kit) -> list[str]:
    """The lines of the kit under one another; ``kit.read`` does not mind the spaces."""
    lines = [line.split(" ", 1) for line in kit.lines()]
    width = max(len(name) for name, _ in lines)
    return [f"{name:<{width}} {rest}" for name, rest in lines]


def text(kit: Kit) -> str:
    """The kit as plain text; ``kit.read`` reads it back."""
    told = [title(kit), ""]
    for number, (ja, en) in enumerate(purpose(kit), start=1):
        told += [f"注意{number}　{ja}", f"　　{en}"]
    told.append("")
    for number, (ja, en) in enumerate(steps(kit), start=1):
        told += [f"手順{number}　{ja}", f"　　{en}"]
    return "\n".join([*told, "", *printed(kit), ""])


def page(kit: Kit, fingerprint: str, made_on: str) -> str:
    """The kit as an HTML page; ``fingerprint`` is that of the party's public keys, ``made_on`` a date."""

    def items(pairs: list[tuple[str, str]]) -> str:
        return "".join(f'<li>{html.escape(ja)}<br><span class="en">{html.escape(en)}</span></li>' for ja, en in pairs)

    lines = "\n".join(html.escape(line) for line in printed(kit))
    return f"""<!doctype html>
<html lang="ja"><head><meta charset="utf-8"><title>{html.escape(title(kit))}</title><style>{_STYLE}</style></head><body>
<h1>{html.escape(title(kit))}</h1>
<div class="about"><span>作成日 {html.escape(made_on)}　キット番号 {kit.kit_id}</span>
<span>公開鍵の指紋 {html.escape(fingerprint)}</span></div>
<div class="warning"><ul>{items(purpose(kit))}</ul></div>
<h2>復旧の手順 / How to restore</h2><ol>{items(steps(kit))}</ol>
<h2>鍵 / Keys</h2><pre>{lines}</pre>
<h2>保管の記録 / Custody</h2>
<table><tr><td>年月日</td><td>保管場所</td><td>封をした人</td><td>立ち会った人</td></tr>
<tr><td></td><td></td><td></td><td></td></tr><tr><td></td><td></td><td></td><td></td></tr></table>
</body></html>
"""


def write(kits: list[Kit], folder: Path, fingerprint: str, made_on: str) -> list[Path]:
    """Write page and text of each kit into ``folder`` (mode 0600); KeyError_ where a file of the name stands there."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = []
    for kit in kits:
        name = "kit" if kit.part == WHOLE else f"kit-{kit.part}"
        for ending, content in ((".html", page(kit, fingerprint, made_on)), (".txt", text(kit))):
            path = folder / f"{name}{ending}"
            if not create_private(path, content.encode()):
                raise KeyError_(f"{path} is there already: name another folder, or destroy the old kit first")
            written.append(path)
    return written
