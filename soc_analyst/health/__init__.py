"""Whether everything that an investigation needs works, and what to do where it does not.

>>> checkup = await examine(Context(workspace="azure:…"))
>>> checkup.exit_status, [(step.step, step.status) for step in checkup.steps]
"""

from .checkup import Checkup, StepResult, TableHealth
from .walking import STEPS, examine, walk

__all__ = ["STEPS", "Checkup", "StepResult", "TableHealth", "examine", "walk"]
