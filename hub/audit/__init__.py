"""The tamper-evident log: tree, checkpoint, sealed payloads, verification and statistics."""
