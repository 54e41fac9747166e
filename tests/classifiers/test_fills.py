"""Fills: what stands in a photograph where something was taken out."""

import numpy as np
import pytest
from scipy import ndimage

from salcompare.classifiers.fills import BLUR, filled
from salcompare.errors import InputError

PHOTOGRAPH = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)


def test_the_mean_fill_is_the_mean_colour_by_hand():
    two = np.array([[[0, 10, 7]], [[100, 20, 7]]], np.uint8)
    assert filled(two, "mean", seed=0, image="a/1").tolist() == [[[50, 15, 7]], [[50, 15, 7]]]


def test_the_blur_is_a_gaussian_of_a_tenth_of_the_shorter_side():
    ours = filled(PHOTOGRAPH, "blur", seed=0, image="a/1").astype(float)
    for channel in range(3):
        theirs = ndimage.gaussian_filter(PHOTOGRAPH[..., channel].astype(float), BLUR * 20, mode="reflect")
        assert np.abs(ours[..., channel] - theirs).max() <= 0.5


def test_the_noise_has_the_photographs_mean_and_spread_and_follows_from_seed_and_name():
    grey = np.clip(np.random.default_rng(1).normal((90, 120, 150), (10, 15, 20), (80, 80, 3)), 0, 255).astype(np.uint8)
    noise = filled(grey, "noise", seed=3, image="a/1")
    assert np.abs(noise.mean(axis=(0, 1)) - grey.mean(axis=(0, 1))).max() < 1
    assert np.abs(noise.std(axis=(0, 1)) / grey.std(axis=(0, 1)) - 1).max() < 0.05
    assert np.array_equal(noise, filled(grey, "noise", seed=3, image="a/1"))
    assert not np.array_equal(noise, filled(grey, "noise", seed=3, image="a/2"))
    assert not np.array_equal(noise, filled(grey, "noise", seed=4, image="a/1"))


def test_an_unknown_fill_is_refused():
    with pytest.raises(InputError, match="'grey'"):
        filled(PHOTOGRAPH, "grey", seed=0, image="a/1")
