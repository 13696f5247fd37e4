"""The catalogue of models, read once from catalogue.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import model_validator

from soc_analyst.state.base import Value

__all__ = ["Catalogue", "Model", "catalogue"]

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}\Z")


class Model(Value):
    """What a model takes and can do; `input` and `output` in tokens."""

    input: int
    output: int
    can: tuple[Literal["structured", "tools", "reasoning", "images"], ...]
    role: tuple[Literal["plan", "analyse"], ...]
    encoding: Literal["o200k_base", "cl100k_base"] = "o200k_base"


class Catalogue(Value):
    """The known models by name, the most able first, and the one that is taken where none is named."""

    default: str
    models: Mapping[str, Model]

    def known(self, name: str) -> str | None:
        """Return the name under which a model is known here: its own, or that of which it is a dated snapshot."""
        plain = _SNAPSHOT.sub("", name)
        return name if name in self.models else plain if plain in self.models else None

    @model_validator(mode="after")
    def _default_is_known(self) -> Catalogue:
        if self.default not in self.models:
            raise ValueError(f"the default {self.default} is not among the models")
        return self


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Return the catalogue of this package."""
    return Catalogue.model_validate(yaml.safe_load(Path(__file__).with_name("catalogue.yaml").read_text("utf-8")))
