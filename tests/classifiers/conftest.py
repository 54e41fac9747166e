import pytest

from tests.classifiers.tiny import register_tiny, tiny_photographs


@pytest.fixture
def photographs(tmp_path_factory):
    """Tiny photographs and their table; the backbone "tiny" is registered."""
    register_tiny(tmp_path_factory.mktemp("weights"))
    return tiny_photographs()
