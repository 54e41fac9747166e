"""Map files that claim more than they hold, or hold what is not theirs, are refused by their headers."""

import gzip
import json
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import h5netcdf
import h5py
import numpy as np
import pytest
import xarray as xr

from salcompare.errors import InputError
from salcompare.sources import precomputed_files as map_files
from salcompare.sources.decoding import UnreadablePhotographError, decode_photograph
from tests.sources.test_precomputed import GRID, pattern, put, read, refused

MIB = 1 << 20
READ_ALL = """
import json, resource, sys
from pathlib import Path
from salcompare.errors import InputError
from salcompare.sources import read_precomputed_maps
from tests.sources.photos import catalogue
import h5netcdf, h5py, xarray.backends, PIL.PngImagePlugin

root = Path(sys.argv[1])
names = sorted(path.name for path in root.iterdir())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = {}
for name in names:
    try:
        read_precomputed_maps(name, root=root, images=catalogue(["a"], height=10, width=8).assign(split="test"),
                              size=(5, 4), of="human")
    except InputError as error:
        found[name] = str(error)
print(json.dumps({"found": found, "kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before}))
"""


def npy_header(shape, descr="<f8"):
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def png_header(height, width):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + chunk(
        b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def netcdf4(path, dims, *, chunks=None, named=(), variable="maps"):
    """A netCDF-4 file that stores no value: what is read of it is made up."""
    with h5netcdf.File(path, "w") as file:
        file.dimensions = dims
        file.create_variable(variable, tuple(dims), "f8", chunks=chunks)
        for name in named:
            file.create_variable(name, (name,), "f8", chunks=(min(dims[name], 1 << 20),))


def plain_netcdf4(path):
    """A netCDF-4 file of one map without dimension scales: values that h5py can replace."""
    xr.DataArray(pattern(shape=GRID), dims=("y", "x"), name="maps").to_netcdf(path, engine="h5netcdf")
    return path


BOMBS = {
    "shape.npy": (lambda path: path.write_bytes(npy_header((10**6, 10**6))), "1000000 x 1000000 pixels"),
    "shape_of_photograph.npy": (lambda path: path.write_bytes(npy_header((10**6, 8 * 10**5))),
                                "more than 134,217,728; save the map with"),
    "dims.npy": (lambda path: path.write_bytes(npy_header((10**5, 10, 8))), "expected height and width"),
    "items.npy": (lambda path: path.write_bytes(npy_header((10, 8), "<U100000000")), "expected numbers"),
    "png.png": (lambda path: path.write_bytes(png_header(10**4, 8 * 10**3)), "10000 x 8000 pixels, expected at most"),
    "large.png": (lambda path: path.write_bytes(png_header(10**6, 8 * 10**5)), "cannot be read"),
    "map.nc": (lambda path: netcdf4(path, {"y": 10**5, "x": 8 * 10**4}, chunks=(100, 100)), "100000 x 80000 pixels"),
    "names.nc": (lambda path: netcdf4(path, {"y": 10**9, "x": 8}, chunks=(100, 8), named=["y"]),
                 "'y' has 1,000,000,000 values"),
    "chunk.nc": (lambda path: netcdf4(path, {"image": 10**6, "y": 10, "x": 8}, chunks=(10**6, 10, 8)),
                 "a chunk of 'maps' has 640,000,000 bytes"),
    "zipped.nc": (lambda path: path.write_bytes(gzip.compress(b"CDF\x01" + bytes(100 * MIB), 1)), "is no netCDF file"),
}


def make_npz(path, content, name="a.npy"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)


def test_no_file_fills_the_memory_with_what_its_header_claims(tmp_path):
    said = {}
    for name, (make, message) in BOMBS.items():
        alone = name.endswith(".nc") and name in ("names.nc", "chunk.nc")
        path = tmp_path / name if alone else tmp_path / name.replace(".", "_") / f"a{Path(name).suffix}"
        path.parent.mkdir(exist_ok=True)
        make(path)
        said[path.relative_to(tmp_path).parts[0]] = message
    make_npz(tmp_path / "shape.npz", npy_header((10**6, 10**6)))
    make_npz(tmp_path / "zeros.npz", npy_header((10**4, 8 * 10**3)) + bytes(100 * MIB))
    said |= {"shape.npz": "1000000 x 1000000 pixels", "zeros.npz": "10000 x 8000 pixels, expected at most"}
    done = subprocess.run([sys.executable, "-c", READ_ALL, str(tmp_path)], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[2])
    result = json.loads(done.stdout)
    assert set(result["found"]) == set(said)
    for name, message in said.items():
        assert message in result["found"][name]
        assert name in result["found"][name]
    assert result["kib"] < 50 * 1024


@pytest.mark.parametrize("ending", [".npy", ".npz", ".png", ".nc"])
def test_values_are_read_only_once_the_header_was_taken(tmp_path, monkeypatch, ending):
    if ending == ".png":
        (tmp_path / "maps/s1").mkdir(parents=True)
        (tmp_path / "maps/s1/1.png").write_bytes(png_header(20, 8))
    else:
        put(tmp_path, f"s1/1{ending}", pattern(shape=(20, 8)))

    def never(*_, **__):
        raise AssertionError

    monkeypatch.setattr(np.lib.format, "read_array", never)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    monkeypatch.setattr(xr.DataArray, "to_numpy", never)
    assert "20 x 8 pixels are neither of the shape of the photograph, 10 x 8" in refused(tmp_path)[f"maps/s1/1{ending}"]


def external_storage(path, secret):
    with h5py.File(path, "a") as file:
        del file["maps"]
        file.create_dataset("maps", GRID, "u1", external=[(str(secret), 0, 20)])


def external_link(path, secret):
    with h5py.File(path, "a") as file:
        del file["maps"]
        file["maps"] = h5py.ExternalLink(str(secret.with_suffix(".h5")), "maps")


def soft_link(path, _):
    with h5py.File(path, "a") as file:
        file["other"] = h5py.SoftLink("/maps")


def virtual(path, secret):
    layout = h5py.VirtualLayout(GRID, "f8")
    layout[:] = h5py.VirtualSource(str(secret.with_suffix(".h5")), "maps", GRID)
    with h5py.File(path, "a") as file:
        del file["maps"]
        file.create_virtual_dataset("maps", layout)


@pytest.mark.parametrize(("make", "says"), [
    (external_storage, "the values of 'maps' stand in another"), (virtual, "the values of 'maps' stand in another"),
    (external_link, "'maps' is a link to elsewhere"), (soft_link, "'other' is a link to elsewhere")])
@pytest.mark.parametrize("alone", [False, True])
def test_hdf5_that_reads_other_files_is_refused(tmp_path, make, says, alone):
    secret = tmp_path / "secret.txt"
    secret.write_bytes(bytes(range(20)))
    plain_netcdf4(secret.with_suffix(".h5"))
    path = tmp_path / ("all.nc" if alone else "maps/s1/1.nc")
    path.parent.mkdir(parents=True, exist_ok=True)
    make(plain_netcdf4(path), secret)
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path, "all.nc" if alone else "maps")
    assert ("set path" if alone else "save the values into the file itself") in str(caught.value)


@pytest.mark.parametrize("content", [
    pickle.dumps(np.ones(GRID)), npy_header((10, 8), "|O") + pickle.dumps([1] * 80),
    b"\x93NUMPY\x03\x00" + struct.pack("<I", 64) + b" " * 63 + b"\n"])
@pytest.mark.parametrize("ending", [".npy", ".npz"])
def test_pickled_arrays_are_never_unpickled(tmp_path, monkeypatch, content, ending):
    def never(*_, **__):
        raise AssertionError

    monkeypatch.setattr(pickle, "load", never)
    monkeypatch.setattr(pickle, "loads", never)
    path = tmp_path / f"maps/s1/1{ending}"
    path.parent.mkdir(parents=True)
    if ending == ".npz":
        make_npz(path, content)
    else:
        path.write_bytes(content)
    assert list(refused(tmp_path)) == [f"maps/s1/1{ending}"]


def test_good_netcdf_of_both_kinds_and_of_many_maps_a_chunk_is_read(tmp_path):
    values = pattern(shape=(3, *GRID))
    maps = xr.DataArray(values, dims=("image", "y", "x"), name="maps", coords={"image": ["s1/1", "s1/2", "s2/1"]})
    maps.to_netcdf(tmp_path / "four.nc", engine="h5netcdf", encoding={"maps": {"chunksizes": (3, *GRID)}})
    maps.to_netcdf(tmp_path / "three.nc", engine="scipy")
    np.testing.assert_array_equal(read(tmp_path, "four.nc").values, values.astype(np.float32))
    np.testing.assert_array_equal(read(tmp_path, "three.nc").values, values.astype(np.float32))


def test_a_blank_map_of_another_photographs_shape_is_no_map(tmp_path):
    values = np.full((3, 20, 16), np.nan)
    values[0] = pattern(shape=(20, 16))
    xr.DataArray(values, dims=("image", "y", "x"), name="maps", coords={"image": ["s1/1", "s1/2", "s2/1"]}).to_netcdf(
        tmp_path / "all.nc", engine="scipy")
    assert read(tmp_path, "all.nc").table["image"].tolist() == ["s1/1"]


def test_photographs_are_refused_by_the_size_in_their_header():
    with pytest.raises(UnreadablePhotographError, match="12000 x 12000") as caught:
        decode_photograph(png_header(12000, 12000))
    assert caught.value.reason == "too_large"
    with pytest.raises(UnreadablePhotographError) as caught:
        decode_photograph(png_header(10**6, 10**6))
    assert caught.value.reason == "too_large"
    with pytest.raises(UnreadablePhotographError) as caught:
        decode_photograph(png_header(100, 100))
    assert caught.value.reason in ("truncated", "damaged")


def test_map_files_have_a_limit_for_names():
    with pytest.raises(map_files.UnusableMapError, match="'image' has 2,000,000 values"):
        map_files._check_names("image", 2_000_000, np.dtype("f8"))
