"""No statistic of maps sees the unit that all values are given in, however large or small it is."""

import functools

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare import statistics
from salcompare.maps import actor_heatmap, saliency_difference, smooth, top_mask
from salcompare.statistics import METRICS
from salcompare.statistics.kernels import in_range, maps_in_range
from salcompare.statistics.metrics.densities import structural_similarity
from salcompare.statistics.variance.gram import DISTANCES

ACTORS = ["a", "a", "a", "b", "b", "b", "c", "c", "d", "d", "e", "e"]
GRID = (6, 7)
DRAWN = {"n_permutations": 9}
scales = st.integers(-960, 1000).map(lambda exponent: 2.0**exponent)  # such a unit rounds nothing by itself


def stack(seed):
    rng = np.random.default_rng(seed)
    own = rng.gamma(1, 1, (5, *GRID))[[ord(actor) - ord("a") for actor in ACTORS]]
    return xr.DataArray(own + rng.gamma(1, 1, (len(ACTORS), *GRID)), dims=("image", "y", "x"), coords={
        "image": [f"i{k}" for k in range(len(ACTORS))], "actor": ("image", ACTORS)})


HUMAN, NETWORK, OTHER = stack(1), stack(2), stack(3)
SEEDS = xr.concat([stack(4), stack(5)], "seed").assign_coords(seed=[0, 1])
OF_TWO = NETWORK.assign_coords(actor=("image", ["a"] * 5 + ["b"] * (len(ACTORS) - 5)))  # enough images of each
IMAGES = pd.DataFrame({"image": HUMAN["image"].to_numpy(), "actor": ACTORS, "height": GRID[0], "width": GRID[1]})
TRIALS = [(f"i{k}", f"w{(k + turn) % 4}") for k in range(len(ACTORS)) for turn in range(3)]
MADE = np.random.default_rng(6).gamma(1, 1, (len(TRIALS), *GRID))
RESPONSES = xr.DataArray(MADE, dims=("response", "y", "x"), coords={
    "image": ("response", [image for image, _ in TRIALS]), "worker": ("response", [worker for _, worker in TRIALS]),
    "actor": ("response", [ACTORS[int(image[1:])] for image, _ in TRIALS])})


def rng():
    return np.random.default_rng(0)


STATISTICS = {
    **{name: lambda s, name=name: statistics.overlap(HUMAN * s, NETWORK * s, metrics=[name], share=0.2)[name]
       for name in METRICS},
    **{f"{name} of all pairs": lambda s, name=name: statistics.pairwise(HUMAN[::4] * s, NETWORK[::4] * s, name,
                                                                        share=0.2)
       for name in METRICS},
    "metrics of smoothed maps": lambda s: statistics.overlap(HUMAN * s, NETWORK * s, metrics=["pearson", "nss"],
                                                             sigma=1.0),
    "ssim": lambda s: structural_similarity(HUMAN * s, NETWORK * s),
    "R2": lambda s: statistics.variance_explained(NETWORK * s, rng=rng(), **DRAWN)[
        ["r2", "omega2", "r2_pixel_mean", "between_actor_share", "p_value"]],
    **{f"R2 of {distance} distances": lambda s, distance=distance: statistics.variance_explained(
        NETWORK * s, rng=rng(), distance=distance, **DRAWN)[["r2", "p_value"]] for distance in DISTANCES},
    "components": lambda s: statistics.variance_components(NETWORK * s)["share"],
    "components of responses": lambda s: statistics.response_variance_components(RESPONSES * s, IMAGES, size=GRID)[
        "share"],
    "relative saliency": lambda s: statistics.relative_test(OF_TWO * s, sigma=1.0, rng=rng(), **DRAWN)[
        ["t", "p_value"]],
    "difference of relative saliency": lambda s: statistics.relative_test(
        OF_TWO * s, sigma=1.0, rng=rng(), **DRAWN)["difference"] / s,
    "paired maps": lambda s: statistics.paired_map_test((HUMAN - NETWORK) * s, dim="image", rng=rng(), **DRAWN)["t"],
    "symmetry": lambda s: statistics.symmetry(actor_heatmap(NETWORK * s)),
    "symmetric null": lambda s: statistics.symmetric_null_mean(NETWORK * s, rng=rng()),
    "odd share": lambda s: statistics.odd_share_difference(RESPONSES * s, IMAGES, NETWORK * s, sigma=0.0)["value"],
    "asymmetry": lambda s: statistics.asymmetry_test(NETWORK * s, rng=rng(), **DRAWN)["value"],
    "common laterality": lambda s: statistics.common_laterality_test(NETWORK * s, rng=rng(), **DRAWN)[
        ["value", "odd_share"]],
    "pose": lambda s: statistics.pose_association(NETWORK * s, OTHER * s, rng=rng(), **DRAWN)["value"],
    "beyond photographs": lambda s: statistics.asymmetry_beyond_photographs(
        NETWORK * s, OTHER * s, n_components=1, rng=rng(), **DRAWN)[["value", "explained"]],
    **{f"similarity of actors, {distance}": lambda s, distance=distance: statistics.actor_similarity(
        HUMAN * s, NETWORK * s, distance=distance, n_splits=2, rng=rng(), **DRAWN)["value"]
       for distance in ("correlation", "euclidean")},
    "ceiling": lambda s: statistics.noise_ceiling(RESPONSES * s, IMAGES, size=GRID)["value"],
    "share of the ceiling": lambda s: statistics.share_of_ceiling(
        RESPONSES * s, IMAGES, {"null": HUMAN, "one": NETWORK * s}, sigma=1.0)["value"],
    "reliability over seeds": lambda s: statistics.seed_reliability(SEEDS * s, rng=rng(), **DRAWN)["value"],
    "masks": lambda s: top_mask(NETWORK * s, share=0.2),
    "saliency difference": lambda s: saliency_difference(HUMAN * s, NETWORK * s),
    "smoothed maps": lambda s: smooth(NETWORK * s, sigma=2.0) / s,
}


def numbers(found):
    parts = [found] if isinstance(found, xr.DataArray) else list(found.data_vars.values())
    return np.concatenate([np.ravel(part.to_numpy()).astype(float) for part in parts])


@functools.cache
def at_one(name):
    return numbers(STATISTICS[name](1.0))


@pytest.mark.parametrize("name", STATISTICS)
@settings(max_examples=4, deadline=None)
@given(scale=scales)
def test_no_statistic_sees_the_scale_of_the_maps(name, scale):
    assert np.isfinite(at_one(name)).any()
    np.testing.assert_allclose(numbers(STATISTICS[name](scale)), at_one(name), rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("scale", [1e155, 1e300, 1e-170, 1e-300])
def test_pearson_and_nss_are_what_they_are_at_any_scale(scale):
    found = statistics.overlap(HUMAN, NETWORK * scale, metrics=["pearson", "nss"])
    standard = (NETWORK - NETWORK.mean(("y", "x"))) / NETWORK.std(("y", "x"))
    density = HUMAN / HUMAN.sum(("y", "x"))
    for image in range(3):
        expected = np.corrcoef(*(maps[image].to_numpy().ravel() for maps in (HUMAN, NETWORK)))[0, 1]
        assert float(found["pearson"][image]) == pytest.approx(expected)
        assert float(found["nss"][image]) == pytest.approx(float((density * standard)[image].sum()))


def test_values_in_range_keep_their_bits_and_others_are_scaled_by_powers_of_two():
    rows = np.array([[1e-14, 1e-38], [2e14, -1.0], [1e155, -3e155], [1e-170, 0.0], [np.nan, 1e300], [0.0, 0.0]])
    found = in_range(rows, axis=-1)
    np.testing.assert_array_equal(found[[0, 1, 4, 5]], rows[[0, 1, 4, 5]])
    exponents = np.log2(np.abs(rows[[2, 3], 0] / found[[2, 3], 0]))
    np.testing.assert_array_equal(exponents, np.round(exponents))
    assert (np.abs(found[[2, 3]]).max(axis=1) >= 0.5).all()
    plain = HUMAN.astype("float32")
    assert maps_in_range(plain) is plain
    assert maps_in_range(HUMAN) is HUMAN
    assert float(np.abs(maps_in_range(HUMAN * 1e200)).max()) <= 1


def test_lazy_maps_are_scaled_like_those_in_memory():
    far = NETWORK * 1e-200
    np.testing.assert_array_equal(maps_in_range(far.chunk({"image": 2})).compute(), maps_in_range(far))
