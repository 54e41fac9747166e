"""What the report says of the quality of the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import pandas as pd

from salcompare.findings.agreement import BOXES
from salcompare.findings.labels import AGREEMENT
from salcompare.findings.quality import COPIES
from salcompare.printing import ALPHA, counted, number, percent
from salcompare.report.tables import PrintedTable, table_of, with_p_texts
from salcompare.statistics.inference.resampling import FEWEST_ACTORS
from salcompare.statistics.near_duplicates import LEAST, SIDE
from salcompare.study_data import StudyData


def quality_table(data: StudyData, name: str) -> pd.DataFrame:
    """Give a table of the quality of the responses; one without rows where there is none."""
    table: pd.DataFrame = data.get("quality", {}).get(name, pd.DataFrame())
    return table


def summary(data: StudyData) -> list[str]:
    """Say how many responses are left out, which verdicts they change, and which photographs look like copies."""
    return [*_exclusions(data), *_copies(data)]


def _copies(data: StudyData) -> list[str]:
    pairs: pd.DataFrame = data.get(COPIES, pd.DataFrame())
    if pairs.empty:
        return []
    named = "; ".join(f"{row['image']} and {row['other']} ({number(row['correlation'], 2)})"
                      for _, row in pairs.head(NAMED).iterrows())
    rest = f"; and {len(pairs) - NAMED:,} more, listed in a table" if len(pairs) > NAMED else ""
    across = int((pairs["actor"] != pairs["other_actor"]).sum())
    return [f"{counted(len(pairs), 'pair')} of photographs, {across:,} of them of two actors, may be copies "
            f"(correlation): {named}{rest}. Tests count each as an image of its own, and reject too often if they are: "
            "give two of one actor one shoot ([images] shoots), or remove one."
            + (" Of two actors, name a person who is both once, or remove the photograph of somebody else."
               if across else "")]


def _exclusions(data: StudyData) -> list[str]:
    images = quality_table(data, "quality_rules")
    if data.people != "boxes" or images.empty:
        return []
    workers, log, headlines = (quality_table(data, name) for name in ("quality_workers", "exclusions", "headlines"))
    if log.empty:
        return ["No response broke a rule of care, so that nothing is left out. Disagreeing with others is no rule."]
    out, kept = log["response"].nunique(), 0 if data.responses is None else len(data.responses)
    by = ", ".join(f"{row['rule']} {number(row['n_responses'])}" for _, row in images.iterrows() if row["n_responses"])
    said = [f"{out:,} of {out + kept:,} responses ({percent(out / (out + kept))}) break a rule of care and are left "
            f"out (responses by rule, some by several: {by}). Disagreeing with others is no rule."]
    if len(workers):
        whole = int((workers["kept"] == 0).sum())
        said.append(f"Of {len(workers):,} workers {whole:,} {'is' if whole == 1 else 'are'} left out entirely.")
    changed = headlines[headlines["verdict"].str.startswith("evidence", na=False)] if len(headlines) else headlines
    tested = int((headlines["verdict"].fillna("") != "").sum()) if len(headlines) else 0
    if len(changed):
        said.append("With all responses some verdicts differ: " + "; ".join(
            f"{row['headline']} ({row['verdict']})" for _, row in changed.iterrows()) + ".")
    elif tested:
        said.append(f"With all responses none of {tested} verdicts on headline numbers differs.")
    return said


SECTION: Literal["quality"] = "quality"
NAMED = 3  # pairs of photographs in the summary
MOST_PRINTED = 200  # rows of the log that the page prints; the CSV has all
_HEADLINES = ["headline", "value", "ci_low", "ci_high", "p_value", "n", "value_all", "ci_low_all", "ci_high_all",
              "p_value_all", "n_all", "difference", "verdict"]


def tables(data: StudyData) -> Iterator[PrintedTable]:
    """Make the tables of the part on quality; without boxes there is none of responses."""
    copies: pd.DataFrame = data.get(COPIES, pd.DataFrame())
    if len(copies):
        yield PrintedTable(COPIES, "Photographs that may be copies of each other", "No pair of one declared shoot.",
                           copies, simulated=False, section=SECTION)
    if data.people != "boxes":
        return
    yield _plain(data, "quality_rules", "What the rules take out",
        "only: responses that no other rule takes out. A rule that is off, or cannot be applied, says so in "
        "not_applied.")
    yield _plain(data, "quality_planted", "Are the careless workers found?",
        "The simulation planted workers of these kinds; found are those of whom at most half of the responses are "
        "kept. honest: what the rules take from workers who answer as they should.")
    yield _headlines(data)
    yield from _agreements(data.estimates)
    yield _plain(data, "agreement_images", "Do workers agree, image by image?",
        "mean_iou and same_label: mean over pairs of workers. Alphas take the chance distance of all images, and may "
        f"be below 0. low and high: 95% t intervals over the image's workers, from {FEWEST_ACTORS} workers on.",
        folded=True)
    yield _plain(data, "quality_workers", "Workers",
        "own_labels: share of responses with a label beside the original eleven. rules: those that took out any "
        "response.", folded=True)
    yield _plain(data, "quality_images", "Images", "", folded=True)
    yield _plain(data, "quality_checks", "Instructed checks", "The answer, the target, their IoU, and whether the "
        "answer is right.", folded=True)
    yield _log(data)


def _plain(data: StudyData, name: str, title: str, caption: str, *, folded: bool = False) -> PrintedTable:
    return _table(data, name, title, caption, quality_table(data, name), folded=folded)


def _table(data: StudyData, name: str, title: str, caption: str, printed: pd.DataFrame, *,
           folded: bool = False) -> PrintedTable:
    """Make a table whose CSV holds all columns and rows, and what kind of responses they rest on."""
    whole = quality_table(data, name).assign(responses="simulated" if data.simulated else "collected")
    return PrintedTable(name, title, caption, whole, simulated=data.simulated, folded=folded, printed=printed,
                        section=SECTION)


def _headlines(data: StudyData) -> PrintedTable:
    table = quality_table(data, "headlines")
    every = table.rename(columns={"p_value": "", "p_value_all": "p_value", "p_is": " ", "p_is_all": "p_is"})
    texts = {"p_value": with_p_texts(table).get("p_value"), "p_value_all": with_p_texts(every).get("p_value")}
    printed = table.assign(**{name: values for name, values in texts.items() if values is not None})
    return _table(
        data, "headlines", "Headline numbers with and without exclusions",
        "value, its interval, p and n are of the responses that are kept, as everywhere in this report; the columns "
        "that end in all are of all responses, computed in the same way with the same random draws. difference: the "
        f"first minus the second. verdict: whether evidence (p at most {ALPHA:g}, or without p an interval that leaves "
        "0 out) is there in both. p-values are not adjusted; those of the responses that are kept stand with their "
        "families in the other tables.", printed[[name for name in _HEADLINES if name in table]])


def _agreements(estimates: pd.DataFrame) -> Iterator[PrintedTable]:
    columns = ["metric", "value", "ci_low", "ci_high", "ci_method", "resampled", "n", "n_undefined", "reason"]
    both = estimates[estimates["statistic"].isin([BOXES, AGREEMENT])]
    of = both["statistic"].str.removesuffix("_agreement")
    both = both.assign(metric=(of + ", " + both["metric"].fillna("").str.replace("_", " ")).astype("str"))
    tables = [
        table_of("agreement", "Do workers agree on an image?",
            "mean iou: IoU of the boxes of two workers, the mean over pairs, images and actors. krippendorff alpha: 1 "
            "if all agree, 0 if answers of an image are no more alike than answers of any images; for boxes the "
            "distance is 1 - IoU, in shares of the image's sides. n counts images with two workers or more.",
            both[both["level"] == "population"], columns),
        table_of("agreement_actor", "Do workers agree, actor by actor?",
            "As above, with the chance distance of all images; intervals over workers, the images given.",
            both[both["level"] == "actor"], ["actor", *columns[:4], "n", "reason"], folded=True)]
    yield from (replace(table, section=SECTION) for table in tables)


def _log(data: StudyData) -> PrintedTable:
    table = quality_table(data, "exclusions")
    more = "" if len(table) <= MOST_PRINTED else f" The page prints the first {MOST_PRINTED:,} of {len(table):,}."
    return _table(data, "exclusions", "Every exclusion with its reason", "One row for each response and rule that "
                  f"takes it out; found is the number that broke the limit.{more}", table.head(MOST_PRINTED),
                  folded=True)


def _paragraph(data: StudyData) -> str:
    """Say by which rules responses are left out, and that disagreement is none."""
    settings = data.settings["quality"]
    rules = quality_table(data, "quality_rules")
    applied = [str(text) for text, why in zip(rules.get("takes_out", []), rules.get("not_applied", []), strict=True)
               if not why]
    said = ["Which feature stands out has no right answer, so that no rule compares a worker's answers on a photograph "
            "with other workers'. Left out are:", *(applied or ["nothing, since no rule was applied."]),
            "Every exclusion is logged with its rule, the number that broke it and the limit."]
    if "pace" in settings["rules"]:
        said.append("Of the rules, only the one on pace looks at other workers at all, at how long they took.")
    if "seconds" in settings["rules"]:
        said.append("Times are those that the source gives, from the image's appearing to the response.")
    return " ".join(said)


OF_COPIES = (
    f"Every test photograph is compared with every other at {SIDE} x {SIDE} grey pixels without what is coarse; pairs "
    f"that correlate by {LEAST:g} or more and are of no common shoot are named, and none is left out. Copies moved by "
    "one pixel in 128, lighter, or saved anew are found; copies moved further or cut anew may not be.")

OF_AGREEMENT = (
    "Agreement of boxes is the IoU of the boxes that two workers drew on one image: the mean over pairs, over an "
    "actor's images, and over actors. Krippendorff's alpha (2004) takes 1 - IoU for the distance of two boxes and sets "
    "the distance within images against that of any two responses, boxes being in shares of the image's width and "
    "height; an image's and an actor's alpha have the chance distance of all images, so that alpha of all is the mean "
    "of the images' weighted by their workers. A worker with several boxes on an image counts once. The interval of "
    "all crosses workers with images within actors (Schütt et al. 2023), the resampled chance distance taken to first "
    "order; those of an actor and of an image are t intervals over workers with the images given. In simulations with "
    "8 actors and 32 images they covered about as often as those of the labels' alpha do, 90% or more. People may "
    "choose what to draw, so that low agreement is no defect.")


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say how photographs were compared, which responses were left out, and how agreement of boxes was measured."""
    copies = [] if data.get(COPIES) is None else [("Look-alike photographs", OF_COPIES)]
    if data.people != "boxes":
        return copies
    return [*copies, ("Quality of responses", _paragraph(data)), ("Agreement of boxes", OF_AGREEMENT)]
