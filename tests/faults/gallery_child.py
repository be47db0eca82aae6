"""Holds a face list in force while another process looks through its memory.

    python -m tests.faults.gallery_child LIST TRUST    # the unit's secret, hexadecimal, comes as the first line

Then a line ``search``, ``wipe`` or ``expire`` on standard input is answered by one line once it is done.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np

from hub.authority.unit_key import UnitKey
from hub.errors import NotAllowedError
from hub.testing.faces import MODEL
from hub.watchlists.faces import verify_faces
from hub.watchlists.gallery import Gallery, open_gallery
from hub.watchlists.locked import forbid_dumps
from hub.watchlists.trust import load_trust


def main() -> None:
    """Hold the list until standard input ends."""
    if os.geteuid() == 0:
        forbid_dumps()  # afterwards root alone can look
    file, trust = Path(sys.argv[1]), Path(sys.argv[2])
    key = UnitKey(bytes.fromhex(sys.stdin.readline()))
    header_time = verify_time(file)
    moments = [header_time]
    with open_gallery(
        verify_faces(file, load_trust(trust), header_time), key, model=MODEL, now=lambda: moments[0]
    ) as gallery:
        tell("ready")
        for line in sys.stdin:
            match line.strip():
                case "search":
                    tell(str(search(gallery)))
                case "wipe":
                    gallery.wipe()
                    tell("wiped")
                case "expire":
                    moments[0] += timedelta(days=1)
                    try:
                        search(gallery)
                    except NotAllowedError as error:
                        tell(str(error))


def verify_time(file: Path):
    """Return a time at which the list is valid."""
    from hub.watchlists.faces import read_header

    return read_header(file).created


def search(gallery: Gallery) -> int:
    """Compare some faces and open what was found, as an actor does."""
    random = np.random.default_rng(7)
    for _ in range(20):
        face = random.standard_normal(128).astype(np.float32)
        best = gallery.search(face / np.linalg.norm(face))
        gallery.card(best[0].entry)
    return gallery.comparisons


def tell(text: str) -> None:
    """Say one line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
