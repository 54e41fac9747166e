"""Cases of calibration that are wrong on purpose, one that is right, and a small world to try them in."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from salcompare.planning import Scenario
from salcompare.simulation.cases import Case, Check, Outcome
from salcompare.statistics import t_interval, variance_explained

NULL = Scenario("null", n_actors=8, n_images=4, n_workers=20, per_image=8, grid=(8, 8), image_spread=0.3,
                classifier_image=0.7)
PLANTED = NULL.replace(name="planted", actor_spread=0.3, classifier_actor=1.5)
SCENARIOS = {"null": NULL, "planted": PLANTED}


def right(study, rng):
    """Images with all their pixels are exchanged."""
    return {"right": Outcome(float(variance_explained(study.saliency, rng=rng, n_permutations=99)["p_value_free"]))}


def permuting_tasks(study, rng):
    """Do actors differ in their labels? Responses are permuted one by one, though those to one image are alike."""
    actor = study.images.set_index("image")["actor"].loc[study.responses["image"]].to_numpy()
    codes, labels = (pd.factorize(values)[0] for values in (actor, study.responses["label"].to_numpy()))
    shape = codes.max() + 1, labels.max() + 1

    def spread(labels):
        table = np.bincount(codes * shape[1] + labels, minlength=shape[0] * shape[1]).reshape(shape)
        return ((table - table.mean(axis=0)) ** 2).sum()

    null = [spread(rng.permutation(labels)) for _ in range(99)]
    return {"permuting tasks": Outcome((1 + sum(draw >= spread(labels) for draw in null)) / 100)}


def pixel_t_test(study, rng):
    """Is one half of the actors more salient than the other? Pixels are counted as replicates."""
    maps = study.saliency.to_numpy().reshape(len(study.images), -1)
    half = study.truth.owner < study.scenario.n_actors // 2
    return {"pixels as replicates": Outcome(float(stats.ttest_ind(maps[half].ravel(), maps[~half].ravel()).pvalue))}


def narrow_interval(study, rng):
    """An interval of half its width: of the mean over images of the maps' peaks."""
    peaks = study.human["coverage"].max(("y", "x")).to_numpy()
    found = t_interval(peaks, resampled="images")
    middle, half = peaks.mean(), (found.high - found.low) / 4
    return {"too narrow": Outcome(float("nan"), middle, middle - half, middle + half)}


_NULL = "Actors do not differ."
RIGHT = Case("right", right, (Check("right", "test", _NULL, ("null",), ("planted",)),))
BROKEN = (
    Case("tasks", permuting_tasks, (Check("permuting tasks", "test", _NULL, ("null",)),)),
    Case("pixels", pixel_t_test, (Check("pixels as replicates", "test", _NULL, ("null",)),)),
    Case("narrow", narrow_interval, (Check("too narrow", "interval", "The mean over many studies.", ("null",)),)),
)


class Killed:
    """Calls a case's measure until it has been called so often, then interrupts, once."""

    def __init__(self, measure, after: int, flag: Path):
        self.measure, self.left, self.flag = measure, after, flag

    def __call__(self, study, rng):
        self.left -= 1
        if self.left < 0 and not self.flag.exists():
            self.flag.touch()
            raise KeyboardInterrupt
        return self.measure(study, rng)
