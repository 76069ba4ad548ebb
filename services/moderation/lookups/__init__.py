"""Checks that ask somebody else's service. Each is off until an administrator switches it on.

What would leave the house is one table for each service (`service.Leaving`): the request is built
from it, and the desk's page shows it. `asking.ask_services` is the only door: nothing is requested
from anybody while a lookup is off. A service that is down, slow or answers nonsense makes its check
`unchecked`, never clean.
"""

from services.moderation.lookups import akismet, hosts, stopforumspam
from services.moderation.lookups.service import Service

SERVICES: tuple[Service, ...] = (akismet.SERVICE, stopforumspam.SERVICE, hosts.SERVICE)
NAMES = frozenset(service.name for service in SERVICES)
# The name and version of each, as findings and `unchecked` call them.
VERSIONS = {service.name: service.version for service in SERVICES}
