import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from salcompare.sources import UnreadablePhotographError, decode_photograph
from salcompare.sources.text_mode import undo_text_mode
from tests.sources.photos import encoded, picture


def as_text(content):
    """What a transfer in text mode makes of a file: line feeds get a return, unless they have one."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", content)


def face(*, tens=()):
    pixels = np.maximum(picture(3, height=40, width=30)[..., 0], 20)
    for y, x in tens:
        pixels[y, x] = 10
    return pixels


def test_pixels_of_value_ten_lose_their_carriage_return():
    content = encoded(face(tens=[(3, 4), (3, 9), (30, 0)]), "PPM")
    assert len(as_text(content)) == len(content) + 3 + 3
    assert undo_text_mode(as_text(content)) == content
    assert np.array_equal(decode_photograph(as_text(content))[..., 0], face(tens=[(3, 4), (3, 9), (30, 0)]))


def test_a_header_alone_in_text_mode_is_put_right():
    content = encoded(face(), "PPM")
    assert np.array_equal(decode_photograph(content.replace(b"\n", b"\r\n", 3))[..., 0], face())


def test_a_return_that_is_a_pixel_is_kept_where_the_picture_stays_smooth():
    pixels = face(tens=[(5, 5), (20, 8), (33, 20)])
    pixels[20, 7] = 13
    content = encoded(pixels, "PPM")
    assert undo_text_mode(as_text(content)) == content


def test_colour_is_mended_too():
    pixels = np.maximum(picture(4), 20)
    pixels[2, 3, 1] = 10
    assert np.array_equal(decode_photograph(as_text(encoded(pixels, "PPM"))), pixels)


@pytest.mark.parametrize("cut", [1, 2, 300])
def test_a_file_cut_short_is_refused_still(cut):
    with pytest.raises(UnreadablePhotographError, match="truncated"):
        decode_photograph(as_text(encoded(face(), "PPM"))[:-cut])


def test_a_damaged_header_is_refused():
    with pytest.raises(UnreadablePhotographError):
        decode_photograph(b"P5\r\nwide high\r\n255\r\n")


@settings(max_examples=60)
@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)),
                  elements=st.sampled_from([0, 9, 10, 11, 14, 200])))
def test_without_returns_among_the_pixels_every_file_comes_back(pixels):
    content = encoded(pixels, "PPM")
    assert undo_text_mode(as_text(content)) == content
