"""The chat-completions wire: records to a provider's JSON and back. Pure."""

from __future__ import annotations

from aiocrew.models import wire_reply
from aiocrew.models.wire_plain import decode_plain
from aiocrew.models.wire_request import encode_request
from aiocrew.models.wire_stream import StreamReader
from aiocrew.types.messages import Reply

__all__ = ["StreamReader", "decode_reply", "encode_request"]


def decode_reply(body: bytes, *, model: str) -> Reply:
    """Return the reply that a body of status 200 holds; `model` names it in errors.

    Raises InvalidReplyError when the body holds none, or the error that the body reports in its place.
    """
    return decode_plain(body) or wire_reply.decode_reply(body, model=model)
