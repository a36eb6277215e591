"""Counts visits twice: as rows in Postgres, which a volume keeps, and as a number in Redis, which nothing keeps."""

import os

import psycopg
import redis
from flask import Flask
from psycopg_pool import ConnectionPool

SCHEMA_LOCK = 1  # any number that all replicas agree on


def create_table(connection: psycopg.Connection) -> None:
    """Create the table if it is not there, one connection at a time.

    Two sessions that run CREATE TABLE IF NOT EXISTS at once can both find nothing, and one of them fails.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [SCHEMA_LOCK])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS visits (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"
        )


app = Flask(__name__)
# The pool connects in the background and replaces connections that a restarted Postgres has closed.
database = ConnectionPool(
    os.environ["DATABASE_URL"],
    min_size=1,
    max_size=4,
    timeout=5,  # seconds that a request waits for a connection
    reconnect_timeout=5,  # then the next request tries anew
    configure=create_table,
    check=ConnectionPool.check_connection,
    open=True,
)
cache = redis.Redis.from_url(os.environ["REDIS_URL"], socket_connect_timeout=2, socket_timeout=2)


@app.get("/")
def visit():
    with database.connection() as connection:
        connection.execute("INSERT INTO visits DEFAULT VALUES")
        rows = connection.execute("SELECT count(*) FROM visits").fetchone()[0]
    return {"postgres": {"visits": rows}, "redis": {"visits": cache.incr("visits")}}


@app.get("/health")
def health():
    with database.connection() as connection:
        connection.execute("SELECT 1")
    cache.ping()
    return {"postgres": "ok", "redis": "ok"}


@app.errorhandler(psycopg.Error)
def postgres_failed(error):
    return {"error": f"postgres: {error}"}, 503


@app.errorhandler(redis.RedisError)
def redis_failed(error):
    return {"error": f"redis: {error}"}, 503
