"""What was compared, and how photographs and responses were prepared."""

from salcompare.findings.finding import BARE_TEST, Finding, Quantity

SHARED_WORKERS = Quantity(
    "shared_workers", "excess", "Workers that images of one actor share beyond those of two", "excess",
    BARE_TEST | {"value_one": "same", "value_other": "other", "n": "n_images", "reason": ("reason", "confounded")},
    {"contrast": "one actor minus two"}, rests_on_people=True)
FINDING = Finding(name="preparation", question="What was compared?", inputs=("images", "responses", "settings"),
                  quantities=(SHARED_WORKERS,))
