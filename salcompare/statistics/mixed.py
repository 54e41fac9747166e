"""Crossed mixed models of what workers drew: actors, images within actors, and workers, each with its variance."""

from __future__ import annotations

import warnings
from itertools import combinations

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats
from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM
from statsmodels.regression.mixed_linear_model import MixedLM

from salcompare.errors import InputError, Problem
from salcompare.statistics.inference.resampling import LEVEL
from salcompare.statistics.responses import require_columns, responses_by_image

FACTORS = ("actor", "image", "worker")
"""What outcomes vary with; images lie within actors, workers cross both."""
OUTCOMES = ("log_area", "x", "y", "log_seconds", "overlap")
"""Numbers of a box: log of its share of the photograph, its centre as shares of width and height, log of the seconds
that it took, and the share of it inside the classifier's mask."""
_FEWEST_LEVELS = 2
_LOGISTIC = np.pi**2 / 3  # variance of a logistic residual


def outcome_table(responses: pd.DataFrame, images: pd.DataFrame, *, masks: xr.DataArray | None = None) -> pd.DataFrame:
    """Make a tidy table of outcomes, one row a box, for mixed models here or elsewhere.

    Parameters
    ----------
    responses : DataFrame
        One row a box: ``image``, ``worker``, ``x0, y0, x1, y1`` in pixels of the image as shown; ``response``,
        ``label`` and ``seconds`` are kept where they are there.
    images : DataFrame
        One row an image: ``image``, ``actor``, ``height``, ``width``.
    masks : DataArray (image, y, x), bool, optional
        The classifier's masks (`salcompare.top_mask`), for ``overlap``.

    Returns
    -------
    DataFrame
        ``actor``, ``image``, ``worker``, ``label`` and `OUTCOMES`, as far as they are known; ``overlap``, in [0, 1], is
        NaN on images without a mask, ``log_seconds`` where seconds are missing or 0.
    """
    require_columns(("responses", responses, ("image", "worker", "x0", "y0", "x1", "y1")),
                    ("images", images, ("image", "actor", "height", "width")))
    about = images.set_index("image").reindex(responses["image"])
    if about["actor"].isna().any():
        unknown = responses["image"].to_numpy()[about["actor"].isna().to_numpy()][0]
        raise InputError(Problem("responses", f"image {unknown!r}", "one of the images"))
    kept = [name for name in ("response", "label") if name in responses]
    table = responses[["image", "worker", *kept]].reset_index(drop=True)
    table.insert(0, "actor", about["actor"].to_numpy())
    height, width = (about[name].to_numpy(float) for name in ("height", "width"))
    x0, y0, x1, y1 = (responses[name].to_numpy(float) for name in ("x0", "y0", "x1", "y1"))
    table["log_area"] = np.log((x1 - x0) * (y1 - y0) / (height * width))
    table["x"], table["y"] = (x0 + x1) / 2 / width, (y0 + y1) / 2 / height
    if "seconds" in responses:
        seconds = responses["seconds"].to_numpy(float)
        table["log_seconds"] = np.log(np.where(seconds > 0, seconds, np.nan))
    if masks is not None:
        table["overlap"] = np.nan
        by_image = responses_by_image(responses, images, size=(masks.sizes["y"], masks.sizes["x"]))
        for mask in masks.transpose("image", "y", "x"):
            image = str(mask["image"].item())
            if image in by_image:
                boxes = by_image[image]
                shown = np.where(boxes.sums > 0, boxes.sums, np.nan)  # an aligned grid need not show a box
                inside = boxes.products_with_map(mask.to_numpy().astype(float)) / shown
                table.loc[(table["image"] == image).to_numpy(), "overlap"] = inside
    return table


def crossed_model(table: pd.DataFrame, outcome: str) -> xr.Dataset:
    """Split the variance of an outcome among actors, images within actors, workers, and what is left.

    Parameters
    ----------
    table : DataFrame
        As `outcome_table` gives it; rows without the outcome are left out.
    outcome : str
        A column of numbers, such as those of `OUTCOMES`, or a label: whether a box has it.

    Returns
    -------
    Dataset
        ``mean`` with ``ci_low``, ``ci_high`` (t with actors - 1 degrees of freedom; NaN for a label) and, over
        ``component`` (actor, image, worker, residual), ``variance`` and ``share`` of their sum. For a number by REML,
        in its unit; for a label on the scale of log-odds, by variational Bayes in a binomial model, whose residual is
        the logistic's. ``n`` boxes, ``n_undefined`` rows left out; attrs: ``model``, ``formula``, as lme4 writes it.

    Raises
    ------
    InputError
        If a column is missing, a factor has one level, the levels of two (or the boxes) are the same groups, such as
        actors with one image each, or the outcome does not vary.

    Notes
    -----
    A variance that is estimated at 0 says that the factor's levels differ no more than chance makes them. The variances
    of a label come out too small where few boxes tell levels apart: of 600 boxes on 60 images by 40 workers, 0.47, 0.11
    and 0.65 for 0.49, 0.25 and 0.81. For these, for tests of fixed effects, slopes, or other links, take the table to
    lme4 (``salcompare export-lme4``).

    References
    ----------
    Bates, Mächler, Bolker & Walker (2015), doi:10.18637/jss.v067.i01; Seabold & Perktold (2010), statsmodels
    """
    require_columns(("table", table, FACTORS))
    labels = set(table["label"]) if "label" in table else set()
    if not _is_number(table, outcome) and outcome not in labels:
        raise InputError(Problem("outcome", repr(outcome), "a column of numbers, or a label", "one of " + ", ".join(
            map(str, [*(name for name in OUTCOMES if name in table), *sorted(labels)]))))
    values = table[outcome] if _is_number(table, outcome) else (table["label"] == outcome)
    data = table[list(FACTORS)].assign(y=values.astype(float))
    data = data[np.isfinite(data["y"])]
    few = [name for name in FACTORS if data[name].nunique() < _FEWEST_LEVELS]
    if few or data["y"].nunique() < _FEWEST_LEVELS:
        raise InputError(Problem("table", f"one {few[0]}" if few else f"{outcome} is the same for all boxes",
                                 "two levels of each factor at least, and an outcome that varies"))
    units = {**{name: data[name] for name in FACTORS}, "box": pd.Series(np.arange(len(data)), data.index)}
    for (one, first), (other, second) in combinations(units.items(), 2):
        if first.nunique() == second.nunique() == len(pd.DataFrame({one: first, other: second}).drop_duplicates()):
            raise InputError(Problem("table", f"each {one} has one {other}, its own",
                                     "variances that can be told apart"))
    whole = (_linear if _is_number(table, outcome) else _binomial)(data)
    return whole.assign(share=whole["variance"] / whole["variance"].sum(), n=len(data),
                        n_undefined=len(table) - len(data)).assign_attrs(formula=lme4_formula(table, outcome))


def _is_number(table: pd.DataFrame, outcome: str) -> bool:
    return outcome in table and pd.api.types.is_numeric_dtype(table[outcome])


def lme4_formula(table: pd.DataFrame, outcome: str) -> str:
    """Give the model of `crossed_model` as a call of R's lme4, of the same table ``d``, less factors of one level."""
    random = " + ".join(f"(1 | {name})" for name in FACTORS if table[name].nunique() >= _FEWEST_LEVELS)
    if _is_number(table, outcome):
        return f"lmer({outcome} ~ 1 + {random}, data = d)"
    quoted = outcome.replace("\\", "\\\\").replace('"', '\\"')
    return f'glmer(as.integer(label == "{quoted}") ~ 1 + {random}, data = d, family = binomial)'


def lme4_script(table: pd.DataFrame, path: str) -> str:
    """Write the R calls that fit every outcome of a table (`outcome_table`) at `path`, and its most frequent label."""
    outcomes = [name for name in OUTCOMES if name in table and table[name].notna().any()]
    outcomes += table["label"].value_counts().index[:1].tolist() if "label" in table else []
    return "\n".join(["library(lme4)", f'd <- read.csv("{path}")', *(
        f"summary({lme4_formula(table, outcome)})" for outcome in outcomes), ""])


def _linear(data: pd.DataFrame) -> xr.Dataset:
    unit = float(data["y"].std())  # so that no optimum depends on the outcome's unit
    model = MixedLM.from_formula("y ~ 1", data.assign(y=data["y"] / unit), groups=np.ones(len(data)), use_sparse=True,
                                 vc_formula={name: f"0 + C({name})" for name in FACTORS})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of variances at 0, which are estimates like others
        fitted = model.fit(reml=True, method=["lbfgs"])
        mean, error = float(fitted.fe_params.iloc[0]) * unit, float(fitted.bse_fe.iloc[0]) * unit
    of_factors = dict(zip(model.exog_vc.names, np.asarray(fitted.vcomp, float), strict=True))
    variance = np.array([*(of_factors[name] for name in FACTORS), float(fitted.scale)]) * unit**2
    half = stats.t.ppf((1 + LEVEL) / 2, data["actor"].nunique() - 1) * error
    return _result(variance, mean, half, "linear, REML")


def _binomial(data: pd.DataFrame) -> xr.Dataset:
    model = BinomialBayesMixedGLM.from_formula("y ~ 1", {name: f"0 + C({name})" for name in FACTORS}, data, vcp_p=2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = model.fit_vb()
    variance = np.append(np.exp(2 * np.asarray(fitted.vcp_mean)), _LOGISTIC)
    return _result(variance, float(fitted.fe_mean[0]), np.nan, "binomial, variational Bayes")


def _result(variance: object, mean: float, half: float, model: str) -> xr.Dataset:
    return xr.Dataset({"variance": ("component", np.asarray(variance, float)), "mean": mean, "ci_low": mean - half,
                       "ci_high": mean + half}, {"component": [*FACTORS, "residual"]}, {"model": model})
