"""The recovery kit: the secrets of a party as lines that a person can print, lock away and type back.

A kit is text. Its first line says of which party it is and whether it is whole or one of two halves; each further
line holds 16 bytes of one key in groups of four hexadecimal digits, and four check digits of its own, so that a slip
of the pen is found in its line; the last line counts them:

    kit 7c1f0a33 16 whole : 90ab
    identity-1 1 3f2a 9c1b 4e5d 0f11 8a7b 6c5d 4e3f 2a1b : 7d21
    end 22 : 55e0

A half alone says nothing: half A is random, half B is the keys with A added to them (XOR).
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from ingest.sealing import hpke
from ingest.sealing.errors import KeyError_
from ingest.sealing.keyfiles import checked_name
from ingest.sealing.keytable import ENVELOPE, split
from ingest.sealing.unlock import KEY_BYTES

WHOLE, HALVES = "whole", ("A", "B")
_LINE_BYTES = 16
_HEAD = re.compile(r"kit ([0-9a-f]{8}) (\S+) (whole|a|b) : ([0-9a-f]{4})", re.IGNORECASE)
_LINE = re.compile(r"(\S+) ([0-9]{1,2}) ([0-9a-f ]+) : ([0-9a-f]{4})", re.IGNORECASE)
_END = re.compile(r"end ([0-9]{1,3}) : ([0-9a-f]{4})", re.IGNORECASE)


@dataclass(frozen=True)
class Kit:
    """The secrets of a party by name, or one half of them; ``kit_id`` tells which halves belong together."""

    kit_id: str
    party: str
    part: str
    secrets: dict[str, bytes] = field(repr=False)

    def lines(self) -> list[str]:
        """The kit in text, to be printed or typed."""
        found = [f"{self._head()} : {_check(self._head())}"]
        for name, secret in self.secrets.items():
            for number, start in enumerate(range(0, len(secret), _LINE_BYTES), start=1):
                digits = secret[start : start + _LINE_BYTES].hex()
                check = _line_check(self._head(), name, number, digits)
                found.append(f"{name} {number} {_grouped(digits)} : {check}")
        return [*found, _end(found)]

    def _head(self) -> str:
        return f"kit {self.kit_id} {self.party} {self.part}"


def make(party: str, keys: dict[str, bytes]) -> Kit:
    """The whole kit of a party."""
    return Kit(secrets.token_hex(4), checked_name(party), WHOLE, dict(keys))


def halve(kit: Kit) -> tuple[Kit, Kit]:
    """Two kits that say nothing alone."""
    pads = {name: secrets.token_bytes(len(secret)) for name, secret in kit.secrets.items()}
    first = Kit(kit.kit_id, kit.party, HALVES[0], pads)
    return first, Kit(kit.kit_id, kit.party, HALVES[1], _added(kit.secrets, pads))


def together(kits: Iterable[Kit]) -> Kit:
    """The whole kit out of one whole one or both halves; KeyError_ where they do not belong together."""
    given = list(kits)
    if len(given) == 1 and given[0].part == WHOLE:
        return given[0]
    if sorted(kit.part for kit in given) != list(HALVES):
        raise KeyError_("give one whole kit, or both halves (A and B)")
    first, second = given
    if (first.party, first.kit_id, first.secrets.keys()) != (second.party, second.kit_id, second.secrets.keys()):
        raise KeyError_("the two halves are not of one kit: the number after 'kit' must be the same on both")
    return Kit(first.kit_id, first.party, WHOLE, _added(first.secrets, second.secrets))


def read(text: str) -> Kit:
    """The kit in ``text``; lines of another form (headings, empty ones) are passed over.

    Full-width digits, capitals and any spaces are read as they are meant. Raises KeyError_ naming every line whose
    check digits do not agree, or what is missing.
    """
    lines = [_plain(raw) for raw in text.splitlines()]
    heads = [found for line in lines if (found := _HEAD.fullmatch(line))]
    if len(heads) != 1:
        raise KeyError_("a file holds one kit: exactly one line begins with 'kit', the halves are two files")
    part = heads[0][3].lower() if heads[0][3].lower() == WHOLE else heads[0][3].upper()
    head = f"kit {heads[0][1].lower()} {heads[0][2]} {part}"
    wrong = [] if _check(head) == heads[0][4].lower() else ["kit の行"]
    told, parts = [f"{head} : {heads[0][4].lower()}"], dict[str, dict[int, str]]()
    for place, line in enumerate(lines, start=1):
        found = _LINE.fullmatch(line)
        if not found:
            continue
        name, number, check = found[1].lower(), int(found[2]), found[4].lower()
        digits = found[3].replace(" ", "").lower()
        if _line_check(head, name, number, digits) != check:
            wrong.append(f"{place}行目（{name} {number}）")
        parts.setdefault(name, {})[number] = digits
        told.append(f"{name} {number} {_grouped(digits)} : {check}")
    if wrong:
        raise KeyError_(f"検査文字が合いません。打ち直してください: {'、'.join(wrong)}")
    _require_end(lines, told)
    keys = {name: _whole(name, its) for name, its in parts.items()}
    return Kit(heads[0][1].lower(), heads[0][2], part, keys)


def _require_end(lines: list[str], told: list[str]) -> None:
    ends = [found for line in lines if (found := _END.fullmatch(line))]
    if len(ends) != 1 or f"end {int(ends[0][1])} : {ends[0][2].lower()}" != _end(told):
        read = len(told) - 1
        raise KeyError_(f"行が足りないか、順番が違います。読めた鍵の行は{read}行です。end の行の数と比べてください")


def _plain(raw: str) -> str:
    line = unicodedata.normalize("NFKC", raw).replace(":", " : ")
    return " ".join(line.split())


def _whole(name: str, parts: dict[int, str]) -> bytes:
    key = b"".join(bytes.fromhex(parts[number]) for number in sorted(parts))
    if len(key) != (hpke.PRIVATE_BYTES if split(name)[0] == ENVELOPE else KEY_BYTES):
        raise KeyError_(f"the kit does not hold the whole key '{name}'")
    return key


def _added(one: dict[str, bytes], other: dict[str, bytes]) -> dict[str, bytes]:
    return {name: bytes(a ^ b for a, b in zip(one[name], other[name], strict=True)) for name in one}


def _grouped(digits: str) -> str:
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def _end(lines: list[str]) -> str:
    """The last line: how many lines of keys there are, and check digits over all."""
    whole = _check("\n".join(lines))
    return f"end {len(lines) - 1} : {whole}"


def _line_check(head: str, name: str, number: int, digits: str) -> str:
    return _check(f"{head} {name} {number} {digits}")


def _check(text: str) -> str:
    return hashlib.sha256(b"tsumugi/recovery-kit/1\0" + text.encode()).hexdigest()[:4]
