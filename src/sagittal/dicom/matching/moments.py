"""Dates, times and date-times as text that compares in order (PS3.5 Section 6.2: DA, TM, DT).

A value that is not precise ("2020", "10") stands for all instants it leaves open: `first` to `last`. In the canonical
form a date is YYYYMMDD, a time HHMMSS.FFFFFF, a date-time YYYYMMDDHHMMSS.FFFFFF; later is greater, letter by letter.
"""

import calendar
import datetime as dt
import re
from typing import NamedTuple

_DA = re.compile(r"(\d{4})(\d{2})(\d{2})|(\d{4})\.(\d{2})\.(\d{2})", re.ASCII)
_TM = re.compile(r"(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6}))?)?)?", re.ASCII)
_DT = re.compile(r"(\d{4})(?:(\d{2})(?:(\d{2})(\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?)?)?([+-]\d{4})?", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})", re.ASCII)

FIRST_TIME = "000000.000000"
LAST_TIME = "235959.999999"


class Span(NamedTuple):
    """The instants a value stands for, both ends included.

    Attributes:
        first, last: canonical, in the value's own local time.
        offset_minutes: east of UTC; None where the value does not say.
    """

    first: str
    last: str
    offset_minutes: int | None = None


def date_span(text: str) -> Span | None:
    """A DA value, also in the form 2020.01.31 of old consoles; None if it is none.

    >>> date_span("20200131").first
    '20200131'
    """
    match = _DA.fullmatch(text)
    if match is None:
        return None
    year, month, day = (match[1], match[2], match[3]) if match[1] else (match[4], match[5], match[6])
    if not ("01" <= month <= "12" and "01" <= day <= "31"):
        return None
    return Span(year + month + day, year + month + day)


def time_span(text: str) -> Span | None:
    """A TM value of any precision, also in the form 10:15:30 of old consoles; None if it is none.

    A leap second counts as the last second of its minute.

    >>> time_span("1015")
    Span(first='101500.000000', last='101559.999999', offset_minutes=None)
    """
    match = _TM.fullmatch(text)
    if match is None:
        return None
    hour, minute, second, fraction = match.groups()
    if hour > "23" or (minute or "00") > "59" or (second or "00") > "60":
        return None
    second = "59" if second == "60" else second
    first = f"{hour}{minute or '00'}{second or '00'}.{(fraction or '').ljust(6, '0')}"
    last = f"{hour}{minute or '59'}{second or '59'}.{(fraction or '').ljust(6, '9')}"
    return Span(first, last)


def date_time_span(text: str) -> Span | None:
    """A DT value of any precision, with or without offset; None if it is none.

    >>> date_time_span("202002")
    Span(first='20200201000000.000000', last='20200229235959.999999', offset_minutes=None)
    """
    match = _DT.fullmatch(text)
    if match is None:
        return None
    year, month, day, time, offset = match.groups()
    minutes = offset_minutes(offset) if offset else None
    if year == "0000" or (offset and minutes is None):
        return None
    clock = time_span(time) if time else Span(FIRST_TIME, LAST_TIME)
    if clock is None or not "01" <= (month or "01") <= "12":
        return None
    last_day = f"{calendar.monthrange(int(year), int(month or '12'))[1]:02d}"
    if not "01" <= (day or "01") <= last_day:
        return None
    first = f"{year}{month or '01'}{day or '01'}{clock.first}"
    last = f"{year}{month or '12'}{day or last_day}{clock.last}"
    return Span(first, last, minutes)


def offset_minutes(text: str) -> int | None:
    """Minutes east of UTC of "+0530", from -1200 to +1400; None if it is no offset.

    >>> offset_minutes("+0530"), offset_minutes("-1300")
    (330, None)
    """
    match = _OFFSET.fullmatch(text)
    if match is None or int(match[3]) > 59:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    if match[1] == "-":
        return -minutes if minutes <= 720 else None
    return minutes if minutes <= 840 else None


def to_utc(moment: str, minutes_east: int) -> str:
    """A canonical date-time of a place in UTC; at the ends of the calendar it stays as it is.

    >>> to_utc("20200101003000.000000", 60)
    '20191231233000.000000'
    """
    local = dt.datetime.strptime(moment, "%Y%m%d%H%M%S.%f").replace(tzinfo=dt.UTC)
    try:
        there = local - dt.timedelta(minutes=minutes_east)
    except OverflowError:
        return moment
    return f"{there.year:04d}{there:%m%d%H%M%S.%f}"


def span_of(vr: str, text: str) -> Span | None:
    """The instants of a DA, TM or DT value; None if it is none."""
    bare = text.strip(" \0")
    if vr == "DA":
        return date_span(bare)
    return time_span(bare) if vr == "TM" else date_time_span(bare)


def split_range(vr: str, text: str) -> tuple[str, str] | None:
    """The two ends of a range, "" for an open one; None if `text` is one value (PS3.4 Section C.2.2.2.5).

    In a DT the hyphen before an offset from UTC is not the one of the range: "2020-0500" is one value, "2020-2021" two.

    >>> split_range("DA", "20200101-"), split_range("DT", "2020-0500-2021"), split_range("TM", "10")
    (('20200101', ''), ('2020-0500', '2021'), None)
    """
    if "-" not in text or (vr == "DT" and date_time_span(text) is not None):
        return None
    cuts = [index for index, character in enumerate(text[:64]) if character == "-"]
    for cut in cuts:
        low, high = text[:cut].strip(), text[cut + 1 :].strip()
        if (not low or span_of(vr, low)) and (not high or span_of(vr, high)) and (low or high):
            return low, high
    return text, ""
