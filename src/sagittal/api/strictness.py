"""Bodies held to what they are described as: the framework would take `"5"` for a number and 0 for false."""

import re
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.exceptions import ValidationException
from litestar.handlers import HTTPRouteHandler

_WHERE: Final = re.compile(r"at `\$\.?([^`]*)`$")


class StrictRequest(Request[Any, Any, Any]):  # Any: user, auth and state of Litestar, which are not used
    """A request whose JSON is of the type of the handler's `data`, to the letter."""

    async def json(self) -> Any:  # Any: JSON
        """The body. Raises ValidationException."""
        handler = self.scope.get("route_handler")
        taken = handler.parsed_fn_signature.parameters.get("data") if isinstance(handler, HTTPRouteHandler) else None
        if taken is not None:
            try:
                msgspec.json.decode(await self.body(), type=taken.annotation)
            except msgspec.ValidationError as error:
                found = _WHERE.search(str(error))
                raise ValidationException(extra=[{"key": found[1] if found else "the body"}]) from error
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise ValidationException(extra=[{"key": "the body, which is no JSON"}]) from error
        return await super().json()
