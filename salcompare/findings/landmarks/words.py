"""What the report says of landmarks, and the page to check them on."""

from __future__ import annotations

import pandas as pd

from salcompare.faces.attributes import ATTRIBUTES
from salcompare.findings.landmarks.figure import worst_fits
from salcompare.findings.landmarks.gallery import thumbnails
from salcompare.naming import LANDMARKS_PAGE
from salcompare.printing import counted
from salcompare.report.content import Page, Section
from salcompare.report.tables import PrintedTable
from salcompare.study_data import StudyData

REFERENCES = ("Gower, J. C. (1975). Generalized Procrustes analysis. Psychometrika, 40, 33–51. "
              "doi:10.1007/BF02291478.",)


def methods(data: StudyData) -> list[tuple[str, str]]:
    """Say where the landmarks come from and what is measured on them."""
    landmarks = data.get("landmarks")
    if landmarks is None:
        return []
    return [("Landmarks", f"Source: {landmarks.attrs['source']} (scheme {landmarks.attrs['scheme']}). Photographs "
             "without a face, or with several, stay in everything that needs no landmarks. Left is the viewer's left. "
             "Misfit: the share of a face's spread about its centre that a similarity of the generalised Procrustes "
             "mean (Gower 1975) leaves. Measured: "
             + "; ".join(f"{column.name}: {column.meaning}" for column in ATTRIBUTES.columns) + ".")]


def pages(data: StudyData) -> list[Page]:
    """Make the page of all photographs' landmarks, the worst fits first."""
    if data.get("landmarks") is None:
        return []
    table = _table(data)
    drawn, of = thumbnails(data, table.frame), counted(len(table.frame), "photograph")
    said = (f"{f'All {of}' if len(drawn) == len(table.frame) else f'The first {len(drawn):,} of {of}'}: those without "
            "a face or with several, then the worst fits first, with the share of a face's spread that a similarity of "
            "the mean shape leaves (misfit). Look whether the dots lie on the features; a wide open mouth or a turned "
            "face may fit badly and be right.",)
    return [Page(LANDMARKS_PAGE, "Landmarks", "To be checked by eye: the worst fits first.", (
        Section("photographs", "Photographs", said=said, thumbnails=drawn),
        Section("table", "Table", tables=(table,))))]


def _table(data: StudyData) -> PrintedTable:
    fits = worst_fits(data).rename("misfit")
    landmarks = data.get("landmarks")
    columns = ["image", "actor", *(name for name in ATTRIBUTES.names if name in data.images)]
    counts = pd.Series(landmarks.n_faces.to_numpy(), landmarks.image.to_numpy(), name="faces")
    table = data.images[columns].join(counts, on="image").join(fits, on="image")
    table = table.sort_values("misfit", ascending=False, kind="stable", na_position="first", ignore_index=True)
    return PrintedTable("landmarks", "Landmarks and attributes", "First the photographs without a face or with "
                        "several, then by misfit. The methods say what the columns are.", table, simulated=False)
