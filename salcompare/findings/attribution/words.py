"""Methods of attribution: how each makes its maps, with the choices that were made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from salcompare.config import Attribution, method_of, smoothed
from salcompare.config.methods import SMOOTHED, methods_of_classifiers
from salcompare.printing import number, percent
from salcompare.report.content import Section
from salcompare.study_data import StudyData

_KEPT = {"positive": "what speaks for the actor is kept", "negative": "what speaks against the actor is kept",
         "absolute": "absolute values are kept"}
_BASELINE = {"mean": "the photograph's mean colour"}


def attributions(settings: Mapping[str, Any], classifiers: Sequence[Mapping[str, Any]] = ()) -> str:
    """Say how the maps of every method were made, and where classifiers have methods of their own, who has which.

    ``settings`` are the section [attribution] of study.toml, ``classifiers`` the sections [[classifier]].
    """
    options = Attribution(**{**settings, "methods": tuple(settings["methods"])})
    named = methods_of_classifiers(settings, classifiers) or {"": options.methods}
    methods = dict.fromkeys(method for names in named.values() for method in names)
    said = " ".join(_method(method, options) for method in methods)
    who = " The actor explained is the one that the network predicts." if options.target == "predicted" else ""
    return said + who + _main(named)


def _main(methods: Mapping[str, tuple[str, ...]]) -> str:
    """Name the main method, or where classifiers differ, the methods of each."""
    if len(set(methods.values())) > 1:
        listed = "; ".join(f"{name}: {', '.join(map(_named, of))}" for name, of in methods.items())
        return f" Each classifier is explained by methods of its own, its main one first: {listed}."
    first = next(iter(methods.values()))
    return f" The main method, of which figures and summary speak, is {_named(first[0])}." if len(first) > 1 else ""


def _method(method: str, options: Attribution) -> str:
    declared = method_of(method)
    layer = f"the output of {options.layer}" if options.layer else "the last layer's output that is still a map"
    said = (SMOOTHED if smoothed(method) else "") + declared.sentence
    said = said.format(output=options.output, steps=options.steps, samples=options.samples,
                       noise=percent(options.noise, 0), window=percent(options.window, 0),
                       stride=percent(options.stride, 0), layer=layer,
                       baseline=_BASELINE.get(options.baseline, options.baseline))
    kept = _KEPT[options.sign_of(method)] if "sign" in options.choices(method) else ""
    channels = "" if declared.one_channel else f"channels are reduced by their {options.channels}"
    return "; ".join(part for part in (said, kept, channels) if part) + "."


def _named(method: str) -> str:
    return method.replace("_", " ")


def _prepared(maps: Mapping[str, Any], width: int) -> str:
    return (f"A mask is the top {percent(maps['mask_share'], 0)} of a map's pixels, exactly; an actor's heatmap is the "
            "mean of its test images' masks. Smoothed maps are convolved with a Gaussian of standard deviation "
            f"{number(maps['sigma'] * width)} pixels.")


def methods(data: StudyData) -> Iterator[tuple[str, str]]:
    """Say how the classifiers' maps were made, and what was done with ready-made ones."""
    settings, precomputed = data.settings, data.get("precomputed_maps", {})
    prepared = _prepared(settings["maps"], settings["study"]["size"][1])
    if data.classifiers:
        yield "Classifier maps", f"{attributions(settings['attribution'], settings['classifier'])} {prepared}"
    if precomputed:
        names = " ".join(f"{name}: {maps['n_maps']:,} maps, method '{maps['method']}'."
                         for name, maps in precomputed.items())
        yield "Ready-made classifier maps", (
            f"{names} They were taken as they are, not trained or computed here, and brought to the grid where they "
            f"are of another size. {prepared}")


def section(data: StudyData, name: str) -> Section:  # noqa: ARG001 - as every finding's
    """Show a classifier's maps on its page."""
    return Section("maps", "Maps")
