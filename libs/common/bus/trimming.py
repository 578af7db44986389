"""Keeping streams short by count, without ever dropping what a group has not finished.

A count alone drops unread entries (peers.md 35); a group's position alone lets a stream grow with a dead reader.
So a work stream keeps its newest N entries and everything that any group still needs.
"""

from typing import Any, Final

from redis.asyncio import Redis

from libs.common.bus.entries import before, earliest, order_of

_AT_ONCE: Final = 1_000  # entries looked at in one go


async def finished(redis: Redis, key: str, group: str, last_delivered: str, pending: int) -> str:
    """Return the id up to which `group` has acknowledged everything."""
    if not pending:
        return last_delivered
    summary = await redis.xpending(key, group)
    lowest = summary["min"]
    return before(lowest.decode()) if lowest else last_delivered


async def finished_by_group(redis: Redis, key: str) -> dict[str, str]:
    """Group name -> id up to which it is done; {} when nobody reads the stream, or there is none."""
    if not await redis.exists(key):
        return {}
    return {
        group["name"].decode(): await finished(
            redis, key, group["name"].decode(), group["last-delivered-id"].decode(), group["pending"]
        )
        for group in await redis.xinfo_groups(key)
    }


async def trim_work(redis: Redis, key: str, *, keep: int) -> int:
    """Drop what is both older than the newest `keep` entries and finished by every group; return how many."""
    excess = min(await redis.xlen(key) - keep, _AT_ONCE)
    if excess <= 0:
        return 0
    oldest: Any = await redis.xrange(key, count=excess + 1)
    by_count = oldest[-1][0].decode()  # the first entry that the count lets stay
    done = await finished_by_group(redis, key)
    slowest = earliest(done.values()) if done else by_count
    floor = by_count if order_of(by_count) <= order_of(slowest) else slowest
    return int(await redis.xtrim(key, minid=floor, approximate=False))


async def forget_idle_consumers(redis: Redis, key: str, group: str, *, idle_ms: int) -> None:
    """Strike off consumers that hold nothing and have not been heard of: replicas come under new names for ever."""
    for consumer in await redis.xinfo_consumers(key, group):
        if consumer["pending"] == 0 and consumer["idle"] > idle_ms:
            await redis.xgroup_delconsumer(key, group, consumer["name"])
