"""The sections of study.toml: each option declared once, with its default, bounds and help."""

import dataclasses
import hashlib
import math
from dataclasses import dataclass, field
from typing import TypeVar

from salcompare.config.methods import METHODS, method_of, smoothed
from salcompare.errors import Problem

T = TypeVar("T")


def option(default: T, help_: str, *, low: float | None = None, high: float | None = None,
           choices: tuple[str, ...] = (), remedy: str = "") -> T:
    """Declare an option: its default, what it does, what it may be, and what to do about a number that is too low."""
    return field(default=default, metadata={"help": help_, "low": low, "high": high, "choices": choices,
                                            "remedy": remedy})


@dataclass(frozen=True)
class General:
    """The study as a whole."""

    name: str = option("my study", "shown as the report's title")
    seed: int = option(0, "every random draw follows from it", low=0)
    size: tuple[int, int] = option((227, 227), "height and width of the grid of images and maps", low=8, high=4096)


@dataclass(frozen=True)
class Images:
    """Where the photographs come from and how they are split."""

    source: str = option("folder", "folder (one per actor), facescrub (a list beside downloads) or orl (the demo's)",
                         choices=("folder", "facescrub", "orl"))
    path: str = option("data/raw/photographs", "the folder of the photographs")
    list: str = option("data/raw/facescrub.txt", "the FaceScrub list: name, image id, face id, url, bbox, sha256")
    per_actor: int = option(0, "take the first so many images of each actor; 0 takes all", low=0)
    split: tuple[float, ...] = option((0.7, 0.15, 0.15), "train, validation, test: images an actor, or shares; without "
                                      "validation images, such as [0.85, 0, 0.15], set keep = \"last\" of each "
                                      "[[classifier]]", low=0)
    groups: str = option("", "CSV of actor,group, kept as a coordinate of the maps; empty for none")
    shoots: str = option("", "CSV of image,shoot: images taken together, which tests exchange whole; empty for none")
    align: str = option("none", "none, or bring each face to one place of the grid: by the centres of the eyes, or by "
                        "five_points (corners of the eyes and base of the nose, or eyes, nose and corners of the "
                        "mouth); needs [landmarks]", choices=("none", "eyes", "five_points"))


@dataclass(frozen=True)
class Landmarks:
    """Where the faces' landmarks come from, and what else is known of photographs or of actors."""

    source: str = option("none", "none, file (a table of points or a detector's output), mediapipe (found here) or orl "
                         "(those of the demo's photographs)", choices=("none", "file", "mediapipe", "orl"))
    path: str = option("", "the file or folder of landmarks; of mediapipe, a face_landmarker.task, empty where the "
                       "package has its models inside")
    attributes: str = option("", "CSV of more columns, by image or by actor, such as image,glasses or actor,sex,age; "
                             "empty for none")

    @property
    def known(self) -> bool:
        """Whether more is known of photographs than the catalogue says."""
        return self.source != "none" or bool(self.attributes)


@dataclass(frozen=True)
class Maps:
    """Masks and smoothing."""

    mask_share: float = option(0.05, "share of pixels in a classifier's mask", low=0.0001, high=1)
    human_share: float = option(0.10, "share of pixels shown of a human heatmap", low=0.0001, high=1)
    sigma: float = option(0.03, "standard deviation of the smoothing Gaussian, as a share of the grid's width", low=0,
                          high=0.5)


@dataclass(frozen=True)
class Statistics:
    """Resampling."""

    n_permutations: int = option(9999, "permutations of each test", low=99)
    n_resamples: int = option(2000, "bootstrap resamples of each interval", low=100)
    smallest_effect: float = option(0.2, "smallest effect of interest, as a share of the ceiling of unique agreement",
                                    low=0.001, high=1)


@dataclass(frozen=True)
class Report:
    """What the report shows."""

    actors: tuple[str, ...] = option((), "actors shown in the figures, at most 6; empty takes the first six")
    differences: tuple[str, ...] = option((), "pairs for saliency differences, 'actor - actor'; empty chooses three")


QUALITY_RULES = ("checks", "pace", "seconds", "whole_image", "tiny", "same_box", "duplicate", "mostly")


@dataclass(frozen=True)
class Responses:
    """Where people's side comes from: boxes, gaze or clicks, or ready-made maps."""

    source: str = option("csv", "csv (tidy), original (last_name,label,b0..b3), collect (what salcompare collect "
                         "stored), fixations (gaze or clicks), maps (ready-made), simulated, or none",
                         choices=("csv", "original", "collect", "fixations", "maps", "simulated", "none"))
    path: str = option("data/raw/responses.csv", "the file of responses; of maps, a folder, .npz or .nc file; with "
                       "collect, left as it is, the study's own database")
    pixels: str = option("image", "boxes and fixations are in pixels of the image as shown, or of the study's grid, or "
                         "relative: shares of the image's sides from 0 to 1; ready-made maps, where photographs are "
                         "aligned, are of the image or of the grid", choices=("image", "grid", "relative"))
    clip: bool = option(False, "cut boxes that reach over the image's edge instead of refusing them")
    drop_invalid: bool = option(False, "leave out invalid rows, counted, instead of refusing the file")
    checks: str = option("", "CSV of answers to instructed checks, as salcompare collect exports it; empty for none")


@dataclass(frozen=True)
class Collect:
    """The task that `salcompare collect` serves as a web page."""

    title: str = option("Which feature stands out?", "heads every page that a worker sees")
    question: str = option("Draw a box around the most recognisable and differentiating facial feature of this "
                           "person.", "asked for each photograph")
    labels: tuple[str, ...] = option((), "offered beside a label of one's own; empty offers the original eleven")
    images: str = option("test", "photographs shown: test, or all, for a study without a classifier (images of checks "
                         "are never trials)", choices=("test", "all"))
    trials: int = option(20, "photographs a worker answers", low=1, high=10000)
    checks: int = option(2, "instructed checks among them, as far as [collect] instructed has any", low=0, high=1000)
    practice: int = option(2, "instructed tasks with feedback before the trials", low=0, high=100)
    instructed: str = option("data/raw/instructed.csv", "CSV of image,label,x0,y0,x1,y1 and optionally kind (check, "
                             "practice): features and their true boxes; none needed")
    lease_minutes: float = option(30.0, "a photograph shown and not answered is another's after so long", low=1,
                                  high=1440)
    min_box: float = option(0.02, "least width and height of a box, as a share of the photograph's shorter side", low=0,
                            high=0.5)
    pass_iou: float = option(0.3, "overlap with the true box that practice calls right", low=0, high=1)
    rate: float = option(5.0, "answers a second that a worker may send", low=0.01, high=1000)
    consent: tuple[str, ...] = option((), "paragraphs of the consent page; empty takes a plain text to adapt")
    duration: str = option("", "how long it takes, on the consent page, as 'about 20 minutes'")
    pay: str = option("", "what workers get, on the consent page; say so where it is nothing")
    contact: str = option("", "whom a worker can ask: name and address, on the consent page")
    ethics: str = option("", "who has approved the study, with its number, on the consent page")
    prolific_code: str = option("", "completion code of the Prolific study, for its return link")
    hosts: tuple[str, ...] = option((), "names under which a web server in front passes the task on, as "
                                    "faces.example.org; without --host no other is answered. With these, or --host, "
                                    "duration, pay, contact and ethics must be given")
    root_path: str = option("", "the path under which that web server passes the task on, as /study; it may take the "
                            "path off or leave it on")
    proxies: tuple[str, ...] = option((), "that web server's addresses, as 127.0.0.1, if its X-Forwarded-For and "
                                      "X-Forwarded-Proto can be believed: clients are told apart by them")


@dataclass(frozen=True)
class Fixations:
    """How fixations become maps, for a study whose responses are fixations."""

    sigma: float = option(0.0, "standard deviation of the Gaussian on each fixation; must be given", low=0, high=1e4)
    unit: str = option("pixels", "of sigma: pixels (as the fixations are in), or degrees of visual angle",
                       choices=("pixels", "degrees"))
    pixels_per_degree: float = option(0.0, "how many such pixels a degree has; needed for degrees", low=0, high=1e4)


@dataclass(frozen=True)
class Simulation:
    """Simulated workers, for a study whose responses are simulated."""

    workers: int = option(100, "how many workers", low=2)
    per_image: int = option(20, "responses on each test image", low=1)
    checks: int = option(3, "instructed checks that each worker answers", low=0)
    careless: int = option(0, "how many of the workers answer without care, of six kinds by turns", low=0)


@dataclass(frozen=True)
class Quality:
    """Which responses stay out of all statistics, each logged with its reason; none for disagreeing with others."""

    rules: tuple[str, ...] = option(QUALITY_RULES, "the rules that are on; take one out to turn it off",
                                    choices=QUALITY_RULES)
    check_iou: float = option(0.3, "an instructed check is right if its box reaches this IoU ...", low=0, high=1)
    check_label: bool = option(True, "... and names what was asked for")
    wrong_checks: float = option(0.5, "checks: out is a worker with more than this share of checks wrong", low=0,
                                 high=1)
    fewest_checks: int = option(2, "checks: workers who answered fewer are not judged by them", low=1)
    pace: float = option(0.25, "pace: out is a worker whose median seconds are under this share of all workers'", low=0,
                         high=1)
    seconds: float = option(1.0, "seconds: out is a response given in less time", low=0)
    whole_image: float = option(0.9, "whole_image: out is a box over more than this share of the image", low=0, high=1)
    tiny: float = option(0.015, "tiny: out is a box with a side under this share of the image's", low=0, high=1)
    same_box: float = option(0.25, "same_box: out are boxes that a worker put at one place of this share of images",
                             low=0, high=1)
    same_edge: float = option(0.005, "same_box: edges that differ by no more are at one place, share of the image's "
                              "side", low=0, high=1)
    duplicate: float = option(0.9, "duplicate: out is a worker's box with an earlier one's image and label and this "
                              "IoU", low=0, high=1)
    mostly: float = option(0.5, "mostly: out is a worker with more than this share of responses out, duplicates aside",
                           low=0, high=1)
    fewest: int = option(4, "pace, same_box and mostly: with fewer responses or images a worker is not judged", low=2)


BASELINES = ("mean", "black", "grey", "white")
SIGNS = ("auto", "positive", "negative", "absolute")


@dataclass(frozen=True)
class Attribution:
    """How a network's maps are made."""

    methods: tuple[str, ...] = option(("guided_backprop",), "the attribution methods of every classifier that names "
                                      "none of its own, the main one first; smoothgrad_NAME smooths any of them",
                                      choices=METHODS)
    target: str = option("actor", "who is explained: the image's own actor, or the one that the network predicts",
                         choices=("actor", "predicted"))
    output: str = option("logit", "what is explained: the target's logit or probability",
                         choices=("logit", "probability"))
    channels: str = option("sum", "how the three colour channels become one map", choices=("sum", "max"))
    sign: str = option("auto", "what of signed values is kept: what speaks for the actor (positive), against it "
                       "(negative) or either (absolute); auto: absolute for gradients, else positive", choices=SIGNS)
    baseline: str = option("mean", "what integrated_gradients, deep_lift and occlusion compare with: the photograph's "
                           "mean colour, black, grey or white", choices=BASELINES)
    steps: int = option(32, "points on integrated_gradients' path", low=2, high=1000)
    samples: int = option(16, "noisy copies that smoothgrad averages", low=1, high=1000)
    noise: float = option(0.15, "their noise's standard deviation, as a share of the input's range", low=0, high=10)
    window: float = option(0.15, "side of occlusion's square, as a share of the grid's shorter side", low=0.01, high=1)
    stride: float = option(0.5, "occlusion's step, as a share of the square's side", low=0.01, high=1)
    layer: str = option("", "the module whose output grad_cam weighs; empty takes the last one that is still a map")
    batch: int = option(32, "images at a time", low=1)

    @property
    def method(self) -> str:
        """The main method."""
        return self.methods[0]

    def choices(self, method: str) -> dict[str, object]:
        """Give what the maps of one method depend on, by the names of the options; sign is the one that is used."""
        names = ("target", "output", "channels", *method_of(method).options,
                 *(("samples", "noise") if smoothed(method) else ()))
        chosen: dict[str, object] = {"method": method, **{name: getattr(self, name) for name in names}}
        return chosen | ({"sign": self.sign_of(method)} if "sign" in names else {})

    def sign_of(self, method: str) -> str:
        """Name what of a method's signed values is kept."""
        return method_of(method).sign if self.sign == "auto" else self.sign

    def contradictions(self, where: str) -> list[Problem]:
        """Find what cannot be asked for together."""
        title = f"{where} [attribution]"
        problems = [] if self.methods else [Problem(f"{title} methods", "[]", "at least one of " + ", ".join(METHODS))]
        return problems + self.contradictions_of_methods(title, f"{title} output")

    def contradictions_of_methods(self, title: str, output: str) -> list[Problem]:
        """Find what the methods cannot be asked for, where `title` names them, and together with the output."""
        problems = [Problem(f"{title} methods", f"{method!r} is listed twice", "each method once")
                    for method in sorted({name for name in self.methods if self.methods.count(name) > 1})]
        if self.output == "probability":
            problems += [Problem(output, f"'probability' with the method {method}", "logit",
                                 "DeepLIFT's rules end at the logit, as the probability is no sum of contributions")
                         for method in self.methods if method.endswith("deep_lift")]
        return problems


@dataclass(frozen=True)
class Phase:
    """One phase of training; the defaults are those of the original study's frozen phase."""

    iterations: int = option(1000, "batches", low=1)
    learning_rate: float = option(5e-4, "Adam's step", low=0)
    l2: float = option(1e-2, "times the sum of squared weights (no biases) is added to the loss", low=0)
    per_class: int = option(3, "images of each actor in a batch", low=1)
    flip: bool = option(False, "mirror half of the training images, anew in each batch")
    shift: int = option(0, "move training images by up to so many pixels, anew in each batch", low=0)
    validate_every: int = option(50, "iterations between looks at the validation images, and between checkpoints",
                                 low=1)


@dataclass(frozen=True)
class Classifier:
    """A network, its weights and its training."""

    name: str = option("alexnet", "what the report calls it")
    backbone: str = option("alexnet", "alexnet, dlib_resnet (a face network, for aligned faces), "
                           "efficientnet_lite0, a torchvision classification model such as resnet18, timm:NAME, or "
                           "your own module:factory")
    weights: str = option("imagenet", "imagenet, installed (from a package: dlib_resnet, efficientnet_lite0), none, or "
                          "the path of a .pth or .safetensors file, of dlib_resnet also .dat")
    variants: tuple[str, ...] = option(("frozen", "finetuned"), "which variants, in order",
                                       choices=("frozen", "finetuned"))
    hidden: int = option(100, "units of the new hidden layer", low=1)
    dropout: float = option(0.5, "share of hidden units left out in training", low=0, high=0.95)
    centre: bool = option(False, "subtract each image's own mean before the network sees it")
    l2_on: str = option("all", "weights that finetuning's l2 is on: all, or linear (the convolutions left out)",
                        choices=("all", "linear"))
    keep: str = option("best", "which weights are kept: those of the best look at the validation images, or those of "
                       "the last iteration, which needs no validation images", choices=("best", "last"))
    methods: tuple[str, ...] = option((), "its attribution methods, its main one first; empty takes those of "
                                      "[attribution]. Networks that use SiLU, GELU or the like in place of ReLU need a "
                                      "method other than guided_backprop, such as integrated_gradients",
                                      choices=METHODS)
    seeds: int = option(1, "how often it is trained, each time with a seed of its own; the first is the study's", low=1)
    frozen: Phase = field(default_factory=Phase)
    finetuned: Phase = field(default_factory=lambda: Phase(iterations=1500, per_class=5))


@dataclass(frozen=True)
class Precomputed:
    """A classifier's maps that are there already; with these and no [[classifier]] nothing is trained, all is test."""

    name: str = option("maps", "what the report calls it")
    path: str = option("data/raw/maps", "a folder of ACTOR/IMAGE.png, .npy, .npz or .nc, or one .npz or .nc file")
    method: str = option("given", "how the maps were made, one word, as in guided_backprop")
    pixels: str = option("image", "where photographs are aligned, maps are of the image as shown, and are aligned with "
                         "it, or of the aligned grid", choices=("image", "grid"))
    drop_invalid: bool = option(False, "leave out maps that cannot be used, counted, instead of refusing all")


def training_seeds(seed: int, n: int) -> tuple[int, ...]:
    """Give the seeds of n trainings of one classifier: `seed`, the study's, first, then derived ones in [0, 2**31).

    All are different, and the first so many of a longer list are the same, so that more trainings can be added to those
    that are there.
    """
    seeds, number = [seed], 1
    while len(seeds) < n:
        number += 1
        digest = hashlib.sha256(f"training\0{seed}\0{number}".encode()).digest()
        derived = int.from_bytes(digest[:4], "big") >> 1
        if derived not in seeds:
            seeds.append(derived)
    return tuple(seeds[:n])


_SPREAD = ("the spread over networks, beside which a control is judged, needs two; for no controls, set classifiers = "
           "\"none\"")


@dataclass(frozen=True)
class Controls:
    """Whether a map speaks of what a classifier has learnt: the same network without that, and photographs' edges."""

    classifiers: str = option("all", "which classifiers are controlled: all, the first, or none",
                              choices=("all", "first", "none"))
    randomisations: int = option(20, "networks with random weights, which every variant and method is held against",
                                 low=2, high=1000, remedy=_SPREAD)
    shuffles: int = option(2, "networks whose head is trained on shuffled actors; like the layers below, of the last "
                           "variant and the main method alone", low=2, high=1000, remedy=_SPREAD)
    images: int = option(2, "test images of each actor that all of these explain, evenly spaced in the images' order; "
                         "0 takes all", low=0)
    layers: int = option(5, "steps from the head down in which layers are randomised", low=2)
    curve_networks: int = option(5, "networks whose layers are randomised at each step", low=2, high=1000,
                                 remedy=_SPREAD)
    curve_images: int = option(2, "test images that each randomisation of layers is looked at on", low=1)


FILLS = ("mean", "blur", "noise")
NEAR_ZERO = {"relative": 0.01, "absolute": 0.001}
"""A weight counts as near zero below this share of the standard deviation that its layer's weights had before training,
or below this value."""
CALIBRATION_IMAGES = 4
"""Photographs, of as many actors as can be, that batch normalisations with random weights before them are fit to."""


@dataclass(frozen=True)
class Removal:
    """What is taken out of the photographs, to see whether the network needs it; each time costs a forward pass."""

    networks: str = option("last", "which networks: none, the last variant of each classifier, or all",
                           choices=("none", "last", "all"))
    per_actor: int = option(2, "the first so many test images of each actor; 0 takes all", low=0)
    area: float = option(0.10, "share of the photograph that is removed, the same for whoever marked it", low=0.001,
                         high=0.9)
    fills: tuple[str, ...] = option(FILLS, "what stands in its place, each once; the first is the main one",
                                    choices=FILLS)
    shares: tuple[float, ...] = option((0.1, 0.25, 0.5), "where deletion and insertion curves are measured, beside 0 "
                                       "and 1", low=0.001, high=0.999)
    labels: int = option(5, "how many labels have their regions removed, those that people name most", low=0)


@dataclass(frozen=True)
class Config:
    """All of study.toml."""

    study: General = field(default_factory=General)
    images: Images = field(default_factory=Images)
    landmarks: Landmarks = field(default_factory=Landmarks)
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
    problems += [*_names(config, where), *_faces(config, where)]
    problems += config.attribution.contradictions(where)
    for classifier in config.classifier:
        title = f"{where} [[classifier]] {classifier.name}"
        if classifier.methods:
            problems += config.attribution_of(classifier).contradictions_of_methods(
                title, f"{title}: [attribution] output")
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


def _faces(config: Config, where: str) -> list[Problem]:
    """Find what landmarks and alignment cannot do without."""
    landmarks, align, responses = config.landmarks, config.images.align, config.responses
    problems = []
    if landmarks.source == "file" and not landmarks.path:
        problems.append(Problem(f"{where} [landmarks] path", "''", "the file of landmarks",
                                "name it, or set source = \"none\""))
    if landmarks.source == "orl" and config.images.source != "orl":
        problems.append(Problem(f"{where} [landmarks] source", f"'orl' with [images] source = '{config.images.source}'",
                                "file or mediapipe, as orl are the landmarks of the demo's photographs"))
    if align != "none" and landmarks.source == "none":
        problems.append(Problem(f"{where} [images] align", repr(align), "landmarks, which photographs are aligned by",
                                "set [landmarks] source"))
    if align != "none" and (responses.source == "original" or (responses.pixels == "grid"
                                                               and responses.source != "maps")):
        problems.append(Problem(f"{where} [images] align", f"{align!r} with responses in pixels of the grid",
                                "responses in pixels of the photograph as shown, which alignment moves",
                                "set align = \"none\""))
    return problems


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
