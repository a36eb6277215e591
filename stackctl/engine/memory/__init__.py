"""An engine in memory: for tests, and for trying plans without Docker."""

from stackctl.engine.memory.commands import Behaviour
from stackctl.engine.memory.memory_engine import MemoryEngine

__all__ = ["Behaviour", "MemoryEngine"]
