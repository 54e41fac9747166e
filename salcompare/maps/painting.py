"""Counting boxes on a grid: scaling their edges, and summed differences."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

_CELLS = 1 << 19  # of one block of the difference array, so that it stays in the processor's cache


def scale_edges(low: NDArray[np.float64], high: NDArray[np.float64], length: NDArray[np.float64],
                n: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Scale intervals [low, high) within [0, length] to whole pixels of a grid of n.

    Parameters
    ----------
    low, high : ndarray (box)
        Edges, 0 <= low < high <= length.
    length : ndarray (box)
        Pixels of the image along this dim.
    n : int
        Pixels of the grid along this dim.

    Returns
    -------
    low, high : ndarray (box), int32
        Edges rounded half up, 0 <= low < high <= n. An interval that rounding would empty keeps the pixel that its
        middle lies in.
    """
    first = np.floor(low * n / length + 0.5)
    last = np.floor(high * n / length + 0.5)
    empty = last <= first
    if empty.any():
        middle = np.floor((low[empty] + high[empty]) * n / (2 * length[empty]))
        first[empty] = np.clip(middle, 0, n - 1)
        last[empty] = first[empty] + 1
    return first.astype(np.int32), last.astype(np.int32)


def count_boxes(edges: NDArray[np.int32], codes: NDArray[np.intp], shape: tuple[int, int, int]) -> NDArray[np.int32]:
    """Count how many boxes cover each pixel of each map.

    Parameters
    ----------
    edges : ndarray (box, 4)
        x0, y0, x1, y1 in pixels of the grid, half-open, within it.
    codes : ndarray (box)
        Which map a box belongs to.
    shape : (int, int, int)
        Maps, height, width.

    Returns
    -------
    ndarray (map, y, x), int32
        Exact counts.

    Notes
    -----
    A box adds 1 at its top left and bottom right corners and takes 1 at the other two; running sums down and across
    then give the counts. Maps are taken in blocks that fit the processor's cache.
    """
    n_maps, height, width = shape
    counts = np.empty(shape, dtype=np.int32)
    maps_a_block = max(1, _CELLS // ((height + 1) * (width + 1)))
    block_of = codes // maps_a_block
    order = np.argsort(block_of, kind="stable")
    starts = np.searchsorted(block_of[order], np.arange(-(-n_maps // maps_a_block) + 1))
    edges, codes = edges[order], codes[order]
    for block, (start, stop) in enumerate(itertools.pairwise(starts.tolist())):
        first = block * maps_a_block
        out = counts[first:first + maps_a_block]
        _count_block(edges[start:stop], codes[start:stop] - first, out)
    return counts


def _count_block(edges: NDArray[np.int32], codes: NDArray[np.intp], out: NDArray[np.int32]) -> None:
    n_maps, height, width = out.shape
    x0, y0, x1, y1 = edges.T.astype(np.intp)
    row, page = width + 1, (height + 1) * (width + 1)
    top, bottom = codes * page + y0 * row, codes * page + y1 * row
    plus = np.bincount(np.concatenate([top + x0, bottom + x1]), minlength=n_maps * page)
    plus -= np.bincount(np.concatenate([top + x1, bottom + x0]), minlength=n_maps * page)
    corners = plus.reshape(n_maps, height + 1, row)[:, :-1, :-1]
    np.cumsum(corners, axis=2, out=out, dtype=np.int32)
    np.cumsum(out, axis=1, out=out)
