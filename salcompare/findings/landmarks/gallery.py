"""Photographs as thumbnails with their landmarks, to be checked by eye."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
from PIL import Image

from salcompare.findings.landmarks.figure import DENSE, dots, places_on_grid
from salcompare.maps.alignment import is_aligned
from salcompare.printing import counted, number
from salcompare.report.content import Thumbnail
from salcompare.study_data import StudyData

MOST = 500
"""Thumbnails of a page: 400 of faces with 468 points are 3.5 megabytes."""
SIDE, QUALITY = 200, 50  # pixels of a thumbnail's longer side, and the quality of its JPEG
_COLOUR = (255, 50, 130)  # seen on dark and on light skin


def thumbnails(data: StudyData, table: pd.DataFrame) -> tuple[Thumbnail, ...]:
    """Draw the first photographs of a table (image, faces, misfit), a dot at each landmark, as they were shown."""
    shown = table.head(MOST)
    places = places_on_grid(data, shown["image"].tolist()).to_numpy()
    grid = np.array([data.photographs.sizes["y"], data.photographs.sizes["x"]])
    shapes = data.images.set_index("image")[["height", "width"]]
    side = 2 if places.shape[1] > DENSE else 5
    made = []
    for image, faces, misfit, at in zip(shown["image"], shown["faces"], shown["misfit"], places, strict=True):
        shape = grid if is_aligned(data.images) else shapes.loc[image].to_numpy()
        height, width = (max(round(length), 1) for length in shape * SIDE / shape.max())
        photograph = Image.fromarray(data.photographs.sel(image=image).to_numpy())
        pixels = np.array(photograph.resize((width, height), Image.Resampling.BICUBIC))
        pixels[dots(at * (width, height) / grid[::-1], (height, width), side)] = _COLOUR
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=QUALITY, subsampling=0, optimize=True)
        words = f"misfit {number(misfit, 2)}" if faces == 1 else counted(faces, "face") if faces else "no face"
        made.append(Thumbnail(image, words, stream.getvalue(), width, height))
    return tuple(made)
