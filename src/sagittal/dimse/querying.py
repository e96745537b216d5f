"""C-FIND as SCP (PS3.4 Section C.4.1): Patient Root and Study Root, all levels."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from sagittal.archive.reader import ArchiveReader
from sagittal.dicom import character_sets, json_model
from sagittal.dicom.json_model import JsonDataset
from sagittal.dicom.matching import Key
from sagittal.dicom.messages.assembly import CommandReceived
from sagittal.dicom.messages.commands import CFindRequest, CFindResponse
from sagittal.dicom.messages.statuses import CANCEL, PENDING, PENDING_UNSUPPORTED_KEYS, SUCCESS
from sagittal.dimse.ending import AssociationEnded
from sagittal.dimse.failures import comment_on, statuses_of
from sagittal.dimse.identifier import (
    INSTANCE_AVAILABILITY,
    MAX_IDENTIFIER_BYTES,
    NOT_MATCHED,
    QUERY_RETRIEVE_LEVEL,
    RETRIEVE_AET,
    Identifier,
    parse_identifier,
)
from sagittal.dimse.negotiation import QUERY_RETRIEVE
from sagittal.dimse.visit import Visit
from sagittal.errors import SagittalError
from sagittal.find import Found, Level, Query, given, unmatchable
from sagittal.find import find as search
from sagittal.find.levels import has, levels_up
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

_ANSWERS_AT_ONCE: Final = 16  # between two looks at the other associations, and for C-CANCEL
_COMBINED, _FUZZY = 1, 2  # octets of extended negotiation (PS3.4 Table C.5.1-1)


async def find(visit: Visit, received: CommandReceived) -> None:
    """Answers a C-FIND-RQ."""
    request = received.command
    if not isinstance(request, CFindRequest):
        return
    comment = None
    try:
        status = await _answer(visit, received.context_id, request)
    except AssociationEnded:
        raise
    except SagittalError as error:
        status, comment = statuses_of(error).find, comment_on(error)
        log.warning("query refused", calling_aet=visit.actor.name, error=str(error))
    except Exception as error:  # the border of a request
        status = statuses_of(error).find
        log.exception("query failed", calling_aet=visit.actor.name)
    await visit.link.skip_data()
    await visit.link.send(received.context_id, _response(request, status, comment=comment))


async def _answer(visit: Visit, context_id: int, request: CFindRequest) -> int:
    """Sends what is found; returns the last status."""
    link = visit.link
    sop_class = visit.sop_class(context_id, "find")
    transfer_syntax = link.contexts[context_id]
    data = await link.read_data(MAX_IDENTIFIER_BYTES)
    identifier = parse_identifier(data, transfer_syntax, QUERY_RETRIEVE[sop_class].root)
    keys = tuple(key for key in identifier.keys if key.path[0] not in NOT_MATCHED)
    ignored = unmatchable(visit.archive, identifier.level, keys)
    status = PENDING_UNSUPPORTED_KEYS if ignored or not _are_held(visit.archive, identifier.level, keys) else PENDING
    query = Query(
        level=identifier.level,
        keys=tuple(key for key in keys if key not in ignored),
        fuzzy=visit.has_feature(sop_class, _FUZZY),
        combined=visit.has_feature(sop_class, _COMBINED),
    )
    deadline = Deadline.after(visit.settings.operation_timeout_s)
    sent = 0
    async with aclosing(search(visit.archive, visit.actor, query, deadline)) as answers:
        async for found in answers:
            if request.message_id in link.cancelled:
                return CANCEL
            answer = encode_answer(found, identifier, visit.settings.aet, transfer_syntax)
            await link.send(context_id, _response(request, status, has_data_set=True), answer)
            sent += 1
            if sent % _ANSWERS_AT_ONCE == 0:
                await asyncio.sleep(0)
    log.info("query answered", calling_aet=visit.actor.name, level=identifier.level.value, answers=sent)
    return SUCCESS


def encode_answer(found: Found, identifier: Identifier, aet: str, transfer_syntax_uid: str) -> bytes:
    """An answer's identifier: every key that was asked for, empty if we have none, and where it can be retrieved.

    In the requester's character set if that can express it, else in UTF-8 (PS3.4 Section C.4.1.1.3.2); never under a
    term that the standard does not define, though the request has one.
    """
    dataset: JsonDataset = msgspec.json.decode(found.text())
    dataset[f"{QUERY_RETRIEVE_LEVEL:08X}"] = {"vr": "CS", "Value": [identifier.level.value]}
    dataset[f"{RETRIEVE_AET:08X}"] = {"vr": "AE", "Value": [aet]}
    wanted = [key.path for key in identifier.keys]
    wanted += [(QUERY_RETRIEVE_LEVEL,), (RETRIEVE_AET,)]
    if identifier.level is not Level.PATIENT:
        wanted.append((INSTANCE_AVAILABILITY,))
    answer = json_model.project(dataset, wanted, fill=True)
    sets = character_sets.defined(identifier.character_set) or character_sets.DEFAULT
    text = msgspec.json.encode(answer).decode()
    if not text.isascii() and not character_sets.expressible(text, sets):
        sets = character_sets.UTF_8
    return json_model.decode(answer, transfer_syntax_uid, sets)


def _are_held(archive: ArchiveReader, level: Level, keys: Sequence[Key]) -> bool:
    """Whether every attribute asked for is one the index has at the level or above it."""
    named = given(archive, keys)
    return all(key.path in named or any(has(one, key.path[0]) for one in levels_up(level)) for key in keys)


def _response(
    request: CFindRequest, status: int, *, has_data_set: bool = False, comment: str | None = None
) -> CFindResponse:
    return CFindResponse(
        message_id_being_responded_to=request.message_id,
        status=status,
        affected_sop_class_uid=request.affected_sop_class_uid,
        has_data_set=has_data_set,
        error_comment=comment,
    )
