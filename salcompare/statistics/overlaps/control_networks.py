"""Maps of networks that cannot know people's answers: their overlap with people, and how like the intact ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import xarray as xr
from scipy import stats

from salcompare.errors import InputError, Problem
from salcompare.statistics.inference.resampling import FEWEST_ACTORS, LEVEL
from salcompare.statistics.kernels import Values
from salcompare.statistics.overlaps.pairings import compare_pairings
from salcompare.statistics.overlaps.pairs import blocked, pairing_means

NETWORK, PHOTOGRAPH = "network", "photograph"
CASCADING, INDEPENDENT = "cascading", "independent"
FEWEST = 3
"""Below so many randomisations there is no interval."""


def network_maps(control: xr.DataArray) -> dict[int, xr.DataArray]:
    """Take a control's maps apart: by network, its maps (image, y, x), whose images are named as their photographs are.

    `control` (image, y, x) has coordinates ``photograph`` and ``network`` along ``image``, and may have ``actor``.
    Raises `InputError` if one of them is missing.
    """
    missing = [name for name in (NETWORK, PHOTOGRAPH) if name not in control.coords]
    if missing:
        raise InputError(Problem("control maps", f"no coordinate {', '.join(missing)}", "both along image"))
    named = control.assign_coords(image=control[PHOTOGRAPH].values.astype(str))
    bare = named.drop_vars([name for name in named.coords if name not in ("image", "actor", "y", "x")])
    networks = control[NETWORK].values
    return {int(network): bare.isel(image=networks == network) for network in np.unique(networks)}


def less_networks(one: xr.DataArray, networks: xr.DataArray, *, better: Literal["higher", "lower"] = "higher",
                  clusters: str | None = None, same_image: xr.Dataset | None = None) -> xr.Dataset:
    """Compare a classifier with networks that have not learnt what it has, by their matrices of all pairs.

    Parameters
    ----------
    one : DataArray (image, image_other)
        As `overlap_matrix` gives it, of the classifier.
    networks : DataArray (network, image, image_other)
        The same of each network, with the same human maps; images that both have are compared. NaN ones are left out
        of a mean over networks.
    better : {"higher", "lower"}
        Which values mean more agreement.
    clusters, same_image : str and Dataset, optional
        As for `compare_pairings`; the null are the networks' maps.

    Returns
    -------
    Dataset
        Over ``contrast``, the three pairings and both effects: **value**, mean over actors and networks of classifier -
        network, in the metric's unit, and the two means, **one** and **other**.

        - Of the *mean of such networks*: **ci_low**, **ci_high**.
        - Of *a new such network*, of which the classifier might be one: **new_low**, **new_high**, and **p_value**, the
          rank of the classifier among itself and the R networks (one-sided, towards better agreement), which cannot go
          below 1 / (R + 1) (**p_attainable**).

        **spread**, standard deviation over networks of their means over actors; **n** actors, **n_undefined**,
        **n_networks**, **reason** for NaN: below eight actors or two networks there is no interval, and of the
        pairings only with `same_image`.

    Notes
    -----
    Actors and networks are crossed. The squared standard error is s²/A + t²/R of the mean of networks, with s/√A over A
    actors (of the same image, over workers too) and t (`spread`) over R
    networks; of a new network t² is added. Both
    have Satterthwaite's degrees of freedom. p is exact where the classifier is one more of the networks: given the
    images, they are exchangeable.
    """
    mean = networks.mean(NETWORK)
    compared = compare_pairings(one, mean, clusters=clusters, same_image=same_image, n_permutations=1,
                                rng=np.random.default_rng(0))
    bare = one.drop_vars(["actor", "actor_other"], errors="ignore")
    differences = [(bare - networks.isel({NETWORK: at})).where(mean.notnull()) for at in range(networks.sizes[NETWORK])]
    apart = [xr.DataArray(pairing_means(blocked(difference, clusters=clusters)[0])).mean("dim_1").values
             for difference in differences]
    return beside_networks(compared, np.stack(apart), better=better)


def beside_networks(compared: xr.Dataset, apart: Values, *,
                    better: Literal["higher", "lower"] = "higher") -> xr.Dataset:
    """Add to a comparison (contrast) with the mean of some networks what these vary, as `less_networks` says.

    `compared` has **value**, **one**, **other**, **ci_low**, **ci_high** over actors, **n**, **n_undefined** and
    **reason**, and may have **freedom** and **resampled**; `apart` (network, contrast) are the values of each network.
    """
    many, value, n = len(apart), compared["value"].values, compared["n"].values
    few = (n < FEWEST_ACTORS) | (many < 2)
    freedom = compared["freedom"].values if "freedom" in compared else n - 1
    of_networks = apart.var(axis=0, ddof=1) if many > 1 else np.full(value.shape, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        of_actors = ((compared["ci_high"].values - value) / stats.t.ppf((1 + LEVEL) / 2, freedom)) ** 2
        mean_reach, new_reach = (np.where(few, np.nan, _reach(of_actors, freedom, of_networks * part, many - 1))
                                 for part in (1 / many, 1 + 1 / many))
    beaten = apart <= 1e-12 if better == "higher" else apart >= -1e-12
    resampled = compared["resampled"].values if "resampled" in compared else np.full(n.shape, "actors")
    columns = {"ci_low": value - mean_reach, "ci_high": value + mean_reach, "new_low": value - new_reach,
               "new_high": value + new_reach, "spread": np.sqrt(of_networks),
               "p_value": np.where(np.isnan(value), np.nan, (1 + beaten.sum(axis=0)) / (1 + many)),
               "reason": np.where(few & (n >= FEWEST_ACTORS), "a single network", compared["reason"].values),
               "ci_method": np.where(np.isnan(mean_reach), "", "t"),
               "resampled": np.where(np.isnan(mean_reach), "", np.where(
                   resampled == "actors", "actors and networks", "workers, actors and networks"))}
    return compared[["value", "one", "other", "n", "n_undefined"]].assign(
        {name: ("contrast", column) for name, column in columns.items()}).assign(
        p_attainable=1 / (1 + many), n_networks=many).assign_attrs(
        alternative="greater" if better == "higher" else "less",
        null="the classifier is one more of these networks")


def _reach(first: Values, freedom: Values, second: Values, more: int) -> Values:
    """Half of the interval whose squared standard error is the sum of two, by Satterthwaite's degrees of freedom."""
    total = first + second
    freedom = total**2 / (first**2 / freedom + second**2 / max(more, 1))
    return np.asarray(stats.t.ppf((1 + LEVEL) / 2, np.where(total > 0, freedom, np.inf)) * np.sqrt(total))


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
    same = intact.sel(image=known[PHOTOGRAPH].values.astype(str)).drop_vars("actor", errors="ignore")
    values = similarity(same.assign_coords(image=bare.image.values), bare).to_numpy()
    forms, steps, networks = (known[name].values for name in ("form", "step", NETWORK))
    layers, points = known["layer"].values.astype(str), []
    for form in (CASCADING, INDEPENDENT):
        for step in np.unique(steps):
            rows = (steps == step) & (forms == (CASCADING if step == steps.min() else form))
            means = np.array([_mean(values[rows & (networks == network)]) for network in np.unique(networks[rows])])
            points.append({"form": form, "layer": layers[rows][0], **_over_randomisations(means)})
    columns = {name: ("step", [point[name] for point in points]) for name in points[0]}
    return xr.Dataset(columns, attrs={"ci_method": "t", "resampled": "randomisations"}).set_coords(["form", "layer"])


def _over_randomisations(means: Values) -> dict[str, object]:
    defined = means[~np.isnan(means)]
    n = defined.size
    reach = np.nan
    if n >= FEWEST:
        reach = float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * defined.std(ddof=1) / np.sqrt(n))
    reason = "" if n >= FEWEST else f"fewer than {FEWEST} randomisations" if n else "undefined on every photograph"
    value = _mean(defined)
    return {"value": value, "ci_low": value - reach, "ci_high": value + reach, "n": n,
            "n_undefined": means.size - n, "reason": reason}


def _mean(values: Values) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else np.nan
