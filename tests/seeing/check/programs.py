"""Loops over crews as people write them: those whose passes need nothing of each other, and those that may.

The run is in the line marked `# here`, the lines that called its function are `# caller` and `# outermost`. What is to
be found is marked `# <- this`.
"""

from __future__ import annotations

HEAD = """\
import asyncio, csv, json, sys, time
from pathlib import Path
from crews import Crew, Task, build_crew, crew, other, tool
"""

FREE = {
    "a task made and awaited": """
async def main(topics):
    for topic in topics:  # <- this
        await asyncio.create_task(crew.kickoff_async({"x": topic}))  # here
""",
    "a task that is kept, and awaited in the same pass": """
async def main(topics):
    for topic in topics:  # <- this
        task = asyncio.create_task(crew.kickoff_async({"x": topic}))  # here
        print("under way", topic)
        output = await task
        print(output.raw)
""",
    "a limit of time by wait_for": """
async def main(topics):
    for topic in topics:  # <- this
        try:
            await asyncio.wait_for(crew.kickoff_async({"x": topic}), 30)  # here
        except TimeoutError:
            print("too slow", topic)
""",
    "gather of one": """
async def main(topics):
    for topic in topics:  # <- this
        await asyncio.gather(crew.kickoff_async({"x": topic}))  # here
""",
    "gather over chunks": """
async def main(topics):
    chunks = [topics[i : i + 5] for i in range(0, len(topics), 5)]
    for chunk in chunks:  # <- this
        await asyncio.gather(*(crew.kickoff_async({"x": topic}) for topic in chunk))  # here
""",
    "gather over chunks, results kept": """
async def main(topics):
    results = []
    for i in range(0, len(topics), 5):  # <- this
        batch = topics[i : i + 5]
        results += await asyncio.gather(  # here
            *[crew.kickoff_async({"x": topic}) for topic in batch],
            return_exceptions=True,
        )
        print(f"{len(results)} of {len(topics)}")
    return results
""",
    "tasks of a chunk in a list": """
async def main(topics):
    for i in range(0, len(topics), 5):  # <- this
        tasks = [crew.kickoff_async({"x": topic}) for topic in topics[i : i + 5]]
        for output in await asyncio.gather(*tasks):  # here
            print(output.raw)
""",
    "tasks of a chunk that are appended": """
async def main(topics):
    for i in range(0, len(topics), 5):  # <- this
        tasks = []
        for topic in topics[i : i + 5]:
            tasks.append(asyncio.create_task(crew.kickoff_async({"x": topic})))  # here
        await asyncio.gather(*tasks)
""",
    "a group of tasks for each chunk": """
async def main(chunks):
    for chunk in chunks:  # <- this
        async with asyncio.TaskGroup() as group:
            for topic in chunk:
                group.create_task(crew.kickoff_async({"x": topic}))  # here
""",
    "streams one after another": """
async def main(topics):
    for topic in topics:  # <- this
        async for event in crew.stream({"x": topic}):  # here
            pass
""",
    "streams as contexts": """
async def main(topics):
    texts = []
    for topic in topics:  # <- this
        async with crew.stream({"x": topic}) as events:  # here
            async for event in events:
                texts.append(event)
""",
    "handles of runs": """
async def main(topics):
    for topic in topics:  # <- this
        async with crew.start({"x": topic}) as run:  # here
            output = await run
        print(output)
""",
    "a helper that awaits a crew": """
async def research(topic):
    output = await crew.kickoff_async({"x": topic})  # here
    return output.raw

async def main(topics):
    found = {}
    for topic in topics:  # <- this
        found[topic] = await research(topic)  # caller
    return found
""",
    "a helper of a helper": """
async def ask(text):
    return (await crew.kickoff_async({"x": text})).raw  # here

async def research(topic):
    facts = await ask("facts on " + topic)  # caller
    return facts.strip()

async def main(topics):
    texts = []
    for topic in topics:  # <- this
        texts.append(await research(topic))  # outermost
""",
    "a helper that tries again": """
async def stubborn(topic, tries=3):
    for attempt in range(tries):
        try:
            return await crew.kickoff_async({"x": topic})  # here
        except ValueError:
            await asyncio.sleep(2**attempt)
    raise RuntimeError("it does not work")

async def main(topics):
    results = []
    for topic in topics:  # <- this
        results.append(await stubborn(topic))  # caller
""",
    "a helper that only adds to a global list": """
results = []

async def research(topic):
    output = await crew.kickoff_async({"x": topic})  # here
    results.append(output.raw)

async def main(topics):
    for topic in topics:  # <- this
        await research(topic)  # caller
    print(results)
""",
    "a helper that sums up what was used": """
used = 0

async def research(topic):
    global used
    output = await crew.kickoff_async({"x": topic})  # here
    used += output.token_usage.total_tokens
    return output.raw

async def main(topics):
    for topic in topics:  # <- this
        print(await research(topic))  # caller
    print(used)
""",
    "a method that is called for each": """
class Pipeline:
    def __init__(self):
        self.crew = crew

    async def research(self, topic):
        output = await self.crew.kickoff_async({"x": topic})  # here
        return output.raw

    async def run(self, topics):
        texts = []
        for topic in topics:  # <- this
            texts.append(await self.research(topic))  # caller
        return texts
""",
    "a prompt made by a function": """
STYLE = "short"

def inputs_for(topic):
    return {"x": topic.strip(), "style": STYLE}

async def main(topics):
    for topic in topics:  # <- this
        output = await crew.kickoff_async(inputs_for(topic))  # here
        Path(topic).write_text(output.raw)
""",
    "a progress bar": """
from tqdm import tqdm

async def main(topics):
    done = []
    for topic in tqdm(topics, desc="research"):  # <- this
        output = await crew.kickoff_async({"x": topic})  # here
        done.append(output.raw)
""",
    "a progress bar that is told": """
from rich.progress import Progress

async def main(topics):
    with Progress() as progress:
        bar = progress.add_task("research", total=len(topics))
        for topic in topics:  # <- this
            await crew.kickoff_async({"x": topic})  # here
            progress.advance(bar)
""",
    "zip": """
def main(topics, styles):
    for topic, style in zip(topics, styles):  # <- this
        print(crew.kickoff({"x": topic, "style": style}).raw)  # here
""",
    "sorted and filtered": """
async def main(topics):
    for topic in sorted(filter(None, topics), key=len):  # <- this
        print(await crew.kickoff_async({"x": topic}))  # here
""",
    "items of a dict": """
async def main(books):
    summaries = {}
    for title, text in books.items():  # <- this
        summaries[title] = (await crew.kickoff_async({"text": text})).raw  # here
""",
    "rows of a file on disk": """
async def main():
    with open("leads.csv", newline="") as file:
        for row in csv.DictReader(file):  # <- this
            output = await crew.kickoff_async(row)  # here
            print(output.raw)
""",
    "lines of a file on disk": """
async def main():
    for line in Path("topics.txt").read_text().splitlines():  # <- this
        await crew.kickoff_async({"x": line})  # here
""",
    "lines of records": """
def main():
    with open("records.jsonl") as file:
        for line in file:  # <- this
            record = json.loads(line)
            print(crew.kickoff(record).raw)  # here
""",
    "all that came in before the first run": """
def main():
    for line in sys.stdin.read().splitlines():  # <- this
        print(crew.kickoff({"x": line}).raw)  # here
""",
    "files of a folder": """
async def main(folder):
    for path in sorted(Path(folder).glob("*.md")):  # <- this
        output = await crew.kickoff_async({"text": path.read_text()})  # here
        path.with_suffix(".summary").write_text(output.raw)
""",
    "a generator of inputs": """
def inputs(topics):
    for number, topic in enumerate(topics):
        yield {"x": topic, "number": number}

async def main(topics):
    for one in inputs(topics):  # <- this
        await crew.kickoff_async(one)  # here
""",
    "pages that are all there": """
async def main(pages):
    for page in pages:
        for item in page["items"]:  # <- this
            output = await crew.kickoff_async({"item": item})  # here
            print(output)
""",
    "two crews in a pass": """
async def main(topics):
    articles = []
    for topic in topics:  # <- this
        facts = await crew.kickoff_async({"x": topic})  # here
        article = await other.kickoff_async({"facts": facts.raw})
        articles.append(article.raw)
""",
    "a field of what the first one gave": """
async def main():
    for topic in ["a", "b", "c"]:  # <- this
        found = await crew.kickoff_async({"x": topic})  # here
        await other.kickoff_async({"n": json.loads(found.raw)["count"] + 0})
""",
    "a refinement for each": """
async def refined(topic):
    draft = (await crew.kickoff_async({"x": topic})).raw
    for _ in range(3):
        critique = (await other.kickoff_async({"draft": draft})).raw
        if "good" in critique:
            break
        draft = (await crew.kickoff_async({"x": topic, "critique": critique})).raw
    return draft

async def main(topics):
    drafts = []
    for topic in topics:  # <- this
        drafts.append(await refined(topic))  # caller
""",
    "map, then reduce": """
async def main(documents):
    notes = []
    for document in documents:  # <- this
        notes.append((await crew.kickoff_async({"text": document})).raw)  # here
    return await other.kickoff_async({"notes": notes})
""",
    "a comprehension over a helper": """
async def research(topic):
    return (await crew.kickoff_async({"x": topic})).raw  # here

async def main(topics):
    return [await research(topic) for topic in topics]  # caller  # <- this
""",
    "an evaluation": """
async def main(cases):
    passed = 0
    for case in cases:  # <- this
        output = await crew.kickoff_async({"question": case["question"]})  # here
        passed += case["answer"] in output.raw
    print(passed / len(cases))
""",
    "a matrix": """
async def main(models, topics):
    for name in models:
        agents = build_crew(name)
        for topic in topics:  # <- this
            output = await agents.kickoff_async({"x": topic})  # here
            print(name, topic, len(output.raw))
""",
    "a tool that only reads what is there": """
PRICES = {"tea": 3}

@tool
def price(name):
    return PRICES.get(name, 0)

async def main(topics):
    for topic in topics:  # <- this
        await crew.kickoff_async({"x": topic})  # here
""",
    "a callback that only adds to a list": """
done = []

def note(output):
    done.append(output.raw)

def build():
    return Crew(tasks=[], task_callback=note)

async def main(topics):
    built = build()
    for topic in topics:  # <- this
        await built.kickoff_async({"x": topic})  # here
    print(done)
""",
    "rows of a query": """
async def main(db):
    for (topic,) in db.execute("select topic from topics").fetchall():  # <- this
        output = await crew.kickoff_async({"x": topic})  # here
        db.execute("update topics set text = ? where topic = ?", (output.raw, topic))
""",
    "a list that is taken apart": """
async def main(topics):
    todo = list(topics)
    while todo:  # <- this
        topic = todo.pop(0)
        print(await crew.kickoff_async({"x": topic}))  # here
""",
    "a file for each that is read and written": """
async def main(folder, names):
    for name in names:  # <- this
        path = folder / f"{name}.md"
        output = await crew.kickoff_async({"text": path.read_text()})  # here
        path.write_text(output.raw)
""",
    "those whose file is there already are left out": """
import os

async def main(topics):
    for topic in topics:  # <- this
        if os.path.exists(f"{topic}.md"):
            continue
        output = await crew.kickoff_async({"x": topic})  # here
        Path(f"{topic}.md").write_text(output.raw)
""",
    "helpers for each part of a pass": """
async def research(topic):
    return (await crew.kickoff_async({"x": topic})).raw  # here

async def write(topic, facts):
    return (await other.kickoff_async({"x": topic, "facts": facts})).raw

async def main(topics):
    for topic in topics:  # <- this
        facts = await research(topic)  # caller
        print(await write(topic, facts))
""",
    "a helper in a thread that shares nothing": """
def step(topic):
    return crew.kickoff({"x": topic}).raw  # here

async def main(topics):
    for topic in topics:  # <- this
        print(await asyncio.to_thread(step, topic))  # caller
""",
    "a retry in the pass": """
async def main(topics):
    results = {}
    for topic in topics:  # <- this
        for attempt in range(3):
            try:
                results[topic] = await crew.kickoff_async({"x": topic})  # here
                break
            except ValueError:
                print("once more")
""",
    "a tool that counts on its own": """
calls = 0

@tool
def look_up(name):
    global calls
    calls += 1
    return name.upper()

async def main(topics):
    for topic in topics:  # <- this
        await crew.kickoff_async({"x": topic})  # here
    print(calls)
""",
    "an early end by a stream's own events": """
async def main(topics):
    for topic in topics:  # <- this
        async for event in crew.stream({"x": topic}):  # here
            if event.done:
                break
""",
}

BOUND = {
    "a helper that reads the global text it adds to": """
class State: text = ""
s = State()

async def step(x):
    out = await crew.kickoff_async({"x": x + str(len(s.text))})  # here
    s.text += out.raw

async def main():
    for x in "abc":
        await step(x)  # caller
""",
    "a helper that reads the global list it adds to": """
seen = []

async def step(x):
    out = await crew.kickoff_async({"x": x * len(seen)})  # here
    seen.append(out.raw)

async def main():
    for x in range(3):
        await step(x)  # caller
""",
    "the same in a comprehension": """
seen = []

async def step(x):
    out = await crew.kickoff_async({"x": x * len(seen)})  # here
    seen.append(out.raw)
    return out.raw

async def main():
    return [await step(x) for x in range(3)]  # caller
""",
    "the same in a row": """
seen = []

async def step(x):
    out = await crew.kickoff_async({"x": x * len(seen)})  # here
    seen.append(out.raw)
    return out.raw

async def main():
    a = await step(1)  # caller
    b = await step(2)
    return a + b
""",
    "the same over chunks": """
seen = []

async def step(x):
    out = await crew.kickoff_async({"x": x, "seen": seen})  # here
    seen.append(out.raw)

async def main(chunks):
    for chunk in chunks:
        await asyncio.gather(*[step(x) for x in chunk])  # caller
""",
    "a closure": """
async def main(topics):
    summary = ""

    async def step(topic):
        nonlocal summary
        summary = (await crew.kickoff_async({"x": topic, "so far": summary})).raw  # here

    for topic in topics:
        await step(topic)  # caller
""",
    "a list that is handed to a helper": """
async def step(x, seen):
    out = await crew.kickoff_async({"x": x, "seen": seen})  # here
    seen.append(out.raw)

async def main(topics):
    seen = []
    for topic in topics:
        await step(topic, seen)  # caller
""",
    "a list that is handed to a helper elsewhere": """
from steps import step

async def main(topics):
    seen = []
    for topic in topics:
        await step(topic, seen)  # here
""",
    "a default that is kept": """
async def step(x, seen=[]):
    out = await crew.kickoff_async({"x": x, "seen": seen})  # here
    seen.append(out.raw)

async def main(topics):
    for topic in topics:
        await step(topic)  # caller
""",
    "a helper two calls down": """
history = []

def prompt(topic):
    return {"x": topic, "history": "\\n".join(history)}

def remember(text):
    history.append(text)

async def step(topic):
    output = await crew.kickoff_async(prompt(topic))  # here
    remember(output.raw)

async def main(topics):
    for topic in topics:
        await step(topic)  # caller
""",
    "a prompt that reads what the body keeps": """
history = []

def prompt(topic):
    return {"x": topic, "history": "\\n".join(history)}

async def main(topics):
    for topic in topics:
        output = await crew.kickoff_async(prompt(topic))  # here
        history.append(output.raw)
""",
    "a global that a helper sets": """
last = ""

def keep(text):
    global last
    last = text

async def main(topics):
    for topic in topics:
        output = await crew.kickoff_async({"x": topic, "last": last})  # here
        keep(output.raw)
""",
    "a field of self that a method sets": """
class Book:
    async def chapter(self, title):
        output = await crew.kickoff_async({"x": title, "so far": self.summary})  # here
        self.summary = output.raw

    async def write(self, titles):
        for title in titles:
            await self.chapter(title)  # caller
""",
    "a list of self that a method adds to": """
class Book:
    def __init__(self):
        self.chapters = []

    async def chapter(self, title):
        output = await crew.kickoff_async({"x": title, "so far": self.chapters})  # here
        self.chapters.append(output.raw)

    async def write(self, titles):
        for title in titles:
            await self.chapter(title)  # caller
""",
    "a field of an object from elsewhere": """
async def main(book, titles):
    for title in titles:
        await book.chapter(title)  # here
""",
    "a generator that reads what the body stores": """
last = [0]

async def source():
    for n in range(4):
        yield n + last[0]

async def main():
    async for m in source():
        out = await crew.kickoff_async({"x": m})  # here
        last[0] = len(out.raw)
""",
    "a plain generator that reads what a helper stores": """
answers = {}

def questions():
    yield "who"
    for name in list(answers):
        yield "what does " + name

async def answer(question):
    answers[question] = (await crew.kickoff_async({"x": question})).raw  # here

async def main():
    for question in questions():
        await answer(question)  # caller
""",
    "a generator with an object of its own": """
class Interview:
    async def questions(self):
        while self.open:
            yield self.open.pop()

    async def run(self):
        async for question in self.questions():
            output = await crew.kickoff_async({"x": question})  # here
            self.open.extend(output.raw.split())
""",
    "standard input": """
def main():
    for line in sys.stdin:
        print(crew.kickoff({"x": line}).raw)  # here
""",
    "standard input under another name": """
def main():
    lines = csv.reader(sys.stdin)
    for row in lines:
        print(crew.kickoff({"x": row}).raw)  # here
""",
    "standard input with numbers": """
def main():
    for number, line in enumerate(map(str.strip, sys.stdin)):
        print(number, crew.kickoff({"x": line}).raw)  # here
""",
    "what a person types": """
def main():
    for line in iter(input, ""):
        print(crew.kickoff({"x": line}).raw)  # here
""",
    "what a generator asks a person": """
def questions():
    while line := input("> "):
        yield line

def main():
    for line in questions():
        print(crew.kickoff({"x": line}).raw)  # here
""",
    "a queue until it ends": """
def main(jobs):
    for job in iter(jobs.get, None):
        print(crew.kickoff({"x": job}).raw)  # here
""",
    "messages of a topic": """
from kafka import KafkaConsumer

def main():
    consumer = KafkaConsumer("questions")
    for record in consumer:
        print(crew.kickoff({"x": record.value}).raw)  # here
""",
    "a subscription": """
async def main(redis):
    pubsub = redis.pubsub()
    await pubsub.subscribe("questions")
    async for item in pubsub.listen():
        await crew.kickoff_async({"x": item["data"]})  # here
""",
    "changes of a folder": """
from watchfiles import awatch

async def main():
    async for changes in awatch("inbox"):
        await crew.kickoff_async({"x": str(changes)})  # here
""",
    "messages of a channel": """
async def main(channel):
    async for message in channel:
        await crew.kickoff_async({"x": message.content})  # here
""",
    "lines of another program": """
import subprocess

def main():
    process = subprocess.Popen(["tail", "-f", "log"], stdout=subprocess.PIPE)
    for line in process.stdout:
        print(crew.kickoff({"x": line}).raw)  # here
""",
    "a file that is followed": """
def follow(file):
    while True:
        line = file.readline()
        if line:
            yield line
        else:
            time.sleep(0.1)

def main():
    for line in follow(open("log")):
        print(crew.kickoff({"x": line}).raw)  # here
""",
    "a socket": """
import socket

def main():
    connection = socket.create_connection(("host", 80))
    for line in connection.makefile():
        print(crew.kickoff({"x": line}).raw)  # here
""",
    "a tool with a ledger": """
ledger = []

@tool
def book(x):
    ledger.append(1)
    return f"balance {sum(ledger)}"

async def main():
    for n in range(4):
        await crew.kickoff_async({"x": n})  # here
""",
    "one tool writes, another one reads": """
notes = {}

@tool("Remember")
def remember(key, value):
    notes[key] = value

@tool("Recall")
def recall(key):
    return notes.get(key, "")

def main(topics):
    for topic in topics:
        print(crew.kickoff({"x": topic}))  # here
""",
    "a tool with a closure": """
def make_crew():
    count = 0

    @tool
    def number(x):
        nonlocal count
        count += 1
        return str(count)

    return Crew(tools=[number])

async def main(topics):
    made = make_crew()
    for topic in topics:
        await made.kickoff_async({"x": topic})  # here
""",
    "a tool that is an object": """
from crewai.tools import BaseTool

class Cart(BaseTool):
    items: list = []

    def _run(self, item):
        self.items.append(item)
        return f"{len(self.items)} items"

async def main(topics):
    for topic in topics:
        await crew.kickoff_async({"x": topic})  # here
""",
    "a callback that changes what the inputs hold": """
seen = []

def note(output):
    seen.append(len(output.raw))

def make():
    return Crew(tasks=[Task(description="Go on from {n}", callback=note)])

async def main():
    made = make()
    for x in range(4):
        await made.kickoff_async({"x": x, "n": sum(seen)})  # here
""",
    "a tool that reads what the body keeps": """
reports = {}

@tool
def earlier(topic):
    return reports.get(topic, "")

async def main(topics):
    for topic in topics:
        reports[topic] = (await crew.kickoff_async({"x": topic})).raw  # here
""",
    "a function that a helper is given to": """
scores = []

def judge(output):
    scores.append(len(output.raw))
    return len(output.raw) > sum(scores) / len(scores), output

def build(topic):
    return Crew(tasks=[Task(topic, guardrail=judge)])

async def main(topics):
    for topic in topics:
        await build(topic).kickoff_async()  # here
""",
    "a helper that keeps a pace": """
async def paced(topic):
    output = await crew.kickoff_async({"x": topic})  # here
    await asyncio.sleep(1)
    return output

async def main(topics):
    for topic in topics:
        print(await paced(topic))  # caller
""",
    "a pace between chunks": """
async def main(chunks):
    for chunk in chunks:
        await asyncio.gather(*(crew.kickoff_async({"x": topic}) for topic in chunk))  # here
        await asyncio.sleep(60)
""",
    "a helper that asks a person": """
async def approved(topic):
    output = await crew.kickoff_async({"x": topic})  # here
    return input(f"{output.raw}: good? ") == "y"

async def main(topics):
    for topic in topics:
        print(topic, await approved(topic))  # caller
""",
    "a helper that stops all": """
async def deploy(target):
    output = await crew.kickoff_async({"x": target})  # here
    if "failed" in output.raw:
        raise SystemExit(1)

async def main(targets):
    for target in targets:
        await deploy(target)  # caller
""",
    "a cache": """
cache = {}

async def research(topic):
    if topic in cache:
        return cache[topic]
    cache[topic] = (await crew.kickoff_async({"x": topic})).raw  # here
    return cache[topic]

async def main(topics):
    for topic in topics:
        print(await research(topic))  # caller
""",
    "a checkpoint that decides": """
async def main(topics):
    done = json.loads(Path("done.json").read_text())
    for topic in topics:
        if topic in done:
            continue
        done[topic] = (await crew.kickoff_async({"x": topic})).raw  # here
        Path("done.json").write_text(json.dumps(done))
""",
    "a budget": """
async def main(topics):
    spent = 0
    for topic in topics:
        if spent > 10_000:
            print("skipped", topic)
            continue
        output = await crew.kickoff_async({"x": topic})  # here
        spent += output.token_usage.total_tokens
""",
    "a tournament": """
async def main(candidates):
    best = candidates[0]
    for candidate in candidates[1:]:
        output = await crew.kickoff_async({"a": best, "b": candidate})  # here
        if "b" in output.raw:
            best = candidate
""",
    "rounds of a debate": """
async def main(agents):
    said = []
    for agent in agents:
        output = await agent.kickoff_async("Reply to: " + str(said))  # here
        said.append(output.raw)
""",
    "a running summary": """
from functools import partial

async def main(chapters):
    summary = ""
    for chapter in chapters:
        ask = {"text": chapter, "summary": summary}
        summary = (await crew.kickoff_async(ask)).raw  # here
""",
    "levels of a plan": """
results = {}

async def carry_out(step):
    known = [results[name] for name in step.needs]
    results[step.name] = (await crew.kickoff_async({"known": known})).raw  # here

async def main(levels):
    for level in levels:
        await asyncio.gather(*(carry_out(step) for step in level))  # caller
""",
    "rounds of gather": """
async def main(crews):
    opinions = []
    for step in range(3):
        opinions = await asyncio.gather(*(c.kickoff_async({"said": opinions, "step": step}) for c in crews))  # here
""",
    "chunks until one is good": """
async def main(chunks):
    for chunk in chunks:
        outputs = await asyncio.gather(*(crew.kickoff_async({"x": topic}) for topic in chunk))  # here
        if any("found" in output.raw for output in outputs):
            break
""",
    "tasks that are made first and awaited in turn": """
async def main(topics):
    tasks = [asyncio.create_task(crew.kickoff_async({"x": topic})) for topic in topics]  # here
    for task in tasks:
        print(await task)
""",
    "tasks for all passes, gathered behind the loop": """
async def main(topics):
    tasks = []
    for topic in topics:
        tasks.append(asyncio.create_task(crew.kickoff_async({"x": topic})))  # here
    await asyncio.gather(*tasks)
""",
    "a task for each pass, awaited in the next": """
async def main(topics):
    ahead = None
    for topic in topics:
        if ahead:
            print(await ahead)
        ahead = asyncio.create_task(crew.kickoff_async({"x": topic}))  # here
    await ahead
""",
    "one group for all passes": """
async def main(topics):
    async with asyncio.TaskGroup() as group:
        for topic in topics:
            group.create_task(crew.kickoff_async({"x": topic}))  # here
""",
    "one gather": """
async def main(topics):
    return await asyncio.gather(*(crew.kickoff_async({"x": topic}) for topic in topics))  # here
""",
    "handles that are opened at once": """
async def main():
    async with crew.start({"x": 1}) as one, other.start({"x": 2}) as two:  # here
        print(await one, await two)
""",
    "a stream that somebody reads": """
async def main(topics):
    for topic in topics:
        async for event in crew.stream({"x": topic}):  # here
            print(event.text, end="", flush=True)
""",
    "a stream that is cut short by what came before": """
async def main(topics):
    seen = 0
    for topic in topics:
        async for event in crew.stream({"x": topic, "seen": seen}):  # here
            seen += 1
""",
    "a poll": """
async def main(jobs):
    for job in jobs:
        while (await crew.kickoff_async({"job": job["id"]})).raw != "done":  # here
            await asyncio.sleep(5)
""",
    "a list that grows as it is taken apart": """
async def main(start):
    todo = [start]
    while todo:
        output = await crew.kickoff_async({"x": todo.pop()})  # here
        todo.extend(output.raw.split())
""",
    "pages that hold the address of the next": """
async def main(client):
    cursor = None
    while True:
        output = await crew.kickoff_async({"cursor": cursor})  # here
        cursor = output.raw
        if not cursor:
            break
""",
    "backoff in the loop": """
async def main():
    for delay in (1, 2, 4):
        try:
            return await crew.kickoff_async({"x": delay})  # here
        except ValueError:
            await asyncio.sleep(delay)
""",
    "a chat with a history": """
async def main(questions):
    history = [{"role": "system", "content": "Be short."}]
    for question in questions:
        history.append({"role": "user", "content": question})
        output = await crew.kickoff_async({"history": history})  # here
        history.append({"role": "assistant", "content": output.raw})
""",
    "a file that the next pass reads": """
NOTES = Path("notes.md")

async def step(topic):
    output = await crew.kickoff_async({"x": topic, "notes": NOTES.read_text()})  # here
    NOTES.write_text(output.raw)

async def main(topics):
    for topic in topics:
        await step(topic)  # caller
""",
    "a helper elsewhere that reads what it writes": """
state = Path("state")

async def step(n):
    out = await crew.kickoff_async({"x": n, "h": int(state.read_text()) * 7})  # here
    state.write_text(str(len(out.raw)))
""",
    "a file that is read and written in the pass": """
async def main(topics):
    for topic in topics:
        known = Path("notes.md").read_text()
        output = await crew.kickoff_async({"x": topic, "known": known})  # here
        Path("notes.md").write_text(known + output.raw)
""",
    "a lambda that reads what is kept": """
def main(topics):
    seen = []
    ask = lambda topic: crew.kickoff({"x": topic, "seen": seen}).raw  # here
    for topic in topics:
        seen.append(ask(topic))  # caller
""",
    "a helper in a thread": """
seen = []

def step(topic):
    seen.append(crew.kickoff({"x": topic, "seen": seen}).raw)  # here

async def main(topics):
    for topic in topics:
        await asyncio.to_thread(step, topic)  # caller
""",
    "a helper that somebody else tries again": """
from retrying import with_backoff

seen = []

async def step(topic):
    seen.append((await crew.kickoff_async({"x": topic, "seen": seen})).raw)  # here

async def main(topics):
    for topic in topics:
        await with_backoff(lambda: step(topic))  # caller
""",
    "a recursion that keeps what it has visited": """
visited = set()

async def explore(name):
    if name in visited:
        return
    visited.add(name)
    output = await crew.kickoff_async({"x": name})  # here
    for link in output.raw.split():
        await explore(link)  # caller
""",
    "an object that is made in the pass": """
seen = []

class Worker:
    async def work(self, topic):
        seen.append((await crew.kickoff_async({"x": topic, "seen": seen})).raw)  # here

async def main(topics):
    for topic in topics:
        await Worker().work(topic)  # caller
""",
    "a flow with a global": """
seen = []

class Research(Flow):
    @start()
    async def research(self):
        output = await crew.kickoff_async({"x": self.state.topic, "seen": seen})
        seen.append(output.raw)

async def main(topics):
    for topic in topics:
        await Research().kickoff_async({"topic": topic})  # here
""",
    "a crew that remembers": """
chat = Crew(agents=[], tasks=[], memory=True)

async def main():
    for question in ["My name is Ann.", "What is my name?"]:
        print(await chat.kickoff_async({"question": question}))  # here
""",
    "a task that asks a person": """
approval = Crew(tasks=[Task(description="Write on {x}", human_input=True)])

def main(topics):
    for topic in topics:
        approval.kickoff({"x": topic})  # here
""",
    "a folder that all work in": """
import subprocess

async def main(issues):
    for issue in issues:
        await crew.kickoff_async({"issue": issue})  # here
        subprocess.run(["git", "commit", "-am", issue])
""",
    "a folder that is changed to": """
import os

async def main(folders):
    for folder in folders:
        os.chdir(folder)
        await crew.kickoff_async({"folder": folder})  # here
""",
    "the environment": """
import os

async def main(customers):
    for customer in customers:
        os.environ["CUSTOMER"] = customer
        await crew.kickoff_async({"x": customer})  # here
""",
    "the steps of a plan": """
async def main(plan):
    for step in plan.steps:
        await crew.kickoff_async({"step": step.text})  # here
""",
    "rounds": """
async def main(max_rounds):
    for n in range(max_rounds):
        await crew.kickoff_async({"n": n})  # here
""",
    "outcomes as they come": """
async def main(tasks):
    for task in asyncio.as_completed(tasks):
        found = await task
        await other.kickoff_async({"found": found.raw})  # here
""",
    "a listener that changes what the inputs hold": """
from crewai.events import TaskCompletedEvent, crewai_event_bus

lengths = []

@crewai_event_bus.on(TaskCompletedEvent)
def note(source, event):
    lengths.append(len(event.output.raw))

async def main(topics):
    for topic in topics:
        await crew.kickoff_async({"x": topic, "so far": sum(lengths)})  # here
""",
    "a model that counts": """
class Counting(BaseLLM):
    def __init__(self):
        self.calls = 0

    def call(self, messages, **options):
        self.calls += 1
        return str(self.calls)

async def main(topics):
    for topic in topics:
        await crew.kickoff_async({"x": topic})  # here
""",
    "the one before, behind a condition": """
async def main(topics):
    before = None
    for topic in topics:
        after = {"x": topic, "before": before.raw if before else ""}
        before = await crew.kickoff_async(after)  # here
""",
    "a run that an expression decides about": """
async def main(topics):
    last = ""
    for topic in topics:
        last = (await crew.kickoff_async({"x": topic})).raw if last != "stop" else last  # here
""",
    "a helper that hands back what it keeps": """
kept = []

def notes():
    return kept

async def main(topics):
    for topic in topics:
        output = await crew.kickoff_async({"x": topic, "notes": notes()})  # here
        notes().append(output.raw)
""",
    "a store that is asked before": """
async def main(store, topics):
    for topic in topics:
        known = await store.search(topic)
        output = await crew.kickoff_async({"x": topic, "known": known})  # here
        await store.insert(output.raw)
""",
    "state that goes through a helper and comes back": """
from steps import advance

async def main(topics):
    state = start()
    for topic in topics:
        state = await advance(state, topic)
        await crew.kickoff_async({"x": topic, "state": state})  # here
""",
}
