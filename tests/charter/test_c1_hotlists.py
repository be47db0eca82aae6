"""C1: a list counts only with two signatures of its issuer's signers, within its dates, unaltered, not rolled back."""

from __future__ import annotations

import base64
from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.authority.dsse import key_identifier, read_payload
from hub.authority.keys import KeySigner
from hub.errors import InputError, NotAllowedError, TrustError, UsageError
from hub.messages import SubjectKind
from hub.testing.alerts import START
from hub.watchlists.package import (
    HOT_LIST,
    HotList,
    ListHeader,
    build_entries,
    build_package,
    read_development_package,
    sign_package,
    verify_package,
)
from hub.watchlists.trust import SignerKey, Trust, add_issuer, load_trust, save_trust


def signer(name, seed):
    return KeySigner(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


FIRST, SECOND, THIRD, STRANGER = signer("Ann", 1), signer("Bob", 2), signer("Cy", 3), signer("Eve", 4)


def public(*signers):
    return tuple(SignerKey(each.name, each.public) for each in signers)


TRUST = add_issuer(Trust(), "Police HQ", public(FIRST, SECOND, THIRD))
ROW = {
    "entry": "e-1",
    "plate": "AB 123-CD",
    "region": "de",
    "category": "stolen_vehicle",
    "legal_basis": "s. 1 Act",
    "issuing_authority": "Police HQ",
    "expires": "2030-02-01",
}
PERSON = {
    **{name: value for name, value in ROW.items() if name not in ("plate", "region")},
    "entry": "e-2",
    "family_name": "Müller",
    "given_names": "Eva",
    "category": "missing_person",
}


def content(**changes):
    entries, refused = build_entries([ROW, PERSON])
    assert refused == ()
    values = {
        "kind": HOT_LIST,
        "name": "wanted",
        "issuer": "Police HQ",
        "authority": "s. 1 Act",
        "purpose": "stolen vehicles and missing persons",
        "place": "district 4",
        "created": START,
        "expires": START + timedelta(days=7),
        "version": 3,
        "entries": entries,
    }
    return HotList(**{**values, **changes})


def signed(*signers, **changes):
    package = build_package(content(**changes))
    for each in signers:
        package = sign_package(package, each)
    return package


NOW = START + timedelta(hours=1)


def test_a_list_with_two_signatures_of_its_issuer_is_read():
    verified = verify_package(signed(FIRST, THIRD), TRUST, NOW)
    assert verified.signers == ("Ann", "Cy")
    assert verified.refused == ()
    assert not verified.development
    plate, person = verified.list.entries
    assert (plate.subject, plate.get("plate"), plate.get("region")) == (SubjectKind.PLATE, "AB123CD", "DE")
    assert (person.subject, person.get("family_name")) == (SubjectKind.PERSON, "Müller")
    assert len(verified.digest) == 64


@pytest.mark.parametrize(
    ("package", "why"),
    [
        (signed(), "unsigned"),
        (signed(FIRST), "1 of the 2 signatures"),
        (signed(FIRST, FIRST), "1 of the 2 signatures"),
        (signed(FIRST, STRANGER), "1 of the 2 signatures"),
        (signed(STRANGER, signer("Mal", 5)), "0 of the 2 signatures"),
        (signed(FIRST, SECOND, issuer="Somebody"), "unknown to this unit"),
        (b"", "no DSSE envelope"),
        (b"{}", "no DSSE envelope"),
        (b"\xff\xfe", "no DSSE envelope"),
        (b'{"payload": "!", "payloadType": "x", "signatures": []}', "holds 'x'"),
    ],
)
def test_without_two_signers_of_a_known_issuer_there_is_no_list(package, why):
    with pytest.raises(TrustError, match=why):
        verify_package(package, TRUST, NOW)


def test_nothing_is_made_of_entries_that_nobody_has_signed(monkeypatch):
    read = []

    def noting(envelope, kind, what):
        read.append(kind)
        return read_payload(envelope, kind, what)

    monkeypatch.setattr("hub.watchlists.package.read_payload", noting)
    with pytest.raises(TrustError, match="signature"):
        verify_package(sign_package(build_package(content()), FIRST), TRUST, START)
    assert read == [ListHeader]


def test_the_same_key_twice_is_one_signer():
    envelope = msgspec.json.decode(signed(FIRST))
    envelope["signatures"] *= 2
    with pytest.raises(TrustError, match="signed twice"):
        verify_package(msgspec.json.encode(envelope), TRUST, NOW)
    # A signature under another's identifier is an alteration, not a second signer.
    envelope = msgspec.json.decode(signed(FIRST))
    envelope["signatures"].append({**envelope["signatures"][0], "keyid": key_identifier(SECOND.public)})
    with pytest.raises(TrustError, match="altered after Bob"):
        verify_package(msgspec.json.encode(envelope), TRUST, NOW)


def test_one_altered_word_makes_it_no_list():
    envelope = msgspec.json.decode(signed(FIRST, SECOND))
    payload = base64.b64decode(envelope["payload"]).replace(b"AB123CD", b"AB123CE")
    envelope["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(TrustError, match="altered"):
        verify_package(msgspec.json.encode(envelope), TRUST, NOW)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_no_flipped_bit_of_what_was_signed_is_believed(data):
    package = signed(FIRST, SECOND)
    envelope = msgspec.json.decode(package)
    payload = bytearray(base64.b64decode(envelope["payload"]))
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] ^= 1 << data.draw(st.integers(0, 7))
    envelope["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(TrustError):
        verify_package(msgspec.json.encode(envelope), TRUST, NOW)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_file_at_all_makes_more_than_a_trust_error(junk):
    with pytest.raises(TrustError):
        verify_package(junk, TRUST, NOW)


def test_dates_hold_to_the_instant():
    package = signed(FIRST, SECOND)
    verify_package(package, TRUST, START)
    verify_package(package, TRUST, START + timedelta(days=7) - timedelta(microseconds=1))
    with pytest.raises(TrustError, match="expired"):
        verify_package(package, TRUST, START + timedelta(days=7))
    with pytest.raises(TrustError, match="valid from"):
        verify_package(package, TRUST, START - timedelta(seconds=1))


def test_a_list_of_another_kind_is_not_a_hot_list():
    raw = msgspec.structs.replace(content(), kind="faces")
    with pytest.raises(UsageError):
        build_package(raw)
    envelope = msgspec.json.decode(signed())
    envelope["payload"] = base64.b64encode(msgspec.json.encode(raw)).decode()
    package = msgspec.json.encode(envelope)
    for each in (FIRST, SECOND):
        package = sign_package(package, each)
    with pytest.raises(TrustError, match="no hot-list"):
        verify_package(package, TRUST, NOW)


def test_no_older_list_takes_the_place_of_a_newer_one():
    package = signed(FIRST, SECOND)
    digest = verify_package(package, TRUST, NOW).digest
    verify_package(package, TRUST, NOW, previous_version=2)
    verify_package(package, TRUST, NOW, previous_version=3, previous_digest=digest)
    with pytest.raises(TrustError, match="rolled back"):
        verify_package(package, TRUST, NOW, previous_version=4)
    with pytest.raises(TrustError, match="two different lists"):
        verify_package(package, TRUST, NOW, previous_version=3, previous_digest="0" * 64)


@pytest.mark.parametrize("missing", ["entry", "plate", "category", "legal_basis", "issuing_authority", "expires"])
def test_an_entry_without_its_ground_is_refused_by_itself(missing):
    entries, refused = build_entries([{**ROW, missing: ""}, PERSON])
    assert [entry.entry for entry in entries] == ["e-2"]
    assert [each.number for each in refused] == [1]
    assert missing in refused[0].problem

    # A list that its issuer built with other tools and signed: the same entry is left out and named, the rest stands.
    package = msgspec.json.decode(signed())
    payload = msgspec.json.decode(base64.b64decode(package["payload"]))
    first = payload["entries"][0]
    if missing == "entry":
        first["entry"] = ""
    else:
        first["fields"] = [field for field in first["fields"] if field["name"] != missing]
    package["payload"] = base64.b64encode(msgspec.json.encode(payload)).decode()
    data = msgspec.json.encode(package)
    for each in (FIRST, SECOND):
        data = sign_package(data, each)
    verified = verify_package(data, TRUST, NOW)
    assert [entry.entry for entry in verified.list.entries] == ["e-2"]
    assert missing in verified.refused[0].problem


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"category": "annoying"}, "category"),
        ({"expires": "soon"}, "expires"),
        ({"ethnicity": "x"}, "no field"),
        ({"score": "5"}, "no field"),
        ({"plate": "---"}, "plate"),
    ],
)
def test_an_entry_with_a_wrong_or_forbidden_field_is_refused(change, problem):
    entries, refused = build_entries([{**ROW, **change}])
    assert entries == ()
    assert problem in refused[0].problem


def test_an_identifier_stands_in_a_list_once():
    _, refused = build_entries([ROW, ROW])
    assert "already" in refused[0].problem


def test_an_entry_ends_with_its_last_day():
    entry = build_entries([ROW])[0][0]
    assert not entry.expired(START.replace(month=2, day=1, hour=23))
    assert entry.expired(START.replace(month=2, day=2, hour=0))


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": " "},
        {"place": ""},
        {"issuer": ""},
        {"version": 0},
        {"expires": START},
        {"created": START.replace(tzinfo=None)},
    ],
)
def test_a_list_that_lacks_something_is_not_built(changes):
    with pytest.raises(UsageError):
        build_package(content(**changes))


def test_a_development_list_is_marked_and_still_expires():
    package = signed()
    verified = read_development_package(package, NOW)
    assert verified.development
    assert verified.signers == ()
    with pytest.raises(TrustError, match="expired"):
        read_development_package(package, START + timedelta(days=8))


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ((), "at least 2"),
        (public(FIRST), "at least 2"),
        ((*public(FIRST), SignerKey("Zoe", FIRST.public)), "same key"),
        ((*public(FIRST), SignerKey("Ann", SECOND.public)), "same signer"),
        ((*public(FIRST), SignerKey("Zoe", b"short")), "no Ed25519"),
    ],
)
def test_an_issuer_has_two_different_signers(keys, why, tmp_path):
    with pytest.raises(UsageError, match=why):
        add_issuer(Trust(), "Police HQ", keys)


def test_a_key_signs_for_one_issuer():
    with pytest.raises(UsageError, match="another issuer"):
        add_issuer(TRUST, "Other", public(FIRST, STRANGER))
    renewed = add_issuer(TRUST, "Police HQ", public(FIRST, STRANGER))
    assert len(renewed.issuers) == 1


def test_the_trust_file_is_private_and_checked(tmp_path):
    path = tmp_path / "trust.json"
    assert load_trust(path) == Trust()
    save_trust(path, TRUST)
    assert load_trust(path) == TRUST
    path.chmod(0o620)
    with pytest.raises(NotAllowedError, match="others"):
        load_trust(path)
    path.chmod(0o600)
    path.write_bytes(msgspec.json.encode({"issuers": [{"name": "Police HQ", "keys": []}]}))
    with pytest.raises(InputError, match="at least 2"):
        load_trust(path)
    path.write_text("{")
    with pytest.raises(InputError, match="damaged"):
        load_trust(path)
