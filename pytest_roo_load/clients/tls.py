"""What a client trusts and how it shows itself on a TLS connection."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from os import PathLike, fspath
from typing import Any, Self

from pytest_roo_load.core.suggestion import did_you_mean
from pytest_roo_load.errors import UsageError

__all__ = ["TlsSettings"]

_Certificate = str | PathLike[str] | tuple[str | PathLike[str], str | PathLike[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """How connections to an https or wss target are secured.

    Attributes:
        verify: Whether the server's certificate and name are checked. False accepts anybody: for a laboratory only.
        ca_file: PEM file of further authorities to trust. The system's are trusted too; the variable `SSL_CERT_FILE`
            puts others in their place.
        client_certificate: PEM file with the certificate that the client shows and its key, or a pair of files.
        server_name: Name to ask for (SNI) and to verify, when it is not the target's host.
    """

    verify: bool = True
    ca_file: str | PathLike[str] | None = None
    client_certificate: _Certificate | None = None
    server_name: str | None = None

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """The same settings but for some.

        Raises:
            UsageError: There is no such setting, or its value is not allowed.
        """
        known = [field.name for field in fields(self)]
        if unknown := [name for name in changes if name not in known]:
            remedy = did_you_mean(unknown[0], known)
            raise UsageError("unknown setting", value=", ".join(unknown), allowed=", ".join(known), remedy=remedy)
        return replace(self, **changes)

    def context(self) -> ssl.SSLContext:
        """The context of such connections, made once for all users of a generator: it takes milliseconds.

        Raises:
            UsageError: A file cannot be read as what it should be.
        """
        given = self.client_certificate
        pair = given if isinstance(given, tuple) else (given,) if given is not None else ()
        return _context(self.verify, _path(self.ca_file), tuple(fspath(part) for part in pair))


def _path(given: str | PathLike[str] | None) -> str | None:
    return None if given is None else fspath(given)


@lru_cache(maxsize=64)
def _context(verify: bool, ca_file: str | None, certificate: tuple[str, ...]) -> ssl.SSLContext:  # noqa: FBT001 - a key
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        if ca_file is not None:
            context.load_verify_locations(ca_file)
        if certificate:
            context.load_cert_chain(*certificate)
    except (OSError, ssl.SSLError) as error:  # OSError also when a file is missing
        given = ", ".join([*([] if ca_file is None else [ca_file]), *certificate])
        raise UsageError(
            f"certificates cannot be loaded, {error}", value=given, allowed="readable PEM files"
        ) from error
    context.set_alpn_protocols(["http/1.1"])
    return context
