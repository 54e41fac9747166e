"""Backbones of the user's own: ``module:factory``, in a file beside study.toml or in any importable module."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

from torch import nn

from salcompare.classifiers.backbones.recipe import IMAGENET, Backbone
from salcompare.errors import ConfigError, Problem
from salcompare.provenance import fingerprint, sha256_of_code, sha256_of_file


def own_backbone(name: str, *, root: Path | None = None) -> Backbone:
    """Make the recipe that ``module:factory`` names.

    Parameters
    ----------
    name : str
        ``nets:face`` is `face` in nets.py beside study.toml, else in the importable module nets. It is a callable
        without arguments that makes the layers, prepared images (n, 3, h, w) -> features (n, f), whose input is
        scaled as ImageNet's networks expect; or a `Backbone`, which says all of that itself.
    root : Path, optional
        The study's folder.

    Returns
    -------
    Backbone
        Called `name`. Weights are "none" or a file's path, besides those that a `Backbone` names.

    Raises
    ------
    ConfigError
        If the module is not found or cannot be run, or has no such callable.
    """
    module_name, _, attribute = name.partition(":")
    if not attribute.isidentifier() or not all(part.isidentifier() for part in module_name.split(".")):
        raise ConfigError(_problem(name, "is no module:factory", "such as 'nets:face', face in nets.py"))
    module = _module(name, module_name, root)
    found = getattr(module, attribute, None)
    code = sha256_of_code(module_name, root)
    if not code and module.__file__:
        code = {module_name: sha256_of_file(Path(module.__file__))}
    source = fingerprint(code) if len(code) > 1 else next(iter(code.values()), "")
    if isinstance(found, Backbone):
        return dataclasses.replace(found, name=name, source_sha256=source)
    if not callable(found):
        there = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise ConfigError(_problem(
            name, f"{module.__file__ or module_name} has no callable {attribute!r}",
            "one of " + ", ".join(there) if there else "a callable () -> nn.Module"))
    return Backbone(name, IMAGENET, partial(_made, name, found), prefixes=("", "module.", "model.", "features."),
                    source_sha256=source)


def _made(name: str, factory: Callable[[], object]) -> nn.Module:
    try:
        layers = factory()
    except Exception as error:  # the user's own code can raise anything
        raise ConfigError(_problem(name, f"fails with {type(error).__name__}: {error}",
                                   "a callable without arguments that makes the layers")) from error
    if not isinstance(layers, nn.Module):
        raise ConfigError(_problem(name, f"gives a {type(layers).__name__}", "an nn.Module, images -> features (n, f)"))
    return layers


def _module(name: str, module_name: str, root: Path | None) -> ModuleType:
    path = root and root.joinpath(*module_name.split(".")).with_suffix(".py")
    try:
        return _loaded(path, root) if path and root and path.is_file() else importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and module_name.split(".")[0] == error.name.split(".")[0]:
            where = f"a file {path}, or an importable module" if path else "an importable module"
            raise ConfigError(_problem(name, f"there is no module {module_name!r}", where)) from error
        raise ConfigError(_problem(name, f"imports {error.name!r}, which is not installed",
                                   remedy="install it")) from error
    except Exception as error:  # the user's own code can raise anything
        raise ConfigError(_problem(name, f"its module fails with {type(error).__name__}: {error}")) from error


def _loaded(path: Path, root: Path) -> ModuleType:
    """Run a file beside study.toml once for each content, so that two studies' files of one name do not mix."""
    key = f"_salcompare_{path.stem}_{sha256_of_file(path)[:16]}"
    if key in sys.modules:
        return sys.modules[key]
    spec = importlib.util.spec_from_file_location(key, path)
    assert spec is not None  # noqa: S101 - a name that ends in .py always has one
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules[key] = module  # dataclasses and pickle look a module up by its name
    try:
        with _importable(root):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[key]
        raise
    return module


@contextlib.contextmanager
def _importable(root: Path) -> Iterator[None]:
    """Let a file import its neighbours."""
    sys.path.insert(0, str(root))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(root))


def _problem(name: str, found: str, expected: str = "", remedy: str = "") -> Problem:
    return Problem(f"[[classifier]] backbone {name!r}", found, expected, remedy)
