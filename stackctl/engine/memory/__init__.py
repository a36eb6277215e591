"""An engine in dictionaries: for tests and dry lessons."""

from stackctl.engine.memory.commands import Behaviour
from stackctl.engine.memory.memory_engine import MemoryEngine

__all__ = ["Behaviour", "MemoryEngine"]
