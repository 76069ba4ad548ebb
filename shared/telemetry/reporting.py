"""Errors to Sentry, if RADSLAG_SENTRY_DSN says where to; without it nothing of it is loaded.

What leaves is made anew from the little that may: the kind of an error, where it was raised, and
ids. No message, no value of a variable, no request, no name of a machine.
"""

import logging
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from shared.config import Settings
from shared.setting_values import SettingsError
from shared.telemetry import request_ids
from shared.version import read_version

_KEPT = ("event_id", "timestamp", "level", "platform", "release", "logger")
_OF_FRAME = ("module", "function", "lineno", "in_app")
# Only ours put no value into the sentence.
_OURS = ("shared", "services", "radslag")


def start_reporting(settings: Settings) -> None:
    """Report what is logged as an error, if that is set.

    Raises SettingsError where the extra `sentry` is not installed.
    """
    if not settings.sentry_dsn:
        return
    try:
        sentry = import_module("sentry_sdk")
        from_log = import_module("sentry_sdk.integrations.logging").LoggingIntegration
    except ImportError:
        raise SettingsError(
            "RADSLAG_SENTRY_DSN needs the extra `sentry`: pip install 'radslag[sentry]'."
        ) from None
    sentry.init(
        settings.sentry_dsn,
        release=read_version()["version"],
        integrations=[from_log(level=None, event_level=logging.ERROR)],
        default_integrations=False,
        auto_enabling_integrations=False,
        send_default_pii=False,
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
        server_name="",
        traces_sample_rate=None,
        auto_session_tracking=False,
        before_send=scrub_event,
    )


def scrub_event(event: Mapping[str, Any], _hint: object = None) -> dict[str, Any]:
    """Return what of an event may leave."""
    told = request_ids.describe_work()
    made: dict[str, Any] = {name: event[name] for name in _KEPT if name in event}
    made["tags"] = {name: told[name] for name in ("request", "batch") if name in told}
    sentence = (event.get("logentry") or {}).get("message")
    if sentence and str(event.get("logger", "")).split(".")[0] in _OURS:
        made["logentry"] = {"message": sentence}
    raised = (event.get("exception") or {}).get("values") or []
    if raised:
        made["exception"] = {"values": [_scrub_error(each) for each in raised]}
    return made


def _scrub_error(error: Mapping[str, Any]) -> dict[str, Any]:
    frames = (error.get("stacktrace") or {}).get("frames") or []
    return {
        "type": error.get("type"),
        "module": error.get("module"),
        "stacktrace": {
            "frames": [
                {
                    "filename": str(frame.get("filename", "")).rpartition("/")[2],
                    **{name: frame[name] for name in _OF_FRAME if name in frame},
                }
                for frame in frames
            ]
        },
    }
