"""Tools that may be given, when they are made, what a model names at each call otherwise: a path, an address."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, model_validator

from aiocrew.tools.base import BaseTool

__all__ = ["TakesGiven"]


class TakesGiven(BaseTool):
    """A tool that a model sees otherwise, with other arguments and another description, where something was given."""

    @model_validator(mode="after")
    def _fit_to_given(self) -> TakesGiven:
        for name, value in self._fitted().items():
            if self._has_default(name):
                vars(self)[name] = value  # past __setattr__: the author of a subclass may have frozen it
        return self

    def _fitted(self) -> Mapping[str, type[BaseModel] | str | None]:
        """Return the fields that change because something was given; none where nothing was."""
        raise NotImplementedError

    def _has_default(self, name: str) -> bool:
        """Return whether nobody, the author of a subclass included, has written something of their own."""
        kinds = [kind for kind in type(self).__mro__ if issubclass(kind, TakesGiven)]
        shipped = next(kind for kind in kinds if kind.__module__.startswith(f"{__package__}."))
        as_shipped = type(self).model_fields[name].default == shipped.model_fields[name].default
        return as_shipped and name not in self.model_fields_set
