"""Who vouches for a language of the phrasebook: a translator's signature over all of its sentences with their English.

A signature is a small file. A unit believes it once an officer has accepted it together with the translator's key,
which is an entry of the log; what was accepted lies in the state folder, and changing one sentence ends it.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from hub.authority.files import make_folder, read_private, write_file
from hub.authority.keys import Signer, verify_signature
from hub.errors import HubError, InputError, TrustError, UsageError
from hub.phrasebook.book import UNCHECKED, Phrasebook, canonical_bytes
from hub.text import plain

SIGNED_FOLDER: Final = "phrases"
"""Folder of the accepted signatures in the state folder."""
_LARGEST: Final = 4096


class ColumnSignature(Struct, frozen=True, forbid_unknown_fields=True):
    """A translator's signature of one language."""

    language: Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")]
    version: int
    """The phrasebook's version that was signed."""
    translator: Annotated[str, Meta(min_length=1, max_length=200)]
    """Name and office, as the translator gave it."""
    at: datetime
    key: bytes
    """Raw Ed25519 public key, 32 bytes; base64 in the file."""
    signature: bytes
    """Over `_message`, 64 bytes."""


def sign_language(book: Phrasebook, code: str, translator: str, signer: Signer, now: datetime) -> ColumnSignature:
    """Sign a language.

    Raises:
        UsageError: There is no such language, or no name was given.
    """
    name = plain(translator)
    if not name:
        raise UsageError("a signature needs the translator's name and office")
    blank = ColumnSignature(code, book.version, name, now, signer.public, b"")
    return msgspec.structs.replace(blank, signature=signer.sign(_message(book, blank)))


def encode_signature(signed: ColumnSignature) -> bytes:
    """Return the content of a signature's file."""
    return msgspec.json.format(msgspec.json.encode(signed), indent=2) + b"\n"


def decode_signature(content: bytes) -> ColumnSignature:
    """Read the content of a signature's file.

    Raises:
        InputError: It is none.
    """
    try:
        return msgspec.json.decode(content, type=ColumnSignature)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"this is no translator's signature: {plain(str(error))}") from error


def check_signature(book: Phrasebook, signed: ColumnSignature, key: bytes) -> None:
    """Return where a signature is the key holder's and covers the language as it stands.

    Raises:
        TrustError: It is not, or the phrasebook has changed since; the message says which.
    """
    if signed.language not in book.languages:
        raise TrustError(f"the phrasebook has no language {signed.language}")
    if signed.key != key:
        raise TrustError(f"the signature of {signed.language} was not made with this key")
    if signed.version != book.version:
        raise TrustError(f"{signed.language} was signed as of version {signed.version}, this is {book.version}")
    if not verify_signature(key, signed.signature, _message(book, signed)):
        raise TrustError(f"the signature of {signed.language} does not verify: sentences or signature were changed")


def keep_signature(state: Path, signed: ColumnSignature) -> None:
    """Keep an accepted signature, durably. Whether it may be accepted was decided and logged before.

    Raises:
        StoreError: It cannot be written.
    """
    folder = state / SIGNED_FOLDER
    make_folder(folder)
    write_file(folder / f"{signed.language}.json", encode_signature(signed))


def translators_of(state: Path, book: Phrasebook) -> dict[str, str]:
    """Return who vouches for each language that somebody vouches for, by code.

    A signature that cannot be read, does not verify or is of another version counts as none.
    """
    found = {}
    for code in book.languages:
        path = state / SIGNED_FOLDER / f"{code}.json"
        try:
            signed = decode_signature(read_private(path, limit=_LARGEST))
            check_signature(book, signed, signed.key)
        except HubError:
            continue
        if signed.language == code:
            found[code] = signed.translator
    return found


def mark_of(translators: dict[str, str], code: str) -> str:
    """Return what stands beside a language: who signed it, or the mark that nobody did."""
    return f"signed by {translators[code]}" if code in translators else UNCHECKED


def _message(book: Phrasebook, signed: ColumnSignature) -> bytes:
    about = msgspec.json.encode((signed.translator, signed.at))
    return canonical_bytes(book, signed.language) + b"\n" + about
