"""Orders and grants as people make, sign, verify and use them: the commands, on files, with a unit that follows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.authority.keys import create_key
from hub.watchlists.metadata import Withdrawn
from tests.kit import Unit, command
from tests.kit_authority import Ceremony, signer
from tests.kit_orders import DIGEST

CONTENT = (
    "--purpose", "missing-or-vulnerable-person", "--polygon", "48,17 48,17.2 48.2,17.2", "--ends", "12h",
    "--list", DIGEST, "--impact-assessment", "DPIA 2026-4", "--authorisation", "Judge 3 Ntc 118/26",
    "--identifier", "2026/117",
)  # fmt: skip
GRANTED = (
    "--person", "Keeper, Invented", "--born", "1980-01-02", "--source", "drivers", "--field", "licence_status",
    "--legal-basis", "court-order", "--reference", "5 C 77/26", "--expires", "3d", "--identifier", "G-1",
)  # fmt: skip
ASK = ("lookup", "person", "Invented Keeper", "--born", "1980-01-02", "--reason", "case 12")


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    for name in ("judge", "chief", "stranger"):
        create_key(tmp_path / f"{name}.key", key=signer(name).private_key)
    return {name: str(tmp_path / f"{name}.key") for name in ("judge", "chief", "stranger")}


@pytest.fixture(scope="module")
def following(tmp_path_factory) -> tuple[Unit, Ceremony]:
    """A unit that follows an authority, and whose drivers' register is a restricted source by its configuration."""
    folder = tmp_path_factory.mktemp("following")
    unit = Unit.prepare(folder / "unit")
    unit.config.write_text(unit.config.read_text() + '\n[lookups.sources.drivers]\nreach = "restricted"\n')
    ceremony = Ceremony(folder).begin(datetime.now(UTC))
    with unit.active():
        root = ceremony.path / "metadata" / "1.root.json"
        unit.sign_in("100")
        assert unit.run("authority", "update", str(ceremony.path), "--root", str(root)).status == 0
    return unit, ceremony


def make(what: str, file: Path, *words: str) -> str:
    made = command("authority", what, str(file), *words)
    assert (made.status, made.err) == (0, "")
    return made.out


def test_two_people_sign_one_order_file_and_the_unit_verifies_it(tmp_path, keys, following):
    unit, _ = following
    file = tmp_path / "order.json"
    assert make("order", file, *CONTENT) == f"{file}: made, not signed yet\n"
    assert make("order", file, "--key", keys["judge"]) == f"{file}: signed with judge\n"
    with unit.active():
        half = unit.run("authority", "verify", str(file))
        assert (half.status, "lacks the signature of the commander" in half.out) == (1, True)
        make("order", file, "--key", keys["chief"])
        whole = unit.run("authority", "verify", str(file))
        assert whole.status == 0
        assert whole.out.startswith("order 2026/117: missing_or_vulnerable_person, signed by authority and commander\n")
        found = unit.run("authority", "verify", str(file), "--format", "json").json()
        assert (found["ok"], found["order"]["list_digest"], found["grant"]) == (True, DIGEST, None)
        file.write_bytes(file.read_bytes() + b"\n")
        edited = unit.run("authority", "verify", str(file), "--format", "json").json()
        assert (edited["ok"], edited["order"]) == (False, None)
        assert "altered" in edited["reason"]


def test_a_unit_that_trusts_no_authority_verifies_nothing(tmp_path, keys):
    file = tmp_path / "grant.json"
    make("grant", file, *GRANTED, "--key", keys["judge"])
    with Unit.empty(tmp_path / "unit").active() as unit:
        found = unit.run("authority", "verify", str(file))
    assert (found.status, found.out) == (1, "REFUSED: this unit trusts no authority, so nobody may sign an order or a "
                                            "grant for it\n")  # fmt: skip


def test_a_grant_opens_a_restricted_source_for_its_subject_until_it_is_withdrawn(tmp_path, keys, following):
    unit, ceremony = following
    file = tmp_path / "grant.json"
    make("grant", file, *GRANTED, "--key", keys["judge"])
    with unit.active():
        assert "grant G-1: drivers about the person Keeper, Invented" in unit.run("authority", "verify", str(file)).out
        without = unit.run(*ASK, "--source", "drivers", "--format", "json")
        assert without.status == 1
        assert without.json()["answers"][0]["status"] == "refused"
        (answer,) = unit.run(*ASK, "--source", "drivers", "--grant", str(file), "--format", "json").json()["answers"]
        assert answer["status"] == "hit"
        assert answer["records"][0]["record"]["fields"] == [{"name": "licence_status", "value": "valid"}]
        other = unit.run("lookup", "person", "Keeper Another", "--born", "1981-03-04", "--reason", "case 12",
                         "--grant", str(file))  # fmt: skip
        assert (other.status, other.out) == (1, "")
        assert "another subject" in other.problem()
        now = datetime.now(UTC)
        ceremony.desk.withdraw(Withdrawn(grants=("G-1",)), now)
        ceremony.sign("anna", "ben")
        ceremony.refresh(now)
        assert unit.run("authority", "update", str(ceremony.path)).status == 0
        gone = unit.run(*ASK, "--grant", str(file))
        assert (gone.status, "withdrawn" in gone.problem()) == (1, True)
        logged = [line.split() for line in unit.run("audit", "show").out.splitlines()]
        assert [line[6] for line in logged if line[3] == "grant"] == ["used", "withheld", "refused", "refused"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "cannot be read"),
        ((*CONTENT[:4], "--ends", "25h", *CONTENT[6:]), "over 24 hours"),
        (("--ends", "3h"), "--purpose is missing"),
        ((*CONTENT[:6], "--list", DIGEST), "impact assessment"),
        ((*CONTENT[:4], "--ends", "soon"), "is no time"),
        ((*CONTENT[:4],), "--ends is missing"),
        ((*CONTENT[:6],), "--list is missing"),
        ((*CONTENT[:6], "--list", "nowhere.list"), "cannot be read"),
        ((*CONTENT[:2], "--polygon", "here", *CONTENT[4:]), "no polygon"),
        ((*CONTENT[:2], "--camera", "front", *CONTENT[4:]), "name of their unit"),
        ((*CONTENT, "--key", "no.key"), "does not exist"),
    ],
)
def test_a_wrong_order_is_one_line_and_no_file(tmp_path, words, why):
    file = tmp_path / "order.json"
    result = command("authority", "order", str(file), *words)
    assert result.status == 2
    assert why in result.problem()
    assert not file.exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (GRANTED[4:], "names one subject"),
        ((*GRANTED, "--plate", "1234BCD"), "names one subject"),
        ((*GRANTED[:2], *GRANTED[4:]), "day of birth"),
        ((*GRANTED[:3], "soon", *GRANTED[4:]), "no day of birth"),
        ((*GRANTED[:6], "--field", "score", *GRANTED[8:]), "no field that a record may carry"),
        ((*GRANTED[:12], "--expires", "32d"), "longer than 31 days"),
    ],
)
def test_a_wrong_grant_is_one_line_and_no_file(tmp_path, words, why):
    file = tmp_path / "grant.json"
    result = command("authority", "grant", str(file), *words)
    assert result.status == 2
    assert why in result.problem()
    assert not file.exists()


def test_what_is_there_is_not_overwritten_and_no_other_file_is_signed(tmp_path, keys):
    file = tmp_path / "order.json"
    make("order", file, *CONTENT, "--key", keys["judge"])
    before = file.read_bytes()
    for words, status, why in (
        (("order", str(file), *CONTENT), 2, "not overwritten"),
        (("order", str(file)), 2, "nothing to do"),
        (("grant", str(file), "--key", keys["judge"]), 1, "no grant"),
        (("verify", str(tmp_path / "none")), 2, "cannot be read"),
    ):
        result = command("authority", *words)
        assert result.status == status
        assert why in result.problem()
    assert file.read_bytes() == before
