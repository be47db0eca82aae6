"""The unit's key: what is wrapped for it opens there alone, and its slots with the passphrase alone."""

from __future__ import annotations

import secrets

import pytest

from hub.authority.passphrases import ScryptCost
from hub.authority.unit_key import (
    KeySlot,
    UnitKey,
    close_slot,
    make_key,
    open_slot,
    read_public,
    wrap,
    write_public,
)
from hub.errors import InputError, NotAllowedError, TrustError

CHEAP = ScryptCost(n=2**4)
KEY = make_key(secrets.token_bytes)


def test_what_is_wrapped_for_a_unit_opens_there_and_for_the_same_purpose_alone():
    wrapped = wrap(b"list key", KEY.public, b"this list")
    assert KEY.unwrap(wrapped, b"this list") == b"list key"
    for other, purpose, data in (
        (make_key(secrets.token_bytes), b"this list", wrapped),
        (KEY, b"another list", wrapped),
        (KEY, b"this list", wrapped[:-1] + bytes([wrapped[-1] ^ 1])),
        (KEY, b"this list", b""),
    ):
        with pytest.raises(TrustError, match="another unit's"):
            other.unwrap(data, purpose)


def test_two_wraps_differ():
    assert wrap(b"list key", KEY.public, b"") != wrap(b"list key", KEY.public, b"")


def test_a_slot_opens_with_its_officers_passphrase_alone():
    slot = close_slot(KEY, "4711", "a long passphrase", secrets.token_bytes, CHEAP)
    assert open_slot(slot, "4711", "a long passphrase", KEY.public).secret() == KEY.secret()
    altered = KeySlot(slot.cost, slot.salt, slot.sealed[:-1] + bytes([slot.sealed[-1] ^ 1]))
    for each, officer, passphrase, public in (
        (slot, "4711", "another passphrase", KEY.public),
        (slot, "4712", "a long passphrase", KEY.public),
        (slot, "4711", "a long passphrase", make_key(secrets.token_bytes).public),
        (altered, "4711", "a long passphrase", KEY.public),
        (KeySlot(slot.cost, slot.salt, b""), "4711", "a long passphrase", KEY.public),
    ):
        with pytest.raises(NotAllowedError, match="slot was altered"):
            open_slot(each, officer, passphrase, public)


def test_two_slots_of_one_passphrase_have_nothing_in_common():
    one, other = (close_slot(KEY, "4711", "a long passphrase", secrets.token_bytes, CHEAP) for _ in range(2))
    assert one.salt != other.salt
    assert one.sealed != other.sealed
    assert KEY.secret() not in one.sealed


def test_the_public_key_is_copied_as_text():
    text = write_public(KEY.public)
    assert read_public(f" {text}\n") == KEY.public
    for wrong in ("", text[:-2], text.removeprefix("x25519:"), "x25519:" + "zz" * 32):
        with pytest.raises(InputError, match="authority unit-key"):
            read_public(wrong)


def test_a_key_that_is_none_is_refused():
    with pytest.raises(InputError, match="no public key of a unit"):
        wrap(b"list key", b"short", b"")


def test_the_secret_is_not_printed():
    key = UnitKey(bytes(range(32)))
    assert key.secret().hex() not in repr(key)
    assert key.secret().hex() not in str([key])
