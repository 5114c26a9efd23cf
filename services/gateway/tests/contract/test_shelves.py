"""The twins in memory keep what the Redis shelves promise."""

from shelves_suite import IndexSuite, IntentsSuite, LogSuite
from storyreel_gateway.adapters.memory import MemoryFilmLog, MemoryIndex, MemoryIntents


class TestMemoryLog(LogSuite):
    def log(self) -> MemoryFilmLog:
        return MemoryFilmLog()


class TestMemoryIndex(IndexSuite):
    def index(self) -> MemoryIndex:
        return MemoryIndex()


class TestMemoryIntents(IntentsSuite):
    def intents(self) -> MemoryIntents:
        return MemoryIntents()
