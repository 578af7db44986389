"""What postmortem reads of the settings."""

from __future__ import annotations

from dataclasses import dataclass

from libs.common.process import instance_name
from libs.common.settings import load
from libs.common.settings.sections import (
    ApiSection,
    PortsSection,
    PostmortemSection,
    RedisSection,
    ServiceSection,
)


@dataclass(frozen=True, slots=True)
class PostmortemSettings:
    service: ServiceSection
    redis: RedisSection
    postmortem: PostmortemSection
    api: ApiSection
    ports: PortsSection

    @classmethod
    def load(cls) -> PostmortemSettings:
        """Read file and environment; raises Misconfigured naming everything that is wrong."""
        every = load()
        return cls(every.service, every.redis, every.postmortem, every.api, every.ports)

    @property
    def executor_url(self) -> str:
        """Where the executor's REST is: set, or beside us on this machine."""
        return self.postmortem.executor_url or f"http://127.0.0.1:{self.ports.base}"

    @property
    def instance(self) -> str:
        """The name of this process among its replicas."""
        return instance_name("postmortem", self.service.instance)
