"""What the command's tests share."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[str], tuple[int, str]]
"""From the body of a request to a status and a text: the reply, or what is wrong."""

COMMAND = [sys.executable, "-W", "error", "-m", "aiocrew"]
"""The command in a process of its own."""

Command = Callable[..., subprocess.CompletedProcess[str]]
"""The command in this process: from arguments, and variables by name, to how it ended."""


class Provider(ThreadingHTTPServer):
    """Answers chat completions with what `answer` says."""

    daemon_threads = True
    request_queue_size = 64
    answer: Answer = staticmethod(lambda body: (200, "hello"))

    @property
    def variables(self) -> dict[str, str]:
        return {"OPENAI_BASE_URL": f"http://127.0.0.1:{self.server_port}/v1", "OPENAI_API_KEY": "sk-test"}


class ChatHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        assert isinstance(self.server, Provider)
        status, text = self.server.answer(body)
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        fields = {"choices": [choice], "usage": usage} if status == 200 else {"error": {"message": text}}
        data = json.dumps(fields).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass
