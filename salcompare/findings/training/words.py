"""Tables of the classifiers: accuracy, confusions and weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from salcompare.findings.controls import RANDOMISED
from salcompare.findings.training import ACCURACY, ACCURATE, EQUAL_ERROR
from salcompare.naming import PHOTOGRAPHS
from salcompare.printing import counted, interval, joined, number, percent
from salcompare.report.content import Section, classifier_table, ready_made
from salcompare.report.tables import PrintedTable, pick, plain_table, table_of
from salcompare.study_data import StudyData

_CAPTION = "n counts images; intervals are Wilson's."
REFERENCES = (
    "He, K., Zhang, X., Ren, S., & Sun, J. (2016). Deep residual learning for image recognition. CVPR, 770–778. "
    "doi:10.1109/CVPR.2016.90.",
    "King, D. E. (2017). High quality face recognition with deep metric learning. "
    "http://blog.dlib.net/2017/02/high-quality-face-recognition-with-deep.html.",
    "Maltoni, D., Maio, D., Jain, A. K., & Prabhakar, S. (2009). Handbook of Fingerprint Recognition (2nd ed.). "
    "Springer. doi:10.1007/978-1-84882-254-7.",
    "Miller, R. G. (1974). The jackknife – a review. Biometrika, 61, 1–15. doi:10.1093/biomet/61.1.1.",
)


def summary(data: StudyData) -> list[str]:
    """Say how often each classifier is right."""
    rows = pick(data.estimates, **ACCURATE.name)
    chance = 1 / data.images["actor"].nunique()
    said = [f"{row['source']}: {percent(row['value'])} of {number(row['n'])} test images "
            f"({interval(row, percents=1)}; chance {percent(chance)})."
            for _, row in rows.iterrows()]
    said += [text for settings in data.settings["classifier"] if (text := _verified(data, settings))]
    said += [f"{settings['name']}: the weights after the last iteration, which no validation image was asked about."
             for settings in data.settings["classifier"] if said and settings.get("keep") == "last"]
    for name, tables in data.classifiers.items():
        finetuned = tables["summary"].get("variants", tables["summary"]).get("finetuned", {})
        if finetuned.get("beats_frozen") is False:
            said.append(f"No iteration of {name}'s finetuning beat the frozen network on the validation images.")
    return said


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the tables of accuracy, confusions and weights."""
    yield table_of(ACCURACY, "Accuracy of the classifiers", _CAPTION, pick(data.estimates, statistic=ACCURACY),
                   ["source", "metric", "value", "ci_low", "ci_high", "n"])
    yield table_of(EQUAL_ERROR, "Equal error rates of verification", _VERIFICATION, pick(
        data.estimates, statistic=EQUAL_ERROR), ["source", "against", "form", "value", "ci_low",
                                                "ci_high", "n", "reason"])
    for name, tables in data.classifiers.items():
        yield plain_table(f"confusion_{name}", f"{name}: test images taken for another actor",
                          _wrong(tables["confusion"]))
        yield plain_table(f"weights_{name}", f"{name}: share of weights near zero, by layer", tables["weights"])


def _wrong(confusion: pd.DataFrame) -> pd.DataFrame:
    """Pick the images that a classifier took for another actor."""
    return confusion[(confusion["actor"] != confusion["predicted"]) & (confusion["n"] > 0)] if len(confusion) else (
        confusion)


_VERIFICATION = (
    "Verification tells pairs of photographs of one person from pairs of two by the Euclidean distance of their "
    "embeddings, what the network's new layers are given. Its equal error rate (Maltoni et al. 2009) is where as large "
    "a share of one person's pairs is missed as of two people's is taken for one; chance is 0.5. n counts people, who "
    "are left out one by one for the jackknife's interval of its logit (Miller 1974). A finetuned network has learnt "
    "the photographs of training and is asked about those of the test alone. "
    f"{RANDOMISED.capitalize()}: the same layers with weights drawn anew; photographs: grey levels of some 32 by 32 "
    "cells. Of more than 500 photographs the first of each actor are taken.")
_KEPT = {
    "best": "The iteration with the best validation accuracy is kept, for the finetuned network from iteration 1 on, "
            "so that it is never the frozen one again.",
    "last": "The weights after the last iteration are kept; no validation image was asked which are best."}


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say how the classifiers were trained."""
    if not data.classifiers:
        return []
    said = " ".join(text for settings in data.settings["classifier"] for text in (
        describe_classifier(settings), _verified(data, settings)) if text) + (
        " Batches are balanced over actors; the loss is the cross-entropy plus L2 times the sum of squared weights, "
        f"without biases; the optimiser is Adam. {_kept(data.settings['classifier'])} Accuracies are shares of images "
        "classified as their actor, with Wilson (1927) intervals. ")
    if data.get("verification") is not None:
        said += _VERIFICATION
    return [("Classifiers", said)]


def _kept(classifiers: Sequence[Mapping[str, Any]]) -> str:
    """Say which weights were kept, of which classifiers where they differ."""
    names = {keep: [one["name"] for one in classifiers if one.get("keep", "best") == keep] for keep in _KEPT}
    used = [keep for keep in _KEPT if names[keep]]
    if len(used) == 1:
        return _KEPT[used[0]]
    return " ".join(f"Of {joined(names[keep])}: {_KEPT[keep][0].lower()}{_KEPT[keep][1:]}" for keep in used)


def _verified(data: StudyData, settings: Mapping[str, Any]) -> str:
    """Say what a network is, if known, and its equal error rate: before training of all photographs, if it is there."""
    table = data.get("verification", pd.DataFrame(columns=["classifier"]))
    rows = table[table["classifier"] == settings["name"]]
    if rows.empty:
        return ""
    row = rows.fillna({"reason": ""}).iloc[0]
    named = row["source"] + (_KNOWN.get(settings["backbone"], "") if settings["weights"] != "none" else "")
    photographs = f"{row['images']:,} photographs of {row['people']:,} people"
    if math.isnan(row["value"]):
        return f"{named} has no equal error rate on these {photographs}: {row['reason']}."
    beside = rows[rows["form"] == row["form"]].set_index("source")["value"]
    return (f"{named} tells people apart with an equal error rate of {percent(row['value'], 2)} "
            f"({interval(row, percents=2)}) on these {photographs}; random weights {percent(beside[RANDOMISED])}, grey "
            f"levels {percent(beside[PHOTOGRAPHS])}.")


_KNOWN = {"dlib_resnet": (
    ", dlib's face network (trained by its author, Davis King, to tell people apart by some 3 million photographs of "
    "7,485 people, of FaceScrub, the VGG data set and the web; King 2017, after He et al. 2016),")}
"""What is known of a backbone's weights: who trained it, and on what."""


def describe_classifier(settings: Mapping[str, Any]) -> str:
    """Say what a classifier is and how it was trained, from its section of study.toml."""
    said = (f"{settings['name']}: {settings['backbone']} with weights '{settings['weights']}', then a layer of "
            f"{settings['hidden']} units, ReLU, dropout {number(settings['dropout'])} and a layer of the actors.")
    what = {"frozen": "new layers only", "finetuned": "all layers"}
    phases = [f"{variant} ({what[variant]}): {counted(settings[variant]['iterations'], 'iteration')} with "
              f"{counted(settings[variant]['per_class'], 'image')} of each actor, learning rate "
              f"{settings[variant]['learning_rate']:g}, L2 {settings[variant]['l2']:g}"
              for variant in settings["variants"]]
    seeds = settings.get("seeds", 1)
    again = f" It was trained {seeds} times, each time with a seed of its own." if seeds > 1 else ""
    linear = (" Finetuning's L2 leaves the convolutions out." if settings.get("l2_on", "all") == "linear"
              and "finetuned" in settings["variants"] else "")
    return f"{said} Trained {'; '.join(phases)}.{linear}{again}"


def section(data: StudyData, name: str) -> Section:
    """Describe a classifier on its page: what it is, and how well it knows the people."""
    confusion = data.classifiers.get(name, {}).get("confusion", pd.DataFrame())
    return Section("network", "The classifier", said=tuple(_described(data, name)), tables=(
        classifier_table(data, name, "accuracy", "Accuracy", _CAPTION, ACCURACY),
        classifier_table(data, name, "verification", "Verification", _VERIFICATION, EQUAL_ERROR),
        plain_table(f"confusion_{name}", "Test images taken for another actor", _wrong(confusion))))


def _described(data: StudyData, name: str) -> Iterator[str]:
    for settings in data.settings["classifier"]:
        if settings["name"] == name:
            yield " ".join(filter(None, (describe_classifier(settings), _verified(data, settings))))
            yield from _trained(data.classifiers[name]["summary"], settings)
    maps = data.get("precomputed_maps", {}).get(name)
    if maps:
        yield f"{ready_made(maps)} So no equal error rate can be told."


def _trained(summary: dict[str, Any], settings: dict[str, Any]) -> Iterator[str]:
    for variant, facts in summary.items():
        if isinstance(facts, dict) and "n_parameters" in facts:
            last = ", the last," if settings.get("keep") == "last" else ""
            yield (f"{variant.capitalize()}: {counted(facts['n_parameters'], 'parameter')}; iteration "
                   f"{facts['best_iteration']:,} of {facts['iterations']:,}{last} was kept; "
                   f"weights {facts['weights_sha256'][:16]}.")
    if settings.get("seeds", 1) > 1:
        yield f"Trained with {settings['seeds']} seeds; this page's maps are of the study's own seed unless said."
