"""`hub.audit.checkpoint`: the C2SP forms, vectors of other implementations, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.audit.checkpoint import (
    Checkpoint,
    check_note,
    key_name,
    key_of,
    parse_key,
    parse_note,
    read_checkpoint,
    sign_note,
    write_checkpoint,
)
from hub.errors import TrustError, UsageError

# From the documentation of golang.org/x/mod/sumdb/note and of the signed_note package of hex.pm.
VECTORS = [
    (
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
        "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyB"
        "wJnAM=\n",
    ),
    (
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "This is an example message.\n",
        "\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72I"
        "neyaQM=\n",
    ),
]
SPECIFICATION_EXAMPLE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zy"
    "WE+xeMcTOAYQ8=\n"
)


class FixedSigner:
    def __init__(self, name="unit-7", seed=b"u" * 32):
        self.name = name
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, message):
        return self._key.sign(message)


def checkpoint(size=130, *, prefixes=True):
    signer = FixedSigner()
    return Checkpoint(
        origin="example.org/patrol/unit-7",
        size=size,
        root=bytes(range(32)),
        at=datetime(2026, 5, 1, 12, tzinfo=UTC),
        key=key_of(signer),
        prefixes=tuple(number.to_bytes(8, "big") for number in range(size)) if prefixes else (),
    )


@pytest.mark.parametrize(("key", "text", "signature"), VECTORS)
def test_notes_of_other_implementations_are_read(key, text, signature):
    note = parse_note(f"{text}\n{signature}")
    assert note.text == text
    assert check_note(note, [parse_key(key)]) == parse_key(key)
    assert str(parse_key(key)) == key


def test_the_specification_s_example_is_read():
    head = read_checkpoint(parse_note(SPECIFICATION_EXAMPLE))
    assert (head.origin, head.size, head.root[:2].hex()) == ("example.com/behind-the-sofa", 20852163, "0ac5")
    assert (head.at, head.key, head.prefixes) == (None, None, ())


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 130])
def test_what_is_written_is_read_again(size):
    note = write_checkpoint(checkpoint(size), FixedSigner())
    parsed = parse_note(note)
    assert read_checkpoint(parsed) == checkpoint(size)
    assert check_note(parsed, [key_of(FixedSigner())])
    assert max(len(line) for line in note.splitlines()) < 720


def test_a_witness_copy_costs_about_eleven_bytes_a_leaf():
    whole, bare = (len(write_checkpoint(checkpoint(6400, prefixes=p), FixedSigner())) for p in (True, False))
    assert 10.5 < (whole - bare) / 6400 < 11.5


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_changed_character_of_the_text_is_found(data):
    note = write_checkpoint(checkpoint(70), FixedSigner())
    end = note.rindex("\n\n")
    place = data.draw(st.integers(0, end - 1))
    character = data.draw(st.characters(codec="ascii", exclude_categories=["Cc"]).filter(lambda c: c != note[place]))
    with pytest.raises((TrustError, UsageError)):
        check_note(parse_note(note[:place] + character + note[place + 1 :]), [key_of(FixedSigner())])


def test_another_key_s_signature_does_not_count():
    note = parse_note(write_checkpoint(checkpoint(), FixedSigner(seed=b"x" * 32)))
    with pytest.raises(TrustError, match="not signed with a key that is known"):
        check_note(note, [key_of(FixedSigner())])
    two = sign_note(checkpoint_text := "o\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", FixedSigner("other"))
    both = parse_note(two + sign_note(checkpoint_text, FixedSigner()).split("\n\n")[1])
    assert check_note(both, [key_of(FixedSigner())]).name == "unit-7"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no signature\n",
        "o\n1\nAAAA\n\n\u2014 unit-7 !!!!\n",
        "o\n1\nAAAA\n\n-- unit-7 AAAAAAAA\n",
        SPECIFICATION_EXAMPLE[:-1],
        SPECIFICATION_EXAMPLE.replace("\n20852163", "\r\n20852163"),
    ],
)
def test_what_is_no_note_is_refused(text):
    with pytest.raises(UsageError, match="not a signed note"):
        parse_note(text)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("20852163", "020852163", "is no size"),
        ("20852163", "-1", "is no size"),
        ("CsUY", "Cs", "no SHA-256 root"),
        ("xq2I=\n", "xq2I=\nat noon\n", "no time"),
        ("xq2I=\n", "xq2I=\nat 2026-05-01\n", "no time zone"),
        ("xq2I=\n", "xq2I=\nkey unit\n", "no verifier key"),
        ("xq2I=\n", "xq2I=\nleaves 0 AAAAAAAAAAA=\n", "covers 1 leaves"),
        ("xq2I=\n", "xq2I=\nleaves 3 AAAAAAAAAAA=\n", "out of order"),
    ],
)
def test_what_is_no_checkpoint_is_refused(old, new, message):
    with pytest.raises(UsageError, match=message):
        read_checkpoint(parse_note(SPECIFICATION_EXAMPLE.replace(old, new, 1)))


def test_names_that_a_signature_line_cannot_carry_are_mended():
    assert key_name("Unit 7 + north\n") == "Unit-7---north"
    assert key_name(" ") == "unit"
    note = sign_note("text\n", FixedSigner("Unit 7"))
    assert check_note(parse_note(note), [key_of(FixedSigner("Unit 7"))]).name == "Unit-7"
    with pytest.raises(UsageError, match="origin"):
        write_checkpoint(Checkpoint(origin="two\nlines", size=0, root=bytes(32)), FixedSigner())


def test_a_key_that_was_copied_badly_is_refused():
    with pytest.raises(UsageError, match="copied badly"):
        parse_key(VECTORS[0][0].replace("c74f", "c74e"))
