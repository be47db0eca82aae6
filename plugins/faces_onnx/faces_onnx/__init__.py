"""Face detector for Patrol Hub on CenterFace in onnxruntime: where faces are, never whose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.hookspecs import RegisterFaceDetector, hookimpl

if TYPE_CHECKING:
    from faces_onnx.centerface import CenterFace
    from hub.backends import PluginContext

PATROL_HUB_API: Final = 1


@hookimpl
def register_face_detectors(register: RegisterFaceDetector) -> None:
    """Offer the detector; the runtime is imported when it is first needed."""
    register("faces_onnx", _open)


def _open(context: PluginContext) -> CenterFace:
    from faces_onnx.centerface import open_centerface

    return open_centerface(context)
