"""Whichever carries messages, what it raises while it is away is an outage and no accident."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.config import Settings
from shared.delivery import queues, relay
from shared.delivery.broker_errors import BROKER_ERRORS
from shared.delivery.worker import make_celery
from shared.ids import new_id


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken, and at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize(
    "how",
    [{"queue_url": "amqp://u:p@127.0.0.1:{port}/v"}, {"broker_url": "redis://127.0.0.1:{port}/0"}],
)
def test_one_that_is_away_is_told_by_what_everybody_catches(settings: Settings, closed_port, how):
    told = {name: value.format(port=closed_port) for name, value in how.items()}
    celery = make_celery("try", [], replace(settings, **told))
    with pytest.raises(BROKER_ERRORS):
        celery.send_task(queues.SEND_LETTERS, queue=queues.CLOCK, retry=False)
    offer = relay.Offer(new_id(), queues.CHECK, queues.CHECKS, 12)
    assert relay._send(celery, offer) is False


def test_messages_go_by_rabbitmq_where_it_is_named_and_the_bell_by_the_broker(settings: Settings):
    url = "amqp://u:p@h:5672/v"
    named = replace(settings, queue_url=url)
    assert named.celery_broker_url == url
    assert named.broker_url == settings.broker_url
