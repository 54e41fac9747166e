"""What every statistic of variance asks of maps and their coordinates, and what it leaves out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import require_maps
from salcompare.statistics.variance.gram import Stack, stack_maps


@dataclass(frozen=True)
class Sample:
    """Maps as a matrix, with the coordinates of those that are kept.

    Attributes
    ----------
    stack : Stack
        The maps.
    coords : dict of str to ndarray (n,)
        Text values of the coordinates asked for, of the maps in the stack.
    """

    stack: Stack
    coords: dict[str, NDArray[np.str_]]

    @property
    def left_out(self) -> str:
        """Which images are not in the stack, in words; empty where all are."""
        stack = self.stack
        parts = [f"{stack.n_missing} with a pixel that is NaN or infinite"] * (stack.n_missing > 0)
        parts += [f"{stack.n_empty} of zeros only"] * (stack.n_empty > 0)
        return f"images left out: {', '.join(parts)}" if parts else ""

    @property
    def n_undefined(self) -> int:
        """How many images are not in the stack."""
        return int((~self.stack.kept).sum())

    def classes(self, by: str) -> tuple[NDArray[np.intp], list[str]]:
        """Give each image's class as a code (n,) and the classes' names in order."""
        names, codes = np.unique(self.coords[by], return_inverse=True)
        return codes.astype(np.intp), names.tolist()


def sample_of(maps: xr.DataArray, by: str, *others: str | None) -> Sample:
    """Stack maps after checking that they have the coordinates and that classes can be compared.

    Raises
    ------
    InputError
        If maps are no labelled array of numbers along image, a coordinate is missing or has gaps, there is one class
        only, or every class has one image.
    """
    require_maps(maps, "maps", dims=("image",))
    names = list(dict.fromkeys([by, *(name for name in others if name is not None)]))
    problems = _problems(maps, names) or _class_problems(maps[by])
    if problems:
        raise InputError(problems)
    stack = stack_maps(maps)
    return Sample(stack, {name: maps[name].values[stack.kept].astype(str) for name in names})


def check_permutations(n_permutations: int) -> list[Problem]:
    """Name a number of permutations that is none."""
    return [] if n_permutations >= 1 else [Problem("n_permutations", str(n_permutations), "at least 1")]


def check_options(*problems: list[Problem]) -> None:
    """Raise what is wrong with a call's options, all at once.

    Raises
    ------
    InputError
        If anything is.
    """
    found = [problem for part in problems for problem in part]
    if found:
        raise InputError(found)


def _problems(maps: xr.DataArray, coords: list[str]) -> list[Problem]:
    absent = [Problem("maps", f"no coordinate {name!r} along image", f"one of {', '.join(map(str, maps.coords))}",
                      f"maps.assign_coords({name}=('image', ...))")
              for name in coords if name not in maps.coords or maps.coords[name].dims != ("image",)]
    return absent or [Problem("maps", f"{missing} images without {name}", f"{name} of every image",
                              "give it or drop them")
                      for name in coords if (missing := int(maps.coords[name].isnull().sum()))]


def _class_problems(classes: xr.DataArray) -> list[Problem]:
    by, counts = classes.name, np.unique(classes.values.astype(str), return_counts=True)[1]
    if len(counts) < 2:
        return [Problem("maps", f"{len(counts)} {by}", f"at least 2, to compare one {by} with another")]
    if counts.max() < 2:
        return [Problem("maps", f"one image for every {by}", f"several images of at least one {by}",
                        f"give more images of each {by}")]
    return []
