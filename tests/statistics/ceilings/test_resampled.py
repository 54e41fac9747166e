"""Resampled overlap: against maps that are drawn again for each resample, and the traps of copied workers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.maps import smooth
from salcompare.statistics.ceilings.between_workers import noise_ceiling
from salcompare.statistics.ceilings.resampled import (
    NULLS,
    QUANTITIES,
    RESAMPLED,
    observed_weights,
    resampled_overlap,
    share_of_ceiling,
    weights_of,
)
from salcompare.statistics.ceilings.resamples import Resampler, Weights, match_responses
from salcompare.statistics.inference.resampling import t_interval
from salcompare.statistics.metrics.densities import nss, pearson
from salcompare.statistics.overlaps.baselines import other_actors_mean
from salcompare.statistics.overlaps.same_image import overlap
from tests.statistics.ceilings.studies import SIZE, by_actor, rebuilt_coverage, small_study, truth_and_study

METRICS = {"pearson": pearson, "nss": nss}


def overlap_of(study, *, seed=0, n_resamples=200, **options):
    return resampled_overlap(*study, rng=np.random.default_rng(seed), n_resamples=n_resamples, **options)


def test_two_resamples_of_two_workers_by_hand():
    responses, images, maps = small_study(n_actors=1, n_images=1, workers=2, per_image=2)
    matched = match_responses(responses, images, maps, sigma=0)
    once = observed_weights(matched)
    found = Resampler(matched).draws({"only": Weights(np.array([[2.0, 0], [1, 3]]), once.images, once.actors)})["only"]
    drawn = {name: rebuilt_coverage(responses[responses.worker == name], images, {name: 1}, sigma=0)[0].to_numpy()
             for name in ("w000", "w001")}
    expected = [np.corrcoef(drawn["w000"].ravel(), maps[0].to_numpy().ravel())[0, 1],
                np.corrcoef((drawn["w000"] + 3 * drawn["w001"]).ravel(), maps[0].to_numpy().ravel())[0, 1]]
    np.testing.assert_allclose(found[1][0], expected, atol=1e-12)


@pytest.mark.parametrize("sigma", [0.0, 1.3])
@pytest.mark.parametrize("metric", ["pearson", "nss"])
def test_draws_equal_those_of_maps_drawn_again(metric, sigma):
    responses, images, maps = small_study(seed=1, per_image=4)
    again = responses[responses.worker == "w001"].assign(x0=1.0, response="again")  # a worker who drew two boxes
    responses = pd.concat([responses, again], ignore_index=True)
    matched = match_responses(responses, images, maps, sigma=sigma)
    kinds = weights_of(matched, 5, np.random.default_rng(2), kinds=RESAMPLED)
    found = Resampler(matched, metric=metric).draws(kinds)
    names, smoothed = sorted(responses.worker.unique()), smooth(maps, sigma=sigma)
    for kind, weights in kinds.items():
        workers, at, actors = (np.broadcast_to(w, (5, w.shape[1])) for w in (
            weights.workers, weights.images, weights.actors))
        for row in range(5):
            times = dict(zip(names, workers[row].astype(int), strict=True))
            coverage = rebuilt_coverage(responses, images, times, sigma=sigma)
            values = METRICS[metric](coverage, smoothed.sel(image=coverage.image))
            total = weight = 0.0
            for actor, drawn in zip(matched.actors, actors[row], strict=True):
                here = [np.repeat(values.sel(image=image).item(), int(n)) for image, n in
                        zip(images["image"], at[row], strict=True) if image.startswith(actor) and image in values.image]
                if sum(map(len, here)):
                    total, weight = total + drawn * np.concatenate(here).mean(), weight + drawn
            assert found[kind][1][0, row] == pytest.approx(total / weight, abs=1e-7)  # maps drawn are float32


def test_the_nulls_equal_those_of_maps_drawn_again():
    responses, images, maps = small_study(seed=3, n_actors=4, workers=9, per_image=8)
    matched = match_responses(responses, images, maps, sigma=1.0)
    once, rng = observed_weights(matched), np.random.default_rng(4)
    counts = rng.integers(1, 3, (2, 9)).astype(float)
    kinds = {"workers": Weights(counts, once.images, once.actors)}
    human = Resampler(matched, nulls=["others' human maps"]).draws(kinds)["workers"]
    classifier = Resampler(matched, nulls=["others' classifier maps"]).draws(kinds)["workers"]
    names, smoothed = sorted(responses.worker.unique()), smooth(maps, sigma=1.0)
    for row in range(2):
        times = dict(zip(names, counts[row].astype(int), strict=True))
        coverage = rebuilt_coverage(responses, images, times, sigma=1.0)
        expected = by_actor(pearson(coverage, other_actors_mean(coverage)))
        np.testing.assert_allclose(human[0][2, row], list(expected.values()), atol=2e-6)
        for at, actor in enumerate(matched.actors):
            own = coverage[coverage.actor.to_numpy() == actor]
            others = smoothed[smoothed.actor.to_numpy() != actor]
            mean = np.mean([pearson(one, other).item() for one in own for other in others])
            assert classifier[0][2, row, at] == pytest.approx(mean, abs=1e-7)


def test_nulls_leave_out_copies_of_the_actor_and_images_that_are_not_drawn():
    responses, images, maps = small_study(seed=5, n_actors=3, n_images=2)
    matched = match_responses(responses, images, maps, sigma=1.0)
    once = observed_weights(matched)
    actors, at = np.array([[2.0, 1, 0], [1, 1, 1]]), np.array([[2.0, 0, 1, 1, 1, 1], [2, 0, 1, 1, 0, 2]])
    for null in ("others' human maps", "others' classifier maps"):
        values = Resampler(matched, nulls=[null]).draws({"both": Weights(once.workers, at, actors)})["both"][0][2]
        coverage = rebuilt_coverage(responses, images, dict.fromkeys(responses.worker, 1), sigma=1.0)
        smoothed = smooth(maps, sigma=1.0)
        first, second = coverage[0], coverage[2:4]  # s01 drawn twice by its first image; s02 once, both images
        if null == "others' human maps":
            expected = pearson(first, second.mean("image")).item()
            later = pearson(first, second.mean("image") + coverage[5]).item()
        else:
            expected = np.mean([pearson(first, other).item() for other in smoothed[2:4]])
            later = np.mean([expected, pearson(first, smoothed[5]).item()])
        np.testing.assert_allclose(values[:, 0], [expected, later], atol=1e-7)


def test_the_observed_value_is_that_of_overlap_and_counts_what_is_left_out():
    responses, images, maps = small_study(seed=6, n_actors=4)
    maps[3] = 1.1  # constant, but for rounding once it is smoothed
    found = overlap_of((responses[responses.image != "s01/1"], images, maps), sigma=1.0)
    whole = rebuilt_coverage(responses, images, dict.fromkeys(responses.worker, 1), sigma=0.0)
    kept = maps.isel(image=[1, 2, 4, 5, 6, 7])
    expected = by_actor(overlap(whole, kept, metrics=["pearson"], sigma=1.0)["pearson"])
    np.testing.assert_allclose(found.actor_value, list(expected.values()), atol=1e-7)
    assert float(found.value) == pytest.approx(np.mean(list(expected.values())))
    assert found.actor_n.to_numpy().tolist() == [1, 1, 2, 2]
    assert found.attrs["n_left_out"] == 2


def test_lazy_maps_give_the_same_and_the_same_generator_the_same():
    responses, images, maps = small_study(n_actors=9, seed=7)
    found, lazy = overlap_of((responses, images, maps)), overlap_of((responses, images, maps.chunk(image=3)))
    assert found.identical(lazy)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99), factor=st.floats(0.1, 50), offset=st.floats(0, 5))
def test_pearson_draws_do_not_care_for_the_scale_of_the_classifiers_maps(seed, factor, offset):
    responses, images, maps = small_study(seed=seed, workers=9)
    one, other = (overlap_of((responses, images, scaled), n_resamples=20) for scaled in (maps, factor * maps + offset))
    np.testing.assert_allclose(one.draws, other.draws, atol=1e-7)


def test_actors_standard_error_is_that_of_their_mean_and_of_the_jackknife():
    study = small_study(n_actors=12, workers=20, per_image=12, seed=8)
    found = overlap_of(study, n_resamples=8000)
    by_t = t_interval(found.actor_value.to_numpy())
    actors = found.sel(resampled="actors")
    sem = found.actor_value.to_numpy().std(ddof=1) / np.sqrt(12)
    assert float(actors.standard_error) == pytest.approx(sem, rel=0.04)
    assert float(actors.jackknife_error) == pytest.approx(sem)
    np.testing.assert_allclose([actors.ci_low, actors.ci_high], [by_t.low, by_t.high], atol=0.1 * sem)
    images = found.sel(resampled="images within actors")
    assert float(images.standard_error) == pytest.approx(float(images.jackknife_error), rel=0.04)
    workers = found.sel(resampled="workers")
    assert float(workers.standard_error) == pytest.approx(float(workers.jackknife_error), rel=0.25)


def test_few_actors_and_lone_images_have_no_interval_and_say_so():
    found = overlap_of(small_study(n_actors=7, workers=12))
    assert found.reason.sel(resampled="actors").item() == "6 degrees of freedom (actors); an interval needs 7"
    assert found.reason.sel(resampled="workers").item() == ""
    assert np.isnan(found.ci_low.sel(resampled="workers and actors"))
    lone = overlap_of(small_study(n_actors=9, n_images=1, workers=12))
    assert "9 actors with one image" in lone.reason.sel(resampled="workers and images within actors").item()
    assert not np.isnan(lone.ci_low.sel(resampled="workers and actors"))


def test_percentiles_of_draws_with_copied_workers_miss_the_estimate_and_are_not_given():
    responses, images, maps = small_study(n_actors=10, workers=12, per_image=6, seed=9)
    maps = rebuilt_coverage(responses, images, dict.fromkeys(responses.worker, 1), sigma=2.0)  # a model that agrees
    found = overlap_of((responses, images, maps), method="percentile", n_resamples=500)
    draws = found.draws.sel(resampled="workers").to_numpy()
    assert np.quantile(draws, 0.975) < float(found.value)  # the trap
    assert np.isnan(found.ci_low.sel(resampled="workers"))
    assert "twice" in found.reason.sel(resampled="workers").item()
    actors = found.sel(resampled="actors")
    assert float(actors.ci_low) < float(found.value) < float(actors.ci_high)
    assert actors.ci_method.item() == "percentile"
    assert overlap_of((responses, images, maps), method="bca").ci_method.sel(resampled="actors").item() == "bca"


def test_what_does_not_fit_is_named():
    responses, images, maps = small_study()
    with pytest.raises(InputError, match="pearson, nss"):
        overlap_of((responses, images, maps), metric="iou")
    with pytest.raises(InputError, match="t, percentile, bca"):
        overlap_of((responses, images, maps), method="normal")
    with pytest.raises(InputError, match="no image with responses and a classifier map"):
        overlap_of((responses, images, xr_renamed(maps)))


def xr_renamed(maps):
    return maps.assign_coords(image=[f"x{i}" for i in range(maps.sizes["image"])])


def share_of(study, *, seed=0, n_resamples=200, null="others' human maps", **options):
    return share_of_ceiling(*study, rng=np.random.default_rng(seed), n_resamples=n_resamples, nulls=[null],
                            **options).isel(null=0, drop=True)


def agreeing(*, seed=0, noise=1.0, **options):
    """Classifier maps that are people's expected map with noise of their own, on actors who differ."""
    responses, images, maps = small_study(seed=seed, workers=14, per_image=12, actor_sd=3.0, **options)
    coverage = rebuilt_coverage(responses, images, dict.fromkeys(responses.worker, 1), sigma=1.0)
    return responses, images, maps.copy(data=coverage.to_numpy() * 3 + noise * maps.to_numpy())


def observed(study, **options):
    matched = match_responses(*study, sigma=1.0)
    return Resampler(matched, ceiling=True, **options).draws({"all": observed_weights(matched)})["all"]


def test_the_ceiling_of_two_workers_by_hand():
    responses, images, maps = small_study(n_actors=1, n_images=1, workers=2, per_image=2, spread=1.0)
    one, other = (rebuilt_coverage(responses[responses.worker == name], images, {name: 1}, sigma=1.0)[0].to_numpy()
                  for name in ("w000", "w001"))
    a, b = one - one.mean(), other - other.mean()
    whole = (a + b) / 2
    unit = whole / np.linalg.norm(whole)
    across = a - b - ((a - b) * unit).sum() * unit  # what sets the workers apart at right angles to their mean
    expected = np.sqrt(1 - (across**2).sum() / 4 / (whole**2).sum())
    assert observed((responses, images, maps))[0][1, 0, 0] == pytest.approx(expected, abs=1e-7)


def test_the_ceiling_agrees_with_halves_stepped_up():
    study = small_study(seed=1, n_actors=10, n_images=4, workers=30, per_image=16)
    halves = noise_ceiling(study[0], study[1], size=SIZE, sigma=1.0, rng=np.random.default_rng(2))
    assert observed(study)[1][1, 0] == pytest.approx(float(halves.ceiling.mean()), abs=0.004)


def test_the_ceiling_is_what_the_true_map_reaches_and_its_share_is_one():
    shares, gaps = [], []
    for seed in range(8):
        study = truth_and_study(n_actors=10, n_images=2, workers=30, per_image=14, seed=seed)
        found = share_of(study, null="zero", sigma=1.0, n_resamples=100)
        score, ceiling = (float(found.value.sel(quantity=name)) for name in ("score", "ceiling"))
        shares.append(float(found.value.sel(quantity="share")))
        gaps.append(score - ceiling)
    for values, truth in ((shares, 1.0), (gaps, 0.0)):
        assert np.mean(values) == pytest.approx(truth, abs=3.3 * np.std(values, ddof=1) / np.sqrt(8) + 0.003)
    assert float(found.value.sel(quantity="ceiling")) < 0.98


def test_a_model_that_is_the_null_has_a_share_of_zero_and_a_worse_one_less():
    responses, images, _ = agreeing(n_actors=9)
    coverage = rebuilt_coverage(responses, images, dict.fromkeys(responses.worker, 1), sigma=0.0)
    found = share_of((responses, images, other_actors_mean(coverage)), sigma=1.0, units="images within actors")
    share = found.sel(quantity="share")
    assert float(share.value) == pytest.approx(0, abs=1e-5)
    assert found.attrs["resampled"] == "workers and images within actors"
    bad = share_of((responses, images, -other_actors_mean(coverage)), sigma=1.0, null="zero")
    assert float(bad.actor_value.sel(quantity="share").min()) < 0  # never clipped


def test_share_is_score_above_null_over_ceiling_above_null_in_one_study():
    found = share_of(agreeing(n_actors=9), null="others' classifier maps", sigma=1.0)
    value = found.value.to_series()
    assert value["score above null"] == pytest.approx(value["score"] - value["null"])
    assert value["share"] == pytest.approx(value["score above null"] / value["ceiling above null"])
    share = found.sel(quantity="share")
    assert float(share.ci_low) < float(share.value) < float(share.ci_high)
    assert (share.ci_method.item(), found.attrs["resampled"]) == ("crossed Fieller", "workers and actors")
    assert found.actor_resampled.to_numpy().tolist() == ["workers"] * 9


def test_actors_with_eight_images_are_resampled_by_images_and_workers():
    found = share_of(agreeing(n_actors=2, n_images=8), sigma=1.0, null="zero", units="images within actors")
    assert found.actor_resampled.to_numpy().tolist() == ["workers and images within actors"] * 2
    share = found.sel(quantity="share")
    assert (share.actor_ci_low < share.actor_value).all()
    assert (share.actor_value < share.actor_ci_high).all()


def test_the_share_is_undefined_where_the_ceiling_may_lie_at_the_null():
    study = small_study(seed=3, n_actors=9, n_images=2, workers=30, per_image=12)  # all actors are drawn upon alike
    found = share_of(study, sigma=1.0)
    share = found.sel(quantity="share")
    assert not float(found.ci_low.sel(quantity="ceiling above null")) > 0
    assert np.isnan([share.value, share.ci_low, share.ci_high]).all()
    assert "not known" in share.reason.item()
    assert not np.isnan(found.value.sel(quantity="score"))


def test_few_actors_leave_the_population_without_a_share_and_images_within_them_give_one():
    study = agreeing(n_actors=4, n_images=4)
    few, fixed = (share_of(study, sigma=1.0, null="zero", units=units) for units in ("actors", "images within actors"))
    assert "3 degrees of freedom" in few.reason.sel(quantity="score").item()
    assert np.isnan(few.value.sel(quantity="share"))
    assert not np.isnan(fixed.ci_low.sel(quantity="share"))


def test_copies_of_a_worker_in_a_resample_are_not_agreement():
    responses, images, maps = small_study(seed=4, n_actors=4, n_images=3, workers=10, per_image=10, spread=5.0)
    matched = match_responses(responses, images, maps, sigma=1.0)
    weights = weights_of(matched, 200, np.random.default_rng(5), kinds=("workers",))
    ours = np.nanmean(Resampler(matched, ceiling=True).draws(weights)["workers"][1][1])
    as_observed = observed((responses, images, maps))[1][1, 0]
    names, naive = sorted(responses.worker.unique()), []
    for row in weights["workers"].workers[:5].astype(int):
        copies = [responses[responses.worker == name].assign(worker=f"{name}/{k}")
                  for name, times in zip(names, row, strict=True) for k in range(times)]
        table = pd.concat(copies, ignore_index=True)
        naive.append(float(observed((table, images, maps))[1][1, 0]))
    assert ours < as_observed  # a resample's coverage is rougher: the same model reaches less of it
    assert np.mean(naive) > as_observed  # the trap: copies called by other names agree with each other


def test_images_without_a_ceiling_are_left_out_of_the_score_too():
    responses, images, maps = agreeing(n_actors=9)
    elsewhere = responses.image != "s01/1"
    one = responses[elsewhere | (responses.worker == responses.worker[~elsewhere].iloc[0])]
    found = share_of((one, images, maps), null="zero", sigma=1.0)
    without = share_of((responses[responses.image != "s01/1"], images, maps), null="zero", sigma=1.0)
    assert float(found.actor_value.sel(quantity="score", actor="s01")) == pytest.approx(
        float(without.actor_value.sel(quantity="score", actor="s01")))


@pytest.mark.parametrize("null", NULLS)
def test_lazy_maps_give_the_same_share(null):
    responses, images, maps = agreeing(n_actors=9)
    assert share_of((responses, images, maps), null=null).identical(
        share_of((responses, images, maps.chunk(image=2)), null=null))


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 99), null=st.sampled_from(NULLS))
def test_names_and_order_of_workers_do_not_matter(seed, null):
    responses, images, maps = small_study(seed=seed, workers=9, per_image=6)
    turned = responses.sample(frac=1, random_state=seed).assign(worker=lambda t: t.worker.str[::-1])
    one, other = (observed((table, images, maps), nulls=[null]) for table in (responses, turned))
    np.testing.assert_allclose(one[1], other[1], atol=1e-9)
    assert not (one[0][1] > 1).any()


def test_several_nulls_at_once_give_what_each_gives_alone():
    study = agreeing(n_actors=9)
    found = share_of_ceiling(*study, rng=np.random.default_rng(0), n_resamples=50, sigma=1.0)
    assert (found.quantity.to_numpy().tolist(), found.null.to_numpy().tolist()) == (list(QUANTITIES), list(NULLS))
    for null in NULLS:
        alone = share_of(study, null=null, sigma=1.0, n_resamples=50)
        xr.testing.assert_allclose(found.sel(null=null, drop=True), alone)
    with pytest.raises(InputError, match="'chance'"):
        share_of(study, null="chance")
