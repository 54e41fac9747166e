"""People's side: where responses come from, the task they are collected by, and which are kept."""

from __future__ import annotations

from dataclasses import dataclass

from salcompare.config.options import option

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
                          "relative: shares of the image's sides from 0 to 1", choices=("image", "grid", "relative"))
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
    images: str = option("test", "photographs shown: test, or all, for a study without a classifier (images of "
                          "checks are never trials)",
                          choices=("test", "all"))
    trials: int = option(20, "photographs a worker answers", low=1, high=10000)
    checks: int = option(2, "instructed checks among them, as far as [collect] instructed has any", low=0, high=1000)
    practice: int = option(2, "instructed tasks with feedback before the trials", low=0, high=100)
    instructed: str = option("data/raw/instructed.csv", "CSV of image,label,x0,y0,x1,y1 and optionally kind (check, "
                              "practice): features and their true boxes; none needed")
    lease_minutes: float = option(30.0, "a photograph shown and not answered is another's after so long", low=1,
                                   high=1440)
    min_box: float = option(0.02, "least width and height of a box, as a share of the photograph's shorter side",
                             low=0, high=0.5)
    pass_iou: float = option(0.3, "overlap with the true box that practice calls right", low=0, high=1)
    rate: float = option(5.0, "answers a second that a worker may send", low=0.01, high=1000)
    consent: tuple[str, ...] = option((), "paragraphs of the consent page; empty takes a plain text to adapt")
    duration: str = option("", "how long it takes, on the consent page, as 'about 20 minutes'")
    pay: str = option("", "what workers get, on the consent page; say so where it is nothing")
    contact: str = option("", "whom a worker can ask: name and address, on the consent page")
    ethics: str = option("", "who has approved the study, with its number, on the consent page")
    prolific_code: str = option("", "completion code of the Prolific study, for its return link")
    hosts: tuple[str, ...] = option((), "names under which a web server in front passes the task on, as "
                                     "faces.example.org; without --host no other is answered. With these, or "
                                     "--host, duration, pay, contact and ethics must be given")
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
    pace: float = option(0.25, "pace: out is a worker whose median seconds are under this share of all workers'",
                          low=0, high=1)
    seconds: float = option(1.0, "seconds: out is a response given in less time", low=0)
    whole_image: float = option(0.9, "whole_image: out is a box over more than this share of the image", low=0,
                                 high=1)
    tiny: float = option(0.015, "tiny: out is a box with a side under this share of the image's", low=0, high=1)
    same_box: float = option(0.25, "same_box: out are boxes that a worker put at one place of this share of images",
                              low=0, high=1)
    same_edge: float = option(0.005, "same_box: edges that differ by no more are at one place, share of the image's "
                               "side", low=0, high=1)
    duplicate: float = option(0.9, "duplicate: out is a worker's box with an earlier one's image and label and this "
                               "IoU", low=0, high=1)
    mostly: float = option(0.5, "mostly: out is a worker with more than this share of responses out, duplicates "
                            "aside", low=0, high=1)
    fewest: int = option(4, "pace, same_box and mostly: with fewer responses or images a worker is not judged",
                          low=2)
