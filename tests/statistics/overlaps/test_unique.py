"""Unique agreement: registration, residuals, the test, and why the mean is of all actors."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats

from salcompare.errors import InputError
from salcompare.maps import rasterise_boxes, smooth
from salcompare.maps.filters import sobel_edges
from salcompare.simulation import cases
from salcompare.simulation.studies import simulate_study
from salcompare.statistics.kernels import centred_gaussian
from salcompare.statistics.overlaps import unique
from salcompare.statistics.overlaps.unique import (
    agreement_beyond,
    registered,
    unique_agreement,
    unique_ceiling,
    unique_values,
)
from tests.strategies import stack_of_maps


def drawn(scenario, run=0, **changes):
    rng = np.random.default_rng([run, 5])
    study = simulate_study(cases.SCENARIOS[scenario].replace(**changes), rng=rng)
    return study, (cases.photographs(study, rng), cases.landmarks(study, rng)), rng


def points(boxes):
    """Corners of boxes (image, box, 4: x, y, width, height) as landmarks (image, point, axis)."""
    corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) / 2
    values = boxes[:, :, None, :2] + corners * boxes[:, :, None, 2:]
    return xr.DataArray(values.reshape(len(boxes), -1, 2), dims=("image", "point", "axis"), coords={
        "image": [f"i{at}" for at in range(len(boxes))], "axis": ["x", "y"]})


def test_faces_are_found_where_similarities_moved_them():
    rng = np.random.default_rng(0)
    shape = rng.uniform(-6, 6, (24, 2))
    sizes, angles, middles = rng.uniform(0.8, 1.2, 9), rng.uniform(-0.3, 0.3, 9), rng.uniform(14, 18, (9, 2))
    turns = sizes[:, None, None] * np.moveaxis(np.array([[np.cos(angles), -np.sin(angles)],
                                                         [np.sin(angles), np.cos(angles)]]), 2, 0)
    poses, scores = unique._poses(shape @ np.swapaxes(turns, 1, 2) + middles[:, None],
                                  np.full(9, 1 / 9))
    np.testing.assert_allclose(poses.turns, turns @ np.linalg.inv(turns.mean(axis=0)), atol=1e-9)
    np.testing.assert_allclose(poses.middles, middles + turns @ shape.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(scores, [[1, 0]] * 9, atol=1e-12)  # one component at most, and shapes do not differ
    places = rng.uniform(0, 30, (2, 5))
    np.testing.assert_allclose(poses.to_frame(3, poses.to_image(3, places)), places, atol=1e-9)


def test_scores_are_orthonormal_and_follow_how_far_heads_turn():
    study, (_, landmarks), _ = drawn(cases.TURNED, n_images=(9, 8, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1))
    owner = study.truth.owner
    weights = 1 / np.bincount(owner)[owner] / 12
    _, scores = unique._poses(landmarks.sel(axis=["y", "x"]).to_numpy() - 0.5, weights)
    np.testing.assert_allclose(scores.T @ (weights[:, None] * scores), np.diag(np.abs(scores).max(axis=0) > 0),
                               atol=1e-9)
    assert abs(np.corrcoef(scores[:, 1], study.truth.turns)[0, 1]) > 0.98


def test_residuals_agree_with_least_squares_on_the_regressors():
    study, faces, _ = drawn(cases.POSED)
    human = study.human["coverage"].astype(float)
    shared = registered(human, *faces, sigma=1.0)
    units, left = shared.residuals(study.saliency)
    at, owner = 7, study.truth.owner
    weights = 1 / np.bincount(owner)[owner] / 12
    poses, scores = unique._poses(faces[1].sel(axis=["y", "x"]).to_numpy() - 0.5, weights)
    places = np.mgrid[-5:21, -5:21].reshape(2, -1).astype(float)
    in_frame = []
    for row, one in enumerate(human.to_numpy()):
        y, x = poses.to_image(row, places)
        hidden = (y < -0.5) | (x < -0.5) | (y > 15.5) | (x > 15.5)
        moved = ndimage.map_coordinates(one, [y, x], order=3, mode="nearest")
        in_frame.append(np.where(hidden, np.nan, moved))
    in_frame = np.array(in_frame)
    shown = weights[:, None] * ~np.isnan(in_frame)
    mean = np.nansum(weights[:, None] * in_frame, axis=0) / np.maximum(shown.sum(axis=0), 1e-300)
    root = np.sqrt(weights)[:, None]
    fitted = scores[at] @ np.linalg.lstsq(scores * root, np.where(np.isnan(in_frame), mean, in_frame) * root)[0]
    y, x = poses.to_frame(at, np.mgrid[:16, :16].reshape(2, -1).astype(float))
    face = ndimage.map_coordinates(fitted.reshape(26, 26), [y + 5, x + 5], order=3).reshape(16, 16)
    moved = np.array([face, *np.gradient(face)])
    below, right = (np.arange(16) - middle for middle in poses.middles[at])
    moved = np.concatenate([moved, below[:, None] * moved[1:], right * moved[1:]])
    moved = smooth(stack_of_maps(moved, list("abcdefg")), sigma=1.0).to_numpy()
    design = np.stack([np.ones(256), centred_gaussian(16, 16).ravel(), shared.edges[at].ravel(),
                       *moved.reshape(7, -1)], axis=1)
    values = smooth(study.saliency, sigma=1.0).to_numpy()[at].ravel().astype(float)
    values = (values - values.mean()) / values.std()
    rest = values - design @ np.linalg.lstsq(design, values)[0]
    np.testing.assert_allclose(units[at], rest / np.linalg.norm(rest), atol=1e-6)
    assert left[at] == pytest.approx((rest**2).mean(), rel=1e-6)


def blob(y, x, size, sd):
    """Draw a Gaussian on a face of some size, about the middle of a grid of 16 pixels."""
    down, across = np.mgrid[:16, :16] - 7.5
    return np.exp(-((down - y * size)**2 + (across - x * size)**2) / (2 * (sd * size)**2))


def test_faces_of_other_sizes_do_not_seem_to_agree():
    """With the mean map moved only, and not scaled, the mean over these studies was 0.17."""
    corners = np.array([[x, y, 3.0, 3.0] for y, x in ((-3, -3), (-3, 3), (0.5, 0), (4, 0), (-6, 0), (1, -5))])
    features, values = [(-3, -3), (-3, 3), (0.5, 0), (4, 0), (-6, 0), (1, -5)], []
    for run in range(30):
        rng = np.random.default_rng([run, 7])
        sizes, weights = rng.uniform(0.8, 1.2, 40), rng.dirichlet(np.full(6, 4.0), (2, 40))
        face = [[blob(*feature, size, 1.2) for feature in features] for size in sizes]
        human, saliency = np.einsum("sif,ifyx->siyx", weights, face)
        photographs = [blob(0, 0, size, 5) - 0.5 * sum(one[:4]) for size, one in zip(sizes, face, strict=True)]
        human, saliency, photographs = (stack_of_maps(np.array(maps), np.repeat(list("abcdefghij"), 4))
                                        for maps in (human, saliency, photographs))
        landmarks = points(sizes[:, None, None] * corners + [8, 8, 0, 0]).assign_coords(image=human["image"].to_numpy())
        values.append(float(unique_values(registered(human, photographs, landmarks, sigma=1.0), saliency).mean()))
    assert abs(np.mean(values)) < 0.05


def test_the_estimate_agrees_with_a_loop_over_all_pairs_of_images():
    study, faces, rng = drawn(cases.RAGGED_COUNTS)
    shared = registered(study.human["coverage"], *faces, sigma=1.0)
    result = agreement_beyond(shared, study.saliency, rng=rng, n_permutations=99)
    correlations = shared.people[0] @ shared.residuals(study.saliency)[0].T
    owner = study.truth.owner
    n = owner.max() + 1
    same = np.array([np.diag(correlations)[owner == a].mean() for a in range(n)])
    blocks = np.array([[correlations[np.ix_(owner == a, owner == b)].mean() for b in range(n)] for a in range(n)])
    others = [np.mean([(blocks[a, b] + blocks[b, a]) / 2 for b in range(n) if b != a]) for a in range(n)]
    np.testing.assert_allclose(result["actor_value"], same, atol=1e-12)
    np.testing.assert_allclose(result["actor_beyond"], same - others, atol=1e-12)
    assert float(result["value"]) == pytest.approx(same.mean())
    assert float(result["others"]) == pytest.approx(np.mean(others))
    low, high = stats.t.interval(0.95, n - 1, same.mean(), stats.sem(same))
    assert (float(result["ci_low"]), float(result["ci_high"])) == pytest.approx((low, high))
    residual = correlations.diagonal() * np.sqrt(shared.people[1])
    gained = 0.0
    for a in range(n):
        slope = np.mean([residual[owner == b].mean() for b in range(n) if b != a])
        gained += (2 * slope * residual[owner == a] - slope**2).mean()
    energy = sum(shared.people[1][owner == a].mean() for a in range(n))
    assert float(result["r2"]) == pytest.approx(gained / energy)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 1e6), st.floats(0, 1e3))
def test_scale_and_level_of_a_classifiers_maps_do_not_matter(seed, scale, level):
    study, faces, _ = drawn(cases.FEW, run=seed)
    shared = registered(study.human["coverage"], *faces, sigma=1.0)
    maps = study.saliency.astype(float)
    one, other = (unique_values(shared, values) for values in (maps, scale * maps + level))
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert (np.abs(one) <= 1 + 1e-12).all()


def test_dask_gives_what_memory_gives():
    study, faces, _ = drawn(cases.FEW)
    arguments = study.human["coverage"], study.saliency, *faces
    results = [unique_agreement(*maps, sigma=1.0, rng=np.random.default_rng(0), n_permutations=99)
               for maps in (arguments, [one.chunk(image=7) for one in arguments])]
    xr.testing.assert_identical(*results)


def test_maps_of_which_nothing_is_left_are_undefined_and_counted():
    study, faces, rng = drawn(cases.FEW)
    shared = registered(study.human["coverage"], *faces, sigma=1.0)
    maps = study.saliency.copy()
    maps[0], maps[1] = 3.0, np.nan
    edges = sobel_edges(faces[0].expand_dims(channel=3, axis=-1))
    maps[2] = 2 * edges[2]
    values = unique_values(shared, maps)
    assert np.isnan(values[:3]).all()
    assert values[3:].notnull().all()
    result = agreement_beyond(shared, maps, rng=rng, n_permutations=99)
    assert int(result["n_images_undefined"]) == 3
    assert int(result["actor_n"][0]) == 2
    assert np.isnan(unique_values(shared, edges)).all()


def test_several_maps_of_an_image_count_as_their_mean():
    study, faces, rng = drawn(cases.FEW)
    shared = registered(study.human["coverage"], *faces, sigma=1.0)
    other = cases.another_classifier(study, rng)
    names = study.saliency["image"].to_numpy()
    both = xr.concat([study.saliency, other], "image").assign_coords(
        image=[f"{name}|{at}" for at in (0, 1) for name in names], photograph=("image", np.tile(names, 2)))
    expected = (unique_values(shared, study.saliency) + unique_values(shared, other)) / 2
    np.testing.assert_allclose(unique_values(shared, both), expected, atol=1e-12)


def test_without_a_photograph_or_an_image_in_common_there_is_one_clear_error():
    study, faces, rng = drawn(cases.FEW)
    for what, named in ((faces[0][:0], faces[1]), "photographs"), ((faces[0], faces[1][:0]), "landmarks"), (
            (faces[0], faces[1][:, :19]), "19 points of a face"):
        with pytest.raises(InputError, match=named):
            unique_agreement(study.human["coverage"], study.saliency, *what, sigma=1.0, rng=rng)
    shared = registered(study.human["coverage"][:5], *faces, sigma=1.0)
    with pytest.raises(InputError, match="none of an image"):
        unique_values(shared, study.saliency[5:])


def test_images_without_landmarks_are_left_out():
    study, (photographs, landmarks), _ = drawn(cases.FEW)
    landmarks[3, 5] = np.nan
    shared = registered(study.human["coverage"], photographs, landmarks[1:], sigma=1.0)
    assert shared.human.sizes["image"] == 23
    whole = registered(study.human["coverage"].isel(image=[1, 2, *range(4, 25)]), photographs, landmarks, sigma=1.0)
    xr.testing.assert_identical(unique_values(shared, study.saliency), unique_values(whole, study.saliency))


def test_heads_that_turn_do_not_seem_to_agree():
    """Of a mean map that does not turn with them, the mean over 300 studies was 0.09, and 47% of them rejected."""
    results = []
    for run in range(25):
        study, faces, rng = drawn(cases.TURNED, run=run)
        shared = registered(study.human["coverage"], *faces, sigma=1.0)
        results.append(agreement_beyond(shared, study.saliency, rng=rng, n_permutations=199))
    assert abs(np.mean([float(one["value"]) for one in results])) < 0.02
    assert sum(float(one["p_value"]) <= 0.05 for one in results) <= 4


def test_the_ceiling_agrees_with_a_loop_over_pairs_of_responses():
    study, faces, _ = drawn(cases.SIZES[0])
    shared = registered(study.human["coverage"], *faces, sigma=1.0)
    agreed, observed = np.zeros(5), np.zeros(5)
    for at, image in enumerate(study.images["image"]):
        basis = shared.basis(np.array([at]))[0]
        maps = []
        for _, box in study.responses[study.responses["image"] == image].iterrows():
            one = study.responses[study.responses["response"] == box["response"]]
            values = smooth(rasterise_boxes(one, study.images, size=(16, 16))["coverage"].astype(float), sigma=1.0)
            flat = values.to_numpy().ravel()
            maps.append(flat - basis.T @ (basis @ flat))
        maps = np.array(maps)
        products = maps @ maps.T
        agreed[study.truth.owner[at]] += products[~np.eye(len(maps), dtype=bool)].mean() / 4
        observed[study.truth.owner[at]] += (maps.mean(axis=0) ** 2).sum() / 4
    assert float(unique_ceiling(shared, study.responses, study.images)["ceiling"]) == pytest.approx(
        np.sqrt(agreed.mean() / observed.mean()), rel=1e-6)


def test_a_copy_of_the_average_face_agrees_beyond_the_others_mean_but_not_beyond_everybodys(monkeypatch):
    """With the mean of the other actors alone, people's own map stays in both residuals: a bias that always rejects."""
    study, faces, rng = drawn(cases.SHARED)
    human = study.human["coverage"].astype(float)
    actors = human["actor"].to_numpy()
    heat = np.array([human.to_numpy()[actors == actor].mean(axis=0) for actor in dict.fromkeys(actors)])
    copy = human.copy(data=np.broadcast_to(heat.mean(axis=0), human.shape) + 0.02 * rng.random(human.shape))
    shared = registered(human, *faces, sigma=1.0)
    everybody = agreement_beyond(shared, copy, rng=rng, n_permutations=999)
    others = (heat.sum(axis=0) - heat) / (len(heat) - 1)
    of_others = [registered(human.copy(data=np.broadcast_to(one, human.shape)), *faces, sigma=1.0)
                 for one in others]
    kept = unique.Registered.basis
    monkeypatch.setattr(unique.Registered, "basis", lambda self, rows: np.concatenate([
        kept(of_others[study.truth.owner[row]], np.array([row])) for row in rows]))
    biased = agreement_beyond(registered(human, *faces, sigma=1.0), copy, rng=rng, n_permutations=999)
    assert float(biased["value"]) > 0.1
    assert float(biased["p_value"]) <= 0.005
    assert abs(float(everybody["value"])) < 0.03
    assert float(everybody["p_value"]) > 0.05
