"""The stage of verification: how well each network's embedding tells the study's people apart."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from salcompare import store
from salcompare.findings.controls import RANDOMISED
from salcompare.findings.training import ALL, TEST_IMAGES
from salcompare.naming import PHOTOGRAPHS, network
from salcompare.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

    from salcompare.config import Classifier
    from salcompare.progress import Progress
    from salcompare.study import Study

MOST = 500
"""Photographs of one equal error rate: some 125,000 pairs."""
_CELLS = 32
"""Cells of a photograph's grey levels, each way, at least; up to half of twice as many."""


def verification_stages(study: Study) -> Iterator[Stage]:
    """Give the stage of each classifier that is trained here."""
    for classifier in study.config.classifier:
        yield Stage(f"verification {classifier.name}", (f"train {classifier.name}", "photographs"),
                    {"seed": study.config.study.seed}, partial(_verify, classifier=classifier),
                    outputs=(study.classifier_folder(classifier) / "verification.csv",))


def _verify(study: Study, fingerprint: str, progress: Progress, *, classifier: Classifier) -> None:  # noqa: ARG001
    import numpy as np
    import pandas as pd

    photographs = study.photographs()
    forms = {ALL: _first(photographs), TEST_IMAGES: _first(photographs.isel(image=photographs.split == "test"))}
    used = photographs.sel(image=photographs["image"].isin(np.concatenate([*forms.values()]))).load()
    rows = []
    for source, embeddings in _embeddings(study, classifier, used):
        for form, images in forms.items():
            if form == TEST_IMAGES or not source.endswith("/finetuned"):  # which has learnt the photographs of training
                against = network(classifier.name, classifier.variants[0]) if source == RANDOMISED else ""
                rows.append({"source": source, "against": against, "form": form,
                             **_rate(embeddings.sel(image=images))})
    store.write_table(study.classifier_folder(classifier) / "verification.csv", pd.DataFrame(rows))
    progress.say(f"  {len(rows)} equal error rates")


def _first(photographs: xr.DataArray) -> list[str]:
    """Name the first photographs of each actor, as many as `MOST` allows; of too many actors, evenly chosen ones."""
    images, actors = (photographs[name].to_numpy().astype(str) for name in ("image", "actor"))
    names = list(dict.fromkeys(actors.tolist()))
    names = names[::max(1, math.ceil(2 * len(names) / MOST))]
    return [str(image) for name in names for image in images[actors == name][:MOST // len(names)]]


def _embeddings(study: Study, classifier: Classifier, photographs: xr.DataArray) -> Iterator[tuple[str, xr.DataArray]]:
    """Describe photographs by each variant's embedding, by that of random weights, and by their grey levels."""
    import xarray as xr

    from salcompare.classifiers import embed, load_classifier
    from salcompare.classifiers.control_networks import all_layers, calibration_of, randomised
    from salcompare.classifiers.execution import one_thread

    trained = {variant: load_classifier(study.classifier_folder(classifier), variant)
               for variant in classifier.variants}
    for variant, one in trained.items():
        yield network(classifier.name, variant), embed(one, photographs)
    first = trained[classifier.variants[0]]
    with one_thread():
        drawn = randomised(first, all_layers(first), seed=study.config.study.seed, number=0,
                           calibration=calibration_of(photographs))
    yield RANDOMISED, embed(drawn, photographs)
    grey = photographs.astype("float32").mean("channel")
    cells = {dim: max(1, grey.sizes[dim] // _CELLS) for dim in ("y", "x")}
    values = grey.coarsen(cells, boundary="trim").mean().transpose("image", "y", "x").to_numpy()
    yield PHOTOGRAPHS, xr.DataArray(values.reshape(len(values), -1), dims=("image", "feature"),
                                    coords={name: photographs[name] for name in ("image", "actor")})


def _rate(embeddings: xr.DataArray) -> dict[str, object]:
    from salcompare.statistics import equal_error_interval, verification_scores

    facts = {"images": embeddings.sizes["image"], "people": len(set(embeddings["actor"].to_numpy().tolist()))}
    if embeddings.sizes["image"] < 2:
        return {**dict.fromkeys(("value", "ci_low", "ci_high"), math.nan), **facts, "pairs_of_one": 0,
                "pairs_of_two": 0, "reason": "fewer than two photographs"}
    scores = verification_scores(embeddings)
    result = equal_error_interval(scores)
    same = int(scores["same"].sum())
    return {**{name: float(result[name]) for name in ("value", "ci_low", "ci_high")}, **facts, "pairs_of_one": same,
            "pairs_of_two": scores.size - same, "reason": result.attrs["reason"]}
