"""Every public statistic of maps answers an array that it cannot use by an `InputError`, never by a bare traceback."""

import inspect
import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import salcompare.statistics as st
from salcompare.errors import SalcompareError


def maps(n_actors=3, n_images=3, size=8, seed=0):
    """Maps of some actors, by none of whom they are the same."""
    names = [f"s{at // n_images}/{at}" for at in range(n_actors * n_images)]
    values = np.random.default_rng(seed).random((len(names), size, size))
    return xr.DataArray(values, dims=("image", "y", "x"), coords={
        "image": names, "actor": ("image", [name.split("/")[0] for name in names]), "y": range(size), "x": range(size)})


def rng():
    return np.random.default_rng(0)


FEW = {"n_permutations": 19}
CALLS = {
    "actor_means": lambda a: st.actor_means(a[:, 0, 0] if getattr(a, "dims", ()) == ("image", "y", "x") else a),
    "actor_similarity": lambda a: st.actor_similarity(a, a, rng=rng(), n_splits=2, **FEW),
    "asymmetry_beyond_photographs": lambda a: st.asymmetry_beyond_photographs(a, a, rng=rng(), **FEW),
    "asymmetry_test": lambda a: st.asymmetry_test(a, rng=rng(), **FEW),
    "calibrated": lambda a: st.calibrated(a, a),
    "canonical_model_saliency": lambda a: st.canonical_model_saliency(a, rng=rng(), n_splits=2, **FEW),
    "centre": st.centre,
    "common_laterality_test": lambda a: st.common_laterality_test(a, rng=rng(), **FEW),
    "compare_classifiers": lambda a: st.compare_classifiers(a, a, a, metric="pearson", rng=rng(), **FEW),
    "compare_pairings": lambda a: st.compare_pairings(a, a, rng=rng(), **FEW),
    "dispersion_test": lambda a: st.dispersion_test(a, rng=rng(), **FEW),
    "equivalence": lambda a: st.equivalence(a, smallest=0.1),
    "heatmap_tests": lambda a: st.heatmap_tests(a, a, metric="pearson", rng=rng(), **FEW),
    "label_enrichment": lambda a: st.label_enrichment(RESPONSES, IMAGES, a, rng=rng(), **FEW),
    "other_actors_mean": st.other_actors_mean,
    "others_density": st.others_density,
    "overlap": lambda a: st.overlap(a, a, metrics=["pearson", "iou"]),
    "overlap_matrix": lambda a: st.overlap_matrix(a, a, metric="pearson"),
    "overlap_tests": lambda a: st.overlap_tests(a, a, metric="pearson", rng=rng(), **FEW),
    "paired_map_test": lambda a: st.paired_map_test(a, rng=rng(), **FEW),
    "pairing_tests": lambda a: st.pairing_tests(a, rng=rng(), **FEW),
    "pairwise": lambda a: st.pairwise(a, a, "pearson"),
    "population_mean": st.population_mean,
    "population_overlap": lambda a: st.population_overlap(a, a, metrics=["pearson"]),
    "pose_association": lambda a: st.pose_association(a, a, rng=rng(), **FEW),
    "registered": lambda a: st.registered(a, a, MARKS, sigma=1.0),
    "relative_test": lambda a: st.relative_test(a, sigma=1.0, rng=rng(), **FEW),
    "seed_reliability": lambda a: st.seed_reliability(a, rng=rng(), **FEW),
    "symmetric_null_mean": lambda a: st.symmetric_null_mean(a, rng=rng(), n_draws=5),
    "symmetry": st.symmetry,
    "uniform": st.uniform,
    "unique_agreement": lambda a: st.unique_agreement(a, a, a, MARKS, sigma=1.0, rng=rng(), **FEW),
    "uniform_overlap": lambda a: st.uniform_overlap(a, metrics=["pearson"]),
    "variance_components": st.variance_components,
    "variance_explained": lambda a: st.variance_explained(a, rng=rng(), **FEW),
}
GOOD = maps()
IMAGES = pd.DataFrame({"image": GOOD["image"], "actor": GOOD["actor"], "height": 8, "width": 8})
MARKS = xr.DataArray(np.random.default_rng(0).uniform(1, 7, (9, 20, 2)), dims=("image", "point", "axis"),
                     coords={"image": GOOD["image"].to_numpy(), "axis": ["x", "y"]})
RESPONSES = pd.DataFrame({"worker": "w", "image": GOOD["image"], "label": ["eyes", "nose", "lips"] * 3, "x0": 1.0,
                          "y0": 1.0, "x1": 5.0, "y1": 4.0})
BAD = {
    "no actor": GOOD.drop_vars("actor"), "no image coordinate": GOOD.drop_vars(["image", "actor"]),
    "one map": GOOD[0], "other dims": GOOD.rename(y="row", x="column"), "heatmaps": GOOD[:3].drop_vars(
        ["image", "actor"]).rename(image="actor"), "all NaN": GOOD * np.nan, "some NaN": GOOD.where(GOOD > 0.1),
    "one image NaN": GOOD.where(GOOD["image"] != "s0/0"), "the same image twice": xr.concat([GOOD, GOOD[:1]], "image"),
    "no images": GOOD[:0], "one actor": maps(n_actors=1), "one image": maps(1, 1), "one image each": maps(n_images=1),
    "two actors": maps(n_actors=2), "numbers": GOOD.to_numpy(), "texts": GOOD.astype(str), "zeros": GOOD * 0,
    "infinite": GOOD.where(GOOD["image"] != "s0/0", np.inf), "negative": GOOD - 0.5, "one pixel": GOOD[:, :1, :1],
    "actor missing": GOOD.assign_coords(actor=("image", ["s0", None, *["s1"] * 7])),
    "dataset": GOOD.to_dataset(name="maps"), "integers": (GOOD * 9).astype(int), "complex": GOOD * 1j,
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", CALLS)
def test_what_cannot_be_used_is_an_input_error(name, bad):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            outcome = CALLS[name](BAD[bad])
        except SalcompareError as error:
            outcome = str(error)
    assert outcome is not None
    assert not isinstance(outcome, str) or "expected" in outcome


def test_every_public_statistic_of_an_array_is_tried():
    """Those of p-values, of what removal leaves, of shares of variance, and of regions have arrays of another kind."""
    first = {name: next(iter(inspect.signature(function).parameters.values())).annotation
             for name, function in vars(st).items() if name in st.__all__ and callable(function)}
    others = {"adjust_p", "family_size", "curve_areas", "label_enrichment", "design_reliability",
              "workers_needed", "region_masses", "region_shares", "people_region_shares"}
    assert {name for name, kind in first.items() if kind == "xr.DataArray"} - others == set(CALLS) - others


@pytest.mark.parametrize("name", CALLS)
def test_numbers_without_labels_are_named_as_what_they_are(name):
    with pytest.raises(SalcompareError, match=r"ndarray|actor|dims"):
        CALLS[name](BAD["numbers"])
