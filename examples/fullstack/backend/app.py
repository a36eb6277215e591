"""The guestbook's API: messages in Postgres, and in Redis a number: how often they were read."""

import os

import psycopg
import redis
from flask import Flask, request

DATABASE_URL = os.environ["DATABASE_URL"]
MAX_LENGTH = 200  # characters
SCHEMA_LOCK = 1  # any number that all replicas agree on

app = Flask(__name__)
cache = redis.Redis.from_url(os.environ["REDIS_URL"], socket_connect_timeout=2, socket_timeout=2)


def connect():
    """Return a connection that commits and closes at the end of its `with` block."""
    return psycopg.connect(DATABASE_URL, connect_timeout=5)


def create_table():
    with connect() as connection:
        # Two sessions that create the table at once can both find nothing, and one of them fails.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [SCHEMA_LOCK])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS messages (id bigserial PRIMARY KEY, text text NOT NULL)"
        )


@app.get("/api/messages")
def messages():
    with connect() as connection:
        rows = connection.execute("SELECT id, text FROM messages ORDER BY id DESC LIMIT 100").fetchall()
    return {
        "messages": [{"id": number, "text": text} for number, text in rows],
        "reads": cache.incr("reads"),
    }


@app.post("/api/messages")
def add_message():
    text = request.form.get("text", "").strip()
    if not 0 < len(text) <= MAX_LENGTH:
        return {"error": f"a message needs 1 to {MAX_LENGTH} characters"}, 400
    with connect() as connection:
        added = connection.execute("INSERT INTO messages (text) VALUES (%s) RETURNING id", [text])
        number = added.fetchone()[0]
    return {"id": number, "text": text}, 201


@app.get("/api/health")
def health():
    with connect() as connection:
        connection.execute("SELECT 1")
    cache.ping()
    return {"database": "ok", "cache": "ok"}


@app.errorhandler(psycopg.Error)
def database_failed(error):
    return {"error": f"database: {error}"}, 503


@app.errorhandler(redis.RedisError)
def cache_failed(error):
    return {"error": f"cache: {error}"}, 503


create_table()
