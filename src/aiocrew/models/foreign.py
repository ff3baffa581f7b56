"""What others offer as a model, taken for llm=: CrewAI's protocol, LangChain's, and objects that only name a model."""

from __future__ import annotations

from typing import Any, cast

from aiocrew.errors import BlueprintError
from aiocrew.models.foreign_base import ForeignModel
from aiocrew.models.llm import LLM
from aiocrew.types.ports import Model

__all__ = ["ForeignModel", "adopted", "in_its_own_way"]


def adopted(llm: Any) -> str | LLM | Model:
    """Return what an agent holds for `llm`: itself where it is a name, an LLM or a Model.

    None gives the LLM that the environment names; LangChain's ChatOpenAI an LLM with its parameters, so that its calls
    go by our own wire; an object with `call` or `acall`, or with `invoke` or `ainvoke`, a Model around it; one that has
    just `model_name`, `model` or `deployment_name` an LLM of that name. Raises BlueprintError for anything else.
    """
    if llm is None:
        return LLM.of_environment()
    if isinstance(llm, str | LLM):
        return llm
    if isinstance(llm, type):
        raise BlueprintError(_not_a_model(llm))
    if callable(getattr(llm, "reply", None)):
        return cast("Model", llm)
    # Here and below, because only who has others' models needs it.
    from aiocrew.models.foreign_calls import CallingModel
    from aiocrew.models.foreign_chat import ChatObject
    from aiocrew.models.foreign_names import from_chat_openai, from_names

    taken = from_chat_openai(llm) or CallingModel.around(llm) or ChatObject.around(llm) or from_names(llm)
    if taken is None:
        raise BlueprintError(_not_a_model(llm))
    return taken


def in_its_own_way(llm: LLM) -> ForeignModel | None:
    """Return the model around an LLM whose class has a `call` or `acall` of its own; None for any other."""
    if not llm.answers_itself():
        return None
    from aiocrew.models.foreign_calls import CallingModel

    return CallingModel(llm)


def _not_a_model(llm: Any) -> str:
    what = f"the class {llm.__name__}" if isinstance(llm, type) else f"a {type(llm).__name__}"
    return (
        f"llm= takes a name such as 'openai/gpt-4o-mini', an LLM(...), an object with "
        f"`async def reply(self, request)`, CrewAI's `call` or LangChain's `invoke`; this is {what}"
    )
