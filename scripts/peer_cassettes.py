"""Drive crews with replies that OpenAI really gave: those recorded in the tests of crewai 0.80.0.

Fetches that source distribution once (nothing of it is kept in this repository), serves each recording's replies in
order from a loopback server, and lets a crew of our own work through them: one task for every answer in the recording,
with tools of the names that the recording calls. A recording passes if the run finishes, the answers are the recorded
ones, the tools were called with the recorded arguments, and the usage is the sum of the recorded usages. Each is
played twice, with tool_protocol "text" and "auto".

Usage: python scripts/peer_cassettes.py [part of a recording's name]
Ends with 1 if fewer than LEAST of the plays pass.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import re
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from pydantic import BaseModel, ConfigDict, create_model

from aiocrew import LLM, Agent, BaseTool, Crew, CrewOutput, Task
from peer_source import fetch

LEAST = 1.0
"""The share of the plays that must pass."""

Reply = dict[str, Any]
Call = tuple[str, dict[str, Any] | None]
"""A tool's name and its arguments; None where the recorded arguments are no JSON object."""

_FINAL = re.compile(r"Final Answer:\s*(.*)", re.DOTALL)
_ACTION = re.compile(r"Action:[ ]*([^\n]*?)[ ]*\n\s*Action Input:[ ]*(.*)", re.DOTALL)
_TOOL_NAME = re.compile(r"[A-Za-z][\w -]*")


# ---- The recordings


def recordings(archive: bytes) -> Iterator[tuple[str, list[Reply]]]:
    """Give every recording's name with its replies in the chat-completions format; there may be none."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in sorted(tar.getmembers(), key=lambda member: member.name):
            if "/tests/cassettes/" in member.name and member.name.endswith(".yaml"):
                content = tar.extractfile(member)
                assert content is not None
                interactions = yaml.load(content, loader)["interactions"]
                yield Path(member.name).stem.removeprefix("test_"), [*_replies(interactions)]


def _replies(interactions: list[dict[str, Any]]) -> Iterator[Reply]:
    for interaction in interactions:
        if interaction["request"]["uri"].endswith("/chat/completions"):
            response = interaction["response"]
            body = response["body"]["string"] if "body" in response else response["content"]
            yield json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)


# ---- What a recording asks for


@dataclass
class Expected:
    """What one task must do: the replies that it takes, the calls that these ask for, and the answer."""

    replies: list[Reply] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    answer: str | None = None
    """None: the result of its only tool call is the answer."""

    @property
    def by_tool(self) -> bool:
        return self.answer is None


def tool_names(replies: list[Reply]) -> list[str]:
    """Return the names of the tools that a recording calls."""
    found: dict[str, None] = {}
    for reply in replies:
        message = reply["choices"][0]["message"]
        for call in message.get("tool_calls") or []:
            found[call["function"]["name"]] = None
        asked = _action(message.get("content") or "")
        if asked and _TOOL_NAME.fullmatch(asked[0]):
            found[asked[0]] = None
    return [*found]


def _action(text: str) -> Call | None:
    """Return the call that stands in a text before any answer."""
    action, final = _ACTION.search(text), _FINAL.search(text)
    if action is None or (final is not None and final.start() < action.start()):
        return None
    arguments = re.split(r"\n\s*(?:Observation|Final Answer|Thought):", action[2])[0].strip().strip("`")
    return action[1], _object(arguments)


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def expectations(replies: list[Reply], tools: list[str], protocol: str) -> list[Expected]:
    """Split a recording into tasks. Replies after its last answer belong to none."""
    done: list[Expected] = []
    now = Expected()
    for reply in replies:
        message = reply["choices"][0]["message"]
        text, native = (message.get("content") or "").strip(), message.get("tool_calls") or []
        alone = not now.replies
        now.replies.append(reply)
        now.calls += [(call["function"]["name"], _object(call["function"]["arguments"])) for call in native]
        asked, final = _action(text), _FINAL.search(text)
        if native:
            finished = alone  # a structured output that was asked for after an answer
        elif asked and (asked[0] in tools or protocol == "text"):
            now.calls += [asked] if asked[0] in tools else []
            finished = False
        elif final and not asked:
            now.answer, finished = final[1].strip(), True
        else:
            now.answer, finished = text, bool(text) and (protocol == "auto" or not tools)
        if finished:
            done.append(now)
            now = Expected()
    return done


# ---- The server


class Recorded:
    """A server that gives each play its own replies, in order, and then refuses."""

    def __init__(self) -> None:
        self._ahead: dict[str, list[Reply]] = {}
        self._asked: dict[str, list[list[Any]]] = {}
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> Recorded:
        app = web.Application()
        app.router.add_post("/{play}/v1/chat/completions", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def offer(self, play: str, replies: list[Reply]) -> str:
        """Return the base URL at which `replies` wait."""
        self._ahead[play], self._asked[play] = replies, []
        return f"http://127.0.0.1:{self._port}/{play}/v1"

    def asked(self, play: str) -> list[list[Any]]:
        """Return the messages of every request of a play."""
        return self._asked[play]

    async def _answer(self, request: web.Request) -> web.Response:
        play = request.match_info["play"]
        number, replies = len(self._asked[play]), self._ahead[play]
        self._asked[play].append((await request.json())["messages"])
        if number >= len(replies):
            return web.json_response({"error": {"message": "the recording has no further reply"}}, status=400)
        return web.json_response(replies[number])


# ---- A play


class Anything(BaseModel):
    """Arguments of a tool that takes what comes."""

    model_config = ConfigDict(extra="allow")


class RecordedTool(BaseTool):
    """A tool of a recorded name that notes how it was called."""

    noted: Any
    """The play's list; declared as a list it would be copied."""

    def _run(self, **arguments: Any) -> str:
        self.noted.append((self.name, {name: value for name, value in arguments.items() if value is not None}))
        return f"{self.name} was called {len(self.noted)} times"


def _tools(names: list[str], expected: Expected, every: list[Expected], noted: list[Any]) -> list[BaseTool]:
    made: list[BaseTool] = []
    for name in names:
        used = [arguments for task in every for tool, arguments in task.calls if tool == name and arguments]
        fields = {key: (Any, None) for arguments in used for key in arguments if key.isidentifier()}
        schema = create_model("Arguments", __base__=Anything, **fields)  # type: ignore[call-overload]
        made.append(
            RecordedTool(
                name=name,
                description="Does what the recording says.",
                args_schema=schema,
                noted=noted,
                result_as_answer=expected.by_tool,
            )
        )
    return made


def build(tasks: list[Expected], names: list[str], protocol: str, base_url: str, noted: list[Any]) -> Crew:
    """Return a crew with one task for every answer of the recording."""
    model = tasks[0].replies[0]["model"]
    llm = LLM(model=f"openai/{model}", base_url=base_url, api_key="none", tool_protocol=protocol)
    most = max(len(task.replies) for task in tasks) + 1
    agent = Agent(role="Player", goal="Play the recording", backstory="You play.", llm=llm, max_iter=most)
    return Crew(
        agents=[agent],
        tasks=[
            Task(
                description=f"Play part {number} of the recording.",
                expected_output="What was recorded.",
                agent=agent,
                tools=_tools(names, task, tasks, noted),
            )
            for number, task in enumerate(tasks)
        ],
        cache=False,
    )


def faults(tasks: list[Expected], output: CrewOutput, noted: list[Any], asked: list[list[Any]]) -> list[str]:
    """Return what differs from the recording."""
    found: list[str] = []
    for number, (task, said) in enumerate(zip(tasks, output.tasks_output, strict=True)):
        if task.answer is not None and said.raw != task.answer:
            found.append(f"answer {number} is {said.raw[:60]!r}, recorded was {task.answer[:60]!r}")
    calls = [call for task in tasks for call in task.calls]
    sure = [(name, {k: v for k, v in args.items() if v is not None}) for name, args in calls if args is not None]
    if len(sure) == len(calls) and noted != sure:
        found.append(f"calls {noted} instead of {sure}")
    elif not _in_order(sure, noted):
        found.append(f"calls {noted} do not hold {sure}")
    replies = [reply for task in tasks for reply in task.replies]
    if len(asked) != len(replies):
        found.append(f"{len(asked)} requests for {len(replies)} replies")
    found += _forgotten(tasks, asked)
    usage, recorded = output.token_usage, recorded_usage(replies)
    got = {name: getattr(usage, name) for name in recorded}
    if got != recorded:
        found.append(f"usage {got} instead of {recorded}")
    return found


def _forgotten(tasks: list[Expected], asked: list[list[Any]]) -> Iterator[str]:
    """Give the requests that do not go on from the request before them in the same task."""
    number = 0
    for task in tasks:
        conversation = asked[number : number + len(task.replies)]
        for turn, (before, after) in enumerate(pairwise(conversation)):
            if after[: len(before)] != before or len(after) < len(before) + 2:
                yield f"request {number + turn + 1} does not go on from the one before it"
        number += len(task.replies)


def _in_order(wanted: list[Any], there: list[Any]) -> bool:
    ahead = iter(there)
    return all(any(call == other for other in ahead) for call in wanted)


def recorded_usage(replies: list[Reply]) -> dict[str, int]:
    """Return the sum of what the replies say they used."""
    total = dict.fromkeys(("prompt_tokens", "completion_tokens", "cached_prompt_tokens", "reasoning_tokens"), 0)
    for reply in replies:
        usage = reply.get("usage") or {}
        total["prompt_tokens"] += usage.get("prompt_tokens", 0)
        total["completion_tokens"] += usage.get("completion_tokens", 0)
        total["cached_prompt_tokens"] += (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        total["reasoning_tokens"] += (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    total["total_tokens"] = total["prompt_tokens"] + total["completion_tokens"]
    return total | {"successful_requests": len(replies)}


async def play(name: str, replies: list[Reply], protocol: str, server: Recorded) -> tuple[str, list[str]]:
    """Return one play's line of the table and its faults."""
    names = tool_names(replies)
    tasks = expectations(replies, names, protocol)
    taken = [reply for task in tasks for reply in task.replies]
    key, noted = f"{name}-{protocol}", []
    base_url = server.offer(key, taken)
    calls = sum(len(task.calls) for task in tasks)
    line = f"{name[:62]:62} {protocol:5} {len(taken):5} {len(tasks):5} {calls:5}"
    if not tasks:
        return line, ["the recording holds no answer"]
    try:
        output = await build(tasks, names, protocol, base_url, noted).kickoff_async()
    except Exception as error:  # every play is to be reported, whatever one of them raises
        return line, [f"{type(error).__name__}: {error}"]
    return line, faults(tasks, output, noted, server.asked(key))


async def main(part: str) -> int:
    """Play all recordings at once, print the table, and return the exit status."""
    found = [(name, replies) for name, replies in recordings(fetch()) if part in name]
    playable = [(name, replies) for name, replies in found if replies]
    async with Recorded() as server:
        plays = [play(name, replies, protocol, server) for name, replies in playable for protocol in ("text", "auto")]
        results = await asyncio.gather(*plays)
    print(f"{'recording':62} {'tools':5} {'reply':>5} {'tasks':>5} {'calls':>5}")
    for line, wrong in results:
        print(line, " ok" if not wrong else " WRONG")
        for fault in wrong:
            print("    ", fault[:300])
    passed = sum(not wrong for _, wrong in results)
    replies_played = sum(len(replies) for _, replies in playable)
    print(
        f"\n{len(found)} recordings, {len(found) - len(playable)} of them not of this wire; {replies_played} replies.\n"
        f"{passed} of {len(results)} plays passed; {LEAST:.0%} must."
    )
    return 0 if results and passed >= LEAST * len(results) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "")))
