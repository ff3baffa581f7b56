"""Odd programs: clean ones, and ones with one line that keeps runs from going on side by side."""
