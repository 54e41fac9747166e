"""Fills: what stands in a photograph where something was taken out."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from scipy import ndimage

from salcompare.classifiers import INTACT, Arrangement, all_filled, attribute, removal_outcomes, write_removals
from salcompare.classifiers.perturbation import BLUR, filled
from salcompare.config import FILLS
from salcompare.errors import InputError
from salcompare.maps import centre_orders, moved_orders, smooth, top_mask
from salcompare.statistics import (
    actor_means,
    curve_areas,
    label_enrichment,
    population_mean,
    removal_curves,
    removal_drops,
)
from salcompare.store import open_dataset
from tests.classifiers.planted import REGIONS, SIZE, inside, planted_classifier, planted_photographs

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


AREA = 48 / 1024  # of the left eye
PARTS = [region for region in REGIONS if region != "nose"]  # which is smaller
SHARES = (AREA, 0.2, 0.5)


def coords(pixels):
    return {name: pixels.coords[name] for name in ("image", "y", "x")}


def planted_orders(trained, pixels):
    """Each region of the face, GB, GB elsewhere and the centre (order, image, y, x)."""
    gb = xr.DataArray(attribute(trained, pixels, targets=pixels["actor"]), dims=("image", "y", "x"),
                      coords=coords(pixels))
    gb = smooth(gb, sigma=0.5).astype(float).drop_attrs()
    found = {region: xr.zeros_like(gb) + inside(region) for region in PARTS}
    found |= {"gb": gb, "random": moved_orders(gb, seed=0, purpose="random"),
              "centre": centre_orders(pixels["image"].to_numpy().tolist(), size=SIZE)}
    return xr.concat(found.values(), dim=xr.Variable("order", list(found))).transpose("order", "image", "y", "x")


def arrangements(orders, curves):
    done = [INTACT, *(all_filled(fill) for fill in FILLS)]
    done += [Arrangement(order, "deletion", fill, AREA, whole=True) for order in orders for fill in FILLS]
    return done + [Arrangement(order, way, fill, share) for order in curves for fill in FILLS
                   for way in ("deletion", "insertion") for share in SHARES]


def randomised(trained):
    """Give a copy of which every weight is drawn anew, the gate's too."""
    model = copy.deepcopy(trained.model)
    with torch.random.fork_rng():
        torch.manual_seed(4)
        for module in model.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
    return dataclasses.replace(trained, model=model.eval().requires_grad_(False))


@pytest.fixture(scope="module")
def planted():
    trained = planted_classifier()
    pixels, _ = planted_photographs()
    orders = planted_orders(trained, pixels)
    ways = arrangements(orders["order"].to_numpy().tolist(), ("gb", "random"))
    return trained, pixels, orders, ways, removal_outcomes(trained, pixels, orders, ways, seed=1)


def drop(outcomes, metric, fill, order):
    return float(removal_means(outcomes, metric).sel(fill=fill, order=order))


def removal_means(outcomes, metric):
    return population_mean(actor_means(removal_drops(outcomes, metric, area=AREA))["value"])["value"]


@pytest.mark.parametrize("fill", FILLS)
def test_without_the_left_eye_the_planted_network_knows_nobody_and_without_the_rest_it_knows_all(planted, fill):
    outcomes = planted[-1]
    others = [region for region in PARTS if region != "left eye"]
    assert drop(outcomes, "accuracy", fill, "left eye") > 0.6
    assert all(drop(outcomes, "accuracy", fill, region) == 0 for region in others)
    assert max(abs(drop(outcomes, "logit", fill, region)) for region in others) < 1e-4
    assert drop(outcomes, "logit", fill, "left eye") > 1


def test_what_guided_backprop_marks_costs_the_planted_network_more_than_its_patches_elsewhere(planted):
    outcomes = planted[-1]
    for fill in FILLS:
        assert drop(outcomes, "logit", fill, "gb") > 3 * abs(drop(outcomes, "logit", fill, "random"))
        assert drop(outcomes, "logit", fill, "gb") > 3 * abs(drop(outcomes, "logit", fill, "centre"))


def test_deletion_by_guided_backprop_is_fast_and_insertion_too(planted):
    areas = curve_areas(removal_curves(planted[-1], "probability")).mean("image")
    for fill in FILLS:
        of = areas.sel(fill=fill)
        assert of.sel(way="deletion", order="gb") < of.sel(way="deletion", order="random") - 0.1
        assert of.sel(way="insertion", order="gb") > of.sel(way="insertion", order="random") + 0.1


def test_of_a_randomised_copy_the_left_eye_is_not_what_matters_most(planted):
    trained, pixels, orders, _, _ = planted
    ways = arrangements(PARTS, ())
    found = [removal_outcomes(network, pixels, orders, ways, seed=1) for network in (trained, randomised(trained))]
    drops = [abs(removal_means(outcomes, "logit").sel(fill="mean")) for outcomes in found]
    of_left_eye = [float(one.sel(order="left eye") / one.sum("order")) for one in drops]
    assert of_left_eye[0] > 0.99
    assert of_left_eye[1] < 0.6


def test_guided_backprop_of_the_planted_network_is_enriched_in_the_left_eye_and_of_a_randomised_copy_it_is_not(planted):
    trained, pixels, _, _, _ = planted
    boxes = pd.DataFrame([(image, region, across.start, down.start, across.stop, down.stop)
                          for image in pixels["image"].to_numpy() for region, (down, across) in REGIONS.items()],
                         columns=["image", "label", "x0", "y0", "x1", "y1"])
    images = pd.DataFrame({"image": pixels["image"], "actor": pixels["actor"], "height": SIZE[0], "width": SIZE[1]})

    def enrichment(network):
        gb = xr.DataArray(attribute(network, pixels, targets=pixels["actor"]), dims=("image", "y", "x"),
                          coords=coords(pixels) | {"actor": pixels["actor"]})
        return label_enrichment(boxes, images, top_mask(gb, share=AREA) & (gb > 0), rng=np.random.default_rng(0))

    planted_one, random_one = enrichment(trained), enrichment(randomised(trained))
    others = [region for region in REGIONS if region != "left eye"]
    assert float(planted_one["ci_low"].sel(label="left eye")) > 15
    assert float(planted_one["p_adjusted"].sel(label="left eye")) < 0.05
    assert (planted_one["enrichment"].sel(label=others) == 0).all()
    assert float(random_one["enrichment"].sel(label="left eye")) < 5


def test_outcomes_are_what_the_network_says_of_the_changed_photograph(planted):
    trained, pixels, orders, ways, outcomes = planted
    at = ways.index(Arrangement("gb", "insertion", "blur", 0.2))
    photograph = pixels[3].to_numpy()
    kept = top_mask(orders.sel(order="gb")[[3]], share=0.2)[0].to_numpy()
    changed = photograph.copy()
    changed[~kept] = filled(photograph, "blur", seed=1, image=str(pixels["image"][3].item()))[~kept]
    logits = trained.model(trained.prepare(changed[None]))[0]
    own = trained.actors.index(str(pixels["actor"][3].item()))
    assert outcomes["logit"][3, at].item() == pytest.approx(logits[own].item(), rel=1e-5)
    assert outcomes["probability"][3, at].item() == pytest.approx(logits.softmax(0)[own].item(), rel=1e-5)
    assert outcomes["correct"][3, at].item() == float(logits.argmax().item() == own)


def test_an_order_that_marks_too_little_is_undefined_where_a_whole_region_is_asked_for(planted):
    trained, pixels, orders, _, _ = planted
    few = orders.sel(order=["left eye"]).copy()
    few[0, 0] = 0
    few[0, 1, 10] = 0
    ways = [Arrangement("left eye", "deletion", "mean", AREA, whole=whole) for whole in (True, False)]
    logit = removal_outcomes(trained, pixels, few, [INTACT, *ways], seed=1)["logit"]
    assert np.isnan(logit.to_numpy()[:3, 1]).tolist() == [True, True, False]
    assert np.isnan(logit.to_numpy()[:3, 2]).tolist() == [True, False, False]


def test_bad_orders_are_refused(planted):
    trained, pixels, orders, _, _ = planted
    with pytest.raises(InputError, match="order 'nobody'"):
        removal_outcomes(trained, pixels, orders, [Arrangement("nobody", "deletion", "mean", 0.1)], seed=1)
    with pytest.raises(InputError, match="other images"):
        removal_outcomes(trained, pixels[:3], orders, [INTACT], seed=1)
    with pytest.raises(InputError, match="dims"):
        removal_outcomes(trained, pixels, orders[0], [INTACT], seed=1)


def test_a_killed_run_is_gone_on_with_to_the_same_bytes(planted, tmp_path):
    trained, pixels, orders, ways, outcomes = planted
    calls = []

    def ordered(part):
        calls.append(part.sizes["image"])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return orders.sel(image=part["image"])

    given = {"seed": 1, "name": "finetuned-removal", "fingerprint": "0abc", "provenance": {"main": "gb"}}
    with pytest.raises(KeyboardInterrupt):
        write_removals(trained, pixels, ordered, ways, folder=tmp_path / "one", **given)
    write_removals(trained, pixels, ordered, ways, folder=tmp_path / "one", **given)
    assert calls == [16, 14, 14]
    write_removals(trained, pixels, ordered, ways, folder=tmp_path / "two", **given)
    one, two = (open_dataset(tmp_path / name, "finetuned-removal").load() for name in ("one", "two"))
    assert one.identical(two)
    stores = [sorted((tmp_path / name).rglob("*")) for name in ("one", "two")]
    assert [path.read_bytes() for path in stores[0] if path.is_file()] == [
        path.read_bytes() for path in stores[1] if path.is_file()]
    assert one.attrs["main"] == "gb"
    assert np.allclose(one["logit"], outcomes["logit"], rtol=1e-4, atol=1e-4)
