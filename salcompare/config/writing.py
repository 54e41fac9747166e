"""The commented study.toml that ``salcompare init`` leaves."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from salcompare.config.classifiers import Precomputed
from salcompare.config.sections import Config

_SECTIONS = {"precomputed": Precomputed()}  # shown as a comment where there is none


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
