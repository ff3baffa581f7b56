"""Which runs could go on at once, and which may need each other."""

from __future__ import annotations

import textwrap

import pytest

from aiocrew.seeing.check.serial import SerialAwait, serial_awaits

HERE = "# here"
INDENT = "    "


def ask(body: str) -> SerialAwait | None:
    """Ask about the line of an async function's `body` that is marked."""
    head = "async def work(crew, crews, topics, flow, queue, notes, db):"
    source = f"\n{head}\n{textwrap.indent(body, INDENT)}\n"
    line = next(number for number, text in enumerate(source.split("\n"), 1) if HERE in text)
    return serial_awaits(source, line)


INDEPENDENT = {
    "crews": """
for c in crews:
    await c.kickoff_async()  # here
""",
    "synchronous": """
for c in crews:
    c.kickoff()  # here
""",
    "inputs that are made in the pass": """
for topic in topics:
    inputs = {"topic": topic.strip()}
    output = await crew.kickoff_async(inputs)  # here
    print(output.raw)
    notes.append(output.raw)
""",
    "a crew that is made in the pass": """
for topic in topics:
    made = build_crew(topic)
    output = await made.kickoff_async()  # here
    save_report(topic, output.raw)
""",
    "two runs in a pass, the second on the first": """
for topic in topics:
    output = await crew.kickoff_async({"topic": topic})  # here
    output = await crews[0].kickoff_async({"text": output.raw})
    notes.append(output)
""",
    "a failure that is noted": """
failed = []
for topic in topics:
    try:
        output = await crew.kickoff_async({"topic": topic})  # here
        notes.append(output.raw)
    except ValueError as error:
        failed.append((topic, error))
        continue
    notes.append("done")
""",
    "a condition on what this pass gave": """
for topic in topics:
    output = await crew.kickoff_async({"topic": topic})  # here
    if output.raw == "yes":
        await crews[0].kickoff_async({"topic": topic})
""",
    "a counter": """
for number, topic in enumerate(topics):
    output = await crew.kickoff_async({"topic": topic, "number": number})  # here
    total = total + len(output.raw)
""",
    "a drafting loop inside": """
for topic in topics:
    draft = ""
    for _ in range(3):
        draft = (await crew.kickoff_async({"topic": topic, "draft": draft})).raw  # here
    notes.append(draft)
""",
    "a limit of time": """
for topic in topics:
    async with asyncio.timeout(5):
        notes[topic] = await crew.kickoff_async({"topic": topic})  # here
""",
    "a file for each": """
for topic in topics:
    output = await crew.kickoff_async({"topic": topic})  # here
    with open(f"{topic}.md", "w") as file:
        file.write(output.raw)
""",
    "a stream of inputs": """
async for topic in topics:
    await crew.kickoff_async({"topic": topic})  # here
""",
    "a helper": """
for topic in topics:
    text = await research(topic)  # here
    notes.append(text)
""",
    "several lines": """
for topic in topics:
    await crew.kickoff_async(
        {"topic": topic},  # here
    )
""",
}

DEPENDENT = {
    "the last output is an input": """
last = ""
for c in crews:
    last = (await c.kickoff_async({"before": last})).raw  # here
""",
    "a list that grows": """
for topic in topics:
    output = await crew.kickoff_async({"topic": topic, "so far": notes})  # here
    notes.append(output.raw)
""",
    "a list that grows under another name": """
inputs = {"notes": notes}
for c in crews:
    output = await c.kickoff_async(inputs)  # here
    notes.append(output.raw)
""",
    "an item of the one before": """
done = []
for number, c in enumerate(crews):
    done.append(await c.kickoff_async({"before": done[number - 1] if done else None}))  # here
""",
    "the first that succeeds": """
for c in crews:
    output = await c.kickoff_async()  # here
    if output.raw:
        break
""",
    "the first that is returned": """
for c in crews:
    output = await c.kickoff_async()  # here
    if output.raw:
        return output
""",
    "a stop by an exception": """
for c in crews:
    output = await c.kickoff_async()  # here
    if not output.raw:
        raise ValueError(output)
""",
    "retries": """
for attempt in range(3):
    try:
        output = await crew.kickoff_async({"attempt": attempt})  # here
    except ValueError:
        pass
""",
    "the same once more": """
for _ in range(3):
    await crew.kickoff_async()  # here
""",
    "a worker": """
while True:
    await crew.kickoff_async({"topic": await queue.get()})  # here
""",
    "a condition of while": """
text = ""
while text != "good":
    text = (await crew.kickoff_async()).raw  # here
""",
    "a person in between": """
for topic in topics:
    await crew.kickoff_async({"topic": topic, "wish": input()})  # here
""",
    "a conversation": """
async for message in websocket:
    await crew.kickoff_async({"message": message})  # here
""",
    "an answer on the way it came": """
async for request in notes:
    output = await crew.kickoff_async({"request": request})  # here
    await notes.answer(output.raw)
""",
    "a generator": """
for topic in topics:
    yield await crew.kickoff_async({"topic": topic})  # here
""",
    "a pace": """
for topic in topics:
    await crew.kickoff_async({"topic": topic})  # here
    await asyncio.sleep(1)
""",
    "a flag": """
failed = False
for c in crews:
    if failed:
        continue
    try:
        await c.kickoff_async()  # here
    except ValueError:
        failed = True
""",
    "a task that is changed": """
for topic in topics:
    task.description = topic
    await crew.kickoff_async({"topic": topic})  # here
""",
    "an output that goes into a task": """
for c in crews:
    output = await c.kickoff_async()  # here
    task.description = output.raw
""",
    "tasks of the crew": """
tasks = []
made = Crew(tasks=tasks)
for topic in topics:
    tasks.append(Task(topic))
    await made.kickoff_async({"topic": topic})  # here
""",
    "memory": """
for topic in topics:
    output = await crew.kickoff_async({"topic": topic})  # here
    memory.save(output.raw)
""",
    "what is saved is loaded": """
for topic in topics:
    output = await crew.kickoff_async({"topic": topic, "known": load()})  # here
    save(output.raw)
""",
    "what is stored is fetched": """
for topic in topics:
    output = await crew.kickoff_async({"topic": topic, "known": await db.fetch(topic)})  # here
    await db.store(output.raw)
""",
    "a call that nobody knows": """
for topic in topics:
    output = await crew.kickoff_async({"topic": topic})  # here
    consider(output)
""",
    "the state of a flow": """
for topic in topics:
    await flow.kickoff_async({"topic": topic, "known": flow.state.known})  # here
""",
    "a queue that grows": """
for topic in topics:
    output = await crew.kickoff_async({"topic": topic})  # here
    topics.append(output.raw)
""",
    "a journal": """
for topic in topics:
    await crew.kickoff_for_each_async([topic], journal="a.sqlite")  # here
""",
    "a name from the one before in a comprehension": """
outputs = [last := await c.kickoff_async({"before": last}) for c in crews]  # here
""",
    "a lazy generator": """
outputs = (await c.kickoff_async() for c in crews)  # here
""",
    "a test in between": """
for c in crews:
    assert (await c.kickoff_async()).raw  # here
""",
}


@pytest.mark.parametrize("body", INDEPENDENT.values(), ids=INDEPENDENT.keys())
def test_passes_that_need_nothing_of_each_other_are_a_loop(body: str) -> None:
    found = ask(body)
    assert found is not None
    assert (found.kind, bool(found.instead)) == ("loop", True)


@pytest.mark.parametrize("body", DEPENDENT.values(), ids=DEPENDENT.keys())
def test_passes_that_may_need_each_other_are_not_spoken_of(body: str) -> None:
    assert ask(body) is None


def test_a_loop_is_told_by_its_line_and_its_runs() -> None:
    found = ask("for topic in topics:\n    if topic:\n        await crew.kickoff_async(topic)  # here")
    instead = "await crew.kickoff_for_each_async([...]), with the inputs of all passes"
    assert found == SerialAwait("loop", 3, (5,), 4, instead, first=5)


def test_the_outer_loop_is_meant_where_the_inner_one_cannot_be() -> None:
    found = ask(INDEPENDENT["a drafting loop inside"])
    assert found is not None
    assert found.line == 4


@pytest.mark.parametrize(
    "body",
    ["texts = [(await c.kickoff_async()).raw for c in crews]  # here", "x = {c: c.kickoff() for c in crews}  # here"],
)
def test_a_comprehension_is_told_apart_from_a_loop(body: str) -> None:
    found = ask(body)
    assert found is not None
    assert found.kind == "comprehension"
    assert found.instead.startswith("await asyncio.gather(*[c.kickoff_async() for c in crews], return_exceptions=True)")


def test_a_row_of_statements_holds_all_that_need_nothing_of_each_other() -> None:
    body = "a = await crews[0].kickoff_async()\nprint(a)\nb = await crew.kickoff_async()  # here\n"
    body += "c = await flow.kickoff_async()\n"
    found = ask(body + "return await crew.kickoff_async({'of': [a.raw, b.raw, c]})")
    assert found is not None
    assert (found.kind, found.line, found.lines) == ("statements", 3, (3, 5, 6))
    assert found.instead.startswith("await asyncio.gather(crews[0].kickoff_async(), crew.kickoff_async(), flow.kickoff")


@pytest.mark.parametrize(
    "body",
    [
        "a = await crew.kickoff_async()\nb = await crews[0].kickoff_async({'of': a.raw})  # here",
        "a = await crew.kickoff_async()  # here\nb = await crews[0].kickoff_async({'of': a.raw})",
        "a = await crew.kickoff_async()\ntext = a.raw\nb = await crews[0].kickoff_async({'of': text})  # here",
        "await crew.kickoff_async()\nawait crews[0].kickoff_async()  # here",
        "a = await crew.kickoff_async()\nif not a:\n    return\nb = await crews[0].kickoff_async()  # here",
        "a = await crew.kickoff_async()\nb = await crew.kickoff_async()  # here",
        "a = await crew.kickoff_async()\nassert a\nb = await crews[0].kickoff_async()  # here",
        "a = await crew.kickoff_async()\ncrew.name = 'b'\nb = await crews[0].kickoff_async()  # here",
        "i = {'n': notes}\na = await crew.kickoff_async()\nnotes[0] = a\nb = await crews[0].kickoff_async(i)  # here",
    ],
)
def test_statements_that_may_need_each_other_are_not_spoken_of(body: str) -> None:
    assert ask(body) is None


@pytest.mark.parametrize(
    "body",
    [
        "await crew.kickoff_async()  # here",
        "for c in crews:\n    group.create_task(c.kickoff_async())  # here",
        "for output in await crew.kickoff_for_each_async(topics):  # here\n    print(output)",
        "runs = [c.kickoff_async() for c in crews]  # here",
    ],
)
def test_a_run_that_waits_for_no_other_is_alone(body: str) -> None:
    found = ask(body)
    assert found is not None
    assert (found.kind, found.instead) == ("none", "")


@pytest.mark.parametrize("source", ["for", "x = 1", "", "\0", "(" * 500, "x = 1\n\n"])
def test_what_has_no_run_in_this_line_is_unreadable(source: str) -> None:
    assert serial_awaits(source, 1) == SerialAwait("unreadable", 1)


def test_the_module_itself_may_hold_the_loop() -> None:
    found = serial_awaits("for c in crews:\n    c.kickoff()\n", 2)
    assert found is not None
    assert (found.kind, found.line) == ("loop", 1)


@pytest.mark.parametrize(
    ("body", "lines", "first"),
    [
        ("for t in topics:\n    a = await crew.kickoff_async(t)  # here\n    await flow.kickoff_async(a)", (4, 5), 4),
        ("for t in topics:\n    if t:\n        await crew.kickoff_async(t)  # here", (5,), 5),
        ("for t in topics:\n    for n in t:\n        t = await crew.kickoff_async({n: t})  # here", (5,), 0),
        (
            "for t in topics:\n    if t:\n        await crew.kickoff_async(t)  # here\n    await flow.kickoff_async(t)",
            (5, 6),
            0,
        ),
        (
            "for t in topics:\n    await asyncio.gather(\n        *[crew.kickoff_async(u) for u in t]  # here\n    )",
            (4,),
            4,
        ),
        ("for t in topics:\n    await (\n        crew.kickoff_async(t)  # here\n    )", (4,), 4),
        ("for t in topics:\n    (\n        crew\n        .kickoff(t)  # here\n    )", (6,), 6),
        (
            "for t in topics:\n    async with (\n        crew.start(t) as run  # here\n    ):\n        await run",
            (4, 5),
            4,
        ),
        ("texts = [await crew.kickoff_async(t) for t in topics]  # here", (3,), 3),
    ],
)
def test_the_lines_are_those_in_which_runs_begin_and_the_first_begins_a_pass(
    body: str, lines: tuple[int, ...], first: int
) -> None:
    found = ask(body)
    assert found is not None
    assert (found.lines, found.first) == (lines, first)


@pytest.mark.parametrize(
    ("body", "instead"),
    [
        (
            "for c in topics:\n    await asyncio.gather(*[crew.kickoff_async(t) for t in c])  # here",
            "await crew.kickoff_for_each_async([...], max_concurrency=...), with the inputs of all passes",
        ),
        (
            "for c in topics:\n    await asyncio.gather(*[x.kickoff_async() for x in c])  # here",
            "await asyncio.gather(*[...], return_exceptions=True), with the runs of all passes, each inside "
            "`async with` of one asyncio.Semaphore",
        ),
        (
            "for t in topics:\n    a = await crew.kickoff_async(t)  # here\n    await flow.kickoff_async(a)",
            "await asyncio.gather(*[one_pass(...) for t in topics], return_exceptions=True), where one_pass() is an "
            "async function with the body of this loop",
        ),
        (
            "for t in topics:\n    async for event in crew.stream(t):  # here\n        notes.append(event)",
            "await crew.kickoff_for_each_async([...]), with the inputs of all passes",
        ),
    ],
)
def test_what_to_write_instead_does_the_work_of_the_whole_loop(body: str, instead: str) -> None:
    found = ask(body)
    assert found is not None
    assert found.instead == instead


def test_the_head_of_a_block_stands_for_what_it_opens() -> None:
    head = "async def work(crew, topics):\n    for t in topics:\n"
    source = head + "        async with (\n            crew.start(t)\n        ):\n            pass\n"
    assert [found and found.kind for found in (serial_awaits(source, 3), serial_awaits(source, 4))] == ["loop", "loop"]


def test_a_function_whose_calls_need_each_other_is_not_asked_about_further() -> None:
    source = "seen = []\nasync def step(crew, t):\n    seen.append(await crew.kickoff_async({t: seen}))\n"
    assert serial_awaits(source, 3) is None
