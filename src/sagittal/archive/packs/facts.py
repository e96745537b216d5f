"""What is known of a member that its DICOM file cannot say; with it the index can be rebuilt from packs alone."""

from typing import Annotated

import msgspec

from sagittal.archive.model import Arrival
from sagittal.runtime.actor import Actor

MAX_TEXT_BYTES = 64
"""Of each text in Facts; longer ones are cut, so that the facts always fit the room left for them."""

MAX_FACTS_BYTES = 1984
"""Of the encoded facts."""

Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The JSON in the PAX `comment` record in front of a member.

    Attributes:
        version: of this form.
        digest: BLAKE3 of the Part 10 file, hexadecimal.
        digest_data_set: BLAKE3 of the data set as it came, hexadecimal.
        received_ns: nanoseconds since 1970-01-01 UTC; strictly rising over the archive, so it also orders the members.
        transfer_syntax_uid: how the data set is encoded, as it came.
        data_set_offset: of the data set within the Part 10 file, bytes.
        sop_class_uid, sop_instance_uid: as announced by the peer, for a data set that lacks its own.
        door, source, called, address, facility: of the sender.
        coercions: what was changed on the way in, a line for each.
    """

    digest: Digest
    digest_data_set: Digest
    received_ns: int
    transfer_syntax_uid: str
    data_set_offset: int
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    door: str = ""
    source: str = ""
    called: str = ""
    address: str = ""
    facility: str = ""
    coercions: tuple[str, ...] = ()
    version: int = 1


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Facts)


def state_facts(
    actor: Actor, arrival: Arrival, *, digest: str, digest_data_set: str, received_ns: int, data_set_offset: int
) -> Facts:
    """The facts of an instance that `actor` sent."""
    return Facts(
        digest=digest,
        digest_data_set=digest_data_set,
        received_ns=received_ns,
        transfer_syntax_uid=short(arrival.transfer_syntax_uid),
        data_set_offset=data_set_offset,
        sop_class_uid=short(arrival.sop_class_uid),
        sop_instance_uid=short(arrival.sop_instance_uid),
        door=short(actor.door),
        source=short(actor.name),
        called=short(actor.called),
        address=short(actor.address),
        facility=short(actor.facility),
    )


def short(text: str) -> str:
    r"""`text` as facts keep it: printable, at most MAX_TEXT_BYTES in UTF-8.

    >>> short("SAGITTAL"), short("a\0b"), len(short("x" * 100))
    ('SAGITTAL', 'ab', 64)
    """
    if len(text) <= MAX_TEXT_BYTES and text.isascii() and text.isprintable():
        return text
    return "".join(filter(str.isprintable, text)).encode("utf-8", "replace")[:MAX_TEXT_BYTES].decode("utf-8", "ignore")


def encode_facts(facts: Facts) -> bytes:
    """JSON text in UTF-8, at most MAX_FACTS_BYTES; what does not fit is left out of `coercions`."""
    text = _encoder.encode(facts)
    while len(text) > MAX_FACTS_BYTES and facts.coercions:
        facts = msgspec.structs.replace(facts, coercions=facts.coercions[:-1])
        text = _encoder.encode(facts)
    return text


def decode_facts(text: bytes) -> Facts:
    """The facts in a comment; raises msgspec.MsgspecError for a comment that is not ours."""
    return _decoder.decode(text)
