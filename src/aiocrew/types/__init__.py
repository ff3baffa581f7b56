"""Frozen records and ports: what passes between the floors, and what they ask of each other."""
