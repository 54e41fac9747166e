"""Each rule by itself at its limit, none of which disagreement can break, and a log that tells why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salcompare.config import QUALITY_RULES, Quality
from salcompare.sources.quality import iou, judge_checks, judge_responses, keep_all
from tests.sources.crowd import IMAGES, NO_CHECKS, SIDE, careful, checks, judged, only, out

EDGES = ["x0", "y0", "x1", "y1"]


def with_box(response, box, **changes):
    table = careful()
    row = table["response"] == response
    table[EDGES] = table[EDGES].astype(float)
    table.loc[row, EDGES] = box
    for column, value in changes.items():
        table.loc[row, column] = value
    return table


def test_careful_workers_lose_nothing():
    every = pd.concat([checks(worker, right=2, wrong=0) for worker in ("ann", "bob", "cem", "dee")])
    found = judged(careful(), every)
    assert found.log.empty
    pd.testing.assert_frame_equal(found.kept, careful())
    assert (found.rules["n_responses"] == 0).all()
    assert (found.rules["not_applied"] == "").all()


def test_who_disagrees_with_everyone_on_every_image_but_passes_the_checks_is_kept():
    """Nobody else's boxes or labels come near this worker's; no rule may mind."""
    table = careful()
    own = table["worker"] == "dee"
    place = np.arange(own.sum())
    table.loc[own, EDGES] = np.column_stack([150 + place, 140 + 2 * place, 175 + place, 160 + 2 * place])
    table.loc[own, "label"] = "the glint in her left eye"
    others = table[~own]
    for row in table[own].itertuples():
        same = others[others["image"] == row.image]
        mine = np.array([[row.x0, row.y0, row.x1, row.y1]], float)
        assert (iou(mine, same[EDGES].to_numpy(float)) == 0).all()
        assert row.label not in set(same["label"])
    every = pd.concat([checks(worker, right=3, wrong=0) for worker in ("ann", "bob", "cem", "dee")])
    found = judged(table, every)
    assert found.log.empty
    assert (found.kept["worker"] == "dee").sum() == 8


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_what_other_workers_draw_and_name_never_decides_about_a_worker(seed):
    """With every other worker's boxes and labels drawn anew, what is left out of one worker's stays the same."""
    rng = np.random.default_rng(seed)
    table, given_checks = careful(), checks("ann", right=1, wrong=2)
    table.loc[table["worker"] == "bob", EDGES] = [10, 10, 60, 60]
    turned = table.copy()
    others = turned["worker"] != "bob"
    low = rng.integers(0, 100, (others.sum(), 2))
    turned.loc[others, EDGES] = np.hstack([low, low + rng.integers(10, 90, low.shape)])
    turned.loc[others, "label"] = rng.choice(["eyes", "chin", "a scar"], others.sum())
    of_bob = [name for name in out(judged(table, given_checks)) if name.startswith("bob")]
    assert [name for name in out(judged(turned, given_checks)) if name.startswith("bob")] == of_bob
    assert of_bob  # the same box everywhere


def test_wrong_checks_take_out_a_worker_beyond_the_limit_only():
    for wrong, expected in ((0, 0), (1, 0), (2, 0), (3, 8), (4, 8)):
        assert len(out(only("checks", careful(), checks("ann", right=4 - wrong, wrong=wrong)))) == expected
    assert out(only("checks", careful(), checks("ann", right=0, wrong=4))) == [f"ann{k}" for k in range(8)]


def test_a_worker_with_too_few_checks_is_not_judged_by_them():
    assert out(only("checks", careful(), checks("ann", right=0, wrong=1))) == []
    assert out(only("checks", careful(), checks("ann", right=0, wrong=1), fewest_checks=1))


def test_a_check_is_right_by_iou_and_by_label():
    # Target 50..90 both ways; moved by 20 across, the boxes share half of each: IoU 1/3, above the limit of 0.3.
    table = checks("ann", right=3, wrong=1)
    table.loc[1, EDGES] = [70, 50, 110, 90]
    table.loc[2, EDGES] = [74, 50, 114, 90]  # 16 / 64: IoU 1/4
    found = judge_checks(table, Quality())
    np.testing.assert_allclose(found["iou"], [1, 1 / 3, 1 / 4, 0])
    assert found["right"].tolist() == [True, True, False, False]
    named = checks("ann", right=2, wrong=0, answered="chin")
    assert out(only("checks", careful(), named))
    assert out(only("checks", careful(), named, check_label=False)) == []


def test_a_check_without_an_answer_is_wrong():
    blank = checks("ann", right=2, wrong=0)
    blank[EDGES] = np.nan
    blank["label"] = ""
    assert len(out(only("checks", careful(), blank))) == 8


def test_a_pace_far_below_the_median_workers_takes_out_the_worker():
    table = careful()  # median times 11.5, 12.5, 13.5, 14.5 s
    table.loc[table["worker"] == "ann", "seconds"] = 3.3  # median worker then 12.9...: limit 3.25 s
    assert out(only("pace", table)) == []
    table.loc[table["worker"] == "ann", "seconds"] = 3.2
    assert out(only("pace", table)) == [f"ann{k}" for k in range(8)]
    few = table[(table["worker"] != "ann") | table["image"].isin(["a/0", "a/1", "a/2"])]
    assert out(only("pace", few)) == []


def test_a_response_under_the_floor_of_time_goes_alone():
    table = careful()
    table.loc[table["response"].isin(["ann0", "bob1"]), "seconds"] = [0.99, 1.0]
    assert out(only("seconds", table)) == ["ann0"]
    assert out(only("seconds", table.assign(seconds=np.nan))) == []


def test_a_box_over_nearly_the_whole_image_goes_alone():
    assert out(only("whole_image", with_box("ann0", [0, 0, SIDE, 0.9 * SIDE]))) == []
    assert out(only("whole_image", with_box("ann0", [0, 0, SIDE, 0.91 * SIDE]))) == ["ann0"]


def test_a_box_with_a_side_of_nearly_nothing_goes_alone():
    assert out(only("tiny", with_box("ann0", [50, 50, 53, 90]))) == []  # 1.5% of the side
    assert out(only("tiny", with_box("ann0", [50, 50, 52.9, 90]))) == ["ann0"]
    assert out(only("tiny", with_box("ann0", [50, 50, 90, 52.9]))) == ["ann0"]


def test_sizes_are_shares_of_the_images_own_sides():
    table = with_box("ann0", [50, 50, 53, 90])
    wider = IMAGES.assign(width=np.where(IMAGES["image"] == "a/0", 2 * SIDE, SIDE))
    assert out(only("tiny", table)) == []
    assert out(only("tiny", table, images=wider)) == ["ann0"]


def test_one_box_on_many_images_goes_and_the_workers_others_stay():
    table = careful()
    table[EDGES] = table[EDGES].astype(float)
    for n, expected in ((2, 0), (3, 0), (4, 4), (8, 8)):  # at least four images, and more than a quarter of eight
        same = table.copy()
        same.loc[same["response"].isin([f"ann{k}" for k in range(n)]), EDGES] = [40.0, 40.0, 80.0, 70.0]
        assert len(out(only("same_box", same))) == expected
    near = same.copy()
    near.loc[near["worker"] == "ann", "x0"] += np.tile([0.0, 0.9], 4)  # within 0.5% of the side
    assert len(out(only("same_box", near))) == 8
    near.loc[near["worker"] == "ann", "x0"] += np.arange(8) * 1.2
    assert out(only("same_box", near)) == []


def test_one_box_of_several_workers_is_no_repetition():
    table = careful()
    for k, image in enumerate(IMAGES["image"]):
        table.loc[table["image"] == image, EDGES] = [20 + 10 * k, 30, 60 + 10 * k, 60]
    assert out(only("same_box", table)) == []


def test_a_duplicate_goes_and_the_first_stays():
    table = careful()
    again = table[table["response"] == "ann0"].assign(response="again")
    twice = pd.concat([table, again], ignore_index=True)
    assert out(only("duplicate", twice)) == ["again"]
    assert out(only("duplicate", twice.assign(label=np.where(twice["response"] == "again", "lips", "nose")))) == []
    twice.loc[twice["response"] == "again", "x1"] += 20  # IoU 2/3
    assert out(only("duplicate", twice)) == []


def test_a_worker_mostly_out_goes_whole_but_not_for_duplicates():
    table = careful()
    for n, expected in ((4, 4), (5, 8), (8, 8)):
        hurried = table.assign(seconds=table["seconds"].where(~table["response"].isin([f"ann{k}" for k in range(n)]),
                                                              0.1))
        assert len(out(judged(hurried, rules=("seconds", "mostly")))) == expected
    twice = pd.concat([table, *[table[table["worker"] == "ann"].assign(response=lambda t, k=k: t["response"] + f"-{k}")
                                for k in range(3)]], ignore_index=True)
    found = judged(twice, rules=("duplicate", "mostly"))
    assert len(out(found)) == 24
    assert (found.kept["worker"] == "ann").sum() == 8


def test_every_exclusion_is_logged_with_rule_number_limit_and_reason():
    table = with_box("ann0", [0, 0, SIDE, SIDE], seconds=0.5)
    found = judged(table, checks("bob", right=0, wrong=3))
    gone = set(table["response"]) - set(found.kept["response"])
    assert set(found.log["response"]) == gone == {"ann0", *(f"bob{k}" for k in range(8))}
    first = found.log[found.log["response"] == "ann0"].set_index("rule")
    assert first["found"].to_dict() == {"seconds": 0.5, "whole_image": 1.0}
    assert first["limit"].to_dict() == {"seconds": 1.0, "whole_image": 0.9}
    assert first.loc["seconds", "reason"] == "given in 0.5 s; the limit is 1 s"
    assert first.loc["whole_image", "reason"] == "the box is over 100.0% of the image; the limit is 90%"
    assert found.log.loc[found.log["worker"] == "bob", "reason"].unique().tolist() == [
        "100% of the worker's instructed checks are wrong; the limit is 50%"]
    rules = found.rules.set_index("rule")
    assert rules.loc[["seconds", "whole_image", "checks"], "n_responses"].tolist() == [1, 1, 8]
    assert rules.loc[["seconds", "checks"], "only"].tolist() == [0, 8]
    assert rules.index.tolist() == list(QUALITY_RULES)


@pytest.mark.parametrize("rule", [name for name in QUALITY_RULES if name != "mostly"])
def test_a_rule_that_is_off_takes_out_nothing(rule):
    table = with_box("ann0", [0, 0, 1, SIDE], seconds=0.1)
    table.loc[table["worker"] == "bob", EDGES] = [40.0, 40.0, 80.0, 70.0]
    rest = tuple(name for name in QUALITY_RULES if name != rule)
    found = judged(table, checks("cem", right=0, wrong=3), rules=rest)
    assert rule not in set(found.log["rule"])
    assert found.rules.set_index("rule").loc[rule, "not_applied"] == "off"


def test_rules_without_their_data_say_so():
    bare = careful().drop(columns="seconds")
    missing = judged(bare).rules.set_index("rule")["not_applied"]
    assert missing["seconds"] == missing["pace"] == "the responses have no times"
    assert missing["checks"] == "there are no instructed checks"
    by_actor = careful().drop(columns=["worker", "image"]).assign(actor="a")
    found = judge_responses(by_actor, IMAGES, NO_CHECKS, Quality(), size=(SIDE, SIDE))
    applied = found.rules.set_index("rule")["not_applied"]
    assert applied["same_box"] == "the responses name no worker"
    assert applied[["whole_image", "tiny", "seconds"]].eq("").all()
    assert keep_all(by_actor, NO_CHECKS, "gaze").rules["not_applied"].eq("gaze").all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_rows_and_the_workers_names_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    table = careful()
    table["seconds"] = rng.choice([0.5, 2.0, 9.0], len(table))
    low = rng.choice([0, 40], (len(table), 2))
    table[EDGES] = np.hstack([low, low + rng.choice([2, 50, 160], (len(table), 2))])
    every = pd.concat([checks(worker, right=int(r), wrong=int(w)) for worker, r, w in zip(
        ("ann", "bob", "cem", "dee"), rng.integers(0, 3, 4), rng.integers(0, 3, 4), strict=True)])
    turned = table.sample(frac=1, random_state=seed).assign(worker=lambda rows: "x" + rows["worker"])
    again = judged(turned, every.iloc[::-1].assign(worker=lambda rows: "x" + rows["worker"]))
    found = judged(table, every)
    assert out(again) == out(found)
    assert set(found.kept["response"]) | set(found.log["response"]) == set(table["response"])
    assert not set(found.kept["response"]) & set(found.log["response"])
