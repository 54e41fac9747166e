"""Sentences that captions share."""

import pandas as pd

from salcompare.figures.figure import interval

NAN = float("nan")


def estimates(**columns):
    return pd.DataFrame({"ci_low": [0.1], "ci_high": [0.2], "resampled": ["actors"], "n_resamples": [9999.0],
                         "reason": [""], **{name: [value] for name, value in columns.items()}})


def test_the_resamples_of_an_interval_are_counted():
    drawn = estimates(ci_method="percentile", resampled="workers", n_resamples=2000.0, p_value=NAN, p_attainable=NAN)
    assert interval(drawn) == "95% percentile bootstrap intervals over workers (2,000 resamples)"
    assert interval(drawn.drop(columns=["p_value", "p_attainable"])) == interval(drawn)


def test_the_permutations_of_a_test_are_not_read_as_resamples_of_its_interval():
    tested = estimates(ci_method="t", p_value=0.01, p_attainable=1e-4)
    assert interval(tested) == "95% t intervals over actors"
    undefined = estimates(ci_method="jackknife", p_value=NAN, p_attainable=1e-4)
    assert interval(undefined) == "95% jackknife intervals over actors"


def test_tested_and_untested_estimates_with_the_same_interval_are_one_kind():
    both = pd.concat([estimates(ci_method="t", p_value=0.01), estimates(ci_method="t", p_value=NAN, n_resamples=NAN)])
    assert interval(both) == "95% t intervals over actors"


def test_why_there_is_no_interval_is_said_only_where_it_is_so_for_all():
    few = estimates(ci_low=NAN, ci_method=NAN, reason="3 actors")
    assert interval(pd.concat([few, few])) == "no interval (3 actors)"
    assert interval(pd.concat([few, estimates(ci_low=NAN, ci_method=NAN, reason=NAN)])) == "no interval"
