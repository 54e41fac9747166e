"""The scenarios of calibration: small studies, so that thousands can be simulated, each with what it is, in words."""

from __future__ import annotations

from collections.abc import Mapping

from salcompare.simulation.geometry import published_geometry
from salcompare.simulation.scenario import Scenario, find_scenario

SMALL = {"grid": (16, 16), "n_workers": 40, "per_image": 10, "smoothness": 1.5}
ACTORS, IMAGES = 12, 5
RAGGED = (14, 11, 9, 8, 8, 6, 5, 4, 3, 2, 1, 1)
SHARED, IMAGE, UNEQUAL, RAGGED_COUNTS, FEW, SHOOTS, POSED, UNRELATED, LEFT, DEMO = (
    "shared geometry", "image effects only", "unequal spread", "ragged counts", "few actors", "shoots", "posed actors",
    "unrelated actors", "left preference", "demo")
NO_ACTOR_EFFECT = (SHARED, IMAGE, UNEQUAL, RAGGED_COUNTS, FEW)
"""Scenarios in which actors do not differ but, in one of them, in how much their images vary."""
SIZES = ("5 actors", "8 actors", "17 actors", "40 actors")
"""Scenarios with planted effects of actor and image, in which intervals are tried at four numbers of actors."""
ALIKE = "alike actors"
"""A scenario for intervals about given actors: as these do not differ, all actors have one truth."""
PLANTED = SIZES[2]

WORDS: Mapping[str, str] = {
    SHARED: "Twelve actors with five images each. All photographs show one face, boxes lie at its features, and the "
            "classifier's maps follow the same face with noise in every pixel. Neither actors nor images differ.",
    IMAGE: "As before, and each image has label shares, a pose and a classifier's map of its own; boxes and "
           "classifier move with the pose. Actors do not differ.",
    UNEQUAL: "Images differ, without pose, and they vary four times as much (in standard deviation) on the last actor "
             "as on the first. What is expected of the maps is the same for all actors.",
    RAGGED_COUNTS: "As image effects only, with " + ", ".join(map(str, RAGGED)) + " images of the twelve actors and 4 "
                   "to 16 responses to an image.",
    FEW: "As image effects only, with five actors.",
    SHOOTS: "As image effects only, with six images of each actor; three make a shoot and share their "
            "pose, label shares and the classifier's factors. Actors do not differ.",
    POSED: "As image effects only, and each actor holds the head in a way of its own: photographs, boxes and "
           "classifier move with it, and nothing else tells actors apart.",
    UNRELATED: "People and classifier both treat actors differently, each in a way of its own, and the classifier does "
               "not follow people in an image. Each actor belongs to one of two groups, which differ in nothing.",
    ALIKE: "As image effects only; for intervals that take the actors as given.",
    **{name: f"{name.capitalize()} with four images each. Actors differ, images differ, and the classifier follows "
             "people nine tenths of the way on the actor and on the image: the planted effects." for name in SIZES},
    LEFT: "As image effects only, with 17 actors, and all boxes of features that have a side (a cheek, a single eye) "
          "are on the viewer's left.",
    DEMO: "The demo study's model, estimated from the demo itself: forty actors with four images each, twenty "
          "responses to an image by 120 workers, and a classifier that shares the face and its pose with people and "
          "nothing else.",
}
"""What each scenario simulates."""


_EFFECTS = {"actor_spread": 0.1, "shared_actor": 0.9, "shared_image": 0.9, "noise": 0.7}


def _small(preset: str, name: str, **changes: object) -> Scenario:
    return find_scenario(preset).replace(name=name, **{"n_actors": ACTORS, "n_images": IMAGES, **SMALL, **changes})


SCENARIOS: Mapping[str, Scenario] = {
    SHARED: _small(SHARED, SHARED), IMAGE: _small(IMAGE, IMAGE), UNEQUAL: _small(UNEQUAL, UNEQUAL),
    RAGGED_COUNTS: _small(RAGGED_COUNTS, RAGGED_COUNTS, n_images=RAGGED, per_image=(4, 16)),
    FEW: _small(FEW, FEW, n_actors=5), SHOOTS: _small(SHOOTS, SHOOTS, n_images=6, per_shoot=3),
    POSED: _small(IMAGE, POSED, actor_shift=0.02),
    UNRELATED: _small("actor effects", UNRELATED, shared_actor=0.0, shared_image=0.0, image_shift=0.0, n_groups=2),
    ALIKE: _small(IMAGE, ALIKE),
    **{name: _small("actor effects", name, n_actors=int(name.split()[0]), n_images=4, **_EFFECTS) for name in SIZES},
    LEFT: _small(IMAGE, LEFT, n_actors=17, geometry=published_geometry(left_share=1.0)),
    DEMO: find_scenario("demo"),
}
"""By name, in the order of the page."""
FEWER = dict.fromkeys((ALIKE, *SIZES, LEFT, DEMO), 4)
"""Scenarios for coverage and power, of which one in so many studies is run: they need no bound as tight as tests do."""
