"""Executor: one hand on the money. Starting is recovering; from then on it enters, protects, leaves and accounts."""

from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import SystemClock
from libs.common.health import Health
from libs.common.http import serve_http
from libs.common.locks.redis_locks import RedisLocks
from libs.common.logs import configure_logs
from libs.common.process import instance_name, run, settle
from services.executor.adapters.ledger import Ledger
from services.executor.adapters.rest import executor_app
from services.executor.adapters.venue import open_trading
from services.executor.service import Executor
from services.executor.settings import ExecutorSettings
from services.executor.shell.desk import Desk

NAME = "executor"


async def main() -> None:
    settings = ExecutorSettings.load()
    configure_logs(NAME, settings.service)
    name, home, clock = instance_name(NAME, settings.service.instance), settings.service.home, SystemClock()
    url, prefix, health = settings.redis.url.get_secret_value(), settings.redis.prefix, Health(NAME, name)
    ledger = Ledger.open(settings.executor.ledger_url.get_secret_value(), home=home)
    async with (
        open_trading(settings.endpoint, settings.keys, clock, name) as trading,
        RedisBus.connect(url, prefix=prefix, service=NAME, instance=name, cursors=home / "cursors", clock=clock) as bus,
        RedisLocks.connect(url, prefix=prefix, clock=clock) as locks,
    ):
        executor = Executor(Desk(trading, ledger, locks, clock, settings.figures, name, health), bus)
        app = executor_app(executor.desk, bus, settings.api, home, executor.rebuild.run)
        async with serve_http(app, host=settings.api.host, port=settings.port, name=name, home=home, clock=clock):
            settle()
            await executor.run()


if __name__ == "__main__":
    run(main, service=NAME)
