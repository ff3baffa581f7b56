"""How well crews overlap, and what keeps them from it: python examples/overlap.py

It reports on itself, and writes lanes.html, a page with a lane for each run. A program that is not to be changed is
observed by `aiocrew profile program.py`. On the offline model: no key, no network.
"""

from __future__ import annotations

import asyncio

from aiocrew import Agent, Crew, Task, observe, tool


@tool("Stock")
async def stock(product: str) -> str:
    """Look up how many of a product are there."""
    await asyncio.sleep(0.1)  # with time.sleep(0.1) the report would name this line
    return f"There are {len(product)} of {product}."


def report_crew() -> Crew:
    """Return a crew that looks a product up, and writes of it."""
    clerk = Agent(
        role="Stock keeper",
        goal="Know what is there",
        backstory="You count twice.",
        llm="offline/100ms",
        tools=[stock],
    )
    writer = Agent(role="Writer", goal="Write clearly", backstory="You write short.", llm="offline/100ms")
    count = Task(description="Look up how many {product} there are.", expected_output="A number.", agent=clerk)
    text = Task(description="Write a line about that.", expected_output="One sentence.", agent=writer)
    return Crew(agents=[clerk, writer], tasks=[count, text])


async def main() -> None:
    products = [{"product": product} for product in ("kettles", "lamps", "chairs", "tents", "clocks", "radios")]
    with observe() as seen:
        await report_crew().kickoff_for_each_async(products, max_concurrency=2)
    print(seen.report())
    seen.save_html("lanes.html", title="Six reports, two at a time")


if __name__ == "__main__":
    asyncio.run(main())
