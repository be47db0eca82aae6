"""Face detector for Patrol Hub on CenterFace in onnxruntime."""
