"""A drawn house whose parts' boxes are known: what practice is done on where a study brings nothing of its own.

A house and not a face, so that practice suggests no feature for the trials.
"""

from __future__ import annotations

import io
from functools import lru_cache

WIDTH, HEIGHT = 480, 600
IMAGE = "example/house"

FEATURES: dict[str, tuple[int, int, int, int]] = {  # x0, y0, x1, y1, half-open
    "door": (260, 392, 342, 540),
    "window": (120, 352, 210, 442),
    "roof": (50, 150, 430, 310),
    "chimney": (322, 120, 372, 226),
}
"""Parts to ask for, in the order of asking, and their boxes."""

LABELS = (*FEATURES, "wall", "garden", "sky")
"""Labels offered in practice."""

_SMOOTH = 3  # drawn so many times larger, for edges without steps
_LINE, _WALL, _ROOF, _BRICK, _GLASS, _DOOR = ((109, 98, 88), (247, 239, 227), (168, 112, 92), (146, 92, 76),
                                              (188, 211, 226), (95, 127, 147))


@lru_cache(maxsize=1)
def drawn_house() -> bytes:
    """Draw the house; the bytes of a PNG."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (WIDTH * _SMOOTH, HEIGHT * _SMOOTH), (233, 238, 242))
    draw = ImageDraw.Draw(picture)

    def block(box: tuple[int, int, int, int], tone: tuple[int, int, int], line: int = 4) -> None:
        """Fill a rectangle with a rim inside it, in pixels of the finished picture."""
        x0, y0, x1, y1 = (edge * _SMOOTH for edge in box)
        draw.rectangle((x0, y0, x1 - 1, y1 - 1), fill=tone, outline=_LINE, width=line * _SMOOTH)

    block((-10, 520, WIDTH + 10, HEIGHT + 10), (207, 216, 200), 0)
    block((80, 290, 400, 540), _WALL)
    block(FEATURES["chimney"], _BRICK)
    x0, y0, x1, y1 = (edge * _SMOOTH for edge in FEATURES["roof"])
    draw.polygon([(x0, y1 - 1), ((x0 + x1) // 2, y0), (x1 - 1, y1 - 1)], fill=_ROOF, outline=_LINE, width=3 * _SMOOTH)
    block(FEATURES["window"], _GLASS)
    for bar in ((163, 352, 167, 442), (120, 395, 210, 399)):
        block(bar, _LINE, 0)
    block(FEATURES["door"], _DOOR)
    draw.ellipse([edge * _SMOOTH for edge in (322, 460, 332, 470)], fill=(244, 227, 181))
    stream = io.BytesIO()
    picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(stream, "PNG")
    return stream.getvalue()
