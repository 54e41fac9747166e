"""Methods of many tests."""

FAMILIES = (
    "A family of tests is one statistic, metric, form of the maps, source and contrast over its actors, labels or "
    "pixels. p-values of a family are adjusted by Holm's (1979) method unless the family's name says otherwise; a test "
    "that stands alone is a family of one. Every p in the tables of estimates names its family and the family's size. "
    "Families are not adjusted for each other.")
