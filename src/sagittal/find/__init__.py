"""How instances are found: a question in the standard's terms, a query of the index, answers as DICOM JSON."""

from sagittal.find.query import Found, Level, Order, Query
from sagittal.find.search import MAX_COUNT, count, find, find_batches, given, is_held_at, standing, told, unmatchable

__all__ = [
    "MAX_COUNT",
    "Found",
    "Level",
    "Order",
    "Query",
    "count",
    "find",
    "find_batches",
    "given",
    "is_held_at",
    "standing",
    "told",
    "unmatchable",
]
