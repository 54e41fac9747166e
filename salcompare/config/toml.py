"""Reading study.toml, all that is wrong in it listed at once, and writing it with comments for ``salcompare init``."""

import dataclasses
import json
import math
import tomllib
import typing
import unicodedata
from pathlib import Path
from typing import Any, TypeVar

from salcompare.config.methods import SMOOTHGRAD
from salcompare.config.sections import Classifier, Config, Precomputed, contradictions
from salcompare.errors import ConfigError, Problem, meant
from salcompare.texts import hidden_in

T = TypeVar("T")
ALL_TEST = (0.0, 0.0, 1.0)
"""The split of a study that has maps and trains nothing, where study.toml names none."""


def read_config(path: Path) -> Config:
    """Read and check a study.toml; `ConfigError` lists at once all that is wrong.

    That is a file that is missing or no TOML, an unknown key, or a value of a wrong type or out of bounds.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise ConfigError(Problem(str(path), "does not exist", remedy=f"run: salcompare init {path.parent}")) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines()]
        both = "classifier = []" in lines and "[[classifier]]" in lines
        remedy = "it has classifier = [] and a [[classifier]]: delete one of the two" if both else "mend that line"
        raise ConfigError(Problem(str(path), f"is not TOML: {error}", remedy=remedy)) from error
    except OSError as error:
        raise ConfigError(Problem(str(path), f"cannot be read: {error.strerror}")) from error
    reader = _Reader(path.name)
    raw = _without_training(raw)
    config = reader.section(Config, raw, "")
    reader.problems += contradictions(config, path.name)
    if reader.problems:
        raise ConfigError(reader.problems)
    return config


def _without_training(raw: dict[str, Any]) -> dict[str, Any]:
    """Train only what study.toml names where maps are given; where nothing is trained, all images are test images."""
    if raw.get("precomputed"):
        raw = {"classifier": [], **raw}
    images = raw.get("images", {})
    whole = raw.get("classifier") == [] and isinstance(images, dict)
    return raw | ({"images": {"split": list(ALL_TEST), **images}} if whole else {})


class _Reader:
    """Turns parsed TOML into sections and collects what is wrong."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.problems: list[Problem] = []

    def section(self, kind: type[T], raw: dict[str, Any], name: str, *, listed: bool = False) -> T:
        """Read one table of TOML into its dataclass; what is wrong is left out and noted."""
        hints = typing.get_type_hints(kind)
        options = {option.name: option for option in dataclasses.fields(kind)}  # type: ignore[arg-type]
        title = f"{self.where} [{name}]" if name else self.where
        if listed and isinstance(raw.get("name"), str):
            title = f"{self.where} [[{name}]] {raw['name']}"
        given: dict[str, Any] = {}
        for key, value in raw.items():
            if key not in options:
                self.problems.append(Problem(title, f"unknown key {key!r}", "one of " + ", ".join(options),
                                             meant(key, options, otherwise="remove it")))
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
        kind, inner = typing.get_origin(hint), next(iter(typing.get_args(hint)), None)
        if dataclasses.is_dataclass(hint):
            if not isinstance(value, dict):
                return self._wrong(title, option.name, value, "a table")
            return self.section(typing.cast("type[Any]", hint), value, name)
        if kind is tuple and dataclasses.is_dataclass(inner):
            if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
                return self._wrong(title, option.name, value, f"[[{option.name}]], as often as there are")
            return tuple(self.section(typing.cast("type[Any]", inner), item, name, listed=True) for item in value)
        if kind is dict:
            if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
                return self._wrong(title, option.name, value, "texts")
            return value
        if kind is tuple:
            if not isinstance(value, list):
                return self._wrong(title, option.name, value, "a list in [ ]")
            composed = (unicodedata.normalize("NFC", item) if isinstance(item, str) else item for item in value)
            read = tuple(self._scalar(inner, item, option, title) for item in composed)
            return _WRONG if any(item is _WRONG for item in read) else read
        return self._scalar(hint, value, option, title)

    def _scalar(self, hint: Any, value: Any, option: dataclasses.Field[Any], title: str) -> Any:  # noqa: ANN401
        if hint is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, hint) or (hint is not bool and isinstance(value, bool)):
            return self._wrong(title, option.name, value, _KINDS.get(hint, "another kind of value"))
        if isinstance(value, str) and hidden_in(value.replace("\n", "").replace("\t", "")):
            return self._wrong(title, option.name, value, "a text of which every character is seen")
        about = option.metadata
        if about["choices"] and value not in about["choices"]:
            return self._wrong(title, option.name, value, " or ".join(about["choices"]),
                               meant(str(value), about["choices"]))
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            low = -math.inf if about["low"] is None else about["low"]
            high = math.inf if about["high"] is None else about["high"]
            if not low <= value <= high or not math.isfinite(value):
                upwards = f"to {high:g}" if math.isfinite(high) else "up"
                return self._wrong(title, option.name, value, f"a finite number from {low:g} {upwards}",
                                   about["remedy"] if value < low else "")
        return value

    def _wrong(self, title: str, key: str, value: object, expected: str, remedy: str = "") -> Any:  # noqa: ANN401
        self.problems.append(Problem(f"{title} {key}", repr(value), expected, remedy))
        return _WRONG


_WRONG = object()
_KINDS: dict[object, str] = {int: "a whole number", float: "a number", str: "a text in quotes", bool: "true or false"}


_DESIGNS = """\
# A salcompare study. Every option stands here with its default; delete what you do not change.
# docs/formats.md of salcompare describes every file that a study can read.
#
# people and a network    as it stands: boxes in data/raw/responses.csv, and AlexNet, which is also what a study without
#                         any [[classifier]] gets
# people alone            delete split, and [[classifier]] with all below it down to [attribution]; take the # from:
# classifier = []
#                         then nothing is trained, every image is a test image, and one actor, or one photograph that
#                         many people saw, is enough
# a network alone         [responses] source = "none"
# gaze, clicks or maps    [responses] source = "fixations" or "maps"
# a network's maps that are there already    delete split and [[classifier]]; take the # from [[precomputed]]"""
_FILES = {  # what the files of a section hold, one line a source
    "images": """\
# folder: ACTOR/IMAGE.jpg (.png, .tif, ...) below path; the image's id is ACTOR/IMAGE
# facescrub: the files that the list names by SHA-256, anywhere below path
# orl: the ORL faces, which come with the installation""",
    "landmarks": """\
# file: CSV of image,point,x,y[,z] or NPZ, in pixels of the photograph, the first pixel's centre at 0.5; or what dlib,
#       OpenFace or MediaPipe wrote. Points: 2 eye centres, 5, 68, 98, 468, 478 or named ones; left is the viewer's
# mediapipe: found when the study runs, where the extra landmarks is installed; salcompare landmarks writes a file""",
    "responses": """\
# csv: worker,image,label,x0,y0,x1,y1 and, if known, response,seconds,submitted,origin; a row is a box, in pixels from
#      the top left, half-open: it covers x0 <= x < x1. Other tools' exports: salcompare import FILE
# original: last_name,label,b0,b1,b2,b3, the box's top, left, height and width on 227 x 227 pixels; no worker, no image
# collect: the database of salcompare collect, data/collected/responses.sqlite
# fixations: worker,image,x,y and, if known, duration,trial; a row is a fixation or a click; see [fixations]
# maps: ACTOR/IMAGE, or WORKER/ACTOR/IMAGE, with the ending .npy, .png (grey), .npz or .nc, in a folder; or one .npz
#       file of arrays so named; or one .nc file with dims image, y, x and perhaps worker; values >= 0
# simulated: made up, with planted effects, on the test images; see [simulation]
# none: no people's side""",
    "labels": """\
# "eye" = "eyes"
# "laugh lines" = "laugh line\"""",
    "precomputed": """\
# Named and shaped as people's maps above, without a worker; of the test images."""}


def commented_toml(config: Config | None = None) -> str:
    """Write a study.toml with every option, its help and its default."""
    config = config or Config()
    lines = [_DESIGNS]
    # An empty list of sections has no header, and a bare key must stand before the first header.
    lines += [f"{section.name} = []" for section in dataclasses.fields(config)
              if getattr(config, section.name) == () != section.default]
    for section in dataclasses.fields(config):
        value = getattr(config, section.name)
        if isinstance(value, dict):
            lines += ["", f"[{section.name}]", f"# {section.metadata['help']}",
                      *(f"{toml_value(key)} = {toml_value(item)}" for key, item in value.items()), _FILES[section.name]]
        elif value == () == section.default:
            lines += ["", f"# [[{section.name}]]", *(f"# {line.removeprefix('# ')}" for line in _section_lines(
                Precomputed(), section.name))]  # the only one that may be there or not
        elif isinstance(value, tuple):
            for item in value:
                lines += ["", f"[[{section.name}]]", *_section_lines(item, section.name)]
        else:
            lines += ["", f"[{section.name}]", *_section_lines(value, section.name)]
    return "\n".join(lines) + "\n"


def _section_lines(section: Any, name: str) -> list[str]:  # noqa: ANN401 - any of the sections above
    lines, nested = [f"# {(section.__doc__ or '').strip()}", *_FILES.get(name, "").splitlines()], []
    for option in dataclasses.fields(section):
        value = getattr(section, option.name)
        if dataclasses.is_dataclass(value):
            nested += ["", f"[{name}.{option.name}]", *_section_lines(value, f"{name}.{option.name}")]
        else:
            told = f"{option.metadata['help']} {value}"
            untold = [choice for choice in option.metadata["choices"]
                      if choice not in told and not choice.startswith(f"{SMOOTHGRAD}_")]  # named by their prefix
            also = f" (also {', '.join(untold)})" if untold else ""
            lines.append(f"{option.name} = {toml_value(value)}  # {option.metadata['help']}{also}")
    return lines + nested


def toml_value(value: object) -> str:
    """Write a text, a number, a truth value, or a list of them as TOML does."""
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def flattened(settings: object, prefix: str = "") -> dict[str, Any]:
    """Give settings by dotted names, in their order; those of listed sections as ``classifier.alexnet.hidden``."""
    if isinstance(settings, dict) and settings:
        parts = list(settings.items())
    elif isinstance(settings, (list, tuple)) and settings and isinstance(settings[0], dict):
        parts = [(section["name"], section) for section in settings]
    else:
        return {prefix: settings} if prefix else {}
    inside = (flattened(part, f"{prefix}.{key}".lstrip(".")) for key, part in parts)
    return {name: value for part in inside for name, value in part.items()}
