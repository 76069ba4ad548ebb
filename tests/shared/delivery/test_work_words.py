"""What work is called and why it was given up: no name of a task where there is a word."""

from shared.delivery import queues, work_words
from shared.delivery.queues import Consumer


def test_every_consumer_has_a_word_of_ours():
    consumers = [each for each in vars(queues).values() if isinstance(each, Consumer)]
    assert len(consumers) > 8
    named = {each.name: work_words.name_work(each.name) for each in consumers}
    assert [name for name, word in named.items() if word == name] == []
    assert work_words.name_work("unknown.work") == "unknown.work"


def test_where_nobody_was_left_to_say_why_it_is_said_here():
    assert work_words.say_error(work_words.DIED) == "processen dog eller hann inte bli klar"
    assert work_words.say_error("ValueError at a.py:1") == "ValueError at a.py:1"
