from __future__ import annotations

import os
import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from hub.authority.files import write_file, write_once
from hub.authority.keys import (
    UNIT_KEY,
    create_key,
    load_key,
    load_or_create_unit_key,
    load_public_key,
    verify_signature,
)
from hub.errors import InputError, NotAllowedError, StoreError, StoreFullError


def test_the_units_key_is_made_once_and_private(tmp_path):
    first = load_or_create_unit_key(tmp_path, "unit-1")
    again = load_or_create_unit_key(tmp_path, "unit-1")
    assert first.public == again.public
    assert len(first.public) == 32
    assert first.name == "unit-1"
    assert stat.S_IMODE((tmp_path / UNIT_KEY).stat().st_mode) == 0o600
    assert load_public_key(tmp_path / f"{UNIT_KEY}.pub") == first.public
    assert sorted(file.name for file in tmp_path.iterdir()) == [UNIT_KEY, f"{UNIT_KEY}.pub"]


def test_what_it_signs_verifies_and_nothing_else_does(tmp_path):
    signer = load_or_create_unit_key(tmp_path, "unit-1")
    signature = signer.sign(b"message")
    assert len(signature) == 64
    assert verify_signature(signer.public, signature, b"message")
    assert not verify_signature(signer.public, signature, b"massage")
    assert not verify_signature(signer.public, signature[:-1], b"message")
    assert not verify_signature(bytes(31), signature, b"message")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o666, 0o601])
def test_a_key_that_others_could_have_touched_is_refused_and_left_alone(tmp_path, mode):
    load_or_create_unit_key(tmp_path, "unit-1")
    path = tmp_path / UNIT_KEY
    before = path.read_bytes()
    path.chmod(mode)
    with pytest.raises(NotAllowedError, match=f"mode {mode:04o}"):
        load_or_create_unit_key(tmp_path, "unit-1")
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_link_is_not_followed(tmp_path):
    load_or_create_unit_key(tmp_path, "unit-1")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / UNIT_KEY).symlink_to(tmp_path / UNIT_KEY)
    with pytest.raises(StoreError, match="links are not followed"):
        load_or_create_unit_key(tmp_path / "elsewhere", "unit-1")


def test_a_pipe_or_folder_in_place_of_a_key_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    for name in ("pipe", "folder"):
        with pytest.raises(NotAllowedError, match="not a plain file"):
            load_key(tmp_path / name, "x")


def test_no_key_no_pem_and_another_kind_of_key(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_key(tmp_path / "none", "x")
    write_file(tmp_path / "junk", b"-----BEGIN")
    with pytest.raises(InputError, match="no key"):
        load_key(tmp_path / "junk", "x")
    other = generate_private_key(SECP256R1())
    pem = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_file(tmp_path / "other", pem)
    with pytest.raises(InputError, match="another kind"):
        load_key(tmp_path / "other", "x")
    public = other.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write_file(tmp_path / "other.pub", public)
    with pytest.raises(InputError, match="another kind"):
        load_public_key(tmp_path / "other.pub")


def test_a_secret_is_no_public_key(tmp_path):
    create_key(tmp_path / "signer.key")
    with pytest.raises(InputError, match="no public key"):
        load_public_key(tmp_path / "signer.key")
    with pytest.raises(InputError, match="cannot be read"):
        load_public_key(tmp_path / "none.pub")


def test_a_key_is_never_overwritten(tmp_path):
    public = create_key(tmp_path / "signer.key")
    with pytest.raises(FileExistsError):
        create_key(tmp_path / "signer.key")
    assert load_key(tmp_path / "signer.key", "x").public == public


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreFullError, match="disk is full"):
        create_key(tmp_path / "signer.key")
    with pytest.raises(StoreFullError, match="disk is full"):
        write_once(tmp_path / "once", b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_secret_whose_public_half_cannot_be_written_is_taken_back(tmp_path, monkeypatch):
    (tmp_path / "signer.key.pub").mkdir()
    with pytest.raises(StoreError):
        create_key(tmp_path / "signer.key")
    assert not (tmp_path / "signer.key").exists()


def test_a_folder_that_is_missing(tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        write_file(tmp_path / "none" / "file", b"x")
