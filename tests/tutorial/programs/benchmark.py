import asyncio
import time
from crewai import Agent, Crew, Task, Process

def build_timing_crew(label: str) -> Crew:
    agent = Agent(
        role="Timer",
        goal=f"Say '{label} done' and nothing else.",
        backstory="You respond exactly as instructed.",
        verbose=False,
    )
    task = Task(
        description=f"Reply with exactly: {label} done",
        expected_output=f"{label} done",
        agent=agent,
    )
    return Crew(agents=[agent], tasks=[task], process=Process.sequential, verbose=False)


async def benchmark():
    crews = [build_timing_crew(f"crew-{i}") for i in range(4)]

    start = time.perf_counter()
    await asyncio.gather(*[c.kickoff_async() for c in crews])
    parallel_time = time.perf_counter() - start

    crews2 = [build_timing_crew(f"crew-{i}") for i in range(4)]

    start = time.perf_counter()
    for c in crews2:
        await c.kickoff_async()  # sequential awaits
    sequential_time = time.perf_counter() - start

    print(f"Parallel: {parallel_time:.1f}s")
    print(f"Sequential: {sequential_time:.1f}s")
    print(f"Speedup: {sequential_time / parallel_time:.1f}x")


asyncio.run(benchmark())
