"""Reading a million responses, and importing a million rows of Mechanical Turk, beside pandas reading the same file.

Run: python -m tests.benchmarks.bench_sources [repeats]
"""

import csv
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from salcompare import config
from salcompare.sources import gather_photographs, read_responses
from salcompare.sources.importers import import_responses, write_imported
from tests.benchmarks.measure import Case, Peer, run
from tests.benchmarks.table import Row
from tests.sources.importers.samples import MTURK_COLUMNS, box, crowd_flat, mturk_cells

N = 1_000_000


def catalogue():
    """255 images of 17 actors."""
    return pd.DataFrame({"image": [f"s{i // 15}/{i % 15}" for i in range(255)]}).assign(
        actor=lambda table: table["image"].str.split("/").str[0], height=227, width=227)


def responses(path):
    """255 images, 500 workers, 11 labels."""
    rng = np.random.default_rng(0)
    images = catalogue()
    x0, y0 = rng.integers(0, 150, (2, N))
    table = pd.DataFrame({
        "worker": rng.integers(0, 500, N).astype(str), "image": rng.choice(images["image"].to_numpy(), N),
        "label": rng.choice([f"label {i}" for i in range(11)], N), "x0": x0, "y0": y0,
        "x1": x0 + rng.integers(1, 70, N), "y1": y0 + rng.integers(1, 70, N), "seconds": np.arange(N) / 8})
    table.to_csv(path, index=False)
    return images


def batch(path, n=N):
    """Results of Mechanical Turk, a box a row, of 255 images and 500 workers; gives the images."""
    images = catalogue()
    rng = np.random.default_rng(1)
    left, top = rng.integers(0, 150, (2, n)).tolist()
    width, height = rng.integers(1, 70, (2, n)).tolist()
    image = rng.choice(images["image"].to_numpy(), n).tolist()
    worker, label, seconds = rng.integers(0, 500, n).tolist(), rng.integers(0, 11, n).tolist(), rng.integers(5, 300, n)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerow([*MTURK_COLUMNS, *(f"Answer.{name}" for name in crowd_flat()), "Approve", "Reject"])
        for at in range(n):
            cells = mturk_cells(crowd_flat(box(f"label {label[at]}", left[at], top[at], width[at], height[at]),
                                           width=227, height=227), image=image[at], worker=f"A{worker[at]:012}")
            cells |= {"AssignmentId": f"3IHR8NYAM{at:09}", "WorkTimeInSeconds": str(seconds[at]),
                      "SubmitTime": f"Fri Apr {at % 28 + 1} {at % 24:02}:{at // 24 % 60:02}:{at % 59:02} PDT 2020"}
            writer.writerow(cells.values())
    return images


def imported(path, images):
    """Import a batch and write the responses, as the command does."""
    write_imported(import_responses(path, images), path.with_name("out.csv"), source=path)


def memory_of_import(root, images):
    """The most memory of the command in a process of its own; the peers' reading would count in this one."""
    images.to_csv(root / "images.csv", index=False)
    subprocess.run([sys.executable, "-m", "salcompare", "import", root / "batch.csv", "--images", root / "images.csv",
                    "--out", root / "memory.csv"], check=True, stdout=subprocess.DEVNULL)
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return Row("1,000,000 rows of Mechanical Turk, imported and written", most, below=1.5, unit="GiB")


def cases():
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        images = responses(root / "r.csv")
        yield Case("1,000,000 responses, every check", lambda: read_responses(
            config.Responses(path="r.csv"), {}, root=root, images=images, size=(227, 227)), (
                Peer("pandas read_csv, no check", lambda: pd.read_csv(root / "r.csv")),), below=10)
        images = batch(root / "batch.csv")
        yield Case("1,000,000 rows of Mechanical Turk, imported and written", lambda: imported(
            root / "batch.csv", images), (Peer("pandas read_csv, no check", lambda: pd.read_csv(root / "batch.csv"),
                                               target=0.04),), below=40, most_repeats=2, warm_up=False)
        yield memory_of_import(root, images)
        demo = config.Images(source="orl", split=(7.0, 1.0, 2.0))
        yield Case("400 photographs, 92 x 112 to 227 x 227",
                   lambda: gather_photographs(demo, root=root, size=(227, 227), seed=0), below=2)


if __name__ == "__main__":
    run(cases(), repeats=5)
