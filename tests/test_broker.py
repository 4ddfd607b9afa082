"""The folder broker: no message is read before it is whole, and each is read once."""

import threading
from queue import Empty

import pytest
from kombu import Connection

from veniceweb import broker


@pytest.fixture
def channel(tmp_path):
    (tmp_path / "control").mkdir()
    options = {
        "data_folder_in": str(tmp_path),
        "data_folder_out": str(tmp_path),
        "control_folder": str(tmp_path / "control"),
    }
    connection = Connection(f"{broker.SCHEME}://localhost//", transport_options=options)
    yield connection.channel()
    connection.release()


def test_messages_come_in_their_order_and_once(channel):
    for number in range(50):
        channel._put("celery", {"number": number})
    assert [channel._get("celery")["number"] for _ in range(50)] == list(range(50))
    with pytest.raises(Empty):
        channel._get("celery")


def test_queues_do_not_mix(channel):
    channel._put("one", {"for": "one"})
    channel._put("two", {"for": "two"})
    assert channel._get("two") == {"for": "two"}
    assert channel._get("one") == {"for": "one"}


def test_a_broken_message_is_passed_over(channel, tmp_path):
    (tmp_path / "0_x.celery.msg").write_bytes(b"")
    (tmp_path / "1_x.celery.msg").write_bytes(b"{half")
    channel._put("celery", {"good": True})
    assert channel._get("celery") == {"good": True}


def test_an_unfinished_message_is_not_seen(channel, tmp_path):
    (tmp_path / ".abc.draft").write_bytes(b"{")
    with pytest.raises(Empty):
        channel._get("celery")


def test_writers_and_readers_at_once_lose_and_double_nothing(tmp_path, channel):
    found, lock = [], threading.Lock()
    done = threading.Event()
    others = [channel.connection.client.clone().channel() for _ in range(4)]

    def write():
        for number in range(100):
            channel._put("celery", {"number": number})
        done.set()

    def read(mine):
        while True:
            was_done = done.is_set()
            try:
                message = mine._get("celery")
            except Empty:
                if was_done:
                    return
                continue
            with lock:
                found.append(message["number"])

    threads = [threading.Thread(target=read, args=(other,)) for other in others]
    threads.append(threading.Thread(target=write))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(100))


def test_a_binding_is_kept_once(channel):
    for _ in range(3):
        channel._queue_bind("celery", "celery", "", "celery")
    assert len(channel.get_table("celery")) == 1


def test_celery_uses_the_broker_that_the_settings_name(settings):
    import os

    from veniceweb.celery import app

    expected = "redis://" if os.environ.get("REDIS_URL") else f"{broker.SCHEME}://"
    with app.connection() as connection:
        assert connection.as_uri().startswith(expected)
    assert app.conf.worker_pool == "threads"
    assert app.conf.task_ignore_result
