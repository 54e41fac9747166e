"""The sentences that captions share: what n is, what the interval is, and where the photographs come from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from salcompare.figures.data import SIMULATED_RESPONSES
from salcompare.printing import counted, joined
from salcompare.study_data import StudyData

_METHODS = {"percentile": "percentile bootstrap", "bca": "BCa bootstrap", "t": "t", "wilson": "Wilson",
            "jackknife": "jackknife"}


def caption(data: StudyData, sentences: Iterable[str], *, responses: bool, photographs: bool) -> str:
    """Join sentences, ended by what must be said of simulated responses and of the photographs.

    Parameters
    ----------
    sentences : iterable of str
        Without blanks around; empty ones are left out.
    responses, photographs : bool
        Whether the figure uses responses, and shows photographs.
    """
    said = [sentence for sentence in sentences if sentence]
    if responses and data.simulated:
        said.append(SIMULATED_RESPONSES)
    if photographs and data.credit:
        credit = data.credit if data.credit.startswith("Photographs") else f"Photographs: {data.credit}"
        said.append(f"{credit.rstrip('.')}.")
    return " ".join(said)


def response_counts(data: StudyData) -> str:
    """Say how many responses, workers, images and actors there are."""
    table = data.responses
    if table is None:
        return ""
    parts = [counted(len(table), "response")]
    parts += [counted(int(table[column].nunique()), column) for column in ("worker", "image") if column in table]
    actors = table["actor"] if "actor" in table else table["image"].map(data.images.set_index("image")["actor"])
    return joined([*parts, counted(int(actors.nunique()), "actor")])


def interval(estimates: pd.DataFrame) -> str:
    """Name the interval of some estimates, as in ``95% percentile bootstrap intervals over workers``.

    Several kinds are joined; ``no interval`` where none of the estimates has one, with the reason if all share it.
    Where an estimate has a p-value, ``n_resamples`` counts its permutations, and so is no count of resamples.
    """
    held = estimates[estimates["ci_low"].notna() & estimates["ci_high"].notna()]
    tested = held.reindex(columns=["p_value", "p_attainable"]).notna().any(axis=1)
    held = held.assign(n_resamples=held["n_resamples"].mask(tested))
    kinds = held[["ci_method", "resampled", "n_resamples"]].drop_duplicates().itertuples(index=False)
    named = joined(dict.fromkeys(_one_interval(*kind) for kind in kinds))
    if named:
        return f"95% {named}"
    reasons = estimates["reason"].unique()
    shared = len(reasons) == 1 and pd.notna(reasons[0]) and reasons[0]
    return f"no interval ({reasons[0]})" if shared else "no interval"


def _one_interval(method: Any, resampled: Any, n_resamples: Any) -> str:  # noqa: ANN401 - cells, perhaps NaN
    name = "" if pd.isna(method) else _METHODS.get(str(method), str(method)) + " "
    units = "" if pd.isna(resampled) or not resampled else f" over {resampled}"
    draws = "" if pd.isna(n_resamples) or not n_resamples else f" ({int(n_resamples):,} resamples)"
    return f"{name}intervals{units}{draws}"
