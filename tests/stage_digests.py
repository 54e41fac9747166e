"""What each stage's result is computed by, told from the source alone, and digests of it that a test holds.

A stage's work is the function that it is made by, what that uses of the pipeline, and all modules of salcompare that
these import, directly or not. Comments, docstrings and layout do not count. When the test says that a stage's code
changed: raise ``version`` of the Stage in salcompare/pipeline if its results may change, else renew the digests with
``python -m tests.stage_digests --renew``.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
RECORDED = Path(__file__).with_name("stage_digests.json")
PIPELINE = "salcompare.pipeline"
BY_NAME = {"salcompare.findings.analysis": ("estimates",), "salcompare.findings.quality.estimates": ("estimates",),
           "salcompare.pipeline.study_data": ("inputs",), "salcompare.findings.content": ("words", "figure")}
"""Modules that load a part of every finding by its name."""
DECLARED = {"salcompare.classifiers.methods": "salcompare.config.methods"}
"""Modules that load functions of their package as another one declares them, ``module:function``."""
ASIDE = {"salcompare", *(f"salcompare.{name}" for name in ("errors", "progress", "stages", "records", "study"))}
"""Modules that run stages, read their results or say things, and make no result themselves."""


def sources() -> dict[str, str]:
    """Source of every module, by its name."""
    found = {}
    for path in sorted((ROOT / "salcompare").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return found


def data_files(module: str) -> dict[str, bytes]:
    """Files beside a module that are no code: templates, tables of constants, styles."""
    path = ROOT.joinpath(*module.split("."))
    folder = path if path.is_dir() else path.parent
    return {f"{module.rpartition('.')[0]}/{file.name}": file.read_bytes() for file in sorted(folder.iterdir())
            if file.is_file() and file.suffix not in (".py", ".pyc", ".typed")}


def plain(node: object) -> object:
    """Turn a syntax tree into lists and values that are the same in every version of Python, without docstrings."""
    if isinstance(node, list):
        return [plain(part) for part in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = {name: getattr(node, name, None) for name in node._fields if name not in ("ctx", "kind", "type_comment")}
    body, documented = fields.get("body"), (ast.Module, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    if isinstance(node, documented) and body and _is_text(body[0]):
        fields["body"] = body[1:]
    return [type(node).__name__,
            [[name, plain(value)] for name, value in sorted(fields.items()) if value not in (None, [])]]


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def digest(node: ast.AST) -> str:
    """Digest of what a piece of source does, however it is laid out."""
    return hashlib.sha256(json.dumps(plain(node)).encode()).hexdigest()[:16]


parsed = cache(ast.parse)


@cache
def text_digest(text: str) -> str:
    """Digest of a module's source."""
    return digest(parsed(text))


def is_wiring(module: str) -> bool:
    """Whether a module wires stages to what does their work, so that only the definitions that a stage uses count."""
    return module.startswith(PIPELINE) or (module.startswith("salcompare.findings.") and module.endswith(".stage"))


class Code:
    """All modules of salcompare, parsed."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.trees = {name: parsed(text) for name, text in texts.items()}
        self.module_digest = cache(lambda name: text_digest(texts[name]))
        self.imports_of = cache(self._imports)

    def stages(self) -> dict[str, int]:
        """Version of each function that makes a stage, by its name in the pipeline."""
        found: dict[str, int] = {}
        for module, tree in self.trees.items():
            for call in ast.walk(tree) if is_wiring(module) else ():
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Stage":
                    options = {key.arg: key.value for key in call.keywords}
                    made = call.args[3] if len(call.args) > 3 else options["make"]
                    made = made.args[0] if isinstance(made, ast.Call) else made
                    module_of, name = self.resolved(module, made.id)
                    key = f"{module_of}:{name}"
                    version = ast.literal_eval(options["version"]) if "version" in options else 1
                    assert found.setdefault(key, version) == version, f"{key} has two versions"
        return found

    def work(self, stage: str) -> dict[str, str]:
        """Digest of every piece of code and data that a stage's result rests on, by name."""
        left, found, modules = [tuple(stage.split(":"))], {}, set()
        while left:
            module, name = left.pop()
            if f"{module}:{name}" in found or module in ASIDE:
                continue
            if not is_wiring(module) or not name:
                modules.add(module)
                continue
            nodes = [node for node in self.trees[module].body if name in _defined(node)]
            found[f"{module}:{name}"] = "".join(map(digest, nodes))
            used = {part.id for node in nodes for part in ast.walk(node) if isinstance(part, ast.Name)}
            inside = {taken for node in nodes for taken in self._imports_in(node)}
            left += [self.resolved(module, other) for other in used if self.resolved(module, other) != (module, "")]
            left += list(inside)
        for module in self.closure(modules):
            found[module] = self.module_digest(module)
            found |= {file: hashlib.sha256(content).hexdigest()[:16] for file, content in data_files(module).items()}
        return found

    def closure(self, modules: set[str]) -> set[str]:
        """Modules and all that they import of salcompare, but for those that are aside."""
        left, found = list(modules), set()
        while left:
            module = left.pop()
            if module not in found and module not in ASIDE and module in self.trees:
                found.add(module)
                left += [other for other, _ in self.imports_of(module)]
                left += [other for other in self.trees if module in BY_NAME and other.startswith("salcompare.findings.")
                         and other.rpartition(".")[2] in BY_NAME[module]]
                left += self._declared(module)
        return found

    def _declared(self, module: str) -> set[str]:
        """Modules that a module loads as another one declares them."""
        tree, package = self.trees.get(DECLARED.get(module, "")), module.rpartition(".")[0]
        texts = [part.value for part in ast.walk(tree) if isinstance(part, ast.Constant)] if tree else []
        return {f"{package}.{text.partition(':')[0]}" for text in texts
                if isinstance(text, str) and re.fullmatch(r"\w+:\w+", text)}

    def resolved(self, module: str, name: str) -> tuple[str, str]:
        """Where a name of a module is defined: its module, and its name there; itself where that is not ours."""
        tree = self.trees[module]
        if any(name in _defined(node) for node in tree.body):
            return module, name
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("salcompare"):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return self._target(str(node.module), alias.name)
        return module, ""

    def _imports(self, module: str) -> frozenset[tuple[str, str]]:
        return frozenset(self._imports_in(self.trees[module]))

    def _imports_in(self, node: ast.AST) -> set[tuple[str, str]]:
        guards = [part for part in ast.walk(node)
                  if isinstance(part, ast.If) and "TYPE_CHECKING" in ast.dump(part.test)]
        typing_only = {id(part) for guard in guards for inner in guard.body for part in ast.walk(inner)}
        found = set()
        for part in ast.walk(node):
            if id(part) in typing_only:
                continue
            if isinstance(part, ast.ImportFrom) and (part.module or "").startswith("salcompare"):
                found |= {self._target(str(part.module), alias.name) for alias in part.names}
            elif isinstance(part, ast.Import):
                found |= {(alias.name, "") for alias in part.names if alias.name in self.trees}
        return found

    def _target(self, module: str, name: str) -> tuple[str, str]:
        """What ``from module import name`` gives; a package that only hands on names is looked through."""
        if f"{module}.{name}" in self.trees:
            return f"{module}.{name}", ""
        hands_on = module in self.trees and all(
            isinstance(node, (ast.Import, ast.ImportFrom)) or _is_text(node) or "__all__" in _defined(node)
            for node in self.trees[module].body)
        if hands_on and (found := self.resolved(module, name))[1]:
            return found
        return module, name if module.startswith(PIPELINE) else ""


def _defined(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else []
    targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
    return {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}


def measured(texts: dict[str, str]) -> dict[str, dict[str, object]]:
    """Version of each stage and digests of all that it rests on."""
    code = Code(texts)
    versions = code.stages()
    work = {stage: code.work(stage) for stage in versions}
    return {"parts": {name: value for parts in work.values() for name, value in parts.items()},
            "stages": {stage: {"version": version, "digest": hashlib.sha256(
                json.dumps(work[stage], sort_keys=True).encode()).hexdigest()[:16]}
                for stage, version in versions.items()}}


def complaints(recorded: dict[str, dict[str, object]], now: dict[str, dict[str, object]]) -> list[str]:
    """Say of each stage whose code changed, with neither a higher version nor a renewed digest, what changed."""
    parts, before = now["parts"], recorded["parts"]
    changed = sorted(name for name in {*parts, *before} if parts.get(name) != before.get(name))
    found = []
    for stage, entry in now["stages"].items():
        old = recorded["stages"].get(stage)
        if old is None or (entry["digest"] != old["digest"] and entry["version"] <= old["version"]):
            found.append(f"{stage} rests on code that changed ({', '.join(changed[:5])}): raise version of its Stage "
                         "if results may change, else run: python -m tests.stage_digests --renew")
    return found


if __name__ == "__main__":
    current = measured(sources())
    if sys.argv[1:] == ["--renew"]:
        RECORDED.write_text(json.dumps(current, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print("\n".join(complaints(json.loads(RECORDED.read_text(encoding="utf-8")), current)) or "all digests are current")
