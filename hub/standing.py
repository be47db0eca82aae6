"""On what authority a running unit works, as dashboards are shown it: its order, its face lists, the grants it used.

Nothing is decided or verified here: what is told of a list is what its file says, and whether it may be used is asked
again at each use. Sources, hot-lists among them, are told of in each pulse by `hub.health`.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from hub.face_lists import Shelved
from hub.text import plain
from hub.wire import AuthorityShown, FaceListShown, GrantShown, OrderShown


class Standing:
    """Gathers what a unit works under.

    Args:
        order: Returns the order that is loaded; None where there is none.
        lists: Returns the face lists of the unit; blocking.
        grants: Returns the grants that were used.
    """

    def __init__(
        self,
        *,
        order: Callable[[], OrderShown | None],
        lists: Callable[[], tuple[Shelved, ...]],
        grants: Callable[[], tuple[GrantShown, ...]],
    ) -> None:
        self._order = order
        self._lists = lists
        self._grants = grants

    async def show(self, request: int) -> AuthorityShown:
        """Return all of it, as the answer to a request.

        Raises:
            StoreError: The lists cannot be read.
        """
        shelved = await trio.to_thread.run_sync(self._lists)
        return AuthorityShown(
            request=request,
            order=self._order(),
            face_lists=tuple(_face_list(each) for each in shelved),
            grants=self._grants(),
        )


def _face_list(shelved: Shelved) -> FaceListShown:
    header = shelved.header
    return FaceListShown(
        name=plain(header.name),
        issuer=plain(header.issuer),
        authority=plain(header.authority),
        legal_basis=plain(header.legal_basis),
        purpose=plain(header.purpose),
        place=plain(header.place),
        category=plain(header.category),
        entries=header.entries,
        version=header.version,
        created=header.created,
        expires=header.expires,
        digest=shelved.file.stem,
    )
