"""Queues, tasks, and who hears which event: the only place where the rooms' work meets.

`radslag/processes.py` says which process serves which queue.
"""

from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

CHECKS = "checks"
# Imports and backtests, so that a resident's idea never waits behind them.
BULK = "bulk"
# The same wish in other words: slow advice, which nothing else may wait behind.
SEMANTIC = "semantic"
# What residents ask for from their receipts.
ACTIONS = "actions"
# What form tools deliver, and is to become ideas.
FORMS = "forms"
LETTERS = "letters"
CLOCK = "clock"
# Other systems, which may be slow: no letter waits behind them.
WEBHOOKS = "webhooks"

ALL = (CHECKS, BULK, SEMANTIC, ACTIONS, FORMS, LETTERS, CLOCK, WEBHOOKS)


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who acts on an event: the task, its queue, and how its tries are grouped.

    `tries[n]` is (how many events travel together, seconds the task may run) at the n-th try; after
    the last one the relay gives up. `pause_s` is the wait before the second try and doubles.
    `advises` says that nobody waits for it: it may be hours late, and ideas that came in meanwhile
    are none the worse.
    """

    name: str
    task: str
    queue: str
    tries: tuple[tuple[int, int], ...]
    pause_s: int = 0
    advises: bool = False

    def size(self, attempts: int) -> int:
        """How many deliveries with this many attempts travel in one message."""
        return self.tries[min(attempts, len(self.tries) - 1)][0]

    def limit_s(self, attempts: int) -> int:
        """How long a task with such deliveries may run before it is killed."""
        return self.tries[min(attempts, len(self.tries) - 1)][1]

    def gives_up(self, attempts: int) -> bool:
        """Whether so many attempts are enough."""
        return attempts >= len(self.tries)


_SLOWLY = ((20, 60), (5, 30), (1, 30), (1, 30), (1, 30), (1, 30), (1, 30), (1, 30))

CHECK = Consumer("moderation.check", "moderation.check_ideas", CHECKS, ((100, 12), (10, 6), (1, 5)))
RECEIPT = Consumer("moderation.receipt", "moderation.act_on_receipts", ACTIONS, _SLOWLY, pause_s=2)
# Small batches with generous limits: a text takes a tenth of a second of a core that has time, and
# this is done when nobody else needs it.
MEANING = Consumer(
    "moderation.semantic",
    "moderation.look_for_meaning",
    SEMANTIC,
    ((20, 180), (5, 120), (1, 60)),
    pause_s=5,
    advises=True,
)
FORM = Consumer("submission.form", "submission.map_deliveries", FORMS, _SLOWLY, pause_s=2)
# With the checks of what it brings in: no resident waits behind an old page.
IMPORT = Consumer("submission.import", "submission.bring_in", BULK, _SLOWLY, pause_s=2)
LETTER = Consumer("notify.letter", "notify.write_letters", LETTERS, _SLOWLY, pause_s=2)
ARRIVAL = Consumer("notify.arrival", "notify.confirm_arrivals", LETTERS, _SLOWLY, pause_s=2)
ANSWER = Consumer("notify.answer", "notify.tell_of_answers", LETTERS, _SLOWLY, pause_s=2)
ACCOUNT = Consumer("notify.account", "notify.write_account_letters", LETTERS, _SLOWLY, pause_s=2)
UNSUBSCRIBE = Consumer("notify.unsubscribe", "notify.turn_off_digests", LETTERS, _SLOWLY, pause_s=2)
BOUNCE = Consumer("notify.bounce", "notify.act_on_bounces", LETTERS, _SLOWLY, pause_s=2)
# In no route: `outbox.record_all` delivers to it what some endpoint wants
# (`shared.delivery.hooks`).
HOOK = Consumer("notify.webhook", "notify.write_webhooks", WEBHOOKS, _SLOWLY, pause_s=2)

CONSUMERS = MappingProxyType(
    {
        consumer.name: consumer
        for consumer in (
            CHECK,
            RECEIPT,
            MEANING,
            FORM,
            IMPORT,
            LETTER,
            ARRIVAL,
            ANSWER,
            ACCOUNT,
            UNSUBSCRIBE,
            BOUNCE,
            HOOK,
        )
    }
)
ADVISERS = tuple(name for name, consumer in CONSUMERS.items() if consumer.advises)

# Event name → who hears it. `IdeaChecked` is not delivered to MEANING where that depth is off or
# has nothing to say, nor to ARRIVAL where no letter is owed (`verdicts.write_verdicts`): a delivery
# that nobody would act on must not be there.
ROUTES: MappingProxyType[str, tuple[Consumer, ...]] = MappingProxyType(
    {
        "IdeaSubmitted": (CHECK,),
        "IdeaChecked": (MEANING, ARRIVAL),
        "IdeaDecided": (LETTER,),
        "IdeaAnswered": (ANSWER,),
        "ReceiptAction": (RECEIPT,),
        # Recorded for other systems. Mails about alarms are no consumers of them: they must leave
        # while the broker is down (`radslag.commands.clock`).
        "AlertRaised": (),
        "AlertResolved": (),
        "FormDelivered": (FORM,),
        "ImportMoved": (IMPORT,),
        "AccountLinkMade": (ACCOUNT,),
        "AccountChanged": (ACCOUNT,),
        "DigestUnsubscribed": (UNSUBSCRIBE,),
        "LetterBounced": (BOUNCE,),
        # Recorded so that the desk can say that such reports come.
        "ReportOfNoLetter": (),
    }
)

# Tasks that the clock asks for; they look for themselves what there is to do.
SEND_LETTERS = "notify.send_letters"
RUN_DIGESTS = "notify.run_digests"
SEND_WEBHOOKS = "notify.send_webhooks"
LEARN_SPAM = "moderation.learn_spam"
COUNT_DAYS = "moderation.count_days"
DRAW_SAMPLES = "moderation.draw_samples"
WAKE_ASKED = "moderation.wake_asked"

TASKS = frozenset(each.task for each in CONSUMERS.values()) | {
    *(SEND_LETTERS, RUN_DIGESTS, SEND_WEBHOOKS),
    *(LEARN_SPAM, COUNT_DAYS, DRAW_SAMPLES, WAKE_ASKED),
}


def make_message(batch: UUID) -> dict[str, str]:
    """Return all that a message ever carries: the id of its batch."""
    return {"batch": str(batch)}
