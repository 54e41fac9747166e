"""The noise ceiling: halves drawn as maps by hand, Spearman-Brown, edges, and that a perfect model meets it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.maps import rasterise_boxes, smooth
from salcompare.statistics.ceilings.between_workers import mean_ceiling, noise_ceiling
from salcompare.statistics.ceilings.seeds import seed_ceiling
from salcompare.statistics.metrics.densities import pearson
from salcompare.testing import maps, response_tables, stack_of_maps, table_of_images, table_of_responses

GRID = (16, 18)


def boxes_of(image, workers, *, seed=0, spread=2.0, height=32, width=36, per_worker=1):
    """Boxes that workers draw about the middle of an image."""
    rng = np.random.default_rng(seed)
    rows = []
    for worker in range(workers):
        for _ in range(per_worker):
            x, y = width / 2 + rng.normal(0, spread), height / 2 + rng.normal(0, spread)
            w, h = rng.uniform(4, 12, 2)
            rows.append((f"w{worker}", image, max(x - w, 0), max(y - h, 0), min(x + w, width), min(y + h, height)))
    return pd.DataFrame(rows, columns=["worker", "image", "x0", "y0", "x1", "y1"])


def ceiling_of(responses, images, *, seed=0, **options):
    return noise_ceiling(responses, images, size=GRID, rng=np.random.default_rng(seed), **options)


def test_two_workers_have_one_split_and_the_formula_takes_it_to_both():
    images = table_of_images(["s1"], height=16, width=18)
    rows = table_of_responses([("s1/1", 2, 2, 10, 10), ("s1/1", 4, 2, 12, 10)]).assign(worker=["w1", "w2"])
    found = ceiling_of(rows, images)
    n, area, shared = 16 * 18, 64, 48
    r = (shared - area**2 / n) / (area - area**2 / n)
    assert float(found.split_half[0]) == pytest.approx(r)
    assert float(found.reliability[0]) == pytest.approx(2 * r / (1 + r))
    assert float(found.ceiling[0]) == pytest.approx(np.sqrt(2 * r / (1 + r)))
    assert (int(found.n_workers[0]), str(found.reason[0].values)) == (2, "")


@pytest.mark.parametrize("sigma", [0.0, 1.7])
def test_halves_agree_with_maps_that_are_drawn_smoothed_and_correlated(sigma):
    images = table_of_images(["s1"], height=32, width=36)
    rows = boxes_of("s1/1", 4).assign(response=lambda t: [f"r{i}" for i in range(len(t))])
    extra = rows[rows.worker == "w1"].assign(x0=1.0, response="again")  # one worker drew two boxes
    rows = pd.concat([rows, extra], ignore_index=True)
    correlations = []
    for half in (("w0", "w1"), ("w0", "w2"), ("w0", "w3")):
        one, other = (smooth(rasterise_boxes(part, images, size=GRID).coverage.astype(float), sigma=sigma)
                      for part in (rows[rows.worker.isin(half)], rows[~rows.worker.isin(half)]))
        correlations.append(float(pearson(one, other)[0]))
    found = ceiling_of(rows, images, sigma=sigma, n_splits=6000)
    spread = np.std(correlations) / np.sqrt(6000)
    assert float(found.split_half[0]) == pytest.approx(np.mean(correlations), abs=5 * spread + 1e-6)


def test_an_odd_number_of_workers_leaves_one_out_of_each_split_and_steps_up_by_all():
    images = table_of_images(["s1"], height=16, width=18)
    rows = table_of_responses([("s1/1", 2, 2, 10, 10)] * 2 + [("s1/1", 4, 2, 12, 10)]).assign(worker=["a", "b", "c"])
    found = ceiling_of(rows, images, n_splits=4000)
    area, shared, n = 64, 48, 16 * 18
    r = (shared - area**2 / n) / (area - area**2 / n)
    # single workers meet: a-b (equal), a-c and b-c
    mean = (1 + 2 * r) / 3
    assert float(found.split_half[0]) == pytest.approx(mean, abs=0.02)
    half = float(found.split_half[0])
    assert float(found.reliability[0]) == pytest.approx(3 * half / (1 + 2 * half))


def test_workers_that_agree_wholly_have_a_ceiling_of_one():
    images = table_of_images(["s1"], height=16, width=18)
    rows = table_of_responses([("s1/1", 2, 2, 10, 10)] * 5).assign(worker=list("abcde"))
    assert float(ceiling_of(rows, images).ceiling[0]) == pytest.approx(1)


def test_undefined_ceilings_say_why():
    images = table_of_images(["s1", "s1", "s1", "s2", "s2"], height=16, width=18)
    rows = pd.concat([
        table_of_responses([("s1/1", 2, 2, 10, 10)] * 2),  # one worker
        table_of_responses([("s1/2", 0, 0, 18, 16)] * 2).assign(worker=["a", "b"]),  # the whole image
        table_of_responses([("s1/3", 0, 0, 9, 16), ("s1/3", 9, 0, 18, 16)]).assign(worker=["a", "b"]),  # apart
        table_of_responses([("s2/1", 2, 2, 10, 10)] * 2).assign(worker=["a", "b"]),
    ])
    found = ceiling_of(rows, images)
    assert found.image.to_numpy().tolist() == ["s1/1", "s1/2", "s1/3", "s2/1"]
    assert found.attrs["n_images_without_responses"] == 1
    assert [str(reason) for reason in found.reason.to_numpy()] == [
        "fewer than two workers", "coverage of a half is constant", "halves do not correlate positively", ""]
    assert np.isnan(found.ceiling).to_numpy().tolist() == [True, True, True, False]
    means = mean_ceiling(found)
    assert means.actor_n.to_numpy().tolist() == [0, 1]
    assert means.actor_n_undefined.to_numpy().tolist() == [3, 0]
    assert float(means.value) == pytest.approx(1)
    assert (int(means.n), int(means.n_undefined)) == (1, 1)
    alone = mean_ceiling(found.isel(image=[0, 0, 2]).assign_coords(image=["a", "b", "c"]))
    assert np.isnan(alone.value)
    assert str(alone.reason.values) == "fewer than two workers"  # that of most images


def test_the_ceiling_is_what_the_expected_map_reaches_with_the_coverage_of_so_many_workers():
    n_images, workers = 60, 10
    images = table_of_images(["s1"] * n_images, height=32, width=36)
    rows = pd.concat([boxes_of(name, workers, seed=at, spread=4.0) for at, name in enumerate(images.image)],
                     ignore_index=True).assign(response=lambda t: [f"r{i}" for i in range(len(t))])
    truth_rows = boxes_of("s1/1", 20_000, seed=10**6, spread=4.0).assign(response=lambda t: t.index.astype(str))
    truth, coverage = (smooth(rasterise_boxes(part, images, size=GRID).coverage, sigma=1.0)
                       for part in (truth_rows, rows))
    score = pearson(maps(truth.to_numpy()[0])[0].assign_coords(coverage.coords["y"].coords), coverage)
    found = ceiling_of(rows, images, sigma=1.0)
    difference = (found.ceiling - score).to_numpy()
    assert float(found.split_half.mean()) < 0.95
    assert abs(difference.mean()) < 3.3 * difference.std(ddof=1) / np.sqrt(n_images) + 0.005


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_order_of_responses_and_the_names_of_workers_do_not_matter(data):
    images = table_of_images(["s1", "s2"], height=16, width=18)
    rows = data.draw(response_tables(images, n_workers=2))
    found = ceiling_of(rows, images, n_splits=2)  # two workers split one way only
    order = data.draw(st.permutations(range(len(rows))))
    turned = rows.iloc[list(order)].assign(worker=lambda t: "x" + t.worker)
    other = ceiling_of(turned, images, n_splits=2, seed=1)
    np.testing.assert_allclose(found.split_half, other.split_half, atol=1e-9)
    assert not (found.ceiling > 1).any()


def test_what_is_missing_is_named():
    images = table_of_images(["s1"], height=16, width=18)
    rows = table_of_responses([("s1/1", 2, 2, 10, 10), ("s9/1", 2, 2, 10, 10)])
    with pytest.raises(InputError, match="responses row 1: image 's9/1'"):
        ceiling_of(rows, images)
    with pytest.raises(InputError, match="no column 'worker'"):
        ceiling_of(rows.drop(columns="worker"), images)


def seeds_of(n_seeds, noise, *, seed=0, n_images=30):
    rng = np.random.default_rng(seed)
    common = smooth(stack_of_maps(rng.normal(size=(n_images, 12, 12)), ["s1"] * n_images), sigma=1.0)
    common = common / common.std()
    again = [common + noise * smooth(stack_of_maps(rng.normal(size=common.shape), ["s1"] * n_images), sigma=1.0) * 3.5
             for _ in range(n_seeds)]
    return common, xr.concat(again, "seed")


def test_seeds_by_hand_and_without_agreement():
    one, other = stack_of_maps([[[0, 1], [2, 3]], [[0, 1], [2, 3]]], ["a", "a"]), stack_of_maps(
        [[[0, 1], [2, 5]], [[3, 2], [1, 0]]], ["a", "a"])
    found = seed_ceiling(xr.concat([one, other], "seed"))
    r = np.corrcoef([0, 1, 2, 3], [0, 1, 2, 5])[0, 1]
    assert found.between_seeds.to_numpy() == pytest.approx([r, -1])
    assert float(found.ceiling[0]) == pytest.approx(np.sqrt(r))
    assert float(found.reliability[0]) == pytest.approx(2 * r / (1 + r))
    assert np.isnan(found.ceiling[1])
    assert found.reason.to_numpy().tolist() == ["", "maps of seeds do not correlate positively"]
    lone = seed_ceiling(one.expand_dims(seed=[0]))
    assert np.isnan(lone.ceiling).all()
    assert "fewer than two seeds" in lone.reason[0].item()
    with pytest.raises(InputError, match="seed, image, y, x"):
        seed_ceiling(one)


def test_the_seeds_ceiling_is_what_the_map_common_to_all_seeds_reaches():
    common, again = seeds_of(4, 0.5, n_images=200)
    found = seed_ceiling(again)
    reached = pearson(again, common).mean("seed")
    difference = (found.ceiling - reached).to_numpy()
    assert abs(difference.mean()) < 3.3 * difference.std(ddof=1) / np.sqrt(200) + 0.005
    whole = pearson(again.mean("seed"), common) - np.sqrt(found.reliability)
    assert abs(float(whole.mean())) < 3.3 * float(whole.std()) / np.sqrt(200) + 0.005
    assert 0.5 < float(found.ceiling.mean()) < 0.95
    assert float(mean_ceiling(found).value) == pytest.approx(float(found.ceiling.mean()))


def test_lazy_maps_by_seed_give_the_same():
    _, again = seeds_of(3, 0.5)
    xr.testing.assert_allclose(seed_ceiling(again, sigma=1.0), seed_ceiling(again.chunk(image=7), sigma=1.0))
