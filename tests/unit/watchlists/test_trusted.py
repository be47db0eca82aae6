"""The trusted set under attack: every way to make a unit believe more, less or older things than its authority says."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from hub.errors import InputError, NotAllowedError, TrustError
from hub.watchlists.metadata import PEOPLE, REVOKED, TIMESTAMP, Withdrawn, library_key
from hub.watchlists.steps import MOST_ROOTS
from hub.watchlists.trusted import (
    TRUSTED_FILE,
    Anchor,
    Repository,
    TrustedReader,
    TrustedSet,
    keep,
    open_trusted,
    update,
)
from tests.kit_authority import NORTH, NOW, SOUTH, Ceremony, forge, hot_list, newest, pin_again, public, resign

DAY = timedelta(days=1)
ROLES = ("root", "timestamp", "snapshot", "targets", "north-district")
PEOPLE_OF = {
    "root": ("anna", "ben"),
    "targets": ("anna", "ben"),
    "snapshot": ("daily",),
    "timestamp": ("daily",),
    "north-district": ("cleo", "dan"),
}


@pytest.fixture(scope="module")
def ceremony(tmp_path_factory):
    made = Ceremony(tmp_path_factory.mktemp("authority")).begin()
    made.publish(hot_list())
    return made


@pytest.fixture(scope="module")
def files(ceremony):
    return ceremony.files()


@pytest.fixture(scope="module")
def anchor(ceremony):
    return ceremony.anchor()


@pytest.fixture
def own(tmp_path):
    """An authority that a test may change."""
    return Ceremony(tmp_path).begin()


def take(trusted, files, now=NOW):
    return update(trusted, Repository(files), now)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def nothing(_signed):
    """Change nothing."""


# ------------------------------------------------------------------------------------------------ what holds


def test_what_an_authority_says_is_what_the_unit_trusts(ceremony):
    trusted = ceremony.unit()
    (issuer,) = trusted.issuers.issuers
    assert (issuer.name, [key.name for key in issuer.keys]) == (NORTH, ["cleo", "dan"])
    assert [key.name for key in trusted.people.authority] == ["judge"]
    assert [key.name for key in trusted.people.commander] == ["chief"]
    assert trusted.revoked == frozenset()
    assert trusted.standing(NOW) == ""
    (listing,) = trusted.listings
    assert (listing.issuer, listing.name, listing.purpose, listing.size) == (NORTH, "stolen", "stolen vehicles", 1)
    assert trusted.admits(digest(hot_list()), NOW) == trusted.admits(listing.content_digest, NOW, issuer=NORTH) == ""
    assert "not what its issuer publishes" in trusted.admits(listing.content_digest, NOW, issuer=SOUTH)
    assert "not what its issuer publishes" in trusted.admits("", NOW)


def test_the_same_update_again_changes_nothing(ceremony, files):
    trusted = ceremony.unit()
    assert take(trusted, files).files == trusted.files


def test_a_file_that_is_kept_is_not_fetched_again(ceremony, files):
    trusted = ceremony.unit()
    assert take(trusted, {TIMESTAMP: files[TIMESTAMP]}).files == trusted.files


def test_the_newest_list_of_a_name_is_the_only_one(own):
    old = own.publish(hot_list(1))
    trusted = own.unit()
    own.publish(hot_list(2))
    later = own.unit(trusted)
    assert trusted.admits(digest(old), NOW) == ""
    assert "superseded" in later.admits(digest(old), NOW)
    assert later.admits(digest(hot_list(2)), NOW) == ""


def test_a_standard_client_takes_what_the_authority_publishes(tmp_path):
    """The repository is TUF as others speak it, not a dialect of ours (the client reads the machine's clock)."""
    from datetime import datetime
    from urllib.parse import urlsplit

    from tuf.api.exceptions import DownloadHTTPError
    from tuf.ngclient import FetcherInterface, Updater

    ceremony = Ceremony(tmp_path).begin(datetime.now(UTC))
    ceremony.scratch.write_bytes(hot_list())
    from hub.watchlists.package_info import read_info

    ceremony.desk.publish(ceremony.scratch, read_info(ceremony.scratch), datetime.now(UTC))
    ceremony.sign("cleo", "dan")
    ceremony.refresh(datetime.now(UTC))

    class Fetcher(FetcherInterface):
        def _fetch(self, url):
            file = ceremony.path / urlsplit(url).path.lstrip("/")
            if not file.exists():
                raise DownloadHTTPError("none", 404)
            return iter([file.read_bytes()])

    (tmp_path / "client").mkdir()
    client = Updater(
        str(tmp_path / "client"),
        "https://desk/metadata/",
        target_base_url="https://desk/targets/",
        fetcher=Fetcher(),
        bootstrap=ceremony.anchor().root,
    )
    client.refresh()
    info = client.get_targetinfo("lists/north-district/stolen")
    assert info is not None
    assert info.length == len(hot_list())


# ------------------------------------------------------------------------------------- unsigned, edited, too few


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("by", [(), ("mallory",), ("mallory", "eve")])
def test_unsigned_or_signed_by_strangers(anchor, files, role, by):
    forged = forge(files, role, nothing, by=by)
    first = Anchor(forged[newest(files, "root")]) if role == "root" else anchor
    with pytest.raises(TrustError, match="signatures that it needs"):
        take(first, forged)


@pytest.mark.parametrize("role", ["root", "targets", "north-district"])
def test_one_signature_is_not_two(anchor, files, role):
    forged = forge(files, role, nothing, by=PEOPLE_OF[role][:1])
    first = Anchor(forged[newest(files, "root")]) if role == "root" else anchor
    with pytest.raises(TrustError, match="carries 1 of the 2 signatures"):
        take(first, forged)


@pytest.mark.parametrize("role", ROLES)
def test_edited_after_it_was_signed(anchor, files, role):
    name = newest(files, role)
    whole = json.loads(files[name])
    whole["signed"]["expires"] = "2036-01-01T00:00:00Z"
    edited = json.dumps(whole).encode()

    def put(_signed):
        forged[name] = edited

    forged = dict(files)
    put(None)
    first = Anchor(edited) if role == "root" else anchor
    with pytest.raises(TrustError):
        take(first, forged)
    if role in ("targets", "north-district"):  # and where whoever holds the daily key vouches for the edit
        snapshot = newest(files, "snapshot")
        forged[snapshot] = resign(files[snapshot], lambda s: pin_again(s["meta"][f"{role}.json"], edited), ["daily"])
        forged[TIMESTAMP] = resign(
            files[TIMESTAMP], lambda s: pin_again(s["meta"]["snapshot.json"], forged[snapshot]), ["daily"]
        )
        with pytest.raises(TrustError, match="carries 0 of the 2"):
            take(first, forged)


def test_the_same_key_signs_only_once(anchor, files):
    name = newest(files, "targets")
    whole = json.loads(resign(files[name], nothing, ["anna"]))
    whole["signatures"] *= 2
    with pytest.raises(TrustError, match="damaged"):
        take(anchor, _with(files, "targets", json.dumps(whole).encode()))


def test_one_key_under_two_identifiers_is_refused(anchor, files):
    """The threshold counts identifiers: a delegation that gives one key two of them would let one person be two."""

    def double(signed):
        keys, (role,) = signed["delegations"]["keys"], signed["delegations"]["roles"]
        keys["f" * 64] = {**keys[role["keyids"][0]], "x-patrol-hub-holder": "dan"}
        role["keyids"] = [role["keyids"][0], "f" * 64]

    with pytest.raises(TrustError, match="identifier that is not its own"):
        take(anchor, forge(files, "targets", double, by=("anna", "ben")))


def test_one_person_with_two_keys_is_one_person(anchor, files):
    def double(signed):
        for key in signed["delegations"]["keys"].values():
            key["x-patrol-hub-holder"] = "cleo"

    with pytest.raises(TrustError, match="same person"):
        take(anchor, forge(files, "targets", double, by=("anna", "ben")))


@pytest.mark.parametrize("role", ["root", "targets"])
def test_a_root_that_lets_one_person_decide_is_refused(files, role):
    forged = forge(files, "root", lambda s: s["roles"][role].update(threshold=1), by=("anna", "ben"), again=False)
    with pytest.raises(TrustError, match="fewer than 2"):
        take(Anchor(forged[newest(files, "root")]), forged)


@pytest.mark.parametrize("threshold", [1, True, "2", 3])
def test_an_issuer_needs_two(anchor, files, threshold):
    forged = forge(
        files, "targets", lambda s: s["delegations"]["roles"][0].update(threshold=threshold), by=("anna", "ben")
    )
    with pytest.raises(TrustError):
        take(anchor, forged)


@pytest.mark.parametrize(
    "change",
    [
        lambda role: role.update(paths=["*/*/*"]),
        lambda role: role.update(paths=["lists/south-district/*"]),
        lambda role: role.update(paths=["lists/north-district/*", "people.json"]),
        lambda role: role.update(name="../../north"),
        lambda role: role.update(terminating=False),
        lambda role: role.pop("x-patrol-hub-issuer"),
        lambda role: role.update({"x-patrol-hub-issuer": " "}),
    ],
)
def test_a_delegation_is_to_an_issuer_and_its_own_lists(anchor, files, change):
    forged = forge(files, "targets", lambda s: change(s["delegations"]["roles"][0]), by=("anna", "ben"))
    with pytest.raises(TrustError):
        take(anchor, forged)


def test_an_issuer_delegates_no_further(anchor, files):
    forged = forge(
        files, "north-district", lambda s: s.update(delegations={"keys": {}, "roles": []}), by=("cleo", "dan")
    )
    with pytest.raises(TrustError, match="delegates further"):
        take(anchor, forged)


def test_an_issuer_publishes_nothing_of_the_authoritys(anchor, files):
    for path in (PEOPLE, REVOKED, "lists/south-district/stolen", "lists/north-district/a/b", "lists/north-district/.."):

        def add(signed, path=path):
            signed["targets"][path] = next(iter(signed["targets"].values()))

        with pytest.raises(TrustError, match="none of its lists"):
            take(anchor, forge(files, "north-district", add, by=("cleo", "dan")))


def test_keys_of_another_issuer(own):
    own.desk.add_issuer(SOUTH, [public("emil"), public("fay")], NOW)
    own.sign("anna", "ben")
    own.refresh()
    own.publish(hot_list())
    own.publish(hot_list(issuer=SOUTH, signers=("emil", "fay")), signers=("emil", "fay"))
    trusted = own.unit()
    assert {issuer.name for issuer in trusted.issuers.issuers} == {NORTH, SOUTH}
    forged = forge(own.files(), "north-district", nothing, by=("emil", "fay"))
    with pytest.raises(TrustError, match="carries 0 of the 2"):
        take(own.anchor(), forged)
    # South publishes North's list under its own name: that makes it none of North's.
    stolen = next(each for each in trusted.listings if each.issuer == NORTH)

    def copy(signed):
        (target,) = signed["targets"].values()
        target["custom"]["digest"] = stolen.content_digest

    def forget(signed):
        signed["targets"] = {}

    files = forge(own.files(), "south-district", copy, by=("emil", "fay"))
    files = forge(files, "north-district", forget, by=("cleo", "dan"))
    later = take(own.anchor(), files)
    assert "not what its issuer publishes" in later.admits(stolen.content_digest, NOW, issuer=NORTH)


# ----------------------------------------------------------------------------------------------- expiry, freeze


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_an_update_with_something_expired_is_refused(anchor, files, role):
    forged = forge(files, role, lambda s: s.update(expires="2026-03-02T09:00:00Z"), by=PEOPLE_OF[role])
    first = Anchor(forged[newest(files, "root")]) if role == "root" else anchor
    with pytest.raises(TrustError, match="expired at 2026-03-02 09:00"):
        take(first, forged)
    assert take(first, forged, NOW - timedelta(seconds=1)).standing(NOW - timedelta(seconds=1)) == ""


def test_an_issuer_that_lets_its_role_lapse_holds_nobody_up(own):
    """Else it could keep the withdrawal of its own list from every unit."""
    package = own.publish(hot_list())
    later = NOW + timedelta(days=40)
    own.desk.withdraw(Withdrawn(orders=("O-1",)), later)
    own.sign("anna", "ben")
    own.refresh(later)
    trusted = own.unit(now=later)
    assert trusted.revoked == {"O-1"}
    assert "what North District publishes expired" in trusted.admits(digest(package), later)


def test_a_unit_that_is_kept_from_updates_stops_by_itself(ceremony):
    """A freeze: what was true once is served again and again."""
    trusted = ceremony.unit()
    late = NOW + 7 * DAY
    assert trusted.admits(digest(hot_list()), late - timedelta(seconds=1)) == ""
    assert "the timestamp expired" in trusted.admits(digest(hot_list()), late)
    with pytest.raises(TrustError, match="the timestamp expired"):
        ceremony.unit(trusted, late)


# --------------------------------------------------------------------------------------- rollback, mix-and-match


def test_no_older_update_after_a_newer_one(own):
    own.publish(hot_list(1))
    older = own.files()
    own.publish(hot_list(2))
    trusted = own.unit()
    with pytest.raises(TrustError, match="rolled back: it is number 2 and this unit has had number 3"):
        take(trusted, {**own.files(), **older})


@pytest.mark.parametrize("role", ["targets", "north-district"])
def test_no_older_version_of_a_role_even_if_the_daily_key_vouches_for_it(own, role):
    """Whoever steals the key that lies on a machine in use can serve neither an older list nor an older withdrawal."""
    own.publish(hot_list(1))
    first = own.files()
    own.desk.withdraw(Withdrawn(orders=("O-1",)), NOW)
    own.sign("anna", "ben")
    own.publish(hot_list(2))
    trusted = own.unit()
    old = newest(first, role)

    def back(signed):
        signed["version"] += 1
        meta = signed["meta"][f"{role}.json"]
        meta["version"] = int(old.removeprefix("metadata/").partition(".")[0])
        pin_again(meta, first[old])

    files = own.files()
    snapshot = resign(files[newest(files, "snapshot")], back, ["daily"])
    number = json.loads(snapshot)["signed"]["version"]
    files[f"metadata/{number}.snapshot.json"] = snapshot

    def follow(signed):
        signed["version"] += 1
        signed["meta"]["snapshot.json"]["version"] = number
        pin_again(signed["meta"]["snapshot.json"], snapshot)

    files[TIMESTAMP] = resign(files[TIMESTAMP], follow, ["daily"])
    with pytest.raises(TrustError, match=f"{role}.json was rolled back to version 1"):
        take(trusted, files)


def test_a_role_that_was_there_is_not_left_out(ceremony, files):
    trusted = ceremony.unit()
    forged = forge(files, "snapshot", lambda s: s["meta"].pop("north-district.json"), by=("daily",))
    with pytest.raises(TrustError, match=r"leaves out north-district\.json"):
        take(trusted, forged)


def test_two_updates_of_one_number(ceremony, files):
    trusted = ceremony.unit()
    forged = forge(files, "timestamp", lambda s: s.update(expires="2026-03-20T00:00:00Z"), by=("daily",))
    with pytest.raises(TrustError, match="two different updates say that they are number"):
        take(trusted, forged)


def test_two_contents_of_one_version(ceremony, files):
    trusted = ceremony.unit()
    forged = forge(files, "targets", lambda s: s.update(expires="2026-05-01T00:00:00Z"), by=("anna", "ben"))
    with pytest.raises(TrustError, match=r"two different targets\.json say that they are version"):
        take(trusted, forged)


@pytest.mark.parametrize("role", ["snapshot", "targets", "north-district"])
def test_files_of_two_updates_do_not_mix(own, role):
    own.publish(hot_list(1))
    first = own.files()
    own.desk.withdraw(Withdrawn(orders=("O-1",)), NOW)
    own.sign("anna", "ben")
    own.publish(hot_list(2))
    files = own.files()
    mixed = {**files, newest(files, role): first[newest(first, role)]}
    with pytest.raises(TrustError, match="not the file that the signed metadata names"):
        take(own.anchor(), mixed)


def test_a_version_that_its_file_does_not_bear(anchor, files):
    """The hash may be right and the number wrong, where the snapshot's key is in the wrong hands."""
    name = newest(files, "targets")
    snapshot = newest(files, "snapshot")
    forged = {**files, "metadata/9.targets.json": files[name]}
    forged[snapshot] = resign(files[snapshot], lambda s: s["meta"]["targets.json"].update(version=9), ["daily"])
    forged[TIMESTAMP] = resign(
        files[TIMESTAMP], lambda s: pin_again(s["meta"]["snapshot.json"], forged[snapshot]), ["daily"]
    )
    with pytest.raises(TrustError, match="says that it is version 1: files of two updates were mixed"):
        take(anchor, forged)


@pytest.mark.parametrize("missing", ["length", "hashes"])
@pytest.mark.parametrize("role", ["snapshot", "targets"])
def test_a_file_is_named_by_hash_and_length(anchor, files, role, missing):
    """TUF lets both be left out; then two files of one version could take each other's place."""
    holder = "timestamp" if role == "snapshot" else "snapshot"
    forged = forge(files, holder, lambda s: s["meta"][f"{role}.json"].pop(missing), by=("daily",))
    with pytest.raises(TrustError, match="gives no SHA-256 and length"):
        take(anchor, forged)


# -------------------------------------------------------------------------------------------------------- roots


def test_a_chain_of_roots(own):
    trusted = own.unit()
    own.desk.set_keys([public("ben"), public("gus")], [public("nightly")], NOW)
    own.sign("anna", "ben", "gus")
    own.desk.renew("targets", NOW)
    own.sign("ben", "gus")
    own.refresh(by="nightly")
    rotated = own.unit(trusted)
    assert rotated.versions[0] == 2
    own.desk.set_keys([public("gus"), public("hal")], [public("nightly")], NOW)
    own.sign("ben", "gus", "hal")
    own.desk.renew("targets", NOW)
    own.sign("gus", "hal")
    own.refresh(by="nightly")
    assert own.unit(rotated).versions[0] == own.unit(trusted).versions[0] == own.unit().versions[0] == 3


@pytest.mark.parametrize("by", [("anna", "ben"), ("gus", "hal"), ("anna", "gus"), ("ben", "hal", "gus")])
def test_a_new_root_needs_the_old_ones_signers_and_its_own(own, by):
    trusted = own.unit()
    files = own.files()

    def rotate(signed):
        signed["version"] = 2
        keys = [library_key(public(name)) for name in ("gus", "hal")]
        signed["keys"] |= {key.keyid: key.to_dict() for key in keys}
        signed["roles"]["root"]["keyids"] = [key.keyid for key in keys]

    files["metadata/2.root.json"] = resign(files["metadata/1.root.json"], rotate, by)
    with pytest.raises(TrustError, match="signatures that it needs"):
        take(trusted, files)
    files["metadata/2.root.json"] = resign(files["metadata/1.root.json"], rotate, ("anna", "ben", "gus", "hal"))
    assert take(trusted, files).versions[0] == 2


@pytest.mark.parametrize("version", [1, 3, 2**60, "2", True, 0, -1])
def test_roots_follow_each_other_without_a_gap(ceremony, files, version):
    root = resign(files["metadata/1.root.json"], lambda s: s.update(version=version), ("anna", "ben"))
    with pytest.raises(TrustError):
        take(ceremony.unit(), {**files, "metadata/2.root.json": root})


def test_an_endless_chain_of_roots_ends(ceremony, files):
    chain = {
        f"metadata/{number}.root.json": resign(
            files["metadata/1.root.json"], lambda s, number=number: s.update(version=number), ("anna", "ben")
        )
        for number in range(2, MOST_ROOTS + 3)
    }
    with pytest.raises(TrustError, match="over 64 new roots"):
        take(ceremony.unit(), {**files, **chain})


def test_after_a_theft_of_the_daily_key_its_numbers_bind_nobody(own):
    """A thief can run the number up so far that no update follows; a root with another key ends that."""
    trusted = own.unit()
    stolen = forge(own.files(), "timestamp", lambda s: s.update(version=2**50), by=("daily",))
    trapped = take(trusted, stolen)
    own.refresh()
    with pytest.raises(TrustError, match="rolled back"):
        own.unit(trapped)
    own.desk.set_keys([public("anna"), public("ben")], [public("nightly")], NOW)
    own.sign("anna", "ben")
    own.refresh(by="nightly")
    assert own.unit(trapped).versions[1] < 2**50


# --------------------------------------------------------------------------------------------------- withdrawal


def withdraw(own, **what):
    own.desk.withdraw(Withdrawn(**what), NOW)
    own.sign("anna", "ben")
    own.refresh()
    return own.unit()


def test_a_withdrawn_list_by_either_digest(own):
    package = own.publish(hot_list())
    (listing,) = own.unit().listings
    for each in (listing.file_digest, listing.content_digest):
        trusted = withdraw(own, lists=(each,))
        for asked in (listing.file_digest, listing.content_digest, digest(package)):
            assert trusted.admits(asked, NOW) == "the authority has withdrawn this list"


def test_a_withdrawn_issuer_issues_nothing(own):
    package = own.publish(hot_list())
    trusted = withdraw(own, issuers=(NORTH,))
    assert trusted.issuers.issuers == ()
    assert trusted.admits(digest(package), NOW)


def test_a_withdrawn_key_signs_nothing(own):
    package = own.publish(hot_list())
    trusted = withdraw(own, keys=(public("dan").public.hex(), public("chief").public.hex()))
    assert trusted.issuers.issuers == ()
    assert trusted.people.commander == ()
    assert trusted.admits(digest(package), NOW)


def test_two_signers_of_three_go_on_after_a_key_was_withdrawn(own):
    own.desk.add_issuer(NORTH, [public("cleo"), public("dan"), public("ines")], NOW)
    own.sign("anna", "ben")
    own.refresh()
    package = own.publish(hot_list())
    trusted = withdraw(own, keys=(public("dan").public.hex(),))
    (issuer,) = trusted.issuers.issuers
    assert [key.name for key in issuer.keys] == ["cleo", "ines"]
    assert "not what its issuer publishes" in trusted.admits(digest(package), NOW)  # Dan's signature was one of the two
    own.publish(hot_list(2, signers=("cleo", "ines")), signers=("cleo", "ines"))
    assert own.unit(trusted).admits(digest(hot_list(2, signers=("cleo", "ines"))), NOW) == ""


def test_nobody_stands_in_both_roles(anchor, files):
    name = next(each for each in files if each.endswith("people.json") and json.loads(files[each])["authority"])
    people = json.loads(files[name])
    for other in (people["authority"], [{**people["authority"][0], "name": "chief"}]):
        forged = json.dumps({**people, "commander": other}).encode()
        changed = forge(
            files, "targets", lambda s, forged=forged: pin_again(s["targets"][PEOPLE], forged), by=("anna", "ben")
        )
        changed[f"targets/{digest(forged)}.{PEOPLE}"] = forged
        with pytest.raises(TrustError, match="stands twice"):
            take(anchor, changed)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"authority": [{"name": "x", "public": "AAAA"}]}', b"\xff"])
@pytest.mark.parametrize("path", [PEOPLE, REVOKED])
def test_the_authoritys_own_files_are_what_they_say(anchor, files, path, content):
    changed = forge(files, "targets", lambda s: pin_again(s["targets"][path], content), by=("anna", "ben"))
    changed[f"targets/{digest(content)}.{path}"] = content
    with pytest.raises(TrustError):
        take(anchor, changed)


# ------------------------------------------------------------------------------------------------- hostile input


def _with(files, role, data):
    """Put other bytes in place of a role's, and let whoever holds the daily key vouch for them."""
    forged = {**files, newest(files, role): data}
    snapshot = newest(files, "snapshot")
    if role in ("targets", "north-district"):
        forged[snapshot] = resign(files[snapshot], lambda s: pin_again(s["meta"][f"{role}.json"], data), ["daily"])
    if role != "timestamp":
        forged[TIMESTAMP] = resign(
            files[TIMESTAMP], lambda s: pin_again(s["meta"]["snapshot.json"], forged[snapshot]), ["daily"]
        )
    return forged


HOSTILE = (
    b"", b"null", b"[]", b"{}", b'{"signed": 1, "signatures": []}', b"\x00" * 100, b"\xff\xfe{", b"[" * 50_000,
    b'{"signed": {"_type": "root"}, "signatures": {}}',
    b'{"signed":{"_type":"targets","version":1e999},"signatures":[]}',
)  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("data", HOSTILE)
def test_no_metadata_at_all(anchor, files, role, data):
    first = Anchor(data) if role == "root" else anchor
    with pytest.raises(TrustError):
        take(first, _with(files, role, data))


@pytest.mark.parametrize("role", ROLES)
def test_too_large(anchor, files, role):
    data = files[newest(files, role)] + b" " * 5 * 2**20
    first = Anchor(data) if role == "root" else anchor
    with pytest.raises(TrustError, match=r"too large|more than"):
        take(first, _with(files, role, data))


def test_missing_files_are_named(anchor, files):
    for name in files:
        if name == "metadata/1.root.json" or "/lists/" in name:
            continue
        left = {each: data for each, data in files.items() if each != name}
        try:
            take(anchor, left)
        except TrustError as error:
            assert f"{name} is missing" == str(error)  # noqa: PT017 - older versions of a file are not asked for


def _same(one: TrustedSet, other: TrustedSet) -> bool:
    metadata = ("root", "timestamp", "snapshot", "targets")
    return all(getattr(one, each).signed == getattr(other, each).signed for each in metadata) and (
        (one.listings, one.people, one.withdrawn) == (other.listings, other.people, other.withdrawn)
    )


@given(data=st.data())
@settings(deadline=None, max_examples=150)
def test_no_flipped_bit_and_no_cut_is_accepted(ceremony, files, anchor, data):
    """Never a crash, and never another content: bytes outside what is signed may differ where the meaning does not."""
    whole = ceremony.unit()
    name = data.draw(st.sampled_from(sorted(each for each in whole.files)))
    old = files[name]
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(old) - 1))
        new = old[:place] + bytes([old[place] ^ 1 << data.draw(st.integers(0, 7))]) + old[place + 1 :]
    else:
        new = old[: data.draw(st.integers(0, len(old) - 1))]
    first = Anchor(new) if name.endswith("1.root.json") else anchor
    try:
        taken = take(first, {**files, name: new})
    except NotAllowedError:
        return
    assert _same(taken, whole)


# ------------------------------------------------------------------------------------------------------- restart


def test_what_was_accepted_is_there_after_a_restart(own, tmp_path):
    own.publish(hot_list(1))
    older = own.files()
    own.publish(hot_list(2))
    keep(tmp_path / "state", own.unit())
    trusted = open_trusted(tmp_path / "state")
    assert trusted is not None
    assert _same(trusted, own.unit())
    assert trusted.admits(digest(hot_list(2)), NOW) == ""
    with pytest.raises(TrustError, match="rolled back"):
        take(trusted, {**own.files(), **older})
    assert (tmp_path / "state" / TRUSTED_FILE).stat().st_mode & 0o777 == 0o600


def test_nothing_was_ever_trusted(tmp_path):
    assert open_trusted(tmp_path) is None
    assert TrustedReader(tmp_path).current() is None
    assert TrustedReader(None).current() is None


def test_a_kept_file_that_others_may_read_or_that_is_damaged(ceremony, tmp_path):
    keep(tmp_path, ceremony.unit())
    path = tmp_path / TRUSTED_FILE
    path.chmod(0o644)
    with pytest.raises(NotAllowedError, match="may be read by others"):
        open_trusted(tmp_path)
    path.chmod(0o600)
    whole = path.read_bytes()
    for content, error in ((whole[:-10], InputError), (b"{}", TrustError), (b"[]", InputError), (b"", InputError)):
        path.write_bytes(content)
        with pytest.raises(error):
            open_trusted(tmp_path)


def test_a_kept_file_in_which_something_was_exchanged(own, tmp_path):
    old = own.unit()
    own.desk.withdraw(Withdrawn(orders=("O-1",)), NOW)
    own.sign("anna", "ben")
    own.refresh()
    new = own.unit(old)
    for name in new.files:
        if name not in old.files:
            without = {each: data for each, data in new.files.items() if each != name}
            keep(tmp_path, structs.replace(new, files={**old.files, **without}))
            with pytest.raises(TrustError, match="does not verify"):
                open_trusted(tmp_path)


def test_a_reader_sees_a_newer_set_and_misses_one_that_was_removed(own, tmp_path):
    keep(tmp_path, own.unit())
    reader = TrustedReader(tmp_path)
    first = reader.current()
    assert first is reader.current()
    own.publish(hot_list())
    keep(tmp_path, own.unit())
    second = reader.current()
    assert second is not None
    assert second is not first
    assert second.admits(digest(hot_list()), NOW) == ""
    (tmp_path / TRUSTED_FILE).unlink()
    for _ in range(2):
        with pytest.raises(TrustError, match="removed from this unit"):
            reader.current()
