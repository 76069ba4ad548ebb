"""Everything that processes count, by the names under which Prometheus gets it.

A label holds a name of ours: a route, a queue, a kind. Never an id, an address or a word that
somebody typed. docs/monitoring.md tells what each is good for.
"""

from shared.telemetry.counting import SHORT_SECONDS, Counter, Histogram

REQUESTS = Counter(
    *("radslag_http_requests", "Requests answered", "web", "route", "method", "status")
)
REQUEST_SECONDS = Histogram(
    *("radslag_http_request_duration_seconds", "From whole request to answer", "web", "route")
)
INTAKE_SECONDS = Histogram(
    "radslag_intake_duration_seconds", "How long it took to store an idea", "source"
)
TASKS = Counter("radslag_tasks", "Messages that workers have worked on", "task", "outcome")
TASK_SECONDS = Histogram("radslag_task_duration_seconds", "How long that took", "task")
DELIVERIES = Counter(
    "radslag_deliveries", "Deliveries done, let go or given up", "consumer", "outcome"
)
CHECK_SECONDS = Histogram(
    "radslag_check_duration_seconds", "One check of one text", "check", steps=SHORT_SECONDS
)
CHECK_FAILURES = Counter("radslag_check_failures", "Checks that could not run", "check")
LETTERS = Counter(
    "radslag_letters_handled",
    "What became of letters whose turn it was",
    "outcome",
    known=("sent", "refused", "later", "cancelled", "withheld"),
)
SMTP_SECONDS = Histogram("radslag_smtp_duration_seconds", "Handing over one letter")
SMTP_ERRORS = Counter(
    "radslag_smtp_errors",
    "Letters that the mail server did not take",
    "kind",
    known=("timeout", "4xx", "5xx", "connection", "letter"),
)
WEBHOOKS = Counter(
    "radslag_webhook_tries",
    "Webhooks that were posted",
    "outcome",
    known=("heard", "refused", "no_answer"),
)
LOGINS = Counter(
    "radslag_logins",
    "Tries to come in at the desk",
    "outcome",
    known=("signed_in", "wrong_password", "wrong_code", "throttled", "directory_refused"),
)
