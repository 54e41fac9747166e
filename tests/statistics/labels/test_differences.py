"""Differences of label shares between actors: worked values, oracles, reasons, and the evening out of responses."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.formula.api import ols

from salcompare.errors import InputError
from salcompare.statistics.inference.permutation import exchangeability, permutations
from salcompare.statistics.labels.differences import _cell_tests, _cells, label_differences
from salcompare.statistics.labels.histogram import label_histogram
from tests.statistics.labels.simulated import study

TWO = pd.DataFrame({"image": ["a/1", "a/2", "b/1", "b/2"], "actor": ["a", "a", "b", "b"]})


def differences(responses, images, *, seed=0, n_permutations=199, **options):
    return label_differences(responses, images, rng=np.random.default_rng(seed), n_permutations=n_permutations,
                             **options)


def responses_of(*rows):
    """Responses from (image, label, how many)."""
    return pd.DataFrame([(image, label) for image, label, n in rows for _ in range(n)], columns=["image", "label"])


def image_shares(responses, images):
    shares = pd.crosstab(responses["image"], responses["label"], normalize="index")
    return shares, images.set_index("image")["actor"].reindex(shares.index)


def test_two_actors_of_two_images_by_hand():
    # Shares of eyes: a 1 and 1/2, b 0 and 1/2. Within 1/4 on 2 degrees of freedom, total 1/2.
    found = differences(responses_of(("a/1", "eyes", 2), ("a/2", "eyes", 1), ("a/2", "nose", 1), ("b/1", "nose", 2),
                                ("b/2", "eyes", 1), ("b/2", "nose", 1)), TWO)
    eyes = found.sel(label="eyes")
    assert eyes.share.to_numpy().tolist() == [0.75, 0.25]
    assert eyes.difference.to_numpy().tolist() == [0.5, -0.5]
    np.testing.assert_allclose(eyes.t, [np.sqrt(2), -np.sqrt(2)], atol=1e-8)
    np.testing.assert_allclose(eyes.ci_high - eyes.difference, stats.t.ppf(0.975, 2) * np.sqrt(1 / 8))
    assert eyes.eta2 == 0.5
    # Of the six arrangements of four images four have means 3/4 and 1/4, two have equal means.
    assert found.attrs["n_permutations"] == 5
    np.testing.assert_allclose(found.p_value, 4 / 6)
    np.testing.assert_allclose(found.p_adjusted, 4 / 6)
    assert found.omnibus_p_value == pytest.approx(4 / 6)
    assert found.omnibus_p_attainable == pytest.approx(1 / 3)
    assert found.attrs["family_size"] == 4


def test_actors_whose_images_are_all_alike_differ_infinitely():
    found = differences(responses_of(("a/1", "eyes", 1), ("a/2", "eyes", 3), ("b/1", "nose", 1), ("b/2", "nose", 3)),
                        TWO)
    assert found.omnibus == 1
    assert np.isinf(found.t).all()
    np.testing.assert_allclose(found.p_value, 1 / 3)
    assert found.omnibus_p_value == pytest.approx(1 / 3)


def test_images_that_all_have_the_same_shares_leave_nothing_to_test():
    found = differences(responses_of(*((image, label, 1) for image in TWO["image"] for label in ("eyes", "nose"))), TWO)
    assert np.isnan(found.p_value).all()
    assert np.isnan(found.omnibus)
    assert (found.reason != "").all()


def test_eta2_and_t_agree_with_statsmodels_and_scipy():
    responses, images = study(np.random.default_rng(1), n_actors=5)
    shares, actor = image_shares(responses, images)
    found = differences(responses, images)
    for label in shares:
        table = sm.stats.anova_lm(ols("share ~ actor", pd.DataFrame({"share": shares[label], "actor": actor})).fit())
        expected = table["sum_sq"]["actor"] / table["sum_sq"].sum()
        assert found.eta2.sel(label=label) == pytest.approx(expected, rel=1e-6)
    two = responses[responses["image"].str[:3].isin(["a00", "a01"])]
    shares, actor = image_shares(two, images)
    expected = stats.ttest_ind(shares[actor == "a00"], shares[actor == "a01"])
    one = differences(two, images).sel(actor="a00", label=list(shares))
    np.testing.assert_allclose(one.t, expected.statistic, atol=1e-8)
    np.testing.assert_allclose(one.ci_low, expected.confidence_interval().low)


def slow_statistics(shares, actor):
    """t (actor, label) and eta2 (label), by pandas."""
    means, sizes = shares.groupby(actor).mean(), actor.value_counts().sort_index()
    within = ((shares - means.loc[actor].to_numpy()) ** 2).sum()
    freedom = len(shares) - len(means)
    t = {}
    for name in means.index:
        others = means.drop(index=name)
        size = 1 / sizes[name] + (1 / sizes.drop(name)).sum() / len(others) ** 2
        t[name] = (means.loc[name] - others.mean()) / np.sqrt(within / freedom * size)
    return pd.DataFrame(t).T.to_numpy(), (1 - within / ((shares - shares.mean()) ** 2).sum()).to_numpy()


def test_p_values_are_those_of_rebuilding_the_table_for_every_permutation():
    responses, images = study(np.random.default_rng(2), n_actors=4, raised=[(1, 2, 0.4)])
    images = images.drop(index=[3, 7])  # ragged
    responses = responses[responses["image"].isin(images["image"])]
    shares, actor = image_shares(responses, images)
    exchange = exchangeability(actor.tolist())
    batch = np.concatenate(list(permutations(exchange, 99, np.random.default_rng(5))))
    found = _cell_tests(shares.to_numpy(), exchange, batch)
    observed, eta2 = slow_statistics(shares, actor)
    null = [slow_statistics(shares.iloc[row].set_axis(shares.index), actor) for row in batch]
    t = np.abs(np.round([observed, *(one for one, _ in null)], 9))
    np.testing.assert_allclose(found.p_value, (t >= t[0]).mean(axis=0))
    np.testing.assert_allclose(found.explained_null, [one for _, one in null], atol=1e-8)
    # By definition: the share of arrangements whose most extreme cell, on its label's scale, is as extreme.
    tail = np.array([[[(t[..., k] >= value).mean() for k, value in enumerate(row)] for row in one] for one in t])
    np.testing.assert_allclose(found.p_adjusted, (tail.min(axis=(1, 2))[:, None, None] <= tail[0]).mean(axis=0))
    whole = differences(responses, images)
    np.testing.assert_allclose(whole.t.sel(label=list(shares)), observed, atol=1e-8)
    np.testing.assert_allclose(whole.eta2.sel(label=list(shares)), eta2, atol=1e-8)


def test_the_omnibus_p_of_few_images_is_that_of_all_arrangements():
    responses, images = study(np.random.default_rng(3), n_actors=3, n_images=2)
    shares, actor = image_shares(responses, images)
    values = []
    for names in sorted(set(itertools.permutations(actor))):
        moved = pd.Series(names, actor.index, name="actor")
        values.append((names != tuple(actor), slow_statistics(shares, moved)[1].mean()))
    values = np.array([value for _, value in sorted(values)])
    found = differences(responses, images, n_permutations=200)
    assert found.attrs["n_permutations"] == 89
    assert found.omnibus_p_value == pytest.approx(np.mean(values >= values[0] - 1e-9))
    assert found.omnibus_p_attainable == pytest.approx(1 / 15)


def test_under_free_permutation_the_mean_of_eta2_is_that_of_theory():
    responses, images = study(np.random.default_rng(4))
    found = differences(responses, images, n_permutations=1999)
    assert found.omnibus_null_mean == pytest.approx(5 / 23, abs=0.005)
    assert found.sizes["permutation"] == 1999


def test_shares_are_those_of_the_balanced_histogram():
    responses, images = study(np.random.default_rng(5))
    responses = responses.sample(frac=0.6, random_state=1)  # unequal numbers
    found = differences(responses, images)
    assert found.attrs["per_image"] == 0
    histogram = label_histogram(responses, images, rng=np.random.default_rng(0), n_resamples=100)
    expected = histogram.pivot_table(index="actor", columns="label", values="share")
    np.testing.assert_allclose(found.share.to_pandas()[list(expected)], expected)
    others = [expected.drop(index=actor).mean() for actor in expected.index]
    np.testing.assert_allclose(found.difference.to_pandas()[list(expected)], expected - np.array(others))


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 5), st.integers(2, 4), st.integers(1, 9), st.integers(0, 999))
def test_differences_sum_to_nothing_and_adjusted_p_is_never_below_p(n_actors, n_images, per_image, seed):
    found = differences(*study(np.random.default_rng(seed), n_actors=n_actors, n_images=n_images, per_image=per_image),
                   n_permutations=49)
    np.testing.assert_allclose(found.difference.sum("actor"), 0, atol=1e-9)
    known = ~np.isnan(found.p_value)
    assert (found.p_adjusted.where(known, 1) >= found.p_value.where(known, 1)).all()
    assert (found.p_value.where(known, 1) >= found.attrs["p_attainable"] - 1e-12).all()
    assert ((found.eta2.dropna("label") >= 0) & (found.eta2.dropna("label") <= 1)).all()
    assert (known == (found.reason == "")).all()


def test_the_order_of_responses_and_the_names_of_labels_do_not_matter():
    responses, images = study(np.random.default_rng(6))
    found = differences(responses, images)
    assert found.identical(differences(responses.sample(frac=1, random_state=1), images))
    names = dict(zip(sorted(responses["label"].unique()), "ABCDEF", strict=True))  # in the same order
    renamed = differences(responses.assign(label=responses["label"].map(names)), images)
    np.testing.assert_array_equal(renamed.p_adjusted, found.p_adjusted)


def test_actors_and_labels_without_responses_are_undefined_with_a_reason():
    responses, images = study(np.random.default_rng(7), n_actors=4)
    responses = responses[~responses["image"].str.startswith("a03")]
    found = differences(responses, images, labels=["ears", "never"])
    assert found.label.to_numpy()[:2].tolist() == ["ears", "never"]
    assert (found.reason.sel(actor="a03", label="ears") == "no responses").item()
    assert np.isnan(found[["share", "difference", "p_value", "p_adjusted"]].sel(actor="a03").to_array()).all()
    never = found.sel(label="never", actor=["a00", "a01", "a02"])
    assert (never.share == 0).all()
    assert np.isnan(never.p_value).all()
    assert (never.reason == "the label's share is the same on every image").all()
    assert np.isnan(found.eta2.sel(label="never"))
    assert found.attrs["family_size"] == 3 * (found.sizes["label"] - 1)
    assert found.n_images.to_numpy().tolist() == [4, 4, 4, 0]


def test_rare_labels_do_not_hide_a_frequent_one():
    """A label on one image has a t of the same size in every permutation: the largest raw |t| is never below that."""
    images = pd.DataFrame({"image": [f"a{k:02}/{i}" for k in range(30) for i in range(2)]})
    images["actor"] = images["image"].str[:3]
    shares = np.full((60, 3), 0.0)
    shares[:, 0] = np.random.default_rng(8).normal(0.5, 0.05, 60)
    shares[:2, 0] += 0.25  # the first actor's
    shares[10, 2] = 0.05  # somebody's own word, once
    shares[:, 1] = 1 - shares[:, 0] - shares[:, 2]
    exchange = exchangeability(images["actor"].tolist())
    batch = np.concatenate(list(permutations(exchange, 4999, np.random.default_rng(0))))
    raw = np.abs(_cells(shares, exchange, batch[:500]).t).max(axis=(1, 2))
    found = _cell_tests(shares, exchange, batch)
    t = _cells(shares, exchange, np.arange(60)[np.newaxis]).t[0]
    assert t[0, 0] < raw.min()  # by the largest raw |t|, its adjusted p would be 1
    assert found.p_adjusted[0, 0] < 0.05
    assert found.p_adjusted[5, 2] > 0.5


def test_numbers_of_responses_that_differ_between_actors_are_evened_out():
    responses, images = study(np.random.default_rng(9), per_image=lambda actor: 30 if actor % 2 else 4)
    found = differences(responses, images)
    assert found.attrs["per_image"] == 4
    assert found.attrs["counts_p_value"] <= 0.05
    assert (found.n_left_out == 0).all()
    np.testing.assert_allclose(found.share * 16, np.rint(found.share * 16), atol=1e-9)  # 4 images of 4 responses
    more = differences(responses, images, per_image=20)
    assert more.n_images.to_numpy().tolist() == [0, 4] * 3
    assert (more.reason.sel(actor="a00") == "no image with 20 responses").all()
    equal = differences(*study(np.random.default_rng(9)))
    assert equal.attrs["per_image"] == 0
    assert np.isnan(equal.attrs["counts_p_value"])


def test_every_actor_keeps_at_least_half_of_the_images():
    responses, images = study(np.random.default_rng(10), per_image=lambda actor: 20 if actor else 6)
    short = responses[responses["image"] == "a00/0"].index[1:]
    found = differences(responses.drop(index=short), images)
    assert found.attrs["per_image"] == 6
    assert found.n_left_out.to_numpy().tolist() == [1, 0, 0, 0, 0, 0]


def test_what_cannot_be_permuted_is_refused_with_the_reason():
    responses, images = study(np.random.default_rng(11), n_actors=3)
    with pytest.raises(InputError, match="no column 'image'"):
        differences(responses.assign(actor="a").drop(columns="image"), images)
    with pytest.raises(InputError, match="1 actor with responses"):
        differences(responses[responses["image"].str.startswith("a00")], images)
    with pytest.raises(InputError, match="one image with responses on each actor"):
        differences(responses[responses["image"].str.endswith("0")], images)
    with pytest.raises(InputError, match="shoot"):
        differences(responses, images, clusters="shoot")
    with pytest.raises(InputError, match="per_image"):
        differences(responses, images, per_image=13)
    with pytest.raises(InputError, match="two labels"):
        differences(responses, images.assign(shoot="one"), clusters="shoot")
