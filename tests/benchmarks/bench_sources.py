"""Reading a million responses with every check, beside pandas reading the same file with none.

Run: python -m tests.benchmarks.bench_sources [repeats]
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from salcompare import config
from salcompare.sources import gather_photographs, read_responses
from tests.benchmarks.measure import Case, Peer, run

N = 1_000_000


def responses(path):
    """255 images, 500 workers, 11 labels."""
    rng = np.random.default_rng(0)
    images = pd.DataFrame({"image": [f"s{i // 15}/{i % 15}" for i in range(255)]}).assign(
        actor=lambda table: table["image"].str.split("/").str[0], height=227, width=227)
    x0, y0 = rng.integers(0, 150, (2, N))
    table = pd.DataFrame({
        "worker": rng.integers(0, 500, N).astype(str), "image": rng.choice(images["image"].to_numpy(), N),
        "label": rng.choice([f"label {i}" for i in range(11)], N), "x0": x0, "y0": y0,
        "x1": x0 + rng.integers(1, 70, N), "y1": y0 + rng.integers(1, 70, N), "seconds": np.arange(N) / 8})
    table.to_csv(path, index=False)
    return images


def cases():
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        images = responses(root / "r.csv")
        yield Case("1,000,000 responses, every check", lambda: read_responses(
            config.Responses(path="r.csv"), {}, root=root, images=images, size=(227, 227)), (
                Peer("pandas read_csv, no check", lambda: pd.read_csv(root / "r.csv")),), below=10)
        demo = config.Images(source="orl", split=(7.0, 1.0, 2.0))
        yield Case("400 photographs, 92 x 112 to 227 x 227",
                   lambda: gather_photographs(demo, root=root, size=(227, 227), seed=0), below=2)


if __name__ == "__main__":
    run(cases(), repeats=5)
