"""Picture files: what is decoded, and what is refused with one line."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import InputError
from hub.vision.pictures import MOST_PIXELS, decode_picture, read_header


def picture(width=60, height=40):
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = (10, 200, 90)
    return image


def encoded(suffix, image=None, parameters=()):
    done, data = cv2.imencode(suffix, picture() if image is None else image, list(parameters))
    assert done
    return data.tobytes()


ENCODINGS = {
    "jpeg": (".jpg", ()),
    "progressive": (".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
    "png": (".png", ()),
    "bmp": (".bmp", ()),
    "webp": (".webp", (cv2.IMWRITE_WEBP_QUALITY, 80)),
    "webp-lossless": (".webp", (cv2.IMWRITE_WEBP_QUALITY, 101)),
}


@pytest.mark.parametrize(("suffix", "parameters"), ENCODINGS.values(), ids=ENCODINGS)
def test_every_known_kind_is_decoded_and_its_header_read(suffix, parameters):
    data = encoded(suffix, parameters=parameters)
    header = read_header(data)
    assert (header.width, header.height, header.complete) == (60, 40, True)
    image = decode_picture(data)
    assert (image.shape, image.dtype) == ((40, 60, 3), np.uint8)
    assert abs(int(image[5, 5, 1]) - 200) < 6
    assert not image.flags.writeable


@pytest.mark.parametrize(("suffix", "parameters"), ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_a_picture_cut_off_is_refused(suffix, parameters, share):
    data = encoded(suffix, np.random.default_rng(1).integers(0, 255, (40, 60, 3), np.uint8), parameters)
    with pytest.raises(InputError):
        decode_picture(data[: int(len(data) * share)])


def with_thumbnail(jpeg, thumbnail):
    """Put a whole JPEG into an APP1 segment, as cameras do."""
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + jpeg[2:]


def test_the_end_of_a_thumbnail_is_not_taken_for_the_end_of_the_picture():
    whole = with_thumbnail(encoded(".jpg"), encoded(".jpg", picture(16, 12)))
    assert read_header(whole).width == 60
    assert decode_picture(whole).shape == (40, 60, 3)
    with pytest.raises(InputError, match="cut off"):
        decode_picture(whole[:-30])


def test_a_photo_is_turned_upright():
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    data = with_thumbnail(encoded(".jpg"), b"Exif\0\0" + tiff)
    assert decode_picture(data).shape == (60, 40, 3)


def huge_png(side):
    """Write only a header: nothing of it would be worth decoding."""
    body = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IEND\xaeB`\x82"


def test_a_hundred_megapixels_are_refused_by_the_header_alone():
    with pytest.raises(InputError, match=r"^10000 x 10000 pixels are more than the 64 megapixels"):
        decode_picture(huge_png(10_000))
    assert MOST_PIXELS < 10_000**2


def test_a_single_pixel_is_a_picture():
    assert decode_picture(encoded(".png", np.full((1, 1, 3), 7, np.uint8))).tolist() == [[[7, 7, 7]]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"plate,region\nABC,DE\n", "not a picture"),
        (b"\xff\xd8\xff", "cut off"),
        (b"RIFF\x10\0\0\0WEBPXXXX" + bytes(40), "damaged"),
        (encoded(".png")[:60] + bytes(40) + b"IEND", "damaged"),
    ],
)
def test_what_is_no_picture_is_said_in_one_line(data, words):
    with pytest.raises(InputError, match=words) as caught:
        decode_picture(data)
    assert "\n" not in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=60),
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"BM", b"RIFF0000WEBP"]),
)
def test_any_bytes_give_pixels_or_an_input_error(data, start):
    try:
        image = decode_picture(start + data)
    except InputError:
        return
    assert image.ndim == 3
