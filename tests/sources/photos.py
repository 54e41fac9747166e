"""Small photographs and studies for the tests: pictures with structure, encoded as any kind of file."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image


def picture(seed: int = 0, height: int = 24, width: int = 20) -> np.ndarray:
    """Smooth random RGB, uint8 (height, width, 3)."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def encoded(pixels: np.ndarray | Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """A file's bytes."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def write(path: Path, content: bytes | str) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def folder_study(root: Path, actors: dict[str, int], *, path: str = "data/raw/photographs") -> Path:
    """A folder per actor with so many photographs each, no two alike."""
    seed = 0
    for actor, count in actors.items():
        for i in range(1, count + 1):
            seed += 1
            write(root / path / actor / f"{i}.png", encoded(picture(seed)))
    return root / path


def catalogue(ids: list[str], *, height: int = 100, width: int = 80) -> pd.DataFrame:
    """A catalogue with these images, which need not exist."""
    return pd.DataFrame({"image": ids, "actor": [name.split("/")[0] for name in ids], "height": height,
                         "width": width})
