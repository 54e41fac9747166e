"""Results of Mechanical Turk as real batches have them."""

import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.errors import InputError
from salcompare.sources.importers import import_responses
from tests.sources.importers.samples import (
    HEIGHT,
    IMAGES,
    MTURK,
    TRUTH,
    URL,
    WIDTH,
    box,
    crowd_flat,
    crowd_list,
    mturk_cells,
    mturk_file,
    reasons,
    rows,
    take,
)
from tests.sources.photos import catalogue, write

LAYOUTS = pytest.mark.parametrize("layout", [crowd_flat, crowd_list], ids=["flattened", "JSON list"])
GOOD = mturk_cells(crowd_flat(box()))


def batch(*assignments, **options):
    """A batch of the good assignment and others."""
    return mturk_file(GOOD, *assignments, **options)


def refused(root, *assignments, **options):
    """Why assignments are refused, the good one beside them being taken."""
    got = take(root, batch(*assignments), **options)
    assert rows(got)[0] == TRUTH[0]
    assert got.read == len(got.responses) + len(got.refused)
    return reasons(got)


# What is read

@LAYOUTS
def test_a_response_has_its_worker_its_time_and_its_place_in_the_file(tmp_path, layout):
    got = take(tmp_path, mturk_file(mturk_cells(layout(box()))), name="Batch_1_batch_results.csv")
    assert got.responses.to_dict("records") == [{
        "worker": "A1B2C3", "image": "s1/1", "label": "nose", "x0": 40.0, "y0": 50.0, "x1": 80.0, "y1": 100.0,
        "seconds": 266.0, "submitted": "2020-04-17T13:38:03-07:00", "origin": "Batch_1_batch_results.csv",
        "record": "Batch_1_batch_results.csv row 2"}]


@pytest.mark.parametrize("change", [
    lambda text: b"\xef\xbb\xbf" + text.encode(),
    lambda text: text.replace("\r\n", "\n"),
    lambda text: text.replace("\r\n", "\r"),
    lambda text: text.rstrip(),
    lambda text: text.replace('"Input.image_url"', '"input.IMAGE_URL"'),
    lambda text: text.replace("Submitted", "submitted"),
    lambda text: "\r\n" + text + "\r\n,,\r\n",
    lambda text: text.replace("Draw a box, please", "Draw\r\na \"\"box\"\""),
    lambda text: text.replace('"Approve","Reject"\r\n', '"Approve","Reject","Notes"\r\n'),
    lambda text: text.replace('""label""', '""colour"":""red"",""label""'),
], ids=["byte-order mark", "LF", "CR", "no last line end", "header's case", "status' case", "blank lines",
        "a line end inside a cell", "a column more", "a key more"])
def test_the_ways_real_files_are_written_change_nothing(tmp_path, change):
    got = take(tmp_path, change(MTURK))
    assert (rows(got), got.read) == (TRUTH, 2)


@LAYOUTS
def test_rows_two_cells_short_of_the_header_are_neither_approved_nor_rejected(tmp_path, layout):
    for short in (True, False):
        got = take(tmp_path, mturk_file(mturk_cells(layout(box())), short=short))
        assert (rows(got), got.read) == ([TRUTH[0]], 1)


@settings(max_examples=20)
@given(order=st.permutations(list(GOOD)))
def test_the_order_of_the_columns_does_not_matter(tmp_path_factory, order):
    assert rows(take(tmp_path_factory.mktemp("order"), mturk_file(GOOD, columns=order, short=False))) == [TRUTH[0]]


@LAYOUTS
def test_several_boxes_of_an_assignment_are_rows_of_their_own(tmp_path, layout):
    got = take(tmp_path, mturk_file(mturk_cells(layout(box(), box("chin", 0, 150, 160, 50)))))
    assert rows(got, "label", "y0", "y1") == [("nose", 50, 100), ("chin", 150, 200)]
    assert [one.rpartition(" row ")[2] for one in got.responses["record"]] == ["2 box 0", "2 box 1"]


@LAYOUTS
@pytest.mark.parametrize("element", ["annotatedResult", "face", "Bounding box 2"])
def test_the_element_may_have_any_name(tmp_path, layout, element):
    assert rows(take(tmp_path, mturk_file(mturk_cells(layout(box(), element=element))))) == [TRUTH[0]]


def test_answers_beside_the_boxes_do_not_matter(tmp_path):
    answers = [{"comments": "[nice", "agree": {"yes": True}, **crowd_list(box())["taskAnswers"][0]}]
    assert rows(take(tmp_path, mturk_file(mturk_cells({"taskAnswers": answers, "remark": "[sic] {"})))) == [TRUTH[0]]


# Rescaling

@LAYOUTS
@given(scale=st.sampled_from([0.25, 0.5, 2, 3.5]), left=st.integers(0, 39), top=st.integers(0, 49),
       width=st.integers(1, 120), height=st.integers(1, 150))
@settings(max_examples=20)
def test_boxes_are_brought_from_the_size_they_were_drawn_on_to_the_images(tmp_path_factory, layout, scale, left, top,
                                                                         width, height):
    drawn = {**box(), "left": left * scale, "top": top * scale, "width": width * scale, "height": height * scale}
    content = mturk_file(mturk_cells(layout(drawn, width=WIDTH * scale, height=HEIGHT * scale)))
    got = take(tmp_path_factory.mktemp("scale"), content)
    assert rows(got, "x0", "y0", "x1", "y1") == [pytest.approx((left, top, left + width, top + height))]
    assert "1 boxes were brought from the size they were drawn on" in got.notes[0]


def test_both_sides_are_scaled_by_their_own_factor_and_that_is_said(tmp_path):
    got = take(tmp_path, mturk_file(mturk_cells(crowd_flat(box("nose", 10, 10, 20, 20), width=80, height=50))))
    assert rows(got, "x0", "y0", "x1", "y1") == [(20, 40, 60, 120)]
    assert "1 of them were drawn on an image of other proportions" in got.notes[1]


def test_a_box_on_an_image_shown_turned_is_refused(tmp_path):
    assert refused(tmp_path, mturk_cells(crowd_flat(box(), width=HEIGHT, height=WIDTH))) == ["turned"]


@pytest.mark.parametrize("size", [{"width": 0}, {"height": -5}, {"width": "wide"}, {"height": "1e999"}])
@LAYOUTS
def test_a_size_that_is_none_refuses_the_box(tmp_path, layout, size):
    assert refused(tmp_path, mturk_cells(layout(box(), **size))) in (["size"], ["not_a_number"])


def test_without_a_size_boxes_are_in_pixels_of_the_image(tmp_path):
    answers = {"annotatedResult.boundingBoxes": [box()]}
    assert rows(take(tmp_path, mturk_file(mturk_cells(answers)))) == [TRUTH[0]]


# Statuses

def statuses():
    return mturk_file(*(mturk_cells(crowd_flat(box(status)), status=status, worker=f"W{at}")
                        for at, status in enumerate(["Submitted", "Approved", "Rejected", "", "Returned"])))


@pytest.mark.parametrize(("chosen", "taken"), [
    (("Approved", "Submitted"), ["W0", "W1", "W3"]), (("Approved",), ["W1"]), (("rejected",), ["W2"]),
    (("Approved", "Submitted", "Rejected"), ["W0", "W1", "W2", "W3"])])
def test_statuses_are_chosen_and_the_others_refused_by_name(tmp_path, chosen, taken):
    content = statuses().replace('"nose"', '"x"').replace('""label"":""""', '""label"":""nose""')
    got = take(tmp_path, content, statuses=chosen)
    assert got.responses["worker"].tolist() == taken
    assert set(reasons(got)) == {"status"}
    assert got.read == 5


def test_marks_of_the_requester_count_though_the_status_is_still_submitted(tmp_path):
    approved, rejected = ({**mturk_cells(crowd_flat(box()), worker=worker), column: "x"}
                          for worker, column in (("W1", "Approve"), ("W2", "Reject")))
    got = take(tmp_path, mturk_file(approved, rejected, short=False), statuses=("Approved",))
    assert (rows(got, "worker"), reasons(got)) == ([("W1",)], ["status"])


def test_a_status_that_is_none_is_an_error(tmp_path):
    with pytest.raises(InputError, match="--status: is Aproved; expected Approved or Submitted or Rejected"):
        take(tmp_path, MTURK, statuses=("Aproved",))
    with pytest.raises(InputError, match="--status: is empty"):
        take(tmp_path, MTURK, statuses=())


# What is refused

@LAYOUTS
def test_no_boxes_are_a_row_without_a_box(tmp_path, layout):
    assert refused(tmp_path, mturk_cells(layout())) == ["no_box"]


@pytest.mark.parametrize(("answers", "reason"), [
    ({}, "no_box"), ({"annotatedResult.boundingBoxes": ""}, "no_box"), ({"taskAnswers": "[]"}, "no_box"),
    ({"annotatedResult.boundingBoxes": "[{"}, "not_json"), ({"taskAnswers": "[{]"}, "not_json"),
    ({"annotatedResult.boundingBoxes": "[7]"}, "layout"), ({"annotatedResult.boundingBoxes": "[null]"}, "layout"),
    ({"annotatedResult.boundingBoxes": [{"label": "nose"}]}, "not_a_number"),
    (crowd_flat({**box(), "left": None}), "not_a_number"), (crowd_flat({**box(), "top": True}), "not_a_number"),
    (crowd_flat({**box(), "width": "1e400"}), "not_a_number"),
    (crowd_flat({**box(), "width": 0}), "no_area"), (crowd_flat({**box(), "height": -4}), "swapped_corners"),
    (crowd_flat({**box(), "width": 200}), "outside"), (crowd_flat({**box(), "left": -1}), "outside"),
    (crowd_flat(box("")), "empty_label"), (crowd_flat(box("  ")), "empty_label"),
    (crowd_flat(box(None)), "empty_label"), (crowd_flat(box("...")), "junk_label"),
    (crowd_flat(box("12")), "junk_label"), (crowd_flat(box("n" * 101)), "junk_label"),
])
def test_answers_that_are_no_box_are_refused_with_a_reason(tmp_path, answers, reason):
    assert refused(tmp_path, mturk_cells(answers, worker="W2")) == [reason]


def test_the_same_box_twice_of_one_worker_counts_once(tmp_path):
    other = mturk_cells(crowd_flat(box()), worker="W2")
    got = take(tmp_path, batch(mturk_cells(crowd_flat(box(), box("Nose "))), other))
    assert (len(got.responses), reasons(got)) == (2, ["duplicate_response"] * 2)


def test_a_worker_without_a_name_is_refused(tmp_path):
    assert refused(tmp_path, mturk_cells(crowd_flat(box()), worker="")) == ["no_worker"]


def test_a_row_with_too_many_cells_is_refused(tmp_path):
    content = batch(GOOD | {"WorkerId": "W2"}).rstrip() + ',"","","more"\r\n'
    got = take(tmp_path, content)
    assert (len(got.responses), reasons(got)) == (1, ["cells"])


def test_an_image_that_the_study_does_not_have_is_refused_by_name(tmp_path):
    got = take(tmp_path, batch(mturk_cells(crowd_flat(box()), image="s9/9")))
    assert got.refused.to_dict("records") == [{
        "where": "file.csv row 3", "reason": "unknown_image", "worker": "A1B2C3", "image": URL.format("s9/9"),
        "detail": f"the study has no image '{URL.format('s9/9')[:59]}..."
        if len(URL.format("s9/9")) > 60 else f"the study has no image '{URL.format('s9/9')}'"}]


# Which image

def test_without_an_image_url_another_input_or_answer_names_the_image_or_the_row_is_refused(tmp_path):
    by_input = mturk_cells(crowd_flat(box()), image="", worker="W1", **{"Input.photo_path": "s1/2.jpg"})
    by_answer = mturk_cells({**crowd_flat(box()), "image_file": "s2/2"}, image="", worker="W2")
    nameless = mturk_cells(crowd_flat(box()), image="", worker="W3")
    got = take(tmp_path, mturk_file(by_input, by_answer, nameless))
    assert (rows(got, "worker", "image"), reasons(got)) == ([("W1", "s1/2"), ("W2", "s2/2")], ["no_image"])


def test_a_file_without_the_column_of_images_at_all_says_why_nothing_is_taken(tmp_path):
    columns = [name for name in GOOD if name != "Input.image_url"]
    with pytest.raises(InputError, match=r"1 rows read, 1 refused.*\n.*rows that name no image"):
        take(tmp_path, mturk_file(GOOD, columns=columns))


def test_a_number_beside_an_unknown_image_is_not_taken_for_an_images(tmp_path):
    images = catalogue(["s1/1", "s1/200", "s2/7"], height=HEIGHT, width=WIDTH)
    row = mturk_cells(crowd_flat(box()), image="s9/9", **{"Input.thread": "7"})
    got = take(tmp_path, mturk_file(GOOD, row), images=images)
    assert (rows(got, "image"), reasons(got)) == ([("s1/1",)], ["unknown_image"])


def several(*parts, images=("s1/1", "s2/1", "s2/2"), first=0):
    """An assignment with several images."""
    inputs = {f"Input.image_url_{at}": URL.format(name) for at, name in enumerate(images, start=first)}
    answers = {}
    for part in parts:
        answers |= part
    cells = mturk_cells(answers, **inputs)
    del cells["Input.image_url"]
    return mturk_file(cells)


def test_of_several_images_the_elements_number_says_which(tmp_path):
    eyes = box("Eyes", 16, 30, 112, 30)
    flat = take(tmp_path, several(crowd_flat(box(), element="annotatedResult_0"),
                                  crowd_flat(eyes, element="annotatedResult_1")))
    assert rows(flat) == TRUTH
    assert flat.responses["seconds"].isna().all()
    assert flat.refused[["reason", "image"]].to_numpy().tolist() == [["no_box", URL.format("s2/2")]]
    both = [{f"box{at}": crowd_list(one)["taskAnswers"][0]["annotatedResult"] for at, one in ((1, box()), (2, eyes))}]
    assert rows(take(tmp_path, several({"taskAnswers": both}, first=1))) == TRUTH


def test_a_box_that_may_be_on_any_of_several_images_is_refused(tmp_path):
    content = several(crowd_flat(box(), element="annotatedResult_0"), crowd_flat(box(), element="other"),
                      crowd_flat(box(), element="annotatedResult_7"))
    assert reasons(take(tmp_path, content)) == ["several_images"] * 2


# HTML forms

@pytest.mark.parametrize("names", [
    "x0 y0 x1 y1", "x1 y1 x2 y2", "xmin ymin xmax ymax", "left top right bottom", "left top width height",
    "x y width height", "x y w h", "box.x0 box.y0 box.x1 box.y1", "bbox_x bbox_y bbox_w bbox_h"])
def test_a_forms_columns_are_known_by_their_names(tmp_path, names):
    ends = ["80", "100"] if names.split()[2][-2:] in {"x1", "x2", "ax", "ht"} and "width" not in names else ["40", "50"]
    answers = dict(zip(names.split(), ["40", "50", *ends], strict=True)) | {"label": "nose"}
    assert rows(take(tmp_path, mturk_file(mturk_cells(answers)))) == [TRUTH[0]]


def test_a_form_may_send_the_size_of_what_was_drawn_on(tmp_path):
    answers = {"label": "nose", "x": "10", "y": "5", "w": "10", "h": "5", "image_width": "40", "image_height": "20"}
    assert rows(take(tmp_path, mturk_file(mturk_cells(answers)))) == [TRUTH[0]]


@pytest.mark.parametrize(("answers", "label"), [
    ({"feature": "nose"}, "nose"), ({"label": "Other", "other": "scar"}, "scar"), ({"other": "scar"}, "scar"),
    ({"label": "nose", "other": "scar"}, "nose"), ({"part.nose": "true", "part.eyes": "false"}, "nose"),
    ({"part.nose": "on"}, "nose")])
def test_a_forms_label_is_a_field_a_button_or_a_text_of_ones_own(tmp_path, answers, label):
    edges = {"x0": "40", "y0": "50", "x1": "80", "y1": "100"}
    assert rows(take(tmp_path, mturk_file(mturk_cells(edges | answers))), "label") == [(label,)]


def test_a_form_left_blank_has_no_box_and_a_broken_one_a_reason(tmp_path):
    blank, broken, free = ({"x0": x0, "y0": "5", "x1": "9", "y1": "9", "label": label}
                           for x0, label in (("", ""), ("left", "nose"), ("1", "")))
    blank = dict.fromkeys(blank, "")
    header = list(mturk_cells({"label": "", "x0": "", "y0": "", "x1": "", "y1": ""}))
    content = mturk_file(*(mturk_cells(one, worker=f"W{at}") for at, one in enumerate((
        {"x0": "40", "y0": "50", "x1": "80", "y1": "100", "label": "nose"}, blank, broken, free))), columns=header)
    assert reasons(take(tmp_path, content)) == ["no_box", "not_a_number", "empty_label"]


def test_boxes_as_json_in_a_field_of_a_form_are_read(tmp_path):
    answers = {"coordinates": json.dumps([box()])}
    assert rows(take(tmp_path, mturk_file(mturk_cells(answers)))) == [TRUTH[0]]


def test_quotes_doubled_once_more_by_a_spreadsheet_are_read(tmp_path):
    answers = crowd_flat(box())
    answers["annotatedResult.boundingBoxes"] = json.dumps(answers["annotatedResult.boundingBoxes"]).replace('"', '""')
    assert rows(take(tmp_path, mturk_file(mturk_cells(answers)))) == [TRUTH[0]]


# A large batch

def test_thousands_of_rows_are_accounted_for(tmp_path):
    cells = [mturk_cells(crowd_flat(box(left=at % 100, width=1 + at // 100)), worker=f"W{at}",
                         status=["Approved", "Submitted", "Rejected"][at % 3]) for at in range(3000)]
    got = import_responses(write(tmp_path / "batch.csv", mturk_file(*cells)), IMAGES)
    assert (got.read, len(got.responses), reasons(got)) == (3000, 2000, ["status"] * 1000)
    assert isinstance(got.responses, pd.DataFrame)
