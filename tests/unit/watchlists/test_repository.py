"""An authority's own machine: changes wait for signatures, and nothing comes into force that a unit would refuse."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.errors import InputError, StoreError, TrustError, UsageError
from hub.watchlists import authority_files
from hub.watchlists.drafts import describe
from hub.watchlists.metadata import RoleKeys, Withdrawn, role_of, slug
from hub.watchlists.package_info import PackageInfo, read_info
from hub.watchlists.repository import AuthorityFolder
from tests.kit_authority import NORTH, NOW, SOUTH, Ceremony, hot_list, public, signer

DAY = timedelta(days=1)


@pytest.fixture
def own(tmp_path):
    return Ceremony(tmp_path).begin()


@pytest.fixture
def fresh(tmp_path):
    made = Ceremony(tmp_path)
    made.desk.create([public("anna"), public("ben"), public("gus")], [public("daily")], NOW)
    return made


def waiting(own):
    return {draft.role: (draft.signed_by, draft.ready) for draft in own.desk.drafts()}


# ------------------------------------------------------------------------------------------------- the ceremony


def test_nothing_counts_before_two_have_signed(fresh):
    assert waiting(fresh) == {"root": ((), False), "targets": ((), False)}
    with pytest.raises(UsageError, match="nothing is published yet: root version 1: signed by nobody"):
        fresh.refresh()
    fresh.sign("gus")
    assert waiting(fresh)["root"] == (("gus",), False)
    fresh.sign("gus")  # once more is not one more
    assert waiting(fresh)["root"] == (("gus",), False)
    assert fresh.desk.published() is None
    fresh.sign("anna")
    assert waiting(fresh) == {"root": (("anna", "gus"), True), "targets": (("anna", "gus"), True)}
    fresh.refresh()
    assert waiting(fresh) == {}
    assert fresh.unit().issuers.issuers == ()


def test_a_change_takes_the_signatures_with_it(fresh):
    fresh.sign("anna", "ben")
    fresh.desk.add_issuer(NORTH, [public("cleo"), public("dan")], NOW)
    assert waiting(fresh) == {"root": (("anna", "ben"), True), "targets": ((), False)}
    with pytest.raises(UsageError, match="targets version 1"):
        fresh.refresh()


def test_a_key_that_may_sign_nothing(own):
    own.desk.renew("targets", NOW)
    for stranger in ("cleo", "daily", "mallory"):
        with pytest.raises(UsageError, match="nothing waits here that the key of"):
            own.sign(stranger)


def test_a_refresh_is_signed_by_its_own_key_alone(own):
    for stranger in ("anna", "mallory"):
        with pytest.raises(UsageError, match="signed with the key of daily"):
            own.refresh(by=stranger)
    assert own.desk.published().versions[1] == 1


@pytest.mark.parametrize("days", [0, -1, 32])
def test_a_refresh_holds_for_a_month_at_most(own, days):
    with pytest.raises(UsageError, match="1 to 31 days"):
        own.refresh(days=days)


def test_what_waits_for_a_second_signer_holds_no_refresh_up(own):
    own.scratch.write_bytes(hot_list())
    own.desk.publish(own.scratch, read_info(own.scratch), NOW)
    own.sign("cleo")
    done = own.desk.refresh([signer("daily")], NOW + DAY)
    assert done.changed == ()
    assert [describe(draft) for draft in done.waiting] == [
        "north-district version 1: signed by cleo; needs 2 signatures of cleo, dan"
    ]
    own.sign("dan")
    assert own.desk.refresh([signer("daily")], NOW + DAY).changed == ("north-district",)


def test_an_issuers_list_waits_for_its_issuer(own):
    """Signed by both of its signers, and the delegation to them is not yet: it takes effect after that alone."""
    own.desk.add_issuer(SOUTH, [public("emil"), public("fay")], NOW)
    own.scratch.write_bytes(hot_list(issuer=SOUTH, signers=("emil", "fay")))
    own.desk.publish(own.scratch, read_info(own.scratch), NOW)
    own.sign("emil", "fay")
    assert waiting(own)["south-district"] == (("emil", "fay"), False)
    own.refresh()
    assert own.unit().listings == ()
    own.sign("anna", "ben")
    own.refresh()
    assert [listing.issuer for listing in own.unit().listings] == [SOUTH]


def test_what_a_unit_would_refuse_is_not_published(own):
    before = own.files()
    late = NOW + 100 * DAY
    with pytest.raises(TrustError, match="what the authority says expired"):
        own.refresh(late)
    assert own.files() == before
    own.desk.renew("targets", late)
    own.sign("anna", "ben")
    own.refresh(late)
    assert own.unit(now=late).standing(late) == ""


def test_new_keys_need_the_roles_that_they_sign_signed_again(own):
    own.desk.set_keys([public("gus"), public("hal")], [public("daily")], NOW)
    own.sign("anna", "ben", "gus", "hal")
    with pytest.raises(TrustError, match=r"targets\.json carries 0 of the 2"):
        own.refresh()
    own.desk.renew("targets", NOW)
    own.sign("gus", "hal")
    own.refresh()
    assert own.unit().versions[0] == 2


def test_new_keys_need_the_old_ones(own):
    own.desk.set_keys([public("gus"), public("hal")], [public("daily")], NOW)
    own.sign("gus", "hal", "anna")
    (draft,) = own.desk.drafts()
    assert not draft.ready
    assert {key.name for key in draft.may_sign} == {"anna", "ben", "gus", "hal"}
    own.refresh()
    assert own.unit().versions[0] == 1


def test_a_power_cut_while_it_is_published_leaves_the_older_update(own, monkeypatch):
    """The timestamp comes last; what lies beside it before that is read by nobody."""
    own.desk.withdraw(Withdrawn(orders=("O-1",)), NOW)
    own.sign("anna", "ben")
    written = []
    write = authority_files.write_file

    def cut(path, content, **options):
        if len(written) == 2:
            raise StoreError("the power is gone")
        written.append(path.name)
        write(path, content, **options)

    monkeypatch.setattr(authority_files, "write_file", cut)
    with pytest.raises(StoreError):
        own.refresh()
    monkeypatch.undo()
    assert written == ["2.targets.json", "2.snapshot.json"]
    assert own.unit().revoked == frozenset()
    assert own.refresh().revoked == {"O-1"}
    assert own.unit().revoked == {"O-1"}


def test_a_power_cut_after_it_was_published_leaves_no_draft_of_it(own):
    own.desk.withdraw(Withdrawn(orders=("O-1",)), NOW)
    own.sign("anna", "ben")
    draft = (own.path / "staged/targets.json").read_bytes()
    own.refresh()
    (own.path / "staged/targets.json").write_bytes(draft)  # as if it had not been taken away any more
    assert own.desk.drafts() == ()
    own.desk.withdraw(Withdrawn(orders=("O-2",)), NOW)
    own.sign("anna", "ben")
    own.refresh()
    assert own.unit().revoked == {"O-1", "O-2"}


def test_what_a_signer_is_shown(own):
    own.desk.withdraw(Withdrawn(orders=("O-1",), issuers=(NORTH,)), NOW)
    assert own.desk.says("targets") == (
        "holds until 2026-06-02 09:00 UTC",
        "issuer North District: 2 of cleo, dan",
        "orders, as authority: judge",
        "orders, as commander: chief",
        "withdrawn, of orders: O-1",
        "withdrawn, of issuers: North District",
    )
    own.desk.renew("root", NOW)
    assert "root: 2 of anna, ben" in own.desk.says("root")
    own.scratch.write_bytes(hot_list())
    own.desk.publish(own.scratch, read_info(own.scratch), NOW)
    assert any(
        line.startswith("list stolen, 1 entries, stolen vehicles, SHA-256") for line in own.desk.says("north-district")
    )


# ----------------------------------------------------------------------------------------------------- mistakes


def test_mistakes_are_told(own, tmp_path):
    desk = own.desk
    for call, what in (
        (
            lambda: desk.create([public("anna"), public("ben")], [public("daily")], NOW),
            "folder of an authority already",
        ),
        (lambda: desk.add_issuer("", [public("x"), public("y")], NOW), "needs a name"),
        (lambda: desk.add_issuer("a\nb", [public("x"), public("y")], NOW), "needs a name"),
        (lambda: desk.add_issuer("Targets", [public("x"), public("y")], NOW), "cannot be called"),
        (lambda: desk.add_issuer(SOUTH, [public("x")], NOW), "at least 2 signers"),
        (lambda: desk.add_issuer(SOUTH, [public("x"), public("x")], NOW), "same key"),
        (lambda: desk.add_issuer(SOUTH, [public("x"), public("cleo")], NOW), "signs for another issuer"),
        (lambda: desk.add_issuer("north DISTRICT", [public("x"), public("y")], NOW), "call it otherwise"),
        (lambda: desk.set_people(RoleKeys((public("x"),), (public("x"),)), NOW), "stands twice"),
        (lambda: desk.set_keys([public("x")], [public("daily")], NOW), "at least 2 different people"),
        (lambda: desk.set_keys([public("x"), public("y")], [], NOW), "at least 1 different people"),
    ):
        with pytest.raises(UsageError, match=what):
            call()
    assert desk.drafts() == ()
    with pytest.raises(InputError, match="no folder of an authority"):
        AuthorityFolder(tmp_path / "nowhere").drafts()


def test_lists_that_are_none(own, tmp_path):
    (tmp_path / "no.json").write_text("{}")
    for file in (tmp_path / "no.json", tmp_path / "missing.json", tmp_path):
        with pytest.raises(InputError):
            read_info(file)
    (tmp_path / "list.json").write_bytes(hot_list())
    with pytest.raises(UsageError, match="no issuer here"):
        own.desk.publish(tmp_path / "list.json", PackageInfo("West", "stolen", ""), NOW)
    with pytest.raises(InputError):
        own.desk.publish(tmp_path, PackageInfo(NORTH, "stolen", ""), NOW)


def test_a_folder_in_which_something_was_changed(own):
    file = own.path / "metadata/1.targets.json"
    file.write_bytes(file.read_bytes().replace(b"cleo", b"Cleo"))
    with pytest.raises(TrustError, match="not the file that the signed metadata names"):
        own.refresh()


def test_names_that_are_safe_anywhere():
    assert role_of(NORTH) == "north-district"
    names = ["Polícia", "Полиция", "警察", "../../etc", "a/b", "a b", "A.B", "x" * 80, "-", "CON", "…"]
    found = [slug(name) for name in names]
    assert all(part and part.strip("-") == part and len(part) <= 60 and part.isascii() for part in found)
    assert len({slug("Полиция"), slug("полиция 2"), slug("警察"), slug("…"), slug("-")}) == 5
