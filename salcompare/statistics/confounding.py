"""Whether workers are confounded with actors: whether those who respond to one actor's images respond to few others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from salcompare.errors import InputError, Problem
from salcompare.random_numbers import drawing
from salcompare.statistics.inference import permutation
from salcompare.statistics.kernels import Codes, Values
from salcompare.statistics.responses import Responses, names_of, require_columns
from salcompare.statistics.variance.gram import within_sums

CONFOUNDED = 0.01
"""Largest p at which workers count as confounded: random assignment is taken for it in one study of a hundred."""


@drawing
def shared_workers(responses: Responses, images: pd.DataFrame, by: str = "actor", *, rng: np.random.Generator,
                   n_permutations: int = 999, clusters: str | None = None) -> xr.Dataset:
    """Measure how much oftener images of one actor share workers than images of different actors do.

    Parameters
    ----------
    responses : DataFrame or DataArray
        Any number of responses to an image, with ``image`` and ``worker``; see `noise_ceiling`.
    images : DataFrame
        One row an image: ``image``, `by` and `clusters`. Images without responses are left aside.
    by : str
        The column that names the classes: actors, or an actor-level factor.
    rng, n_permutations : Generator, int
    clusters : str, optional
        A column nested in the classes, such as ``shoot``, or ``actor`` where `by` is a factor of actors: its images
        are one unit, which the test of the maps exchanges whole.

    Returns
    -------
    Dataset of scalars
        - **same**, **other**: share, in [0, 1], of pairs of responses that come from one worker, over pairs of images
          (of different units) of one actor, and of different actors. Pairs of images weigh the same.
        - **excess**: their difference. Where what workers have of their own has variance v, actors that do not differ
          seem to by ``v * excess``: it stands beside the variance between actors in the expected mean squares.
        - **p_value**, **p_attainable**, **null** (permutation), **n_permutations**: of an excess so large if units are
          permuted among actors, as if workers had been given images at random. Says nothing of what they answered.
        - **n_images**, **n_actors**, **n_workers**.
        - attrs: ``reason`` why it is undefined; ``confounded``, what to print in the place of a test of actors where p
          is at most `CONFOUNDED`, and otherwise empty; ``null``, ``alternative``.

    Notes
    -----
    Images of one actor that share workers are alike for that alone, and no permutation of images among actors can hold:
    with 12 of 40 workers an actor such tests reject about half of true nulls. Where no worker responds to two actors
    (``other`` is 0) the actor effect is not identified at all. Workers who meet actors oftener alternate than at random
    make ``excess`` negative and tests conservative.

    References
    ----------
    Searle, Casella & McCulloch (1992), Variance Components, doi:10.1002/9780470316856
    """
    require_columns(("images", images, ["image", by, *([] if clusters is None else [clusters])]))
    used, shares = _shares_of_workers(names_of(responses), images)
    classes = images[by].iloc[used].astype(str).to_numpy()
    exchange = permutation.exchangeability(classes, clusters=None if clusters is None else (
        classes + "/" + images[clusters].iloc[used].astype(str)).to_numpy(), among=f"{by}s")
    members = (exchange.units == np.arange(exchange.n_units)[:, None]).astype(float)
    shares = members @ shares / members.sum(axis=1, keepdims=True)
    counts = np.bincount(exchange.labels)
    of_one = int((counts * (counts - 1)).sum())
    of_others = exchange.n_units * (exchange.n_units - 1) - of_one
    attrs = {"null": exchange.null, "alternative": "greater"}
    about = {"n_images": len(used), "n_actors": len(counts), "n_workers": shares.shape[1]}
    if not of_one or not of_others:
        nothing = permutation.undefined(("same", "other", "excess", "p_value", "p_attainable"))
        return xr.Dataset({**nothing, **about}, attrs={
            **attrs, "reason": f"fewer than two {by}s, or none with two images", "confounded": ""})
    products = shares @ shares.T
    np.fill_diagonal(products, 0)

    total = products.sum()
    within = permutation.joined(within_sums(products, exchange.labels, batch).sum(axis=0) for batch in (
        np.arange(exchange.n_units)[None],
        *permutation.permutations(exchange, n_permutations, rng, distinct="partitions")))
    means, others = within / of_one, (total - within) / of_others
    same, other = float(means[0]), float(others[0])
    p = float(permutation.p_value(same, means[1:]))  # as the excess says, but for rounding about 0
    confounded = (f"workers are confounded with {by}s: of two responses to two images of one {by}, {100 * same:.2g}% "
                  f"come from one worker, of two {by}s {100 * other:.2g}%, and workers may be what differs"
                  ) if p <= CONFOUNDED else ""
    values = {"same": same, "other": other, "excess": same - other, "p_value": p,
              **permutation.about_null((means - others)[1:])}
    return xr.Dataset({**values, **about}, attrs={**attrs, "reason": "", "confounded": confounded})


def _shares_of_workers(names: pd.DataFrame, images: pd.DataFrame) -> tuple[Codes, Values]:
    """Rows of the images that have responses (n,), and the share of these that each worker gave (n, worker)."""
    rows = pd.Index(images["image"]).get_indexer(pd.Index(names["image"]))
    if (rows < 0).any():
        raise InputError([Problem("responses", f"image {image!r}", "one of the images")
                          for image in names.loc[rows < 0, "image"].unique()])
    used, image = np.unique(rows, return_inverse=True)
    worker, workers = pd.factorize(names["worker"])
    shares = np.zeros((len(used), len(workers)))
    np.add.at(shares, (image, worker), 1 / np.bincount(image)[image])
    return used, shares
