"""From boxes to coverage: which share of the responses covers each pixel."""

import itertools

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps.alignment import covered_by_image, is_aligned
from salcompare.maps.checks import image_coords, natural_order, pixel_coords, require_size, text_of

EDGES = ("x0", "y0", "x1", "y1")
CONVENTION = ("half-open boxes (x0 <= x < x1), pixels of the image as shown, origin top left; scaled to the grid, "
              "edges rounded half up, at least one pixel each")
ALIGNED = ("half-open boxes (x0 <= x < x1), pixels of the image as shown, origin top left; a pixel of the aligned grid "
           "is covered where the place that its centre shows is, at least one pixel of a box whose middle is in it")


def rasterise_boxes(responses: pd.DataFrame, images: pd.DataFrame, *, size: tuple[int, int],
                    inputs_sha256: str | None = None) -> xr.Dataset:
    """Turn boxes into maps of coverage.

    Parameters
    ----------
    responses : DataFrame
        One row a box: ``image`` and the edges ``x0, y0, x1, y1`` in pixels of the image as shown, half-open;
        ``response`` names the row in errors.
    images : DataFrame
        One row an image: ``image``, ``actor``, ``height`` and ``width`` in pixels; ``split``, ``group`` and
        ``shoot`` are kept as coordinates where they are there. Where photographs are aligned
        (`salcompare.maps.alignment.COLUMNS`), so are the maps, and what the grid does not show of a box is lost.
    size : (int, int)
        Height and width of the grid of the maps.
    inputs_sha256 : str, optional
        Hash of what the responses were read from, kept in attrs.

    Returns
    -------
    Dataset (image, y, x)
        ``coverage``, float32 in [0, 1]: share of the image's responses whose box covers the pixel; ``n_responses``
        (image). Images stand in the order of `images`; those without responses are left out and counted in attrs.

    Raises
    ------
    InputError
        Naming every response whose image is unknown, or whose box is not finite, empty, turned round or outside
        its image.

    Notes
    -----
    Boxes are counted by summed differences: the cost is boxes + pixels, whatever the area of the boxes.
    """
    height, width = require_size(size)
    edges, rows = _checked(responses, images)
    used, codes = np.unique(rows, return_inverse=True)
    counts = _counts(edges, images, rows, codes, (used.size, height, width))
    n_responses = np.bincount(codes, minlength=used.size)
    attrs = {"boxes": ALIGNED if is_aligned(images) else CONVENTION,
             "n_images_without_responses": len(images) - used.size,
             **({"inputs_sha256": inputs_sha256} if inputs_sha256 else {}), **_origins(responses)}
    return xr.Dataset(
        {"coverage": (("image", "y", "x"), _share(counts, n_responses)), "n_responses": ("image", n_responses)},
        coords={**image_coords(images.iloc[used]), **pixel_coords(height, width)}, attrs=attrs)


def count_boxes(responses: pd.DataFrame, images: pd.DataFrame, of: NDArray[np.intp], *, n_maps: int,
                size: tuple[int, int]) -> NDArray[np.int32]:
    """Count the boxes that cover each pixel of maps that hold boxes of several images: (map, y, x).

    `of` is the map (response,) that each box is counted in; all else, errors too, is as for `rasterise_boxes`.
    """
    edges, rows = _checked(responses, images)
    return _counts(edges, images, rows, of, (n_maps, *require_size(size)))


def rasterise_actor_boxes(responses: pd.DataFrame, *, size: tuple[int, int]) -> xr.DataArray:
    """Turn boxes that are known by actor only, not by image, into heatmaps.

    Parameters
    ----------
    responses, size
        As for `rasterise_boxes`, errors too, with ``actor`` for ``image``, and edges in pixels of the grid.

    Returns
    -------
    DataArray (actor, y, x), float32
        Share of the actor's responses whose box covers the pixel, in [0, 1]; coordinate ``n_responses`` (actor).
    """
    height, width = require_size(size)
    _require_columns(responses, ("actor", *EDGES), "responses")
    edges, frames = _edges(responses), np.full((len(responses), 2), (height, width), dtype=np.float64)
    _require_inside(responses, edges, frames, np.zeros(len(responses), dtype=np.intp))
    actors = natural_order(responses["actor"].tolist())
    codes = pd.Index(actors).get_indexer(pd.Index(responses["actor"]))
    counts = _count_boxes(_scaled(edges, frames, (height, width)), codes, (actors.size, height, width))
    n_responses = np.bincount(codes, minlength=actors.size)
    return xr.DataArray(
        _share(counts, n_responses), dims=("actor", "y", "x"), name="heatmap",
        coords={"actor": text_of(actors), **pixel_coords(height, width), "n_responses": ("actor", n_responses)},
        attrs={"boxes": CONVENTION, "weights": "n_responses", **_origins(responses)})


def _checked(responses: pd.DataFrame, images: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Hold boxes to their images; gives edges (box, 4) and each box's row in `images`."""
    _require_columns(responses, ("image", *EDGES), "responses")
    _require_columns(images, ("image", "actor", "height", "width"), "images")
    twice = images["image"][images["image"].duplicated()].unique()
    small = images[~((images["height"] > 0) & (images["width"] > 0))]
    problems = [Problem("images", f"image {name!r} is listed twice", "one row an image") for name in twice]
    problems += [Problem(f"image {name!r}", f"height={height} and width={width}", "positive numbers of pixels")
                 for name, height, width in zip(small["image"], small["height"], small["width"], strict=True)]
    if problems:
        raise InputError(problems)
    rows = pd.Index(images["image"]).get_indexer(pd.Index(responses["image"]))
    edges = _edges(responses)
    _require_inside(responses, edges, images[["height", "width"]].to_numpy(dtype=np.float64)[rows], rows)
    return edges, rows


def _counts(edges: NDArray[np.float64], images: pd.DataFrame, rows: NDArray[np.intp], codes: NDArray[np.intp],
            shape: tuple[int, int, int]) -> NDArray[np.int32]:
    """Count boxes in maps of a shape; `rows` are those of their images, `codes` their maps."""
    if not is_aligned(images):
        frames = images[["height", "width"]].to_numpy(dtype=np.float64)[rows]
        return _count_boxes(_scaled(edges, frames, shape[1:]), codes, shape)
    counts = np.zeros(shape, np.int32)
    for boxes, inside in covered_by_image(edges, images, rows, shape[1:]):
        for code, one in zip(codes[boxes].tolist(), inside, strict=True):
            counts[code] += one
    return counts


def _share(counts: NDArray[np.int32], n_responses: NDArray[np.int64]) -> NDArray[np.float32]:
    shares = counts.astype(np.float32)
    shares /= n_responses.astype(np.float32)[:, None, None]
    return shares


def _edges(responses: pd.DataFrame) -> NDArray[np.float64]:
    """Columns x0, y0, x1, y1 as one array (box, 4)."""
    try:
        return responses[list(EDGES)].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InputError(Problem("responses", f"edges that are not numbers ({error})", "numbers of pixels")) from error


def _scaled(edges: NDArray[np.float64], frames: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.int32]:
    """Edges (box, 4) in pixels of frames (box, 2: height, width) as edges in pixels of a grid."""
    scaled = np.empty(edges.shape, dtype=np.int32)
    for low, high, dim in ((0, 2, 1), (1, 3, 0)):  # x0 and x1 by the width, y0 and y1 by the height
        scaled[:, low], scaled[:, high] = scale_edges(edges[:, low], edges[:, high], frames[:, dim], size[dim])
    return scaled


def _origins(responses: pd.DataFrame) -> dict[str, object]:
    """Say where the responses came from, if they say so, so that simulated ones are known by their maps."""
    if "origin" not in responses:
        return {}
    return {"origin": ", ".join(natural_order(responses["origin"].dropna().astype(str).unique().tolist()).tolist())}


def _require_columns(frame: pd.DataFrame, columns: tuple[str, ...], where: str) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise InputError(Problem(where, f"no column {', '.join(map(repr, missing))}", "columns " + ", ".join(columns),
                                 "found " + ", ".join(map(str, frame.columns))))


def _require_inside(responses: pd.DataFrame, edges: NDArray[np.float64], frames: NDArray[np.float64],
                    rows: NDArray[np.intp]) -> None:
    """Hold every box to lying within its frame; rows of -1 are of an unknown image."""
    x0, y0, x1, y1 = edges.T
    good = (x0 >= 0) & (y0 >= 0) & (x0 < x1) & (y0 < y1) & (x1 <= frames[:, 1]) & (y1 <= frames[:, 0]) & (rows >= 0)
    bad = np.flatnonzero(~good)
    if bad.size:
        raise InputError([_box_problem(responses.iloc[at], edges[at], frames[at], known=bool(rows[at] >= 0))
                          for at in bad])


def _box_problem(response: pd.Series, edges: NDArray[np.float64], frame: NDArray[np.float64], *,
                 known: bool) -> Problem:
    where = f"response {response['response']!r}" if "response" in response else f"responses row {response.name}"
    if not known:
        return Problem(where, f"image {response['image']!r} is not among the images", "an image of this study")
    on = f"image {response['image']!r}" if "image" in response else "the grid"
    x0, y0, x1, y1 = edges
    if not np.isfinite(edges).all():
        return Problem(where, f"x0={x0:g}, y0={y0:g}, x1={x1:g}, y1={y1:g} on {on}", "finite numbers of pixels")
    for low, high, name, extent, length in ((x0, x1, "x", "width", frame[1]), (y0, y1, "y", "height", frame[0])):
        if low >= high:
            return Problem(where, f"{name}0={low:g} >= {name}1={high:g} on {on}", f"{name}0 < {name}1",
                           "give the box's top left corner first")
        if low < 0:
            return Problem(where, f"{name}0={low:g} < 0 on {on}", f"{name}0 >= 0", "draw boxes in pixels of the image, "
                           "or pass --clip when reading them")
        if high > length:
            return Problem(where, f"{name}1={high:g} > {extent} {length:g} of {on}", f"{name}1 <= {extent}",
                           "draw boxes in pixels of the image, or pass --clip when reading them")
    raise AssertionError  # the caller passes only boxes that fail one of these


_CELLS = 1 << 19  # of one block of the difference array, so that it stays in the processor's cache


def scale_edges(low: NDArray[np.float64], high: NDArray[np.float64], length: NDArray[np.float64],
                n: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Scale intervals [low, high) (box,) of an image's `length` in pixels along a dim to whole pixels of a grid of n.

    Edges, 0 <= low < high <= length, are rounded half up, so that 0 <= low < high <= n; an interval that rounding would
    empty keeps the pixel that its middle lies in.
    """
    first = np.floor(low * n / length + 0.5)
    last = np.floor(high * n / length + 0.5)
    empty = last <= first
    if empty.any():
        middle = np.floor((low[empty] + high[empty]) * n / (2 * length[empty]))
        first[empty] = np.clip(middle, 0, n - 1)
        last[empty] = first[empty] + 1
    return first.astype(np.int32), last.astype(np.int32)


def _count_boxes(edges: NDArray[np.int32], codes: NDArray[np.intp], shape: tuple[int, int, int]) -> NDArray[np.int32]:
    """Count how many boxes, edges (box, 4) of the map `codes` (box), cover each pixel of maps of a shape (map, y, x).

    A box adds 1 at its top left and bottom right corners and takes 1 at the other two; running sums down and across
    then give the counts. Maps are taken in blocks that fit the processor's cache.
    """
    n_maps, height, width = shape
    counts = np.empty(shape, dtype=np.int32)
    row, page = width + 1, (height + 1) * (width + 1)
    maps_a_block = max(1, _CELLS // page)
    block_of = codes // maps_a_block
    order = np.argsort(block_of, kind="stable")
    starts = np.searchsorted(block_of[order], np.arange(-(-n_maps // maps_a_block) + 1))
    edges, codes = edges[order], codes[order]
    for block, (start, stop) in enumerate(itertools.pairwise(starts.tolist())):
        first = block * maps_a_block
        out = counts[first:first + maps_a_block]
        x0, y0, x1, y1 = edges[start:stop].T.astype(np.intp)
        pages = (codes[start:stop] - first) * page
        top, bottom = pages + y0 * row, pages + y1 * row
        plus = np.bincount(np.concatenate([top + x0, bottom + x1]), minlength=len(out) * page)
        plus -= np.bincount(np.concatenate([top + x1, bottom + x0]), minlength=len(out) * page)
        corners = plus.reshape(len(out), height + 1, row)[:, :-1, :-1]
        np.cumsum(corners, axis=2, out=out, dtype=np.int32)
        np.cumsum(out, axis=1, out=out)
    return counts
