"""What all tests share: Hypothesis draws the same examples on every machine and has no clock."""

from hypothesis import settings

settings.register_profile("default", settings.get_profile("default"), deadline=None, derandomize=True, max_examples=40)
settings.load_profile("default")
