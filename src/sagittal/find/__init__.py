"""How instances are found: a question in the standard's terms, a query of the index, answers as DICOM JSON."""

from sagittal.find.query import Found, Level, Query
from sagittal.find.search import count, find, unmatchable

__all__ = ["Found", "Level", "Query", "count", "find", "unmatchable"]
