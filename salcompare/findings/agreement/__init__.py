"""How far workers' boxes agree."""

from salcompare.findings.finding import Finding

FINDING = Finding(name="agreement")
