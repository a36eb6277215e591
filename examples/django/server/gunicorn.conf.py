"""Settings that gunicorn reads from its working directory."""

import time

WATCHES_SET = 0.1  # seconds after which the reloader's thread watches every directory


def post_worker_init(worker):
    """Let --reload watch the code before the first request imports the views: an edit in between would go unseen."""
    if worker.cfg.reload:
        time.sleep(WATCHES_SET)
