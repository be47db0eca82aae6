"""A translator's signature counts for exactly the sentences that were signed, with the key that the officer took."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from hub.authority.keys import KeySigner
from hub.errors import InputError, TrustError, UsageError
from hub.phrasebook.book import UNCHECKED, load_phrasebook
from hub.phrasebook.signing import (
    SIGNED_FOLDER,
    check_signature,
    decode_signature,
    encode_signature,
    keep_signature,
    mark_of,
    sign_language,
    translators_of,
)

BOOK = load_phrasebook()
NOW = datetime(2030, 1, 2, 9, 30, tzinfo=UTC)
ANNA = KeySigner("anna", Ed25519PrivateKey.from_private_bytes(b"a" * 32))
BEN = KeySigner("ben", Ed25519PrivateKey.from_private_bytes(b"b" * 32))


def signed(code="ru"):
    return sign_language(BOOK, code, "Anna Weiss, sworn translator", ANNA, NOW)


def changed(book, code="ru"):
    column = book.languages[code]
    other = replace(column, sentences={**column.sentences, "police": "Мы не из полиции."})
    return replace(book, languages={**book.languages, code: other})


def test_nobody_has_signed_what_is_shipped(tmp_path):
    assert translators_of(tmp_path, BOOK) == {}
    assert {mark_of({}, code) for code in BOOK.languages} == {UNCHECKED}


def test_a_signature_is_kept_and_takes_the_place_of_the_mark(tmp_path):
    made = decode_signature(encode_signature(signed()))
    check_signature(BOOK, made, ANNA.public)
    keep_signature(tmp_path, made)
    found = translators_of(tmp_path, BOOK)
    assert found == {"ru": "Anna Weiss, sworn translator"}
    assert mark_of(found, "ru") == "signed by Anna Weiss, sworn translator"
    assert mark_of(found, "uk") == UNCHECKED


@pytest.mark.parametrize(
    ("book", "made", "key", "says"),
    [
        (BOOK, signed(), BEN.public, "not made with this key"),
        (BOOK, replace(signed(), key=BEN.public), BEN.public, "does not verify"),
        (BOOK, replace(signed(), translator="Somebody Else"), ANNA.public, "does not verify"),
        (BOOK, replace(signed(), at=NOW.replace(year=2031)), ANNA.public, "does not verify"),
        (BOOK, replace(signed(), signature=b""), ANNA.public, "does not verify"),
        (BOOK, replace(signed(), language="uk"), ANNA.public, "does not verify"),
        (BOOK, replace(signed(), language="xx"), ANNA.public, "has no language xx"),
        (changed(BOOK), signed(), ANNA.public, "does not verify"),
        (replace(BOOK, version=2), signed(), ANNA.public, "as of version 1, this is 2"),
    ],
)
def test_anything_else_does_not_verify(tmp_path, book, made, key, says):
    with pytest.raises(TrustError, match=says):
        check_signature(book, made, key)
    keep_signature(tmp_path, made)
    if key == made.key and made.language in book.languages:
        assert translators_of(tmp_path, book) == {}


def test_a_sentence_of_another_language_may_change():
    check_signature(changed(BOOK, "uk"), signed("ru"), ANNA.public)


def test_a_file_that_others_could_have_written_counts_as_none(tmp_path):
    keep_signature(tmp_path, signed())
    (tmp_path / SIGNED_FOLDER / "ru.json").chmod(0o666)
    assert translators_of(tmp_path, BOOK) == {}


def test_a_signature_under_another_name_counts_as_none(tmp_path):
    keep_signature(tmp_path, signed())
    (tmp_path / SIGNED_FOLDER / "ru.json").rename(tmp_path / SIGNED_FOLDER / "uk.json")
    assert translators_of(tmp_path, BOOK) == {}


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 5000, b"\xff", msgspec.json.encode({"language": "../x"})])
def test_what_is_no_signature_is_refused(content):
    with pytest.raises(InputError, match="no translator's signature"):
        decode_signature(content)


def test_a_signature_needs_a_name_and_a_language():
    with pytest.raises(UsageError, match="name and office"):
        sign_language(BOOK, "ru", " \x1b ", ANNA, NOW)
    with pytest.raises(UsageError, match="no language"):
        sign_language(BOOK, "xx", "Anna Weiss", ANNA, NOW)
