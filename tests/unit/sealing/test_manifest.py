"""Manifest: one byte string for one content, and a wrapped key bound to its place."""

from __future__ import annotations

import os

import pytest

from ingest.sealing import hpke
from ingest.sealing.manifest import FORMAT, ManifestError, canonical, parse_canonical, read_manifest, sign_manifest
from ingest.sealing.public import public_signing


def test_canonical_json_sorts_keys_and_holds_no_spaces() -> None:
    assert canonical({"b": [1, True, None], "a": "紡"}) == '{"a":"紡","b":[1,true,null]}'.encode()


@pytest.mark.parametrize("content", [1.5, {"a": [0.0]}, {1: "a"}, b"x", {"a": (1,)}])
def test_canonical_json_refuses_what_has_more_than_one_spelling(content: object) -> None:
    with pytest.raises(ManifestError):
        canonical(content)


@pytest.mark.parametrize(
    "body",
    [b'{"a": 1}', b'{"b":1,"a":2}', b'{"a":1,"a":1}', b'{"a":1.0}', b'{"a":1e3}', b'{"a":NaN}', b"{", b"\xff", b" {}"],
)
def test_another_spelling_of_a_body_is_refused(body: bytes) -> None:
    with pytest.raises(ManifestError):
        parse_canonical(body)


def test_a_wrapped_key_opens_for_its_recipient_in_its_place_only() -> None:
    mine, other = hpke.generate_private(), hpke.generate_private()
    wrapped = hpke.wrap(b"k" * 32, hpke.public_of(mine), ["a", 1])
    assert hpke.unwrap(wrapped, mine, ["a", 1]) == b"k" * 32
    with pytest.raises(hpke.WrapError):
        hpke.unwrap(wrapped, mine, ["a", 2])
    with pytest.raises(hpke.WrapError):
        hpke.unwrap(wrapped, other, ["a", 1])
    with pytest.raises(hpke.WrapError):
        hpke.unwrap(wrapped[:-1], mine, ["a", 1])


@pytest.mark.parametrize(
    "content",
    [{"format": "tsumugi/batch/0", "files": []}, {"format": FORMAT, "files": []}, {"format": FORMAT, "files": 7}, []],
)
def test_a_signed_body_that_is_no_manifest_is_refused(content: object) -> None:
    key = os.urandom(32)
    body = canonical(content)
    with pytest.raises(ManifestError) as caught:
        read_manifest(body, sign_manifest(body, key), public_signing(key))
    assert caught.value.reason_code == "malformed"


def test_a_public_envelope_key_that_is_none_is_refused() -> None:
    with pytest.raises(hpke.WrapError, match="is not one"):
        hpke.wrap(b"k" * 32, b"\xff" * hpke.PUBLIC_BYTES, [])


def test_keys_of_a_wrong_length_are_refused() -> None:
    with pytest.raises(hpke.WrapError):
        hpke.wrap(b"k" * 32, b"short", [])
    with pytest.raises(hpke.WrapError):
        hpke.unwrap(b"", b"short", [])
