"""One rule for control and invisible characters in every reader: labels are cleaned, ids are refused."""

import json

import numpy as np
import pandas as pd
import pytest

from salcompare import config
from salcompare.errors import ConfigError, InputError
from salcompare.sources import gather_photographs, quality, read_fixations, read_precomputed_maps, read_responses
from salcompare.sources.datasets import read_facescrub_list
from salcompare.sources.importers import Options
from salcompare.sources.photographs import read_groups
from tests.sources.importers.samples import COCO, CVAT, FILES, LABEL_STUDIO, MTURK, VIA_JSON, reasons, rows, take
from tests.sources.photos import catalogue, encoded, folder_study, picture, write

IMAGES = catalogue(["s1/1", "s1/2"]).assign(split="test")
HIDDEN = pytest.mark.parametrize("hidden", ["\x01", "\u200b", "\u202e", "\ufeff"],
                                 ids=["a control character", "zero width", "an override", "a mark of byte order"])
CHECKS = ",".join(quality.CHECKS) + "\n"
TIDY = "response,worker,image,label,x0,y0,x1,y1,submitted,origin\nr1,w1,s1/1,nose,1,2,3,4,2020,form\n"


def tidy(root, content, source="csv"):
    write(root / "r.csv", content)
    return read_responses(config.Responses(source=source, path="r.csv"), {}, root=root, images=IMAGES, size=(50, 50))


@HIDDEN
def test_labels_of_every_table_are_cleaned(tmp_path, hidden):
    dirty = TIDY.replace("nose", f"{hidden}no{hidden}se{hidden}").replace("form", f"f{hidden}orm")
    assert tidy(tmp_path, dirty).table[["label", "origin"]].to_numpy().tolist() == [["nose", "form"]]
    original = f"last_name,label,b0,b1,b2,b3\ns1,no{hidden}se,1,2,3,4\n"
    assert tidy(tmp_path, original, "original").table["label"].tolist() == ["nose"]
    checks = write(tmp_path / "c.csv", CHECKS + f"w1,s1/1,n{hidden}ose,1,1,2,2,nose{hidden},1,1,2,2\n")
    assert quality.read_checks(checks, {})[["label", "target_label"]].to_numpy().tolist() == [["nose", "nose"]]


@HIDDEN
def test_a_label_of_nothing_else_is_empty(tmp_path, hidden):
    with pytest.raises(InputError, match="label is empty"):
        tidy(tmp_path, TIDY.replace("nose", hidden))


@HIDDEN
@pytest.mark.parametrize(("old", "what"), [("r1", "response"), ("w1", "worker"), ("s1/1", "image")])
def test_ids_of_a_tidy_csv_are_refused(tmp_path, hidden, old, what):
    with pytest.raises(InputError, match=rf"row 2: {what}=.* holds U\+{ord(hidden):04X}; .*type it again") as caught:
        tidy(tmp_path, TIDY.replace(old, f"{old[0]}{hidden}{old[1:]}"))
    assert len(caught.value.problems) == 1
    assert str(caught.value).isprintable()


@HIDDEN
def test_ids_of_other_tables_are_refused(tmp_path, hidden):
    says = rf"holds U\+{ord(hidden):04X}"
    gaze = "worker,image,x,y,trial\nw1,s1/1,1,2,a\n"
    for old in ("w1", "s1/1", "a\n"):
        write(tmp_path / "r.csv", gaze.replace(old, f"{old[0]}{hidden}{old[1:]}"))
        with pytest.raises(InputError, match=says):
            read_fixations(config.Responses(source="fixations", path="r.csv"), root=tmp_path, images=IMAGES,
                           size=(50, 50))
    with pytest.raises(InputError, match=says):
        tidy(tmp_path, f"last_name,label,b0,b1,b2,b3\ns{hidden}1,nose,1,2,3,4\n", "original")
    with pytest.raises(InputError, match=says):
        quality.read_checks(write(tmp_path / "c.csv", CHECKS + f"w{hidden}1,s1/1,,,,,,nose,1,1,2,2\n"), {})
    with pytest.raises(InputError, match=says):
        read_groups(write(tmp_path / "g.csv", f"actor,group\ns{hidden}1,a\n"), ["s1"], shown="g.csv")
    with pytest.raises(InputError, match=says):
        read_facescrub_list(write(tmp_path / "l.txt", f"A{hidden}nn\t1\t2\tu\t1,2,3,4\t{'a' * 64}\n"), shown="l.txt")


@HIDDEN
def test_folders_and_files_of_photographs_are_left_out_and_named_whole(tmp_path, hidden):
    folder_study(tmp_path, {"s1": 2, "s2": 2})
    where = tmp_path / "data/raw/photographs"
    write(where / f"s{hidden}3" / "1.png", encoded(picture(8)))
    write(where / "s1" / f"9{hidden}.png", encoded(picture(9)))
    got = gather_photographs(config.Images(split=(0.5, 0, 0.5)), root=tmp_path, size=(8, 8), seed=0)
    out = got.left_out[got.left_out["reason"] == "invisible"]
    assert len(out) == 2
    assert out["detail"].str.contains(f"U\\+{ord(hidden):04X}").all()
    assert all(name.isprintable() for name in out["file"])
    assert len(got.images) == 4


@HIDDEN
def test_names_of_ready_made_maps_are_refused(tmp_path, hidden):
    values = np.random.default_rng(0).uniform(size=(100, 80))
    for name in (f"w{hidden}1/s1/1", f"s1{hidden}/1"):
        np.savez(tmp_path / "maps.npz", **{name: values})
        with pytest.raises(InputError, match=rf"holds U\+{ord(hidden):04X}") as caught:
            read_precomputed_maps("maps.npz", root=tmp_path, images=IMAGES, size=(10, 8), of="human")
        assert str(caught.value).isprintable()


WRITTEN = {"mturk": MTURK, "label-studio": LABEL_STUDIO, "via-json": VIA_JSON, "coco": COCO, "cvat": CVAT,
           **{name: FILES[name][1] for name in ("VIA CSV", "Ground Truth consolidation")}}


def of(content):
    return content if isinstance(content, str) else next(iter(content.values()))


@pytest.mark.parametrize("name", WRITTEN)
def test_importers_clean_labels_and_refuse_workers_and_images(tmp_path, name):
    content, hidden = of(WRITTEN[name]), "\u200b"
    assert rows(take(tmp_path, content.replace("nose", f"no{hidden}se")), "label")[0] == ("nose",)
    images = take(tmp_path, content.replace("s1/1", f"s1{hidden}/1"))
    assert (len(images.responses), reasons(images)) == (1, ["invisible"])
    worker = {"mturk": "A1B2C3", "label-studio": '"completed_by": 5', "Ground Truth consolidation": "AB12"}.get(name,
                                                                                                                "w7")
    dirty = content.replace(worker, '"completed_by": "w\u200b"' if worker.startswith('"') else f"{worker}{hidden}", 1)
    workers = take(tmp_path, dirty)
    assert (len(workers.responses), reasons(workers)) == (1, ["invisible"])
    assert workers.refused.map(str.isprintable).to_numpy().all()


def test_a_worker_named_for_an_import_is_held_to_the_rule(tmp_path):
    with pytest.raises(InputError, match=r"--worker: is 'a\\u200b'"):
        take(tmp_path, MTURK, worker="a\u200b")
    assert Options().worker == ""


def test_a_study_toml_holds_no_hidden_character_and_names_are_composed(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text('[study]\nname = "a\\u202Eb"\n[report]\nactors = ["\\u200B"]\n')
    with pytest.raises(ConfigError, match=r"\[study\] name: 'a\\u202eb'; expected a text of which every "
                       r"character is seen\n.*actors"):
        config.read_config(path)
    path.write_text('[report]\nactors = ["Ju\\u0308rgen"]\n[collect]\nconsent = ["one\\ntwo"]\n')
    read = config.read_config(path)
    assert (read.report.actors, read.collect.consent) == (("J\xfcrgen",), ("one\ntwo",))


def test_what_a_script_needs_stays_in_labels_and_ids(tmp_path):
    word = "می‌روم"
    got = tidy(tmp_path, TIDY.replace("nose", word).replace("w1", word)).table
    assert got[["label", "worker"]].to_numpy().tolist() == [[word, word]]
    assert json.loads(json.dumps(got["label"].tolist())) == [word]
    assert isinstance(got, pd.DataFrame)
