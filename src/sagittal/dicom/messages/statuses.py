"""Status codes of DIMSE responses: PS3.7 Annex C, and PS3.4 for storage (B.2.3) and query/retrieve (C.4).

>>> category(0xFF00), category(0xB007), category(0xA701)
('pending', 'warning', 'failure')
>>> describe(0xA701)
'Refused: Out of resources'
"""

from typing import Final, Literal

Category = Literal["success", "pending", "cancel", "warning", "failure"]

SUCCESS: Final = 0x0000
CANCEL: Final = 0xFE00
PENDING: Final = 0xFF00
PENDING_UNSUPPORTED_KEYS: Final = 0xFF01

SOP_CLASS_NOT_SUPPORTED: Final = 0x0122
NOT_AUTHORIZED: Final = 0x0124
PROCESSING_FAILURE: Final = 0x0110
DUPLICATE_INVOCATION: Final = 0x0210
UNRECOGNIZED_OPERATION: Final = 0x0211

OUT_OF_RESOURCES: Final = 0xA700
CANNOT_CALCULATE_MATCHES: Final = 0xA701
CANNOT_PERFORM_SUB_OPERATIONS: Final = 0xA702
MOVE_DESTINATION_UNKNOWN: Final = 0xA801
DATA_SET_DOES_NOT_MATCH_SOP_CLASS: Final = 0xA900
CANNOT_UNDERSTAND: Final = 0xC000
COERCED: Final = 0xB000
SUB_OPERATIONS_WITH_FAILURES: Final = 0xB000

_TEXTS: Final = {
    0x0000: "Success",
    0x0001: "Warning: Requested optional attributes are not supported",
    0x0105: "No such attribute",
    0x0106: "Invalid attribute value",
    0x0107: "Warning: Attribute list error",
    0x0110: "Processing failure",
    0x0111: "Duplicate SOP instance",
    0x0112: "No such SOP instance",
    0x0113: "No such event type",
    0x0114: "No such argument",
    0x0115: "Invalid argument value",
    0x0116: "Warning: Attribute value out of range",
    0x0117: "Invalid SOP instance",
    0x0118: "No such SOP class",
    0x0119: "Class-instance conflict",
    0x0120: "Missing attribute",
    0x0121: "Missing attribute value",
    0x0122: "Refused: SOP class not supported",
    0x0123: "No such action type",
    0x0124: "Refused: Not authorized",
    0x0210: "Duplicate invocation",
    0x0211: "Unrecognized operation",
    0x0212: "Mistyped argument",
    0x0213: "Resource limitation",
    0xA801: "Refused: Move destination unknown",
    0xB000: "Warning: Coercion of data elements, or sub-operations complete with failures",
    0xB006: "Warning: Elements discarded",
    0xB007: "Warning: Data set does not match SOP class",
    0xFE00: "Cancelled",
    0xFF00: "Pending",
    0xFF01: "Pending: Some optional keys are not supported",
}
_RANGES: Final = (
    (0xA700, 0xA7FF, "Refused: Out of resources"),
    (0xA900, 0xA9FF, "Data set or identifier does not match SOP class"),
    (0xB000, 0xBFFF, "Warning"),
    (0xC000, 0xCFFF, "Cannot understand, or unable to process"),
)
_WARNINGS: Final = frozenset({0x0001, 0x0107, 0x0116})


def category(status: int) -> Category:
    """Which of the five kinds of PS3.7 Section C.1 a status is; what is unknown is a failure."""
    if status == SUCCESS:
        return "success"
    if status in {PENDING, PENDING_UNSUPPORTED_KEYS}:
        return "pending"
    if status == CANCEL:
        return "cancel"
    return "warning" if status in _WARNINGS or 0xB000 <= status <= 0xBFFF else "failure"


def describe(status: int) -> str:
    """The status in the standard's words."""
    text = _TEXTS.get(status)
    if text is None:
        text = next((text for low, high, text in _RANGES if low <= status <= high), "Unknown status")
    return text
