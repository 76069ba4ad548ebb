"""A mail server in a storm, seeded: busy, closing, refusing, and gone at any step of a letter.

It remembers each letter that it took, and what it last said of each address.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from radslag.ports import free_port

# Of a hundred: how many get which answer at a step; the others pass. "drop" hangs up.
WEATHER = {
    "greeting": {"421 4.3.2 not now": 3, "drop": 2},
    "ehlo": {"drop": 1},
    "mail": {"421 4.3.2 closing": 2, "451 4.3.0 busy": 2, "drop": 1},
    "rcpt": {"421 4.3.2 closing": 2, "451 4.2.0 later": 5, "550 5.7.1 no": 3, "drop": 2},
    "data": {"421 4.3.2 closing": 1, "451 4.3.0 busy": 3, "drop": 2},
    "words": {"drop": 2},
    "verdict": {"421 4.3.2 closing": 1, "451 4.6.0 later": 3, "550 5.6.0 no": 2, "drop": 2},
    # Taken, and then the line is lost before that is said: the doubt that promises are about.
    "reply": {"drop": 3},
}


@dataclass
class Storm:
    """What it is like outside, and what has become of the letters."""

    seed: int
    calm: bool = False
    # How often each letter was taken, by its Message-ID, and by whom it is.
    taken: Counter[str] = field(default_factory=Counter)
    recipient_of: dict[str, str] = field(default_factory=dict)
    # What was said last of a letter to each recipient.
    last_word: dict[str, str] = field(default_factory=dict)
    weather_seen: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    # Rises with every recipient that is named: somebody is sending.
    named: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def at(self, step: str) -> str | None:
        """Return what happens at a step instead of what should, or None."""
        if self.calm:
            return None
        drawn = self._random.uniform(0, 100)
        for answer, share in WEATHER[step].items():
            drawn -= share
            if drawn < 0:
                self.weather_seen[step][answer[:4]] += 1
                return answer
        return None

    def take(self, content: bytes, recipient: str) -> None:
        message_id = str(message_from_bytes(content)["Message-ID"])
        self.taken[message_id] += 1
        self.recipient_of[message_id] = recipient


class StormySMTP(SMTP):
    """Asks the storm before each step."""

    def __init__(self, storm: Storm, **more: Any) -> None:
        super().__init__(self, **more)
        self.storm = storm

    async def _weathered(self, step: str) -> bool:
        """Say whether the storm has answered instead of us."""
        answer = self.storm.at(step)
        if answer is None:
            return False
        if self.envelope is not None:
            for recipient in self.envelope.rcpt_tos:
                self.storm.last_word[recipient] = answer
        if answer == "drop":
            self.transport.abort()
            return True
        await self.push(answer)
        if answer.startswith("421"):
            self.transport.close()
        return True

    async def _handle_client(self) -> None:
        if await self._weathered("greeting"):
            self.transport.close()
            return
        await super()._handle_client()

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd's name
        if not await self._weathered("ehlo"):
            await super().smtp_EHLO(hostname)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        if not await self._weathered("mail"):
            await super().smtp_MAIL(arg)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        self.storm.named += 1
        answer = self.storm.at("rcpt")
        self.storm.last_word[address] = answer or "named"
        if answer is None:
            envelope.rcpt_tos.append(address)
            return "250 OK"
        if answer[0] == "4" and not answer.startswith("421"):
            return answer
        if answer == "drop":
            self.transport.abort()
        return answer

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        if await self._weathered("data"):
            return
        if self.storm.at("words"):
            await self.push("354 go on")
            await self._reader.readline()
            self.transport.abort()
            return
        await super().smtp_DATA(arg)

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any
    ) -> str:
        (recipient,) = envelope.rcpt_tos
        refused = self.storm.at("verdict")
        if refused:
            self.storm.last_word[recipient] = refused
            if refused == "drop":
                self.transport.abort()
            return refused
        self.storm.take(envelope.content, recipient)
        self.storm.last_word[recipient] = "250"
        if self.storm.at("reply"):
            self.transport.abort()
        return "250 OK"


@contextmanager
def stormy_server(storm: Storm) -> Iterator[str]:
    """Run the server, and give its address."""

    class Outside(Controller):
        def factory(self) -> SMTP:
            return StormySMTP(self.handler, **self.SMTP_kwargs)

    port = free_port()
    calm, storm.calm = storm.calm, True
    controller = Outside(storm, hostname="127.0.0.1", port=port)
    controller.start()
    storm.calm = calm
    try:
        yield f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()
