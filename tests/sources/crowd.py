"""Responses of careful workers, made by hand, that no rule takes out."""

from __future__ import annotations

import dataclasses

import pandas as pd

from salcompare.config import Quality
from salcompare.sources.quality import CHECKS, judge_responses

SIDE = 200
IMAGES = pd.DataFrame({"image": [f"a/{k}" for k in range(8)], "actor": "a", "split": "test", "height": SIDE,
                       "width": SIDE})
NO_CHECKS = pd.DataFrame(columns=list(CHECKS))


def careful(workers=("ann", "bob", "cem", "dee")):
    """One box by each worker on each image, each at another place, in 8 s or a little more."""
    rows = []
    for w, worker in enumerate(workers):
        for k, image in enumerate(IMAGES["image"]):
            x, y = 20 + 9 * k + 3 * w, 30 + 7 * k + 11 * w
            rows.append({"response": f"{worker}{k}", "worker": worker, "image": image, "label": "nose",
                         "x0": x, "y0": y, "x1": x + 40, "y1": y + 30, "seconds": 8.0 + k + w})
    return pd.DataFrame(rows).astype({"response": "str", "worker": "str", "image": "str", "label": "str"})


def checks(worker, *, right, wrong, label="nose", answered=None):
    """Instructed checks of a worker: so many with the target's very box, so many with one beside it."""
    target = [50, 50, 90, 90]
    beside = [100, 100, 140, 140]
    rows = [[worker, "a/0", answered or label, *box, label, *target]
            for box, times in ((target, right), (beside, wrong)) for _ in range(times)]
    return pd.DataFrame(rows, columns=list(CHECKS))


def judged(responses, given=NO_CHECKS, *, images=IMAGES, **settings):
    return judge_responses(responses, images, given, dataclasses.replace(Quality(), **settings), size=(SIDE, SIDE))


def only(rule, responses, given=NO_CHECKS, **settings):
    """Judge by one rule alone."""
    return judged(responses, given, rules=(rule,), **settings)


def out(found):
    """The responses that are left out."""
    return sorted(found.log["response"].unique().tolist())
