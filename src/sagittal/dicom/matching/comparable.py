"""Values in a form that an index can compare letter by letter, so that it finds just what `evaluation` would.

Text without padding; dates, times and date-times in the form of `moments`, which orders; numbers such that equal ones
are equal text; names folded, each component group for itself.
"""

from decimal import Context, Decimal, InvalidOperation
from typing import NamedTuple

from sagittal.dicom import person_name
from sagittal.dicom.json_model.model import JsonValue
from sagittal.dicom.matching.keys import MOMENT_VRS, NUMBER_VRS
from sagittal.dicom.matching.moments import span_of, to_utc

NO_MOMENT = "!"
"""What stands before a date or time that is none: less than every digit, so that no range holds it."""

_EXACT = Context(prec=64)


class Comparable(NamedTuple):
    """One value.

    Attributes:
        text: what is compared; of a PN the folded alphabetic group.
        ideographic, phonetic: of a PN, its other groups, folded.
        words: of a PN, all words of the folded form, a blank before each.
        utc: of a DT that says or inherits its offset, the instant in UTC.
    """

    text: str
    ideographic: str = ""
    phonetic: str = ""
    words: str = ""
    utc: str = ""


def comparable(vr: str, value: JsonValue, offset_minutes: int | None = None) -> Comparable:
    """The form of one value of DICOM JSON.

    Args:
        vr: by which it is matched.
        value: not None.
        offset_minutes: of the data set (Timezone Offset From UTC), east of UTC; None where it does not say.

    >>> comparable("DA", "2020.01.31").text, comparable("DS", "1.50").text, comparable("CS", " AXIAL ").text
    ('20200131', '1.5', 'AXIAL')
    """
    if vr == "PN":
        return _name(value)
    if vr in NUMBER_VRS:
        return Comparable(number_text(str(value)))
    text = str(value).strip(" \0")
    if vr not in MOMENT_VRS:
        return Comparable(text)
    span = span_of(vr, text)
    if span is None:
        return Comparable(NO_MOMENT + text)
    offset = span.offset_minutes if span.offset_minutes is not None else offset_minutes
    return Comparable(span.first, utc=to_utc(span.first, offset) if vr == "DT" and offset is not None else "")


def number_text(text: str) -> str:
    """The same text for the same number, however it is written; what is no number stays as it is.

    >>> number_text("+1.0e2") == number_text("100"), number_text("-0"), number_text("12 mm")
    (True, '0', '12 mm')
    """
    try:
        number = _EXACT.normalize(Decimal(text))
    except InvalidOperation:
        return text.strip(" \0")
    return str(number) if number else "0"


def _name(value: JsonValue) -> Comparable:
    names = ("Alphabetic", "Ideographic", "Phonetic")
    text = "=".join(str(value.get(name) or "") for name in names) if isinstance(value, dict) else str(value)
    forms = [*map(person_name.fold, person_name.groups(text)), "", "", ""]
    return Comparable(forms[0], forms[1], forms[2], "".join(f" {word}" for word in person_name.words(text)))
