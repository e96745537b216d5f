"""Values out of DICOM JSON that anybody may have written: what is of another form is not there."""

from typing import Final

from sagittal.dicom.json_model import JsonDataset

MAX_ITEMS: Final = 2000


def values(one: JsonDataset, tag: str) -> list[object]:
    """The values of an attribute."""
    found = one.get(tag)
    return list(found.get("Value", ())) if found is not None else []


def items(one: JsonDataset, tag: str) -> tuple[JsonDataset, ...]:
    """The items of a sequence, at most MAX_ITEMS."""
    return tuple(value for value in values(one, tag)[:MAX_ITEMS] if isinstance(value, dict))


def first(one: JsonDataset, tag: str) -> JsonDataset | None:
    """The first item of a sequence."""
    return next(iter(items(one, tag)), None)


def text(one: JsonDataset, tag: str) -> str:
    """The first value as text; `""` without one."""
    found = values(one, tag)
    return str(found[0]) if found and not isinstance(found[0], dict) and found[0] is not None else ""


def numbers(one: JsonDataset, tag: str) -> list[float]:
    """The values that are numbers."""
    found: list[float] = []
    for value in values(one, tag):
        try:
            found.append(float(str(value)))
        except ValueError:
            continue
    return found


def code(one: JsonDataset, tag: str) -> str:
    """The value of the code in a sequence of one; `""` without one."""
    item = first(one, tag)
    return text(item, "00080100") if item is not None else ""


def frame_of(reference: JsonDataset) -> int:
    """The first frame that a reference names; 0 where it names none."""
    named = numbers(reference, "00081160")
    return int(named[0]) if named and 0 < named[0] < 2**31 else 0
