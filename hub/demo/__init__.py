"""The demonstration: a clip that is rendered here, and the public hub fed with it."""
