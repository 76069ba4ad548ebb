"""Traces by OpenTelemetry, if RADSLAG_TRACES_URL says where to; without it nothing of it is loaded.

The instrumentations of the libraries write down more than may leave: addresses of pages, some of
which are keys, texts of statements, messages of errors. So what a span holds is read against a list
before it is sent, and everything else stays here.
"""

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from shared.config import Settings
from shared.setting_values import SettingsError
from shared.telemetry import request_ids
from shared.version import read_version

# What a span may hold: names of ours and numbers.
ATTRIBUTES = frozenset(
    {
        *("http.method", "http.request.method", "http.route"),
        *("http.status_code", "http.response.status_code"),
        *("db.system", "db.system.name", "db.operation", "db.operation.name"),
        *("messaging.destination", "messaging.destination.name", "messaging.message.id"),
        *("messaging.message_id", "messaging.operation", "messaging.system"),
        *("celery.action", "celery.state", "celery.task_name"),
        *("exception.type", "error.type", "radslag.request", "radslag.batch"),
    }
)
_REQUEST, _BATCH = "radslag.request", "radslag.batch"
_PLAIN = re.compile(r"[\w./<>:-]{1,120}")
_TASK = re.compile(r"(?:run|apply_async)/(?:moderation|notify|submission)\.[a-z_]+")
_STATEMENTS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "CALL", "SET", "COPY"})
_METHODS = ("http.method", "http.request.method")
_HIDDEN = "span"
_INSTRUMENTED = (
    ("opentelemetry.instrumentation.celery", "CeleryInstrumentor"),
    ("opentelemetry.instrumentation.sqlalchemy", "SQLAlchemyInstrumentor"),
    ("opentelemetry.instrumentation.psycopg", "PsycopgInstrumentor"),
)
_EXPORTER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"

_is_on = False


def start_tracing(settings: Settings, service: str) -> None:
    """Trace what this process does, if that is set; called before anything is to be traced.

    Raises SettingsError where the extra `tracing` is not installed.
    """
    if not settings.traces_url:
        return
    try:
        exporter = import_module(_EXPORTER).OTLPSpanExporter(endpoint=settings.traces_url)
    except ImportError:
        raise SettingsError(
            "RADSLAG_TRACES_URL needs the extra `tracing`: pip install 'radslag[tracing]'."
        ) from None
    export_to(exporter, service)


def export_to(exporter: Any, service: str) -> None:
    """Trace into an exporter of OpenTelemetry, which gets only what may leave."""
    global _is_on  # noqa: PLW0603 - of this process
    sdk = import_module("opentelemetry.sdk.trace")
    export = import_module("opentelemetry.sdk.trace.export")
    resources = import_module("opentelemetry.sdk.resources")
    about = {"service.name": service, "service.version": read_version()["version"] or ""}
    provider = sdk.TracerProvider(resource=resources.Resource(about))
    provider.add_span_processor(_Marking())
    provider.add_span_processor(export.BatchSpanProcessor(_Clean(exporter)))
    import_module("opentelemetry.trace").set_tracer_provider(provider)
    for module, name in _INSTRUMENTED:
        getattr(import_module(module), name)().instrument(tracer_provider=provider)
    request_ids.when_named(_mark_current)
    _is_on = True


def trace_web(app: Any) -> None:
    """Trace the requests to an application, if anything is traced."""
    if _is_on:
        import_module("opentelemetry.instrumentation.flask").FlaskInstrumentor().instrument_app(app)


def keep_plain(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what of a span's attributes may leave."""
    return {
        name: value
        for name, value in (attributes or {}).items()
        if name in ATTRIBUTES
        and (isinstance(value, int) or (isinstance(value, str) and _PLAIN.fullmatch(value)))
    }


def name_plainly(name: str, attributes: Mapping[str, Any] | None) -> str:
    """Return what a span may be called: by its route, its task or its kind of statement.

    A request to no route is called by the address in the libraries, which may be a key.
    """
    told = keep_plain(attributes)
    method = next((told[each] for each in _METHODS if each in told), None)
    if method is not None:
        return f"{method} {told['http.route']}" if "http.route" in told else str(method)
    if _TASK.fullmatch(name):
        return name
    first = name.partition(" ")[0]
    return first if first in _STATEMENTS else _HIDDEN


class _Clean:
    """An exporter in front of another one."""

    def __init__(self, behind: Any) -> None:
        self._behind = behind

    def export(self, spans: Sequence[Any]) -> Any:
        """Send spans on, without what may not leave."""
        return self._behind.export([_clean_span(span) for span in spans])

    def shutdown(self) -> None:
        """End it."""
        self._behind.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what waits."""
        return bool(self._behind.force_flush(timeout_millis))


def _clean_span(span: Any) -> Any:
    sdk = import_module("opentelemetry.sdk.trace")
    status = import_module("opentelemetry.trace.status")
    return sdk.ReadableSpan(
        name=name_plainly(span.name, span.attributes),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=keep_plain(span.attributes),
        events=[
            sdk.Event(_HIDDEN, keep_plain(each.attributes), each.timestamp) for each in span.events
        ],
        kind=span.kind,
        status=status.Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


class _Marking:
    """Writes into each span that begins whose request it is."""

    def on_start(self, span: Any, parent_context: Any = None) -> None:  # noqa: ARG002
        """Mark it."""
        _mark_span(span)

    def _on_ending(self, span: Any) -> None:
        """Nothing is to be added: what was learned on the way is in it (`when_named`)."""

    def on_end(self, span: Any) -> None:
        """Nothing is left to do."""

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002
        """Nothing waits."""
        return True


def _mark_span(span: Any) -> None:
    told = request_ids.describe_work()
    for name, key in ((_REQUEST, "request"), (_BATCH, "batch")):
        if key in told:
            span.set_attribute(name, told[key])


def _mark_current() -> None:
    _mark_span(import_module("opentelemetry.trace").get_current_span())
