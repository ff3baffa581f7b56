"""Crews behind HTTP."""
