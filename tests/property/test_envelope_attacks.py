"""Generated attacks on a sealed batch: none is loaded, and the untouched batch still is."""

from __future__ import annotations

import json
import random
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.sealing import hpke
from ingest.sealing.errors import BatchHeld, BatchRefused
from ingest.sealing.manifest import BODY_FILE, SIGNATURE_FILE, canonical, sign_manifest
from tests.unit.sealing.pair import Pair, make_pair

SEED = 20250301
FILES = ("0000_claim.parquet", "0001_claim_item.parquet", BODY_FILE, SIGNATURE_FILE)
PARQUET = FILES[:2]


class World:
    """Batch 1 was taken, batch 2 is next; an attack works on a copy of batch 2."""

    def __init__(self, root: Path) -> None:
        self.pair: Pair = make_pair(root)
        self.first = self.pair.seal(1)
        self.second = self.pair.seal(2, self.first.manifest_hash)
        self.foreign = self.pair.seal(3, self.second.manifest_hash, recipient="31")
        self.copies = root / "copies"

    def copy(self, of: Path) -> Path:
        folder = self.copies / "000002"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(of, folder)
        return folder

    def resign(self, folder: Path, change: Callable[[dict[str, Any]], None], key: bytes | None = None) -> None:
        """Change the manifest and sign it anew: an insider who holds the site's signing key."""
        body = json.loads((folder / BODY_FILE).read_bytes())
        change(body)
        (folder / BODY_FILE).write_bytes(canonical(body))
        signing = key or self.pair.site.secret("signing")
        (folder / SIGNATURE_FILE).write_bytes(sign_manifest(canonical(body), signing))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("attacks"))


Attack = Callable[[World, random.Random], Path]


def flip_a_bit(world: World, chance: random.Random) -> Path:
    folder = world.copy(world.second.path)
    path = folder / chance.choice(FILES)
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    return folder


def cut_short(world: World, chance: random.Random) -> Path:
    folder = world.copy(world.second.path)
    path = folder / chance.choice(FILES)
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content))])
    return folder


def append(world: World, chance: random.Random) -> Path:
    folder = world.copy(world.second.path)
    with (folder / chance.choice(FILES)).open("ab") as file:
        file.write(chance.randbytes(chance.randint(1, 50)))
    return folder


def exchange_two_blocks(world: World, chance: random.Random) -> Path:
    folder = world.copy(world.second.path)
    path = folder / chance.choice(PARQUET)
    content = bytearray(path.read_bytes())
    length = chance.randint(8, 64)
    a = chance.randrange(4, len(content) // 2 - length)
    b = chance.randrange(len(content) // 2, len(content) - length)
    content[a : a + length], content[b : b + length] = content[b : b + length], content[a : a + length]
    path.write_bytes(content)
    return folder


def leave_out(world: World, chance: random.Random) -> Path:
    folder = world.copy(world.second.path)
    (folder / chance.choice(FILES)).unlink()
    return folder


def add_a_file(world: World, chance: random.Random) -> Path:
    folder = world.copy(world.second.path)
    name = chance.choice(["0002_checkup.parquet", "manifest.json.bak", ".hidden", "0000_claim.parquet.tmp"])
    (folder / name).write_bytes(b"x")
    return folder


def exchange_the_files(world: World, _: random.Random) -> Path:
    folder = world.copy(world.second.path)
    contents = [(folder / name).read_bytes() for name in PARQUET]
    for name, content in zip(PARQUET, reversed(contents), strict=True):
        (folder / name).write_bytes(content)
    return folder


def a_file_of_the_batch_before(world: World, chance: random.Random) -> Path:
    folder = world.copy(world.second.path)
    name = chance.choice(PARQUET)
    shutil.copy(world.first.path / name, folder / name)
    return folder


def the_batch_before_again(world: World, _: random.Random) -> Path:
    return world.copy(world.first.path)


def the_manifest_of_the_batch_before(world: World, _: random.Random) -> Path:
    folder = world.copy(world.second.path)
    for name in (BODY_FILE, SIGNATURE_FILE):
        shutil.copy(world.first.path / name, folder / name)
    return folder


def the_signature_of_the_batch_before(world: World, _: random.Random) -> Path:
    folder = world.copy(world.second.path)
    shutil.copy(world.first.path / SIGNATURE_FILE, folder / SIGNATURE_FILE)
    return folder


def a_batch_for_another_recipient(world: World, _: random.Random) -> Path:
    return world.copy(world.foreign.path)


def signed_by_a_stranger(world: World, _: random.Random) -> Path:
    folder = world.copy(world.second.path)
    world.resign(folder, lambda body: None, key=secrets.token_bytes(32))
    return folder


def changed_without_signing(world: World, chance: random.Random) -> Path:
    folder = world.copy(world.second.path)
    body = json.loads((folder / BODY_FILE).read_bytes())
    name = chance.choice(["sequence", "sender", "recipient", "previous", "kind"])
    body[name] = 3 if name == "sequence" else "31"
    (folder / BODY_FILE).write_bytes(canonical(body))
    return folder


def signed_for_another_place(world: World, chance: random.Random) -> Path:
    folder = world.copy(world.second.path)
    name = chance.choice(["sequence", "sender", "recipient", "previous", "suite", "format"])
    value: Any = 1 if name == "sequence" else "ab" * 32
    world.resign(folder, lambda body: body.update({name: value}))
    return folder


def wrapped_keys_exchanged_by_an_insider(world: World, _: random.Random) -> Path:
    def change(body: dict[str, Any]) -> None:
        one, two = body["files"]
        one["wrapped_key"], two["wrapped_key"] = two["wrapped_key"], one["wrapped_key"]

    folder = world.copy(world.second.path)
    world.resign(folder, change)
    return folder


def files_exchanged_by_an_insider(world: World, _: random.Random) -> Path:
    def change(body: dict[str, Any]) -> None:
        one, two = body["files"]
        for name in ("rows", "bytes", "sha256", "wrapped_key"):
            one[name], two[name] = two[name], one[name]

    folder = exchange_the_files(world, random.Random(0))
    world.resign(folder, change)
    return folder


def rows_misstated_by_an_insider(world: World, chance: random.Random) -> Path:
    folder = world.copy(world.second.path)
    world.resign(folder, lambda body: body["files"][0].update(rows=chance.randrange(500)))
    return folder


def a_path_out_of_the_folder_by_an_insider(world: World, chance: random.Random) -> Path:
    folder = world.copy(world.second.path)
    path = chance.choice(["../000001/0000_claim.parquet", "/etc/passwd", "0000_claim.parquet/..", "0001_claim.parquet"])
    world.resign(folder, lambda body: body["files"][0].update(path=path))
    return folder


def a_key_of_another_length_by_an_insider(world: World, chance: random.Random) -> Path:
    def change(body: dict[str, Any]) -> None:
        entry = body["files"][0]
        context = ["tsumugi/batch/1", "16", "center", 2, 0, entry["path"]]
        wrapped = hpke.wrap(b"k" * chance.choice([16, 24, 44]), world.pair.center.public().envelope, context)
        entry["wrapped_key"] = wrapped.hex()

    folder = world.copy(world.second.path)
    world.resign(folder, change)
    return folder


def a_key_that_is_not_the_files_by_an_insider(world: World, chance: random.Random) -> Path:
    def change(body: dict[str, Any]) -> None:
        entry = body["files"][0]
        context = ["tsumugi/batch/1", "16", "center", 2, 0, entry["path"]]
        entry["wrapped_key"] = hpke.wrap(chance.randbytes(32), world.pair.center.public().envelope, context).hex()

    folder = world.copy(world.second.path)
    world.resign(folder, change)
    return folder


KINDS: dict[Attack, int] = {
    flip_a_bit: 70,
    cut_short: 24,
    append: 10,
    exchange_two_blocks: 24,
    leave_out: 8,
    add_a_file: 8,
    exchange_the_files: 1,
    a_file_of_the_batch_before: 4,
    the_batch_before_again: 1,
    the_manifest_of_the_batch_before: 1,
    the_signature_of_the_batch_before: 1,
    a_batch_for_another_recipient: 1,
    signed_by_a_stranger: 4,
    changed_without_signing: 10,
    signed_for_another_place: 12,
    wrapped_keys_exchanged_by_an_insider: 1,
    files_exchanged_by_an_insider: 1,
    rows_misstated_by_an_insider: 6,
    a_path_out_of_the_folder_by_an_insider: 6,
    a_key_of_another_length_by_an_insider: 4,
    a_key_that_is_not_the_files_by_an_insider: 4,
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_attack_is_loaded(world: World, kind: Attack) -> None:
    for number in range(KINDS[kind]):
        folder = kind(world, random.Random(f"{SEED}-{kind.__name__}-{number}"))
        with pytest.raises(BatchRefused):
            world.pair.open(folder, 2, world.first.manifest_hash)
        assert not world.pair.private.exists(), f"attack {number} left a private copy"


def test_there_are_two_hundred_attacks() -> None:
    assert sum(KINDS.values()) >= 200


def test_the_untouched_batch_is_accepted_between_the_attacks(world: World) -> None:
    batch = world.pair.open(world.second.path, 2, world.first.manifest_hash)
    assert batch.rows("claim") == 500
    batch.discard()


def test_a_batch_that_was_taken_is_a_replay_and_one_to_come_is_held(world: World) -> None:
    with pytest.raises(BatchRefused) as replay:
        world.pair.open(world.second.path, 3, world.second.manifest_hash)
    assert replay.value.reason_code == "replay"
    with pytest.raises(BatchHeld):
        world.pair.open(world.second.path, 1, None)


def test_the_same_number_with_other_content_breaks_the_chain_of_the_next(world: World) -> None:
    with pytest.raises(BatchRefused) as chain:
        world.pair.open(world.second.path, 2, "0" * 64)
    assert chain.value.reason_code == "chain"


def test_the_key_of_another_party_does_not_open_a_batch(world: World) -> None:
    with pytest.raises(BatchRefused) as caught:
        world.pair.open(world.second.path, 2, world.first.manifest_hash, private_key=hpke.generate_private())
    assert caught.value.reason_code == "wrapped_key"


def test_a_batch_of_another_sender_is_refused_by_its_pinned_key(world: World) -> None:
    other = world.pair.center.peer("31").signing
    with pytest.raises(BatchRefused) as caught:
        world.pair.open(world.second.path, 2, world.first.manifest_hash, sender="31", pinned_public=other)
    assert caught.value.reason_code == "signature"
