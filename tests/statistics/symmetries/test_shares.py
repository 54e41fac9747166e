"""The difference of odd shares: a loop over pairs of boxes, workers' habits, shoots, and what is undefined."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from salcompare import rasterise_boxes
from salcompare.errors import InputError
from salcompare.maps import smooth
from salcompare.simulation.cases import IMAGE, SCENARIOS
from salcompare.simulation.studies import simulate_study
from salcompare.statistics.symmetries.shares import odd_share_difference
from tests.statistics.symmetries.simulated import odd_shares
from tests.strategies import stack_of_maps

SMALL = SCENARIOS[IMAGE].replace(n_actors=9, n_images=3, per_image=4, n_workers=9)


def drawn(seed, **changes):
    return simulate_study(SMALL.replace(**changes), rng=np.random.default_rng(seed))


def difference(study, responses=None, sigma=0.0, **options):
    given = study.responses if responses is None else responses
    return odd_share_difference(given, study.images, smooth(study.saliency, sigma=sigma), sigma=sigma, **options)


def slow_share(maps, image, worker, shoot):
    """The share over pairs of responses of one actor, one by one."""
    odd = even = 0.0
    count = {name: list(image).count(name) for name in image}
    for i, j in itertools.combinations(range(len(maps)), 2):
        if worker[i] == worker[j] or shoot[i] == shoot[j]:
            continue
        weight = 1 / count[image[i]] / count[image[j]]
        for sign in (-1, 1):
            one, other = (m + sign * m[:, ::-1] for m in (maps[i], maps[j]))
            energy = weight * (one * other).sum()
            odd, even = (odd + energy, even) if sign < 0 else (odd, even + energy)
    return odd / (odd + even)


@pytest.mark.parametrize("clusters", [None, "shoot"])
def test_shares_are_those_of_a_loop_over_pairs_of_different_images_and_workers(clusters):
    study = drawn(1, n_images=4)
    shoot = [f"{row.actor}{int(row.image.split('/')[1]) // 3}" for row in study.images.itertuples()]
    result = odd_share_difference(study.responses, study.images, study.saliency.assign_coords(
        shoot=("image", shoot)), sigma=0.0, clusters=clusters)
    responses = study.responses.assign(label=None)
    groups = dict(zip(study.images["image"], shoot if clusters else study.images["image"], strict=True))
    for actor in study.images["actor"].unique()[[0, 4]].tolist():
        rows = responses[responses["image"].str.startswith(f"{actor}/")]
        maps = [rasterise_boxes(rows.iloc[[at]], study.images, size=SMALL.grid).coverage.sel(
            image=rows["image"].iloc[at]).to_numpy() for at in range(len(rows))]
        expected = slow_share(maps, rows["image"].tolist(), rows["worker"].tolist(),
                              [groups[image] for image in rows["image"]])
        assert float(result.human.sel(actor=actor)) == pytest.approx(expected)
    assert float(result.value) == pytest.approx(float((result.human - result.classifier).mean()))
    assert float(result.value) == pytest.approx(float(result.one - result.other))


def test_maps_of_the_responses_give_what_their_boxes_do():
    study = drawn(2)
    rows = study.responses.reset_index(drop=True)
    maps = stack_of_maps(np.stack([rasterise_boxes(rows.iloc[[at]], study.images, size=SMALL.grid).coverage.sel(
        image=rows["image"][at]).to_numpy() for at in range(len(rows))]), ["a"] * len(rows))
    maps = maps.drop_vars(["image", "actor"]).rename(image="response").assign_coords(
        image=("response", rows["image"].to_numpy(object)), worker=("response", rows["worker"].to_numpy(object)),
        actor=("response", [name.split("/")[0] for name in rows["image"]]))
    np.testing.assert_allclose(difference(study, maps).human, difference(study).human, rtol=1e-5, atol=1e-7)


def test_a_habit_that_workers_keep_is_no_oddness_of_people():
    """The trap: a worker draws the same box at one side of every image; pairs of its boxes alone are odd."""
    study = drawn(3)
    left = study.responses["worker"].str[1:].astype(int) % 2 == 0
    width = float(study.images["width"].iloc[0])
    habit = study.responses.assign(x0=np.where(left, 0.1, 0.7) * width, x1=np.where(left, 0.3, 0.9) * width,
                                   y0=50.0, y1=90.0)
    maps = rasterise_boxes(habit, study.images, size=SMALL.grid).coverage
    naive = float(odd_shares(maps).mean())
    assert float(difference(study, habit).one) < naive - 0.05


def test_nothing_is_tested_of_a_difference_whose_test_rejects_too_often():
    assert not {"p_value", "ci_low"} & set(difference(drawn(4)))


def test_other_smoothing_and_responses_to_other_images_are_refused():
    study = drawn(5)
    with pytest.raises(InputError, match="smooth both with the same sigma"):
        odd_share_difference(study.responses, study.images, smooth(study.saliency, sigma=2.0), sigma=1.0)
    with pytest.raises(InputError, match="none to an image"):
        odd_share_difference(study.responses.iloc[:1], study.images, study.saliency[-1:], sigma=0.0)
