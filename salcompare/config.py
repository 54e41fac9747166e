"""What study.toml can say: one dataclass a section, each option declared once with its default, bounds and help.

`read_config` reads and checks a file, `commented_toml` writes the file that ``salcompare init`` leaves.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import tomllib
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from salcompare.errors import ConfigError, Problem

T = TypeVar("T")
FILE_NAME = "study.toml"
QUALITY_RULES = ("checks", "pace", "seconds", "whole_image", "tiny", "same_box", "duplicate", "mostly")


def _option(default: T, help_: str, *, low: float | None = None, high: float | None = None,
            choices: tuple[str, ...] = ()) -> T:
    """Declare an option: its default, what it does, and what it may be."""
    return field(default=default, metadata={"help": help_, "low": low, "high": high, "choices": choices})


@dataclass(frozen=True)
class General:
    """The study as a whole."""

    name: str = _option("my study", "shown as the report's title")
    seed: int = _option(0, "every random draw follows from it", low=0)
    size: tuple[int, int] = _option((227, 227), "height and width of the grid of images and maps", low=8, high=4096)


@dataclass(frozen=True)
class Images:
    """Where the photographs come from and how they are split."""

    source: str = _option("folder", "folder (one per actor), facescrub (a list beside downloads) or orl (the demo's)",
                          choices=("folder", "facescrub", "orl"))
    path: str = _option("data/raw/photographs", "the folder of the photographs")
    list: str = _option("data/raw/facescrub.txt", "the FaceScrub list: name, image id, face id, url, bbox, sha256")
    per_actor: int = _option(0, "take the first so many images of each actor; 0 takes all", low=0)
    split: tuple[float, ...] = _option((0.7, 0.15, 0.15), "train, validation, test: images an actor, or shares", low=0)
    groups: str = _option("", "CSV of actor,group, kept as a coordinate of the maps; empty for none")


@dataclass(frozen=True)
class Responses:
    """Where people's side comes from: boxes, gaze or clicks, or ready-made maps."""

    source: str = _option("csv", "csv (tidy), original (last_name,label,b0..b3), collect (what salcompare collect "
                          "stored), fixations (gaze or clicks), maps (ready-made), simulated, or none",
                          choices=("csv", "original", "collect", "fixations", "maps", "simulated", "none"))
    path: str = _option("data/raw/responses.csv", "the file of responses; of maps, a folder, .npz or .nc file; with "
                        "collect, left as it is, the study's own database")
    pixels: str = _option("image", "boxes and fixations are in pixels of the image as shown, or of the study's grid",
                          choices=("image", "grid"))
    clip: bool = _option(False, "cut boxes that reach over the image's edge instead of refusing them")
    drop_invalid: bool = _option(False, "leave out invalid rows, counted, instead of refusing the file")
    checks: str = _option("", "CSV of answers to instructed checks, as salcompare collect exports it; empty for none")


@dataclass(frozen=True)
class Collect:
    """The task that `salcompare collect` serves as a web page."""

    title: str = _option("Which feature stands out?", "heads every page that a worker sees")
    question: str = _option("Draw a box around the most recognisable and differentiating facial feature of this "
                            "person.", "asked for each photograph")
    labels: tuple[str, ...] = _option((), "offered beside a label of one's own; empty offers the original eleven")
    images: str = _option("test", "photographs shown: test, or all (images of checks are never trials)",
                          choices=("test", "all"))
    trials: int = _option(20, "photographs a worker answers", low=1, high=10000)
    checks: int = _option(2, "instructed checks among them, as far as [collect] instructed has any", low=0, high=1000)
    practice: int = _option(2, "instructed tasks with feedback before the trials", low=0, high=100)
    instructed: str = _option("data/raw/instructed.csv", "CSV of image,label,x0,y0,x1,y1 and optionally kind (check, "
                              "practice): features and their true boxes; none needed")
    lease_minutes: float = _option(30.0, "a photograph shown and not answered is another's after so long", low=1,
                                   high=1440)
    min_box: float = _option(0.02, "least width and height of a box, as a share of the photograph's shorter side",
                             low=0, high=0.5)
    pass_iou: float = _option(0.3, "overlap with the true box that practice calls right", low=0, high=1)
    rate: float = _option(5.0, "answers a second that a worker may send", low=0.01, high=1000)
    consent: tuple[str, ...] = _option((), "paragraphs of the consent page; empty takes a plain text to adapt")
    contact: str = _option("", "whom a worker can ask: name and address, on the consent page")
    prolific_code: str = _option("", "completion code of the Prolific study, for its return link")
    hosts: tuple[str, ...] = _option((), "names under which a web server in front passes the task on, as "
                                     "faces.example.org; without --host no other is answered")


@dataclass(frozen=True)
class Fixations:
    """How fixations become maps, for a study whose responses are fixations."""

    sigma: float = _option(0.0, "standard deviation of the Gaussian on each fixation; must be given", low=0, high=1e4)
    unit: str = _option("pixels", "of sigma: pixels (as the fixations are in), or degrees of visual angle",
                        choices=("pixels", "degrees"))
    pixels_per_degree: float = _option(0.0, "how many such pixels a degree has; needed for degrees", low=0, high=1e4)


@dataclass(frozen=True)
class Simulation:
    """Simulated workers, for a study whose responses are simulated."""

    workers: int = _option(100, "how many workers", low=2)
    per_image: int = _option(20, "responses on each test image", low=1)
    checks: int = _option(3, "instructed checks that each worker answers", low=0)
    careless: int = _option(0, "how many of the workers answer without care, of six kinds by turns", low=0)


@dataclass(frozen=True)
class Quality:
    """Which responses stay out of all statistics, each logged with its reason; none for disagreeing with others."""

    rules: tuple[str, ...] = _option(QUALITY_RULES, "the rules that are on; take one out to turn it off",
                                     choices=QUALITY_RULES)
    check_iou: float = _option(0.3, "an instructed check is right if its box reaches this IoU ...", low=0, high=1)
    check_label: bool = _option(True, "... and names what was asked for")
    wrong_checks: float = _option(0.5, "checks: out is a worker with more than this share of checks wrong", low=0,
                                  high=1)
    fewest_checks: int = _option(2, "checks: workers who answered fewer are not judged by them", low=1)
    pace: float = _option(0.25, "pace: out is a worker whose median seconds are under this share of all workers'",
                          low=0, high=1)
    seconds: float = _option(1.0, "seconds: out is a response given in less time", low=0)
    whole_image: float = _option(0.9, "whole_image: out is a box over more than this share of the image", low=0,
                                 high=1)
    tiny: float = _option(0.015, "tiny: out is a box with a side under this share of the image's", low=0, high=1)
    same_box: float = _option(0.25, "same_box: out are boxes that a worker put at one place of this share of images",
                              low=0, high=1)
    same_edge: float = _option(0.005, "same_box: edges that differ by no more are at one place, share of the image's "
                               "side", low=0, high=1)
    duplicate: float = _option(0.9, "duplicate: out is a worker's box with an earlier one's image and label and this "
                               "IoU", low=0, high=1)
    mostly: float = _option(0.5, "mostly: out is a worker with more than this share of responses out, duplicates "
                            "aside", low=0, high=1)
    fewest: int = _option(4, "pace, same_box and mostly: with fewer responses or images a worker is not judged",
                          low=2)


@dataclass(frozen=True)
class Phase:
    """One phase of training; the defaults are those of the original study's frozen phase."""

    iterations: int = _option(1000, "batches", low=1)
    learning_rate: float = _option(5e-4, "Adam's step", low=0)
    l2: float = _option(1e-2, "times the sum of squared weights (no biases) is added to the loss", low=0)
    per_class: int = _option(3, "images of each actor in a batch", low=1)
    flip: bool = _option(False, "mirror half of the training images, anew in each batch")
    shift: int = _option(0, "move training images by up to so many pixels, anew in each batch", low=0)
    validate_every: int = _option(50, "iterations between looks at the validation images", low=1)


@dataclass(frozen=True)
class Classifier:
    """A network, its weights and its training."""

    name: str = _option("alexnet", "what the report calls it")
    backbone: str = _option("alexnet", "alexnet or efficientnet_lite0")
    weights: str = _option("imagenet", "imagenet, installed (from a package), none, or a file's path")
    variants: tuple[str, ...] = _option(("frozen", "finetuned"), "which variants, in order",
                                        choices=("frozen", "finetuned"))
    hidden: int = _option(100, "units of the new hidden layer", low=1)
    dropout: float = _option(0.5, "share of hidden units left out in training", low=0, high=0.95)
    centre: bool = _option(False, "subtract each image's own mean before the network sees it")
    frozen: Phase = field(default_factory=Phase)
    finetuned: Phase = field(default_factory=lambda: Phase(iterations=1500, per_class=5))


@dataclass(frozen=True)
class Precomputed:
    """A classifier's maps that are there already; with these and no [[classifier]] nothing is trained, all is test."""

    name: str = _option("maps", "what the report calls it")
    path: str = _option("data/raw/maps", "a folder of ACTOR/IMAGE.png, .npy, .npz or .nc, or one .npz or .nc file")
    method: str = _option("given", "how the maps were made, one word, as in guided_backprop")
    drop_invalid: bool = _option(False, "leave out maps that cannot be used, counted, instead of refusing all")


@dataclass(frozen=True)
class Attribution:
    """How a network's maps are made."""

    method: str = _option("guided_backprop", "the attribution method", choices=("guided_backprop",))
    output: str = _option("logit", "what is explained: the actor's logit or probability",
                          choices=("logit", "probability"))
    channels: str = _option("sum", "how the three colour channels become one map", choices=("sum", "max"))
    batch: int = _option(32, "images at a time", low=1)


@dataclass(frozen=True)
class Maps:
    """Masks and smoothing."""

    mask_share: float = _option(0.05, "share of pixels in a classifier's mask", low=0.0001, high=1)
    human_share: float = _option(0.10, "share of pixels shown of a human heatmap", low=0.0001, high=1)
    sigma: float = _option(0.03, "standard deviation of the smoothing Gaussian, as a share of the grid's width",
                           low=0, high=0.5)


@dataclass(frozen=True)
class Statistics:
    """Resampling."""

    n_permutations: int = _option(9999, "permutations of each test", low=99)
    n_resamples: int = _option(2000, "bootstrap resamples of each interval", low=100)


@dataclass(frozen=True)
class Report:
    """What the report shows."""

    actors: tuple[str, ...] = _option((), "actors shown in the figures, at most 6; empty takes the first six")
    differences: tuple[str, ...] = _option((), "pairs for saliency differences, 'actor - actor'; empty chooses three")


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
    maps: Maps = field(default_factory=Maps)
    statistics: Statistics = field(default_factory=Statistics)
    report: Report = field(default_factory=Report)


ALL_TEST = (0.0, 0.0, 1.0)
"""The split of a study that has maps and trains nothing, where study.toml names none."""
_SECTIONS = {"precomputed": Precomputed()}  # shown as a comment where there is none


def read_config(path: Path) -> Config:
    """Read and check a study.toml.

    Raises
    ------
    ConfigError
        If the file is missing, is no TOML, has an unknown key, or a value of a wrong type or out of bounds; all
        that is wrong is listed at once.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise ConfigError(Problem(str(path), "does not exist", remedy=f"run: salcompare init {path.parent}")) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(Problem(str(path), f"is not TOML: {error}", remedy="mend that line")) from error
    except OSError as error:
        raise ConfigError(Problem(str(path), f"cannot be read: {error.strerror}")) from error
    reader = _Reader(path.name)
    raw = _without_training(raw)
    config = reader.section(Config, raw, "")
    reader.problems += _contradictions(config, path.name)
    if reader.problems:
        raise ConfigError(reader.problems)
    return config


def _without_training(raw: dict[str, Any]) -> dict[str, Any]:
    """Train only what is asked for where maps are given; where nothing is, no image needs to be kept for it."""
    if not raw.get("precomputed"):
        return raw
    raw = {"classifier": [], **raw}
    images = raw.get("images", {})
    whole = not raw["classifier"] and isinstance(images, dict)
    return raw | ({"images": {"split": list(ALL_TEST), **images}} if whole else {})


def commented_toml(config: Config | None = None) -> str:
    """Write a study.toml with every option, its help and its default."""
    config = config or Config()
    lines = ["# A salcompare study. Every option stands here with its default; delete what you do not change."]
    # An empty list of sections has no header, and a bare key must stand before the first header.
    lines += [f"{section.name} = []" for section in dataclasses.fields(config)
              if getattr(config, section.name) == () != section.default]
    for section in dataclasses.fields(config):
        value = getattr(config, section.name)
        if isinstance(value, dict):
            lines += ["", f"[{section.name}]", f"# {section.metadata['help']}",
                      *(f"{_toml(key)} = {_toml(item)}" for key, item in value.items())]
        elif value == () == section.default:
            lines += ["", f"# [[{section.name}]]", *(f"# {line.removeprefix('# ')}" for line in _section_lines(
                _SECTIONS[section.name], section.name))]
        elif isinstance(value, tuple):
            for item in value:
                lines += ["", f"[[{section.name}]]", *_section_lines(item, section.name)]
        else:
            lines += ["", f"[{section.name}]", *_section_lines(value, section.name)]
    return "\n".join(lines) + "\n"


def _section_lines(section: Any, name: str) -> list[str]:  # noqa: ANN401 - any of the sections above
    lines, nested = [f"# {(section.__doc__ or '').strip()}"], []
    for option in dataclasses.fields(section):
        value = getattr(section, option.name)
        if dataclasses.is_dataclass(value):
            nested += ["", f"[{name}.{option.name}]", *_section_lines(value, f"{name}.{option.name}")]
        else:
            lines.append(f"{option.name} = {_toml(value)}  # {option.metadata['help']}")
    return lines + nested


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _contradictions(config: Config, where: str) -> list[Problem]:
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
    problems += [Problem(f"{where} [[classifier]] variants", "[]", "at least one of frozen, finetuned")
                 for classifier in config.classifier if not classifier.variants]
    if not config.classifier and not config.precomputed and config.responses.source == "none":
        problems.append(Problem(where, "neither a classifier nor responses", "one of them", "give a [[classifier]]"))
    if config.responses.source == "fixations":
        problems += _spread(config.fixations, where)
    if len(config.report.actors) > 6:
        problems.append(Problem(f"{where} [report] actors", f"{len(config.report.actors)} actors", "at most 6"))
    return problems


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


class _Reader:
    """Turns parsed TOML into sections and collects what is wrong."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.problems: list[Problem] = []

    def section(self, kind: type[T], raw: dict[str, Any], name: str) -> T:
        hints = typing.get_type_hints(kind)
        options = {option.name: option for option in dataclasses.fields(kind)}  # type: ignore[arg-type]
        title = f"{self.where} [{name}]" if name else self.where
        given: dict[str, Any] = {}
        for key, value in raw.items():
            if key not in options:
                near = difflib.get_close_matches(key, options, n=1)
                self.problems.append(Problem(title, f"unknown key {key!r}", "one of " + ", ".join(options),
                                             f"did you mean {near[0]!r}?" if near else "remove it"))
                continue
            read = self._value(hints[key], value, options[key], title, f"{name}.{key}" if name else key)
            if read is not _WRONG:
                given[key] = read
        if kind is Classifier and isinstance(raw.get("finetuned"), dict):
            defaults = Classifier().finetuned
            given["finetuned"] = dataclasses.replace(defaults, **{
                key: getattr(given["finetuned"], key) for key in raw["finetuned"] if hasattr(defaults, key)})
        return kind(**given)

    def _value(self, hint: Any, value: Any, option: dataclasses.Field[Any], title: str, name: str) -> Any:  # noqa: ANN401
        if dataclasses.is_dataclass(hint):
            if not isinstance(value, dict):
                return self._wrong(title, option.name, value, "a table")
            return self.section(typing.cast("type[Any]", hint), value, name)
        if typing.get_origin(hint) is tuple and dataclasses.is_dataclass(typing.get_args(hint)[0]):
            if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
                return self._wrong(title, option.name, value, f"[[{option.name}]], as often as there are")
            return tuple(self.section(typing.get_args(hint)[0], item, name) for item in value)
        if typing.get_origin(hint) is dict:
            if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
                return self._wrong(title, option.name, value, "texts")
            return value
        if typing.get_origin(hint) is tuple:
            return self._tuple(hint, value, option, title)
        return self._scalar(hint, value, option, title)

    def _tuple(self, hint: Any, value: Any, option: dataclasses.Field[Any], title: str) -> Any:  # noqa: ANN401
        inner = typing.get_args(hint)[0]
        if not isinstance(value, list):
            return self._wrong(title, option.name, value, "a list in [ ]")
        read = tuple(self._scalar(inner, item, option, title) for item in value)
        return _WRONG if any(item is _WRONG for item in read) else read

    def _scalar(self, hint: Any, value: Any, option: dataclasses.Field[Any], title: str) -> Any:  # noqa: ANN401
        if hint is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, hint) or (hint is not bool and isinstance(value, bool)):
            return self._wrong(title, option.name, value, _KINDS.get(hint, "another kind of value"))
        about = option.metadata
        if about["choices"] and value not in about["choices"]:
            return self._wrong(title, option.name, value, " or ".join(about["choices"]))
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            low = -math.inf if about["low"] is None else about["low"]
            high = math.inf if about["high"] is None else about["high"]
            if not low <= value <= high or not math.isfinite(value):
                return self._wrong(title, option.name, value, f"a finite number from {low:g} to {high:g}")
        return value

    def _wrong(self, title: str, key: str, value: object, expected: str) -> Any:  # noqa: ANN401
        self.problems.append(Problem(f"{title} {key}", repr(value), expected))
        return _WRONG


_WRONG = object()
_KINDS: dict[object, str] = {int: "a whole number", float: "a number", str: "a text in quotes", bool: "true or false"}
