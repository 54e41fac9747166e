"""Regions of labels: from the other actors' boxes, the smallest that hold a share of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.statistics.labels.regions import _densest, label_regions
from tests.statistics.labels.simulated import SIZE, boxed, study

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
