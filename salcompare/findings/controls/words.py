"""What the report says of what maps are held against."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from math import nan
from typing import TYPE_CHECKING, Any

from salcompare.findings.attribution.words import methods_of_classifiers
from salcompare.findings.controls import LAYERED
from salcompare.naming import classifier_of, classifier_sources, network_of
from salcompare.printing import contrast, difference, estimate, interval, joined, number
from salcompare.report.content import Section, classifier_table
from salcompare.report.tables import PrintedTable, one, pick, table_of
from salcompare.statistics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from salcompare.study_data import StudyData


RANDOMISED, SHUFFLED, SOBEL, GRADIENT = "randomised network", "shuffled labels", "sobel", "photograph gradient"
DECISIVE = (RANDOMISED, SOBEL)
"""What an overlap must lie above to be evidence about the network."""
MOST_REASONS = 3
"""Sources at fault up to which the banner gives every difference."""
NAMES = {RANDOMISED: "the same network with random weights", SHUFFLED: "the network taught shuffled actors",
         SOBEL: "the photographs' Sobel edges", GRADIENT: "the photographs' own gradient"}


@dataclass(frozen=True)
class Judged:
    """A source's overlap with people, and which of the decisive controls it is not shown to lie above.

    Attributes
    ----------
    source : str
    value : float
        The primary overlap.
    failed : mapping of str to Series or None
        By control: the difference's row, None where there is none.
    """

    source: str
    value: float
    failed: dict[str, pd.Series[Any] | None]


def control_rows(estimates: pd.DataFrame, source: str) -> dict[str, pd.Series[Any]]:
    """Rows of the primary overlap of a classifier less that of each control, by the control."""
    found = {name: one(estimates, statistic="overlap_control", metric="pearson", form="smoothed", level="population",
                       source=source, against=name) for name in NAMES}
    return {name: row for name, row in found.items() if row is not None}


def is_above(row: pd.Series[Any] | None) -> bool:
    """Whether a difference's interval lies above 0."""
    return row is not None and not math.isnan(row["ci_low"]) and row["ci_low"] > 0


def judged(data: StudyData) -> list[Judged]:
    """Hold every classifier's source with an overlap against the decisive controls, the main source first."""
    same = pick(data.estimates, statistic="overlap", metric="pearson", form="smoothed", level="population",
                contrast="same image")
    same = same[same["value"].notna() & same["source"].isin(classifier_sources(same["source"]))]
    values = {str(row["source"]): float(row["value"]) for _, row in same.iterrows()}
    found = []
    for source in sorted(values, key=lambda name: name != data.main):
        rows = control_rows(data.estimates, source)
        found.append(Judged(source, values[source], {
            name: rows.get(name) for name in DECISIVE if not is_above(rows.get(name))}))
    return found


def banners(data: StudyData) -> list[str]:
    """Warn, at the head of the summary, where overlaps with people are no evidence about the network."""
    return no_evidence([each for each in judged(data) if each.failed])


def no_evidence(failed: Sequence[Judged]) -> list[str]:
    """Name the sources whose overlaps are no evidence about their networks, and why; none where there are none."""
    if not failed:
        return []
    sources = joined([f"{each.source} ({number(each.value, 2)})" for each in failed])
    networks = {network_of(each.source) for each in failed}
    about = "this network" if len(networks) == 1 else "these networks"
    if len(failed) == 1:
        return [f"The overlap of people with {sources} is no evidence about {about}: {_why(failed[0])}."]
    if len(failed) > MOST_REASONS:
        return [f"The overlaps of people with {sources} are no evidence about {about}. {' '.join(_by_control(failed))} "
                "Their differences, with intervals, stand on the page Classifiers side by side."]
    unheld: dict[tuple[str, ...], list[str]] = {}  # what was held against nothing at all needs no sentence each
    said = []
    for each in failed:
        if all(row is None for row in each.failed.values()):
            unheld.setdefault(tuple(each.failed), []).append(each.source)
        else:
            said.append(f"{each.source}: {_why(each)}.")
    said += [f"{joined(names)} {'has' if len(names) == 1 else 'have'} not been held against "
             f"{joined([NAMES[name] for name in summary])}." for summary, names in unheld.items()]
    return [f"The overlaps of people with {sources} are no evidence about {about}. {' '.join(said)}"]


def _by_control(failed: Sequence[Judged]) -> list[str]:
    """Say of each decisive control how many sources fail it in which way."""
    said = []
    for name in DECISIVE:
        ways = Counter(_way(each.failed[name]) for each in failed if name in each.failed)
        counts = [f"{n} {way[n > 1]}" for way, n in sorted(ways.items())]
        said += [f"Of these {len(failed)}, {joined(counts)} that of {NAMES[name]}."] if counts else []
    return said


def _way(row: pd.Series[Any] | None) -> tuple[str, str]:
    """Say of one source, and of several, how a difference fails."""
    if row is None:
        return "was not held against", "were not held against"
    if math.isnan(row["ci_low"]):
        return "has no interval of the difference from", "have no interval of the difference from"
    return ("lies below", "lie below") if row["ci_high"] < 0 else ("does not lie above", "do not lie above")


def _why(one_source: Judged) -> str:
    return "; ".join(_failing(name, row) for name, row in one_source.failed.items())


def _failing(name: str, row: pd.Series[Any] | None) -> str:
    if row is None:
        return f"it has not been held against {NAMES[name]}"
    if math.isnan(row["ci_low"]):
        return f"its difference from {NAMES[name]}, {difference(row)}, has {interval(row)}"
    way = "lies below" if row["ci_high"] < 0 else "does not lie above"
    return f"it {way} that of {NAMES[name]} (difference {estimate(row)})"


def summary(data: StudyData) -> list[str]:
    """Compare the overlap with that of maps that cannot know the people, and follow the maps as weights are lost."""
    source = data.main
    if source is None:
        return []
    said = [contrast(row, f"{source} agrees with people {'less' if row['value'] < 0 else 'more'} than {NAMES[name]}")
            + _spread(data, source, name) for name, row in control_rows(data.estimates, source).items()]
    sources = judged(data)
    if said and all(each.source != source or not each.failed for each in sources):
        said.insert(0, "The overlap lies above both that of the network with random weights and that of the "
                       "photographs' edges, so that it tells something of what this network has learnt.")
    return said + _others([each for each in sources if each.source != source]) + _curve(data, source)


def _others(sources: Sequence[Judged]) -> list[str]:
    """Say which of the other sources lie above both decisive controls, and which do not."""
    above = [each.source for each in sources if not each.failed]
    below = [each.source for each in sources if each.failed]
    said = []
    if above:
        said.append(f"The overlap{'' if len(above) == 1 else 's'} of people with {joined(above)} "
                    f"{'lies' if len(above) == 1 else 'lie'} above both those of random weights and of Sobel edges.")
    if below:
        said.append(f"The overlap{'' if len(below) == 1 else 's'} of people with {joined(below)} "
                    f"{'does' if len(below) == 1 else 'do'} not lie above both.")
    return said


def _spread(data: StudyData, source: str, name: str) -> str:
    row = one(data.estimates, statistic="control_spread", metric="pearson", form="smoothed", level="population",
              source=source, against=name)
    if row is None or math.isnan(row["value"]):
        return ""
    what = "random networks" if name == RANDOMISED else "shuffles"
    return f" From one of the {number(row['n'])} {what} to the next it differs by {number(row['value'], 2)} (SD)."


def _curve(data: StudyData, source: str) -> list[str]:
    rows = pick(data.estimates, statistic="randomisation_similarity", metric="spearman", form="cascading",
                source=source)
    rows = rows[rows["value"].notna()]
    if len(rows) < 2:
        return []
    head, last = rows.iloc[0], rows.iloc[-1]
    return [f"With random weights in the head alone, {source}'s maps keep a rank correlation of "
            f"{number(head['value'], 2)} with what they were; with random weights throughout, "
            f"{number(last['value'], 2)}. Maps that stay alike do not show what the lost weights knew."]


_VALUES = ["value", "ci_low", "ci_high"]
_KEYS = ["metric", "form"]
_PAIR = [*_KEYS, "source", "against"]
_COLUMNS = ["source", "against", *_KEYS, "better", "overlap", "overlap_of_control", *_VALUES, "spread", "p_value", "n",
            "reason"]


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the tables of controls."""
    estimates = data.estimates
    yield beside_controls(
        estimates, "overlap_controls", "Overlap with people beside that of controls",
        "Each classifier's overlap, that of maps that cannot know the people, and the paired difference (value) with "
        "its interval: over actors, and for networks over these too. All three rest on the same images: those that "
        "the control's networks, which take turns, explained. spread is the standard deviation of the difference over "
        "networks. Variants of "
        "one classifier whose networks are the same once all weights are random are held against the same ones. Here "
        "the primary metric; the CSV has all.")
    yield table_of(
        "randomisation_similarity", "How like the network's maps those with randomised layers are",
        "Mean over randomisations, t intervals over them. cascading: these layers and all nearer to the head; "
        "independent: these alone. Maps that stay alike do not show what the lost weights knew.",
        estimates[estimates["statistic"] == "randomisation_similarity"],
        ["source", "metric", "form", "against", *_VALUES, "n", "n_undefined", "reason"], folded=True)


def beside_controls(estimates: pd.DataFrame, name: str, title: str, caption: str) -> PrintedTable:
    """Make a table of every overlap beside those of its controls; printed are those of the primary metric."""
    rows = _beside(estimates)
    primary = (rows["metric"] == "pearson") & (rows["form"] == "smoothed")
    return table_of(name, title, caption, rows, _COLUMNS, shown=primary)


def _beside(estimates: pd.DataFrame) -> pd.DataFrame:
    """Put each difference's two overlaps and its spread over networks in its row, source by source."""
    population = estimates[estimates["level"] == "population"]
    found = population[population["statistic"] == "overlap_control"]
    spread = population[population["statistic"] == "control_spread"].drop_duplicates(_PAIR).set_index(_PAIR)["value"]
    keys = [tuple(row) for row in found[_PAIR].itertuples(index=False)]
    table = found.rename(columns={"value_one": "overlap", "value_other": "overlap_of_control"}).assign(
        spread=[float(spread.get(key, nan)) for key in keys], better=[METRICS[key[0]].better for key in keys])
    sources, kinds = list(dict.fromkeys(table["source"])), list(NAMES)
    return table.sort_values(["source", "against"], kind="stable", key=lambda names: names.map(
        {name: at for at, name in enumerate(sources if names.name == "source" else kinds)}))


EDGES = (
    "Two controls know no network: the magnitude of the Sobel filters on the photographs' luma, and of the "
    "photographs' own gradient, summed over channels. Every classifier's overlap less theirs is paired over "
    "images; its interval is t over actors, and p flips the signs of actors' means. ")
DECISION = (
    "Unless the difference of the primary metric lies above 0 for both the randomised network and Sobel's edges, a "
    "source's overlap is called no evidence about the network. emd is left out of the controls for its cost.")


def _paragraph(data: StudyData) -> str:
    """Say what the maps were held against, and how."""
    settings = data.settings["controls"]
    held = settings["classifiers"] != "none" and data.classifiers
    return (_networks(settings, alone=_alone(data)) if held else "") + EDGES + DECISION


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
    images = f"{settings['images']} of each actor's test images, taking turns" if settings["images"] else (
        "all test images")
    return (
        "Some attributions hardly change when a network loses what it has learnt (Adebayo et al. 2018), so that an "
        "overlap with people may say nothing of the network. "
        f"{settings['randomisations']} networks have all weights drawn anew as their layers draw them at first; batch "
        "normalisations take their statistics from 4 photographs. "
        f"{settings['shuffles']} more keep their layers but have a head trained on actors shuffled over the training "
        f"photographs, with the settings of the frozen phase. Each explains {images}, for the actor shown. The "
        "classifier's overlap less theirs is paired on photographs and averaged over networks, photographs and actors. "
        "Its interval asks whether the classifier is more than one more such network: standard error √(s²/A + t²(1 + "
        "1/R)) with s over A actors and t over R networks, Satterthwaite's degrees of freedom. For the similarity "
        f"curves, layers are randomised in {settings['layers']} steps from the head down, cumulatively and each alone; "
        "maps are compared with the intact network's by Spearman's correlation and SSIM (Wang et al. 2004; each map "
        f"over its largest value) on {settings['curve_images']} photographs a randomisation, with t intervals over "
        "randomisations. " + ("" if alone else _sources(settings)))


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say what the maps were held against, and how."""
    return [("Controls", _paragraph(data))] if data.people != "none" and data.has_classifier else []


def section(data: StudyData, name: str) -> Section:
    """Hold a classifier's overlap against its controls on its page, with a warning where it is no evidence."""
    of = data.estimates["source"].fillna("").map(classifier_of) == name
    table = beside_controls(
        data.estimates[of], f"classifier_{name}_controls", "Overlap with people minus the same overlap of a control",
        "Unless the difference (value) to the randomised network and to Sobel edges lies above zero, the overlap is no "
        "evidence about this network. spread: its standard deviation over networks. The CSV has all metrics.")
    page = table.page.assign(source=table.page["source"].str.removeprefix(f"{name}/"))
    held = replace(table, printed=page[[column for column in page if page[column].notna().any()]])
    return Section(
        "controls", "Is it the network speaking?",
        said=tuple(no_evidence([each for each in judged(data) if each.failed and classifier_of(each.source) == name])),
        tables=(held, classifier_table(
            data, name, "randomisation", "Similarity of maps to the intact network's as layers are randomised", "",
            LAYERED, folded=True)),
        absent="Controls (randomised networks, shuffled labels, edges) were not run for this classifier, so nothing "
               "here says whether its overlap with people is evidence about the network.")
