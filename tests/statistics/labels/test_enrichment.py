"""Enrichment of masks in labels' regions: by hand, and how often chance is taken for more."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from salcompare.errors import InputError
from salcompare.maps import smooth, top_mask
from salcompare.statistics import actor_means, label_enrichment, label_regions, sign_flip_test
from salcompare.statistics.labels.regions import _inside
from tests.classifiers.planted import REGIONS, SIZE, inside

IMAGES = pd.DataFrame({"image": ["a/1", "a/2", "b/1", "c/1"], "actor": ["a", "a", "b", "c"], "height": 8, "width": 8})
BOXES = pd.DataFrame([(f"{actor}/1", "nose", 0, 0, 4, 4) for actor in "abc"] + [("a/1", "chin", 0, 6, 8, 8)],
                     columns=["image", "label", "x0", "y0", "x1", "y1"])


def masks(*chosen):
    """Masks of the images of IMAGES from (y, x) slices."""
    values = np.zeros((len(chosen), 8, 8), bool)
    for mask, where in zip(values, chosen, strict=True):
        if where is not None:
            mask[where] = True
    return xr.DataArray(values, dims=("image", "y", "x"), coords={
        "image": IMAGES["image"], "actor": ("image", IMAGES["actor"])})


def rng():
    return np.random.default_rng(0)


def test_enrichment_by_hand():
    all_in, half_in, out = np.s_[0:2, 0:4], np.s_[2:6, 0:2], np.s_[4:8, 4:8]
    found = label_enrichment(BOXES, IMAGES, masks(all_in, half_in, half_in, out), rng=rng(), labels=["nose"])
    nose = found.sel(label="nose")
    assert nose["area"].to_numpy().tolist() == [0.25] * 3
    assert nose["inside"].to_numpy().tolist() == [0.75, 0.5, 0]
    assert nose["actor_enrichment"].to_numpy().tolist() == [3, 2, 0]
    assert nose["actor_n"].to_numpy().tolist() == [2, 1, 1]
    assert nose["enrichment"] == pytest.approx(5 / 3)
    assert (found.attrs["family_size"], int(found["n_empty"])) == (2, 0)


def test_a_label_drawn_on_one_actor_has_a_region_on_the_others_only():
    found = label_enrichment(BOXES, IMAGES, masks(*[np.s_[6:8, 0:8]] * 4), rng=rng()).sel(label="chin")
    assert np.isnan(found["actor_enrichment"].sel(actor="a"))
    assert found["actor_enrichment"].sel(actor=["b", "c"]).to_numpy().tolist() == [4, 4]
    assert (int(found["n"]), int(found["n_undefined"])) == (2, 1)
    assert "2 actors" in str(found["reason"].item())


def test_an_empty_mask_is_left_out_and_counted():
    found = label_enrichment(BOXES, IMAGES, masks(np.s_[0:2, 0:4], None, np.s_[0:1, 0:1], np.s_[0:1, 0:1]), rng=rng())
    assert int(found["n_empty"]) == 1
    assert found["actor_enrichment"].sel(actor="a", label="nose") == 4


def test_masks_of_other_actors_or_of_numbers_are_refused():
    strangers = masks(*[np.s_[0:1, 0:1]] * 4).assign_coords(actor=("image", ["x"] * 4))
    with pytest.raises(InputError, match="no image of an actor with a region"):
        label_enrichment(BOXES, IMAGES, strangers, rng=rng())
    with pytest.raises(InputError, match="top_mask"):
        label_enrichment(BOXES, IMAGES, masks(*[np.s_[0:1, 0:1]] * 4).astype(float), rng=rng())


def drawn(rng, n_actors, per_actor):
    """Boxes about the face's regions, and their images."""
    rows = []
    for actor in range(n_actors):
        for image in range(per_actor):
            for label, (down, across) in REGIONS.items():
                off = rng.integers(-1, 2, 4)
                rows.append((f"a{actor:02}/{image}", label, across.start + off[0], down.start + off[1],
                             across.stop + off[2], down.stop + off[3]))
    responses = pd.DataFrame(rows, columns=["image", "label", "x0", "y0", "x1", "y1"])
    names = responses["image"].drop_duplicates()
    return responses, pd.DataFrame({"image": names, "actor": names.str.split("/").str[0], "height": SIZE[0],
                                    "width": SIZE[1]}).reset_index(drop=True)


def labelled(values, images):
    return xr.DataArray(values, dims=("image", "y", "x"), coords={
        "image": images["image"].to_numpy(str), "actor": ("image", images["actor"].to_numpy(str))})


def test_masks_of_the_left_eye_are_enriched_there_and_nowhere_else():
    responses, images = drawn(rng(), 10, 3)
    noise = rng().random((30, *SIZE))
    mask = top_mask(labelled(inside("left eye") + 0.01 * noise, images), share=48 / 1024)
    found = label_enrichment(responses, images, mask, rng=rng())
    assert (found["area"].sel(label="left eye") <= 48 / 1024).all()
    assert float(found["enrichment"].sel(label="left eye")) == pytest.approx(1024 / 48)  # the region is all masked
    assert float(found["ci_low"].sel(label="left eye")) > 10
    assert (found["enrichment"].drop_sel(label="left eye") < 0.3).all()
    assert float(found["p_adjusted"].sel(label="left eye")) < 0.02
    assert (found["enrichment"] * found["area"].mean("actor") <= 1).all()
    elsewhere = top_mask(labelled(noise, images), share=48 / 1024)
    assert label_enrichment(responses, images, elsewhere, rng=rng())["ci_low"].sel(label="left eye") < 1


def test_masks_laid_anywhere_are_found_enriched_as_rarely_as_stated():
    """Of 100 studies x 5 labels of patches anywhere, 5% plus a Monte Carlo bound at 99.9% for each label."""
    draws = np.random.default_rng(7)
    responses, images = drawn(draws, 12, 3)
    regions = label_regions(responses, images, size=SIZE)
    area = regions["area"].sel(actor=images["actor"].to_numpy(str)).to_numpy()
    found, values = np.zeros(len(REGIONS)), []
    for _ in range(100):
        fields = smooth(labelled(draws.normal(size=(36, *SIZE)), images), sigma=2.0).to_numpy()
        moved = np.stack([np.roll(field, draws.integers(0, SIZE), axis=(0, 1)) for field in fields])
        inside_each = _inside(top_mask(labelled(moved - moved.min() + 1, images), share=0.1), regions)
        actors = actor_means(inside_each / area)["value"].transpose("label", "actor").to_numpy()
        found += [sign_flip_test(of - 1, rng=draws, n_permutations=199)[0] <= 0.05 for of in actors]
        values.append(actors.mean(axis=1))
    assert found.max() <= stats.binom.ppf(1 - 0.001 / len(REGIONS), 100, 0.05)
    error = np.std(values, axis=0) / np.sqrt(len(values))
    assert (abs(np.mean(values, axis=0) - 1) < 4 * error).all()
