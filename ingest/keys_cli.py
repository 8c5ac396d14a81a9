"""`tsumugi keys`: the keys of the parties of a workspace — make, show, exchange, wrap, rotate, keep a recovery kit."""

from __future__ import annotations

import getpass
import sys
from dataclasses import asdict
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from ingest import settings as settings_module
from ingest.console import err, out, print_json_line, progress_bar, told_errors
from ingest.sealing.errors import KeyError_
from ingest.settings import PartySettings, Settings, SettingsError, SiteSettings

keys_app = typer.Typer(
    no_args_is_help=True,
    help="Keys of the parties of this workspace.\n\n"
    "A key comes from unlock_command in tsumugi.toml, else from a file of mode 0600, else (wrapped by a passphrase, or "
    "not there) from a prompt where there is a terminal. Public keys are exchanged with `export` and `import`, the "
    "fingerprint read aloud on the telephone. `kit` prints what a safe must hold.",
)

Workspace = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder with tsumugi.toml; else $TSUMUGI_WORKSPACE, else ./data."),
]
PartyName = Annotated[
    str | None, typer.Option("--party", help="center, or the name of a site, where the workspace holds several.")
]
WithPassphrase = Annotated[bool, typer.Option("--passphrase", help="Wrap the key by a passphrase, which is asked for.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; the last line holds the figures.")]


class Rotated(StrEnum):
    """What can be rotated."""

    signing = "signing"
    envelope = "envelope"
    identity = "identity"
    at_rest = "at-rest"
    tenant_master = "tenant-master"
    statistics_master = "statistics-master"
    link = "link"
    audit = "audit"


@keys_app.command("init")
def init_command(workspace: Workspace = None, with_passphrase: WithPassphrase = False) -> None:
    """Make the keys that are missing and exchange the public ones; a key is never overwritten."""
    from ingest.sealing.keys import create_keys

    with told_errors():
        create_keys(settings_module.load(workspace), _new_passphrase() if with_passphrase else None)
        out.print("keys are in place, each in its party's own folder, readable by its owner only")


@keys_app.command("show")
def show_command(workspace: Workspace = None, party: PartyName = None, as_json: AsJson = False) -> None:
    """The table of keys: what each opens, its number, how it is stored, since when; never a secret."""
    from ingest.sealing.inventory import STATES, STORED, facts
    from ingest.sealing.public import PUBLIC_FILE, pinned_parties, read_peer, read_public

    with told_errors():
        settings = settings_module.load(workspace)
        told: dict[str, Any] = {}
        for name, one in _chosen(settings, party).items():
            found = facts(one, _epoch(one))
            peers = {peer: read_peer(one.keys, peer).fingerprint for peer in pinned_parties(one.keys)}
            told[name] = {"keys": [asdict(fact) for fact in found], "peers": peers}
            if as_json:
                continue
            narrow = [Column(heading, no_wrap=True) for heading in ("鍵", "状態", "保管", "作成日")]
            table = Table(*narrow, Column("開くもの", overflow="fold"), title=name, title_justify="left")
            for fact in found:
                made_on = str(fact.made_on or "－")
                table.add_row(fact.name, STATES[fact.state], STORED[fact.stored], made_on, fact.opens_ja)
            out.print(table)
            for fact in found:
                if fact.fingerprint:
                    out.print(f"公開鍵 {fact.name}: {fact.fingerprint}", highlight=False)
            if (one.keys / PUBLIC_FILE).is_file():
                aloud = read_public(one.keys / PUBLIC_FILE).fingerprint
                out.print(f"電話で読み上げる指紋（公開鍵ファイル全体）: {aloud}", highlight=False)
            for peer, fingerprint in peers.items():
                out.print(f"登録済みの相手 {peer}: {fingerprint}", highlight=False)
        if as_json:
            print_json_line(told)


@keys_app.command("check")
def check_command(workspace: Workspace = None, party: PartyName = None) -> None:
    """Read every key and hold it against the public file; exit code 1 where something is wrong."""
    from ingest.sealing.inventory import check
    from ingest.sealing.keytable import CENTER

    with told_errors():
        settings = settings_module.load(workspace)
        wrong = 0
        for name, one in _chosen(settings, party).items():
            peers = [CENTER] if isinstance(one, SiteSettings) else list(settings.sites)
            faults = check(one, peers, _epoch(one))
            wrong += len(faults)
            out.print(f"{name}: {'よし' if not faults else f'{len(faults)}件の問題'}", highlight=False)
            for fault in faults:
                out.print(f"  {fault.what}\n    → {fault.remedy}", highlight=False, soft_wrap=True)
        if wrong:
            raise typer.Exit(1)


@keys_app.command("export")
def export_command(
    to: Annotated[Path | None, typer.Option("--to", help="Write the file here; else only its place is told.")] = None,
    workspace: Workspace = None,
    party: PartyName = None,
) -> None:
    """The signed public key file of a party, and its fingerprint to read aloud on the telephone.

    Where a new signing key is prepared, the file that names it is given: the peers take that one.
    """
    from ingest.sealing.public import NEXT_FILE, PUBLIC_FILE, read_public, to_read_aloud

    with told_errors():
        _, one = _only(settings_module.load(workspace), party)
        prepared = one.keys / NEXT_FILE
        path = prepared if prepared.is_file() else one.keys / PUBLIC_FILE
        keys = read_public(path)
        if to is not None:
            to.write_bytes(path.read_bytes())
        out.print(f"{to or path}", highlight=False, soft_wrap=True)
        out.print("相手に電話で読み上げる指紋（一行ずつ復唱してもらってください）:")
        for line in to_read_aloud(keys.fingerprint):
            out.print(f"  {line}", highlight=False)


@keys_app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="The public key file of the other party.")],
    fingerprint: Annotated[
        str | None, typer.Option("--fingerprint", help="As read on the telephone; spaces and capitals do not matter.")
    ] = None,
    workspace: Workspace = None,
    party: PartyName = None,
) -> None:
    """Pin another party's public keys.

    A file that the key pinned so far has signed is taken as it is. Any other needs the fingerprint, from --fingerprint
    or a prompt: have it read to you by somebody whose voice you know, on a number that you know.
    """
    from ingest.sealing.keys import KeyRing
    from ingest.sealing.public import PublicKeys

    with told_errors():
        _, one = _only(settings_module.load(workspace), party)
        ring = KeyRing(one)
        if not file.is_file():
            raise KeyError_(f"{file} does not exist")
        document = file.read_bytes()
        try:
            keys = ring.pin(document, fingerprint)
        except KeyError_:
            PublicKeys.from_document(document)  # of a file that is not whole no fingerprint is asked for
            if fingerprint is not None or not _has_terminal():
                raise
            keys = ring.pin(document, typer.prompt("電話で聞いた指紋", err=True))
        out.print(f"{keys.party} の公開鍵を登録しました: {keys.fingerprint}", highlight=False)


@keys_app.command("wrap")
def wrap_command(workspace: Workspace = None, party: PartyName = None) -> None:
    """Wrap the plain key files of a party by a passphrase (Argon2id, AES key wrap) and take the plain ones away.

    An unattended `tsumugi run` cannot type a passphrase: use unlock_command or plain files on such a machine.
    """
    from ingest.sealing.keys import wrap_keys

    with told_errors():
        name, one = _only(settings_module.load(workspace), party)
        wrapped = wrap_keys(one, _new_passphrase())
        out.print(f"{name}: パスフレーズで保護した鍵 {len(wrapped)}", highlight=False)


@keys_app.command("rotate")
def rotate_command(
    what: Annotated[Rotated, typer.Argument(help="Which key.")],
    activate: Annotated[
        bool,
        typer.Option("--activate", help="signing: the peers have taken the prepared key; sign with it from now on."),
    ] = False,
    workspace: Workspace = None,
    party: PartyName = None,
) -> None:
    """Make a new key of a party and go over to it; a rotation that was interrupted goes on.

    signing: prepares a key and the public file that names it; send it to the peers, and when they have taken it
    (`keys import`), do it again with --activate. envelope: in use at once, old batches still open; send the new public
    file. identity (sites): every file of the archive is read once more, and a batch tells the center the new tags, so
    that persons and their ids go on.

    at-rest: databases and archive are encrypted anew, file by file; the largest file must fit on the disk once more.
    tenant-master (sites), statistics-master: published files anew, and the keys that the app of this workspace has.
    link (center): what is kept of tags of before a rotation is encrypted anew; person ids stay. audit: the audit
    chains go on, the new key signed by the old one. Make a new recovery kit afterwards.
    """
    from ingest.sealing import rotation
    from ingest.sealing.keytable import by_ledger
    from ingest.sealing.public import read_public, to_read_aloud

    with told_errors():
        settings = settings_module.load(workspace)
        name, one = _only(settings, party)
        if activate and what is not Rotated.signing:
            raise SettingsError("--activate is for signing keys only")
        if what is Rotated.identity:
            _rotate_identity(settings, name)
            return
        if what.value in by_ledger():
            _renew(settings, name, one, what)
            return
        if activate:
            keys = rotation.activate_signing(one)
            out.print(f"{name}: 署名鍵 {keys.signing_number} を使い始めました", highlight=False)
            return
        rotate = rotation.prepare_signing if what is Rotated.signing else rotation.rotate_envelope
        path = rotate(name, one)
        out.print(f"相手に渡す公開鍵ファイル: {path}", highlight=False, soft_wrap=True)
        for line in to_read_aloud(read_public(path).fingerprint):
            out.print(f"  {line}", highlight=False)
        if what is Rotated.signing:
            out.print(
                "相手が `tsumugi keys import` で登録したら、`tsumugi keys rotate signing --activate` で使い始めます",
                soft_wrap=True,
            )


def _renew(settings: Settings, name: str, one: PartySettings, what: Rotated) -> None:
    from ingest import key_rotation

    key_rotation.require_kind(name, one, what.value)
    with progress_bar() as progress:
        figures = key_rotation.rotate(settings, name, what.value, progress)
    if figures.get("damaged"):
        err.print(f"控えのうち{figures['damaged']:,}件は壊れていて開けません。バックアップから戻せるか確かめてください")
    told = f"{figures['number']}番、新しい鍵のもとにあるもの {figures['files']:,}件"
    out.print(
        f"{name}: 鍵 {what.value} を更新しました（{told}）。復旧キットを作り直してください",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


def _rotate_identity(settings: Settings, name: str) -> None:
    from ingest.site.rekey import rotate

    settings.site(name)
    with progress_bar() as progress:
        figures = rotate(settings, name, progress)
    told = f"エポック {figures['epoch']}、対応表 {figures['pairs']:,}件、バッチ {figures['sequence']}"
    out.print(f"{name}: 識別鍵を更新しました（{told}）。中央会の次の取込で引き継がれます", highlight=False)


@keys_app.command("kit")
def kit_command(
    to: Annotated[Path, typer.Option("--to", help="A folder, best on a medium that you destroy after printing.")],
    split: Annotated[bool, typer.Option("--split", help="Two halves for two safes; one alone says nothing.")] = False,
    workspace: Workspace = None,
    party: PartyName = None,
) -> None:
    """Write the recovery kit: a page to print and the same as text. This is the one place where secrets leave.

    Print it, lock it away, destroy the files. Make a new one after every rotation.
    """
    from ingest.sealing import kit, kit_page, recovery
    from ingest.sealing.keys import KeyRing

    with told_errors():
        name, one = _only(settings_module.load(workspace), party)
        whole = recovery.kit_of(name, one, _epoch(one))
        kits = list(kit.halve(whole)) if split else [whole]
        written = kit_page.write(kits, to, KeyRing(one).public().fingerprint, date.today().isoformat())
        err.print(
            "[bold red]鍵そのものが書かれたファイルです。印刷して金庫に納め、ファイルはすぐに消してください。"
            "メールや共有フォルダに置かないでください。[/bold red]",
            soft_wrap=True,
        )
        for path in written:
            out.print(str(path), highlight=False, soft_wrap=True)


@keys_app.command("restore")
def restore_command(
    files: Annotated[list[Path], typer.Argument(help="The typed kit, or both halves of it.")],
    workspace: Workspace = None,
    party: PartyName = None,
    with_passphrase: WithPassphrase = False,
) -> None:
    """Put the keys of a recovery kit in place on a machine that has none of them; nothing is overwritten."""
    from ingest.sealing import kit, recovery
    from ingest.sealing.public import to_read_aloud

    with told_errors():
        settings = settings_module.load(workspace)
        whole = kit.together([kit.read(_text(path)) for path in files])
        name, one = _only(settings, party or whole.party)
        keys = recovery.restore(name, one, whole, _new_passphrase() if with_passphrase else None)
        out.print(f"{name}: 鍵を復旧しました（{len(whole.secrets)}）。公開鍵の指紋:", highlight=False)
        for line in to_read_aloud(keys.fingerprint):
            out.print(f"  {line}", highlight=False)
        out.print("次に、相手の公開鍵を `tsumugi keys import` で登録し、`tsumugi keys check` で確かめてください")


def _has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyError_(f"{path} cannot be read as UTF-8 text ({type(error).__name__})") from None


def _new_passphrase() -> str:
    from ingest.sealing.passphrase import require_strength

    if not _has_terminal():
        raise KeyError_("a passphrase is typed at a terminal; there is none here")
    given = getpass.getpass("パスフレーズ（13文字以上）: ")
    require_strength(given)
    if getpass.getpass("もう一度: ") != given:
        raise KeyError_("the two passphrases are not the same; nothing was changed")
    return given


def _chosen(settings: Settings, name: str | None) -> dict[str, PartySettings]:
    from ingest.sealing.keys import parties_of

    parties = parties_of(settings)
    if name is None:
        return parties
    if name not in parties:
        raise SettingsError(f"no party '{name}' in this workspace; known: {', '.join(parties) or 'none'}")
    return {name: parties[name]}


def _only(settings: Settings, name: str | None) -> tuple[str, PartySettings]:
    chosen = _chosen(settings, name)
    if len(chosen) != 1:
        raise SettingsError(f"several parties here; say which with --party: {', '.join(chosen) or 'none'}")
    return next(iter(chosen.items()))


def _epoch(party: PartySettings) -> int:
    from ingest.site.epoch import of_party

    return of_party(party)
