"""All sections of study.toml together, and what they cannot say together."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field

from salcompare.config.attribution import Attribution
from salcompare.config.classifiers import Classifier, Precomputed
from salcompare.config.controls import Controls
from salcompare.config.people import Collect, Fixations, Quality, Responses, Simulation
from salcompare.config.removal import Removal
from salcompare.config.study import General, Images, Maps, Report, Statistics
from salcompare.errors import Problem


@dataclass(frozen=True)
class Config:
    """All of study.toml."""

    study: General = field(default_factory=General)
    images: Images = field(default_factory=Images)
    responses: Responses = field(default_factory=Responses)
    labels: dict[str, str] = field(default_factory=dict, metadata={
        "help": "synonyms: what a worker may write = the label it counts as"})
    collect: Collect = field(default_factory=Collect)
    quality: Quality = field(default_factory=Quality)
    fixations: Fixations = field(default_factory=Fixations)
    simulation: Simulation = field(default_factory=Simulation)
    classifier: tuple[Classifier, ...] = field(default_factory=lambda: (Classifier(),))
    precomputed: tuple[Precomputed, ...] = ()
    attribution: Attribution = field(default_factory=Attribution)
    controls: Controls = field(default_factory=Controls)
    removal: Removal = field(default_factory=Removal)
    maps: Maps = field(default_factory=Maps)
    statistics: Statistics = field(default_factory=Statistics)
    report: Report = field(default_factory=Report)

    def attribution_of(self, classifier: Classifier) -> Attribution:
        """Say how a classifier's maps are made: as [attribution] says, by its own methods where it names any."""
        return dataclasses.replace(self.attribution, methods=classifier.methods or self.attribution.methods)


def contradictions(config: Config, where: str) -> list[Problem]:
    """Find what each option allows but several together do not."""
    problems = []
    split = config.images.split
    counts = all(float(part).is_integer() for part in split) and sum(split) > 1
    if len(split) != 3 or not (counts or math.isclose(sum(split), 1, abs_tol=1e-9)):
        problems.append(Problem(f"{where} [images] split", str(list(split)),
                                "three counts such as [70, 15, 15] or three shares that sum to 1"))
    if len(config.study.size) != 2:
        problems.append(Problem(f"{where} [study] size", str(list(config.study.size)), "height and width"))
    problems += _names(config, where)
    problems += config.attribution.contradictions(where)
    problems += [problem for classifier in config.classifier if classifier.methods
                 for problem in _methods(config, classifier, f"{where} [[classifier]] {classifier.name}")]
    problems += [Problem(f"{where} [[classifier]] {classifier.name} keep",
                         f"'best' with {list(split)} as [images] split, which leaves no validation image",
                         "validation images, on which the best weights are chosen",
                         "set keep = \"last\", which trains for all iterations and keeps the last weights")
                 for classifier in config.classifier if classifier.keep == "best" and len(split) == 3 and not split[1]]
    problems += [Problem(f"{where} [[classifier]] variants", "[]", "at least one of frozen, finetuned")
                 for classifier in config.classifier if not classifier.variants]
    if not config.classifier and not config.precomputed and config.responses.source == "none":
        problems.append(Problem(where, "neither a classifier nor responses", "one of them", "give a [[classifier]]"))
    if config.responses.source == "fixations":
        problems += _spread(config.fixations, where)
    if not config.removal.fills or len(set(config.removal.fills)) < len(config.removal.fills):
        problems.append(Problem(f"{where} [removal] fills", str(list(config.removal.fills)),
                                "at least one of mean, blur, noise, each once"))
    if len(config.report.actors) > 6:
        problems.append(Problem(f"{where} [report] actors", f"{len(config.report.actors)} actors", "at most 6"))
    return problems


def _methods(config: Config, classifier: Classifier, title: str) -> list[Problem]:
    return config.attribution_of(classifier).contradictions_of_methods(title, f"{title}: [attribution] output")


def _names(config: Config, where: str) -> list[Problem]:
    """Names of classifiers are names of folders and parts of sources."""
    sections = [("classifier", classifier.name) for classifier in config.classifier]
    sections += [("precomputed", maps.name) for maps in config.precomputed]
    names = [name for _, name in sections]
    problems = [Problem(f"{where} [[{section}]] name", f"{name!r} is used twice", "a name of its own for each")
                for name, section in sorted({name: section for section, name in sections}.items())
                if names.count(name) > 1]
    parts = [(f"[[{section}]] name", name) for section, name in sections]
    parts += [("[[precomputed]] method", maps.method) for maps in config.precomputed]
    return problems + [
        Problem(f"{where} {title}", repr(name), "letters, digits, '-', '_', '.'; not only dots")
        for title, name in parts if not name.strip(".") or not all(c.isalnum() or c in "-_." for c in name)]


def _spread(fixations: Fixations, where: str) -> list[Problem]:
    """Ask for the Gaussian's width, which has no default as it decides what the maps are."""
    title = f"{where} [fixations]"
    if not fixations.sigma > 0:
        return [Problem(f"{title} sigma", str(fixations.sigma), "a number above 0", "state the Gaussian's standard "
                        "deviation: often 1 degree of visual angle")]
    if fixations.unit == "degrees" and not fixations.pixels_per_degree > 0:
        return [Problem(f"{title} pixels_per_degree", str(fixations.pixels_per_degree), "a number above 0",
                        "state how many pixels a degree of visual angle had on the screen")]
    return []
