"""Whether exclusions change what was found."""

from salcompare.findings.finding import Finding

FINDING = Finding(name="quality", question="Do exclusions change what was found?", inputs=("quality", "headlines"),
                  figures=(13,))
