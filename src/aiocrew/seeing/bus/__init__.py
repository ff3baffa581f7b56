"""CrewAI's events: its classes, its bus, and what tells them of aiocrew's runs."""
