"""Differences of label shares between actors: worked values, oracles, and reasons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.formula.api import ols
from statsmodels.stats.oneway import anova_oneway

from salcompare.errors import InputError
from salcompare.statistics.inference.permutation import exchangeability, permutations
from salcompare.statistics.labels.differences import SAME, label_differences
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


def slow_statistics(shares, actor):
    """t (actor, label), eta² and F2 (label), and F2 of all labels, by pandas, one actor at a time."""
    groups = {name: shares[actor == name] for name in sorted(actor.unique())}
    n, size = len(shares), {name: len(part) for name, part in groups.items()}
    ssb = sum(size[name] * (part.mean() - shares.mean()) ** 2 for name, part in groups.items())
    beside = sum((1 - size[name] / n) * part.var() for name, part in groups.items())
    eta2 = ssb / ((shares - shares.mean()) ** 2).sum()
    factor = {name: part.var().sum() for name, part in groups.items()}
    common = sum((size[name] - 1) * part.var() / factor[name] for name, part in groups.items()) / (n - len(groups))
    t = {}
    for name, part in groups.items():
        others = [other for other in groups if other != name]
        spread = factor[name] / size[name] + sum(factor[o] / size[o] for o in others) / len(others) ** 2
        t[name] = (part.mean() - sum(groups[o].mean() for o in others) / len(others)) / np.sqrt(common * spread)
    return pd.DataFrame(t).T.to_numpy(), eta2.to_numpy(), (ssb / beside).to_numpy(), ssb.sum() / beside.sum()


def test_eta2_and_f2_agree_with_statsmodels():
    responses, images = study(np.random.default_rng(1), n_actors=5)
    shares, actor = image_shares(responses, images)
    found = differences(responses, images)
    _, eta2, f2, _ = slow_statistics(shares, actor)
    for at, label in enumerate(shares):
        table = sm.stats.anova_lm(ols("share ~ actor", pd.DataFrame({"share": shares[label], "actor": actor})).fit())
        assert eta2[at] == pytest.approx(table["sum_sq"]["actor"] / table["sum_sq"].sum())
        assert found.eta2.sel(label=label) == pytest.approx(eta2[at], rel=1e-6)
        welch = anova_oneway(shares[label], actor, use_var="bf")
        assert f2[at] == pytest.approx(welch.statistic)


def test_p_values_are_those_of_scaling_and_rebuilding_the_table_for_every_permutation():
    responses, images = study(np.random.default_rng(2), n_actors=4, raised=[(1, 2, 0.4)])
    images = images.drop(index=[3, 7])  # ragged
    responses = responses[responses["image"].isin(images["image"])]
    shares, actor = image_shares(responses, images)
    found = differences(responses, images, n_permutations=99)
    rng = np.random.default_rng(0)
    batch = np.concatenate(list(permutations(exchangeability(actor.tolist()), 99, rng)))
    scale = np.sqrt(shares.groupby(actor).var().sum(axis=1)).loc[actor].to_numpy()[:, None]
    middle = shares.groupby(actor).mean().mean()
    z = (shares - middle) / scale
    drawn = [slow_statistics((z.iloc[row].set_axis(z.index) * scale), actor) for row in
             [np.arange(len(z)), *batch]]
    t = np.abs(np.round([one for one, *_ in drawn], 9))
    together = np.round([one[-1] for one in drawn], 9)
    labels = list(shares)
    assert found.omnibus_p_value == pytest.approx((together >= together[0]).mean())
    f2 = np.round([one[2] for one in drawn], 9)
    np.testing.assert_allclose(found.label_p_value.sel(label=labels), (f2 >= f2[0]).mean(axis=0))
    np.testing.assert_allclose(found.t.sel(label=labels), drawn[0][0], atol=1e-8)
    np.testing.assert_allclose(found.p_value.sel(label=labels), (t >= t[0] - 1e-6).mean(axis=0))
    np.testing.assert_allclose(found.omnibus_null_mean, np.mean([one[1].mean() for one in drawn[1:]]), atol=1e-8)
    # By definition: the share of arrangements whose most extreme cell, on its label's scale, is as extreme.
    tail = np.array([[[(t[..., k] >= value - 1e-6).mean() for k, value in enumerate(row)] for row in one] for one in t])
    expected = (tail.min(axis=(1, 2))[:, None, None] <= tail[0] + 1e-12).mean(axis=0)
    np.testing.assert_allclose(found.p_adjusted.sel(label=labels), expected)


def test_two_actors_of_two_images_by_hand():
    # Shares of eyes: a 1 and 1/2, b 0 and 1/2: means 3/4 and 1/4, variances 1/8, so F2 = (1/4) / (1/8) = 2 = t^2.
    found = differences(responses_of(("a/1", "eyes", 2), ("a/2", "eyes", 1), ("a/2", "nose", 1), ("b/1", "nose", 2),
                                     ("b/2", "eyes", 1), ("b/2", "nose", 1)), TWO)
    eyes = found.sel(label="eyes")
    assert eyes.share.to_numpy().tolist() == [0.75, 0.25]
    assert eyes.difference.to_numpy().tolist() == [0.5, -0.5]
    np.testing.assert_allclose(eyes.t, [np.sqrt(2), -np.sqrt(2)], atol=1e-8)
    assert eyes.eta2 == 0.5
    # Of the six arrangements of four images four have means 3/4 and 1/4, two have equal means.
    assert found.attrs["n_permutations"] == 5
    np.testing.assert_allclose(found.p_value, 4 / 6)
    np.testing.assert_allclose(found.p_adjusted, 4 / 6)
    assert found.omnibus_p_value == pytest.approx(4 / 6)
    assert found.omnibus_p_attainable == pytest.approx(1 / 3)
    assert found.attrs["family_size"] == 4


def test_actors_with_one_image_or_without_spread_take_no_part_and_say_so():
    responses, images = study(np.random.default_rng(3), n_actors=5)
    single = responses[~responses["image"].isin(["a04/1", "a04/2", "a04/3"])]
    flat = single[~single["image"].str.startswith("a03")]
    flat = pd.concat([flat, responses_of(*((f"a03/{k}", "eyes", 12) for k in range(4)))])
    found = differences(flat.drop(columns="worker"), images)
    assert found.n_left_out.to_numpy().tolist() == [0, 0, 0, 4, 1]
    assert (found.reason.sel(actor="a03") == "all its images have the same shares").all()
    assert (found.reason.sel(actor="a04") == "fewer than 2 images").all()
    assert found.share.sel(actor="a03", label="eyes") == 1
    alone = differences(flat[flat["image"].str[:3] < "a03"].drop(columns="worker"), images)
    assert found.omnibus_p_value == alone.omnibus_p_value


def test_rare_labels_do_not_hide_a_frequent_one():
    """A label on one image has much the same t in every permutation: it takes no part."""
    rng = np.random.default_rng(8)
    rows = []
    for k in range(20):
        for i in range(4):
            eyes = int(np.clip(rng.normal(50 + 20 * (k == 0), 4), 0, 94))
            rows += [(f"a{k:02}/{i}", "eyes", eyes), (f"a{k:02}/{i}", "nose", 95 - eyes),
                     (f"a{k:02}/{i}", "freckle" if (k, i) == (5, 0) else "nose", 5)]
    responses = responses_of(*rows)
    images = pd.DataFrame({"image": responses["image"].unique()}).assign(actor=lambda t: t["image"].str[:3])
    found = differences(responses, images, n_permutations=999)
    assert found.p_adjusted.sel(actor="a00", label="eyes") < 0.05
    assert (found.reason.sel(label="freckle") == SAME).all()


def test_under_free_permutation_the_mean_of_eta2_is_that_of_theory():
    responses, images = study(np.random.default_rng(4))
    found = differences(responses, images, n_permutations=1999)
    assert found.omnibus_null_mean == pytest.approx(5 / 23, abs=0.005)
    assert found.sizes["permutation"] == 1999


def test_shares_are_those_of_the_balanced_histogram():
    responses, images = study(np.random.default_rng(5))
    responses = responses.sample(frac=0.6, random_state=1)  # unequal numbers
    found = differences(responses, images)
    histogram = label_histogram(responses, images)
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
    assert (never.reason == SAME).all()
    assert np.isnan(found.eta2.sel(label="never"))
    assert found.attrs["family_size"] == 3 * (found.sizes["label"] - 1)
    assert found.n_images.to_numpy().tolist() == [4, 4, 4, 0]


def test_what_cannot_be_permuted_is_refused_with_the_reason():
    responses, images = study(np.random.default_rng(11), n_actors=3)
    with pytest.raises(InputError, match="no column 'image'"):
        differences(responses.assign(actor="a").drop(columns="image"), images)
    with pytest.raises(InputError, match="1 actor with 2 images or more"):
        differences(responses[responses["image"].str.startswith("a00")], images)
    with pytest.raises(InputError, match="0 actor with 2 images or more"):
        differences(responses[responses["image"].str.endswith("0")], images)
    with pytest.raises(InputError, match="shoot"):
        differences(responses, images, clusters="shoot")
    with pytest.raises(InputError, match="two labels"):
        differences(responses, images.assign(shoot="one"), clusters="shoot")
