"""Images to simulate responses on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from salcompare.faces import orl_landmarks


def orl_photographs(*actors: str) -> pd.DataFrame:
    """The catalogue of ORL photographs, of all actors or of those named."""
    table = orl_landmarks().sha256.to_pandas().rename("sha256").rename_axis("image").reset_index()
    table["actor"] = table["image"].str.partition("/")[0]
    own = table[table["actor"].isin(actors)] if actors else table
    return own[["image", "actor", "sha256"]].assign(height=112, width=92).reset_index(drop=True)


def other_photographs(n_actors: int, n_images: int, *, height: int = 112, width: int = 92) -> pd.DataFrame:
    """A catalogue of photographs that nobody measured."""
    pairs = [(f"p{a:03d}", f"p{a:03d}/{k}") for a in range(n_actors) for k in range(n_images)]
    return pd.DataFrame(pairs, columns=["actor", "image"]).assign(height=height, width=width, sha256="f" * 64)


def mean_coverage(table: pd.DataFrame, *, height: int, width: int) -> np.ndarray:
    """Share of all responses whose box covers a pixel, painted box by box."""
    count = np.zeros((height, width))
    for x0, y0, x1, y1 in table[["x0", "y0", "x1", "y1"]].to_numpy():
        count[y0:y1, x0:x1] += 1
    return count / len(table)
