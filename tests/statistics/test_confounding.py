"""Shared workers: worked values, an independent count, what must not matter, and the rate of its test."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.simulation import cases
from salcompare.simulation.studies import simulate_study
from salcompare.statistics.confounding import CONFOUNDED, shared_workers

IMAGES = pd.DataFrame({"image": ["a1", "a2", "b1", "b2"], "actor": ["a", "a", "b", "b"], "group": ["g", "g", "h", "h"],
                       "shoot": ["s", "s", "t", "u"]})


def answers(*pairs):
    return pd.DataFrame([tuple(pair.split()) for pair in pairs], columns=["image", "worker"])


def measured(responses, images=IMAGES, **options):
    return shared_workers(responses, images, rng=np.random.default_rng(0), **options)


def test_pairs_of_one_worker_are_counted_within_and_between_actors():
    found = measured(answers("a1 v", "a1 w", "a2 v", "a2 w", "b1 w", "b2 x"))
    assert float(found.same) == pytest.approx((1 / 2 + 0) / 2)  # a1 and a2 share both of two workers, b1 and b2 none
    assert float(found.other) == pytest.approx((1 / 2 + 1 / 2 + 0 + 0) / 4)  # b1 shares its only worker with half
    assert float(found.excess) == pytest.approx(0.0)
    assert (int(found.n_images), int(found.n_actors), int(found.n_workers)) == (4, 2, 3)


def test_workers_of_one_actor_each_are_as_far_apart_as_can_be():
    nested = pd.DataFrame([(f"{actor}{k}", f"{actor}{w}") for actor in "abcd" for k in range(4) for w in range(3)],
                          columns=["image", "worker"])
    images = pd.DataFrame({"image": sorted(set(nested["image"]))}).assign(actor=lambda t: t["image"].str[0])
    found = measured(nested, images)
    assert float(found.same) == pytest.approx(1 / 3)
    assert float(found.other) == 0
    assert float(found.p_value) <= CONFOUNDED
    assert "33% come from one worker, of two actors 0%" in found.attrs["confounded"]


def test_workers_who_respond_to_all_images_are_not_confounded():
    images = pd.DataFrame({"image": [f"i{k}" for k in range(24)], "actor": [f"a{k // 4}" for k in range(24)]})
    crossed = pd.DataFrame([(i, w) for i in images["image"] for w in range(9)], columns=["image", "worker"])
    found = measured(crossed, images)
    assert float(found.same) == pytest.approx(1 / 9)
    assert float(found.p_value) == 1
    assert found.attrs["confounded"] == ""


def test_images_of_a_cluster_are_one_unit():
    found = measured(answers("a1 v", "a2 v", "b1 v", "b2 w"), clusters="shoot")
    assert float(found.same) == 0  # of b1 and b2; a1 and a2 are of one shoot
    assert float(found.other) == pytest.approx(1 / 2)


def test_one_image_of_each_actor_or_one_actor_has_no_measure():
    for responses in (answers("a1 v", "b1 v"), answers("a1 v", "a2 v")):
        found = measured(responses)
        assert np.isnan(found.same)
        assert np.isnan(found.p_value)
        assert found.attrs["reason"] == "fewer than two actors, or none with two images"


@given(st.integers(0, 10_000))
def test_the_measure_is_that_of_all_pairs_counted_one_by_one(seed):
    rng = np.random.default_rng(seed)
    images = pd.DataFrame({"image": list("abcdefg"), "actor": list("xxxyyzz")})
    responses = pd.DataFrame({"image": [*"abcdefg", *rng.choice(list("abcdefg"), 20)],
                              "worker": rng.choice(list("uvw"), 27)})
    workers = responses.groupby("image")["worker"].apply(list)
    actors = images.set_index("image")["actor"]
    pairs = {True: [], False: []}
    for one, other in combinations(images["image"], 2):
        pairs[actors[one] == actors[other]].append(
            np.mean([v == w for v in workers[one] for w in workers[other]]))
    found = measured(responses, images, n_permutations=9)
    assert float(found.same) == pytest.approx(np.mean(pairs[True]))
    assert float(found.other) == pytest.approx(np.mean(pairs[False]))
    shuffled = measured(responses.sample(frac=1, random_state=seed), images, n_permutations=9)
    assert float(shuffled.excess) == pytest.approx(float(found.excess))


def test_unknown_images_are_refused_by_name():
    with pytest.raises(InputError, match="image 'c1'"):
        measured(answers("a1 v", "c1 v"))


def test_workers_at_random_are_seldom_called_confounded_and_workers_of_actors_always():
    called = {}
    for name in (cases.IMAGE, cases.MANY_AND_FEW, cases.POOLS):
        called[name] = 0
        for seed in range(100):
            study = simulate_study(cases.SCENARIOS[name], rng=np.random.default_rng(seed))
            found = shared_workers(study.responses, study.images, rng=np.random.default_rng(seed), n_permutations=199)
            called[name] += bool(found.attrs["confounded"])
    assert called[cases.IMAGE] <= 6  # 1 expected; P(more) < 0.001
    assert called[cases.MANY_AND_FEW] <= 6
    assert called[cases.POOLS] == 100
