"""Make docs/images/lanes.png: `python -m scripts.lanes_screenshot [image] [--dark]`.

Twenty-four crews of three tasks ask a model on loopback that streams its replies, refuses some, and whose limit is 12
calls in flight; one of their tools blocks the event loop. So the page has something to show.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from playwright.async_api import async_playwright

from aiocrew import LLM, Agent, Crew, Limits, Task, tool
from aiocrew.seeing.observation import observe
from aiocrew.seeing.page import save_page
from tests.browser import ARGUMENTS, CHROMIUM

DEFAULT = Path(__file__).parents[1] / "docs" / "images" / "lanes.png"
CREWS, IN_FLIGHT = 24, 12
PRODUCTS = ["kettle", "lamp", "chair", "tent", "bicycle", "clock", "radio", "stove"]


@tool
async def search_reviews(product: str) -> str:
    """Find what buyers say about a product."""
    await asyncio.sleep(0.12)
    return f"Buyers of the {product} praise its price and complain about its manual."


def stock_of(product: str) -> int:
    """Ask a slow database: the fault that the picture is to show."""
    time.sleep(0.09)
    return len(product) * 10


@tool
async def read_stock(product: str) -> str:
    """Read from the stock list how many there are."""
    return f"There are {stock_of(product)} of the {product}."


def crew(llm: LLM) -> Crew:
    """Return a crew whose tasks depend on each other."""
    analyst = Agent(role="Analyst", goal="Know {product}", backstory="Careful.", llm=llm, tools=[search_reviews])
    keeper = Agent(role="Stock keeper", goal="Know the stock", backstory="Exact.", llm=llm, tools=[read_stock])
    writer = Agent(role="Writer", goal="Write about {product}", backstory="Plain.", llm=llm)
    reviews = Task(description="Sum up what buyers say about the {product}", expected_output="Notes", agent=analyst)
    stock = Task(description="How many of the {product} are there?", expected_output="A number", agent=keeper)
    report = Task(description="Write a report on the {product}", expected_output="A report", agent=writer)
    return Crew(name="product report", agents=[analyst, keeper, writer], tasks=[reviews, stock, report])


def provider() -> web.Application:
    """Return a model's provider that streams, asks for tools first, and refuses a call now and then."""
    chance = random.Random(7)

    async def complete(request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        tools = asked.get("tools", [])
        if chance.random() < 0.06:
            return web.json_response({"error": {"message": "the model is overloaded"}}, status=503)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await asyncio.sleep(0.08 + chance.random() * 0.12)
        if tools and not any(message["role"] == "tool" for message in asked["messages"]):
            product = next(name for name in PRODUCTS if name in json.dumps(asked["messages"]))
            call = {"name": tools[0]["function"]["name"], "arguments": json.dumps({"product": product})}
            await _send(response, {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": call}]})
            await _finish(response, "tool_calls")
        else:
            for word in ("Buyers ", "like ", "it, ", "and ", "there ", "is ", "enough."):
                await _send(response, {"content": word})
                await asyncio.sleep(0.015 + chance.random() * 0.02)
            await _finish(response, "stop")
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    return app


async def _send(response: web.StreamResponse, delta: dict[str, Any], finish: str | None = None) -> None:
    piece = {"id": "x", "model": "gpt-4o-mini", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    await response.write(f"data: {json.dumps(piece)}\n\n".encode())


async def _finish(response: web.StreamResponse, reason: str) -> None:
    await _send(response, {}, reason)
    usage = {"prompt_tokens": 320, "completion_tokens": 60, "total_tokens": 380}
    await response.write(f"data: {json.dumps({'id': 'x', 'choices': [], 'usage': usage})}\n\n".encode())
    await response.write(b"data: [DONE]\n\n")


async def save(page: Path) -> None:
    """Run the crews and write their lanes page."""
    runner = web.AppRunner(provider(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    llm = LLM(
        "openai/gpt-4o-mini",
        base_url=f"http://127.0.0.1:{port}/v1",
        api_key="none",
        stream=True,
        limits=Limits(max_in_flight=IN_FLIGHT),
    )
    products = [{"product": PRODUCTS[number % len(PRODUCTS)]} for number in range(CREWS)]
    with observe() as seen:
        await asyncio.gather(*(crew(llm).kickoff_async(inputs) for inputs in products))
    await runner.cleanup()
    report = seen.report()
    culprits = tuple([msgspec.structs.replace(culprit, file=_relative(culprit.file)) for culprit in report.culprits])
    report = msgspec.structs.replace(report, culprits=culprits)
    save_page(page, seen.events, report, title="24 product reports at once")


def _relative(file: str) -> str:
    return os.path.relpath(file, DEFAULT.parents[2]) if file else ""


async def take(page: Path, image: Path, *, dark: bool) -> None:
    """Open the page, select the call of the tool that blocks, and write the picture."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        scheme = "dark" if dark else "light"
        shown = await browser.new_page(
            viewport={"width": 1440, "height": 860}, color_scheme=scheme, reduced_motion="reduce"
        )
        await shown.goto(page.as_uri())
        await shown.click("#chart", position={"x": 60, "y": 127})  # the first run's name opens its lane
        bars = await shown.evaluate("aiocrewLanes.bars()")
        call = next(bar for bar in bars if bar["label"] == "read_stock")
        await shown.click("#chart", position={"x": call["x"] + call["width"] / 2, "y": call["y"] + call["height"] / 2})
        await shown.mouse.move(300, 20)
        await shown.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        await shown.screenshot(path=image)
        await browser.close()


def main() -> None:
    """Make the picture."""
    options = argparse.ArgumentParser()
    options.add_argument("image", nargs="?", type=Path, default=DEFAULT)
    options.add_argument("--dark", action="store_true")
    given = options.parse_args()
    given.image.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "lanes.html"
        asyncio.run(save(page))
        asyncio.run(take(page, given.image, dark=given.dark))


if __name__ == "__main__":
    main()
