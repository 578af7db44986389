"""Who wants to hear which topic."""

from collections.abc import Collection, Iterable
from typing import Generic, TypeVar

from services.paper_exchange.core.dialect.topics import Topic

Listener = TypeVar("Listener")
Kind = TypeVar("Kind", bound=Topic)


class Subscriptions(Generic[Listener]):
    """Audiences by topic, topics by kind: a stream looks only at its own."""

    def __init__(self) -> None:
        self._audiences: dict[type[object], dict[Topic, dict[Listener, None]]] = {}

    def add(self, topic: Topic, listener: Listener) -> None:
        self._audiences.setdefault(type(topic), {}).setdefault(topic, {})[listener] = None

    def drop(self, topic: Topic, listener: Listener) -> None:
        topics = self._audiences.get(type(topic), {})
        audience = topics.get(topic, {})
        audience.pop(listener, None)
        if not audience:
            topics.pop(topic, None)

    def audience(self, topic: Topic) -> Collection[Listener]:
        """Those who want `topic`, first come first."""
        return self._audiences.get(type(topic), {}).get(topic, {}).keys()

    def of(self, kind: type[Kind]) -> list[Kind]:
        """The topics of a kind that somebody wants."""
        return [topic for topic in self._audiences.get(kind, {}) if isinstance(topic, kind)]

    def topics(self, listener: Listener) -> Iterable[Topic]:
        """The topics that `listener` wants."""
        return [
            topic for topics in self._audiences.values() for topic, audience in topics.items() if listener in audience
        ]
