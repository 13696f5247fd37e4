"""Language models: which there are, how they are named, and which of them a policy allows."""

from .allowing import model_is_allowed, require_allowed
from .catalogue import Catalogue, Model, catalogue
from .keys import Keys, require_keys
from .spec import ModelSpec, is_loopback, parse_model_spec

__all__ = [
    "Catalogue",
    "Keys",
    "Model",
    "ModelSpec",
    "catalogue",
    "is_loopback",
    "model_is_allowed",
    "parse_model_spec",
    "require_allowed",
    "require_keys",
]
