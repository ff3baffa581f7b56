"""Routes and callbacks of a project on aiocrew."""

import asyncio

import psycopg2
from fastapi import APIRouter, FastAPI
from redis import Redis
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

import aiocrew as ac
from aiocrew import LLM, Crew

app, router = FastAPI(), APIRouter()
engine = create_engine("postgresql://db/news")
Session = sessionmaker(engine)
cache = Redis()
judge = LLM("openai/gpt-4o-mini")


def make_crew(topic: str) -> Crew:
    return ac.Crew(agents=[], tasks=[])


@app.post("/news")
async def news(topic: str) -> str:
    crew = make_crew(topic)
    return crew.kickoff({"topic": topic}).raw  # expect: AIC101


@router.get("/many")
async def many(topics: list[str]) -> list[str]:
    outputs = make_crew("").kickoff_for_each([{"topic": topic} for topic in topics])  # expect: AIC102
    return [output.raw for output in outputs]


@app.get("/plain")
def plain(topic: str) -> str:
    return make_crew(topic).kickoff().raw


@app.get("/grade")
async def grade(text: str) -> str:
    known = cache.get(text)  # expect: AIC203
    return known or judge.call(f"Grade: {text}")  # expect: AIC103


def kick_off_and_store(topic: str) -> str:
    return stored(make_crew(topic).kickoff().raw)


def stored(text: str) -> str:
    with psycopg2.connect("dbname=news") as connection:
        connection.cursor().execute("INSERT INTO news VALUES (%s)", (text,))
    return text


@app.post("/stored")
async def keep(topic: str) -> str:
    await asyncio.to_thread(kick_off_and_store, topic)
    return kick_off_and_store(topic)  # expect: AIC101


async def on_task(output: ac.TaskOutput) -> None:
    with Session() as session:
        session.execute("INSERT INTO outputs VALUES (:raw)", {"raw": output.raw})  # expect: AIC203
        session.commit()  # expect: AIC203
    stored(output.raw)  # expect: AIC203


async def approve(output: ac.TaskOutput) -> tuple[bool, str]:
    return input(output.raw) == "y", output.raw  # expect: AIC205


crew = Crew(agents=[], tasks=[ac.Task(description="", expected_output="", guardrail=approve)], task_callback=on_task)


async def talk() -> None:
    while True:
        print(await crew.kickoff_async({"topic": input("> ")}))


async def wrong_door() -> str:
    return (await crew.kickoff()).raw  # expect: AIC101


async def nested() -> None:
    asyncio.run(crew.kickoff_async())  # expect: AIC104
    loop = asyncio.new_event_loop()
    loop.run_until_complete(crew.kickoff_async())  # expect: AIC104


async def meant() -> None:
    crew.kickoff()  # aiocrew: ignore[AIC101]  nothing else runs yet
    crew.kickoff(  # aiocrew: ignore
        {"topic": "a"},
    )
    crew.kickoff()  # aiocrew: ignore[AIC102, AIC301]  # expect: AIC101


def main() -> None:
    asyncio.run(talk())
    print(crew.kickoff())
