"""Regions of labels: from the other actors' boxes, the smallest that hold a share of them."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from salcompare.errors import InputError
from salcompare.maps import rasterise_boxes, top_mask
from salcompare.statistics.labels.histogram import label_histogram
from salcompare.statistics.labels.regions import _densest, label_regions, region_association
from tests.statistics.labels.simulated import LABELS, PLACES, SIZE, boxed, study

IMAGES = pd.DataFrame({"image": ["a/1", "b/1", "c/1"], "actor": ["a", "b", "c"], "height": 8, "width": 8})


def boxes(*rows):
    """Responses from (image, label, x0, y0, x1, y1)."""
    return pd.DataFrame(rows, columns=["image", "label", "x0", "y0", "x1", "y1"])


THREE = boxes(("a/1", "ears", 0, 0, 2, 2), ("b/1", "ears", 0, 0, 2, 2), ("b/1", "ears", 0, 0, 1, 2),
              ("c/1", "ears", 6, 0, 8, 2), ("a/1", "nose", 3, 3, 5, 5))


def test_a_region_holds_half_of_the_other_actors_boxes_by_hand():
    regions = label_regions(THREE, IMAGES, size=(8, 8))
    # Without a: 6 of 10 pixels' worth of boxes on the left, its first column covered twice: 4 of 10. With the next
    # level, covered once, all.
    of_a = regions.sel(actor="a", label="ears")
    assert of_a.sum() == 8
    assert of_a.area == 8 / 64
    # Without c: the first column is covered three times, 6 of 10.
    of_c = regions.sel(actor="c", label="ears")
    assert of_c.to_numpy()[:2, 0].all()
    assert of_c.sum() == 2
    assert label_regions(THREE, IMAGES, size=(8, 8), share=0.4).sel(actor="a", label="ears").sum() == 2


def test_a_label_on_one_actor_only_has_no_region_there():
    regions = label_regions(THREE, IMAGES, size=(8, 8), labels=["nose", "chin"])
    assert regions.label.to_numpy().tolist() == ["nose", "chin", "ears"]
    nose = regions.sel(label="nose")
    assert nose.sum(("y", "x")).to_numpy().tolist() == [0, 4, 4]
    assert np.isnan(nose.area.sel(actor="a"))
    assert not regions.sel(label="chin").any()
    assert np.isnan(regions.area.sel(label="chin")).all()


def test_an_actors_own_boxes_do_not_move_its_region():
    responses, images = boxed(np.random.default_rng(0), *study(np.random.default_rng(0)))
    own = responses["image"].str.startswith("a02")
    moved = responses.assign(x0=responses["x0"].where(~own, 0), y0=responses["y0"].where(~own, 0))
    before, after = (label_regions(table, images, size=(SIZE, SIZE)) for table in (responses, moved))
    assert before.sel(actor="a02").equals(after.sel(actor="a02"))
    assert not before.sel(actor="a03").equals(after.sel(actor="a03"))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.floats(0.05, 1))
def test_a_region_is_the_smallest_set_of_levels_that_holds_the_share(counts, share):
    values = np.array(counts)
    mask = _densest(values, share)
    if values.sum() == 0:
        assert not mask.any()
        return
    assert values[mask].sum() >= share * values.sum() * (1 - 1e-12)
    lowest = values[mask].min()
    assert np.array_equal(mask, values >= lowest)
    assert values[values > lowest].sum() < share * values.sum()


def test_boxes_of_actors_without_images_give_the_same_regions():
    by_actor = THREE.assign(actor=THREE["image"].str[0]).drop(columns="image")
    whole = label_regions(THREE, IMAGES, size=(8, 8))
    assert label_regions(by_actor, None, size=(8, 8)).equals(whole)


def test_boxes_outside_their_image_and_shares_out_of_range_are_refused():
    with pytest.raises(InputError, match="x1=9"):
        label_regions(THREE.assign(x1=9), IMAGES, size=(8, 8))
    with pytest.raises(InputError, match="share"):
        label_regions(THREE, IMAGES, size=(8, 8), share=1.5)


SHARE = 0.1


def people(rng, **design):
    """A study with boxes whose actors differ in labels by chance."""
    raised = [(actor, int(rng.integers(6)), float(rng.uniform(0, 0.5))) for actor in range(design.get("n_actors", 10))]
    return boxed(rng, *study(rng, **{"n_actors": 10, "n_images": 3, "raised": raised} | design))


def random_masks(rng, images, *, pull=None):
    """Masks of smooth-free noise; `pull` (actor, label) moves them to labels' places."""
    noise = rng.random((len(images), SIZE, SIZE))
    if pull is not None:
        y, x = np.mgrid[:SIZE, :SIZE] + 0.5
        actors = images["actor"].unique().tolist()
        for at, actor in enumerate(images["actor"]):
            for label, (row, column) in enumerate(PLACES):
                near = (np.abs(y - row) < 3) & (np.abs(x - column) < 3)
                noise[at] += near * pull[actors.index(actor), label]
    maps = xr.DataArray(noise, dims=("image", "y", "x"), coords={
        "image": images["image"].to_numpy(str), "actor": ("image", images["actor"].to_numpy(str))})
    return top_mask(maps, share=SHARE)


def association(responses, images, masks, *, seed=0, n_permutations=199, **options):
    return region_association(responses, images, masks, rng=np.random.default_rng(seed),
                              n_permutations=n_permutations, **options)


def slow(responses, images, masks):
    """People's shares, the excess of each actor's masks in each actor's regions, and relative to the others'."""
    shares = label_histogram(responses, images, rng=np.random.default_rng(0), n_resamples=100)
    shares = shares.pivot_table(index="actor", columns="label", values="share")
    regions = label_regions(responses, images, size=(SIZE, SIZE))
    inside = {}
    for region_of, mask_of in itertools.product(shares.index, repeat=2):
        for label in shares:
            region = regions.sel(actor=region_of, label=label).to_numpy()
            own = [mask.to_numpy()[region].sum() / mask.to_numpy().sum() for mask in masks[masks.actor == mask_of]]
            inside[region_of, mask_of, label] = np.mean(own) - region.mean()
    table = pd.DataFrame({key[:2]: [inside[*key[:2], label] for label in shares] for key in inside}, list(shares)).T
    return shares, table, relative_to_others(table, {actor: actor for actor in shares.index})


def relative_to_others(table, mask_of):
    """Excess of the masks that stand at each actor's region minus the mean of all the others' there."""
    rows = {actor: table.loc[(actor, mask)] - table.loc[actor].drop(index=mask).mean()
            for actor, mask in mask_of.items()}
    return pd.DataFrame(rows).T


def test_correlation_and_excess_agree_with_loops_and_scipy():
    rng = np.random.default_rng(0)
    responses, images = people(rng, n_actors=5)
    masks = random_masks(rng, images)
    shares, table, relative = slow(responses, images, masks)
    excess = pd.DataFrame({actor: table.loc[(actor, actor)] for actor in shares.index}).T
    found = association(responses, images, masks)
    np.testing.assert_allclose(found.label_share.to_pandas()[list(shares)], shares)
    np.testing.assert_allclose(found.excess.to_pandas()[list(shares)], excess[list(shares)], atol=1e-12)
    np.testing.assert_allclose(found.relative.to_pandas()[list(shares)], relative[list(shares)], atol=1e-12)
    for label in shares:
        expected = stats.pearsonr(shares[label], relative[label]).statistic
        assert found.correlation.sel(label=label) == pytest.approx(expected)
    assert found.mean_correlation == pytest.approx(found.correlation.mean().item())


def test_p_is_that_of_naming_the_actors_of_the_masks_anew():
    rng = np.random.default_rng(1)
    responses, images = people(rng, n_actors=4)
    masks = random_masks(rng, images)
    found = association(responses, images, masks)
    assert found.n_permutations == 23
    shares, table, _ = slow(responses, images, masks)
    relatives = [relative_to_others(table, dict(zip(shares.index, order, strict=True)))
                 for order in itertools.permutations(shares.index)]
    r = np.array([[stats.pearsonr(shares[label], relative[label]).statistic for label in shares]
                  for relative in relatives])
    expected = (np.abs(r) >= np.abs(r[0]) - 1e-9).mean(axis=0)
    np.testing.assert_allclose(found.p_value.sel(label=list(shares)), expected)


def test_a_mask_that_covers_everything_has_no_excess():
    responses, images = people(np.random.default_rng(2))
    masks = xr.ones_like(random_masks(np.random.default_rng(0), images))
    found = association(responses, images, masks)
    np.testing.assert_allclose(found.excess, 0, atol=1e-12)
    assert (found.reason == "the same for all actors").all()
    assert np.isnan(found.correlation).all()
    assert np.isnan(found.mean_p_value)


def test_dask_and_memory_give_the_same():
    rng = np.random.default_rng(3)
    responses, images = people(rng)
    masks = random_masks(rng, images)
    xr.testing.assert_allclose(association(responses, images, masks),
                               association(responses, images, masks.chunk({"image": 4, "y": 8})))


def test_few_actors_rare_labels_and_empty_masks_say_so():
    rng = np.random.default_rng(4)
    responses, images = people(rng, n_actors=6)
    own = responses.iloc[[0]].assign(label="freckle")
    masks = random_masks(rng, images)
    masks[{"image": 0}] = False
    found = association(pd.concat([responses, own]), images, masks.sel(image=images["image"][:15].tolist()))
    assert found.n_empty == 1
    assert found.n_undefined == 1
    assert found.attrs["n_actors"] == 5
    assert np.isnan(found.correlation.sel(label="freckle"))
    assert "one actor at most" in found.reason.sel(label="freckle").item()
    common = found.sel(label="eyes")
    assert np.isfinite(common.p_value)
    assert np.isnan(common.ci_low)
    assert "an interval needs 8" in common.reason.item()
    two = association(responses, images, masks.sel(image=images["image"][:6].tolist()))
    assert two.reason.str.contains("a correlation needs 3").all()
    assert np.isnan(two.p_value).all()


def test_maps_that_are_no_masks_are_refused():
    responses, images = people(np.random.default_rng(5))
    masks = random_masks(np.random.default_rng(5), images)
    with pytest.raises(InputError, match="dtype"):
        association(responses, images, masks.astype(float))
    with pytest.raises(InputError, match="actor"):
        association(responses, images, masks.drop_vars("actor"))


def naive_correlation(responses, images, masks, label):
    """Regions of the pixels that a tenth of the actor's own responses cover with the label; no regard to area."""
    shares = responses["label"].eq(label).groupby(responses["image"].str[:3]).mean()
    inside = []
    for actor, share in shares.items():
        own = responses[responses["image"].str.startswith(actor) & (responses["label"] == label)]
        if own.empty:
            inside.append(0.0)
            continue
        maps = rasterise_boxes(own, images, size=(SIZE, SIZE))
        coverage = (maps.coverage * maps.n_responses).sum("image") / (len(own) / share)
        mask = masks[masks.actor == actor].mean("image").to_numpy()
        inside.append(mask[coverage.to_numpy() >= 0.1].sum() / mask.sum())
    return stats.pearsonr(shares, inside).statistic


def test_regions_of_own_boxes_make_random_masks_go_with_the_labels_and_ours_do_not():
    rng, naive, ours = np.random.default_rng(6), [], []
    for _ in range(12):
        responses, images = people(rng, n_actors=15, per_image=20)
        masks = random_masks(rng, images)
        naive.append(naive_correlation(responses, images, masks, "nose"))
        ours.append(association(responses, images, masks, n_permutations=19).correlation.sel(label="nose").item())
    assert np.mean(naive) > 0.5
    assert abs(np.mean(ours)) < 3 / np.sqrt(12 * 14)


def test_random_masks_are_at_the_level_and_their_intervals_cover_nothing():
    rng, runs = np.random.default_rng(7), 100
    single = family = mean = covered = 0
    for _ in range(runs):
        responses, images = people(rng, n_actors=9, n_images=2)
        masks = random_masks(rng, images)
        found = region_association(responses, images, masks, n_permutations=199, rng=rng)  # Holm of six can reach 0.03
        single += found.p_value.sel(label="eyes").item() <= 0.05
        family += bool((found.p_adjusted <= 0.05).any())
        mean += found.mean_p_value.item() <= 0.05
        covered += bool((found.ci_low <= 0).sel(label="eyes") & (found.ci_high >= 0).sel(label="eyes"))
    most = stats.binom.ppf(0.999, runs, 0.05)
    assert max(single, family, mean) <= most
    assert covered >= stats.binom.ppf(0.001, runs, 0.93)


def test_masks_that_follow_the_labels_are_found():
    rng = np.random.default_rng(8)
    responses, images = people(rng, n_actors=20, n_images=3, per_image=30)
    shares = label_histogram(responses, images, rng=rng, n_resamples=100).pivot_table(
        index="actor", columns="label", values="share")[list(LABELS)].to_numpy()
    found = association(responses, images, random_masks(rng, images, pull=shares), n_permutations=499)
    assert found.mean_p_value < 0.01
    assert found.mean_correlation > 0.4
    assert (found.p_adjusted.sel(label=["eyes", "nose"]) < 0.05).all()
    assert (found.ci_low.sel(label=["eyes", "nose"]) > 0).all()
