"""One network in an onnxruntime session, with the settings that several sessions on few cores need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import onnxruntime

from hub.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]


class Network:
    """A network that is ready to run."""

    def __init__(self, what: str, model: bytes, *, threads: int) -> None:
        """Open a network.

        Args:
            what: What it is, for errors: ``face detector``.
            model: An ONNX file.
            threads: Threads of one call.

        Raises:
            ModelError: The file is no model.
        """
        self._what = what
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Spinning threads of several sessions take the cores from each other.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Blocks of work that shrink towards the end of a step: a core that others use too does not hold up the rest.
        options.add_session_config_entry("session.dynamic_block_base", "4")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no common root
            raise ModelError(f"the {what}'s model does not load: {error}") from error

    @property
    def inputs(self) -> dict[str, tuple[int | None, ...]]:
        """Return the shape of each input by its name; None stands for a side that is free."""
        return {
            each.name: tuple(side if isinstance(side, int) else None for side in each.shape)
            for each in self._session.get_inputs()
        }

    @property
    def outputs(self) -> tuple[str, ...]:
        """Return the names of the outputs."""
        return tuple(each.name for each in self._session.get_outputs())

    def run(self, outputs: Sequence[str], name: str, values: Floats) -> list[Floats]:
        """Run the network on one input and return the named outputs.

        Raises:
            ModelError: The network does not run.
        """
        try:
            return [np.asarray(each, np.float32) for each in self._session.run(outputs, {name: values})]
        except Exception as error:
            raise ModelError(f"the {self._what} does not run: {error}") from error
