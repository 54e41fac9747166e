"""Where the faces' landmarks are, to be checked by eye."""

from salcompare.findings.finding import Finding

FINDING = Finding(name="landmarks", inputs=("photographs", "images", "landmarks"), figures=(20,))
