"""The stages may import only what is before them; torch only the classifiers."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "salcompare"
BASE = {"errors", "schema", "config", "provenance", "verified", "store", "map_stream", "progress", "naming", "printing",
        "texts", "blocks", "study_data", "random_numbers"}
ORDER = ["faces", "sources", "maps", "statistics", "figures", "report"]
BESIDE = {"classifiers": {"faces", "sources", "maps"}, "simulation": {"faces", "sources", "maps"},
          "collect": {"faces", "sources"}}
TOP = ["records", "stages", "study", "findings", "planning", "pipeline", "opening",
       "commands", "cli"]
ENTRIES = {"__main__", "__init__"}  # they may reach all; nothing of ours imports them
HEAVY = {"torch", "pandas", "xarray", "scipy", "plotnine", "matplotlib", "skimage", "dask", "zarr", "statsmodels"}


def part_of(path: Path) -> str:
    """The first name under salcompare/ that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def names_imported(path: Path) -> set[tuple[str, str]]:
    """Every module that a file imports with each name taken from it, inside functions too, not for type checkers."""
    tree = ast.parse(path.read_text())
    guards = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    typing_only = {id(node) for guard in guards for part in guard.body for node in ast.walk(part)}
    found = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {(node.module, alias.name) for alias in node.names}
    return found


def imported(path: Path) -> set[str]:
    """Every module that a file imports."""
    return {f"{module}.{taken}" if module == "salcompare" and taken else module
            for module, taken in names_imported(path)}


def allowed(part: str) -> set[str]:
    if part in BASE:
        return BASE
    if part in ORDER:
        return BASE | set(ORDER[: ORDER.index(part) + 1])
    if part in BESIDE:
        return BASE | BESIDE[part] | {part}
    below = set(TOP if part in ENTRIES else TOP[: TOP.index(part) + 1])
    beside = {"simulation"} if part in ("findings", "planning") else set(BESIDE)
    return BASE | set(ORDER) | beside | below


FILES = sorted(ROOT.rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_stage_imports_only_what_is_before_it(path):
    ours = {module.split(".")[1] for module in imported(path) if module.startswith("salcompare.")}
    of_stage = {"classifiers"} if is_stage(path) else set()
    assert ours - {"__version__"} <= allowed(part_of(path)) | of_stage, f"{path} imports what comes after it"


def is_stage(path: Path) -> bool:
    """Whether a file is a finding's long stage: it alone asks networks, and only the pipeline imports it."""
    return part_of(path) == "findings" and path.name == "stage.py"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_only_the_pipeline_imports_the_stages_of_findings(path):
    stages = [module for module in imported(path) if re.fullmatch(r"salcompare\.findings\.\w+\.stage", module)]
    assert not stages or part_of(path) == "pipeline"


def module_name(path: Path) -> str:
    """The name that a file is imported by."""
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules that lie on some circle of imports or between two circles: what is left without sources and sinks."""
    left = set(graph)
    while gone := {m for m in left if not graph[m] & left or not any(m in graph[other] for other in left)}:
        left -= gone
    return sorted(left)


def test_no_modules_import_one_another_in_a_circle():
    modules = {module_name(path): path for path in FILES}
    graph = {}
    for module, path in modules.items():
        # `from package import name` is the module of that name where there is one, and the package where there is not.
        found = {f"{m}.{n}" if f"{m}.{n}" in modules else m for m, n in names_imported(path)}
        graph[module] = {m for m in found if m in modules and m != module}
    assert circle(graph) == []
    assert circle({**graph, "salcompare.errors": {"salcompare.cli"}}), "a circle would not be seen"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_only_the_classifiers_import_torch(path):
    uses = any(module.split(".")[0] in {"torch", "torchvision"} for module in imported(path))
    assert not uses or part_of(path) == "classifiers"


def test_only_the_top_reaches_classifiers_simulation_and_planning():
    reaching = {part_of(path) for path in FILES if not is_stage(path) and path.name != "calibration.py"
                if any(m.startswith(("salcompare.classifiers", "salcompare.simulation", "salcompare.collect"))
                       for m in imported(path))}
    assert reaching <= {"commands", "pipeline", "planning", "classifiers", "simulation", "collect"}
    planned = {part_of(path) for path in FILES if any(m.startswith("salcompare.planning") for m in imported(path))}
    assert planned <= {"commands", "pipeline", "planning"}


@pytest.mark.parametrize("command", ["import salcompare",
                                     "import salcompare.cli; salcompare.cli._parser().format_help()"])
def test_the_package_and_its_help_load_nothing_heavy(command):
    script = f"{command}\nimport sys; print(sorted({HEAVY!r} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_public_name_resolves():
    import salcompare

    assert all(getattr(salcompare, public) is not None for public in salcompare.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = salcompare.nothing
