"""Sentences that captions share, and the photograph that stands for an actor."""

import numpy as np
import pandas as pd

from salcompare.faces import SCHEMES, make_landmarks
from salcompare.figures.figure import interval, most_typical, typical_photographs, typical_words
from tests.figures.tiny import tiny

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


FACE = np.array([[1, 1], [3, 1], [2, 2], [1, 3], [3, 3.0]])
NARROW = FACE * (0.5, 1)


def with_landmarks(*faces):
    data = tiny()
    return data.replace(landmarks=make_landmarks(np.array(faces), data.images["image"].tolist(), SCHEMES["five"],
                                                 source="here"))


def test_the_photograph_of_an_actor_is_the_nearest_to_the_mean_shape_of_all():
    data = with_landmarks(NARROW, FACE, FACE, FACE, FACE * NAN, 2 * FACE + 1)
    assert typical_photographs(data, ["s03", "Ada Adams", "nobody"]) == {"s03": "s03/2", "Ada Adams": "Ada Adams/2"}
    held = data.replace(human=data.human.isel(image=[0, 2, 3, 4, 5]))
    assert typical_photographs(held, ["Ada Adams"]) == {"Ada Adams": "Ada Adams/1"}    # the only one with both maps
    assert "all faces" in typical_words(data)


def test_without_shapes_it_is_the_nearest_in_pixels_to_their_mean():
    data = tiny(landmarks=None)
    names = data.images["image"].tolist()[:3]
    data.photographs[1] = data.photographs[0] // 2 + data.photographs[2] // 2
    for bare in (data, data.replace(photographs=data.photographs.chunk(image=1)),
                 data.replace(landmarks=with_landmarks(*[FACE * NAN] * 6).landmarks)):
        assert most_typical(bare, [names]) == [names[1]]
    assert typical_photographs(data, ["s03"]) == {"s03": "s03/1"}              # of two the first: both are as near
    assert "in pixels" in typical_words(data)
