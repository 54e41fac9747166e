"""What estimates must recover, from the model that studies are drawn from."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from salcompare.simulation.preferences import stream
from salcompare.simulation.scenario import Scenario
from salcompare.simulation.studies import simulate_study

if TYPE_CHECKING:
    from salcompare.simulation.studies import SimulatedStudy

Values = NDArray[np.float64]
_BOXES = 100, 40  # images and responses that a place's expected coverage is the mean of
_MANY = 40, 40  # actors and images that the variance within actors is estimated from


def between_actor_share(study: SimulatedStudy) -> float:
    """Share of the variance of human maps that lies between the actors of a study, these actors taken as given.

    An actor's expected map is linear in its shares of the places; the expected coverage of each place, and the
    variance within actors, are simulated once for a scenario.
    """
    places, within = place_maps(study.scenario), _variance_within(study.scenario)
    expected = _with_favourites(study.scenario, study.truth.actor_shares) @ places
    between = float(expected.var(axis=0, ddof=1).sum())
    return between / (between + within)


def label_share(study: SimulatedStudy, label: str) -> Values:
    """Compute the share (actor,) of a label to be expected of any workers' responses to the images that a study has."""
    owner, geometry = study.truth.owner, study.scenario.geometry
    named = np.array([place.label == label for place in geometry.places], float)
    of_images = _with_favourites(study.scenario, study.truth.image_shares) @ named
    return np.asarray(np.bincount(owner, of_images) / np.bincount(owner))


@lru_cache(maxsize=16)
def place_maps(scenario: Scenario) -> Values:
    """Simulate the expected coverage (place, pixel) of a response at each place, poses included."""
    maps = []
    for number, place in enumerate(scenario.geometry.places):
        alone = dataclasses.replace(scenario.geometry, places=(dataclasses.replace(place, share=1.0),))
        settings = scenario.replace(n_actors=1, n_images=_BOXES[0], per_image=_BOXES[1], n_workers=10 * _BOXES[1],
                                    geometry=alone, per_shoot=1)
        drawn = simulate_study(settings, rng=stream(0, "place", scenario.name, str(number)))
        maps.append(drawn.human["coverage"].mean("image").values.ravel())
    return np.array(maps, float)


@lru_cache(maxsize=16)
def _variance_within(scenario: Scenario) -> float:
    """Simulate the variance of human maps within actors, summed over pixels."""
    settings = scenario.replace(n_actors=_MANY[0], n_images=_MANY[1])
    drawn = simulate_study(settings, rng=stream(0, "within", scenario.name))
    maps = drawn.human["coverage"].values.reshape(*_MANY, -1).astype(float)
    return float(maps.var(axis=1, ddof=1).sum(axis=-1).mean())


def _with_favourites(scenario: Scenario, shares: Values) -> Values:
    return (1 - scenario.favourite) * shares + scenario.favourite * scenario.geometry.shares


@lru_cache(maxsize=16)
def expected_laterality(scenario: Scenario) -> float:
    """Compute the laterality of the human heatmap to be expected, viewer's left, in [-1, 1]."""
    heatmap = (scenario.geometry.shares @ place_maps(scenario)).reshape(scenario.grid)
    half = scenario.grid[1] // 2
    left, right = heatmap[:, :half].sum(), heatmap[:, scenario.grid[1] - half:].sum()
    return float((left - right) / (left + right))


@lru_cache(maxsize=16)
def population_share(scenario: Scenario) -> float:
    """Compute the share of the variance of human maps that lies between actors, of all that could be drawn."""
    shares, maps = scenario.geometry.shares, place_maps(scenario)
    spread = scenario.actor_spread * (np.diag(shares) - np.outer(shares, shares))  # of the Dirichlet
    between = (1 - scenario.favourite) ** 2 * float(np.trace(maps.T @ spread @ maps))
    return between / (between + _variance_within(scenario))
