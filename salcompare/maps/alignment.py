"""From places of an aligned photograph to the grid: points are moved, and boxes cover what the grid shows of them.

What takes a photograph to the grid is a similarity, four columns of its row in the catalogue of images (`COLUMNS`);
photographs that are not aligned have none, and are scaled along each side.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

COLUMNS = ("align_a", "align_b", "align_x", "align_y")
"""A place (x, y) in pixels of the photograph is at (a x - b y + align_x, b x + a y + align_y) widths of the grid."""
Matrices = NDArray[np.float64]  # (..., 3, 3), of homogeneous places (x, y, 1)


def is_aligned(images: pd.DataFrame) -> bool:
    """Say whether a catalogue of images is of aligned photographs."""
    return set(COLUMNS) <= set(images.columns)


def transforms_of(images: pd.DataFrame, *, size: tuple[int, int]) -> xr.DataArray:
    """Give what takes each photograph's pixels to the grid's.

    Parameters
    ----------
    images : DataFrame
        One row an image: ``image``, ``height``, ``width`` and, where photographs are aligned, `COLUMNS`.
    size : (int, int)
        Height and width of the grid, of the proportions that photographs were aligned to.

    Returns
    -------
    DataArray (image, to, of)
        Matrices for homogeneous places (x, y, 1), in pixels whose first one's centre is 0.5, of photograph and grid.
    """
    matrices = np.zeros((len(images), 3, 3))
    matrices[:, 2, 2] = 1
    if is_aligned(images):
        a, b, x, y = size[1] * images[list(COLUMNS)].to_numpy(np.float64).T
        matrices[:, 0] = np.stack([a, -b, x], axis=1)
        matrices[:, 1] = np.stack([b, a, y], axis=1)
    else:
        matrices[:, 0, 0], matrices[:, 1, 1] = (n / images[side].to_numpy(np.float64) for n, side in (
            (size[1], "width"), (size[0], "height")))
    return xr.DataArray(matrices, dims=("image", "to", "of"), name="transform",
                        coords={"image": images["image"].to_numpy(str), "to": ["x", "y", "1"], "of": ["x", "y", "1"]})


def similarity_columns(matrices: Matrices, *, width: int) -> dict[str, NDArray[np.float64]]:
    """Give `COLUMNS` of similarities (image, 3, 3) to a grid so wide; `transforms_of` gives these again."""
    parts = matrices[:, 0, 0], matrices[:, 1, 0], matrices[:, 0, 2], matrices[:, 1, 2]
    return {name: values / width for name, values in zip(COLUMNS, parts, strict=True)}


def move_points(points: pd.DataFrame, transforms: xr.DataArray) -> pd.DataFrame:
    """Move points from their photographs to the grid.

    Parameters
    ----------
    points : DataFrame
        ``image`` and ``x``, ``y`` in pixels of the photograph, such as fixations.
    transforms : DataArray (image, to, of)
        As `transforms_of` gives them, of these images or of more.

    Returns
    -------
    DataFrame
        With ``x`` and ``y`` in pixels of the grid. Points may lie outside it: an aligned grid shows a part only.
    """
    at = transforms.get_index("image").get_indexer(pd.Index(points["image"]))
    x, y = _moved(transforms.to_numpy()[at], points["x"].to_numpy(np.float64), points["y"].to_numpy(np.float64))
    return points.assign(x=x, y=y)


def move_landmarks(landmarks: xr.DataArray, transforms: xr.DataArray) -> xr.DataArray:
    """Move landmarks (image, point, axis) of photographs to the grid, x and y alone.

    ``transforms`` are as `transforms_of` gives them, of these images or of more. NaN where there is no face.
    """
    matrices = transforms.sel(image=landmarks["image"].to_numpy()).to_numpy()
    planar = landmarks.sel(axis=["x", "y"]).transpose("image", "point", "axis")
    moved = _moved(matrices[:, np.newaxis], *np.moveaxis(planar.to_numpy(), 2, 0))
    return planar.copy(data=np.stack(moved, axis=2)).assign_attrs(unit="pixels of the grid, the first's centre at 0.5")


def box_corners(boxes: pd.DataFrame, transforms: xr.DataArray) -> pd.DataFrame:
    """Give the four corners of boxes (``image, x0, y0, x1, y1``) on the grid: four rows a box, in a ring.

    Other columns are kept; ``box`` is the row that a corner is of.
    """
    rings = [boxes.assign(x=boxes[x], y=boxes[y], box=np.arange(len(boxes)), corner=at)
             for at, (x, y) in enumerate((("x0", "y0"), ("x1", "y0"), ("x1", "y1"), ("x0", "y1")))]
    return move_points(pd.concat(rings).sort_values(["box", "corner"], ignore_index=True), transforms)


def upright_boxes(boxes: pd.DataFrame, images: pd.DataFrame, *, size: tuple[int, int]) -> tuple[
        pd.DataFrame, pd.DataFrame]:
    """Bring boxes to the grid as upright ones, for what is told of places and sizes of boxes alone.

    A box keeps its middle on the face and its sides, in the grid's scale; how far its photograph is turned is left
    out. It is cut to the grid; those that lie outside it are not given. `boxes` (``image, x0, y0, x1, y1``) are in
    pixels of the photographs, `images` and `size` as for `transforms_of`. Gives the boxes in pixels of the grid, and
    the images, the grid their height and width and without `COLUMNS`.
    """
    transforms = transforms_of(images, size=size)
    (x0, y0, x1, y1) = (boxes[edge].to_numpy(np.float64) for edge in ("x0", "y0", "x1", "y1"))
    middle = move_points(boxes.assign(x=(x0 + x1) / 2, y=(y0 + y1) / 2), transforms)
    matrices = transforms.to_numpy()[transforms.get_index("image").get_indexer(pd.Index(boxes["image"]))]
    scales = np.hypot(matrices[:, 0, :2], matrices[:, 1, :2])  # of x and y
    halves = scales[:, 0] * (x1 - x0) / 2, scales[:, 1] * (y1 - y0) / 2
    moved = boxes.assign(**{f"{axis}{end}": np.clip(middle[axis] + sign * half, 0, side) for axis, half, side in zip(
        "xy", halves, reversed(size), strict=True) for end, sign in enumerate((-1, 1))})
    shown = images.drop(columns=list(COLUMNS), errors="ignore").assign(height=size[0], width=size[1])
    return moved[(moved["x0"] < moved["x1"]) & (moved["y0"] < moved["y1"])], shown


def covered(edges: NDArray[np.float64], matrix: Matrices, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Say which pixels of the grid boxes of one photograph cover: (box, y, x).

    Edges x0, y0, x1, y1 (box, 4) are in pixels of the photograph. A pixel is covered where the place of the photograph
    that its centre shows is inside, x0 < x <= x1, as edges that are rounded half up have it; a box between centres
    keeps the pixel that its middle is in, one outside the grid covers nothing.
    """
    height, width = size
    down, across = np.mgrid[:height, :width] + 0.5
    x, y = _moved(np.asarray(np.linalg.inv(matrix), np.float64), across, down)
    inside = np.zeros((len(edges), height, width), bool)
    ends = np.stack(_moved(matrix, edges[:, [0, 2, 2, 0]], edges[:, [1, 1, 3, 3]]))  # (axis, box, corner)
    low = np.clip(np.floor(ends.min(axis=2)), 0, [[width], [height]]).astype(int).T.tolist()
    high = np.clip(np.ceil(ends.max(axis=2)), 0, [[width], [height]]).astype(int).T.tolist()
    for box, (x0, y0, x1, y1), (left, top), (right, bottom) in zip(inside, edges.tolist(), low, high, strict=True):
        part = slice(top, bottom), slice(left, right)
        box[part] = (x[part] > x0) & (x[part] <= x1) & (y[part] > y0) & (y[part] <= y1)
    lost = np.flatnonzero(~inside.any(axis=(1, 2)))
    middle = np.stack(_moved(matrix, (edges[lost, 0] + edges[lost, 2]) / 2, (edges[lost, 1] + edges[lost, 3]) / 2))
    column, row = np.floor(middle).astype(np.intp)
    kept = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    inside[lost[kept], row[kept], column[kept]] = True
    return np.asarray(inside)


def covered_by_image(edges: NDArray[np.float64], images: pd.DataFrame, rows: NDArray[np.intp],
                     size: tuple[int, int]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
    """Give, for each image with boxes, which of the boxes are its and what they cover, as `covered` has it.

    `rows` are those of the boxes' images in `images`, whose order the images are given in.
    """
    used, first, counts = np.unique(rows[order := np.argsort(rows, kind="stable")], return_index=True,
                                    return_counts=True)
    matrices = transforms_of(images.iloc[used], size=size).to_numpy()
    for matrix, start, count in zip(matrices, first.tolist(), counts.tolist(), strict=True):
        boxes = order[start:start + count]
        yield boxes, covered(edges[boxes], matrix, size)


def _moved(matrices: Matrices, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    return tuple(matrices[..., row, 0] * x + matrices[..., row, 1] * y + matrices[..., row, 2] for row in (0, 1))
