"""Faces for Patrol Hub in onnxruntime: a detector (CenterFace), and an engine that embeds (dlib's network behind it).

``[plugins.faces_onnx]`` chooses others once `patrol-hub models pull yunet sface` has fetched them: for redaction
``detector = "yunet"``, for comparisons ``engine = "sface"``, SFace behind YuNet. An engine's detector is fixed:
a list is bound to the engine's model by its digest, and the detector's landmarks are half of what that model sees.

Nothing here compares two faces: that is the host's to allow and to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.errors import PluginError
from hub.hookspecs import RegisterFaceDetector, RegisterFaceEngine, hookimpl

if TYPE_CHECKING:
    from hub.backends import FaceDetector, FaceEngine, PluginContext

PATROL_HUB_API: Final = 1


@hookimpl
def register_face_detectors(register: RegisterFaceDetector) -> None:
    """Offer the detector; the runtime is imported when it is first needed."""
    register("faces_onnx", _open_detector)


@hookimpl
def register_face_engines(register: RegisterFaceEngine) -> None:
    """Offer the engine; the runtime is imported when it is first needed."""
    register("faces_onnx", _open_engine)


def _open_detector(context: PluginContext) -> FaceDetector:
    if _chosen(context, "detector", ("centerface", "yunet")) == "yunet":
        from faces_onnx.yunet import open_yunet

        return open_yunet(context)
    from faces_onnx.centerface import open_centerface

    return open_centerface(context)


def _open_engine(context: PluginContext) -> FaceEngine:
    if _chosen(context, "engine", ("dlib", "sface")) == "sface":
        from faces_onnx.sface import open_sface

        return open_sface(context)
    from faces_onnx.engine import open_engine

    return open_engine(context)


def _chosen(context: PluginContext, key: str, choices: tuple[str, ...]) -> str:
    """Return what ``[plugins.faces_onnx]`` says, the first choice where it says nothing."""
    value = str(context.settings.get(key, choices[0]))
    if value not in choices:
        raise PluginError(f'[plugins.faces_onnx] {key} = "{value}" is wrong: there are {" and ".join(choices)}')
    return value
