"""Runs tests that CrewAI 0.80.0 brings along with aiocrew's compat member in CrewAI's place.

`python -m scripts.compat` fetches CrewAI's source distribution once (nothing of it is kept in this repository), serves
the replies that its tests recorded from a loopback server, and prints a table. See docs/compat.md.
"""
