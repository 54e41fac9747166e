"""The share of the ceiling: known truth has 1, the null 0; copies of workers are no agreement."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.statistics.ceilings.draws import Resampler
from salcompare.statistics.ceilings.material import gather_material
from salcompare.statistics.ceilings.resampled import observed_weights, weights_of
from salcompare.statistics.ceilings.share import NULLS, QUANTITIES, share_of_ceiling
from salcompare.statistics.ceilings.split_half import noise_ceiling
from salcompare.statistics.overlaps.baselines import other_actors_mean
from tests.statistics.ceilings.studies import SIZE, rebuilt_coverage, small_study, truth_and_study


def share_of(study, *, seed=0, n_resamples=200, null="others' human maps", **options):
    return share_of_ceiling(*study, rng=np.random.default_rng(seed), n_resamples=n_resamples, nulls=[null],
                            **options).isel(null=0, drop=True)


def agreeing(*, seed=0, noise=1.0, **options):
    """Classifier maps that are people's expected map with noise of their own, on actors who differ."""
    responses, images, maps = small_study(seed=seed, workers=14, per_image=12, actor_sd=3.0, **options)
    coverage = rebuilt_coverage(responses, images, dict.fromkeys(responses.worker, 1), sigma=1.0)
    return responses, images, maps.copy(data=coverage.to_numpy() * 3 + noise * maps.to_numpy())


def observed(study, **options):
    material = gather_material(*study, sigma=1.0)
    return Resampler(material, ceiling=True, **options).draws({"all": observed_weights(material)})["all"]


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
    material = gather_material(responses, images, maps, sigma=1.0)
    weights = weights_of(material, 200, np.random.default_rng(5), kinds=("workers",))
    ours = np.nanmean(Resampler(material, ceiling=True).draws(weights)["workers"][1][1])
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
