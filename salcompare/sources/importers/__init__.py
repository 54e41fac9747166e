"""Importers: boxes that people drew in other tools, to responses on a study's images.

Every row of a file is either taken or refused with a reason; a file that cannot be read at all is one clear error.
"""

from salcompare.sources.importers.entries import STATUSES, Options
from salcompare.sources.importers.importing import (
    FORMATS,
    Imported,
    detect_format,
    import_boxes,
    import_responses,
    known_images,
    read_catalogue,
    refused_path,
    responses_path,
    settings_to_change,
    write_imported,
)

__all__ = ["FORMATS", "STATUSES", "Imported", "Options", "detect_format", "import_boxes",
           "import_responses", "known_images", "read_catalogue", "refused_path", "responses_path",
           "settings_to_change", "write_imported"]
