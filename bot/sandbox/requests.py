"""A call's parameters out of an HTTP request: query, form, multipart or JSON."""

from typing import Any
from urllib.parse import parse_qsl

from aiohttp.web import BaseRequest, FileField, HTTPRequestEntityTooLarge

from bot.sandbox.errors import Refusal, bad_request
from bot.sandbox.files import Upload
from bot.sandbox.params import Params
from bot.sandbox.wire import decode

UPLOAD_BYTES = (
    50_000_000  # source: Bot API, "Sending files"; told by the front end, not by the server behind it
)
BODY_BYTES = UPLOAD_BYTES + 1_000_000

_FORM = "application/x-www-form-urlencoded"


async def read_params(request: BaseRequest) -> Params:
    """Raises Refusal for what cannot be read or is too large."""
    query = request.query_string
    values: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True)) if query else {}
    if not request.can_read_body:
        return Params(values)
    if (request.content_length or 0) > BODY_BYTES:
        raise too_large()
    try:
        if request.content_type == "multipart/form-data":
            return await _multipart(request, values)
        body = await request.read()
    except HTTPRequestEntityTooLarge:
        raise too_large() from None
    if request.content_type == "application/json":
        return Params({**values, **_object(body)})
    if request.content_type == _FORM:
        values.update(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    return Params(values)


def too_large() -> Refusal:
    return Refusal(413, "Request Entity Too Large")


async def _multipart(request: BaseRequest, values: dict[str, Any]) -> Params:
    uploads: dict[str, Upload] = {}
    try:
        parts = await request.post()
    except ValueError:
        raise bad_request("can't parse multipart body") from None
    for name, part in parts.items():
        if isinstance(part, FileField):
            uploads[name] = upload_of(part)
        else:
            values[name] = part if isinstance(part, str) else bytes(part).decode(errors="replace")
    return Params(values, uploads)


def upload_of(part: FileField) -> Upload:
    """One file of a multipart body."""
    with part.file:
        return Upload(part.file.read(), part.filename, part.content_type)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = decode(body) if body.strip() else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise bad_request("can't parse JSON encoded parameters")
    return found
