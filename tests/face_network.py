"""Equal error rates of networks on the ORL faces, as the table of docs/face-network.md.

``python -m tests.face_network`` prints the table, with ``--write`` into the page. Photographs are those that the first
stages of a study make: aligned as its study.toml says, by the landmarks that the package carries.
"""

import re
import sys
import tempfile
from pathlib import Path

import xarray as xr

from salcompare import open_study, stages
from salcompare.classifiers import embed, load_embedder
from salcompare.progress import Silent
from salcompare.statistics import equal_error_interval, verification_scores

PAGE = Path(__file__).parents[1] / "docs" / "face-network.md"
ROWS = (("dlib_resnet", "none", 150), ("dlib_resnet", "eyes", 150), ("dlib_resnet", "five_points", 150),
        ("dlib_resnet", "five_points", 128), ("efficientnet_lite0", "five_points", 150))
SAID = {"none": "stretched", "eyes": "aligned by the eyes", "five_points": "aligned by five points"}
HEAD = "| backbone | photographs | grid | equal error rate | 95% interval |\n|---|---|---|---|---|\n"


def photographs(align: str, size: int) -> xr.DataArray:
    """The 400 photographs, as a study's stages leave them."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "study.toml").write_text(
            f'[study]\nsize = [{size}, {size}]\n[images]\nsource = "orl"\nalign = "{align}"\n'
            f'[landmarks]\nsource = "{"none" if align == "none" else "orl"}"\n')
        study = open_study(folder)
        stages.run(study, until="photographs", progress=Silent())
        return study.photographs().load()


def row(backbone: str, align: str, size: int) -> str:
    """A row of the table: of all pairs of photographs."""
    found = equal_error_interval(verification_scores(embed(load_embedder(backbone), photographs(align, size))))
    rate, low, high = (f"{float(found[name]):.2%}" for name in ("value", "ci_low", "ci_high"))
    return f"| `{backbone}` | {SAID[align]} | {size} × {size} | {rate} | {low} to {high} |\n"


def table() -> str:
    return HEAD + "".join(row(*one) for one in ROWS)


if __name__ == "__main__":
    made = table()
    print(made, end="")
    if "--write" in sys.argv:
        page = re.sub(rf"{re.escape(HEAD)}(\|.*\n)*", lambda _: made, PAGE.read_text("utf-8"))
        PAGE.write_text(page, "utf-8")
