"""Photographs decoded: every kind of file, turned, cut, damaged, or once transferred as text."""

import re
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageFile

from salcompare.sources import UnreadablePhotographError, decode_photograph, read_photograph, resize_photograph
from salcompare.sources.decoding import MAX_PIXELS, undo_text_mode
from tests.sources.photos import encoded, picture


def png(width, height, *, depth=8, colour=2, rows=b""):
    """A PNG written by hand: its header may claim any size."""
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def refused(content, **options):
    with pytest.raises(UnreadablePhotographError) as caught:
        decode_photograph(content, **options)
    assert caught.value.detail
    return caught.value.reason


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_colour_comes_out_as_it_went_in(kind):
    assert np.array_equal(decode_photograph(encoded(picture(), kind)), picture())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "JPEG2000"])
def test_lossy_formats_come_out_close(kind):
    difference = decode_photograph(encoded(picture(), kind, quality=95)).astype(int) - picture()
    assert np.abs(difference).mean() < 6


def test_greyscale_becomes_three_equal_channels():
    grey = picture()[..., 0]
    assert np.array_equal(decode_photograph(encoded(grey)), np.stack([grey] * 3, axis=-1))


def test_transparency_is_laid_on_white():
    rgba = np.array([[[200, 100, 0, 255], [200, 100, 0, 0], [0, 0, 0, 51]]], dtype=np.uint8)
    assert decode_photograph(encoded(rgba)).tolist() == [[[200, 100, 0], [255, 255, 255], [204, 204, 204]]]


def test_a_transparent_palette_colour_is_laid_on_white():
    indexed = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), mode=None).convert("P")
    indexed.putpalette([10, 20, 30, 40, 50, 60])
    assert decode_photograph(encoded(indexed, transparency=1)).tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_palette_becomes_its_colours():
    quantised = Image.fromarray(picture()).quantize(16)
    assert np.array_equal(decode_photograph(encoded(quantised)), np.asarray(quantised.convert("RGB")))


def test_cmyk_becomes_rgb():
    ink = Image.fromarray(picture()).convert("CMYK")
    assert np.array_equal(decode_photograph(encoded(ink, "TIFF")), picture())
    assert np.abs(decode_photograph(encoded(ink, "JPEG", quality=95)).astype(int) - picture()).mean() < 6


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_to_eight_and_rounded(kind):
    wide = np.array([[0, 128, 129, 257, 32768, 65406, 65407, 65535]], dtype=np.uint16)
    assert decode_photograph(encoded(wide, kind))[0, :, 0].tolist() == [0, 0, 1, 1, 128, 254, 255, 255]


def test_a_sixteen_bit_pgm_is_scaled_by_its_own_white():
    content = b"P5\n2 1\n4095\n" + struct.pack(">HH", 0, 4095)
    assert decode_photograph(content)[0, :, 0].tolist() == [0, 255]


def test_sixteen_bit_colour_is_scaled():
    rows = b"\0" + struct.pack(">6H", 0, 32768, 65535, 257, 514, 65535)
    assert decode_photograph(png(2, 1, depth=16, rows=rows)).tolist() == [[[0, 128, 255], [1, 2, 255]]]


def test_pixels_without_a_known_white_are_refused():
    assert refused(encoded(Image.fromarray(np.ones((2, 2), dtype=np.float32)), "TIFF")) == "unsupported"
    assert refused(encoded(Image.fromarray(np.ones((2, 2), dtype=np.int32)), "TIFF")) == "unsupported"


@pytest.mark.parametrize(("orientation", "upright"), [
    (1, lambda p: p), (2, np.fliplr), (3, lambda p: np.rot90(p, 2)), (4, np.flipud),
    (5, lambda p: p.transpose(1, 0, 2)), (6, lambda p: np.rot90(p, -1)),
    (7, lambda p: np.rot90(p, 2).transpose(1, 0, 2)), (8, np.rot90)])
def test_exif_orientation_is_applied(orientation, upright):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(decode_photograph(encoded(picture(), exif=exif)), upright(picture()))


def test_sixteen_bit_and_transparent_photographs_are_turned_too():
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = (picture()[..., 0].astype(np.uint16)) * 257
    assert np.array_equal(decode_photograph(encoded(wide, exif=exif))[..., 0], np.rot90(picture()[..., 0], -1))
    rgba = np.dstack([picture(), np.full(picture().shape[:2], 255, np.uint8)])
    assert np.array_equal(decode_photograph(encoded(rgba, exif=exif)), np.rot90(picture(), -1))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(kind):
    first, second = (Image.fromarray(picture(seed)).quantize(32).convert("RGB") for seed in (1, 2))
    extra = {"lossless": True} if kind == "WEBP" else {}
    moving = encoded(first, kind, save_all=True, append_images=[second], **extra)
    assert np.abs(decode_photograph(moving).astype(int) - np.asarray(first)).mean() < 1


def test_a_camera_s_several_pictures_in_one_file_give_the_first():
    both = encoded(Image.fromarray(picture(1)), "MPO", save_all=True, append_images=[Image.fromarray(picture(2))],
                   quality=95)
    assert np.abs(decode_photograph(both).astype(int) - picture(1)).mean() < 6


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_file_cut_short_is_refused(kind, part):
    whole = encoded(picture(), kind)
    assert refused(whole[:int(part * len(whole))]) in {"truncated", "damaged", "not_an_image"}


def test_a_truncated_jpeg_is_refused_even_if_other_code_told_pillow_to_fill_it(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    whole = encoded(picture(), "JPEG")
    assert refused(whole[:len(whole) * 3 // 4]) == "truncated"
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


@pytest.mark.parametrize("content", [b"text\n", b"\x00" * 100, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
                                     b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_what_is_no_photograph_is_refused(content):
    assert refused(content) == "not_an_image"


def test_an_empty_file_is_refused_as_such():
    assert refused(b"") == "empty"


@pytest.mark.parametrize("side", [12_000, 60_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side):
    assert side * side > MAX_PIXELS
    assert refused(png(side, side, rows=b"\0" * 1000)) == "too_large"


def test_the_limit_on_pixels_is_ours_and_pillow_s_own_is_left_alone(monkeypatch):
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert refused(png(10_000, 10_000)) in {"truncated", "damaged"}  # 100 million: allowed, but nothing in it
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert refused(png(60_000, 60_000)) == "too_large"
    monkeypatch.undo()
    assert before == Image.MAX_IMAGE_PIXELS


@settings(max_examples=150)
@given(st.data())
def test_damaged_bytes_are_decoded_or_refused_but_never_crash(data):
    content = bytearray(encoded(picture(height=8, width=8), data.draw(st.sampled_from(["JPEG", "PNG", "TIFF", "GIF"]))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = decode_photograph(bytes(content))
    except UnreadablePhotographError as error:
        assert error.reason in {"not_an_image", "truncated", "damaged", "too_large", "unsupported"}  # noqa: PT017
    else:
        assert pixels.dtype == np.uint8
        assert pixels.shape[2] == 3


def test_a_box_is_cut_out_half_open_and_no_further_than_the_photograph():
    whole = encoded(picture(height=24, width=20))
    assert np.array_equal(decode_photograph(whole, box=(2, 3, 10, 8)), picture()[3:8, 2:10])
    assert np.array_equal(decode_photograph(whole, box=(-5, 20, 90, 90)), picture()[20:, :])
    assert refused(whole, box=(20, 0, 30, 10)) == "box_outside"


def test_a_file_is_read_as_its_bytes_and_a_missing_one_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(picture()))
    assert np.array_equal(read_photograph(tmp_path / "a.png"), picture())
    with pytest.raises(UnreadablePhotographError, match="No such file"):
        read_photograph(tmp_path / "b.png")


def test_resizing_gives_the_grid_and_does_not_keep_the_aspect():
    assert resize_photograph(picture(height=112, width=92), (227, 113)).shape == (227, 113, 3)


def test_resizing_averages_what_it_shrinks():
    """A checkerboard of single pixels is grey from afar; without antialiasing it would be black or white."""
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    small = resize_photograph(np.stack([board.astype(np.uint8)] * 3, axis=-1), (8, 8))
    assert np.abs(small.astype(int) - 127).max() <= 2


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 255))
@settings(max_examples=40)
def test_a_flat_photograph_stays_flat_at_any_size(height, width, level):
    assert (resize_photograph(np.full((height, width, 3), level, dtype=np.uint8), (17, 23)) == level).all()


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
