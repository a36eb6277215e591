from redis import Redis

from shop.settings import settings

cache = Redis(settings.cache.host, settings.cache.port)


def visit(page: str) -> int:
    return cache.incr(page)
