"""What most would write: a Celery task that posts to Venice. `kills.py` runs it beside ours.

PLAIN_LATE: acknowledge after the task (acks_late, reject_on_worker_lost), else before, as Celery
does by itself. PLAIN_VISIBILITY: seconds after which Redis' messages that nobody acknowledged are
given out again. PLAIN_DONE: a folder that gets a file for each task that came to its end.
"""

import os
import re
from pathlib import Path

import httpx
from celery import Celery

app = Celery("plain_celery", broker=os.environ["REDIS_URL"])
is_late = os.environ["PLAIN_LATE"] == "1"
app.conf.update(
    task_acks_late=is_late,
    task_reject_on_worker_lost=is_late,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    broker_transport_options={"visibility_timeout": int(os.environ["PLAIN_VISIBILITY"])},
)


@app.task(name="paint", ignore_result=True)
def paint(prompt: str) -> None:
    answer = httpx.post(
        f"{os.environ['VENICE_BASE_URL']}/image/generate",
        headers={"Authorization": f"Bearer {os.environ['VENICE_API_KEY']}"},
        json={"model": "z-image-turbo", "prompt": prompt, "width": 64, "height": 64},
        timeout=180,
        trust_env=False,
    )
    answer.raise_for_status()
    job = re.findall(r"job-\d+", prompt)[0]
    (Path(os.environ["PLAIN_DONE"]) / job).touch()
