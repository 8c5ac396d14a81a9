"""The envelope: what is sealed is what is loaded, once, whole, and answered."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import duckdb
import pytest

from ingest import warehouse
from ingest.sealing import files, unseal
from ingest.sealing.errors import BatchHeld, BatchRefused, EnvelopeError
from ingest.sealing.keys import CENTER
from ingest.sealing.manifest import ManifestError, canonical, read_manifest, sign, sign_manifest
from ingest.sealing.receipts import Receipt, read_receipt, read_statement, write_receipt
from ingest.sealing.seal import seal, sealed_at
from ingest.sealing.unseal import open_kept
from tests.unit.sealing.pair import ROWS, SITE, Pair, make_pair


@pytest.fixture()
def pair(tmp_path: Path) -> Pair:
    return make_pair(tmp_path)


def test_every_row_sealed_at_the_site_is_loaded_at_the_center(pair: Pair) -> None:
    sealed = pair.seal()
    assert sealed.figures["tables"] == ROWS
    batch = pair.open(sealed.path)
    assert batch.manifest_hash == sealed.manifest_hash
    assert batch.manifest.extra == {"epoch": 1}
    with warehouse.connect(threads=1) as connection:
        assert batch.columns(connection, "claim_item") == {"number": "BIGINT", "points": "BIGINT"}
        connection.execute("CREATE TABLE claim (batch_sequence BIGINT, points BIGINT, word VARCHAR, number BIGINT)")
        assert batch.load(connection, "claim", "claim", {"batch_sequence": 7}) == 500
        found = connection.execute("SELECT count(*), sum(number), min(batch_sequence), max(word) FROM claim").fetchone()
        assert found == (500, 500 * 499 // 2, 7, "p99")
        assert batch.load_new(connection, "claim_item", "item", {"batch_sequence": 7}) == 40
        assert connection.execute("SELECT sum(points), max(batch_sequence) FROM item").fetchone() == (7800, 7)
    batch.discard()
    assert not batch.folder.exists()


def test_no_key_and_no_row_stands_in_the_open_on_disk(pair: Pair) -> None:
    sealed = pair.seal()
    batch = pair.open(sealed.path)
    for folder in (sealed.path, batch.folder):
        for path in folder.iterdir():
            content = path.read_bytes()
            assert b"p499" not in content
            assert path.stat().st_mode & 0o077 == 0
    assert batch.folder.stat().st_mode & 0o077 == 0
    with pytest.raises(duckdb.Error), warehouse.connect() as connection:
        connection.execute("SELECT * FROM read_parquet(?)", [str(batch.files["claim"])])


def test_every_file_has_its_own_key(pair: Pair) -> None:
    batch = pair.open(pair.seal().path)
    keys = list(batch._keys.values())
    assert len({*keys}) == len(keys) == 2
    assert not any(key.hex() in repr(batch) or repr(key) in repr(batch) for key in keys)


def test_batches_follow_each_other_and_one_before_its_turn_is_held(pair: Pair) -> None:
    first = pair.seal(1)
    second = pair.seal(2, first.manifest_hash)
    with pytest.raises(BatchHeld) as held:
        pair.open(second.path)
    assert (held.value.sequence, held.value.expected) == (2, 1)
    assert pair.open(first.path).manifest_hash == first.manifest_hash
    assert pair.open(second.path, 2, first.manifest_hash).manifest.previous == first.manifest_hash


def test_a_batch_is_sealed_once_and_found_again_after_a_kill(pair: Pair) -> None:
    sealed = pair.seal()
    with pytest.raises(EnvelopeError, match="sealed once"):
        pair.seal()
    own = pair.site.public().signing
    assert sealed_at(sealed.path, own_public=own) == sealed
    assert sealed_at(pair.folder(2), own_public=own) is None
    with pytest.raises(EnvelopeError, match="not a batch of ours"):
        sealed_at(sealed.path, own_public=pair.center.public().signing)


def test_a_failed_seal_leaves_nothing_and_its_error_holds_no_value(pair: Pair) -> None:
    with pytest.raises(EnvelopeError) as caught, warehouse.connect() as connection:
        seal(
            connection,
            {"claim": "SELECT 1 AS a", "checkup": "SELECT ('山田' || range)::BIGINT AS a FROM range(3)"},
            pair.folder(1),
            sender=SITE,
            recipient=CENTER,
            sequence=1,
            previous_hash=None,
            kind="facts",
            signing_key=pair.site.secret("signing"),
            recipient_public=pair.site.peer(CENTER).envelope,
        )
    assert "山田" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert list(pair.folder(1).parent.iterdir()) == []


def test_what_a_killed_seal_left_is_cleared_by_the_next_one(pair: Pair) -> None:
    stale = pair.folder(1).with_name("000001.tmp-1-dead")
    stale.mkdir(parents=True)
    (stale / "0000_claim.parquet").write_bytes(b"half")
    pair.seal()
    assert [path.name for path in pair.folder(1).parent.iterdir()] == ["000001"]


def test_what_a_killed_open_left_is_made_anew(pair: Pair) -> None:
    sealed = pair.seal()
    pair.private.mkdir(parents=True)
    (pair.private / "0000_claim.parquet").write_bytes(b"half")
    assert sorted(pair.open(sealed.path).files) == ["claim", "claim_item"]


def test_a_refused_batch_leaves_no_private_copy(pair: Pair) -> None:
    sealed = pair.seal()
    path = sealed.path / "0001_claim_item.parquet"
    content = bytearray(path.read_bytes())
    content[50] ^= 1
    path.write_bytes(content)
    with pytest.raises(BatchRefused) as caught:
        pair.open(sealed.path)
    assert caught.value.reason_code == "hash"
    assert caught.value.manifest_hash == sealed.manifest_hash
    assert not pair.private.exists()


def test_a_table_that_does_not_fit_is_refused_as_a_contract(pair: Pair) -> None:
    batch = pair.open(pair.seal().path)
    with warehouse.connect() as connection:
        connection.execute("CREATE TABLE claim (number BIGINT)")
        with pytest.raises(BatchRefused) as caught:
            batch.load(connection, "claim", "claim")
        assert caught.value.reason_code == "contract"
        with pytest.raises(BatchRefused) as missing:
            batch.load(connection, "checkup", "claim")
        assert missing.value.reason_code == "missing_file"
        with pytest.raises(EnvelopeError):
            batch.load(connection, "claim", "no_such_table")


def test_a_file_that_was_no_plain_file_is_not_followed(pair: Pair, tmp_path: Path) -> None:
    sealed = pair.seal()
    path = sealed.path / "0000_claim.parquet"
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    with pytest.raises(BatchRefused) as caught:
        pair.open(sealed.path)
    assert caught.value.reason_code == "size"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BatchRefused):
        pair.open(sealed.path)


def test_a_receipt_is_believed_only_from_its_sender(pair: Pair) -> None:
    path = pair.settings.to_site(SITE) / "000001.receipt.json"
    receipt = Receipt(CENTER, SITE, 1, "ab" * 32, "refused", "hash", "changed on the way")
    write_receipt(path, receipt, pair.center.secret("signing"))
    center = pair.site.peer(CENTER).signing
    assert read_receipt(path, sender=CENTER, recipient=SITE, pinned_public=center) == receipt
    for changes in (
        {"sender": "31"},
        {"recipient": "31"},
        {"pinned_public": pair.site.public().signing},
    ):
        arguments = {"sender": CENTER, "recipient": SITE, "pinned_public": center} | changes
        with pytest.raises(BatchRefused):
            read_receipt(path, **arguments)  # type: ignore[arg-type]
    path.write_bytes(path.read_bytes().replace(b'"refused"', b'"accepted"'))
    with pytest.raises(BatchRefused):
        read_receipt(path, sender=CENTER, recipient=SITE, pinned_public=center)


def test_a_manifest_signature_is_no_receipt_signature(pair: Pair) -> None:
    content = {
        "format": "tsumugi/receipt/1",
        "sender": CENTER,
        "recipient": SITE,
        "sequence": 1,
        "manifest_hash": "",
        "state": "accepted",
        "reason_code": "",
        "message": "",
    }
    signature = sign_manifest(canonical(content), pair.center.secret("signing")).hex()
    path = pair.settings.workspace / "receipt.json"
    path.write_bytes(canonical({"receipt": content, "signature": signature}))
    with pytest.raises(BatchRefused, match="not signed"):
        read_receipt(path, sender=CENTER, recipient=SITE, pinned_public=pair.site.peer(CENTER).signing)


def test_a_kept_batch_is_checked_where_it_stands(pair: Pair) -> None:
    sealed = pair.seal()
    center = {
        "sender": SITE,
        "recipient": CENTER,
        "pinned_public": pair.center.peer(SITE).signing,
        "private_key": pair.center.secret("envelope"),
    }

    def reason(manifest_hash: str | None = None, **changes: object) -> str:
        with pytest.raises(BatchRefused) as caught:
            open_kept(sealed.path, manifest_hash, **(center | changes))  # type: ignore[arg-type]
        return caught.value.reason_code

    batch = open_kept(sealed.path, sealed.manifest_hash, **center)  # type: ignore[arg-type]
    assert (batch.folder, batch.rows("claim")) == (sealed.path, 500)
    with warehouse.connect(threads=1) as connection:
        assert batch.load_new(connection, "claim", "claim") == 500
        assert open_kept(sealed.path, None, connection=connection, **center).rows("claim") == 500  # type: ignore[arg-type]
    assert reason("0" * 64) == "same_number"
    assert reason(recipient="31") == "recipient"
    (sealed.path / "more").write_bytes(b"")
    assert reason() == "extra_file"
    (sealed.path / "more").unlink()
    path = sealed.path / "0001_claim_item.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:60] + bytes([content[60] ^ 1]) + content[61:])
    assert reason() == "hash"


def test_a_file_damaged_after_it_was_checked_is_named_and_not_loaded(pair: Pair) -> None:
    batch = pair.open(pair.seal().path)
    batch.files["claim"].write_bytes(b"x" * 900)
    with warehouse.connect(threads=1) as connection:
        with pytest.raises(BatchRefused) as columns:
            batch.columns(connection, "claim")
        with pytest.raises(BatchRefused) as loaded:
            batch.load_new(connection, "claim", "claim")
    assert columns.value.reason_code == loaded.value.reason_code == "damaged"


def test_a_table_without_a_proper_name_and_a_folder_that_cannot_be_written_are_not_sealed(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = {
        "sender": SITE,
        "recipient": CENTER,
        "sequence": 1,
        "previous_hash": None,
        "kind": "facts",
        "signing_key": pair.site.secret("signing"),
        "recipient_public": pair.site.peer(CENTER).envelope,
    }
    with warehouse.connect(threads=1) as connection:
        with pytest.raises(EnvelopeError, match="small letters"):
            seal(connection, {"../x": "SELECT 1 AS a"}, pair.folder(1), **arguments)  # type: ignore[arg-type]
        for public in (b"x", b"\xff" * 1216):
            with pytest.raises(EnvelopeError, match="public envelope key"):
                seal(connection, {"a": "SELECT 1 AS a"}, pair.folder(1), **(arguments | {"recipient_public": public}))  # type: ignore[arg-type]
        monkeypatch.setattr("os.fsync", _disk_full)
        with pytest.raises(EnvelopeError, match="No space left"):
            seal(connection, {"a": "SELECT 1 AS a"}, pair.folder(1), **arguments)  # type: ignore[arg-type]
    assert list(pair.folder(1).parent.iterdir()) == []


def test_a_full_disk_at_the_receiver_is_its_own_fault_and_leaves_nothing(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = pair.seal()
    monkeypatch.setattr("os.fsync", _disk_full)
    with pytest.raises(EnvelopeError, match="No space left.*free the disk"):
        pair.open(sealed.path)
    assert not pair.private.exists()


def _disk_full(_: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_that_changes_under_the_hands_is_refused(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = pair.seal()
    path = sealed.path / "0000_claim.parquet"

    def grown(*arguments: object) -> None:
        path.write_bytes(path.read_bytes() + b"more")
        files.copy_at_most(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(unseal, "copy_at_most", grown)
    with pytest.raises(BatchRefused) as caught:
        pair.open(sealed.path)
    assert caught.value.reason_code == "size"

    def gone(_: Path) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(unseal, "copy_at_most", files.copy_at_most)
    path.write_bytes(path.read_bytes()[:-4])
    monkeypatch.setattr(unseal, "open_plain", gone)
    with pytest.raises(BatchRefused) as caught:
        pair.open(sealed.path)
    assert caught.value.reason_code == "missing_file"


def test_a_manifest_of_another_format_or_with_a_field_of_another_kind_is_malformed(pair: Pair) -> None:
    body = pair.open(pair.seal().path).manifest.body()
    key = pair.site.secret("signing")
    public = pair.center.peer(SITE).signing
    for change in (
        (b"tsumugi/batch/1", b"tsumugi/batch/9"),
        (b'"replaces":""', b'"replaces":"ab"'),
        (b'"replaces":""', b'"replaces":1'),
        (b'"extra":{"epoch":1}', b'"extra":[]'),
    ):
        other = body.replace(*change)
        assert other != body
        with pytest.raises(ManifestError) as caught:
            read_manifest(other, sign_manifest(other, key), public)
        assert caught.value.reason_code == "malformed"


def test_a_receipt_and_a_statement_of_another_format_or_form_are_none(pair: Pair) -> None:
    folder, key = pair.settings.to_site(SITE), pair.center.secret("signing")
    public = pair.center.public().signing

    def write(kind: str, label: bytes, content: dict[str, object]) -> Path:
        signature = sign(label, canonical(content), key).hex()
        path = folder / ("statement.json" if kind == "statement" else "000001.receipt.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(canonical({kind: content, "signature": signature}))
        return path

    for content in ({"format": "tsumugi/receipt/2"}, {"format": "tsumugi/receipt/1", "more": 1}):
        path = write("receipt", b"tsumugi/receipt/1\x00", dict(content))
        with pytest.raises(BatchRefused, match="receipt:"):
            read_receipt(path, sender=CENTER, recipient=SITE, pinned_public=public)
    path.write_bytes(b"{}")
    with pytest.raises(BatchRefused, match="known form"):
        read_receipt(path, sender=CENTER, recipient=SITE, pinned_public=public)
    for held in ([True], ["1"], 3):
        write(
            "statement",
            b"tsumugi/statement/1\x00",
            {"format": "tsumugi/statement/1", "sender": CENTER, "recipient": SITE, "sequence": 1,
             "manifest_hash": "ab", "held": held},
        )  # fmt: skip
        assert read_statement(folder, sender=CENTER, recipient=SITE, pinned_public=public) is None
