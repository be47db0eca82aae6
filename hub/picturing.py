"""The pictures that an alert keeps, made in worker threads: what is reduced is decided in `hub.vision` (C8).

Redaction is by default-deny and does not depend on a detector. Faces that one finds in the scene of a plate are
reduced further, to one colour each; a detector that is missing, fails or is late leaves them the blocks that
everything else keeps. It is opened for the first alert, sees the scenes of alerts and nothing else, and says of no
face whose it is.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from hub.alerts import Pictured
from hub.backends import FaceDetector
from hub.errors import InputError
from hub.inference import Worker
from hub.messages import Box, FaceCandidate, Picture

if TYPE_CHECKING:
    from hub.messages import Pixels

REDUCE_SECONDS: Final = 3.0
"""In which a scene must be reduced; without its pictures an alert is raised all the same."""
FIND_SECONDS: Final = 2.0
"""In which a detector must find the faces of a scene; it is reduced without them then."""


def no_detector() -> None:
    """Find no face: there is no detector."""


class Picturing:
    """Makes the pictures of a unit's alerts.

    Args:
        open_detector: Opens the detector of faces, blocking; gives None where no plugin offers one.
    """

    def __init__(self, open_detector: Callable[[], FaceDetector | None] = no_detector) -> None:
        self._open = open_detector
        self._opened = False
        self._detector: FaceDetector | None = None
        self._reducer = Worker("redaction")
        self._finder = Worker("faces in alerts")

    async def of_plate(self, scene: Pixels, box: Box) -> tuple[Picture, Picture]:
        """Return crop and reduced scene of a plate.

        Args:
            scene: uint8 [height, width, 3], BGR.
            box: Where the plate is in it.

        Raises:
            HubError: They cannot be made, or not in time.
        """
        from hub.vision.redaction import redact_alert

        faces: tuple[Box, ...] = ()
        with suppress(Exception):  # a plugin may raise anything; the scene is reduced all the same
            faces = await self._finder.call(self._find, scene, deadline=FIND_SECONDS)
        return await self._reducer.call(partial(redact_alert, scene, box, faces), deadline=REDUCE_SECONDS)

    async def of_face(self, face: FaceCandidate) -> Pictured:
        """Return live crop, reduced scene and reference photos of a face.

        Raises:
            HubError: They cannot be made, or not in time.
        """
        return await self._reducer.call(_face, face, deadline=REDUCE_SECONDS)

    def close(self) -> None:
        """Free the detector. May be called twice."""
        detector, self._detector = self._detector, None
        if detector is not None:
            with suppress(Exception):
                detector.close()

    def _find(self, scene: Pixels) -> tuple[Box, ...]:
        if not self._opened:
            self._opened = True  # one that does not open is not tried again with each alert
            self._detector = self._open()
        found = self._detector.detect(scene) if self._detector is not None else ()
        return tuple(face.box for face in found)


def _face(face: FaceCandidate) -> Pictured:
    from hub.vision.face_pictures import redact_face, reference_picture

    crop, scene = redact_face(face.scene, face.box, face.others)
    references = {}
    for entry, photo in face.references:
        with suppress(InputError):  # a photo that is none costs the reference, not the live side
            references[entry] = reference_picture(photo)
    return crop, scene, references
