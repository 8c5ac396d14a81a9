"""Every kind of attack: what is put into the exchange, and the answer that only this fault gets.

An attack gets the number that is due and puts a folder (or none) into the exchange; it returns the state and the
reason that the center has to give. ``by_an_insider`` holds the site's signing key, but not what the center holds.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingest.sealing import hpke
from ingest.sealing.manifest import BODY_FILE, SIGNATURE_FILE, canonical
from tests.attacks.world import NEEDLE, World, write

Answer = tuple[str, str]
Attack = Callable[[World, int, random.Random], Answer]
HELD: Answer = ("held", "sequence")
_HEAD = (BODY_FILE, SIGNATURE_FILE)


def _refused(reason_code: str) -> Answer:
    return "refused", reason_code


def _due(world: World, number: int) -> Path:
    return world.copy(world.batches[number], number)


def _any_file(world: World, folder: Path, chance: random.Random) -> Path:
    return folder / chance.choice([*world.parquet(folder), *_HEAD])


def _a_data_file(world: World, folder: Path, chance: random.Random) -> Path:
    return folder / chance.choice(world.parquet(folder))


# -- on the way -------------------------------------------------------------------------------------
def a_flipped_bit(world: World, number: int, chance: random.Random) -> Answer:
    path = _any_file(world, _due(world, number), chance)
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    write(path, bytes(content))
    return _refused("signature" if path.name in _HEAD else "hash")


def bytes_overwritten(world: World, number: int, chance: random.Random) -> Answer:
    path = _a_data_file(world, _due(world, number), chance)
    content = bytearray(path.read_bytes())
    length = chance.randint(1, min(300, len(content)))
    start = chance.randrange(len(content) - length + 1)
    new = chance.randbytes(length)
    if content[start : start + length] == new:
        new = bytes(byte ^ 1 for byte in new)
    content[start : start + length] = new
    write(path, bytes(content))
    return _refused("hash")


def a_file_cut_short(world: World, number: int, chance: random.Random) -> Answer:
    path = _any_file(world, _due(world, number), chance)
    content = path.read_bytes()
    write(path, content[: chance.randrange(len(content))])
    return _refused("signature" if path.name in _HEAD else "size")


def a_file_grown(world: World, number: int, chance: random.Random) -> Answer:
    path = _any_file(world, _due(world, number), chance)
    write(path, path.read_bytes() + chance.randbytes(chance.randint(1, 50)))
    return _refused({BODY_FILE: "signature", SIGNATURE_FILE: "not_a_batch"}.get(path.name, "size"))


def a_file_missing(world: World, number: int, chance: random.Random) -> Answer:
    _any_file(world, _due(world, number), chance).unlink()
    return _refused("missing_file")


def a_file_more(world: World, number: int, chance: random.Random) -> Answer:
    name = chance.choice(["0099_checkup.parquet", "manifest.json.bak", ".hidden", "0000_claim.parquet.tmp", "folder/x"])
    path = _due(world, number) / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(NEEDLE.encode()[: chance.randint(0, 9)])
    return _refused("extra_file")


def two_files_exchanged(world: World, number: int, chance: random.Random) -> Answer:
    folder = _due(world, number)
    one, two = (folder / name for name in chance.sample(world.parquet(folder), 2))
    contents = one.read_bytes(), two.read_bytes()
    write(one, contents[1])
    write(two, contents[0])
    return _refused("hash" if len(contents[0]) == len(contents[1]) else "size")


def a_file_of_an_older_batch(world: World, number: int, chance: random.Random) -> Answer:
    path = _a_data_file(world, _due(world, number), chance)
    old = (world.batches[number - 1] / path.name).read_bytes()
    same_size = len(old) == path.stat().st_size
    write(path, old)
    return _refused("hash" if same_size else "size")


def pages_exchanged_in_a_file(world: World, number: int, chance: random.Random) -> Answer:
    """Two encrypted modules of one file change places: DuckDB alone would read on."""
    folder = _due(world, number)
    path = folder / chance.choice(_with_pages(world, folder))
    content = path.read_bytes()
    modules = _modules(content)
    one, two = sorted(chance.sample(range(len(modules)), 2))
    modules[one], modules[two] = modules[two], modules[one]
    changed = content[:4] + b"".join(modules) + content[4 + sum(map(len, modules)) :]
    write(path, changed)
    return _refused("hash")


def a_page_of_another_file(world: World, number: int, chance: random.Random) -> Answer:
    folder = _due(world, number)
    path, other = (folder / name for name in chance.sample(_with_pages(world, folder), 2))
    content = path.read_bytes()
    modules, others = _modules(content), _modules(other.read_bytes())
    place = chance.randrange(len(modules))
    before = len(modules[place])
    modules[place] = (chance.choice(others) * 99)[:before]
    write(path, content[:4] + b"".join(modules) + content[4 + sum(map(len, modules)) :])
    return _refused("hash")


def _with_pages(world: World, folder: Path) -> list[str]:
    return [name for name in world.parquet(folder) if len(_modules((folder / name).read_bytes())) > 1]


def _modules(content: bytes) -> list[bytes]:
    """The encrypted modules (page headers and pages) before the footer of a Parquet file."""
    end = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    found, at = [], 4
    while at < end:
        length = 4 + int.from_bytes(content[at : at + 4], "little")
        found.append(content[at : at + length])
        at += length
    return found


def the_older_manifest(world: World, number: int, _: random.Random) -> Answer:
    folder = _due(world, number)
    for name in _HEAD:
        write(folder / name, (world.batches[number - 1] / name).read_bytes())
    return _refused("replay")


def the_older_signature(world: World, number: int, _: random.Random) -> Answer:
    folder = _due(world, number)
    write(folder / SIGNATURE_FILE, (world.batches[number - 1] / SIGNATURE_FILE).read_bytes())
    return _refused("signature")


def a_replay_under_the_next_number(world: World, number: int, chance: random.Random) -> Answer:
    world.copy(world.batches[chance.randrange(1, number)], number)
    return _refused("replay")


def a_later_batch_first(world: World, number: int, chance: random.Random) -> Answer:
    later = chance.choice([other for other in world.batches if other > number])
    world.copy(world.batches[later], chance.choice([number, later]))
    return HELD


def a_batch_of_another_site(world: World, number: int, _: random.Random) -> Answer:
    world.copy(world.of_the_other_site, number)
    return _refused("signature")


def a_link_for_a_file(world: World, number: int, chance: random.Random) -> Answer:
    path = _any_file(world, _due(world, number), chance)
    path.unlink()
    path.symlink_to(world.batches[number] / path.name)
    return _refused("not_a_batch" if path.name in _HEAD else "size")


def a_pipe_for_a_file(world: World, number: int, chance: random.Random) -> Answer:
    path = _any_file(world, _due(world, number), chance)
    path.unlink()
    os.mkfifo(path)
    return _refused("not_a_batch" if path.name in _HEAD else "size")


def a_link_for_the_folder(world: World, number: int, _: random.Random) -> Answer:
    (world.incoming / f"{number:06d}").symlink_to(world.batches[number])
    return _refused("not_a_batch")


# -- a forger without a key -------------------------------------------------------------------------
def signed_by_a_stranger(world: World, number: int, chance: random.Random) -> Answer:
    world.resign(_due(world, number), lambda body: None, key=chance.randbytes(32))
    return _refused("signature")


def changed_without_signing(world: World, number: int, chance: random.Random) -> Answer:
    folder = _due(world, number)
    body = json.loads((folder / BODY_FILE).read_bytes())
    name = chance.choice(["sequence", "sender", "recipient", "previous", "kind", "replaces", "suite"])
    body[name] = number + 1 if name == "sequence" else "31"
    write(folder / BODY_FILE, canonical(body))
    return _refused("signature")


# -- an insider who holds the signing key -----------------------------------------------------------
def another_sender_by_an_insider(world: World, number: int, _: random.Random) -> Answer:
    world.resign(_due(world, number), lambda body: body.update(sender="31"))
    return _refused("sender")


def another_recipient_by_an_insider(world: World, number: int, chance: random.Random) -> Answer:
    world.resign(_due(world, number), lambda body: body.update(recipient=chance.choice(["31", "16", "Center"])))
    return _refused("recipient")


def another_suite_by_an_insider(world: World, number: int, _: random.Random) -> Answer:
    world.resign(_due(world, number), lambda body: body.update(suite="P256/HKDF_SHA256/AES_256_GCM"))
    return _refused("suite")


def another_predecessor_by_an_insider(world: World, number: int, chance: random.Random) -> Answer:
    world.resign(_due(world, number), lambda body: body.update(previous=chance.randbytes(32).hex()))
    return _refused("chain")


def same_number_with_other_content(world: World, number: int, chance: random.Random) -> Answer:
    """A number that was taken comes with another manifest, under its own number or the next."""
    taken = chance.randrange(1, number)
    folder = world.copy(world.batches[taken], chance.choice([taken, number]))
    world.resign(folder, lambda body: body["extra"].update(again=chance.randrange(1 << 40)))
    return _refused("same_number")


def a_body_that_is_no_manifest_by_an_insider(world: World, number: int, chance: random.Random) -> Answer:
    folder = _due(world, number)
    whole = json.loads((folder / BODY_FILE).read_bytes())
    without = chance.choice(["files", "kind", "extra"])
    less = {name: value for name, value in whole.items() if name != without}
    table = chance.choice(["../../x", "claim;drop", "Claim"])
    world.sign(
        folder,
        chance.choice(
            [
                json.dumps(whole).encode(),
                canonical(whole) + b"\n",
                canonical(whole | {"more": 1}),
                canonical(less),
                canonical(whole | {"format": "tsumugi/batch/2"}),
                canonical(whole | {"sequence": -number}),
                canonical(whole | {"sequence": True}),
                canonical(whole | {"files": [whole["files"][0] | {"table": table}]}),
                canonical(whole | {"files": whole["files"][::-1]}),
                canonical(whole | {"files": [*whole["files"], whole["files"][0]]}),
                canonical(whole).replace(b'"extra":{}', b'"extra":{"x":1.0}'),
                canonical(whole).replace(b'"extra":{}', b'"extra":{},"extra":{}'),
                b"\xff" + canonical(whole),
                b"[" * 100_000,
            ]
        ),
    )
    return _refused("malformed")


def a_path_out_of_the_folder_by_an_insider(world: World, number: int, chance: random.Random) -> Answer:
    path = chance.choice(["../000001/0000_claim.parquet", "/etc/passwd", "0000_claim.parquet/..", "0001_claim.parquet"])
    world.resign(_due(world, number), lambda body: body["files"][0].update(path=path))
    return _refused("malformed")


def wrapped_keys_exchanged_by_an_insider(world: World, number: int, chance: random.Random) -> Answer:
    def change(body: dict[str, Any]) -> None:
        one, two = chance.sample(body["files"], 2)
        one["wrapped_key"], two["wrapped_key"] = two["wrapped_key"], one["wrapped_key"]

    world.resign(_due(world, number), change)
    return _refused("wrapped_key")


def wrapped_keys_of_an_older_batch_by_an_insider(world: World, number: int, _: random.Random) -> Answer:
    old = json.loads((world.batches[number - 1] / BODY_FILE).read_bytes())

    def change(body: dict[str, Any]) -> None:
        for entry, before in zip(body["files"], old["files"], strict=True):
            entry["wrapped_key"] = before["wrapped_key"]

    world.resign(_due(world, number), change)
    return _refused("wrapped_key")


def keys_wrapped_for_another_by_an_insider(world: World, number: int, chance: random.Random) -> Answer:
    public = hpke.public_of(hpke.generate_private())
    _wrap(world, number, chance.randbytes(32), public)
    return _refused("wrapped_key")


def a_key_of_another_length_by_an_insider(world: World, number: int, chance: random.Random) -> Answer:
    _wrap(world, number, chance.randbytes(chance.choice([0, 16, 24, 33, 44])), world.ring.public().envelope)
    return _refused("wrapped_key")


def a_key_that_is_not_the_files_by_an_insider(world: World, number: int, chance: random.Random) -> Answer:
    _wrap(world, number, chance.randbytes(32), world.ring.public().envelope)
    return _refused("damaged")


def _wrap(world: World, number: int, key: bytes, public: bytes) -> None:
    def change(body: dict[str, Any]) -> None:
        entry = body["files"][0]
        context = [body["format"], body["sender"], body["recipient"], number, 0, entry["path"]]
        entry["wrapped_key"] = hpke.wrap(key, public, context).hex()

    world.resign(_due(world, number), change)


def files_exchanged_by_an_insider(world: World, number: int, chance: random.Random) -> Answer:
    folder = _due(world, number)
    places = chance.sample(range(len(world.parquet(folder))), 2)

    def change(body: dict[str, Any]) -> None:
        one, two = (body["files"][place] for place in places)
        for name in ("rows", "bytes", "sha256", "wrapped_key"):
            one[name], two[name] = two[name], one[name]

    one, two = (folder / world.parquet(folder)[place] for place in places)
    contents = one.read_bytes(), two.read_bytes()
    write(one, contents[1])
    write(two, contents[0])
    world.resign(folder, change)
    return _refused("wrapped_key")


def rows_misstated_by_an_insider(world: World, number: int, chance: random.Random) -> Answer:
    more = chance.randrange(1, 500)
    world.resign(_due(world, number), lambda body: body["files"][0].update(rows=body["files"][0]["rows"] + more))
    return _refused("rows")


def an_unencrypted_file_by_an_insider(world: World, number: int, _: random.Random) -> Answer:
    """What is called encrypted and is not: not a byte of it is read as data."""
    folder = _due(world, number)
    name = world.parquet(folder)[0]
    content = b"NOT-ENCRYPTED" * 40

    def change(body: dict[str, Any]) -> None:
        import hashlib

        body["files"][0].update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())

    write(folder / name, content)
    world.resign(folder, change)
    return _refused("damaged")


def an_unknown_kind_by_an_insider(world: World, number: int, chance: random.Random) -> Answer:
    world.resign(_due(world, number), lambda body: body.update(kind=chance.choice(["results", "retraction", "x"])))
    return _refused("contract")


def a_column_without_a_class(world: World, number: int, _: random.Random) -> Answer:
    _resealed(world, number, "contract")
    return _refused("contract")


def other_rows_than_the_control_totals(world: World, number: int, _: random.Random) -> Answer:
    _resealed(world, number, "total_mismatch")
    return _refused("total_mismatch")


def _resealed(world: World, number: int, variant: str) -> None:
    """A batch that the site itself sealed wrongly, signed for the number that is due."""
    folder = world.copy(world.variants[variant], number)

    def change(body: dict[str, Any]) -> None:
        body.update(sequence=number, previous=world.hashes[number - 1])
        for place, entry in enumerate(body["files"]):
            context = [body["format"], body["sender"], body["recipient"], 2, place, entry["path"]]
            key = hpke.unwrap(bytes.fromhex(entry["wrapped_key"]), world.ring.secret("envelope"), context)
            context[3] = number
            entry["wrapped_key"] = hpke.wrap(key, world.ring.public().envelope, context).hex()

    world.resign(folder, change)


def a_folder_of_rubbish(world: World, number: int, chance: random.Random) -> Answer:
    folder = world.incoming / f"{number:06d}"
    folder.mkdir(parents=True)
    for name in _HEAD[: chance.randrange(3)]:
        (folder / name).write_bytes(chance.randbytes(64))
    is_whole = len(list(folder.iterdir())) == len(_HEAD)
    if chance.randrange(4) == 0:
        shutil.rmtree(folder / BODY_FILE, ignore_errors=True)
    return _refused("signature" if is_whole else "missing_file")


ON_THE_WAY: tuple[Attack, ...] = (
    a_flipped_bit, bytes_overwritten, a_file_cut_short, a_file_grown, a_file_missing, a_file_more, two_files_exchanged,
    a_file_of_an_older_batch, pages_exchanged_in_a_file, a_page_of_another_file, the_older_manifest,
    the_older_signature, a_replay_under_the_next_number, a_later_batch_first, a_batch_of_another_site,
    a_link_for_a_file, a_pipe_for_a_file, a_link_for_the_folder, signed_by_a_stranger, changed_without_signing,
    a_folder_of_rubbish,
)  # fmt: skip
BY_AN_INSIDER: tuple[Attack, ...] = (
    another_sender_by_an_insider, another_recipient_by_an_insider, another_suite_by_an_insider,
    another_predecessor_by_an_insider, same_number_with_other_content, a_body_that_is_no_manifest_by_an_insider,
    a_path_out_of_the_folder_by_an_insider, wrapped_keys_exchanged_by_an_insider,
    wrapped_keys_of_an_older_batch_by_an_insider, keys_wrapped_for_another_by_an_insider,
    a_key_of_another_length_by_an_insider, a_key_that_is_not_the_files_by_an_insider, files_exchanged_by_an_insider,
    rows_misstated_by_an_insider, an_unencrypted_file_by_an_insider, an_unknown_kind_by_an_insider,
    a_column_without_a_class, other_rows_than_the_control_totals,
)  # fmt: skip
KINDS = (*ON_THE_WAY, *BY_AN_INSIDER)
