"""From a gradient with colour channels to one map."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from salcompare.errors import InputError, Problem
from salcompare.maps.checks import require_choice

How = Literal["sum", "max"]


def reduce_channels(gradients: NDArray[np.floating], how: How = "sum") -> NDArray[np.float32]:
    """Make one map from a gradient's channels.

    Parameters
    ----------
    gradients : ndarray (n, channel, y, x)
        Non-negative, as Guided Backpropagation gives them.
    how : {"sum", "max"}
        The channels' sum (the original study's choice) or their maximum.

    Returns
    -------
    ndarray (n, y, x), float32
        In the gradients' unit. NaN where a channel is NaN.

    Raises
    ------
    InputError
        If the array has not four dims, or `how` is neither.
    """
    require_choice(how, get_args(How), "how")
    if gradients.ndim != 4:
        raise InputError(Problem("gradients", f"has shape {gradients.shape}", "(n, channel, height, width)"))
    if how == "max":
        return np.asarray(gradients.max(axis=1), dtype=np.float32)
    return np.asarray(gradients.sum(axis=1, dtype=np.float64), dtype=np.float32)
