"""What the engine costs, side by side with a bare aiohttp loop: `python -m benchmarks`; see README.md here."""
