"""``python -m hub`` is the ``patrol-hub`` command."""

from hub.cli import script

script()
