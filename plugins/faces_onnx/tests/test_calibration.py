"""The shipped calibration is of this engine: whoever changes how it embeds has to calibrate again."""

import pytest

from faces_onnx.engine import MODEL, DlibEngine
from hub.calibration import load_calibration
from hub.errors import ModelError
from hub.evaluation.calibration import calibrate_faces
from hub.models import CALIBRATIONS, find_model, read_model


@pytest.mark.slow
@pytest.mark.data
def test_a_part_of_the_set_says_the_same_as_the_calibration(shared_data, tmp_path):
    digest = find_model(MODEL).sha256
    try:
        engine = DlibEngine(read_model("centerface"), read_model(MODEL), digest=digest)
    except ModelError as error:
        pytest.skip(str(error))
    for folder in sorted((shared_data / "faces" / "images").iterdir())[::8]:
        (tmp_path / folder.name).symlink_to(folder)
    part, shipped = calibrate_faces(tmp_path, "part", engine), load_calibration(digest, CALIBRATIONS)
    assert abs(median(part) - median(shipped)) < 0.003
    assert 0.5 < part.rate(shipped.threshold(0.01)).value / 0.01 < 2


def median(calibration):
    return calibration.threshold(0.5)
