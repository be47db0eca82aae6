"""The shipped calibration is of this engine: whoever changes how it embeds has to calibrate again."""

import pytest

from faces_onnx.engine import MODEL, DlibEngine
from hub.calibration import load_calibration
from hub.errors import ModelError
from hub.evaluation.calibration import calibrate_faces
from hub.models import CALIBRATIONS, find_model, read_model


@pytest.mark.slow
@pytest.mark.data
def test_the_set_measured_again_says_the_same(shared_data):
    """All of it, about a minute: a part of the people scatters more than a change of the engine would show."""
    digest = find_model(MODEL).sha256
    try:
        engine = DlibEngine(read_model("centerface"), read_model(MODEL), digest=digest)
    except ModelError as error:
        pytest.skip(str(error))
    shipped = load_calibration(digest, CALIBRATIONS)
    again = calibrate_faces(shared_data / "faces" / "images", shipped.set, engine)
    assert (again.digest, again.people, again.pictures) == (shipped.digest, shipped.people, shipped.pictures)
    for budget in (0.5, 0.01, 0.001):
        assert abs(again.threshold(budget) - shipped.threshold(budget)) <= shipped.width
