"""Shares of regions: a worked value, slow recomputations, and intervals that hold for people in unbalanced designs."""

import dask.array
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from salcompare.errors import InputError
from salcompare.faces import REGIONS, five_points, mesh_frame, orl_landmarks, region_masks
from salcompare.maps import to_canonical
from salcompare.statistics.inference.resampling import bootstrap_weights
from salcompare.statistics.regions import named_regions, people_region_shares, region_masses, region_shares


def masses(rows):
    """Masses of responses, given as (image, actor, worker, masses of the regions)."""
    values = np.array([row[3] for row in rows], float)
    return xr.DataArray(values, {"region": [f"r{at}" for at in range(values.shape[1])], **{
        name: ("response", [str(row[at]) for row in rows]) for at, name in enumerate(("image", "actor", "worker"))}},
        ("response", "region"))


def drawn(rng, *, n_actors=10, n_workers=12, spread=0.5, regions=3):
    """People of an unbalanced design: up to four images an actor, two to nine workers on each."""
    of_actors, of_workers = rng.normal(0, spread, (n_actors, regions)), rng.normal(0, spread, (n_workers, regions))
    rows = []
    for actor in range(n_actors):
        for image in range(rng.integers(1, 5)):
            for worker in rng.choice(n_workers, rng.integers(2, 10), replace=False).tolist():
                weights = np.exp(of_actors[actor] + of_workers[worker] + rng.normal(0, 0.5, regions))
                rows.append((f"a{actor}/{image}", f"a{actor}", f"w{worker}", weights / weights.sum()))
    return masses(rows)


def test_an_image_weighs_the_same_whatever_its_responses_and_an_actor_whatever_their_images():
    people = masses([("a/1", "a", "w", [1, 0]), ("a/1", "a", "v", [0, 3]), ("a/2", "a", "w", [1, 0]),
                     ("b/1", "b", "w", [0, 2]), ("c/1", "c", "w", [0, 0])])
    found = people_region_shares(people, rng=np.random.default_rng(0), n_resamples=5)
    assert found["value"].to_numpy().tolist() == [(0.25 + 1) / 4, 1 - (0.25 + 1) / 4]
    assert (int(found["n"]), int(found["n_undefined"])) == (2, 1)
    assert "2 degrees" not in str(found["reason"][0])
    assert "an interval needs 7" in str(found["reason"][0])
    other = xr.DataArray([[0.5, 0.5]], {"actor": ["a"], "region": ["r0", "r1"]}, ("actor", "region"))
    less = people_region_shares(people, other=other, rng=np.random.default_rng(0), n_resamples=5)
    assert less["value"].to_numpy().tolist() == [0.125, -0.125]
    assert less["one"].to_numpy().tolist() == [0.625, 0.375]
    assert int(less["n"]) == 1


def slow_mean(people, workers, actors, other):
    """The mean over actors by weight of the mean over images of shares, worker by worker, region by region."""
    total, weight = np.zeros(people.sizes["region"]), 0.0
    for actor, times in actors.items():
        of_images = []
        for image in sorted(set(people["image"].to_numpy()[people["actor"].to_numpy() == actor].tolist())):
            sums = np.zeros(people.sizes["region"])
            for at in np.flatnonzero(people["image"].to_numpy() == image):
                sums += workers[str(people["worker"].to_numpy()[at])] * people.to_numpy()[at]
            if sums.sum() > 0:
                of_images.append(sums / sums.sum())
        if of_images:
            total, weight = total + times * (np.mean(of_images, axis=0) - other[actor]), weight + times
    return total / weight if weight else np.full(len(total), np.nan)


def test_value_interval_and_p_are_those_of_a_slow_recomputation():
    people = drawn(np.random.default_rng(3))
    names = [f"a{at}" for at in range(10)]
    known = sorted(set(people["worker"].to_numpy().tolist()))
    other = np.random.default_rng(4).dirichlet([5, 5, 5], 10)
    found = people_region_shares(people, n_resamples=60, rng=np.random.default_rng(5), other=xr.DataArray(
        other, {"actor": names, "region": people["region"]}, ("actor", "region")))
    rng = np.random.default_rng(5)
    workers = [dict(zip(known, row, strict=True)) for row in bootstrap_weights(len(known), 60, rng, fewer=1)]
    actors = [dict(zip(names, row, strict=True)) for row in bootstrap_weights(10, 60, rng, fewer=1)]
    of, once, all_ = dict(zip(names, other, strict=True)), dict.fromkeys(known, 1), dict.fromkeys(names, 1)
    first = np.array([slow_mean(people, one, all_, of) for one in workers])
    second = np.array([slow_mean(people, once, one, of) for one in actors])
    both = np.array([slow_mean(people, *one, of) for one in zip(workers, actors, strict=True)])
    value = slow_mean(people, once, all_, of)
    v_first, v_second, v_both = (part.var(axis=0, ddof=1) for part in (first, second, both))
    error = np.sqrt(np.maximum(2 * (v_first + v_second) - v_both, np.maximum(v_first, v_second)))
    np.testing.assert_allclose(found["value"], value)
    np.testing.assert_allclose(found["ci_high"] - value, stats.t.ppf(0.975, 9) * error)
    np.testing.assert_allclose(found["p_value"], 2 * stats.t.sf(np.abs(value) / error, 9))
    np.testing.assert_allclose(found["one"] - found["other"], value)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**16), st.floats(1e-3, 1e3))
def test_shares_sum_to_one_and_care_neither_for_scale_nor_for_order(seed, scale):
    rng = np.random.default_rng(seed)
    people = drawn(rng, n_actors=8)
    found = people_region_shares(people, rng=np.random.default_rng(1), n_resamples=20)
    order = rng.permutation(people.sizes["response"])
    other = people_region_shares(scale * people.isel(response=order), rng=np.random.default_rng(1), n_resamples=20)
    assert float(found["value"].sum()) == pytest.approx(1)
    for name in ("value", "ci_low", "ci_high"):
        np.testing.assert_allclose(found[name], other[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("spread", [0.2, 0.8])
def test_intervals_hold_the_truth_for_other_workers_and_actors_in_unbalanced_designs(spread):
    """95% of 300 studies, no fewer than one such count in a thousand; the truth is a mean of 800,000 draws."""
    large = np.random.default_rng(0)
    part = [people_mean(large, spread) for _ in range(40)]
    truth = np.mean(part, axis=0)
    rng, held = np.random.default_rng(1), []
    for _ in range(300):
        people, other = drawn(rng, n_actors=12, n_workers=15, spread=spread), rng.normal(0.1, 0.1, (12, 3))
        less = people_region_shares(people, rng=rng, n_resamples=300, other=xr.DataArray(
            other, {"actor": [f"a{at}" for at in range(12)], "region": people["region"]}, ("actor", "region")))
        found = people_region_shares(people, rng=rng, n_resamples=300)
        held.append([(one["ci_low"] <= mean) & (mean <= one["ci_high"]) for one, mean in (
            (found, truth), (less, truth - 0.1))])
    share = np.mean(held, axis=0)  # (with or without another, region)
    assert (share >= stats.binom.ppf(0.001, 300, 0.95) / 300).all(), share


def people_mean(rng, spread):
    """Mean share by region of many responses, each by a worker of its own on an actor of their own."""
    values = np.exp(rng.normal(0, spread, (20_000, 3)) + rng.normal(0, spread, (20_000, 3)) + rng.normal(
        0, 0.5, (20_000, 3)))
    return (values / values.sum(axis=1, keepdims=True)).mean(axis=0)


def test_responses_without_names_are_refused():
    people = drawn(np.random.default_rng(0))
    with pytest.raises(InputError, match="no coordinate 'worker'"):
        people_region_shares(people.drop_vars("worker"), rng=np.random.default_rng(0))
    nameless = people.assign_coords(worker=("response", ["", *people["worker"].to_numpy().tolist()[1:]]))
    with pytest.raises(InputError, match="without a worker"):
        people_region_shares(nameless, rng=np.random.default_rng(0))


FACES = orl_landmarks().isel(image=[0, 15, 200])


def of_faces(rng, faces=FACES):
    return xr.DataArray(rng.random((faces.sizes["image"], 112, 92)), {"image": faces.image.to_numpy()},
                        ("image", "y", "x"))


def test_a_uniform_map_has_the_mass_of_the_area_and_the_frames_own_face_that_of_its_triangles():
    frame = mesh_frame()
    face = frame.shape * 40 + [100, 100, 0]
    landmarks = xr.DataArray(face[np.newaxis], {"image": ["one"], "point": list(frame.points), "axis": list("xyz")},
                             ("image", "point", "axis"))
    flat = xr.DataArray(np.full((1, 240, 200), 2.0), {"image": ["one"]}, ("image", "y", "x"))
    found = region_masses(flat, landmarks)
    np.testing.assert_allclose(found["mass"], 2 * found["area"], rtol=1e-6)
    np.testing.assert_allclose(found["area"].isel(image=0), region_masks(scale=56).area, rtol=0.12, atol=0.01)
    assert float(found["area"].sum()) == pytest.approx(float(region_masks(scale=56).area.sum()), rel=0.02)


def test_masses_are_sums_over_pixels_region_by_region():
    maps = of_faces(np.random.default_rng(2))
    found = region_masses(maps, FACES, scale=20)
    canonical, masks = to_canonical(maps, FACES, scale=20).to_numpy(), region_masks(scale=20).to_numpy()
    for image in range(3):
        for at, region in enumerate(REGIONS):
            inside = canonical[image][masks[at]]
            seen = inside[~np.isnan(inside)]
            assert float(found["mass"].isel(image=image).sel(region=region)) == pytest.approx(seen.sum() / 400)
            assert float(found["area"].isel(image=image).sel(region=region)) == pytest.approx(len(seen) / 400)
    np.testing.assert_allclose(region_shares(found["mass"]).sum("region"), 1)


def test_dask_gives_what_eager_maps_give():
    maps = of_faces(np.random.default_rng(3))
    lazy = region_masses(maps.copy(data=dask.array.from_array(maps.to_numpy(), chunks=(1, 60, 92))), FACES)
    assert lazy["mass"].chunks is not None
    xr.testing.assert_allclose(lazy.compute(), region_masses(maps, FACES), rtol=1e-12)


def test_a_photograph_without_a_face_has_no_shares_and_points_of_another_scheme_are_refused():
    blank = FACES.where(FACES.image != FACES.image[1])
    found = region_shares(region_masses(of_faces(np.random.default_rng(4)), blank)["mass"])
    assert np.isnan(found.to_numpy()).all(axis=1).tolist() == [False, True, False]
    with pytest.raises(InputError, match="468"):
        region_masses(of_faces(np.random.default_rng(4)), five_points(FACES))


def test_a_label_is_divided_by_area_over_the_regions_that_it_names():
    named = named_regions(pd.Series(["nose", "eyes", "a scar"]))
    areas = region_masks(scale=1).area
    nose = ["bridge", "nose tip", "nose wings"]
    assert named.sum("region").to_numpy() == pytest.approx([1, 1, 0])
    np.testing.assert_allclose(named[0].sel(region=nose), areas.sel(region=nose) / areas.sel(region=nose).sum())
    assert float(named[1].sel(region="eyes")) == 1
