"""Keys by address: a file, and a key that a token holds and that never leaves it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from securesystemslib.signer import Signer as LibraryBase

from hub.authority.keys import create_key, verify_signature
from hub.authority.signers import LibrarySigner, open_signer
from hub.authority.tokens import parse_address
from hub.errors import HubError, InputError, NotAllowedError, UsageError

LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
)
LIBRARY = next((path for path in LIBRARIES if Path(path).exists()), "")


def test_a_file_by_path_and_by_address(tmp_path):
    public = create_key(tmp_path / "anna smith.pem")
    for address in (
        str(tmp_path / "anna smith.pem"),
        f"file:{tmp_path}/anna%20smith.pem",
        f"file://{tmp_path}/anna smith.pem",
    ):
        signer = open_signer(address)
        assert (signer.name, signer.public) == ("anna smith", public)
        assert verify_signature(public, signer.sign(b"message"), b"message")


def test_a_file_whose_name_looks_like_an_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    create_key(Path("vault:anna.pem"))
    assert open_signer("vault:anna.pem").name == "vault:anna"


@pytest.mark.parametrize("address", ["vault:anna", "https://example.org/key", "awskms:1"])
def test_other_addresses_are_named(address):
    with pytest.raises(UsageError, match=r"file:PATH or pkcs11:"):
        open_signer(address)


def test_a_key_that_others_may_read(tmp_path):
    create_key(tmp_path / "anna.pem")
    (tmp_path / "anna.pem").chmod(0o640)
    with pytest.raises(NotAllowedError, match="may be read by others"):
        open_signer(f"file:{tmp_path}/anna.pem")
    with pytest.raises(InputError, match="does not exist"):
        open_signer(str(tmp_path / "ben.pem"))


def test_a_public_key_is_no_reason_for_alarm(tmp_path):
    create_key(tmp_path / "anna.pem")
    public = tmp_path / "anna.pem.pub"
    for mode in (0o644, 0o600):
        public.chmod(mode)
        with pytest.raises(InputError, match=r"anna\.pem\.pub is a public key: name the private one"):
            open_signer(str(public))
    both = tmp_path / "both.pem"
    both.write_bytes(public.read_bytes() + (tmp_path / "anna.pem").read_bytes())
    both.chmod(0o644)
    with pytest.raises(NotAllowedError, match="may be read by others"):
        open_signer(str(both))


def test_the_libraries_signer(tmp_path):
    public = create_key(tmp_path / "anna.pem")
    signer = LibrarySigner(open_signer(str(tmp_path / "anna.pem")))
    signer.public_key.verify_signature(signer.sign(b"message"), b"message")
    assert isinstance(signer, LibraryBase)
    again = LibrarySigner.from_priv_key_uri(f"file:{tmp_path}/anna.pem", signer.public_key)
    assert again.public_key.keyval["public"] == public.hex()


# -------------------------------------------------------------------------------------------------------- tokens


def test_an_address_of_a_token():
    address = parse_address("pkcs11:token=Desk%201;object=anna?module-path=/usr/lib/x.so&pin-source=file:/etc/pin")
    assert (address.token, address.key) == ("Desk 1", "anna")
    assert (str(address.library), str(address.pin)) == ("/usr/lib/x.so", "/etc/pin")


@pytest.mark.parametrize(
    "address", ["pkcs11:", "pkcs11:token=a", "pkcs11:token=a;object=b?module-path=/x", "pkcs11:?;&="]
)
def test_an_address_that_lacks_something(address):
    with pytest.raises(UsageError, match="the address lacks"):
        open_signer(address)


def test_without_the_library_for_tokens(monkeypatch):
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(UsageError, match="extra pkcs11"):
        open_signer("pkcs11:token=a;object=b?module-path=/x.so&pin-source=/pin")


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    """A token in software with Anna's key, and its PIN in a private file."""
    if not LIBRARY or not shutil.which("softhsm2-util"):
        pytest.skip("softhsm2 is not installed: no token in software")
    import pkcs11

    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        command = [
            "softhsm2-util",
            "--init-token",
            "--free",
            "--label",
            "desk",
            "--so-pin",
            "12345678",
            "--pin",
            "8765",
        ]
        subprocess.run(command, check=True, capture_output=True, env=os.environ.copy())
        with pkcs11.lib(LIBRARY).get_token(token_label="desk").open(rw=True, user_pin="8765") as session:
            curve = {  # a PrintableString
                pkcs11.Attribute.EC_PARAMS: b"\x13\x0cedwards25519"
            }
            parameters = session.create_domain_parameters(pkcs11.KeyType.EC_EDWARDS, curve, local=True)
            parameters.generate_keypair(
                mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN, store=True, label="anna", id=b"\x01"
            )
            rsa = pkcs11.KeyType.RSA
            session.generate_keypair(rsa, 2048, store=True, label="old", id=b"\x02")
        pin = folder / "pin"
        pin.write_text("8765\n")
        pin.chmod(0o600)
        yield pin


def where(pin, *, name="anna", token="desk", library=LIBRARY):
    return f"pkcs11:token={token};object={name}?module-path={library}&pin-source={pin}"


def test_a_key_on_a_token_signs(token):
    signer = open_signer(where(token))
    assert signer.name == "anna"
    assert verify_signature(signer.public, signer.sign(b"message"), b"message")
    library = LibrarySigner(signer)
    library.public_key.verify_signature(library.sign(b"message"), b"message")


def test_what_can_be_wrong_with_a_token(token, tmp_path):
    wrong = tmp_path / "pin"
    wrong.write_text("0000")
    wrong.chmod(0o600)
    for address in (
        where(token, name="ben"),
        where(token, name="old"),
        where(token, token="other"),
        where(token, library="/nowhere.so"),
        where(wrong),
    ):
        with pytest.raises(HubError) as raised:
            open_signer(address)
        assert "8765" not in str(raised.value)
    wrong.chmod(0o644)
    with pytest.raises(NotAllowedError, match="may be read by others"):
        open_signer(where(wrong))
