"""Turns published model files into ONNX, exactly and always to the same bytes. No model runs here."""
