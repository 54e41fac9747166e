"""Overlap of boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]  # (..., 4): x0, y0, x1, y1, half-open


def iou(one: Boxes, other: Boxes) -> NDArray[np.float64]:
    """Area that two boxes share over the area that either covers; NaN where an edge is missing, 0 without area."""
    low, high = np.maximum(one[..., :2], other[..., :2]), np.minimum(one[..., 2:], other[..., 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=-1)
    areas = [np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1) for boxes in (one, other)]
    either = areas[0] + areas[1] - shared
    return np.asarray(np.where(either > 0, shared / np.where(either > 0, either, 1), either * 0.0), np.float64)
