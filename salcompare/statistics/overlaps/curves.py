"""How like the intact network's maps those of a network are whose layers are randomised step by step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy import stats

from salcompare.errors import InputError, Problem
from salcompare.statistics.inference.resampling import LEVEL
from salcompare.statistics.overlaps.controls import NETWORK, PHOTOGRAPH

CASCADING, INDEPENDENT = "cascading", "independent"
FEWEST = 3
"""Below so many randomisations there is no interval."""


def similarity_curve(intact: xr.DataArray, control: xr.DataArray,
                     similarity: Callable[[xr.DataArray, xr.DataArray], xr.DataArray]) -> xr.Dataset:
    """Compare maps with those of the intact network, for every form and step of randomisation.

    Parameters
    ----------
    intact : DataArray (image, y, x)
        The intact network's maps.
    control : DataArray (image, y, x)
        Maps with layers randomised; coordinates photograph, network, form, layer and step go along ``image``.
    similarity : callable
        Takes two maps (image, y, x) with the same images, gives values (image).

    Returns
    -------
    Dataset (step)
        Of both forms, each from the head on: coordinates **form**, **layer**; **value**, mean over randomisations of
        the mean over a randomisation's photographs; **ci_low**, **ci_high**, t over randomisations, NaN below three;
        **n** randomisations, **n_undefined**, **reason**. Cascading and independent share the first step. Photographs
        on which the similarity is undefined are left out.

    Raises
    ------
    InputError
        If no photograph of `control` is among the images of `intact`.

    References
    ----------
    Adebayo et al. (2018), arXiv:1810.03292: the model parameter randomisation test
    """
    known = control.isel(image=np.isin(control[PHOTOGRAPH].values.astype(str), intact.image.values.astype(str)))
    if not known.sizes["image"]:
        raise InputError(Problem("control maps", "no photograph that the classifier has maps of", "at least one"))
    bare = known.drop_vars([name for name in known.coords if name not in ("image", "y", "x")])
    own = intact.sel(image=known[PHOTOGRAPH].values.astype(str)).drop_vars("actor", errors="ignore")
    values = similarity(own.assign_coords(image=bare.image.values), bare).to_numpy()
    forms, steps, networks = (known[name].values for name in ("form", "step", NETWORK))
    layers, found = known["layer"].values.astype(str), []
    for form in (CASCADING, INDEPENDENT):
        for step in np.unique(steps):
            rows = (steps == step) & (forms == (CASCADING if step == steps.min() else form))
            means = np.array([_mean(values[rows & (networks == network)]) for network in np.unique(networks[rows])])
            found.append({"form": form, "layer": layers[rows][0], **_over_randomisations(means)})
    return xr.Dataset({name: ("step", [one[name] for one in found]) for name in
                       ("value", "ci_low", "ci_high", "n", "n_undefined", "reason")},
                      coords={name: ("step", [one[name] for one in found]) for name in ("form", "layer")},
                      attrs={"ci_method": "t", "resampled": "randomisations"})


def _over_randomisations(means: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, object]:
    defined = means[~np.isnan(means)]
    n = defined.size
    reach = np.nan
    if n >= FEWEST:
        reach = float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * defined.std(ddof=1) / np.sqrt(n))
    reason = "" if n >= FEWEST else f"fewer than {FEWEST} randomisations" if n else "undefined on every photograph"
    value = _mean(defined)
    return {"value": value, "ci_low": value - reach, "ci_high": value + reach, "n": n,
            "n_undefined": means.size - n, "reason": reason}


def _mean(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else np.nan
