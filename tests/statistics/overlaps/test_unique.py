"""Unique agreement: registration, residuals, the test, and why the mean is of all actors."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from skimage.feature import match_template

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
    return study, cases.photographs(study, rng), rng


def moved_faces(shifts, *, size=40, actors=4, seed=0):
    """Smooth photographs of one face, moved by whole pixels down and to the right, with an image-wide background."""
    rng = np.random.default_rng(seed)
    face = smooth(stack_of_maps(rng.random((1, 2 * size, 2 * size)), ["s1"]), sigma=2.0).to_numpy()[0]
    half = size // 2
    moved = [face[half - dy:half - dy + size, half - dx:half - dx + size] for dy, dx in shifts]
    return stack_of_maps(np.array(moved), [f"s{at % actors}" for at in range(len(shifts))])


def test_a_face_is_found_where_it_was_moved_to():
    shifts = np.array([(0, 0), (2, -3), (-4, 1), (3, 3), (0, -2), (-1, 0)])
    photographs = moved_faces(shifts)
    people = photographs.copy(data=np.random.default_rng(1).random(photographs.shape))
    found = registered(people, photographs, sigma=1.0)
    centred = found.shifts - found.shifts.mean(axis=0)
    np.testing.assert_allclose(centred, shifts - shifts.mean(axis=0), atol=0.3)
    assert found.at_limit == 0


def test_shifts_agree_with_template_matching_of_scikit_image():
    photographs = moved_faces([(0, 0), (2, -3), (-4, 1), (3, 3)], seed=3)
    edges = smooth(sobel_edges(photographs.expand_dims(channel=3, axis=-1)), sigma=1.0).to_numpy().astype(float)
    mean = edges.mean(axis=0)
    found, _ = unique._shifts(edges, mean, [5, 5])
    for image, shift in zip(edges, found, strict=True):
        fits = match_template(image, mean[5:-5, 5:-5])
        assert np.abs(shift - (np.array(np.unravel_index(fits.argmax(), fits.shape)) - 5)).max() <= 0.5


def test_an_image_without_edges_stays_where_it_is_and_a_face_at_the_limit_is_counted():
    photographs = moved_faces([(0, 0), (0, 0), (0, 0), (9, 0)])
    photographs[0] = 1.0
    found = registered(photographs, photographs, sigma=1.0)
    assert (found.shifts[0] == 0).all()
    assert found.at_limit == 1


def test_residuals_agree_with_least_squares_on_the_regressors():
    study, photographs, _ = drawn(cases.POSED)
    human = study.human["coverage"].astype(float)
    shared = registered(human, photographs, sigma=1.0)
    units, left = shared.residuals(study.saliency)
    at = 7
    weights = 1 / np.bincount(study.truth.owner)[study.truth.owner]
    sums, shown = 0, 0
    for one, (dy, dx), weight in zip(human.to_numpy(), shared.shifts, weights, strict=True):
        rows, columns = (unique._weights(np.arange(-3, 19) + by, 16) for by in (dy, dx))
        sums = sums + weight * rows @ one @ columns.T
        shown = shown + weight * np.outer(rows.sum(axis=1), columns.sum(axis=1))
    face = np.divide(sums, shown, out=np.zeros((22, 22)), where=shown > 0)
    rows, columns = (unique._weights(np.arange(16) + 3 - by, 22) for by in shared.shifts[at])
    moved = np.array([rows @ one @ columns.T for one in (face, *np.gradient(face))])
    below, right = (np.arange(16) - 7.5 - by for by in shared.shifts[at])
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
    features, values = [(-3, -3), (-3, 3), (0.5, 0), (4, 0), (-6, 0), (1, -5)], []
    for run in range(30):
        rng = np.random.default_rng([run, 7])
        sizes, weights = rng.uniform(0.8, 1.2, 40), rng.dirichlet(np.full(6, 4.0), (2, 40))
        face = [[blob(*feature, size, 1.2) for feature in features] for size in sizes]
        human, saliency = np.einsum("sif,ifyx->siyx", weights, face)
        photographs = [blob(0, 0, size, 5) - 0.5 * sum(one[:4]) for size, one in zip(sizes, face, strict=True)]
        human, saliency, photographs = (stack_of_maps(np.array(maps), np.repeat(list("abcdefghij"), 4))
                                        for maps in (human, saliency, photographs))
        values.append(float(unique_values(registered(human, photographs, sigma=1.0), saliency).mean()))
    assert abs(np.mean(values)) < 0.05


def test_the_estimate_agrees_with_a_loop_over_all_pairs_of_images():
    study, photographs, rng = drawn(cases.RAGGED_COUNTS)
    shared = registered(study.human["coverage"], photographs, sigma=1.0)
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
    study, photographs, _ = drawn(cases.FEW, run=seed)
    shared = registered(study.human["coverage"], photographs, sigma=1.0)
    maps = study.saliency.astype(float)
    one, other = (unique_values(shared, values) for values in (maps, scale * maps + level))
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert (np.abs(one) <= 1 + 1e-12).all()


def test_dask_gives_what_memory_gives():
    study, photographs, _ = drawn(cases.FEW)
    arguments = study.human["coverage"], study.saliency, photographs
    results = [unique_agreement(*maps, sigma=1.0, rng=np.random.default_rng(0), n_permutations=99)
               for maps in (arguments, [one.chunk(image=7) for one in arguments])]
    xr.testing.assert_identical(*results)


def test_maps_of_which_nothing_is_left_are_undefined_and_counted():
    study, photographs, rng = drawn(cases.FEW)
    shared = registered(study.human["coverage"], photographs, sigma=1.0)
    maps = study.saliency.copy()
    maps[0], maps[1] = 3.0, np.nan
    edges = sobel_edges(photographs.expand_dims(channel=3, axis=-1))
    maps[2] = 2 * edges[2]
    values = unique_values(shared, maps)
    assert np.isnan(values[:3]).all()
    assert values[3:].notnull().all()
    result = agreement_beyond(shared, maps, rng=rng, n_permutations=99)
    assert int(result["n_images_undefined"]) == 3
    assert int(result["actor_n"][0]) == 2
    assert np.isnan(unique_values(shared, edges)).all()


def test_several_maps_of_an_image_count_as_their_mean():
    study, photographs, rng = drawn(cases.FEW)
    shared = registered(study.human["coverage"], photographs, sigma=1.0)
    other = cases.another_classifier(study, rng)
    names = study.saliency["image"].to_numpy()
    both = xr.concat([study.saliency, other], "image").assign_coords(
        image=[f"{name}|{at}" for at in (0, 1) for name in names], photograph=("image", np.tile(names, 2)))
    expected = (unique_values(shared, study.saliency) + unique_values(shared, other)) / 2
    np.testing.assert_allclose(unique_values(shared, both), expected, atol=1e-12)


def test_without_a_photograph_or_an_image_in_common_there_is_one_clear_error():
    study, photographs, rng = drawn(cases.FEW)
    with pytest.raises(InputError, match="photographs"):
        unique_agreement(study.human["coverage"], study.saliency, photographs[:0], sigma=1.0, rng=rng)
    shared = registered(study.human["coverage"][:5], photographs, sigma=1.0)
    with pytest.raises(InputError, match="none of an image"):
        unique_values(shared, study.saliency[5:])


def test_the_ceiling_agrees_with_a_loop_over_pairs_of_responses():
    study, photographs, _ = drawn(cases.SIZES[0])
    shared = registered(study.human["coverage"], photographs, sigma=1.0)
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
    study, photographs, rng = drawn(cases.SHARED)
    human = study.human["coverage"].astype(float)
    actors = human["actor"].to_numpy()
    heat = np.array([human.to_numpy()[actors == actor].mean(axis=0) for actor in dict.fromkeys(actors)])
    copy = human.copy(data=np.broadcast_to(heat.mean(axis=0), human.shape) + 0.02 * rng.random(human.shape))
    shared = registered(human, photographs, sigma=1.0)
    everybody = agreement_beyond(shared, copy, rng=rng, n_permutations=999)
    others = (heat.sum(axis=0) - heat) / (len(heat) - 1)
    of_others = [registered(human.copy(data=np.broadcast_to(one, human.shape)), photographs, sigma=1.0)
                 for one in others]
    kept = unique.Registered.basis
    monkeypatch.setattr(unique.Registered, "basis", lambda self, rows: np.concatenate([
        kept(of_others[study.truth.owner[row]], np.array([row])) for row in rows]))
    biased = agreement_beyond(registered(human, photographs, sigma=1.0), copy, rng=rng, n_permutations=999)
    assert float(biased["value"]) > 0.1
    assert float(biased["p_value"]) <= 0.005
    assert abs(float(everybody["value"])) < 0.03
    assert float(everybody["p_value"]) > 0.05
