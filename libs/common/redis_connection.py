"""One way to open Redis, so that time-outs and retries are the same for bus, locks and leases."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from libs.common.errors import Misconfigured

ANSWER_WITHIN_S = 5.0  # longer than any blocking read asks for


def open_redis(url: str) -> Redis:
    """Return a client for `url`; nothing is sent yet, so a Redis that is down is no error here.

    One retry at once heals a pooled connection that died with a restarted server; waiting is the caller's.
    Raises Misconfigured when there is no URL or none that can be read.
    """
    if not url:
        raise Misconfigured(
            "redis.url is empty: start with `ironkeel up`, or set IRONKEEL_REDIS__URL=redis://host:6379"
        )
    try:
        return Redis.from_url(
            url,
            decode_responses=False,
            socket_timeout=ANSWER_WITHIN_S,
            retry=Retry(NoBackoff(), 1),
        )
    except ValueError as error:
        raise Misconfigured(f"redis.url: {error}; allowed are redis://, rediss:// and unix://") from error
