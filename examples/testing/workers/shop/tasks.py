import os

from celery import Celery

app = Celery("shop", broker=os.environ["CACHE_URL"], backend=os.environ["CACHE_URL"])


@app.task
def total(prices):
    return sum(prices)
