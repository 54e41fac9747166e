"""A small StudyData, made by hand."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import re
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from salcompare.config import Config
from salcompare.findings.content import pages
from salcompare.findings.rows import estimates_table, with_responses
from salcompare.naming import classifier_of, classifier_sources
from salcompare.report import ReportFigure, render
from salcompare.schema import ESTIMATES
from salcompare.study_data import StudyData

MAIN = "net/finetuned/guided_backprop"


def row(**values):
    """One estimate; what is not given is empty."""
    blank = dict.fromkeys(ESTIMATES.names, np.nan)
    return blank | values


def estimates(**changes):
    """A population of estimates, one of each kind that the summary reads; `changes` overrule the image effect's."""
    overlap = {"statistic": "overlap", "metric": "pearson", "form": "smoothed", "source": MAIN, "against": "human"}
    rows = [
        row(statistic="accuracy", metric="test", level="population", source="net/finetuned", value=0.95, ci_low=0.9,
            ci_high=0.98, n=40),
        row(statistic="variance_explained", metric="r2", form="raw", level="population", source=MAIN, value=0.31,
            null_mean=0.2, p_value=0.0001, p_attainable=0.0001, n=40),
        row(statistic="variance_explained", metric="r2", form="raw", level="population", source="photographs",
            value=0.6, null_mean=0.2, p_value=0.0001, p_attainable=0.0001, n=40),
        row(statistic="noise_ceiling", metric="pearson", form="smoothed", level="population", source="human", value=0.9,
            ci_low=0.85, ci_high=0.94),
        row(**overlap, level="population", contrast="same image", value=0.4, ci_low=0.3, ci_high=0.5, ceiling=0.9),
        row(**overlap, level="population", contrast="image effect",
            **({"value": 0.01, "ci_low": -0.02, "ci_high": 0.04, "p_value": 0.4, "p_attainable": 0.001} | changes)),
        row(**overlap, level="population", contrast="minus baseline/centre", value=-0.2, ci_low=-0.3, ci_high=-0.1,
            p_value=0.001, p_attainable=0.001),
        row(**overlap, level="actor", actor="ann", contrast="same image", value=0.6),
        row(**overlap, level="actor", actor="bob", contrast="same image", value=0.2),
        row(statistic="label_share", metric="share", level="population", source="human", label="eyes", value=0.4,
            ci_low=0.3, ci_high=0.5),
        row(statistic="symmetry", metric="index", level="population", source="human", value=0.8, ci_low=0.7,
            ci_high=0.9, null_mean=0.85),
    ]
    return with_responses(estimates_table(rows), "simulated")


def report_data(folder: Path, **changes) -> StudyData:
    """All of a small report, its one figure written into the folder."""
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    png, svg = folder / "figures" / "fig4.png", folder / "figures" / "fig4.svg"
    Image.new("RGB", (20, 10), (10, 20, 30)).save(png, dpi=(300, 300))
    svg.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    images = pd.DataFrame({"image": [f"{a}/{i}" for a in ("ann", "bob") for i in range(4)],
                           "actor": ["ann"] * 4 + ["bob"] * 4, "split": ["train", "validation", "test", "test"] * 2})
    responses = pd.DataFrame({"worker": ["w1", "w2"], "image": ["ann/2", "bob/3"], "label": ["eyes", "<b>nose</b>"]})
    of_network = pd.DataFrame({"variant": ["finetuned"], "actor": ["ann"], "predicted": ["bob"], "n": [1]})
    table = estimates() if changes.get("simulated", True) else with_responses(estimates(), "collected")
    data = StudyData(
        title="A <study> & its maps", simulated=True, credit="Photographs: someone.", images=images,
        images_left_out=pd.DataFrame(), responses=responses, responses_left_out=pd.DataFrame(), notes=("A note.",),
        estimates=table,
        classifiers={"net": {"summary": {}} | dict.fromkeys(("accuracy", "confusion", "training", "weights"),
                                                            of_network)},
        figures=(ReportFigure("fig4-labels", "Labels", "n = 2 responses.", png, svg),),
        settings=dataclasses.asdict(Config()),
        provenance={"inputs": {"a.png": "00ff"}, "versions": {"salcompare": "0.1.0"}, "seed": 1,
                    "settings_fingerprint": "abc"},
        truth={"planted": []}, mask_share=0.05)
    known = changes.get("estimates", table)
    explained = classifier_sources(known.loc[known["statistic"] == "variance_explained", "source"])
    sources = sorted(classifier_sources(known["source"].dropna()), key=lambda source: (
        classifier_of(source) != classifier_of(next(iter(explained), "")), source in explained))  # the main one last
    data = data.replace(classifier_maps=dict.fromkeys(sources))
    return data.replace(**changes)


def check_policy(page: str) -> None:
    """Check that a page lets a browser load nothing but its own style and pictures, and needs no more."""
    policy = html.unescape(re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1])
    style = re.search(r"<style>(.*?)</style>", page, flags=re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.split("; ") == ["default-src 'none'", "img-src data:", f"style-src 'sha256-{digest}'",
                                  "base-uri 'none'", "form-action 'none'"]
    assert " style=" not in page
    assert page.index("<meta http-equiv") < page.index("<style>")


def write_pages(data, folder):
    """Write the pages beside the report."""
    return render.write_pages(data, pages(data), folder)
