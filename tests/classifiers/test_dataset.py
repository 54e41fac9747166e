"""What networks are given: prepared, moved about, in balanced batches."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from salcompare.classifiers.backbones import IMAGENET, LITE
from salcompare.classifiers.dataset import BalancedBatches, augment
from salcompare.classifiers.execution import generator


def noise(n=4, height=6, width=5):
    return np.random.default_rng(0).integers(0, 256, (n, height, width, 3)).astype(np.uint8)


def test_lite_input_is_value_minus_127_over_128():
    prepared = LITE(np.array([0, 127, 255], dtype=np.uint8).reshape(1, 1, 1, 3))
    assert prepared.dtype == torch.float32
    assert prepared.flatten().tolist() == pytest.approx([-127 / 128, 0, 1], abs=1e-6)


def test_channels_stay_in_their_order_and_are_scaled_each_by_its_own():
    white = IMAGENET(np.full((1, 2, 2, 3), 255, dtype=np.uint8))
    assert white.shape == (1, 3, 2, 2)
    assert white[0, :, 0, 0].tolist() == pytest.approx([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224,
                                                        (1 - 0.406) / 0.225], abs=1e-5)


def test_agrees_with_torchvision():
    from torchvision.transforms.v2.functional import normalize, to_dtype

    images = noise()
    peer = normalize(to_dtype(torch.tensor(images).permute(0, 3, 1, 2), torch.float32, scale=True),
                     list(IMAGENET.mean), list(IMAGENET.std))
    torch.testing.assert_close(IMAGENET(images), peer, atol=1e-6, rtol=0)


def test_centring_takes_each_images_own_mean_and_so_forgets_brightness():
    dark = noise() // 2
    centred = replace(LITE, centre=True)
    assert centred(dark).mean(dim=(1, 2, 3)).abs().max() < 1e-6
    torch.testing.assert_close(centred(dark), centred(dark + np.uint8(40)), atol=1e-6, rtol=0)
    assert not torch.allclose(LITE(dark), LITE(dark + np.uint8(40)))


def test_photographs_are_not_changed():
    images = noise()
    before = images.copy()
    LITE(images)
    augment(images, flip=True, shift=2, generator=generator(0))
    assert np.array_equal(images, before)


def test_no_flip_and_no_shift_change_nothing():
    assert np.array_equal(augment(noise(), flip=False, shift=0, generator=generator(0)), noise())


@given(st.integers(0, 10_000), st.integers(0, 3), st.booleans())
def test_each_augmented_image_is_one_move_of_the_original(seed, shift, flip):
    images = noise()
    moved = augment(images, flip=flip, shift=shift, generator=generator(seed))
    for one, original in zip(moved, images, strict=True):
        assert any(np.array_equal(one, candidate) for candidate in moves(original, shift, flip))


def moves(image, shift, flip):
    """Every move there is, pixel by pixel: the place it comes from, held inside the image."""
    height, width = image.shape[:2]
    for mirrored in (False, True) if flip else (False,):
        base = image[:, ::-1] if mirrored else image
        for down in range(-shift, shift + 1):
            for across in range(-shift, shift + 1):
                yield np.array([[base[min(max(y - down, 0), height - 1), min(max(x - across, 0), width - 1)]
                                 for x in range(width)] for y in range(height)])


def test_half_are_mirrored_and_moves_reach_their_bounds_evenly():
    ramp = np.tile(np.arange(20, dtype=np.uint8)[None, None, :, None], (4000, 20, 1, 3))
    moved = augment(ramp, flip=True, shift=2, generator=generator(1))
    middle = moved[:, 10, 9:11, 0].astype(int)
    mirrored = middle[:, 1] < middle[:, 0]
    assert abs(mirrored.mean() - 0.5) < 4 * 0.5 / 4000**0.5
    places, counts = np.unique(middle[~mirrored, 0], return_counts=True)
    assert places.tolist() == [7, 8, 9, 10, 11]
    assert np.abs(counts / counts.sum() - 0.2).max() < 4 * (0.16 / counts.sum()) ** 0.5


def batches(sizes, per_class, seed=0):
    edges = np.cumsum([0, *sizes])
    return BalancedBatches(tuple(np.arange(a, b) for a, b in itertools.pairwise(edges)), per_class, seed, "x")


@given(st.lists(st.integers(1, 7), min_size=2, max_size=5), st.integers(1, 9), st.integers(1, 30))
def test_every_batch_holds_as_many_images_of_each_actor(sizes, per_class, iteration):
    drawn = batches(sizes, per_class).at(iteration)
    owner = np.repeat(np.arange(len(sizes)), sizes)[drawn]
    assert np.bincount(owner, minlength=len(sizes)).tolist() == [per_class] * len(sizes)


@given(st.integers(1, 7), st.integers(1, 9), st.integers(0, 100))
def test_every_image_is_drawn_once_before_any_is_drawn_again(n, per_class, seed):
    source = batches([n, 1], per_class, seed)
    drawn = np.concatenate([source.at(iteration)[:per_class] for iteration in range(1, n + 1)])
    for start in range(0, len(drawn), n):
        assert sorted(drawn[start:start + n]) == list(range(n))


def test_rounds_actors_and_seeds_have_orders_of_their_own():
    source = batches([30, 30], 30)
    first, second = source.at(1), source.at(2)
    assert not np.array_equal(first[:30], second[:30])
    assert not np.array_equal(first[:30], first[30:] - 30)
    assert not np.array_equal(first, batches([30, 30], 30, seed=1).at(1))


def test_a_batch_depends_on_its_iteration_only():
    source = batches([5, 4], 3)
    later = source.at(7)
    source.at(1)
    assert np.array_equal(batches([5, 4], 3).at(7), later)
