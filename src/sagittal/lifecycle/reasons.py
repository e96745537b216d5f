"""Why instances are rejected: PS3.16 CID 7011, Rejected for Quality and other reasons, as IHE RAD TF-3 IOCM uses it."""

from collections.abc import Mapping

from sagittal.errors import Invalid

QUALITY = "113001"
REASONS: Mapping[str, str] = {
    QUALITY: "Rejected for Quality Reasons",
    "113037": "Rejected for Patient Safety Reasons",
    "113038": "Incorrect Modality Worklist Entry",
    "113039": "Data Retention Policy Expired",
}
"""Code Value (of the scheme DCM) to Code Meaning."""

NAMES: Mapping[str, str] = {
    "quality": QUALITY,
    "patient-safety": "113037",
    "worklist": "113038",
    "retention": "113039",
}
"""What people type instead."""


def reason_of(text: str) -> str:
    """The Code Value for a code or a name; Invalid if it is neither.

    >>> reason_of("worklist"), reason_of("113001")
    ('113038', '113001')
    """
    code = NAMES.get(text, text)
    if code not in REASONS:
        known = ", ".join(f"{name} ({code})" for name, code in NAMES.items())
        raise Invalid(f"a reason is one of {known}; got {len(text)} other characters")
    return code
