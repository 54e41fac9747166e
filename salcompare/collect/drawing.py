"""A drawn face whose features' boxes are known: what practice is done on where a study brings nothing of its own."""

from __future__ import annotations

import io
from functools import lru_cache

WIDTH, HEIGHT = 480, 600
IMAGE = "example/face"

FEATURES: dict[str, tuple[int, int, int, int]] = {  # x0, y0, x1, y1, half-open
    "nose": (204, 268, 276, 372),
    "lips": (170, 414, 310, 468),
    "eyes": (118, 226, 362, 278),
    "chin": (180, 486, 300, 556),
}
"""Features to ask for, in the order of asking, and their boxes."""

_SMOOTH = 3  # drawn so many times larger, for edges without steps
_SKIN, _SHADE, _HAIR, _BROW = (226, 188, 160), (196, 150, 122), (74, 52, 40), (62, 44, 34)


@lru_cache(maxsize=1)
def drawn_face() -> bytes:
    """Draw the face; the bytes of a PNG."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (WIDTH * _SMOOTH, HEIGHT * _SMOOTH), (222, 228, 232))
    draw = ImageDraw.Draw(picture)

    def oval(x0: int, y0: int, x1: int, y1: int, tone: tuple[int, int, int]) -> None:
        """Fill an oval, in pixels of the finished picture."""
        draw.ellipse([edge * _SMOOTH for edge in (x0, y0, x1, y1)], fill=tone)

    oval(84, 40, 396, 420, _HAIR)
    for x in (66, 372):  # ears
        oval(x, 246, x + 42, 340, _SHADE)
    oval(92, 76, 388, 560, _SKIN)
    for x in (124, 276):
        draw.arc([edge * _SMOOTH for edge in (x, 196, x + 80, 240)], 190, 350, fill=_BROW, width=9 * _SMOOTH)
        oval(x - 2, 230, x + 82, 274, (250, 250, 248))
        oval(x + 23, 232, x + 59, 272, (78, 104, 120))
        oval(x + 33, 243, x + 49, 261, (24, 24, 28))
    draw.polygon([(x * _SMOOTH, y * _SMOOTH) for x, y in ((232, 270), (248, 270), (274, 356), (206, 356))], fill=_SHADE)
    oval(206, 332, 274, 370, _SHADE)
    oval(172, 416, 308, 466, (186, 92, 96))
    draw.line([(176 * _SMOOTH, 441 * _SMOOTH), (304 * _SMOOTH, 441 * _SMOOTH)], fill=(130, 56, 62), width=4 * _SMOOTH)
    draw.arc([edge * _SMOOTH for edge in (186, 476, 294, 552)], 30, 150, fill=_SHADE, width=6 * _SMOOTH)
    stream = io.BytesIO()
    picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(stream, "PNG")
    return stream.getvalue()
