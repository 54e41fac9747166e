"""What actors, images and workers contribute, and the truth that is told of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from salcompare.config import Simulation
from salcompare.schema import LABELS
from salcompare.simulation import dirichlet_concentration, published_calibration, simulate_responses, typical_face
from salcompare.simulation.preferences import (
    CONTROLS_ORL,
    IMAGE_CONCENTRATION,
    RAISED_ORL,
    WORKER_CONCENTRATION,
    ActorPreference,
    draw_actor,
    draw_image,
    draw_worker,
    expected_laterality,
    population_shares,
    stream,
    worker_shares,
)
from tests.simulation.crowd import orl_photographs, other_photographs


def test_actors_spread_around_the_published_shares_with_the_published_concentration():
    actors = [draw_actor(f"a{k}", orl_actor="s02", seed=1) for k in range(600)]
    assert {actor.role for actor in actors} == {"drawn"}
    shares = np.array([actor.shares for actor in actors])
    expected, c = population_shares(), published_calibration().concentration
    error = np.sqrt(expected * (1 - expected) / (c + 1) / len(actors))
    assert (np.abs(shares.mean(axis=0) - expected) < 4 * error).all()
    rng = np.random.default_rng(0)
    counts = [rng.multinomial(600, share) for share in shares]
    assert dirichlet_concentration(counts) == pytest.approx(c, rel=0.1)


def test_images_spread_around_their_actor():
    actor = np.array([0.5, 0.3, 0.2] + [0.0] * 8)
    images = np.array([draw_image(f"i{k}", actor, seed=3) for k in range(2000)])
    variance = actor * (1 - actor) / (IMAGE_CONCENTRATION + 1)
    assert images.mean(axis=0) == pytest.approx(actor, abs=4 * np.sqrt(variance.max() / 2000))
    assert images.var(axis=0) == pytest.approx(variance, rel=0.15)


def test_workers_spread_around_the_image_with_the_planted_variance():
    image = population_shares()
    taste = np.random.default_rng(5).random((20_000, len(LABELS)))
    shares = worker_shares(image, taste)
    variance = image * (1 - image) / (WORKER_CONCENTRATION + 1)
    assert shares.sum(axis=1) == pytest.approx(1)
    assert (np.abs(shares.mean(axis=0) - image) < 4 * np.sqrt(variance / len(taste))).all()
    assert shares.var(axis=0)[LABELS.index("eyes")] == pytest.approx(variance[LABELS.index("eyes")], rel=0.05)


def test_a_worker_who_likes_a_label_more_names_it_more_on_every_image():
    tastes = np.full((2, len(LABELS)), 0.5)
    tastes[1, LABELS.index("lips")] = 0.9
    for image in (population_shares(), draw_image("i", population_shares(), seed=0)):
        low, high = worker_shares(image, tastes)[:, LABELS.index("lips")]
        assert high > low


def test_a_label_without_share_is_never_named():
    image = np.array([0.0, 1.0] + [0.0] * 9)
    assert worker_shares(image, np.full((1, 11), 0.999)).tolist() == [image.tolist()]


def test_controls_have_exactly_the_published_shares():
    for name in CONTROLS_ORL:
        actor = draw_actor("anyone", orl_actor=name, seed=8)
        assert actor.role == "control"
        assert actor.shares.tolist() == population_shares().tolist()


def test_a_raised_label_takes_its_part_of_the_responses_and_leaves_the_others_in_proportion():
    for name, (label, size) in RAISED_ORL.items():
        raised, plain = (draw_actor("anyone", orl_actor=who, seed=2) for who in (name, "s02"))
        expected = (1 - size) * plain.shares
        expected[LABELS.index(label)] += size
        assert raised.shares == pytest.approx(expected)


def test_no_actor_is_both_raised_and_a_control():
    assert not set(RAISED_ORL) & set(CONTROLS_ORL)


def test_in_other_studies_about_a_quarter_are_controls_and_a_quarter_raised():
    roles = [draw_actor(f"a{k}", orl_actor=None, seed=0).role for k in range(1000)]
    for role, share in (("control", 0.25), ("raised", 0.25), ("drawn", 0.5)):
        assert roles.count(role) / 1000 == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 1000))


def test_streams_belong_to_their_names_and_seed():
    first = stream(1, "image", "a/1").random()
    assert stream(1, "image", "a/1").random() == first
    others = [stream(2, "image", "a/1"), stream(1, "image", "a/2"), stream(1, "imagea", "/1"),
              stream(1, "image", "a", "/1")]
    assert first not in [other.random() for other in others]


def test_workers_habits_have_the_planted_spread():
    sizes = [np.log(draw_worker(f"w{k}", seed=0).size) for k in range(2000)]
    assert np.std(sizes) == pytest.approx(0.20, rel=0.06)


def only(label):
    return ActorPreference(np.array([float(name == label) for name in LABELS]), "drawn")


def test_truth_is_ready_for_json_and_says_what_is_simulated():
    images = orl_photographs("s05", "s37", "s02")
    truth = simulate_responses(images, Simulation(), seed=9).truth
    assert json.loads(json.dumps(truth)) == truth
    assert truth["simulated"] is True
    assert truth["seed"] == 9
    assert {name: actor["role"] for name, actor in truth["actors"].items()} == {
        "s02": "drawn", "s05": "control", "s37": "raised"}
    assert "classifier" in truth["not_planted"]
    assert {effect["kind"] for effect in truth["planted"]} == {
        "raised label", "control", "spread between actors", "spread between images", "laterality",
        "spread between workers"}
    assert all(effect["seen_as"] for effect in truth["planted"])


def test_the_populations_share_is_the_mean_over_actors():
    truth = simulate_responses(orl_photographs("s05", "s37", "s02"), Simulation(), seed=9).truth
    mean = np.mean([actor["label_share"]["beard"] for actor in truth["actors"].values()])
    assert truth["label_share"]["beard"] == pytest.approx(mean, abs=1e-6)


def test_laterality_of_cheeks_alone_by_hand():
    images = other_photographs(1, 1, height=227, width=227)
    faces = {images["image"][0]: typical_face(height=227, width=227)}
    actors = {images["actor"][0]: only("cheek")}
    # cheeks are 45 wide about 60 and 170, so each is on its side of 113.5: 0.65 left, 0.35 right
    assert expected_laterality(images, faces, actors, left_share=0.65) == pytest.approx(0.30)
    assert expected_laterality(images, faces, actors, left_share=0.5) == pytest.approx(0)


def test_laterality_of_noses_alone_by_hand():
    images = other_photographs(1, 1, height=227, width=227)
    faces = {images["image"][0]: typical_face(height=227, width=227)}
    # the nose's box is 62 wide about 118, from 87 to 149: 26.5 left of 113.5 and 35.5 right of it
    assert expected_laterality(images, faces, {images["actor"][0]: only("nose")}, left_share=0.65) == pytest.approx(
        (26.5 - 35.5) / 62)
