"""Pictures with a label each: found in folders and bags, labelled, kept in a folder, judged."""

from visuomotor.labelling.check import FolderReport, check_folder
from visuomotor.labelling.folder import LabelFolder, check_labels
from visuomotor.labelling.session import LabelSession
from visuomotor.labelling.sources import Picture, Sources, find_pictures

__all__ = [
    "FolderReport",
    "LabelFolder",
    "LabelSession",
    "Picture",
    "Sources",
    "check_folder",
    "check_labels",
    "find_pictures",
]
