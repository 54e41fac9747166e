"""Small builders, Hypothesis strategies, and checks, for all tests."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from dask.base import is_dask_collection
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from hypothesis.strategies import SearchStrategy
from numpy.typing import ArrayLike

Range = int | tuple[int, int]
Shape = int | tuple[Range, Range]
Box = tuple[float, float, float, float]
_STEPS = 64  # values of drawn maps are multiples of 1/64: sums of them are exact, and ties come up


def maps(*values: ArrayLike) -> tuple[xr.DataArray, ...]:
    """Label arrays (y, x) or (image, y, x), or nested lists of rows, as maps, one by one; arrays keep their dtype.

    >>> left, right = maps([[3, 1, 0]], [[1, 1, 2]])
    """
    arrays = [value if isinstance(value, np.ndarray) else np.asarray(value, dtype=np.float64) for value in values]
    return tuple(xr.DataArray(array, dims=("image", "y", "x")[3 - array.ndim:], coords=_positions(array.shape))
                 for array in arrays)


def stack_of_maps(values: ArrayLike, actors: Sequence[str]) -> xr.DataArray:
    """Label a stack of maps (image, y, x) with images, called "actor/number", and the actor of each.

    ``actor`` is a coordinate along ``image``, without an index, as in salcompare's own maps.
    """
    array = values if isinstance(values, np.ndarray) else np.asarray(values, dtype=np.float64)
    return xr.DataArray(array, dims=("image", "y", "x"), coords={
        "image": np.array(_names(actors), dtype=str), "actor": ("image", np.array(list(actors), dtype=str)),
        **_positions(array.shape)})


def table_of_images(actors: Sequence[str], *, height: int = 227, width: int = 227, split: str = "test") -> pd.DataFrame:
    """Build a table of images, of one size (pixels) and split, that holds to `salcompare.schema.IMAGES`.

    It has one row an image, which is called "actor/number", for each of the actors.
    """
    names = _names(actors)
    return pd.DataFrame({
        "image": names, "actor": list(actors), "split": split, "file": [f"{name}.png" for name in names],
        "sha256": [f"{at:064x}" for at in range(len(names))], "height": height, "width": width})


def table_of_responses(rows: Sequence[tuple[str, float, float, float, float]], *, worker: str = "w1",
                       label: str = "nose") -> pd.DataFrame:
    """Build a table of responses r1, r2, ... that holds to `salcompare.schema.RESPONSES`.

    The rows are (image, x0, y0, x1, y1), one box each, half-open, in pixels of the image as shown; worker and label
    are those of every row.
    """
    frame = pd.DataFrame(list(rows), columns=["image", "x0", "y0", "x1", "y1"])
    frame = frame.assign(response=[f"r{at + 1}" for at in range(len(frame))], worker=worker, label=label)
    return frame[["response", "worker", "image", "label", "x0", "y0", "x1", "y1"]]


def single_maps(*, shape: Shape = ((1, 6), (1, 6)), dtype: str = "float64") -> SearchStrategy[xr.DataArray]:
    """Draw one non-negative map (y, x), with ties and zeros; all-zero maps come up too.

    Parameters
    ----------
    shape : int, or (height, width)
        Height and width are each an int or a range (low, high).
    dtype : {"float64", "float32", "bool"}
        Values are multiples of 1/64 in [0, 1], or booleans.
    """
    return _shapes(shape).flatmap(lambda size: _values(size, dtype)).map(lambda array: maps(array)[0])


def pair_of_maps(*, shape: Shape = ((1, 6), (1, 6)),
                 dtype: str = "float64") -> SearchStrategy[tuple[xr.DataArray, xr.DataArray]]:
    """Draw two maps on one grid, each as `single_maps` does; equal, empty and constant maps come up too."""
    return _shapes(shape).flatmap(lambda size: _values((2, *size), dtype)).map(lambda both: (
        maps(both[0])[0], maps(both[1])[0]))


def labelled_maps(*, n_actors: Range = (2, 4), n_images: Range = (1, 4), shape: Shape = ((2, 5), (2, 5)),
                  dtype: str = "float64") -> SearchStrategy[xr.DataArray]:
    """Draw a stack of maps (image, y, x) as `stack_of_maps` builds it, images actor by actor.

    Actors are called s1, s2, ...; their number and, for each anew, that of their images are an int or a range
    (low, high). The maps' shape and dtype are as for `single_maps`.
    """
    counts = _ints(n_actors).flatmap(lambda n: st.lists(_ints(n_images), min_size=n, max_size=n))
    return st.tuples(counts, _shapes(shape)).flatmap(lambda drawn: _values((sum(drawn[0]), *drawn[1]), dtype).map(
        lambda array: stack_of_maps(array, [f"s{a + 1}" for a, n in enumerate(drawn[0]) for _ in range(n)])))


def boxes(*, height: int, width: int, parts: Sequence[int] = (1, 4)) -> SearchStrategy[Box]:
    """Draw a box (x0, y0, x1, y1), half-open, with 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height, in pixels.

    Edges are whole pixels or such parts of them as one of `parts` says, which is drawn for each box (4: quarters).
    """
    def _on_grid(n: int) -> SearchStrategy[Box]:
        across, down = _interval(width * n), _interval(height * n)
        return st.builds(lambda x, y: (x[0] / n, y[0] / n, x[1] / n, y[1] / n), across, down)

    return st.sampled_from(list(parts)).flatmap(_on_grid)


def response_tables(images: pd.DataFrame, *, n_responses: Range = (1, 12), n_workers: int = 3,
                    labels: Sequence[str] = ("eyes", "nose", "lips")) -> SearchStrategy[pd.DataFrame]:
    """Draw a table of responses to images that holds to `salcompare.schema.RESPONSES`.

    Parameters
    ----------
    images : DataFrame
        One row an image, with ``image``, ``height`` and ``width``.
    n_responses : int or (low, high)
        Rows in all, on images drawn at random, so that an image may have none.
    n_workers, labels : int, sequence of str
        What workers w1, w2, ... and labels the rows are drawn from.
    """
    low, high = _bounds(n_responses)
    sizes = list(zip(images["image"], images["height"], images["width"], strict=True))
    box = st.sampled_from(sizes).flatmap(lambda size: boxes(height=int(size[1]), width=int(size[2])).map(
        lambda edges: (size[0], *edges)))
    workers = st.sampled_from([f"w{at + 1}" for at in range(n_workers)])
    row = st.tuples(box, workers, st.sampled_from(list(labels)))
    return st.lists(row, min_size=low, max_size=high).map(lambda rows: table_of_responses(
        [one[0] for one in rows]).assign(worker=[one[1] for one in rows], label=[one[2] for one in rows]))


def assert_dask_equals_eager(function: Callable[..., Any], *arrays: xr.DataArray | xr.Dataset, rtol: float = 1e-12,
                             atol: float = 1e-12, lazy: bool = True, **options: object) -> None:
    """Hold ``function(*arrays, **options)`` to giving the same for dask arrays as for arrays in memory.

    The arrays or datasets are chunked by image (two images a chunk) and, a second time, into single pixels of y.
    Results may differ by `rtol` and `atol`, as sums over chunks round differently, and must be lazy unless told
    otherwise. A numpy Generator among the options is copied for each call, so that each draws the same.
    """
    expected = function(*arrays, **copy.deepcopy(options))
    for chunks in ({"image": 2}, {"y": 1}):
        chunked = [array.chunk({dim: n for dim, n in chunks.items() if dim in array.dims}) for array in arrays]
        result = function(*chunked, **copy.deepcopy(options))
        if lazy and not is_dask_collection(result):
            raise AssertionError(f"{getattr(function, '__name__', function)} computed its dask input")
        xr.testing.assert_allclose(result.compute(), expected, rtol=rtol, atol=atol)


def _names(actors: Sequence[str]) -> list[str]:
    return [f"{actor}/{list(actors[:at]).count(actor) + 1}" for at, actor in enumerate(actors)]


def _positions(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    return {"y": np.arange(shape[-2]), "x": np.arange(shape[-1])}


def _bounds(given: Range) -> tuple[int, int]:
    return (given, given) if isinstance(given, int) else given


def _ints(given: Range) -> SearchStrategy[int]:
    return st.integers(*_bounds(given))


def _shapes(given: Shape) -> SearchStrategy[tuple[int, int]]:
    return st.tuples(*map(_ints, (given, given) if isinstance(given, int) else given))


def _interval(n: int) -> SearchStrategy[tuple[int, int]]:
    return st.integers(0, n - 1).flatmap(lambda low: st.tuples(st.just(low), st.integers(low + 1, n)))


def _values(shape: tuple[int, ...], dtype: str) -> SearchStrategy[np.ndarray]:
    if dtype == "bool":
        return npst.arrays(bool, shape)
    levels = npst.arrays(np.int64, shape, elements=st.integers(0, _STEPS))
    return levels.map(lambda array: (array / _STEPS).astype(dtype))
