"""Maps of networks that cannot know people's answers: their overlap with people, and how like the intact ones."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from salcompare.errors import InputError, Problem
from salcompare.statistics.inference.resampling import FEWEST_ACTORS, LEVEL, actor_means, mean_over_actors
from salcompare.statistics.kernels import Values
from salcompare.statistics.metrics.ranking import SHARE
from salcompare.statistics.metrics.registry import METRICS
from salcompare.statistics.overlaps.baselines import defined_on_both
from salcompare.statistics.overlaps.same_image import overlap

NETWORK, PHOTOGRAPH = "network", "photograph"
CASCADING, INDEPENDENT = "cascading", "independent"
FEWEST = 3
"""Below so many randomisations there is no interval."""


def overlaps_by_network(human: xr.DataArray, classifier: xr.DataArray, control: xr.DataArray, *,
                        metrics: Collection[str] = tuple(METRICS), share: float = SHARE, sigma: float | None = None,
                        already: xr.Dataset | None = None) -> tuple[xr.Dataset, xr.Dataset]:
    """Compare people with a classifier and with networks of a control, on the same photographs.

    Parameters
    ----------
    human, classifier : DataArray (image, y, x)
        People's maps and the classifier's, with coordinate ``actor`` along ``image``.
    control : DataArray (image, y, x)
        Maps of the control's networks; coordinates ``photograph``, an image of the others, and ``network`` go along
        ``image``.
    metrics, share, sigma
        As for `overlap`.
    already : Dataset (image), optional
        What `overlap` gave for people and the classifier with the same settings; what it holds is not computed again,
        save for metrics that look at other images.

    Returns
    -------
    classifier's, control's : Dataset (image)
        As `overlap` gives them, of the control's images that the others have too, with the coordinates ``photograph``,
        ``actor`` and ``network``: row by row the same photograph. A network's photographs are compared among
        themselves where a metric looks at other images.

    Raises
    ------
    InputError
        If a coordinate is missing or no photograph is common to all three.
    """
    missing = [name for name in (NETWORK, PHOTOGRAPH) if name not in control.coords]
    if missing:
        raise InputError(Problem("control maps", f"no coordinate {', '.join(missing)}", "both along image"))
    known = np.intersect1d(human.image.values.astype(str), classifier.image.values.astype(str))
    usable = np.flatnonzero(np.isin(control[PHOTOGRAPH].values.astype(str), known))
    if not usable.size:
        raise InputError(Problem("control maps", "no photograph that people and classifier have", "at least one"))
    networks, parts = control[NETWORK].values, []
    for network in np.unique(networks[usable]):
        rows = usable[networks[usable] == network]
        maps = control.isel(image=rows)
        names = maps[PHOTOGRAPH].values.astype(str)
        seen = human.sel(image=names)
        of_control = maps.drop_vars([name for name in maps.coords if name not in ("y", "x")]).assign_coords(image=names)
        intact = _overlaps_known(seen, classifier.sel(image=names), already, metrics, share=share, sigma=sigma)
        both = intact, overlap(seen, of_control, metrics=metrics, share=share, sigma=sigma)[list(intact.data_vars)]
        parts.append([side.assign_coords({PHOTOGRAPH: ("image", names), NETWORK: ("image", networks[rows])})
                      .assign_coords(image=maps.image.values) for side in both])
    whole = [xr.concat([part[side] for part in parts], "image", combine_attrs="drop_conflicts", join="exact",
                       coords="different", compat="equals", data_vars="all") for side in (0, 1)]
    return whole[0], whole[1]


def _overlaps_known(human: xr.DataArray, classifier: xr.DataArray, already: xr.Dataset | None,
                    metrics: Collection[str], **options: Any) -> xr.Dataset:  # noqa: ANN401 - passed on
    """Overlaps of people and the classifier on a network's photographs, of which some may be known."""
    held = [] if already is None else [name for name in metrics if name in already and not METRICS[name].of_others]
    rest = [name for name in metrics if name not in held]
    computed = overlap(human, classifier, metrics=rest or list(metrics)[:1], **options)
    known = {name: ("image", already[name].sel(image=human.image.values).values) for name in held
             if already is not None}
    return computed.assign(known)[list(metrics)]


def over_networks(values: xr.Dataset) -> xr.Dataset:
    """Average overlaps, as `overlaps_by_network` gives them, of each photograph over the networks that explained it.

    ``image`` of the result is the photograph; coordinate ``actor``; NaN ones are left out of a mean.
    """
    names = [name for name in values.data_vars if name in METRICS]
    unique, first, place = np.unique(values[PHOTOGRAPH].values.astype(str), return_index=True, return_inverse=True)
    order = np.argsort(first)  # as the photographs first come
    groups = np.argsort(order)[place]

    def means(column: Values) -> Values:
        """Mean of each photograph's defined values."""
        defined = ~np.isnan(column)
        count, total = (np.bincount(groups[defined], weights, minlength=unique.size) for weights in (
            None, column[defined]))
        return np.asarray(total / np.where(count > 0, count, np.nan))

    return xr.Dataset({name: ("image", means(values[name].values)) for name in names},
                      coords={"image": unique[order], "actor": ("image", values["actor"].values[first[order]])})


def network_differences(classifier: xr.Dataset, control: xr.Dataset) -> xr.Dataset:
    """Classifier's overlap less the control's, paired on photographs, with actors and networks as replicates.

    Parameters
    ----------
    classifier, control : Dataset (image)
        As `overlaps_by_network` gives them.

    Returns
    -------
    Dataset
        Over ``metric``: **value**, mean over actors of the mean over an actor's photographs of the mean over their
        networks of classifier - control, in the metric's unit; **one**, **other**, the classifier's and the control's
        means that it is the difference of; **ci_low**, **ci_high**, NaN below eight actors or two networks; **spread**,
        standard deviation over networks of the mean over actors, **spread_reason** where it is NaN; **n** actors,
        **n_undefined**, **n_networks**, **reason**. Over ``metric`` and ``actor``: **actor_value** and **actor_n**.

    Notes
    -----
    The interval asks whether the classifier is more than one more of the control's networks. Networks differ from each
    other in what they mark in every photograph, and the classifier might be such a one: its standard error is the root
    of s²/A + t² (1 + 1/R), with s over A actors and t (`spread`) over R networks, and the degrees of freedom are
    Satterthwaite's. An interval over actors alone would take any network that differs from the mean of a few others
    for evidence.
    """
    names = [str(name) for name in control.data_vars if name in METRICS]
    classifier, control = defined_on_both(classifier[names], control[names])
    difference = (classifier[names] - control[names].drop_vars("actor", errors="ignore")).assign_coords(
        actor=("image", control["actor"].values))
    averaged = over_networks(difference)
    actors = actor_means(averaged[names].to_dataarray("metric").transpose("metric", "image"))
    one, other = (mean_over_actors(over_networks(side)[names].to_dataarray("metric"))["value"]
                  for side in (classifier, control))
    by_network = xr.concat([actor_means(difference[names].isel(image=difference[NETWORK].values == network)
                                        .to_dataarray("metric").transpose("metric", "image"))["value"].mean("actor")
                            for network in np.unique(difference[NETWORK].values)], NETWORK)
    values = actors["value"].transpose("metric", "actor").to_numpy()
    columns = _interval(values, by_network.transpose("metric", NETWORK).to_numpy())
    return xr.Dataset({name: ("metric", column) for name, column in columns.items()}, coords={"metric": names}).assign(
        one=one, other=other, actor_value=actors["value"], actor_n=actors["n"]).assign_attrs(
            ci_method="t", resampled="actors and networks")


def _interval(values: Values, networks: Values) -> dict[str, NDArray[np.generic]]:
    """Mean and interval of each metric, from values (metric, actor) and means over actors (metric, network)."""
    (n, mean, of_actors), (many, _, of_networks) = _moments(values), _moments(networks)
    with np.errstate(invalid="ignore", divide="ignore"):
        first, second = of_actors / n, of_networks * (1 + 1 / many)
        freedom = (first + second) ** 2 / (first**2 / (n - 1) + second**2 / (many - 1))
        freedom = np.where(first + second > 0, freedom, np.inf)
        reach = stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(first + second)
    few, alone = n < FEWEST_ACTORS, many < 2
    reach = np.where(few | alone, np.nan, reach)
    reason = np.where(n == 0, "undefined for every actor",
                      np.where(few, f"fewer than {FEWEST_ACTORS} actors", np.where(alone, "a single network", "")))
    return {"value": mean, "ci_low": mean - reach, "ci_high": mean + reach, "spread": np.sqrt(of_networks), "n": n,
            "n_undefined": values.shape[1] - n, "n_networks": many, "reason": reason.astype(object),
            "spread_reason": np.where(np.isnan(of_networks), "a single network", "").astype(object)}


def _moments(values: Values) -> tuple[NDArray[np.intp], Values, Values]:
    """Count the defined values of each row; give their mean and unbiased variance."""
    defined = ~np.isnan(values)
    n = defined.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(defined, values, 0).sum(axis=1) / np.where(n > 0, n, np.nan)
        squares = np.where(defined, values - mean[:, None], 0) ** 2
        return n, mean, squares.sum(axis=1) / np.where(n > 1, n - 1, np.nan)


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
