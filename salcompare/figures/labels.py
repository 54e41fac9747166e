"""Figure 4: a photograph with its boxes, where the boxes of each label lie, and how often each label is drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
from plotnine import (
    aes,
    element_blank,
    element_text,
    expand_limits,
    geom_col,
    geom_linerange,
    geom_point,
    geom_rect,
    geom_text,
    ggplot,
    labs,
    scale_color_identity,
    scale_fill_identity,
    scale_x_continuous,
    scale_x_discrete,
    scale_y_continuous,
    scale_y_reverse,
    theme,
)
from plotnine.composition import Beside, Compose
from plotnine.coords import coord_flip

from salcompare.figures.captions import caption, interval, response_counts
from salcompare.figures.data import Figure, FigureData, rows, texts
from salcompare.figures.geoms import geom_picture
from salcompare.figures.photographs import grey, printed_picture
from salcompare.figures.theme import DOUBLE, HUMAN, INK, LABELS, OTHER_LABELS, SIMULATED, SMALL, figure_theme, percent
from salcompare.phrases import counted

HEIGHT = 2.8  # inches
MOST_LABELS = 12
_NO_AXES = theme(axis_text_x=element_blank(), axis_text_y=element_blank(), axis_title_x=element_blank(),
                 axis_title_y=element_blank(), axis_line_x=element_blank(),
                 axis_ticks_x=element_blank(), axis_ticks_length_major=0, panel_grid_major_x=element_blank())


def labels_missing(data: FigureData) -> str | None:
    """Why the figure cannot be drawn, or None."""
    if data.responses is None or data.responses.empty:
        return "there are no boxes"
    return "the estimates have no label shares" if _shares(data).empty else None


def labels_figure(data: FigureData) -> Figure:
    """Draw the sample photograph, the boxes' centres over the mean face, and the label histogram."""
    shares = _shares(data)
    colours = _label_colours(shares)
    sample = _sample_image(data)
    panels = [*([_sample(data, sample, colours)] if sample is not None else []), _centres(data, colours),
              _histogram(data, shares, colours)]
    width = DOUBLE
    look = figure_theme(width, HEIGHT) + theme(plot_subtitle=element_text(color=HUMAN if data.simulated else INK))
    # Each panel's own theme comes last, so that those without axes stay so.
    plots: list[ggplot | Compose] = [panel + look + own for panel, own in panels]
    text = caption(data, _sentences(data, shares, sample), responses=True, photographs=True)
    return Figure("fig4-labels", "What people box and how often", text, Beside(plots), width, HEIGHT)


def _sentences(data: FigureData, shares: pd.DataFrame, sample: str | None) -> list[str]:
    titles = iter("abc")
    first = "" if sample is None else (
        f"({next(titles)}) {_the_boxes(len(_boxes(data, sample)))} drawn on {sample}, coloured by label.")
    return [first,
            f"({next(titles)}) Centres of all boxes over the mean face: {response_counts(data)}.",
            f"({next(titles)}) Share of each label, normalised within actors and averaged over them; "
            f"bars: {interval(shares)}; numbers: responses with the label{_effective(data)}. The colours of the bars "
            "are those of the boxes; labels drawn seldom are grey."]


def _the_boxes(n: int) -> str:
    return "The one box" if n == 1 else f"The {n:,} boxes"


def _effective(data: FigureData) -> str:
    """Say what the responses' unequal weights cost."""
    table = rows(data.estimates, statistic="label_responses", metric="n_effective", level="population")
    return "" if table.empty else (f"; weighed so, {counted(int(table['n'][0]), 'response')} count for as "
                                   f"much as {table['value'][0]:,.0f} of equal weight")


def _shares(data: FigureData) -> pd.DataFrame:
    """Shares of the labels drawn, the largest first, whoever thought of them; those without room are summed up."""
    table = rows(data.estimates, statistic="label_share", level="population")
    table = table[table["label"].notna() & (table["value"] > 0)].sort_values("value", ascending=False, kind="stable")
    if len(table) > MOST_LABELS:
        rest = table[MOST_LABELS - 1:]
        other = pd.DataFrame({"label": [f"other ({len(rest)} labels)"], "value": [rest["value"].sum()],
                              "count": [rest["count"].sum()]})
        table = pd.concat([table[:MOST_LABELS - 1], other])
    return table.sort_values("value", ascending=False, kind="stable", ignore_index=True)


def _label_colours(shares: pd.DataFrame) -> dict[str, str]:
    """Colours of the most frequent labels; the eye cannot hold more apart."""
    return dict(zip(shares["label"], LABELS, strict=False))


def _sample_image(data: FigureData) -> str | None:
    """Choose the image with the most boxes among the actors shown; None for responses without images."""
    assert data.responses is not None  # noqa: S101 - labels_missing says so
    if "image" not in data.responses:
        return None
    photographs = zip(texts(data.photographs.image), texts(data.photographs.actor), strict=True)
    shown = [image for image, actor in photographs if actor in data.shown_actors]
    held = data.responses["image"][data.responses["image"].isin(shown)]
    return None if held.empty else str(held.value_counts(sort=False).idxmax())


def _boxes(data: FigureData, image: str | None = None) -> pd.DataFrame:
    """Boxes on the study's grid, of one image or of all: ``label, x0, y0, x1, y1``."""
    assert data.responses is not None  # noqa: S101 - labels_missing says so
    boxes = data.responses if image is None else data.responses[data.responses["image"] == image]
    boxes = boxes[["label", "x0", "y0", "x1", "y1", *(["image"] if "image" in boxes else [])]].reset_index(drop=True)
    if "image" not in boxes:
        return boxes
    shape = data.images.set_index("image").loc[boxes["image"].to_list(), ["height", "width"]].to_numpy(float)
    height, width = data.photographs.sizes["y"], data.photographs.sizes["x"]
    return boxes.assign(x0=boxes["x0"] * width / shape[:, 1], x1=boxes["x1"] * width / shape[:, 1],
                        y0=boxes["y0"] * height / shape[:, 0], y1=boxes["y1"] * height / shape[:, 0])


def _sample(data: FigureData, image: str, colours: dict[str, str]) -> tuple[ggplot, theme]:
    boxes = _boxes(data, image)
    boxes["colour"] = boxes["label"].map(colours).fillna(OTHER_LABELS)
    plot, own = _over_picture(printed_picture(grey(data.photographs.sel(image=image).to_numpy())), data)
    boxed = geom_rect(aes(xmin="x0", xmax="x1", ymin="y0", ymax="y1", color="colour"), data=boxes, fill="none",
                      size=0.5)
    return (plot + boxed + scale_color_identity()
            + labs(title="a  One photograph and its boxes", subtitle=_subtitle(data, len(boxes))), own)


def _centres(data: FigureData, colours: dict[str, str]) -> tuple[ggplot, theme]:
    boxes = _boxes(data)
    # The frequent labels first, so that the seldom ones are not buried.
    order = {label: i for i, label in enumerate(colours)}
    boxes = boxes.assign(x=(boxes["x0"] + boxes["x1"]) / 2, y=(boxes["y0"] + boxes["y1"]) / 2,
                         colour=boxes["label"].map(colours).fillna(OTHER_LABELS),
                         order=boxes["label"].map(order).fillna(len(order)))
    boxes = boxes.sort_values("order", kind="stable", ignore_index=True)
    face = np.rint(data.photographs.astype(np.float32).mean("image").to_numpy()).astype(np.uint8)
    plot, own = _over_picture(printed_picture(grey(face)), data)
    dots = geom_point(aes("x", "y", color="colour"), data=boxes, size=0.9 if len(boxes) < 300 else 0.5, stroke=0,
                      alpha=0.7, raster=True)
    letter = "b" if _sample_image(data) is not None else "a"
    return (plot + dots + scale_color_identity()
            + labs(title=f"{letter}  All boxes' centres, mean face", subtitle=_subtitle(data, len(boxes))), own)


def _over_picture(picture: np.ndarray, data: FigureData) -> tuple[ggplot, theme]:
    size = height, width = data.photographs.sizes["y"], data.photographs.sizes["x"]
    under = geom_picture(aes(picture="picture"), data=pd.DataFrame({"picture": ["face"]}), pictures={"face": picture},
                         size=size)
    plot = (ggplot() + under + scale_x_continuous(limits=(0, width), expand=(0, 0), breaks=None)
            + scale_y_reverse(limits=(height, 0), expand=(0, 0), breaks=None) + labs(x="", y=""))
    return plot, _NO_AXES + theme(aspect_ratio=height / width)


def _subtitle(data: FigureData, n: int) -> str:
    return f"{n:,} {SIMULATED.lower()}" if data.simulated else counted(n, "response")


def _histogram(data: FigureData, shares: pd.DataFrame, colours: dict[str, str]) -> tuple[ggplot, theme]:
    assert data.responses is not None  # noqa: S101 - labels_missing says so
    letter = "c" if _sample_image(data) is not None else "b"
    bars = shares.assign(colour=shares["label"].map(colours).fillna(OTHER_LABELS),
                         label=pd.Categorical(shares["label"], categories=shares["label"][::-1].to_list()))
    bars = bars.assign(end=bars[["value", "ci_high"]].max(axis=1), number=[f"{n:,.0f}" for n in bars["count"]])
    plot = (ggplot(bars, aes("label", "value")) + geom_col(aes(fill="colour"), width=0.72)
            + geom_linerange(aes(ymin="ci_low", ymax="ci_high"), data=bars[bars["ci_low"].notna()], color=INK, size=0.5)
            + geom_text(aes(y="end", label="number"), data=bars[bars["count"].notna()], size=SMALL - 1, ha="left",
                        nudge_y=0.01 * float(bars["end"].max()), color=INK)
            + scale_fill_identity() + scale_x_discrete() + expand_limits(y=0)
            + scale_y_continuous(labels=percent, expand=(0, 0, 0.12, 0))
            + coord_flip() + labs(x="", y="Share of responses, %", title=f"{letter}  How often each label is drawn",
                                  subtitle=_subtitle(data, len(data.responses))))
    return plot, theme()
