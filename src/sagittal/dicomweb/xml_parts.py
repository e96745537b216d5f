"""Data sets as `application/dicom+xml`, each a part of a multipart body (PS3.18 Sections 8.7.3.2 and 8.7.4)."""

from collections.abc import AsyncGenerator, AsyncIterator

from sagittal.dicom import json_model, xml_model
from sagittal.dicom.web.accept import Offer
from sagittal.dicomweb.pieces import Multipart, Part

XML = "application/dicom+xml"
RELATED = "multipart/related"

XML_OFFERS = (Offer(RELATED, XML), Offer(XML))
"""A client that asks for bare XML gets parts too: there is no document of several data sets."""


def is_xml(offer: Offer) -> bool:
    """Whether the offer is one of `XML_OFFERS`."""
    return offer in XML_OFFERS


def xml_body(texts: AsyncGenerator[str, None]) -> tuple[str, AsyncGenerator[bytes, None]]:
    """Content type and body for data sets that come as DICOM JSON objects."""
    multipart = Multipart(XML)
    return multipart.content_type, multipart.write(_parts(texts))


async def _parts(texts: AsyncGenerator[str, None]) -> AsyncIterator[Part]:
    async for text in texts:
        document = xml_model.encode(json_model.loads(text)[0])
        yield Part(XML, len(document), _one(document))


async def _one(document: bytes) -> AsyncIterator[bytes]:
    yield document
