"""Overlap per image, and the tests over three kinds of pairing: worked values, loops, edges and dask."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.maps import smooth
from salcompare.statistics.metrics.registry import METRICS, pairwise
from salcompare.statistics.overlaps.pairings import CONTRASTS, overlap_tests, pairing_tests
from salcompare.statistics.overlaps.same_image import matched, overlap
from tests.strategies import assert_dask_equals_eager, stack_of_maps


def sources(sizes=(3, 4, 2), *, height=8, width=7, seed=0):
    """Human and classifier maps of actors with so many images; the classifier follows people half way."""
    rng = np.random.default_rng(seed)
    actors = [f"s{a + 1}" for a, size in enumerate(sizes) for _ in range(size)]
    human = rng.integers(0, 9, (len(actors), height, width)).astype(np.float32) / 9
    classifier = rng.random(human.shape, dtype=np.float32) + human
    return stack_of_maps(human, actors), stack_of_maps(classifier, actors)


def matrix_of(values, actors):
    """A labelled matrix of all pairs."""
    names = [f"{actor}/{at}" for at, actor in enumerate(actors)]
    return xr.DataArray(np.asarray(values, dtype=float), dims=("image", "image_other"),
                        coords={"image": names, "image_other": names, "actor": ("image", list(actors))})


def compared(matrix, *, seed=0, n_permutations=199, **options):
    return pairing_tests(matrix, rng=np.random.default_rng(seed), n_permutations=n_permutations, **options)


# ---- per image

def test_overlap_is_each_metric_of_the_images_that_both_have():
    human, classifier = sources()
    found = overlap(human[:-1], classifier[2:], metrics=["pearson", "nss"])
    assert found.image.values.tolist() == human.image.values[2:-1].tolist()
    assert found.actor.values.tolist() == human.actor.values[2:-1].tolist()
    assert (found.attrs["n_images"], found.attrs["n_only_human"], found.attrs["n_only_classifier"]) == (6, 2, 1)
    for name in ("pearson", "nss"):
        expected = METRICS[name].function(human[2:-1], classifier[2:-1])
        np.testing.assert_array_equal(found[name], expected)
        assert found[name].attrs["better"] == "higher"


def test_all_metrics_are_computed_unless_some_are_chosen():
    found = overlap(*sources())
    assert list(METRICS) == [name for name in found.data_vars if name in METRICS]


def test_images_are_matched_by_name_whatever_their_order():
    human, classifier = sources()
    shuffled = classifier.isel(image=[5, 0, 3, 8, 1, 7, 2, 6, 4])
    xr.testing.assert_identical(overlap(human, shuffled, metrics=["pearson"]),
                                overlap(human, classifier, metrics=["pearson"]))


def test_sigma_smooths_both_sides_first():
    human, classifier = sources()
    found = overlap(human, classifier, metrics=["pearson"], sigma=1.5)
    expected = METRICS["pearson"].function(smooth(human, sigma=1.5), smooth(classifier, sigma=1.5))
    np.testing.assert_array_equal(found.pearson, expected)
    assert found.attrs["sigma"] == 1.5


def test_ties_and_short_maps_are_reported_with_areas():
    human, classifier = sources()
    human[0] = 0
    human[0, 0, :2] = 1  # two positive pixels where an area has eleven: the other nine are ties at 0
    found = overlap(human, classifier, metrics=["iou"], share=0.2)
    assert float(found.tied_share_human[0]) == pytest.approx(9 / 11)
    assert found.short_human.values.tolist() == [True] + [False] * 8
    assert not found.short_classifier.any()


def test_an_actor_on_one_side_is_enough_and_two_names_for_an_image_are_refused():
    human, classifier = sources()
    assert "actor" in overlap(human, classifier.drop_vars("actor"), metrics=["pearson"]).coords
    other = classifier.assign_coords(actor=("image", ["s9", *classifier.actor.values[1:]]))
    with pytest.raises(InputError, match="image 's1/1': actor 's1' in the human maps, 's9'"):
        overlap(human, other)


def test_maps_that_cannot_be_compared_are_refused_by_name():
    human, classifier = sources()
    with pytest.raises(InputError, match="x has 7 pixels in the human maps and 6"):
        overlap(human, classifier.isel(x=slice(6)))
    with pytest.raises(InputError, match="labels of x differ"):
        overlap(human, classifier.assign_coords(x=np.arange(7) + 1))
    with pytest.raises(InputError, match="some images that both sides have"):
        overlap(human[:3], classifier[4:])
    with pytest.raises(InputError, match="a unique id"):
        overlap(human[[0, 0]], classifier)
    with pytest.raises(InputError, match="without image"):
        overlap(human[0], classifier)
    with pytest.raises(InputError, match="has dims"):
        overlap(human.expand_dims(source=2), classifier)
    with pytest.raises(InputError, match="an actor for each image"):
        overlap_tests(human.drop_vars("actor"), classifier.drop_vars("actor"), metric="pearson",
                      rng=np.random.default_rng(0))


def test_overlap_on_dask_is_lazy_and_equal():
    human, classifier = sources()
    assert_dask_equals_eager(overlap, human, classifier, sigma=1.0)


def test_matched_keeps_the_grid():
    human, classifier = sources()
    one, other = matched(human, classifier.transpose("y", "image", "x"))
    assert one.dims == other.dims == ("image", "y", "x")
    xr.testing.assert_identical(one.coords.to_dataset(), other.coords.to_dataset())


# ---- pairings: values

def test_pairings_and_effects_of_a_small_matrix_by_hand():
    values = [[9, 5, 1, 2],
              [3, 7, 0, 1],
              [1, 1, 8, 4],
              [2, 0, 2, 6]]
    found = compared(matrix_of(values, ["a", "a", "b", "b"]))
    expected = {"same image": (8, 7), "same actor, other image": (4, 3), "other actor": (1, 1),
                "image effect": (4, 4), "actor effect": (3, 2)}
    for contrast, by_actor in expected.items():
        np.testing.assert_allclose(found.actor_value.sel(contrast=contrast), by_actor)
        assert float(found.value.sel(contrast=contrast)) == pytest.approx(np.mean(by_actor))
    assert list(found.contrast.values) == list(CONTRASTS)
    assert found.actor_n.values.tolist() == [2, 2]


def test_small_tests_enumerate_all_arrangements():
    values = [[9, 5, 1, 2], [3, 7, 0, 1], [1, 1, 8, 4], [2, 0, 2, 6]]
    found = compared(matrix_of(values, ["a", "a", "b", "b"]))
    # 2! x 2! orders of images, of which the observed one matches best; 2! orders of actors
    assert float(found.p_value.sel(contrast="image effect")) == 1 / 4
    assert float(found.p_value.sel(contrast="actor effect")) == 1 / 2
    np.testing.assert_array_equal(found.actor_p_value.sel(contrast="image effect"), [1 / 2, 1 / 2])
    np.testing.assert_array_equal(found.p_attainable.sel(contrast=["image effect", "actor effect"]), [1 / 4, 1 / 2])
    assert np.isnan(found.p_value.sel(contrast=list(CONTRASTS[:3]))).all()
    assert int(found.null.sel(contrast="image effect").notnull().sum()) == 3
    assert (found.attrs["alternative"], found.attrs["n_undefined"]) == ("greater", 0)


def test_pairing_means_agree_with_a_loop_over_pairs():
    rng = np.random.default_rng(1)
    actors = list("aaabbbbcdddddd")
    values = rng.normal(size=(14, 14))
    found = compared(matrix_of(values, actors))
    several = [a for a in "abcd" if actors.count(a) > 1]
    for actor in "abcd":
        own = [i for i in range(14) if actors[i] == actor]
        others = {b: [j for j in range(14) if actors[j] == b] for b in "abcd" if b != actor}
        same = np.mean([values[i, i] for i in own])
        rest = [values[i, j] for i in own for j in own if i != j]
        across = {b: np.mean([values[i, j] for i in own for j in js]) for b, js in others.items()}
        one = found.actor_value.sel(actor=actor)
        assert float(one.sel(contrast="same image")) == pytest.approx(same)
        assert float(one.sel(contrast="other actor")) == pytest.approx(np.mean(list(across.values())))
        if actor in several:
            effect = np.mean(rest) - np.mean([across[b] for b in several if b != actor])
            assert float(one.sel(contrast="image effect")) == pytest.approx(same - np.mean(rest))
            assert float(one.sel(contrast="actor effect")) == pytest.approx(effect)
        else:
            assert np.isnan(one.sel(contrast=["same actor, other image", "image effect", "actor effect"])).all()
            assert "one image only" in str(found.actor_reason.sel(actor=actor, contrast="image effect").values)
    assert found.n_undefined.values.tolist() == [0, 1, 0, 1, 1]


def test_nulls_are_the_effects_of_permuted_matrices():
    rng = np.random.default_rng(2)
    values, actors = rng.normal(size=(6, 6)), list("aabbcc")
    found = compared(matrix_of(values, actors))
    images, whole = [], []
    for flips in np.ndindex(2, 2, 2):
        order = np.concatenate([[2 * a, 2 * a + 1] if not flip else [2 * a + 1, 2 * a] for a, flip in enumerate(flips)])
        images.append(float(compared(matrix_of(values[:, order], actors)).value.sel(contrast="image effect")))
    np.testing.assert_allclose(np.sort(found.null.sel(contrast="image effect").dropna("permutation")),
                               np.sort(images[1:]), atol=1e-12)
    # whole actors: block means, in which own blocks leave out the pairs of one image
    blocks = np.array([[np.mean([values[i, j] for i in (2 * a, 2 * a + 1) for j in (2 * b, 2 * b + 1) if i != j])
                        for b in range(3)] for a in range(3)])
    for order in ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        moved = blocks[:, order]
        whole.append(np.trace(moved) / 3 - (moved.sum() - np.trace(moved)) / 6)
    np.testing.assert_allclose(np.sort(found.null.sel(contrast="actor effect").dropna("permutation")),
                               np.sort(whole), atol=1e-12)
    assert np.mean([float(found.value.sel(contrast="actor effect")), *whole]) == pytest.approx(0, abs=1e-12)


def test_one_actors_effect_has_no_p():
    n = 12
    found = compared(matrix_of(np.kron(np.eye(n), np.ones((2, 2))), np.repeat([f"s{a}" for a in range(n)], 2)))
    assert np.isnan(found.actor_p_value.sel(contrast="actor effect")).all()
    assert float(found.p_value.sel(contrast="actor effect")) == 1 / 200


def test_for_a_metric_of_which_less_is_better_small_values_are_extreme():
    rng = np.random.default_rng(3)
    actors = np.repeat([f"s{a}" for a in range(9)], 3)
    values = rng.normal(size=(27, 27)) + 3 * np.eye(27)
    up, down = compared(matrix_of(values, actors)), compared(matrix_of(-values, actors), better="lower")
    np.testing.assert_array_equal(up.p_value, down.p_value)
    np.testing.assert_allclose(up.value, -down.value)
    assert down.attrs["alternative"] == "less"


def test_an_undefined_image_is_left_out_on_both_sides_and_counted():
    human, classifier = sources((4, 4, 3))
    spoilt = classifier.copy()
    spoilt[5] = 0
    rng = np.random.default_rng
    found = overlap_tests(human, spoilt, metric="pearson", rng=rng(0), n_permutations=99)
    kept = np.delete(np.arange(11), 5)
    without = overlap_tests(human[kept], classifier[kept], metric="pearson", rng=rng(0), n_permutations=99)
    assert found.attrs["n_undefined"] == 1
    np.testing.assert_allclose(found.actor_value, without.actor_value)
    np.testing.assert_array_equal(found.p_value, without.p_value)


def test_one_actor_has_an_image_effect_but_no_other_actor():
    found = compared(matrix_of(np.eye(4), ["a"] * 4))
    assert float(found.p_value.sel(contrast="image effect")) == pytest.approx(1 / 24)
    gone = found.sel(contrast=["other actor", "actor effect"])
    assert np.isnan(gone.value).all()
    assert np.isnan(gone.p_value).all()
    assert all("one actor only" in str(reason) for reason in gone.reason.values)


def test_no_defined_image_is_an_error_that_says_so():
    with pytest.raises(InputError, match="no image on which both maps are defined"):
        compared(matrix_of(np.full((2, 2), np.nan), ["a", "b"]))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_the_order_of_images_changes_no_value_and_no_enumerated_p(seed, sizes):
    rng = np.random.default_rng(seed)
    actors = np.repeat([f"s{a}" for a in range(len(sizes))], sizes)
    matrix = matrix_of(rng.normal(size=(len(actors),) * 2), actors)
    order = rng.permutation(len(actors))
    one = compared(matrix, n_permutations=20000)
    other = compared(matrix.isel(image=order, image_other=order), n_permutations=20000)
    np.testing.assert_allclose(one.actor_value, other.actor_value, atol=1e-12)
    small = one.p_attainable.values > 1 / 20001
    np.testing.assert_array_equal(one.p_value.values[small], other.p_value.values[small])
    assert ((one.p_value >= one.p_attainable) | one.p_value.isnull()).all()


def test_the_tests_on_dask_equal_those_in_memory():
    human, classifier = sources((3, 4, 2))
    assert_dask_equals_eager(
        lambda h, c, rng: overlap_tests(h, c, metric="spearman", sigma=1.0, rng=rng, n_permutations=99)
        .drop_vars(["ci_method", "resampled", "reason", "actor_reason"]),
        human, classifier, rng=np.random.default_rng(5), lazy=False)


def test_overlap_tests_start_from_all_pairs_of_the_prepared_maps():
    human, classifier = sources((3, 4, 2))
    found = overlap_tests(human, classifier, metric="iou", share=0.2, sigma=1.0, rng=np.random.default_rng(0),
                          n_permutations=99)
    smoothed = smooth(human, sigma=1.0), smooth(classifier, sigma=1.0)
    same = np.diag(pairwise(*smoothed, "iou", share=0.2))
    expected = [same[human.actor == a].mean() for a in ("s1", "s2", "s3")]
    np.testing.assert_allclose(found.actor_value.sel(contrast="same image"), expected)
    assert (found.attrs["metric"], found.attrs["share"], found.attrs["sigma"]) == ("iou", 0.2, 1.0)
