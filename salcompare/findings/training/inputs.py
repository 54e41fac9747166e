"""What training the classifiers left: accuracies and predictions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from salcompare import store

if TYPE_CHECKING:
    import pandas as pd

    from salcompare.study import Study


def tables_of(study: Study, table: str) -> pd.DataFrame:
    """Read the tables of one name of all classifiers; names of images and actors stay text."""
    import pandas as pd

    text = ("variant", "split", "image", "actor", "predicted", "source", "against", "form", "reason")
    tables = [store.read_csv(study.classifier_folder(c) / f"{table}.csv", text=text).assign(classifier=c.name)
              for c in study.config.classifier]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["classifier", "variant", "split"])


INPUTS = {"accuracies": partial(tables_of, table="accuracy"), "predictions": partial(tables_of, table="predictions"),
          "verification": partial(tables_of, table="verification")}
