"""Detections: Sigma rules and statistics over the rows of a case."""

from .engine import Examination, detect, examine, fired_again
from .ruleset import CompiledRule, RuleFault, RuleSet, load_rules

__all__ = ["CompiledRule", "Examination", "RuleFault", "RuleSet", "detect", "examine", "fired_again", "load_rules"]
