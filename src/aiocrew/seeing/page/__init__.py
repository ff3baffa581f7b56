"""The lanes page: one HTML file that shows what runs did, when, and what stood in their way."""

from __future__ import annotations

from aiocrew.seeing.page.packing import event_json
from aiocrew.seeing.page.render import render_page, save_page

__all__ = ["event_json", "render_page", "save_page"]
