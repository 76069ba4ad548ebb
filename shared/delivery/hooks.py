"""Which events other systems may hear, and what these are called to them.

A new event is heard outside when it has a line here; `services/notify/webhooks/payloads.py` says
what is told of it.
"""

from collections.abc import Mapping
from types import MappingProxyType

# A test that an administrator sends; no event of the system's.
PING = "ping"

# The name of the class in `shared.delivery.events` → the public name. Receivers rely on the latter.
NAMES: Mapping[str, str] = MappingProxyType(
    {
        "IdeaSubmitted": "idea.submitted",
        "IdeaChecked": "idea.checked",
        "IdeaDecided": "idea.decided",
        "IdeaAnswered": "idea.answered",
        "ReceiptAction": "receipt.action",
        "AlertRaised": "alert.raised",
        "AlertResolved": "alert.resolved",
    }
)
