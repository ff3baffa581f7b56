from pydantic import BaseModel, Field


class Finding(BaseModel):
    claim: str
    source: str = Field(description="Where it was read")


class ResearchBrief(BaseModel):
    """What the newsroom knows about a topic."""

    headline: str
    findings: list[Finding]


class Verdict(BaseModel):
    """What the editor thinks of an article."""

    title: str
    score: int = Field(ge=0, le=10)
