"""A photograph's bytes to pixels: every kind of file becomes RGB, 8 bits, upright, or is refused by name."""

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from salcompare.errors import ReasonedError

Pixels = NDArray[np.uint8]  # (y, x, channel), RGB
Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels of the upright photograph, half-open

MAX_PIXELS = 1 << 27
"""Width x height above which a file is refused unread: 134 million, half a gigabyte once decoded."""

# Only formats that photographs come in: others start programs (EPS) or hold no photograph.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF", "JPEG2000")


class UnreadablePhotographError(ReasonedError):
    """A file that cannot be used as a photograph, with a `reason` for machines and a `detail` for people.

    Reasons are empty, not_an_image, truncated, damaged, too_large, unsupported, unreadable and box_outside.
    """


def decode_photograph(content: bytes, *, box: Box | None = None) -> Pixels:
    """Decode a photograph as a viewer would show it, to uint8 (y, x, 3).

    Greyscale, palette and CMYK become RGB; transparency is laid on white; 16 bits are scaled to 8; the EXIF
    orientation is applied; of an animation the first frame is taken; a PGM that was once transferred as text gets its
    line ends back.

    Parameters
    ----------
    content : bytes
        A whole file.
    box : (x0, y0, x1, y1), optional
        Cut this half-open box out of the upright photograph; what reaches over the edge is not there to be cut.

    Raises
    ------
    UnreadablePhotographError
        With its reason, such as for more than `MAX_PIXELS` pixels, or a box that lies outside the photograph.
    """
    return _decode(io.BytesIO(content), box)


def read_photograph(path: Path, *, box: Box | None = None) -> Pixels:
    """Decode a photograph's file, as `decode_photograph` does its bytes."""
    try:
        with path.open("rb") as stream:
            return _decode(stream, box)
    except OSError as error:
        raise UnreadablePhotographError("unreadable", f"cannot be read: {error.strerror or error}") from error


def resize_photograph(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Resize a photograph, uint8 (y, x, 3), to a grid's (height, width) without keeping its aspect.

    Lanczos with antialiasing, in Pillow's integer arithmetic, which gives the same bytes on every machine.
    """
    height, width = size
    resized: Pixels = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))
    return resized


def _decode(stream: BinaryIO, box: Box | None) -> Pixels:
    start = stream.read(4)
    if not start:
        raise UnreadablePhotographError("empty", "the file has no bytes")
    if is_text_mode(start):
        stream = io.BytesIO(undo_text_mode(start + stream.read()))
    stream.seek(0)
    with strict():
        try:
            with Image.open(stream, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:  # by the header, before anything is decoded
                    raise UnreadablePhotographError("too_large", f"{image.width} x {image.height} pixels, "
                                                    f"more than {MAX_PIXELS:,} in all: a decompression bomb?")
                image.load()
                return _crop(np.asarray(_rgb(ImageOps.exif_transpose(image), image.format)), box)
        except (UnreadablePhotographError, MemoryError):
            raise
        except UnidentifiedImageError as error:
            raise UnreadablePhotographError("not_an_image", "no photograph in a format that can be read; "
                                            "save it as JPEG or PNG") from error
        except Image.DecompressionBombError as error:
            raise UnreadablePhotographError("too_large", str(error)) from error
        except Exception as error:  # decoders raise all sorts of errors on malformed bytes
            reason = "truncated" if "truncat" in str(error).lower() else "damaged"
            raise UnreadablePhotographError(reason, f"cannot be decoded: {error}") from error


@contextlib.contextmanager
def strict() -> Iterator[None]:
    """Refuse truncated files whatever other code has told Pillow, and keep its warnings about files to ourselves."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before


def _rgb(image: Image.Image, file_format: str | None) -> Image.Image:
    # Pillow scales a PGM of more than 8 bits to 65535, whatever white it states.
    if image.mode.startswith("I;16") or (image.mode == "I" and file_format == "PPM"):
        wide: NDArray[np.int64] = np.asarray(image).astype(np.int64)
        return Image.fromarray(((wide + 128) // 257).astype(np.uint8)).convert("RGB")  # rounded: 65535 = 257 * 255
    if image.mode in {"I", "F"}:
        # Their white is nowhere stated, so any scale would be a guess.
        raise UnreadablePhotographError("unsupported", f"{image.mode} pixels (32 bits); save it with 8 or 16 bits")
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque).convert("RGB")
    return image.convert("RGB")


def _crop(pixels: Pixels, box: Box | None) -> Pixels:
    if box is None:
        return pixels
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height)
    if x0 >= x1 or y0 >= y1:
        raise UnreadablePhotographError("box_outside", f"box {box} lies outside the photograph's {width} x {height}")
    return pixels[y0:y1, x0:x1]


_HEADER = re.compile(rb"P([56])\r\n(?:#[^\n]*\n)*(\d+)\s+(\d+)\s+(\d+)\r\n")


def is_text_mode(start: bytes) -> bool:
    """Say whether a file begins as a binary PGM or PPM does after a transfer as text."""
    return start.startswith((b"P5\r\n", b"P6\r\n"))


def undo_text_mode(content: bytes) -> bytes:
    """Take the carriage returns of a whole file, for which `is_text_mode` holds, out again.

    A pixel of value 13 before one of value 10 looks like a carriage return that was added. If the result is one byte
    short, one such pair was there before; it is taken to be the one that leaves the picture smoothest from row to
    row, for all rows below a wrong choice would be shifted. (A file that lost just its last byte looks the same.) A
    file cut short stays cut short.
    """
    match = _HEADER.match(content)
    if match is None:
        return content
    kind, width, height, white = (int(number) for number in match.groups())
    row = width * (3 if kind == 6 else 1) * (2 if white > 255 else 1)
    pixels = content[match.end():]
    if len(pixels) != row * height:  # else only the header was changed
        pixels = _without_returns(pixels, row, height)
    return b"P%d\n%d %d\n%d\n" % (kind, width, height, white) + pixels


def _without_returns(pixels: bytes, row: int, height: int) -> bytes:
    without = pixels.replace(b"\r\n", b"\n")
    if len(without) != row * height - 1:
        return without
    feeds = [match.start() for match in re.finditer(rb"\n", without)]
    kept = (without[:feed] + b"\r" + without[feed:] for feed in feeds)

    def roughness(candidate: bytes) -> int:
        """Sum of the differences between rows of pixels."""
        picture: NDArray[np.int16] = np.frombuffer(candidate, dtype=np.uint8).reshape(-1, row).astype(np.int16)
        return int(np.abs(np.diff(picture, axis=0)).sum())

    return min(kept, key=roughness, default=without)
