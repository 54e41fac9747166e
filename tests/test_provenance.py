"""Hashes and canonical texts are the same for equal values, wherever and whenever they are made."""

import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from salcompare import provenance
from salcompare.provenance import (
    canonical_json,
    fingerprint,
    sha256_of_bytes,
    sha256_of_code,
    sha256_of_file,
    sha256_of_parts,
    versions,
)

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))


@dataclass(frozen=True)
class Setting:
    path: Path
    shares: tuple[float, ...]


def test_a_files_hash_is_that_of_its_bytes_however_long(tmp_path):
    content = bytes(range(256)) * 9000  # more than two blocks, and a part of one
    (tmp_path / "file").write_bytes(content)
    assert sha256_of_file(tmp_path / "file") == hashlib.sha256(content).hexdigest() == sha256_of_bytes(content)
    (tmp_path / "empty").touch()
    assert sha256_of_file(tmp_path / "empty") == hashlib.sha256().hexdigest()


def test_parts_that_join_to_the_same_text_have_different_hashes():
    assert sha256_of_parts(["ab", "c"]) != sha256_of_parts(["a", "bc"])
    assert sha256_of_parts(["a", ""]) != sha256_of_parts(["a"])
    assert sha256_of_parts(["a", "b"]) != sha256_of_parts(["b", "a"])
    assert sha256_of_parts(iter(["é"])) == hashlib.sha256("é\0".encode()).hexdigest()


def test_the_canonical_text_knows_dataclasses_paths_sets_and_numpy():
    value = {"b": Setting(Path("data") / "raw", (0.5, 1.0)), "a": {3, 1, 2}, "n": np.int64(4), "x": np.float32(0.5),
             "é": np.array(7), "yes": np.True_}
    assert canonical_json(value) == (
        '{"a":[1,2,3],"b":{"path":"data/raw","shares":[0.5,1.0]},"n":4,"x":0.5,"yes":true,"é":7}')


@given(JSON)
def test_the_canonical_text_reads_back_as_the_value(value):
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(), st.integers()))
def test_the_order_of_keys_does_not_matter(mapping):
    turned = dict(reversed(mapping.items()))
    assert fingerprint(turned) == fingerprint(mapping)


@pytest.mark.parametrize("value", [object(), np.arange(3), np.arange(1), b"bytes", Setting])
def test_what_has_no_canonical_text_is_refused_by_its_type(value):
    with pytest.raises(TypeError, match=f"{type(value).__name__} has no canonical JSON form"):
        canonical_json({"value": value})


def test_a_fingerprint_is_sixteen_hex_digits_that_change_with_the_value():
    found = fingerprint({"seed": 0})
    assert len(found) == 16
    assert set(found) <= set("0123456789abcdef")
    assert found != fingerprint({"seed": 1})


def test_a_fingerprint_is_the_same_in_another_process_with_other_hashing():
    value = {"actors": {"s1", "s2", "s3", "s10"}, "share": 0.05}
    code = ("from salcompare.provenance import fingerprint;"
            "print(fingerprint({'share': 0.05, 'actors': {'s10', 's3', 's2', 's1'}}))")
    for seed in ("1", "2"):
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True,
                              env={**os.environ, "PYTHONHASHSEED": seed})
        assert done.stdout.strip() == fingerprint(value)


def test_versions_are_those_installed_and_no_others(monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGES", ("numpy", "no-such-package-anywhere"))
    assert versions() == {"numpy": importlib.metadata.version("numpy")}


def code(folder, **files):
    for name, text in files.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_code_is_hashed_with_all_local_modules_that_it_imports_however_they_are_named(tmp_path):
    code(tmp_path, nets="import torch\nimport helpers\nfrom parts import blocks as b\n\ndef face():\n    import late\n",
         helpers="from parts.deep import *", late="import importlib\nimportlib.import_module('by_name')",
         by_name="import nets", parts__init="", parts__blocks="from . import sizes\nfrom .deep import x",
         parts__sizes="", parts__deep="from .sub.leaf import y", parts__sub__leaf="from ... import nothing\n"
         "from ..other import z", parts__other="", unrelated="", json="")
    (tmp_path / "parts/init.py").rename(tmp_path / "parts/__init__.py")
    found = sha256_of_code("nets", tmp_path)
    assert set(found) == {"nets.py", "helpers.py", "late.py", "by_name.py", "parts/__init__.py", "parts/blocks.py",
                          "parts/sizes.py", "parts/deep.py", "parts/sub/leaf.py", "parts/other.py"}
    assert found["late.py"] == sha256_of_file(tmp_path / "late.py")


def test_code_that_is_installed_missing_or_cannot_be_read_is_no_error(tmp_path):
    code(tmp_path, broken="def")
    assert set(sha256_of_code("broken", tmp_path)) == {"broken.py"}
    assert sha256_of_code("numpy", tmp_path) == {}
    assert sha256_of_code("json.decoder", tmp_path) == {}
    assert sha256_of_code("no_such_module", None) == {}


def test_code_of_an_importable_folder_elsewhere_is_local_too(tmp_path, monkeypatch):
    code(tmp_path, elsewhere__nets="from . import parts", elsewhere__parts="", elsewhere__init="")
    (tmp_path / "elsewhere/init.py").rename(tmp_path / "elsewhere/__init__.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert set(sha256_of_code("elsewhere.nets", tmp_path / "study")) == {
        "elsewhere/__init__.py", "elsewhere/nets.py", "elsewhere/parts.py"}
