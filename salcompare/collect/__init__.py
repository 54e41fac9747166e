"""Collecting responses: the human intelligence task as a web page, its database, its monitor and its export.

The database and the key that worker ids are hashed with stand in ``data/collected`` of the study, which no stage
writes and ``make clean`` leaves alone.
"""

from importlib.util import find_spec

from salcompare.errors import MissingDependencyError, Problem

_missing = [name for name in ("itsdangerous", "sqlalchemy", "starlette", "uvicorn") if find_spec(name) is None]
if _missing:
    raise MissingDependencyError(
        Problem(", ".join(_missing), "not installed", remedy="run: pip install 'salcompare[collect]'"))
