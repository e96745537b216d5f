"""What state a study is in, as far as the archive can tell."""

from typing import Final, Literal

from sagittal.find.listing import Listed

State = Literal["arriving", "complete", "reported"]

QUIET_S: Final = 30.0
"""How long nothing has to come before a study is taken to be complete."""

_REPORTS: Final = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.88.11",  # Basic Text SR
        "1.2.840.10008.5.1.4.1.1.88.22",  # Enhanced SR
        "1.2.840.10008.5.1.4.1.1.88.33",  # Comprehensive SR
        "1.2.840.10008.5.1.4.1.1.88.34",  # Comprehensive 3D SR
        "1.2.840.10008.5.1.4.1.1.104.1",  # Encapsulated PDF
        "1.2.840.10008.5.1.4.1.1.104.2",  # Encapsulated CDA
    }
)


def state_of(study: Listed, now_ns: int) -> State:
    """The state at a time: a report is a document of a kind that people write, not one of dose or of measurements."""
    if now_ns - study.updated_ns < QUIET_S * 1e9:
        return "arriving"
    return "complete" if _REPORTS.isdisjoint(study.sop_classes.split("\\")) else "reported"
