"""The page on the face network says what its command prints."""

from tests.face_network import HEAD, PAGE, ROWS, SAID, row


def test_the_page_has_a_row_for_each_and_the_aligned_rate_is_made_again():
    said = PAGE.read_text("utf-8").split(HEAD)[1].split("\n\n")[0].splitlines()
    assert [line.split(" | ")[:3] for line in said] == [
        [f"| `{backbone}`", SAID[align], f"{size} × {size}"] for backbone, align, size in ROWS]
    again = float(row(*ROWS[2]).split(" | ")[3].rstrip("%"))
    assert abs(again - float(said[2].split(" | ")[3].rstrip("%"))) < 0.1
    assert again < 0.5
