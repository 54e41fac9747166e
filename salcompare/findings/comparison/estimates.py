"""Which estimates stand side by side when classifiers are compared: one row a quantity and source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from salcompare.schema import ESTIMATES


@dataclass(frozen=True)
class Quantity:
    """One quantity of the comparison.

    Attributes
    ----------
    name, title : str
        A word for files, and words for people.
    choices : tuple of mapping
        Columns of the estimates and their values; the first choice of which there is a value for any source is taken.
        Differences, which have a contrast, only where it is named.
    of : {"source", "variant"}
        Whether sources are named CLASSIFIER/VARIANT/METHOD or CLASSIFIER/VARIANT.
    needs : str
        What must be there for it to be computed.
    said : tuple of str
        Columns of the estimates that the title leaves open.
    beside : {"", "null_mean", "ceiling"}
        What the value is read against.
    """

    name: str
    title: str
    choices: tuple[Mapping[str, str], ...]
    of: Literal["source", "variant"] = "source"
    beside: Literal["", "null_mean", "ceiling"] = ""
    needs: str = ""
    said: tuple[str, ...] = ("form",)


_OVERLAP = {"metric": "pearson", "form": "smoothed"}
_CONTROL = {"statistic": "overlap_control", **_OVERLAP, "contrast": "classifier - control"}
# Networks' logits have scales of their own, so that probabilities are compared first.
_FILLS, _OUTPUTS = ("mean", "blur", "noise"), ("probability", "logit", "accuracy")
QUANTITIES = (
    Quantity("accuracy", "Accuracy, test images", ({"statistic": "accuracy", "metric": "test"},), of="variant",
             needs="training in this study"),
    Quantity("r2", "R² of who is shown", ({"statistic": "variance_explained", "metric": "r2",
                                           "form": "smoothed masks"},), beside="null_mean"),
    Quantity("between_actor_share", "Between-actor share", (
        {"statistic": "variance_explained", "metric": "between_actor_share", "form": "smoothed masks"},)),
    Quantity("symmetry", "Symmetry index", ({"statistic": "symmetry", "metric": "index"},), beside="null_mean"),
    Quantity("overlap", "Overlap with people", ({"statistic": "overlap", **_OVERLAP, "contrast": "same image"},),
             beside="ceiling", needs="maps of people that name images"),
    Quantity("share_of_ceiling", "Share of the ceiling", (
        {"statistic": "share_of_ceiling", **_OVERLAP, "contrast": "over no correlation"},),
             needs="people's maps that say which worker made what"),
    Quantity("minus_randomised", "Overlap minus a randomised network's", (
        {**_CONTROL, "against": "randomised network"},), needs="the controls"),
    Quantity("minus_sobel", "Overlap minus Sobel edges'", ({**_CONTROL, "against": "sobel"},), needs="the controls"),
    Quantity("deletion_auc", "Deletion AUC", tuple(
        {"statistic": "deletion_auc", "metric": metric, "form": fill} for metric in _OUTPUTS for fill in _FILLS),
             needs="deletion curves", said=("metric", "form")),
    Quantity("seed_reliability", "Reliability over seeds", (
        {"statistic": "seed_reliability", **_OVERLAP, "contrast": "same image"},),
             needs="two or more seeds of the classifier"),
)
COLUMNS = ("quantity", "title", "detail", "source", "value", "value_one", "value_other", "ci_low", "ci_high",
           "ci_method", "resampled", "beside", "reference", "p_value", "p_is", "n", "reason", "responses")


def side_by_side(estimates: pd.DataFrame, sources: Sequence[str]) -> pd.DataFrame:
    """Take from the estimates what a comparison of classifiers shows.

    Parameters
    ----------
    estimates : DataFrame
        See `salcompare.schema.ESTIMATES`.
    sources : sequence of str
        Classifiers' sources, such as ``alexnet/finetuned/guided_backprop``.

    Returns
    -------
    DataFrame
        One row a quantity and source: **quantity**, **title**, **detail** (how the maps were prepared), **source**;
        **value**, of a difference **value_one** and **value_other** that it is of, **ci_low**, **ci_high**,
        **ci_method**, **resampled**, **p_value**, **p_is**, **n**, **responses**;
        **reference**, what it is read against, and **beside**, which kind that is (null_mean or ceiling); **reason**
        why a value is NaN.
    """
    population = estimates.reindex(columns=list(ESTIMATES.names))
    population = population[population["level"] == "population"]
    rows = [row for quantity in QUANTITIES for row in _rows(population, quantity, sources)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def left_out(table: pd.DataFrame) -> list[str]:
    """Say which quantities no source has, and why, from what `side_by_side` gives."""
    said = []
    for quantity in QUANTITIES:
        part = table[table["quantity"] == quantity.name]
        if len(part) and part["value"].isna().all():
            reasons = list(dict.fromkeys(part["reason"].dropna()))
            said.append(f"{quantity.title}: {'; '.join(reasons)}")
    return said


def _rows(population: pd.DataFrame, quantity: Quantity, sources: Sequence[str]) -> Iterator[dict[str, object]]:
    names = {source: source if quantity.of == "source" else source.rsplit("/", 1)[0] for source in sources}
    found = _chosen(population, quantity, set(names.values()))
    detail = "" if found.empty else ", ".join(
        text for text in found.iloc[0][list(quantity.said)] if isinstance(text, str) and text)
    for source, name in names.items():
        of = found[found["source"] == name]
        row: dict[str, object] = {"quantity": quantity.name, "title": quantity.title, "detail": detail,
                                  "source": source, "beside": quantity.beside}
        if of.empty:
            yield {**row, "reason": f"not computed; it needs {quantity.needs}" if quantity.needs else "not computed"}
            continue
        one = of.iloc[0]
        yield {**row, **{name: one[name] for name in COLUMNS if name in one}, "source": source,
               "reference": one[quantity.beside] if quantity.beside else None}


def _chosen(population: pd.DataFrame, quantity: Quantity, names: set[str]) -> pd.DataFrame:
    """Rows of the first choice that has a value of any source; those of the first choice where none has."""
    of = population[population["source"].isin(names)]
    found = [_fitting(of, choice) for choice in quantity.choices]
    return next((rows for rows in found if rows["value"].notna().any()), found[0])


def _fitting(table: pd.DataFrame, choice: Mapping[str, str]) -> pd.DataFrame:
    for column, value in choice.items():
        table = table[table[column] == value]
    return table if "contrast" in choice else table[table["contrast"].isna()]
