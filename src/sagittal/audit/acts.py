"""What people and machines do that the ledger keeps, and how PS3.15 Section A.5 calls each."""

from typing import Final, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal[
    "started",
    "stopped",
    "recording started",
    "recording stopped",
    "sign-in",
    "sign-out",
    "node refused",
    "refusal",
    "query",
    "read",
    "send",
    "store",
    "import",
    "export",
    "reject",
    "undo rejection",
    "purge",
    "decision",
    "undo decision",
    "damage",
    "share",
    "break glass",
    "break glass ended",
    "account changed",
    "roles changed",
    "policy changed",
    "network changed",
    "configuration changed",
    "ledger read",
    "model run",
]


class Code(NamedTuple):
    """A coded term: value and meaning, of the scheme `DCM` (PS3.16 Annex D)."""

    value: str
    meaning: str


class Event(NamedTuple):
    """How an act is told to others.

    Attributes:
        event: EventID (PS3.16 CID 400).
        action: EventActionCode: C, R, U, D or E.
        type: EventTypeCode (PS3.16 CID 401), where there is one.
        is_of_study: its object is a study, whose UID the line names.
        life_cycle: ParticipantObjectDataLifeCycle of that study.
    """

    event: Code
    action: str
    type: Code | None = None
    is_of_study: bool = False
    life_cycle: str = ""


_ACTIVITY: Final = Code("110100", "Application Activity")
_LOG_USED: Final = Code("110101", "Audit Log Used")
_ACCESSED: Final = Code("110103", "DICOM Instances Accessed")
_TRANSFERRED: Final = Code("110104", "DICOM Instances Transferred")
_DELETED: Final = Code("110105", "DICOM Study Deleted")
_EXPORT: Final = Code("110106", "Export")
_IMPORT: Final = Code("110107", "Import")
_QUERY: Final = Code("110112", "Query")
_ALERT: Final = Code("110113", "Security Alert")
_AUTHENTICATION: Final = Code("110114", "User Authentication")

EVENTS: Final[dict[Kind, Event]] = {
    "started": Event(_ACTIVITY, "E", Code("110120", "Application Start")),
    "stopped": Event(_ACTIVITY, "E", Code("110121", "Application Stop")),
    "recording started": Event(_ALERT, "E", Code("110134", "Audit Recording Started")),
    "recording stopped": Event(_ALERT, "E", Code("110133", "Audit Recording Stopped")),
    "sign-in": Event(_AUTHENTICATION, "E", Code("110122", "Login")),
    "sign-out": Event(_AUTHENTICATION, "E", Code("110123", "Logout")),
    "node refused": Event(_ALERT, "E", Code("110126", "Node Authentication")),
    "refusal": Event(_ALERT, "E", Code("110132", "Use of Restricted Function")),
    "query": Event(_QUERY, "E"),
    "read": Event(_ACCESSED, "R", None, True, "6"),
    "send": Event(_TRANSFERRED, "R", None, True, "6"),
    "store": Event(_TRANSFERRED, "C", None, True, "1"),
    "import": Event(_IMPORT, "C", None, True, "2"),
    "export": Event(_EXPORT, "R", None, True, "10"),
    "reject": Event(_ACCESSED, "D", None, True, "14"),
    "undo rejection": Event(_ACCESSED, "U", None, True, "3"),
    "purge": Event(_DELETED, "D", None, True, "15"),
    "decision": Event(_ACCESSED, "U", None, True, "3"),
    "undo decision": Event(_ACCESSED, "U", None, True, "3"),
    "damage": Event(_ALERT, "E", Code("110135", "Object Security Attributes Changed"), True, "4"),
    "share": Event(_ALERT, "E", Code("110135", "Object Security Attributes Changed"), True, "11"),
    "break glass": Event(_ALERT, "E", Code("110127", "Emergency Override Started"), True, "6"),
    "break glass ended": Event(_ALERT, "E", Code("110138", "Emergency Override Stopped"), True, "6"),
    "account changed": Event(_ALERT, "E", Code("110137", "User security Attributes Changed")),
    "roles changed": Event(_ALERT, "E", Code("110136", "Security Roles Changed")),
    "policy changed": Event(_ALERT, "E", Code("110129", "Security Configuration")),
    "network changed": Event(_ALERT, "E", Code("110128", "Network Configuration")),
    "configuration changed": Event(_ALERT, "E", Code("110131", "Software Configuration")),
    "ledger read": Event(_LOG_USED, "R"),
    "model run": Event(_ACCESSED, "C", None, True, "8"),
}
"""The table of PS3.15 Section A.5.3, by act."""

REFUSALS: Final[frozenset[Kind]] = frozenset({"refusal", "node refused"})
"""Acts that never succeed."""

SUCCESS: Final = 0
MINOR_FAILURE: Final = 4
"""EventOutcomeIndicator (PS3.15 Section A.5.1): it was done, or refused or failed."""
