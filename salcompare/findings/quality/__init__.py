"""Whether exclusions change what was found."""

from salcompare.findings.finding import Finding

FINDING = Finding(name="quality", question="Do exclusions change what was found?", figures=(13,))
