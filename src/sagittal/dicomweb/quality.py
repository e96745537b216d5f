"""How much a lossy Transfer Syntax may lose: the parameter `quality` of retrieve requests.

Not in PS3.18 for DICOM media types: it is that of rendered resources (Section 8.3.5.1.2), 1 to 100, and asks the same.
"""

from sagittal.dicom.web.query_string import Parameter
from sagittal.dicomweb.exchange import Request
from sagittal.errors import Invalid


def parse_quality(text: str) -> int:
    """A quality; Invalid unless it is a whole number from 1 to 100."""
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= 100):
        raise Invalid("quality is a whole number from 1 to 100; got another")
    return int(text)


def wanted_quality(request: Request) -> int:
    """The quality that a request asks for, 0 if it leaves it to us."""
    said = {value for name, value in map(_lowered, request.parameters()) if name == "quality"}
    if len(said) > 1:
        raise Invalid("quality may be given once; it is there twice")
    return parse_quality(said.pop()) if said else 0


def _lowered(parameter: Parameter) -> tuple[str, str]:
    return parameter.name.lower(), parameter.value
