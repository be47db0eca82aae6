"""Weights become constants; everything else of a model stays as it is."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from faces_onnx.weights import constant_weights
from hub.errors import ModelError


def old_model() -> bytes:
    """A model whose weight is an input too, as files of ONNX's version 3 have it."""
    weight = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(3, 2), "weight")
    wide = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])
    also = helper.make_tensor_value_info("weight", TensorProto.FLOAT, [3, 2])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "weight"], ["y"])], "g", [wide, also], [out], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=4).SerializeToString()


def test_only_what_is_no_weight_stays_an_input():
    before = onnx.load_from_string(old_model())
    after = onnx.load_from_string(constant_weights(old_model()))
    assert [each.name for each in after.graph.input] == ["x"]
    del before.graph.input[1]
    assert after == before


def test_a_model_without_such_weights_is_not_changed():
    once = constant_weights(old_model())
    assert constant_weights(once) == once


@pytest.mark.parametrize("cut", [1, 7, 40, -1])
def test_what_is_no_model_is_refused(cut):
    with pytest.raises(ModelError):
        constant_weights(old_model()[:cut])


def test_text_is_refused():
    with pytest.raises(ModelError):
        constant_weights(b"\xff\xff\xff no model at all")
