"""What each worker gave and each image got, before and after exclusions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from salcompare.schema import LABELS

HONEST = "honest"


def summarise_workers(responses: pd.DataFrame, kept: pd.DataFrame, log: pd.DataFrame,
                      checks: pd.DataFrame) -> pd.DataFrame:
    """Describe each worker.

    Parameters
    ----------
    responses, kept : DataFrame
        All responses, and those that no rule took out.
    log, checks : DataFrame
        As in `Judged`.

    Returns
    -------
    DataFrame
        One row a worker, by name: worker, images, n_responses, kept, own_labels (share of responses with a label beside
        the original eleven), median_seconds, checks, checks_right, rules (that took out any response, by blanks).
        Without rows where the responses name no worker.
    """
    columns = ["worker", "images", "n_responses", "kept", "own_labels", "median_seconds", "checks", "checks_right",
               "rules"]
    if "worker" not in responses or "image" not in responses:
        return pd.DataFrame(columns=columns)
    own = ~responses["label"].isin(LABELS) if "label" in responses else pd.Series(np.nan, responses.index)
    groups = responses.assign(own=own.astype(float)).groupby("worker", sort=True)
    found = pd.DataFrame({"images": groups["image"].nunique(), "n_responses": groups.size(),
                          "own_labels": groups["own"].mean()})
    found["kept"] = kept["worker"].value_counts().reindex(found.index, fill_value=0)
    found["median_seconds"] = groups["seconds"].median() if "seconds" in responses else np.nan
    answered = checks.groupby("worker")["right"]
    found["checks"] = answered.size().reindex(found.index, fill_value=0)
    found["checks_right"] = answered.sum().reindex(found.index, fill_value=0).astype(int)
    rules = log.groupby("worker")["rule"].agg(lambda rule: " ".join(dict.fromkeys(rule)))
    found["rules"] = rules.reindex(found.index).fillna("")
    return found.reset_index()[columns]


def summarise_images(responses: pd.DataFrame, kept: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Count each image's responses.

    Returns
    -------
    DataFrame
        One row an image that has responses or is a test image: image, actor, n_responses, workers, kept. Without rows
        where the responses name no image.
    """
    if "image" not in responses:
        return pd.DataFrame(columns=["image", "actor", "n_responses", "workers", "kept"])
    asked = images["image"].isin(responses["image"]) | (images["split"] == "test" if "split" in images else False)
    found = images.loc[asked, ["image", "actor"]].reset_index(drop=True)
    groups = responses.groupby("image")
    found["n_responses"] = found["image"].map(groups.size()).fillna(0).astype(int)
    found["workers"] = found["image"].map(groups["worker"].nunique()).fillna(0).astype(int)
    found["kept"] = found["image"].map(kept["image"].value_counts()).fillna(0).astype(int)
    return found


def compare_planted(workers: pd.DataFrame, careless: Mapping[str, str]) -> pd.DataFrame:
    """Compare which workers are found with which were planted, where responses are simulated.

    Parameters
    ----------
    workers : DataFrame
        As `summarise_workers` gives it.
    careless : mapping
        Worker to kind of careless worker.

    Returns
    -------
    DataFrame
        One row a kind, ``honest`` the last: kind, workers, found (of whom at most half of the responses are kept),
        n_responses, left_out, and share_left_out. Without rows where no worker was planted.
    """
    columns = ["kind", "workers", "found", "n_responses", "left_out", "share_left_out"]
    if not careless or workers.empty:
        return pd.DataFrame(columns=columns)
    kinds = workers["worker"].map(dict(careless)).fillna(HONEST)
    out = workers["n_responses"] - workers["kept"]
    mostly_out = (2 * out >= workers["n_responses"]).astype(int)
    groups = pd.DataFrame({"kind": kinds, "workers": 1, "found": mostly_out, "n_responses": workers["n_responses"],
                           "left_out": out}).groupby("kind").sum()
    order = [*(kind for kind in dict.fromkeys(careless.values()) if kind in groups.index), HONEST]
    found = groups.reindex(order, fill_value=0).rename_axis("kind").reset_index()
    shares = found["left_out"] / found["n_responses"].where(found["n_responses"] > 0)
    return found.assign(share_left_out=shares)[columns]


def counted(rules: pd.DataFrame) -> str:
    """Say how many responses each rule took out, as ``tiny 3, checks 40``."""
    numbers = zip(rules["rule"].tolist(), rules["n_responses"].tolist(), strict=True)
    return ", ".join(f"{rule} {n}" for rule, n in numbers if n)
