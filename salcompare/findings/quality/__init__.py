"""Whether exclusions change what was found, and whether photographs look like copies of each other."""

from salcompare.findings.finding import Finding

COPIES = "near_duplicates"

FINDING = Finding(name="quality", question="Do exclusions change what was found?",
                  inputs=("quality", "headlines", COPIES), figures=(13,),
                  tables={COPIES: ("image", "other", "actor", "other_actor", "correlation", "n_pairs")})
