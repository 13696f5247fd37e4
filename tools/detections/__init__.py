"""Detections: Sigma rules and statistics over the rows of a case."""

from .engine import Examination, detect, examine
from .ruleset import CompiledRule, RuleFault, RuleSet, load_rules

__all__ = ["CompiledRule", "Examination", "RuleFault", "RuleSet", "detect", "examine", "load_rules"]
