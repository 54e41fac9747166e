"""What was compared, and how photographs and responses were prepared."""

from salcompare.findings.finding import Finding

FINDING = Finding(name="preparation", question="What was compared?", inputs=("images", "responses", "settings"))
