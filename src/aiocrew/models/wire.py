"""The chat-completions wire: records to a provider's JSON and back. Pure."""

from __future__ import annotations

from aiocrew.models.wire_reply import decode_reply
from aiocrew.models.wire_request import encode_request
from aiocrew.models.wire_stream import StreamReader

__all__ = ["StreamReader", "decode_reply", "encode_request"]
