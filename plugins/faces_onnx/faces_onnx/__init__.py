"""Faces for Patrol Hub in onnxruntime: a detector (CenterFace), and an engine that embeds (dlib's network).

Nothing here compares two faces: that is the host's to allow and to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.hookspecs import RegisterFaceDetector, RegisterFaceEngine, hookimpl

if TYPE_CHECKING:
    from faces_onnx.centerface import CenterFace
    from faces_onnx.engine import DlibEngine
    from hub.backends import PluginContext

PATROL_HUB_API: Final = 1


@hookimpl
def register_face_detectors(register: RegisterFaceDetector) -> None:
    """Offer the detector; the runtime is imported when it is first needed."""
    register("faces_onnx", _open_detector)


@hookimpl
def register_face_engines(register: RegisterFaceEngine) -> None:
    """Offer the engine; the runtime is imported when it is first needed."""
    register("faces_onnx", _open_engine)


def _open_detector(context: PluginContext) -> CenterFace:
    from faces_onnx.centerface import open_centerface

    return open_centerface(context)


def _open_engine(context: PluginContext) -> DlibEngine:
    from faces_onnx.engine import open_engine

    return open_engine(context)
