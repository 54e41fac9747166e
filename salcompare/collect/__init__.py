"""Collecting responses: the human intelligence task as a web page, its database, its monitor and its export.

The database and the key that worker ids are hashed with stand in ``data/collected`` of the study, which no stage
writes and ``make clean`` leaves alone.
"""
