"""The pooled ceiling and shares of it: by hand, by maps that are drawn and studies without a part, and their rates."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.maps import rasterise_boxes, smooth
from salcompare.simulation import cases
from salcompare.simulation.studies import simulate_study
from salcompare.statistics.ceilings.pooled import NO_AGREEMENT, noise_ceiling, pooled_ceiling, share_of_ceiling
from salcompare.statistics.overlaps.baselines import centre, given_centre
from tests.statistics.ceilings.studies import SIZE, small_study, truth_and_study
from tests.strategies import table_of_images, table_of_responses

SOURCES = ["blob", "network"]


def shares_of(responses, images, maps, **options):
    return share_of_ceiling(responses, images, {"blob": centre(maps), "network": maps}, **options)


def drawn(responses, images, *, sigma):
    """Centred maps of all responses, by image."""
    rows = responses.assign(response=[f"r{at}" for at in range(len(responses))])
    by_image = {}
    for image, of_image in rows.groupby("image"):
        each = [smooth(rasterise_boxes(of_image.iloc[[at]], images, size=SIZE).coverage.astype(float), sigma=sigma)
                .sel(image=image).to_numpy().ravel() for at in range(len(of_image))]
        by_image[image] = of_image["worker"].tolist(), [one - one.mean() for one in each]
    return by_image


def by_hand(responses, images, maps, *, sigma):
    """Ceiling and scores from maps and pairs of responses, one after the other."""
    sums, actor_of = {}, images.set_index("image")["actor"]
    scored = {"blob": smooth(centre(maps), sigma=sigma), "network": smooth(maps.astype(float), sigma=sigma)}
    for image, (workers, each) in drawn(responses, images, sigma=sigma).items():
        pairs = [one @ other for (a, one), (b, other) in combinations(zip(workers, each, strict=True), 2) if a != b]
        if not pairs:
            continue
        mean = np.mean(each, axis=0)
        values = [np.mean(pairs), mean @ mean]
        for source in SOURCES:
            one = scored[source].sel(image=image).to_numpy().ravel()
            values.append(mean @ (one - one.mean()) / np.linalg.norm(one - one.mean()))
        values += [value / np.linalg.norm(mean) for value in values[2:]]  # each image's correlation
        sums.setdefault(actor_of[image], []).append(values)
    u, o, *c = np.mean([np.mean(values, axis=0) for values in sums.values()], axis=0)
    return np.sqrt(u / o), np.array(c[:2]) / np.sqrt(o), np.array(c[2:])


def test_two_workers_by_hand():
    images = table_of_images(["s1"], height=16, width=18)
    rows = table_of_responses([("s1/1", 2, 2, 10, 10), ("s1/1", 4, 2, 12, 10)]).assign(worker=["w1", "w2"])
    result = noise_ceiling(rows, images, size=(16, 18))
    n, area, shared = 16 * 18, 64, 48
    between, energy = shared - area**2 / n, area - area**2 / n
    assert float(result.value) == pytest.approx(np.sqrt(between / ((energy + between) / 2)))
    assert np.isnan(result.ci_low)
    assert str(result.reason.values) == "fewer than 8 actors or workers"


@pytest.mark.parametrize("sigma", [0.0, 1.2])
def test_ceiling_and_shares_agree_with_maps_that_are_drawn(sigma):
    responses, images, maps = small_study(n_actors=3, n_images=2, workers=5, per_image=4)
    responses = pd.concat([responses.iloc[3:], responses.iloc[[5, 9]].assign(x0=1.0)])  # uneven, and workers twice
    ceiling, scores, means = by_hand(responses, images, maps, sigma=sigma)
    assert float(noise_ceiling(responses, images, size=SIZE, sigma=sigma).value) == pytest.approx(ceiling)
    result = shares_of(responses, images, maps, sigma=sigma)
    np.testing.assert_allclose(result.value.sel(quantity="score"), scores)
    np.testing.assert_allclose(result.value.sel(quantity="share"), scores / ceiling)
    np.testing.assert_allclose(result.value.sel(quantity="share above null"), (scores - scores[0]) / ceiling)
    np.testing.assert_allclose(result.value.sel(quantity="mean score"), means)
    assert float(result.ceiling) == pytest.approx(ceiling)


def test_scores_given_a_map_are_partial_correlations():
    responses, images, maps = small_study(n_actors=4, workers=9)
    people = rasterise_boxes(responses, images, size=SIZE)["coverage"].astype(float)
    found = share_of_ceiling(responses, images, {"null": maps + 1 / (1 + maps), "network": maps}, sigma=1.0,
                             given=centre(maps)[0])
    remainders = (given_centre(smooth(side, sigma=1.0)) for side in (people, maps))
    means = xr.corr(*remainders, dim=("y", "x")).groupby("actor").mean().mean()
    assert float(found.value.sel(source="network", quantity="mean score")) == pytest.approx(float(means))
    assert float(found.products) < float(shares_of(responses, images, maps, sigma=1.0).products)


def test_errors_are_those_of_studies_without_an_actor_a_worker_or_what_a_worker_did_on_an_actor():
    responses, images, maps = small_study(n_actors=8, n_images=2, workers=9, per_image=3)
    responses = responses.iloc[1:].reset_index(drop=True)
    whom = responses["image"].map(images.set_index("image")["actor"])

    def variance(groups):
        without = []
        for group in np.unique(groups):
            result = shares_of(responses[groups != group], images, maps)
            without.append(np.append(float(result.ceiling), result.value.to_numpy().ravel()))
        values = np.array(without)
        return (len(values) - 1) / len(values) * ((values - values.mean(axis=0)) ** 2).sum(axis=0)

    of_actors = variance(whom)
    expected = np.maximum(of_actors + variance(responses["worker"]) - variance(whom + responses["worker"]), of_actors)
    result = shares_of(responses, images, maps)
    ceiling = noise_ceiling(responses, images, size=SIZE)
    np.testing.assert_allclose(result.standard_error.to_numpy().ravel(), np.sqrt(expected[1:]), rtol=1e-6, atol=1e-12)
    assert float(ceiling.standard_error) == pytest.approx(np.sqrt(expected[0]))
    assert float(ceiling.ci_high - ceiling.value) == pytest.approx(2.364624 * np.sqrt(expected[0]))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.01, 100))
def test_neither_order_nor_names_nor_the_maps_scales_matter(seed, scale):
    responses, images, maps = small_study(n_actors=3, n_images=2, seed=seed % 7)
    rng = np.random.default_rng(seed)
    shuffled = responses.iloc[rng.permutation(len(responses))].assign(worker=lambda t: "z" + t["worker"])
    scales = xr.DataArray(scale * rng.uniform(0.5, 2, maps.sizes["image"]), dims="image")
    one = shares_of(responses, images, maps)
    other = shares_of(shuffled, images.iloc[::-1], maps.isel(image=slice(None, None, -1)) * scales)
    np.testing.assert_allclose(one.value, other.value, atol=1e-9)


def test_dask_gives_what_eager_gives():
    responses, images, maps = small_study()
    xr.testing.assert_identical(shares_of(responses, images, maps, sigma=1.0),
                                shares_of(responses, images, maps.chunk(image=1), sigma=1.0))


def test_whatever_is_linear_in_a_map_may_be_taken_out_of_it_first():
    rng = np.random.default_rng(0)
    maps, basis = rng.normal(size=(4, 6, 30)) + rng.normal(size=30), np.linalg.qr(rng.normal(size=(30, 3)))[0]
    rest = maps - maps @ basis @ basis.T
    result = pooled_ceiling([one @ one.T for one in rest], [np.arange(6)] * 4, ["a", "a", "b", "c"])
    u = [(np.sum(one @ one.T) - np.sum(one**2)) / 30 for one in rest]
    o = [np.sum(one.mean(axis=0) ** 2) for one in rest]
    weight = np.array([0.5, 0.5, 1, 1])
    assert float(result.ceiling) == pytest.approx(np.sqrt(weight @ u / (weight @ o)))


def test_what_is_undefined_says_why():
    images = table_of_images(["s1", "s1", "s2"], height=16, width=18)
    apart = table_of_responses([("s1/1", 0, 0, 9, 16), ("s1/1", 9, 0, 18, 16), ("s2/1", 0, 0, 9, 9)])
    result = noise_ceiling(apart.assign(worker=["a", "b", "a"]), images, size=(16, 18))
    assert np.isnan(result.value)
    assert (str(result.reason.values), int(result.n_images), int(result.n_undefined)) == (NO_AGREEMENT, 1, 1)
    lone = noise_ceiling(apart.assign(worker="a"), images, size=(16, 18))
    assert (str(lone.reason.values), int(lone.n)) == ("no image has responses by two workers", 0)
    responses, images, maps = small_study()
    with pytest.raises(InputError, match="not constant"):
        shares_of(responses, images, xr.zeros_like(maps))


def test_the_true_map_reaches_the_ceiling():
    responses, images, truth = truth_and_study(n_actors=8, n_images=4, workers=60, per_image=12, seed=0)
    share = shares_of(responses, images, truth).sel(source="network", quantity="share")
    assert float(share.value) == pytest.approx(1, abs=3 * float(share.standard_error) + 0.01)


@pytest.mark.parametrize("scenario", ["8 actors", cases.MANY_AND_FEW])
def test_intervals_cover_the_parameter_that_boxes_tend_to(scenario):
    runs, rows = 100, []
    for run in range(2 * runs):  # of the first half come the truths, of the second the intervals
        study = simulate_study(cases.SCENARIOS[scenario], rng=np.random.default_rng(run))
        result = shares_of(study.responses, study.images, study.saliency, sigma=cases.SIGMA)
        ceiling = noise_ceiling(study.responses, study.images, size=study.scenario.grid, sigma=cases.SIGMA)
        share = result.sel(source="network", quantity="share")
        rows.append([[float(one[name]) for name in ("value", "ci_low", "ci_high")] for one in (ceiling, share)])
    value, low, high = np.moveaxis(np.array(rows), 2, 0)
    truth = value[:runs].mean(axis=0)
    covered = ((low <= truth) & (truth <= high))[runs:].mean(axis=0)
    assert (covered >= 0.88).all()  # 0.95 less three Monte Carlo errors
