"""What is written is ONNX: the onnx package and the runtime both read it, and the same graph gives the same bytes."""

import numpy as np
import onnx
import onnxruntime

from hub.conversion.onnx_file import Graph, Node, Port, onnx_bytes


def graph():
    weights = np.arange(2 * 3 * 3 * 3, dtype=np.float32).reshape(2, 3, 3, 3)
    return Graph(
        name="tiny",
        inputs=(Port("in", ("n", 3, 5, 300)),),
        outputs=(Port("out", ("n", 2, 4, 300)),),
        nodes=(
            Node("Conv", ("in", "w"), "a", (("pads", (1, 1, 1, 1)), ("strides", (2, 1)))),
            Node("Pad", ("a", "p"), "b"),
            Node("LeakyRelu", ("b",), "out", (("alpha", 0.5),)),
        ),
        constants=(("w", weights), ("p", np.array([0, 0, 0, 0, 0, 0, 1, 0], np.int64))),
    )


def test_the_onnx_package_finds_nothing_wrong():
    model = onnx.load_from_string(onnx_bytes(graph(), producer="test"))
    onnx.checker.check_model(model, full_check=True)
    assert model.producer_name == "test"
    assert [node.op_type for node in model.graph.node] == ["Conv", "Pad", "LeakyRelu"]
    assert onnx.numpy_helper.to_array(model.graph.initializer[0]).tolist() == graph().constants[0][1].tolist()


def test_the_runtime_runs_it():
    session = onnxruntime.InferenceSession(onnx_bytes(graph(), producer="test"))
    (out,) = session.run(None, {"in": np.full((2, 3, 5, 300), -1, np.float32)})
    assert out.shape == (2, 2, 4, 300)
    assert out[0, 0, 1, 5] == -0.5 * np.arange(27).sum()
    assert (out[:, :, 3] == 0).all()


def test_the_same_graph_gives_the_same_bytes():
    assert onnx_bytes(graph(), producer="test") == onnx_bytes(graph(), producer="test")
