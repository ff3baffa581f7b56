"""Where CrewAI keeps UsageMetrics."""
