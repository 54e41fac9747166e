"""What the report says of what maps are held against."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from salcompare.config.methods import methods_of_classifiers
from salcompare.config.sections import CALIBRATION_IMAGES
from salcompare.findings import controls as terms
from salcompare.findings.overlap import DISTANCE, OTHER_ACTOR, OTHER_IMAGE, OVERLAP, SAME_IMAGE
from salcompare.naming import PRIMARY, SMOOTHED, classifier_of, classifier_sources, network_of, within
from salcompare.printing import contrast, counted, difference, estimate, interval, joined, number, p_text
from salcompare.report.content import Section, classifier_table
from salcompare.report.tables import PrintedTable, one, pick, table_of
from salcompare.statistics import METRICS
from salcompare.study_data import StudyData

_SHOWN = {"metric": PRIMARY, "form": SMOOTHED, "level": "population"}
MOST_REASONS = 3
"""Sources at fault up to which the banner gives every difference."""
_NEW = {name: terms.new(name) for name in (terms.RANDOMISED, terms.SHUFFLED)}
"""What a source must lie above: not the mean of such networks, but a new one."""
NAMES = {terms.RANDOMISED: "a new network with random weights", terms.SHUFFLED: "a new network taught shuffled actors",
         terms.SOBEL: "the photographs' Sobel edges"}


@dataclass(frozen=True)
class _Rated:
    """A source's primary overlap with people, and by decisive control that it does not lie above the row, if any."""

    source: str
    value: float
    failed: dict[str, pd.Series[Any] | None]


def _control_rows(estimates: pd.DataFrame, source: str) -> dict[str, pd.Series[Any]]:
    """Rows of the primary overlap of a classifier less that of each control, by the control."""
    rows = {name: one(estimates, **_SHOWN, statistic=terms.DIFFERENCE, source=source, contrast=SAME_IMAGE,
                      against=_NEW.get(name, name)) for name in NAMES}
    return {name: row for name, row in rows.items() if row is not None}


def _rated(data: StudyData) -> list[_Rated]:
    """Hold every classifier's source with an overlap against the decisive controls, the main source first."""
    same = pick(data.estimates, **_SHOWN, statistic=OVERLAP, contrast=SAME_IMAGE)
    same = same[same["value"].notna() & same["source"].isin(classifier_sources(same["source"]))]
    values = {str(row["source"]): float(row["value"]) for _, row in same.iterrows()}
    rated = []
    for source in sorted(values, key=lambda name: name != data.main):
        rows = _control_rows(data.estimates, source)
        failed = {name: rows.get(name) for name in terms.DECISIVE if not (name in rows and rows[name]["ci_low"] > 0)}
        rated.append(_Rated(source, values[source], failed))
    return rated


def banners(data: StudyData) -> list[str]:
    """Warn, at the head of the summary, where overlaps with people are no evidence about the network."""
    return _no_evidence([each for each in _rated(data) if each.failed])


def _no_evidence(failed: Sequence[_Rated]) -> list[str]:
    """Name the sources whose overlaps are no evidence about their networks, and why; none where there are none."""
    if not failed:
        return []
    sources = joined([f"{each.source} ({number(each.value, 2)})" for each in failed])
    networks = {network_of(each.source) for each in failed}
    about = "this network" if len(networks) == 1 else "these networks"
    if len(failed) == 1:
        return [f"The overlap of people with {sources} is no evidence about {about}: {_why(failed[0])}."]
    said = _by_control(failed) if len(failed) > MOST_REASONS else _one_by_one(failed)
    return [f"The overlaps of people with {sources} are no evidence about {about}. {' '.join(said)}"]


def _one_by_one(failed: Sequence[_Rated]) -> list[str]:
    """Say of each source why it fails; those that were held against nothing at all need no sentence each."""
    unheld: dict[tuple[str, ...], list[str]] = {}
    said = []
    for each in failed:
        if all(row is None for row in each.failed.values()):
            unheld.setdefault(tuple(each.failed), []).append(each.source)
        else:
            said.append(f"{each.source}: {_why(each)}.")
    return said + [f"{joined(sources)} {'has' if len(sources) == 1 else 'have'} not been held against "
                   f"{joined([NAMES[name] for name in names])}." for names, sources in unheld.items()]


def _by_control(failed: Sequence[_Rated]) -> list[str]:
    """Say of each decisive control how many sources fail it in which way."""
    said = []
    for name in terms.DECISIVE:
        ways = Counter(_way(each.failed[name]) for each in failed if name in each.failed)
        counts = [f"{n} {way[n > 1]}" for way, n in sorted(ways.items())]
        said += [f"Of these {len(failed)}, {joined(counts)} that of {NAMES[name]}."] if counts else []
    return [*said, "Their differences, with intervals, stand on the page Classifiers side by side."]


def _way(row: pd.Series[Any] | None) -> tuple[str, str]:
    """Say of one source, and of several, how a difference fails."""
    if row is None:
        return "was not held against", "were not held against"
    if math.isnan(row["ci_low"]):
        return "has no interval of the difference from", "have no interval of the difference from"
    return ("lies below", "lie below") if row["ci_high"] < 0 else ("does not lie above", "do not lie above")


def _why(rated: _Rated) -> str:
    return "; ".join(_failing(name, row) for name, row in rated.failed.items())


def _failing(name: str, row: pd.Series[Any] | None) -> str:
    if row is None:
        return f"it has not been held against {NAMES[name]}"
    if math.isnan(row["ci_low"]):
        return f"its difference from {NAMES[name]}, {difference(row)}, has {interval(row)}"
    return f"it {_way(row)[0]} that of {NAMES[name]} (difference {estimate(row)})"


def summary(data: StudyData) -> list[str]:
    """Compare the overlap with that of maps that cannot know the people, and follow the maps as weights are lost."""
    source = data.main
    if source is None:
        return []
    said = [text for kind in NAMES for form in (SMOOTHED, terms.GIVEN)
            for text in _difference(data, source, kind, form)]
    sources = _rated(data)
    if said and all(each.source != source or not each.failed for each in sources):
        said.insert(0, "The overlap lies above both that of a new network with random weights and that of the "
                       "photographs' edges, so that it tells something of what this network has learnt.")
    return said + _others([each for each in sources if each.source != source]) + _curve(data, source)


def _others(sources: Sequence[_Rated]) -> list[str]:
    """Say which of the other sources lie above both decisive controls, and which do not."""
    said = []
    for failed, ways in ((False, ("lies", "lie")), (True, ("does not lie", "do not lie"))):
        names = [each.source for each in sources if bool(each.failed) == failed]
        if names:
            several = len(names) > 1
            said.append(f"The overlap{'s' * several} of people with {joined(names)} {ways[several]} above both "
                        "those of random weights and of Sobel edges.")
    return said


def _difference(data: StudyData, source: str, kind: str, form: str) -> Iterator[str]:
    """Say how a source's overlap differs from a control's; of networks, from their mean and from a new one."""
    row, new = (one(data.estimates, **{**_SHOWN, "form": form}, statistic=terms.DIFFERENCE, source=source,
                    contrast=SAME_IMAGE, against=against) for against in (kind, _NEW.get(kind, kind)))
    if row is None or new is None:
        return
    given = ", given the centre," if form == terms.GIVEN else ""
    way = "less" if row["value"] < 0 else "more"
    if kind == terms.SOBEL:
        yield contrast(row, f"{source}{given} agrees with people {way} than {NAMES[kind]} do")
        return
    what = "random weights" if kind == terms.RANDOMISED else "shuffled actors"
    from_new = "its difference from a new such network has no interval" if math.isnan(new["ci_low"]) else (
        f"of a new such network it differs by {interval(new)}")
    yield (contrast(row, f"{source}{given} agrees with people {way} than the mean of {number(new['n_resamples'])} "
                         f"networks with {what}").removesuffix(".")
           + f"; {from_new} ({p_text(new)} of agreeing more, by rank: at least 1/{number(new['n_resamples'] + 1)}).")


def _curve(data: StudyData, source: str) -> list[str]:
    rows = pick(data.estimates, **terms.CURVE.name, form="cascading", source=source)
    rows = rows[rows["value"].notna()]
    if len(rows) < 2:
        return []
    head, last = rows.iloc[0], rows.iloc[-1]
    return [f"With random weights in the head alone, {source}'s maps keep a rank correlation of "
            f"{number(head['value'], 2)} with what they were; with random weights throughout, "
            f"{number(last['value'], 2)}. Maps that stay alike do not show what the lost weights knew."]


_VALUES = ["value", "ci_low", "ci_high"]
_KEYS = ["metric", "form"]
_COLUMNS = ["source", "against", "contrast", *_KEYS, "better", "overlap", "overlap_of_control", *_VALUES, "p_value",
            "n", "reason"]
_ORDER = [terms.RANDOMISED, terms.new(terms.RANDOMISED), terms.SHUFFLED, terms.new(terms.SHUFFLED), terms.SOBEL]


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the tables of controls."""
    estimates = data.estimates
    yield _table(
        estimates, "overlap_controls", "Overlap with people beside that of controls",
        "Each classifier's overlap, that of maps that cannot know the people, and the paired difference (value) with "
        "its interval, on the images that both rest on, those that the control's networks explained. On the same image "
        "intervals are over workers too, whom all actors share. randomised "
        "network: the mean of such networks, interval over actors and networks; new randomised network: one that was "
        "not drawn, of which the classifier might be one; p is its rank among them, one-sided. Form \"given the "
        "centre\": partial correlation, a centred Gaussian taken out of both maps. Variants of one classifier whose "
        "networks are the same once all weights are random are held against the same ones. Here the primary metric of "
        "smoothed maps; the CSV has all.")
    yield table_of(
        "randomisation_similarity", "How like the network's maps those with randomised layers are",
        "Mean over randomisations, t intervals over them. cascading: these layers and all nearer to the head; "
        "independent: these alone. Maps that stay alike do not show what the lost weights knew.",
        pick(estimates, statistic=terms.LAYERED),
        ["source", "metric", "form", "against", *_VALUES, "n", "n_undefined", "reason"], folded=True)


def _table(estimates: pd.DataFrame, name: str, title: str, caption: str) -> PrintedTable:
    """Make a table of all agreement beside that of controls; printed is the primary metric of smoothed maps."""
    differences = pick(estimates, statistic=terms.DIFFERENCE, level="population")
    table = differences.rename(columns={"value_one": "overlap", "value_other": "overlap_of_control"}).assign(
        better=[METRICS[metric].better if metric in METRICS else "higher" for metric in differences["metric"]])
    order = [list(dict.fromkeys(table["source"])), [SMOOTHED, terms.GIVEN], _ORDER]
    rows = table.sort_values(["source", "form", "against"], kind="stable", key=lambda names: names.map(
        {name: at for names_of in order for at, name in enumerate(names_of)}))
    shown = ~rows["contrast"].isin([OTHER_IMAGE, OTHER_ACTOR]) & rows["metric"].isin([PRIMARY, DISTANCE])
    return table_of(name, title, caption, rows, _COLUMNS, shown=shown & rows["form"].isin([SMOOTHED, terms.GIVEN]))


EDGES = (
    "Two controls know no network: the magnitude of the Sobel filters on the photographs' luma, and a centred "
    "Gaussian, whose effects are 0 as it is the same on every image. The same tests are made of every control in the "
    "classifier's place. The classifier's value less the edges' is paired over images. Effects' differences have a "
    "t interval over actors and p, which exchanges both maps within actors. All actors share workers: the same "
    "image's have an interval over workers and actors, by the primary metric on smoothed maps, and other pairings and "
    "metrics none. Given the centre, correlations are partial: a centred Gaussian is taken out of both maps. ")
DECISION = (
    "Unless the difference of the primary metric lies above 0 for both a new randomised network and Sobel's edges, a "
    "source's overlap is called no evidence about the network, and an effect none of agreement. emd is left out of the "
    "controls for its cost.")


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say what the maps were held against, and how."""
    if data.people == "none" or not data.has_classifier:
        return []
    settings = data.settings["controls"]
    held = settings["classifiers"] != "none" and data.classifiers
    networks = _networks(settings, alone=_alone(data)) if held else ""
    return [("Controls", networks + EDGES + DECISION)]


def _alone(data: StudyData) -> bool:
    """Whether there is but one source, so that nothing is to be said of which others are held against what."""
    classifiers = data.settings["classifier"]
    methods = methods_of_classifiers(data.settings["attribution"], classifiers).values()
    return len(classifiers) == 1 and [len(names) for names in methods] == [1] and len(classifiers[0]["variants"]) == 1


def _sources(settings: dict[str, object]) -> str:
    """Say which overlaps are held against which networks."""
    whose = "every classifier" if settings["classifiers"] == "all" else "the first classifier"
    return (f"Networks with random weights are made of {whose} and explained by each of its attribution methods. Its "
            "variants are held against the same ones, as nothing of any variant is left in them; only where layers are "
            "drawn with the spread that their weights had does each variant have its own. Shuffled actors and the "
            "similarity curves are of the last variant and the main method. ")


def _networks(settings: dict[str, object], *, alone: bool) -> str:
    images = f"the same {settings['images']} test images of each actor" if settings["images"] else "all test images"
    return (
        "Some attributions hardly change when a network loses what it has learnt (Adebayo et al. 2018), so that an "
        f"overlap with people may say nothing of the network. {settings['randomisations']} networks have all weights "
        "drawn anew as their layers draw them at first; batch normalisations take their statistics from "
        f"{counted(CALIBRATION_IMAGES, 'photograph')}. {settings['shuffles']} more keep their layers but have a head "
        "trained on actors shuffled over the training photographs, with the settings of the frozen phase. Each "
        f"explains {images}, for the actor shown. Of all pairs of images, the classifier's values less each network's "
        "are averaged over networks and actors. Two questions are told apart: of the mean of such networks the squared "
        "standard error is s²/A + t²/R, with s over A actors (of the same image, over workers too) and t over R "
        "networks; of a new such network, of which "
        "the classifier might be one, s²/A + t²(1 + 1/R); both with Satterthwaite's degrees of freedom. Beside the "
        "latter p is the classifier's rank among the networks, at least 1/(R + 1). For the similarity curves, layers "
        f"of {settings['curve_networks']} networks are randomised in {settings['layers']} steps from the head down, "
        "cumulatively and each alone; maps are compared with the intact network's by Spearman's correlation and SSIM "
        f"(Wang et al. 2004; each map over its largest value) on {settings['curve_images']} photographs a "
        "randomisation, with t intervals over randomisations. " + ("" if alone else _sources(settings)))


def section(data: StudyData, name: str) -> Section:
    """Hold a classifier's overlap against its controls on its page, with a warning where it is no evidence."""
    of = data.estimates["source"].fillna("").map(classifier_of) == name
    table = _table(
        data.estimates[of], f"classifier_{name}_controls", "Overlap with people minus the same overlap of a control",
        "Unless the difference (value) to the randomised network and to Sobel edges lies above zero, the overlap is no "
        "evidence about this network. spread: its standard deviation over networks. The CSV has all metrics.")
    page = table.page.assign(source=within(table.page["source"], name))
    held = replace(table, printed=page[[column for column in page if page[column].notna().any()]])
    return Section(
        "controls", "Is it the network speaking?",
        said=tuple(_no_evidence([each for each in _rated(data) if each.failed and classifier_of(each.source) == name])),
        tables=(held, classifier_table(
            data, name, "randomisation", "Similarity of maps to the intact network's as layers are randomised", "",
            terms.LAYERED, folded=True)),
        absent="Controls (randomised networks, shuffled labels, edges) were not run for this classifier, so nothing "
               "here says whether its overlap with people is evidence about the network.")
