import numpy as np
import pytest

from salcompare.simulation import simulate_maps


def simulated(seed=0, **changes):
    options = {"n_actors": 6, "n_images": 5, "shape": (20, 24), "actor_effect": 1.0, "image_effect": 1.0, "noise": 1.0,
               "sigma": 2.0} | changes
    return simulate_maps(**options, rng=np.random.default_rng(seed))


def r2(maps):
    values = maps.values.reshape(len(maps), -1)
    means = np.array([values[maps.actor.values == actor].mean(axis=0) for actor in maps.actor.values])
    return ((means - values.mean(axis=0))**2).sum() / ((values - values.mean(axis=0))**2).sum()


def test_maps_are_labelled():
    maps = simulated(n_actors=2, n_images=[1, 3])
    assert maps.dims == ("image", "y", "x")
    assert maps.image.values.tolist() == ["s01/1", "s02/1", "s02/2", "s02/3"]
    assert maps.actor.values.tolist() == ["s01", "s02", "s02", "s02"]
    assert "actor" not in maps.indexes


def test_variance_at_every_pixel_is_the_sum_of_the_planted_ones():
    maps = simulated(n_actors=4000, n_images=1, shape=(6, 5), actor_effect=1.0, image_effect=2.0, noise=0.5, sigma=1.5)
    assert maps.var("image").values == pytest.approx(np.full((6, 5), 1 + 4 + 0.25), rel=0.12)
    assert maps.attrs["between_actor_share"] == pytest.approx(1 / 5.25)


@pytest.mark.parametrize("n_images", [5, [2, 9, 4, 6, 3, 7]])
def test_the_mean_r2_over_draws_is_the_expected_one(n_images):
    draws = [r2(simulated(seed, n_images=n_images, shape=(16, 16))) for seed in range(60)]
    expected = simulated(n_images=n_images).attrs["expected_r2"]
    ratio_bias = 0.005                             # expected is a ratio of means, not the mean of ratios
    assert abs(np.mean(draws) - expected) < 4 * np.std(draws) / np.sqrt(60) + ratio_bias


def test_without_actor_effect_the_expected_r2_is_that_of_chance():
    assert simulated(actor_effect=0.0).attrs["expected_r2"] == pytest.approx(5 / 29)   # (g - 1) / (n - 1)


def test_images_of_an_actor_share_its_field_and_nothing_else():
    alone = simulated(image_effect=0.0, noise=0.0)
    of_first = alone.isel(image=slice(0, 5)).values
    assert (of_first == of_first[0]).all()
    assert alone.attrs["between_actor_share"] == 1


def test_sigma_sets_the_correlation_between_neighbours():
    maps = simulated(n_actors=500, n_images=1, image_effect=0.0, noise=0.0, sigma=2.0).values
    found = (maps[:, :, 3:] * maps[:, :, :-3]).mean() / (maps**2).mean()
    assert found == pytest.approx(np.exp(-(3**2) / (4 * 2.0**2)), abs=0.03)   # of white noise smoothed by a Gaussian
    rough = simulated(n_actors=500, n_images=1, image_effect=0.0, noise=0.0, sigma=0.0).values
    assert (rough[:, :, 1:] * rough[:, :, :-1]).mean() == pytest.approx(0, abs=0.02)


def test_as_many_numbers_of_images_as_actors_are_asked_for():
    with pytest.raises(ValueError, match="2 numbers for 6 actors"):
        simulated(n_images=[3, 4])


def test_the_same_generator_state_gives_the_same_maps():
    assert simulated(3).equals(simulated(3))
    assert not simulated(3).equals(simulated(4))
