"""What is written down before the data: the plan of a study, sealed in frozen.toml, and what has changed since."""

import dataclasses
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from salcompare import __version__, provenance, store
from salcompare.config import flattened, toml_value
from salcompare.errors import DamagedError, InputError, Problem, StaleError, meant
from salcompare.findings import shown
from salcompare.findings.finding import Headline
from salcompare.findings.p_values import FAMILIES
from salcompare.findings.unique import OF_SOURCE
from salcompare.printing import ALPHA, counted, joined
from salcompare.study import Study

FILE = "frozen.toml"
NUMBERS = ("actors", "images", "workers")
UNSTATED = "not stated"
_SHOWN_ONLY = ("report.", "study.name", "maps.human_share", "collect.hosts", "collect.root_path", "collect.proxies",
               "collect.contact", "collect.prolific_code")
"""Settings that change no result."""
_HEAD = """\
# The plan of this study, as salcompare freeze wrote it; the report says what has changed since. Leave it as it is:
# sha256 is of all that it says, and a plan that was edited is no evidence.
"""
_NOTES = {"primary": "the one quantity that the study's main claim rests on, and the smallest effect worth having",
          "exclusions": "which rules leave responses out; their thresholds are among the settings",
          "family": "which tests are adjusted together", "planned": "numbers of replicates",
          "settings": "everything in study.toml that can change a result"}


@dataclasses.dataclass(frozen=True)
class Choice:
    """What a user says of a plan beside study.toml; what is empty or 0 takes what the study says."""

    primary: str = ""
    """Title of the primary quantity."""
    numbers: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """Planned `NUMBERS`."""
    after_data: bool = False
    """Whether a plan may be frozen after there are responses or results."""
    overwrite: bool = False
    """Whether it may replace an earlier one."""


def freeze(study: Study, choice: Choice | None = None) -> Path:
    """Write a study's plan into its frozen.toml, and give its path; the photographs must be read.

    The file has date, version, primary quantity, smallest effect, exclusions, family, planned numbers and settings,
    with a checksum of them all. `choice` is what study.toml does not say; `InputError` if a plan, responses or results
    are there and it does not allow for that, or the primary quantity is none of the study's.
    """
    choice = choice or Choice()
    path, before = study.root / FILE, data_there(study)
    if before and not choice.after_data:
        raise InputError(Problem(str(study.root), f"there are {before} already", "a plan before the data",
                                 "to freeze one that says that it came after them, add --after-data"))
    if path.exists() and not choice.overwrite:
        raise InputError(Problem(str(path), "is there already", "one plan of a study", "to replace it by one that says "
                                 "that it is a later one, add --overwrite"))
    if problems := [Problem(f"--{name}", str(number), "a number above 0")
                    for name, number in choice.numbers.items() if number < 0]:
        raise InputError(problems)
    plan: dict[str, Any] = {
        "frozen": f"{datetime.now(UTC):%Y-%m-%d}", "salcompare": __version__,
        "data": before or "none yet",
        "replaces": provenance.sha256_of_file(path) if path.exists() else "no earlier plan",
        "primary": _primary(study, choice.primary),
        "exclusions": {"rules": study.config.quality.rules, "drop_invalid": study.config.responses.drop_invalid},
        "family": {"primary": f"a single test at {ALPHA:g}, not adjusted", "others": FAMILIES},
        "planned": _numbers(study) | {name: number for name, number in choice.numbers.items() if number},
        "photographs": _photographs(study),
        "settings": planned_settings(study)}
    store.write_text(path, _HEAD + "\n".join(_lines(provenance.sealed(plan))) + "\n")
    return path


def data_there(study: Study) -> str:
    """Name what is there of a study's responses and results; empty where nothing is."""
    config = study.config.responses
    there = []
    if config.source == "collect":
        from salcompare.sources.collected import collected_path, collected_responses

        path = collected_path(config.path)
        if (study.root / path).is_file() and (n := len(collected_responses(study.root / path, shown=path))):
            there.append(f"{counted(n, 'response')} in {path}")
    elif config.source not in ("simulated", "none") and (study.root / config.path).exists():
        there.append(f"responses in {config.path}")
    if (study.processed / "estimates.csv").exists():
        there.append("estimates")
    return joined(there)


def standing(study: Study) -> tuple[str, ...]:
    """Say whether a study is run as it was frozen: a sentence, then what has changed since, one text each."""
    path = study.root / FILE
    if not path.exists():
        return ("No plan was frozen before the data (salcompare freeze): read every test here as exploratory.",)
    try:
        plan = read_plan(path)
    except DamagedError as error:
        return (f"The plan is no evidence: {error.problems[0].found}.",)
    late = "before there were data" if plan["data"] == "none yet" else f"when there were {plan['data']} already"
    again = "" if plan["replaces"] == "no earlier plan" else ", in place of an earlier plan"
    primary, changed = plan["primary"], tuple(_changes(plan, study))
    how = "not run as frozen" if changed else "run as frozen"
    return (f"Frozen on {plan['frozen']}, {late}{again}; {how}. Primary quantity: {primary['quantity']}; smallest "
            f"effect of interest: {primary['smallest_effect']}; all else is secondary.", *changed)


def read_plan(path: Path) -> dict[str, Any]:
    """Read a plan; `DamagedError` where it is not as `freeze` wrote it."""
    try:
        plan = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        plan = {}
    if not provenance.seal_holds(plan):
        raise DamagedError(Problem(str(path), f"{path.name} was changed by hand: its checksum is not that of its "
                                   "content", remedy="put back the file as it was written"))
    return plan


def _changes(plan: Mapping[str, Any], study: Study) -> Iterator[str]:
    """Word what differs from the plan: settings, version, numbers and whether data came first."""
    if plan["salcompare"] != __version__:
        yield f"salcompare: frozen with {plan['salcompare']}, now {__version__}"
    before, now = plan["settings"], provenance.sealed(planned_settings(study))
    for name in dict.fromkeys((*before, *now)):
        if name != provenance.SEAL and before.get(name) != now.get(name):
            yield f"{name}: frozen {_said(before, name)}, now {_said(now, name)}"
    if UNSTATED not in (photographs := _photographs(study), plan["photographs"]) and photographs != plan["photographs"]:
        yield "photographs: others than were frozen"
    numbers = _numbers(study)
    for name in NUMBERS:
        if UNSTATED not in (plan["planned"][name], numbers[name]) and plan["planned"][name] != numbers[name]:
            yield f"{name}: planned {plan['planned'][name]:,}, now {numbers[name]:,}"


def _said(settings: Mapping[str, Any], name: str) -> str:
    return toml_value(settings[name]) if name in settings else "not there"


def planned_settings(study: Study) -> dict[str, Any]:
    """Give everything in study.toml that can change a result, by dotted names."""
    return {name: value for name, value in flattened(dataclasses.asdict(study.config)).items()
            if not name.startswith(_SHOWN_ONLY)}


def _numbers(study: Study) -> dict[str, int | str]:
    """Count actors and images that are compared, and workers; what is not known yet is not stated."""
    numbers: dict[str, int | str] = dict.fromkeys(NUMBERS, UNSTATED)
    try:
        images = study.images[study.images["split"] == "test"] if study.compares else study.images
        numbers |= {"actors": int(images["actor"].nunique()), "images": len(images)}
        if study.simulated:
            numbers["workers"] = study.config.simulation.workers
        elif study.people != "none" and "worker" in study.responses and study.responses["worker"].notna().all():
            numbers["workers"] = int(study.responses["worker"].nunique())
    except (StaleError, InputError):
        pass
    return numbers


def _photographs(study: Study) -> str:
    """Hash the names and files of all photographs, where they are read."""
    try:
        return provenance.sha256_of_parts(study.images["image"] + " " + study.images["sha256"])
    except StaleError:
        return UNSTATED


def _primary(study: Study, wanted: str) -> dict[str, str]:
    """Name the primary quantity, by default unique agreement, of people alone the first, and its smallest effect."""
    sides = ["human"] * (study.people != "none") + ["classifier"] * (study.people != "none" and study.compares)
    titles = {how.named(quantity.title): how.of for quantity, how in shown(Headline) if how.of in sides}
    chosen = next((title for title in titles if title.casefold() == wanted.casefold()), "")
    if wanted and not chosen:
        raise InputError(Problem("--primary", repr(wanted), "one of " + ", ".join(titles), meant(wanted, titles)))
    by_itself = next((title for title, of in titles.items() if of == sides[-1]), UNSTATED)
    usual = OF_SOURCE.title if OF_SOURCE.title in titles else by_itself
    effect = f"{study.config.statistics.smallest_effect:g} of its ceiling"
    primary = chosen or usual
    return {"quantity": primary, "smallest_effect": effect if primary == OF_SOURCE.title else UNSTATED}


def _lines(plan: Mapping[str, Any]) -> Iterator[str]:
    """Write a plan as TOML, its tables last."""
    yield from (f"{name} = {toml_value(value)}" for name, value in plan.items() if not isinstance(value, dict))
    for title, table in plan.items():
        if isinstance(table, dict):
            yield from ("", f"[{title}]  # {_NOTES[title]}")
            yield from (f"{name if name.isidentifier() else toml_value(name)} = {toml_value(value)}"
                        for name, value in table.items())
