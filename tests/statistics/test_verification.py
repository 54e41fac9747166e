"""Verification: a worked value, scikit-learn's curve, properties, and dask equal to eager."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import brentq
from sklearn.metrics import roc_curve

from salcompare.errors import InputError
from salcompare.statistics import equal_error_interval, equal_error_rate, verification_scores


def pairs(scores, same):
    return xr.DataArray(np.asarray(scores, float), dims="pair"), xr.DataArray(np.asarray(same, bool), dims="pair")


def rate(scores, same):
    return float(equal_error_rate(*pairs(scores, same))["equal_error_rate"])


def test_a_rate_is_worked_by_hand():
    """From 4 on 1 of 4 are missed and 1 of 4 taken; with a fifth pair of two people between, the rates cross."""
    found = equal_error_rate(*pairs([9, 8, 4, 2, 5, 3, 2, 1], [1, 1, 1, 1, 0, 0, 0, 0]))
    assert found["equal_error_rate"] == 0.25
    assert found["threshold"] == 4
    assert found.attrs == {"n_same": 4, "n_other": 4}
    # missed 1/2, then 0, while 1/3 are taken: the line from (1/3, 1/2) to (1/3, 0) meets equality at 1/3
    assert rate([9, 4, 5, 3, 2], [1, 1, 0, 0, 0]) == pytest.approx(1 / 3)
    # one score for all: from (0, 1) to (1, 0)
    assert rate([1, 1, 1], [1, 0, 0]) == 0.5


scored = st.lists(st.tuples(st.integers(-6, 6), st.booleans()), min_size=2, max_size=60).filter(
    lambda drawn: len({same for _, same in drawn}) == 2)


@given(drawn=scored)
def test_it_is_where_scikit_learns_curve_meets_equal_errors(drawn):
    scores, same = zip(*drawn, strict=True)
    taken, hits, _ = roc_curve(same, scores, drop_intermediate=False)
    along = np.arange(len(taken))
    crossing = brentq(lambda at: 1 - np.interp(at, along, hits) - np.interp(at, along, taken), 0, along[-1])
    assert rate(scores, same) == pytest.approx(np.interp(crossing, along, taken), abs=1e-9)


@given(drawn=scored)
def test_it_depends_on_the_order_of_scores_alone_and_turns_with_it(drawn):
    scores, same = map(np.array, zip(*drawn, strict=True))
    found = rate(scores, same)
    assert 0 <= found <= 1
    assert rate(np.exp(scores / 3) - 5, same) == pytest.approx(found)
    assert rate(-scores, ~same) == pytest.approx(found)
    assert rate(-scores, same) == pytest.approx(1 - found)
    assert rate([*scores, *scores], [*same, *same]) == pytest.approx(found)


@given(drawn=scored)
def test_at_the_threshold_no_more_are_missed_than_taken_and_above_it_more_are(drawn):
    scores, same = map(np.array, zip(*drawn, strict=True))
    threshold = float(equal_error_rate(*pairs(scores, same))["threshold"])

    def excess(at):
        return (scores[same] < at).mean() - (scores[~same] >= at).mean()

    assert excess(threshold) <= 1e-12
    assert all(excess(score) > 0 for score in scores if score > threshold)


def test_no_pairs_of_a_kind_or_a_score_that_is_missing_leave_it_undefined():
    assert np.isnan(rate([1, 2], [1, 1]))
    assert np.isnan(rate([1, 2], [0, 0]))
    assert np.isnan(rate([1, np.nan], [1, 0]))
    undefined = equal_error_rate(*pairs([1, 2], [0, 0]))
    assert np.isnan(undefined["threshold"])
    assert undefined.attrs == {"n_same": 0, "n_other": 2}


def test_several_rows_of_scores_eager_and_dask_are_the_same():
    rng = np.random.default_rng(0)
    scores, same = xr.DataArray(rng.normal(size=(3, 2, 50)), dims=("source", "fold", "pair")), rng.random(50) < 0.3
    labels = xr.DataArray(same, dims="pair")
    eager = equal_error_rate(scores, labels)
    assert eager["equal_error_rate"].dims == ("source", "fold")
    assert eager["equal_error_rate"][1, 0] == rate(scores[1, 0], same)
    xr.testing.assert_identical(equal_error_rate(scores.chunk({"source": 1, "pair": 20}), labels).compute(), eager)


def test_scores_are_minus_the_distances_of_all_pairs():
    embeddings = xr.DataArray([[0.0, 0], [3, 4], [0, 1]], dims=("image", "feature"), coords={
        "image": ["a/1", "a/2", "b/1"], "actor": ("image", ["a", "a", "b"])})
    scores = verification_scores(embeddings)
    assert scores.values.tolist() == pytest.approx([-5, -1, -18 ** 0.5])
    assert scores["image"].values.tolist() == ["a/1", "a/1", "a/2"]
    assert scores["other"].values.tolist() == ["a/2", "b/1", "b/1"]
    assert scores["other_actor"].values.tolist() == ["a", "b", "b"]
    assert scores["same"].values.tolist() == [True, False, False]
    assert equal_error_rate(scores, scores["same"])["equal_error_rate"] == 1
    xr.testing.assert_identical(verification_scores(embeddings.T.chunk()), scores)


def test_what_is_no_embedding_and_what_is_no_truth_is_refused():
    values = xr.DataArray(np.zeros((2, 3)), dims=("image", "feature"), coords={"image": ["a", "b"]})
    with pytest.raises(InputError, match=r"embeddings: coordinates image; expected an actor for each image"):
        verification_scores(values)
    with pytest.raises(InputError, match=r"1 images; expected at least two"):
        verification_scores(values.assign_coords(actor=("image", ["a", "b"]))[:1])
    scores, same = pairs([1, 2], [1, 0])
    with pytest.raises(InputError, match=r"same: int64 of dims \('pair',\); expected a boolean"):
        equal_error_rate(scores, same.astype(int))


# The interval over people

def simulated(rng, people, *, between=1.6, unequal=False):
    """Embeddings of people with spreads of their own, four photographs each or two to six."""
    counts = rng.integers(2, 7, people) if unequal else np.full(people, 4)
    who = np.repeat(np.arange(people), counts)
    spread = np.exp(rng.normal(0, 0.3, people))[who, None]
    values = rng.normal(0, between, (people, 8))[who] + spread * rng.normal(size=(len(who), 8))
    return verification_scores(xr.DataArray(values, dims=("image", "feature"), coords={
        "image": [f"p{at}" for at in range(len(who))], "actor": ("image", [f"a{person}" for person in who])}))


def test_the_interval_is_the_jackknifes_of_the_logit():
    scores = simulated(np.random.default_rng(3), 9)
    found = equal_error_interval(scores)

    def logit_without(person):
        rest = scores[((scores.actor != person) & (scores.other_actor != person)).values]
        value = rate(rest.values, rest.same.values)
        return np.log(value / (1 - value))

    middle, without = logit_without("nobody"), np.array([logit_without(f"a{person}") for person in range(9)])
    half = stats.t.ppf(0.975, 8) * np.sqrt(8 / 9 * ((without - without.mean()) ** 2).sum())
    assert found["value"] == rate(scores.values, scores.same.values)
    assert found["ci_low"] == pytest.approx(1 / (1 + np.exp(half - middle)))
    assert found["ci_high"] == pytest.approx(1 / (1 + np.exp(-half - middle)))
    assert found.attrs == {"n": 9, "reason": ""}


@pytest.mark.parametrize("unequal", [False, True])
def test_intervals_hold_the_rate_of_all_people(unequal):
    rng = np.random.default_rng(5)
    truth = np.mean([rate(one.values, one.same.values) for one in (
        simulated(rng, 80, unequal=unequal) for _ in range(40))])
    intervals = [equal_error_interval(simulated(rng, 14, unequal=unequal)) for _ in range(240)]
    held = np.mean([float(one.ci_low) <= truth <= float(one.ci_high) for one in intervals])
    assert held >= 0.95 - 3.5 * (0.05 * 0.95 / 240) ** 0.5  # so many standard errors below


def test_few_people_or_no_errors_leave_the_interval_undefined_with_a_reason():
    few, perfect, one = (equal_error_interval(simulated(np.random.default_rng(1), people, between=between))
                         for people, between in ((7, 1.6), (10, 90), (1, 1)))
    scores = simulated(np.random.default_rng(1), 9)
    single = equal_error_interval(scores[~scores.same.values])
    assert 0 < few["value"] < 1
    assert perfect["value"] == 0
    assert np.isnan([one["value"], single["value"]]).all()
    for found, reason in (
            (few, "fewer than 8 people"), (perfect, "a rate of 0 or 1, of all or without one of the people"),
            (one, "photographs of one person alone"), (single, "one photograph of each person")):
        assert np.isnan(found["ci_low"])
        assert np.isnan(found["ci_high"])
        assert found.attrs["reason"] == reason
    with pytest.raises(InputError, match=r"scores: coordinates .*an actor for each pair"):
        equal_error_interval(simulated(np.random.default_rng(1), 8).drop_vars(["actor", "other_actor"]))
