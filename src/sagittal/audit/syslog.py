"""Audit messages as syslog sends them: RFC 5424 lines, framed by length for TLS (RFC 5425)."""

import re
from typing import Final

_PRIORITY: Final = 10 * 8 + 5  # facility 10 (security/authorization), severity 5 (notice), as PS3.15 Section A.6 has it
_MESSAGE_ID: Final = "DICOM+RFC3881"
_BOM: Final = b"\xef\xbb\xbf"
_NOT_PRINTABLE: Final = re.compile(r"[^\x21-\x7e]")


def syslog_line(message: bytes, *, at: str, host: str, app: str, process: int) -> bytes:
    r"""A SYSLOG-MSG (RFC 5424 Section 6) around an audit message in UTF-8.

    Args:
        message: what it carries.
        at: TIMESTAMP, as RFC 3339 writes it, with at most six digits after the second.
        host, app, process: HOSTNAME, APP-NAME and PROCID.

    >>> syslog_line(b"<AuditMessage/>", at="2026-01-02T03:04:05Z", host="pacs one", app="sagittal", process=7)
    b'<85>1 2026-01-02T03:04:05Z pacs_one sagittal 7 DICOM+RFC3881 - \xef\xbb\xbf<AuditMessage/>'
    """
    head = f"<{_PRIORITY}>1 {at} {_word(host, 255)} {_word(app, 48)} {process} {_MESSAGE_ID} - "
    return head.encode("ascii") + _BOM + message


def framed(line: bytes) -> bytes:
    """A SYSLOG-FRAME (RFC 5425 Section 4.3.1): the length in octets, a space, the line."""
    return b"%d %s" % (len(line), line)


def _word(text: str, most: int) -> str:
    return _NOT_PRINTABLE.sub("_", text)[:most] or "-"
