"""One pass over the elements of a data set that makes their JSON on the way (PS3.18 Section F.2, PS3.5 Section 7)."""

import struct
from collections.abc import Callable
from typing import TypeAlias

from sagittal.dicom import character_sets, registry
from sagittal.dicom.dataset.elements import (
    ITEM,
    PIXEL_DATA,
    PIXEL_TAGS,
    SEQUENCE_DELIMITATION,
    UNDEFINED_LENGTH,
    tag_text,
)
from sagittal.dicom.dataset.layout import IMPLICIT_LITTLE, Layout, head_at, layout_found
from sagittal.dicom.dataset.limits import Limits
from sagittal.dicom.json_model.plans import PLANNERS, Kind, Plan, plan_of
from sagittal.dicom.json_model.values import little_endian_bytes, quote, render_binary
from sagittal.errors import Exhausted, Invalid

Bulk: TypeAlias = Callable[[tuple[int, ...], str, int, int], str | None]
"""Asked for binary values: (path, vr, offset, length) to a BulkDataURI, or None to have the value inline.

The path is tags with item numbers from 0 between them; `offset` and `length` are bytes of the data set given to
`encode`, of the inflated one if it is deflated. Encapsulated pixel data is its fragments without the last delimiter.
"""

_MAX_KNOWN_UN = 0xFFFF  # a longer UN may be UN because it did not fit a 16-bit length (PS3.5 Section 6.2.2)
_PIXEL_REPRESENTATION_HEAD = b"\x28\x00\x03\x01\x02\x00\x00\x00"  # in Implicit VR Little Endian
_SEQUENCE_END = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"

_u16 = {True: struct.Struct("<H").unpack_from, False: struct.Struct(">H").unpack_from}
_u32 = {True: struct.Struct("<I").unpack_from, False: struct.Struct(">I").unpack_from}
_END = Kind.END

Decoders: TypeAlias = tuple[Callable[[bytes], str], Callable[[bytes], str]]


def decoders_of(character_set: tuple[str, ...]) -> Decoders:
    """Of text, and of person names, which have delimiters of their own."""
    decoder = character_sets.decoder
    return decoder(character_set), decoder(character_set, is_person_name=True)


class Level:
    """What holds inside one data set or item."""

    __slots__ = ("creators", "decoders", "depth", "layout", "path", "pixel_representation")

    def __init__(
        self, layout: Layout, decoders: Decoders, pixel_representation: int | None, path: tuple[int, ...], depth: int
    ) -> None:
        self.layout = layout
        self.decoders = decoders
        self.pixel_representation = pixel_representation
        self.path = path
        self.depth = depth
        self.creators: dict[int, str] = {}


class Walk:
    """One pass over `data`."""

    __slots__ = ("ahead", "bulk", "data", "max_depth", "room", "threshold")

    def __init__(self, data: bytes, bulk: Bulk | None, threshold: int, limits: Limits) -> None:
        self.data = data
        self.bulk = bulk
        self.threshold = threshold
        self.max_depth = limits.max_depth
        self.room = limits.max_elements
        self.ahead: int | None = None  # where the next Pixel Representation is, once looked up

    def data_set(self, at: int, end: int, level: Level, *, is_open: bool) -> tuple[str, int]:
        """The JSON object of a data set or item and where it ends; `is_open` if with a delimiter before `end`."""
        data = self.data
        layout = level.layout
        is_implicit = layout.is_implicit_vr
        planner = PLANNERS[is_implicit, layout.is_little_endian]
        u16, u32 = _u16[layout.is_little_endian], _u32[layout.is_little_endian]
        decode_text, decode_name = level.decoders
        out: dict[int, str] = {}
        highest = -1
        in_order = True
        while at < end:
            if is_implicit:
                plan = planner(data[at : at + 4])
                length, start = u32(data, at + 4)[0], at + 8
            else:
                plan = planner(data[at : at + 6])
                if plan[4]:
                    length, start = u32(data, at + 8)[0], at + 12
                else:
                    length, start = u16(data, at + 6)[0], at + 8
            tag, _, opening, kind, _, render = plan
            stop = start + length
            if stop > end or kind > 2:
                if kind == _END and is_open:
                    return self._object(out, in_order), start
                text, at = self._special(plan, at, start, length, end, level)
                decode_text, decode_name = level.decoders
                if not text:
                    continue
                tag = int(text[1:9], 16)
            else:
                at = stop
                try:
                    if kind == 0:
                        text = opening + render(data[start:stop])
                    else:
                        text = opening + render(data[start:stop], decode_text if kind == 1 else decode_name)
                except ValueError:
                    text = self._not_of_its_vr(tag, start, stop, level)
            out[tag] = text
            if tag <= highest:
                in_order = False
            else:
                highest = tag
        if is_open:
            raise Invalid("a data set ends inside an item of undefined length")
        return self._object(out, in_order), at

    def whole_value(self, plan: Plan, level: Level) -> str:
        """The attribute whose value is all of `data`; "" for one that JSON does not have."""
        data = self.data
        is_open_unknown = plan.kind is Kind.UNKNOWN and data.endswith(_SEQUENCE_END)
        if plan.kind is Kind.SEQUENCE or is_open_unknown:
            layout = IMPLICIT_LITTLE if is_open_unknown else level.layout
            try:
                return self._sequence(plan.tag, 0, len(data), layout, level, is_open=False)[0]
            except struct.error as error:
                raise Invalid(f"{tag_text(plan.tag)} ends inside the head of an element") from error
        return self._special(plan, 0, 0, len(data), len(data), level)[0]

    def _object(self, out: dict[int, str], in_order: bool) -> str:
        self.room -= len(out) + 1
        if self.room < 0:
            raise Exhausted("a data set has more elements than max_elements")
        texts = out.values() if in_order else [out[tag] for tag in sorted(out)]
        return "{" + ",".join(texts) + "}"

    def _special(self, plan: Plan, at: int, start: int, length: int, end: int, level: Level) -> tuple[str, int]:
        """An element that the loop does not know itself: its text, "" for none, and where the next one begins."""
        if plan.kind is Kind.STRANGE:
            plan, start, length = self._strange(at, level.layout)
        if length == UNDEFINED_LENGTH and plan.kind not in (Kind.SKIPPED, Kind.END):
            return self._undefined(plan, start, end, level)
        stop = start + length
        if stop > end:
            raise Invalid(f"{tag_text(plan.tag)} announces {length} bytes, of which {end - start} came")
        match plan.kind:
            case Kind.BINARY:
                return self._binary(plan, start, stop, level), stop
            case Kind.SEQUENCE:
                return self._sequence(plan.tag, start, stop, level.layout, level, is_open=False)[0], stop
            case Kind.SKIPPED | Kind.END:
                return "", stop
            case Kind.UNKNOWN:
                return self._unknown(plan, start, stop, level), stop
            case Kind.US_OR_SS:
                plan = plan_of(plan.tag, self._us_or_ss(start, level), level.layout.is_little_endian)
        return self._noted(plan, start, stop, level), stop

    def _noted(self, plan: Plan, start: int, stop: int, level: Level) -> str:
        """An element rendered like others, which says something of those that follow."""
        value = self.data[start:stop]
        if plan.kind is Kind.CHARACTER_SET:
            level.decoders = decoders_of(character_sets.parse(value))
        elif plan.kind is Kind.CREATOR:
            level.creators[plan.tag] = level.decoders[0](value).strip(" \0")
        elif plan.kind is Kind.PIXEL_REPRESENTATION and len(value) == 2:
            level.pixel_representation = value[0] | value[1]
        try:
            if plan.kind in (Kind.TEXT, Kind.NAME, Kind.CREATOR):
                return plan.opening + plan.render(value, level.decoders[plan.kind is Kind.NAME])
            return plan.opening + plan.render(value)
        except ValueError:
            return self._not_of_its_vr(plan.tag, start, stop, level)

    def _strange(self, at: int, layout: Layout) -> tuple[Plan, int, int]:
        """An explicit head whose VR the standard does not know."""
        head = head_at(self.data, at, layout)
        if isinstance(head, int):
            raise Invalid("a data set ends inside the head of an element")
        vr = head.vr or registry.vr_of(head.tag)
        return plan_of(head.tag, vr, layout.is_little_endian), head.start, head.length

    def _undefined(self, plan: Plan, start: int, end: int, level: Level) -> tuple[str, int]:
        """A value that ends with a Sequence Delimitation Item."""
        if plan.kind is Kind.SEQUENCE:
            return self._sequence(plan.tag, start, end, level.layout, level, is_open=True)
        if plan.kind is Kind.UNKNOWN:  # PS3.5 Section 6.2.2: its items are in Implicit VR Little Endian
            return self._sequence(plan.tag, start, end, IMPLICIT_LITTLE, level, is_open=True)
        if plan.kind is Kind.BINARY:
            if plan.tag == PIXEL_DATA and level.layout.is_implicit_vr:  # its fragments are OB (PS3.5 Section A.4)
                plan = plan_of(plan.tag, "OB", level.layout.is_little_endian)
            stop = self._end_of_fragments(plan.tag, start, end, level.layout)
            return self._binary(plan, start, stop, level), stop + 8
        raise Invalid(f"{tag_text(plan.tag)} of VR {plan.vr} has an undefined length, which its VR does not allow")

    def _sequence(self, tag: int, at: int, end: int, layout: Layout, level: Level, *, is_open: bool) -> tuple[str, int]:
        """A sequence's attribute from its first item on, and where it ends."""
        if level.depth >= self.max_depth:
            raise Exhausted(f"{tag_text(tag)} is more than max_depth={self.max_depth} sequences deep")
        items: list[str] = []
        while at < end:
            item_tag, length = _item_head(self.data, at, layout)
            at += 8
            if item_tag == SEQUENCE_DELIMITATION:
                is_open = False
                break
            if item_tag != ITEM:
                raise Invalid(f"{tag_text(tag)} is to hold items; {tag_text(item_tag)} stands where one is to begin")
            is_open_item = length == UNDEFINED_LENGTH
            stop = end if is_open_item else at + length
            if stop > end:
                raise Invalid(f"an item of {tag_text(tag)} announces {length} bytes, of which {end - at} came")
            found = layout_found(self.data, at, layout) if stop - at >= 8 else layout
            path = (*level.path, tag, len(items))
            inside = Level(found, level.decoders, level.pixel_representation, path, level.depth + 1)
            text, at = self.data_set(at, stop, inside, is_open=is_open_item)
            items.append(text)
        if is_open:
            raise Invalid(f"a data set ends inside {tag_text(tag)}, a sequence of undefined length")
        values = f',"Value":[{",".join(items)}]' if items else ""
        return f'"{tag:08X}":{{"vr":"SQ"{values}}}', at

    def _end_of_fragments(self, tag: int, at: int, end: int, layout: Layout) -> int:
        """Where the Sequence Delimitation Item of an encapsulated value begins (PS3.5 Section A.4)."""
        while at < end:
            item_tag, length = _item_head(self.data, at, layout)
            if item_tag == SEQUENCE_DELIMITATION:
                return at
            if item_tag != ITEM:
                raise Invalid(
                    f"{tag_text(tag)} is to hold fragments; {tag_text(item_tag)} stands where one is to begin"
                )
            at += 8 + length
        if at > end:
            raise Invalid(f"a data set ends inside {tag_text(tag)}, a value of undefined length")
        return at  # some writers leave out the delimiter where nothing follows

    def _binary(self, plan: Plan, start: int, stop: int, level: Level) -> str:
        length = stop - start
        if self.bulk is not None and length and (length > self.threshold or plan.tag in PIXEL_TAGS):
            uri = self.bulk((*level.path, plan.tag), plan.vr, start, length)
            if uri is not None:
                return f'{plan.opening},"BulkDataURI":{quote(uri)}}}'
        value = self.data[start:stop]
        if not level.layout.is_little_endian:
            value = little_endian_bytes(value, plan.vr)
        return plan.opening + render_binary(value)

    def _not_of_its_vr(self, tag: int, start: int, stop: int, level: Level) -> str:
        """A value whose bytes cannot be of its VR, as UN."""
        return self._binary(plan_of(tag, "UN", True), start, stop, level)

    def _unknown(self, plan: Plan, start: int, stop: int, level: Level) -> str:
        """A UN value, by the VR that a dictionary knows for it if its bytes agree (PS3.5 Section 6.2.2)."""
        tag = plan.tag
        vr = "UN"
        if registry.is_private(tag):
            creator = level.creators.get(tag & 0xFFFF0000 | tag >> 8 & 0xFF)
            vr = registry.private_vr(tag, creator) if creator else "UN"
        elif stop - start < _MAX_KNOWN_UN:
            vr = self._us_or_ss(start, level) if registry.vr_choice(tag) == "US or SS" else registry.vr_of(tag)
        if vr == "UN":
            return self._binary(plan, start, stop, level)
        known = plan_of(tag, vr, True)
        if known.kind is Kind.SEQUENCE:
            try:
                return self._sequence(tag, start, stop, IMPLICIT_LITTLE, level, is_open=False)[0]
            except (Invalid, struct.error):
                return self._binary(plan, start, stop, level)
        if known.kind is Kind.BINARY:
            return self._binary(known, start, stop, level)
        return self._noted(known, start, stop, level)

    def _us_or_ss(self, at: int, level: Level) -> str:
        """SS beside Pixel Representation 1, else US (PS3.5 Section A.1).

        Three attributes come before Pixel Representation; for them it is looked up ahead.
        """
        if level.pixel_representation is None:
            if self.ahead is None or 0 <= self.ahead < at:  # looked up once for all that come before it
                self.ahead = self.data.find(_PIXEL_REPRESENTATION_HEAD, at)
            return "SS" if self.ahead >= 0 and self.data[self.ahead + 8 : self.ahead + 9] == b"\x01" else "US"
        return "SS" if level.pixel_representation == 1 else "US"


def _item_head(data: bytes, at: int, layout: Layout) -> tuple[int, int]:
    key, length = layout.implicit(data, at)
    return layout.key_of(key), length
