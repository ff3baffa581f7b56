"""Serves the replies that a test recorded, in order, in the process of the test; nothing else can be reached."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

__all__ = ["RecordedReplies", "read_recording", "stay_on_this_machine"]

_CHAT = "/chat/completions"
_OLLAMA = "/api/generate"
_OLLAMA_PORT = 8080
"""Where the tests say that their Ollama listens."""


def read_recording(file: Path) -> list[tuple[int, dict[str, Any]]]:
    """Return the recorded answers of a model, as (HTTP status, chat-completions body); none if there is no file."""
    if not file.exists():
        return []
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    interactions = yaml.load(file.read_bytes(), loader)["interactions"]
    return [answer for interaction in interactions if (answer := _answer(interaction)) is not None]


def _answer(interaction: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
    """Return an interaction's answer, or None if it is not with a model (CrewAI's telemetry is recorded too)."""
    path, response = interaction["request"]["uri"].partition("?")[0], interaction["response"]
    status = response["status"]["code"] if "status" in response else response["status_code"]
    content = response["body"]["string"] if "body" in response else response["content"]
    if path.endswith(_CHAT):
        return status, json.loads(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    if path.endswith(_OLLAMA):
        return status, _from_ollama(json.loads(content))
    return None


def _from_ollama(body: dict[str, Any]) -> dict[str, Any]:
    """Return what Ollama would have answered at its chat-completions address."""
    asked, said = body.get("prompt_eval_count", 0), body.get("eval_count", 0)
    message = {"role": "assistant", "content": body["response"]}
    return {
        "id": "recorded",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
    }


class RecordedReplies:
    """A loopback server that gives each test its own replies, and then refuses."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ahead: deque[tuple[int, dict[str, Any]]] = deque()
        self.asked = 0
        """The requests of the test at hand."""
        owner = self

        class Handler(_Handler):
            replies = owner

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return self._server.server_address[1]

    def close(self) -> None:
        """Stop answering, and free the port."""
        self._server.shutdown()
        self._server.server_close()

    def offer(self, answers: list[tuple[int, dict[str, Any]]]) -> None:
        """Have `answers` wait for the next requests, and count from zero."""
        with self._lock:
            self._ahead, self.asked = deque(answers), 0

    def next(self) -> tuple[int, dict[str, Any]]:
        """Return the next answer, or a refusal."""
        with self._lock:
            self.asked += 1
            if self._ahead:
                return self._ahead.popleft()
        return 400, {"error": {"message": "the recording has no further reply", "type": "no_further_reply"}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    replies: RecordedReplies

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.partition("?")[0].endswith(_CHAT):
            self._say(*self.replies.next())
        else:
            self._say(404, {"error": {"message": f"nothing is recorded for {self.path}"}})

    def do_GET(self) -> None:
        self._say(404, {"error": {"message": f"nothing is recorded for {self.path}"}})

    def _say(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the tests look at what is printed."""


def stay_on_this_machine(port: int) -> None:
    """Refuse every connection that leaves this machine; the tests' Ollama is `port`."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family not in (socket.AF_INET, socket.AF_INET6):
            return connect(self, address)
        host, asked = address[0], address[1]
        if host not in ("127.0.0.1", "::1", "localhost"):
            raise ConnectionRefusedError(f"{host}:{asked} is not on this machine; the tests may not leave it")
        if asked == _OLLAMA_PORT and self.family == socket.AF_INET:
            return connect(self, ("127.0.0.1", port))
        return connect(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]
