"""Predictor: judge every closed candle, and advise an entry when the timeframes agree."""

from libs.common.bus.redis_streams import RedisBus
from libs.common.clock import SystemClock
from libs.common.health import Health, health_app
from libs.common.http import serve_http
from libs.common.locks.redis_locks import RedisLeases
from libs.common.logs import configure_logs
from libs.common.process import instance_name, run
from services.predictor.adapters.decisions_api import decision_routes
from services.predictor.adapters.policies import prepare_policy
from services.predictor.service import Predictor, predict
from services.predictor.settings import PredictorSettings

NAME = "predictor"


async def main() -> None:
    settings = PredictorSettings.load()
    configure_logs(NAME, settings.service)
    name, home, clock = instance_name(NAME, settings.service.instance), settings.service.home, SystemClock()
    url, prefix = settings.redis.url.get_secret_value(), settings.redis.prefix
    health = Health(NAME, name)
    app = health_app(health)
    async with (
        serve_http(app, host=settings.api.host, port=settings.port, name=name, home=home, clock=clock),
        RedisBus.connect(url, prefix=prefix, service=NAME, instance=name, cursors=home / "cursors", clock=clock) as bus,
        RedisLeases.connect(url, prefix=prefix, service=NAME, instance=name, clock=clock) as leases,
    ):
        predictor = Predictor(await prepare_policy(settings, bus=bus, health=health), settings.patience_ms)
        app.include_router(decision_routes(predictor.verdicts, predictor.counts))
        health.watch(bus, predictor.reads)
        await predict(predictor, bus=bus, leases=leases, clock=clock, health=health)


if __name__ == "__main__":
    run(main, service=NAME)
