"""Plate reader for Patrol Hub on a local fast-plate-ocr model."""
