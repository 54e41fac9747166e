"""How the classifiers' maps are made, and what they look like."""

from salcompare.findings.finding import Finding

FINDING = Finding(name="attribution", inputs=("photographs", "classifier_maps", "differences", "class_matrix"),
                  figures=(2, 3, 17), on_classifier_pages=(2,))
