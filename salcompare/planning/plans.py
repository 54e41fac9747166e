"""Making a plan: running the simulated studies and writing table, figure and page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from salcompare import store
from salcompare.errors import InputError, Problem
from salcompare.figures import save_figure
from salcompare.planning.power_cells import open_kept
from salcompare.planning.power_figure import power_figure
from salcompare.planning.power_runs import STATISTICS, Goal, Sizes, check_goal, planned_statistic, power
from salcompare.planning.power_words import answers, printed, summary
from salcompare.simulation.scenario import find_scenario

if TYPE_CHECKING:
    import pandas as pd

    from salcompare.planning.pilot import Pilot
    from salcompare.progress import Progress
    from salcompare.simulation.scenario import Scenario

KEPT = "runs.json"


@dataclass(frozen=True)
class Model:
    """What studies are simulated from.

    Attributes
    ----------
    scenario : Scenario
        The generative model.
    name : str
        In words, as in ``the demo's model``.
    classifier : bool
        Whether it has a classifier.
    parameters : DataFrame or None
        How a pilot's parameters were estimated.
    """

    scenario: Scenario
    name: str
    classifier: bool = True
    parameters: pd.DataFrame | None = None


@dataclass(frozen=True)
class Plan:
    """A finished plan.

    Attributes
    ----------
    table : DataFrame
        As `salcompare.planning.power` gives it.
    words : tuple of str
        The answers.
    printed : str
        The table in Markdown.
    paths : tuple of Path
        The files written.
    """

    table: pd.DataFrame
    words: tuple[str, ...]
    printed: str
    paths: tuple[Path, ...]


def named_model(name: str) -> Model:
    """Give the model of a named scenario.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    return Model(find_scenario(name), f"the model {name!r}")


def pilot_model(pilot: Pilot) -> Model:
    """Give the model that was estimated from a pilot study."""
    return Model(pilot.scenario, f"the pilot study {pilot.scenario.name!r}", pilot.classifier, pilot.parameters)


def make_plan(model: Model, statistic: str, sizes: list[Sizes], *, goal: Goal, runs: int, draws: int, seed: int,
              out: Path, progress: Progress) -> Plan:
    """Simulate what is missing and write the plan.

    Parameters
    ----------
    model : Model
        What studies are simulated from.
    statistic : str
        One of `power_runs.STATISTICS`.
    sizes, goal, runs, draws, seed
        As for `salcompare.planning.power`.
    out : Path
        Written into its folder STATISTIC: ``runs.json`` (every run, so that the same command goes on where it was
        stopped), ``power.csv``, ``power.md``, ``power.png`` and ``power.svg``, or the same named ``half-width``.
    progress : Progress
        Shows how far it is.

    Raises
    ------
    InputError
        If something asked for cannot be.
    """
    planned = planned_statistic(statistic)
    check_goal(planned, goal, runs, draws)
    if planned.classifier and not model.classifier:
        raise InputError(Problem(f"--statistic {statistic}", "needs a classifier's maps, and the pilot has none",
                                 "one of " + ", ".join(s.name for s in STATISTICS.values() if not s.classifier)))
    folder = out / statistic
    kept = open_kept(folder / KEPT, scenario=model.scenario, statistic=planned, seed=seed, draws=draws,
                     say=progress.say)
    table = power(model.scenario, planned, sizes, goal=goal, runs=runs, seed=seed, draws=draws, kept=kept,
                  progress=progress)
    figure = power_figure(table, planned, level=goal.level, model=model.name)
    page = summary(table, planned, goal, model=model.name, parameters=model.parameters, seed=seed, draws=draws)
    csv, markdown = folder / f"{goal.measure}.csv", folder / f"{goal.measure}.md"
    store.write_table(csv, table.assign(model=model.name, simulated=True))
    pictures = save_figure(figure, folder)
    store.write_text(markdown, f"{page}\n![{figure.title}]({pictures[0].name})\n\n{figure.caption}\n")
    return Plan(table, tuple(answers(table, goal)), printed(table), (csv, markdown, *pictures))
