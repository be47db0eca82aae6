"""An authority's ceremony and a unit that follows it, as people type it."""

from __future__ import annotations

import shutil

import pytest

from hub.audit.reading import read_entries
from hub.messages import Act
from hub.unit import AUDIT_FILE
from tests.kit import ISSUER, LISTED, PASSPHRASES, Unit, command

pytestmark = pytest.mark.slow

SUPERVISOR = ("--officer", "100")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A unit with its own trust file, and the keys of an authority."""
    unit = Unit.prepare(tmp_path_factory.mktemp("prepared") / "unit")
    for name in ("anna", "ben", "daily"):
        assert command("watchlist", "new-key", str(unit.folder / f"{name}.pem")).status == 0
    return unit


@pytest.fixture
def unit(prepared, tmp_path):
    with prepared.copy(tmp_path / "unit").active() as copy:
        yield copy


def desk(unit, family, name, *words):
    """Run a command on the authority's machine, which is a folder beside the unit's; files are named without it."""
    named = [str(unit.folder / word) if word.endswith((".pem", ".pub", ".json")) else word for word in words]
    return command(family, name, str(unit.folder / "desk"), *named)


def done(result):
    assert result.status == 0, result.err
    return result.out


def found(unit):
    done(desk(unit, "authority", "init", "--key", "anna.pem.pub", "--key", "ben.pem.pub", "--daily", "daily.pem.pub"))
    done(desk(unit, "authority", "add-issuer", ISSUER, "first.pem.pub", "second.pem.pub"))
    sign(unit, "anna", "ben")


def sign(unit, *names):
    for name in names:
        done(desk(unit, "authority", "sign", "--key", f"{name}.pem"))
    return done(desk(unit, "authority", "refresh", "--key", "daily.pem"))


def update(unit, *words):
    return unit.run("authority", "update", str(unit.folder / "desk"), *words)


def first_update(unit):
    root = str(unit.folder / "desk/metadata/1.root.json")
    return unit.run(
        "authority", "update", str(unit.folder / "desk"), "--root", root, *SUPERVISOR, stdin=PASSPHRASES["100"]
    )


def look(unit):
    words = ("lookup", "plate", LISTED, "--reason", "stop", "--source", "wanted_persons", "--format", "json")
    (answer,) = unit.run(*words).json()["answers"]
    return answer["status"], answer["explanation"]


def test_a_unit_begins_to_follow_an_authority(unit):
    assert look(unit)[0] == "hit"  # by its own trust file
    assert unit.run("authority", "verify").status == 1
    found(unit)
    nobody = update(unit, "--root", str(unit.folder / "desk/metadata/1.root.json"))
    assert (nobody.status, "a supervisor or an administrator" in nobody.problem()) == (1, True)
    assert "1 issuer" in done(first_update(unit))
    # From now on the authority alone counts: what it has not published is no list, whoever signed it.
    status, why = look(unit)
    assert (status, "never published" in why) == ("unavailable", True)
    refused = unit.run("import", "wanted_persons", str(unit.folder / "list.json"))
    assert (refused.status, "never published" in refused.problem()) == (1, True)
    keys = [str(unit.folder / f"{name}.pem.pub") for name in ("anna", "ben")]
    assert unit.run("watchlist", "trust", "X", *keys).status == 2

    assert "needs 2 signatures of first, second" in done(desk(unit, "authority", "publish", "list.json"))
    assert "update 2 holds until" in sign(unit, "first", "second")
    lists = unit.folder / "lists"
    assert "list vehicles of Test issuer" in done(update(unit, "--lists", str(lists)))
    (fetched,) = lists.iterdir()
    assert fetched.read_bytes() == (unit.folder / "list.json").read_bytes()
    done(unit.run("import", "wanted_persons", str(fetched)))
    assert look(unit)[0] == "hit"
    done(unit.run("watchlist", "verify", str(fetched)))
    state = unit.run("authority", "verify", "--format", "json").json()
    assert (state["ok"], state["update"], state["lists"][0]["admitted"]) == (True, 2, True)

    done(desk(unit, "authority", "revoke", "--list", "list.json"))
    sign(unit, "anna", "ben")
    done(update(unit))
    assert look(unit) == ("unavailable", "not available: the authority has withdrawn this list")
    assert unit.run("watchlist", "verify", str(fetched)).status == 1
    entries = [entry for entry in read_entries(unit.state / AUDIT_FILE) if entry.metadata.act is Act.TRUST_UPDATE]
    assert [(entry.metadata.officer, entry.metadata.outcome) for entry in entries] == [
        ("100", "accepted"),
        ("4711", "accepted"),
        ("4711", "accepted"),
    ]


def test_an_older_stick_is_refused_and_told(unit):
    found(unit)
    shutil.copytree(unit.folder / "desk", unit.folder / "older")
    done(desk(unit, "authority", "publish", "list.json"))
    sign(unit, "first", "second")
    done(first_update(unit))
    refused = unit.run("authority", "update", str(unit.folder / "older"))
    assert refused.status == 1
    kept, why = refused.err.splitlines()
    assert kept.startswith("nothing was changed; update 2, which this unit has, stands until ")
    assert "the update was rolled back: it is number 1 and this unit has had number 2" in why
    *_, entry = read_entries(unit.state / AUDIT_FILE)
    assert (entry.metadata.act, entry.metadata.outcome, entry.metadata.officer) == (Act.TRUST_UPDATE, "refused", "4711")


def test_an_older_state_that_was_put_back_is_noticed_by_the_log(unit):
    found(unit)
    done(first_update(unit))
    kept = unit.state / "authority" / "trusted.json"
    older = kept.read_bytes()
    sign(unit)
    done(update(unit))
    kept.write_bytes(older)
    said = unit.run("authority", "verify")
    assert (said.status, "has accepted update 2 and update 1 lies here" in said.out) == (1, True)
    assert "MEND  authority: this unit has accepted update 2" in unit.run("doctor").out
    kept.unlink()
    assert "nothing lies here any more" in unit.run("authority", "verify").out
    assert "update 2" in done(first_update(unit))
    assert "ok    authority: update 2 until" in unit.run("doctor").out


def test_what_an_authority_changes_later(unit):
    found(unit)
    done(desk(unit, "authority", "people", "--authority", "first.pem.pub", "--commander", "second.pem.pub"))
    shown = done(desk(unit, "authority", "sign", "--key", "anna.pem"))
    assert "orders, as authority: first\n  orders, as commander: second\n" in shown
    sign(unit, "ben")
    renewed = done(desk(unit, "authority", "renew", "targets"))
    assert "targets version 3: signed by nobody" in renewed
    keys = ("--key", "ben.pem.pub", "--key", "first.pem.pub", "--daily", "daily.pem.pub")
    assert "root version 2" in done(desk(unit, "authority", "keys", *keys))
    for name in ("anna", "ben", "first"):
        done(desk(unit, "authority", "sign", "--key", f"{name}.pem"))
    assert "root is in force\ntargets is in force" in done(desk(unit, "authority", "refresh", "--key", "daily.pem"))
    done(first_update(unit))
    state = unit.run("authority", "verify", "--format", "json").json()
    assert (state["authority"], state["commander"], state["revoked"]) == (["first"], ["second"], [])
    assert "update 3, valid until" in done(command("authority", "verify", str(unit.folder / "desk")))


def test_nobody_signed_in_takes_no_update(unit):
    found(unit)
    unit.run("officer", "sign-out")
    refused = update(unit, "--root", str(unit.folder / "desk/metadata/1.root.json"))
    assert (refused.status, "nobody is signed in" in refused.problem()) == (1, True)
    assert unit.run("authority", "verify").status == 1


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("init", "--key", "anna.pem.pub", "--daily", "daily.pem.pub"), "at least 2 different people"),
        (("sign", "--key", "anna.pem"), "no folder of an authority"),
        (("refresh", "--key", "daily.pem"), "no folder of an authority"),
        (("publish", "list.json"), "no folder of an authority"),
        (("revoke",), "say what is withdrawn"),
        (("init", "--key", "anna.pem", "--key", "ben.pem.pub", "--daily", "daily.pem.pub"), "holds no public key"),
    ],
)
def test_mistakes_are_one_line(unit, words, what):
    result = desk(unit, "authority", *words)
    assert result.status == 2
    assert what in result.problem()


def test_a_list_that_units_would_refuse_is_not_published(unit):
    found(unit)
    unit.build_list("one", signers=1)
    refused = desk(unit, "authority", "publish", "one.json")
    assert (refused.status, "1 of the 2 signatures" in refused.problem()) == (1, True)
    assert (
        "more than the"
        in command(
            "authority", "publish", str(unit.folder / "desk"), str(unit.folder / "list.json"), "--size", "-1"
        ).problem()
    )
