"""How often the tests of label differences reject: where actors do not differ, and where they do."""

from __future__ import annotations

import numpy as np
from scipy import stats

from salcompare.statistics.labels.differences import label_differences
from tests.statistics.labels.simulated import LABELS, study

RUNS, LEVEL = 200, 0.05
MOST, FEWEST = stats.binom.ppf(0.999, RUNS, LEVEL), stats.binom.ppf(0.001, RUNS, LEVEL)


def rejections(rng, **design):
    """How often the omnibus and any cell reject."""
    found = np.zeros(2, int)
    for _ in range(RUNS):
        tests = label_differences(*study(rng, **design), rng=rng, n_permutations=99)
        found += [tests.omnibus_p_value <= LEVEL, (tests.p_adjusted <= LEVEL).any()]
    return found


def test_both_tests_hold_their_level_where_images_differ_and_actors_do_not():
    omnibus, any_cell = rejections(np.random.default_rng(0), taste=0.5)
    assert FEWEST <= omnibus <= MOST
    assert any_cell <= MOST


RAGGED = {"n_images": lambda actor: 2 if actor < 4 else 8, "per_image": lambda actor: 3 if actor < 4 else 24,
          "n_actors": 7}


def test_numbers_of_images_and_responses_keep_the_level_whatever_their_relation_to_actors():
    omnibus, any_cell = rejections(np.random.default_rng(2), **RAGGED)
    assert omnibus <= MOST
    assert any_cell <= MOST


def test_images_of_one_shoot_move_together():
    """Two shoots of three like images an actor: free permutation rejects nearly always, whole shoots do not."""
    rng, runs = np.random.default_rng(4), 60
    free = whole = 0
    for _ in range(runs):
        responses, images = study(rng, n_actors=12, n_images=1, concentration=6.0, per_image=90)
        parts = np.tile(np.arange(3), len(responses) // 3)  # each shoot's responses, dealt to three photographs
        images = images.assign(shoot=images["image"], actor="b" + (images.index // 2).astype(str))
        images = images.loc[images.index.repeat(3)].reset_index(drop=True)
        images["image"] += np.tile(["/0", "/1", "/2"], 12)
        responses = responses.assign(image=responses["image"] + "/" + parts.astype(str))
        options = {"rng": rng, "n_permutations": 99}
        free += label_differences(responses, images, **options).omnibus_p_value.item() <= LEVEL
        whole += label_differences(responses, images, clusters="shoot", **options).omnibus_p_value.item() <= LEVEL
    assert free >= 0.9 * runs
    assert whole <= stats.binom.ppf(0.999, runs, LEVEL)


def test_planted_labels_are_found_and_actors_without_are_not():
    rng, runs = np.random.default_rng(5), 40
    raised = [(0, 4, 0.3), (1, 5, 0.3), (2, 3, 0.35)]
    found, wrong, omnibus = np.zeros(3), 0, 0
    for _ in range(runs):
        tests = label_differences(*study(rng, n_actors=12, n_images=5, per_image=20, concentration=60.0, taste=0.3,
                                         raised=raised), rng=rng, n_permutations=199)
        stand_out = tests.p_adjusted.sel(label=LABELS) <= LEVEL
        found += [bool(stand_out[actor, label]) for actor, label, _ in raised]
        wrong += bool(stand_out[3:].any())
        omnibus += tests.omnibus_p_value.item() <= LEVEL
    assert omnibus == runs
    assert (found >= 0.8 * runs).all()
    assert wrong <= stats.binom.ppf(0.999, runs, LEVEL)
