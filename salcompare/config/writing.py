"""The commented study.toml that ``salcompare init`` leaves."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from salcompare.config.attribution import SMOOTHGRAD
from salcompare.config.classifiers import Precomputed
from salcompare.config.sections import Config

_SECTIONS = {"precomputed": Precomputed()}  # shown as a comment where there is none
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
                      *(f"{_toml(key)} = {_toml(item)}" for key, item in value.items()), _FILES[section.name]]
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
    lines, nested = [f"# {(section.__doc__ or '').strip()}", *_FILES.get(name, "").splitlines()], []
    for option in dataclasses.fields(section):
        value = getattr(section, option.name)
        if dataclasses.is_dataclass(value):
            nested += ["", f"[{name}.{option.name}]", *_section_lines(value, f"{name}.{option.name}")]
        else:
            lines.append(f"{option.name} = {_toml(value)}  # {option.metadata['help']}{_untold(option, value)}")
    return lines + nested


def _untold(option: dataclasses.Field[Any], value: object) -> str:
    """Name the choices that neither the help nor the default does; smoothed methods are named by their prefix."""
    told = f"{option.metadata['help']} {value}"
    untold = [choice for choice in option.metadata["choices"]
              if choice not in told and not choice.startswith(f"{SMOOTHGRAD}_")]
    return f" (also {', '.join(untold)})" if untold else ""


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
