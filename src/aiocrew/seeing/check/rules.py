"""Every rule of the checker, by its code, and how a rule is put into words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from aiocrew.seeing.check.rule import Rule
from aiocrew.seeing.check.rules_doors import DOOR_RULES
from aiocrew.seeing.check.rules_order import ORDER_RULES
from aiocrew.seeing.check.rules_waits import WAIT_RULES

__all__ = ["RULES", "explained", "is_selected", "rule_table"]

_UNREADABLE = Rule(
    code="AIC001",
    name="A file that was not checked",
    why=(
        "It cannot be parsed, decoded or read, is nested too deeply, or is larger than 2,000,000 bytes. The "
        "message says which. It counts as a finding, so that a check that saw nothing does not pass; no "
        "comment ignores it. A file in which `crew`, `kickoff` and `aexecute_sync` are nowhere written is passed "
        "over, readable or not."
    ),
    bad="""\
from aiocrew import Crew

crew = Crew(agents=[], tasks=[]
""",
    good="""\
from aiocrew import Crew

crews: list[Crew] = []
""",
)

RULES: Mapping[str, Rule] = MappingProxyType(
    {rule.code: rule for rule in sorted((_UNREADABLE, *DOOR_RULES, *WAIT_RULES, *ORDER_RULES), key=lambda r: r.code)}
)
"""By code, in order."""


def explained(rule: Rule) -> str:
    """Return a rule as Markdown: what it is, why, and both examples."""
    return (
        f"### {rule.code}: {rule.name}\n\n{rule.why}\n\n"
        f"Bad:\n\n```py\n{rule.bad}```\n\nGood:\n\n```py\n{rule.good}```\n"
    )


def rule_table() -> str:
    """Return the Markdown table of all rules."""
    rows = [f"| [{rule.code}](#{_anchor(rule)}) | {rule.name} |" for rule in RULES.values()]
    return "\n".join(["| code | fault |", "|---|---|", *rows]) + "\n"


def _anchor(rule: Rule) -> str:
    heading = f"{rule.code}: {rule.name}".lower()
    return "".join(letter for letter in heading.replace(" ", "-") if letter.isalnum() or letter in "-_")


def is_selected(code: str, *, select: Collection[str], ignore: Collection[str]) -> bool:
    """Whether findings of `code` are wanted; AIC4 stands for all codes that begin so, and an empty `select` for all."""
    wanted = not select or code.startswith(tuple(select))
    return wanted and not code.startswith(tuple(ignore))
