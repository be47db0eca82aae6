"""Fetches a model file from its publisher's address, when somebody asked for it by name.

What comes is bytes and no model yet: whether they are the right ones is for `hub.models` to say, by their digest.
"""

from __future__ import annotations

import time
from typing import Final

import httpx2

from hub.errors import ModelError
from hub.text import describe

_PIECE: Final = 64 * 1024
_WAIT: Final = httpx2.Timeout(30.0)
"""For connecting, and for each piece of the answer."""
_LONGEST: Final = 1800.0
"""Seconds that the whole may take: a server that trickles ends there."""
_REDIRECTS: Final = 5
"""Publishers of large files hand them out from elsewhere; how far is followed, and only over https."""


def fetch_model_file(url: str, size: int, *, transport: httpx2.BaseTransport | None = None) -> bytes:
    """Return what lies at an address. Blocking, for up to half an hour.

    Args:
        url: Address ``https://...``.
        size: Bytes that it has; reading stops after one more.
        transport: What answers in tests; None for the network.

    Raises:
        ModelError: It cannot be had, or is longer or shorter.
    """
    until = time.monotonic() + _LONGEST
    data = bytearray()
    try:
        with (
            httpx2.Client(
                transport=transport,
                timeout=_WAIT,
                follow_redirects=True,
                max_redirects=_REDIRECTS,
                event_hooks={"request": [_only_https]},
                headers={"Accept-Encoding": "identity"},
            ) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != httpx2.codes.OK:
                raise ModelError(f"{url} answered {answer.status_code}")
            for piece in answer.iter_raw(_PIECE):
                data += piece
                if len(data) > size or time.monotonic() > until:
                    break
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise ModelError(f"{url} cannot be fetched: {describe(error)}") from error
    if len(data) != size:
        raise ModelError(f"{url} is refused: {'more' if len(data) > size else 'fewer'} than {size} bytes came")
    return bytes(data)


def _only_https(request: httpx2.Request) -> None:
    if request.url.scheme != "https":
        raise ModelError(f"a model file is fetched over https only, not from {request.url.scheme}://")
