"""Plate reader for Patrol Hub on PP-OCRv6 in onnxruntime."""
