"""Verifies a package file for this unit, when it is imported and again whenever it is opened."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from hub.backends import PluginContext
from hub.clocks import SystemClock
from hub.errors import TrustError
from hub.watchlists.admission import admit_hot_list
from hub.watchlists.package import ListEntry, VerifiedList
from hub.watchlists.trusted import TrustedSet
from wanted_persons.store import newest_version


def verified(
    connection: sqlite3.Connection, context: PluginContext, package: bytes, authority: TrustedSet | None
) -> VerifiedList:
    """Return what a package holds, where this unit may use it now.

    Args:
        connection: The store.
        context: What the plugin is opened with.
        package: The package file.
        authority: What the unit's authority says; None where it follows none, and its trust file counts.

    Raises:
        TrustError: It does not verify, has expired, was rolled back, superseded or withdrawn; the message says which.
        HubError: The trust file cannot be read.
    """
    found = admit_hot_list(package, now_of(context), trust=context.trust, authority=authority)
    version, digest = newest_version(connection, found.list.issuer, found.list.name)
    if found.list.version < version:
        raise TrustError(
            f"the list was rolled back: it is version {found.list.version} and this unit has had version {version}"
        )
    if found.list.version == version and found.digest != digest:
        raise TrustError(
            f"two different lists say that they are version {version}: ask {found.list.issuer} for a new one"
        )
    return found


def now_of(context: PluginContext) -> datetime:
    """Return the time that the host gave, or the machine's where it gave none."""
    return context.now or SystemClock().now()


def fields_of(entry: ListEntry) -> dict[str, str]:
    """Return an entry's fields as the store keeps them."""
    return {field.name: field.value for field in entry.fields}


def looks_like_package(data: bytes) -> bool:
    """Say whether a file is JSON, as packages are, and no CSV."""
    return data.lstrip()[:1] == b"{"
