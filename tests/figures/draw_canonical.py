"""Draw docs/canonical.png: the mean ORL photograph in the canonical frame, its triangles, and the regions' names.

Run: python -m tests.figures.draw_canonical
"""

import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from PIL import Image
from scipy.ndimage import distance_transform_edt

from salcompare.faces import REGIONS, mesh_frame, orl_landmarks, region_masks
from salcompare.maps import to_canonical
from salcompare.sources.datasets import find_orl
from salcompare.sources.decoding import read_photograph

COLOURS_OF_FILE = 256
OUT = Path(__file__).parents[2] / "docs" / "canonical.png"
COLOURS = ("#7b6d8d", "#f2d06b", "#8cc5c0", "#a65628", "#4f9dd9", "#b9a2d6", "#f2a07b", "#d9534f", "#f7c6c7", "#f3dfb0",
           "#8fbf7f", "#c9c9c9", "#c2477f", "#7fa8d1", "#b7d7a8", "#c7b299")  # neighbours differ


def mean_photograph() -> xr.DataArray:
    """Mean over the 400 photographs, each where it shows the face."""
    candidates = find_orl().candidates
    grey = np.stack([read_photograph(one.path)[..., 0] for one in candidates])
    landmarks = orl_landmarks()
    maps = xr.DataArray(grey.astype(np.float32), dims=("image", "y", "x"),
                        coords={"image": [one.image for one in candidates]})
    return to_canonical(maps, landmarks, scale=128).mean("image")


def draw(path: Path = OUT) -> None:
    """Draw the photograph and the mesh at the left, regions and names at the right."""
    frame, photograph, masks = mesh_frame(), mean_photograph(), region_masks(scale=128)
    figure = Figure(figsize=(5.2, 4.6), dpi=200, layout="constrained")
    axes = figure.add_subplot()
    edges = float(photograph.x[0]), float(photograph.x[-1]), float(photograph.y[-1]), float(photograph.y[0])
    axes.imshow(photograph, cmap="gray", extent=edges)
    right = masks.any("region") & (masks.x > 0)
    colours = np.array([mpl.colors.to_rgb(one) for one in COLOURS])[masks.argmax("region")]
    axes.imshow(np.dstack([colours, right]), extent=edges)
    x, y = frame.corners.T
    left = frame.corners[frame.triangles, 0].mean(axis=1) < 0
    axes.triplot(x, y, frame.triangles[left], color="#0072B2", lw=0.25)
    deepest = {}
    for name in REGIONS:
        inside = distance_transform_edt((masks.sel(region=name) & (masks.x > 0)).to_numpy())
        row, column = np.unravel_index(inside.argmax(), inside.shape)
        deepest[name] = float(masks.x[column]), float(masks.y[row])
    order = sorted(REGIONS, key=lambda name: deepest[name][1])
    for name, at in zip(order, np.linspace(-1.3, 2.2, len(order)), strict=True):
        axes.annotate(name, deepest[name], xytext=(1.85, at), va="center", fontsize=10,
                      arrowprops={"arrowstyle": "-", "lw": 0.5, "shrinkB": 0, "relpos": (0, 0.5)})
        axes.plot(*deepest[name], "o", color="black", ms=2)
    axes.set(xlim=(-1.7, 2.75), ylim=(2.35, -1.45), aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1, 2],
             xlabel="inter-ocular distances")
    axes.spines[["top", "right"]].set_visible(False)
    drawn = io.BytesIO()
    figure.savefig(drawn, metadata={"Software": None})
    Image.open(drawn).convert("RGB").quantize(COLOURS_OF_FILE, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    draw()
