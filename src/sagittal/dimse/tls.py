"""TLS as DICOM asks for it: the BCP 195 profile (PS3.15 Section B.12): TLS 1.2 with ECDHE and AEAD, or TLS 1.3."""

import ssl
from pathlib import Path
from typing import Final

_CIPHERS: Final = (
    "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL:!kRSA"  # of TLS 1.2; those of 1.3 are all fit (RFC 9325 4.2)
)


def server_context(certificate: Path, key: Path | None = None, authorities: Path | None = None) -> ssl.SSLContext:
    """For a listener. With `authorities` (PEM) a caller must show a certificate signed by one of them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    context.load_cert_chain(certificate, key)
    if authorities is not None:
        context.load_verify_locations(authorities)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(
    authorities: Path | None = None, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """For associations we request. Without `authorities` (PEM) the system's are trusted; the host name is checked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context)
    if authorities is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        context.load_verify_locations(authorities)
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
