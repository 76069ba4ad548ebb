"""The API described for programs: OpenAPI 3.1. A test compares it with what the web really has."""

from typing import Any

from services.submission.feeds import IDEAS_AT_A_TIME
from services.submission.published import SLUG
from shared.models import IdeaStatus
from shared.text import MAX_AUTHOR_LENGTH, MAX_LENGTH, MIN_LENGTH

_STRING = {"type": "string"}


def _answer(description: str, schema: str, media: str = "application/json") -> dict[str, Any]:
    return {
        "description": description,
        "content": {media: {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def _problem(description: str) -> dict[str, Any]:
    return _answer(description, "Problem", "application/problem+json")


def _or_page(description: str, schema: str) -> dict[str, Any]:
    """Describe what is a page, unless JSON is asked for."""
    answer = _problem(description) if schema == "Problem" else _answer(description, schema)
    return {**answer, "content": {**answer["content"], "text/html": {"schema": _STRING}}}


def _parameter(name: str, place: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": description,
        "schema": {"type": "string"},
    }


_SLUG = _parameter("slug", "path", "The council, such as `motesplatser`")
_YEAR = {**_parameter("year", "path", "A year in which ideas came"), "schema": {"type": "integer"}}
_FOR = _parameter(
    "for", "query", "`excel`: semicolons, a decimal comma and a byte order mark, as Excel opens it"
)
_NOT_FOUND = {"404": _problem("There is no such council")}
_STATUS = {"type": "string", "enum": [status.value for status in IdeaStatus]}
_TEXT = {
    "type": "string",
    "minLength": MIN_LENGTH,
    "maxLength": MAX_LENGTH,
    # Not of spaces: what is left after trimming is counted.
    "pattern": r"\S[\s\S]+\S",
    "description": "Plain text, counted in code points after trimming",
}
_AUTHOR = {
    "type": ["string", "null"],
    "maxLength": MAX_AUTHOR_LENGTH,
    "pattern": (r"^[^\x00-\x08\n-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$"),
    "description": "On one line, without control characters; absent means anonymous",
}
_MAYBE_STRING = {"type": ["string", "null"]}
_MOMENT = {"type": "string", "description": "ISO 8601 with offset, or a date if no more is known"}


def _object(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


_SCHEMAS = {
    "NewIdea": _object(
        ("council", "text"),
        council={
            "type": "string",
            "pattern": f"^{SLUG.pattern}$",
            "description": "Slug of the council",
        },
        text=_TEXT,
        author=_AUTHOR,
        email={
            "type": ["string", "null"],
            "format": "idn-email",
            "description": "Where the answer is sent; never shown",
        },
    ),
    "Received": _object(
        ("id", "number", "status", "receipt_url"),
        id={"type": "string", "format": "uuid"},
        number={"type": "string", "examples": ["R-2026-000123"]},
        status={"const": IdeaStatus.RECEIVED.value},
        receipt_url={
            "type": "string",
            "format": "uri",
            "description": "Secret: whoever has it can correct and withdraw the idea",
        },
    ),
    "Delivered": _object(("id",), id={"type": "string", "format": "uuid"}),
    "Idea": _object(
        ("number", "text", "author", "published_at", "received_at", "status", "supporters"),
        number=_STRING,
        text=_STRING,
        author=_STRING,
        published_at=_MOMENT,
        received_at=_MOMENT,
        status={"const": IdeaStatus.PUBLISHED.value},
        answer={"type": ["string", "null"], "description": "The city's official answer"},
        supporters={"type": "integer", "description": "Others who sent in the same idea"},
        answer_from={**_MAYBE_STRING, "description": "Who answers, if not the city as such"},
        answered_at={**_MAYBE_STRING, "description": "Since when the answer reads so"},
    ),
    "Ideas": _object(
        ("council", "ideas", "next"),
        council=_STRING,
        ideas={
            "type": "array",
            "maxItems": IDEAS_AT_A_TIME,
            "items": {"$ref": "#/components/schemas/Idea"},
        },
        next={"type": ["string", "null"], "description": "Address of the following ideas"},
    ),
    "Receipt": _object(
        ("number", "council", "status", "received_at", "decision", "public_url"),
        number=_STRING,
        council=_STRING,
        status=_STATUS,
        received_at=_MOMENT,
        text=_MAYBE_STRING,
        author=_MAYBE_STRING,
        decision={
            "type": ["object", "null"],
            "properties": {
                "status": _STATUS,
                "decided_at": _MOMENT,
                "rule": {
                    "type": ["object", "null"],
                    "description": "The rule as it read when it was applied",
                    "properties": {
                        "code": _STRING,
                        "version": {"type": "integer"},
                        "title": _STRING,
                        "text": _STRING,
                    },
                },
                "reason": {**_MAYBE_STRING, "description": "Why, beside the rule, if it was said"},
                "merged_into": {**_MAYBE_STRING, "description": "Number of the idea it joined"},
            },
        },
        answer={
            "type": ["object", "null"],
            "description": "The city's official answer, to this idea or the one it joined",
            "properties": {"text": _STRING, "from": _MAYBE_STRING, "answered_at": _MOMENT},
        },
        public_url=_MAYBE_STRING,
        correction_pending={"type": "boolean"},
        correction_asked={
            "type": ["object", "null"],
            "properties": {"reason": _STRING, "asked_at": _MOMENT},
        },
        re_review_asked_at=_MAYBE_STRING,
    ),
    "Bounce": _object(
        ("message_id", "kind"),
        message_id={"type": "string", "description": "Of the letter that we sent"},
        kind={"enum": ["permanent", "transient", "complaint"]},
        status={"type": "string", "examples": ["5.1.1"], "description": "RFC 3463"},
    ),
    "Problem": _object(
        ("type", "title", "status", "detail"),
        type=_STRING,
        title=_STRING,
        status={"type": "integer"},
        detail=_STRING,
        errors={"type": "object", "additionalProperties": _STRING},
    ),
}

_CREATE = {
    "summary": "Send in an idea",
    "parameters": [
        _parameter(
            "Idempotency-Key",
            "header",
            "The same key with the same body, from the same network address, within 24 hours gives "
            "the same answer. Keys of other senders do not count: choose any that you use once",
        )
    ],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewIdea"}}},
    },
    "responses": {
        "202": _answer("Stored, and on its way to a person", "Received"),
        "400": _problem("Not JSON"),
        "403": _problem("The council takes no ideas now"),
        "413": _problem("More than 64 kB"),
        "415": _problem("Not sent as JSON"),
        "422": _problem("Something cannot be used; `errors` has a sentence per field"),
        "429": _problem("Far too much from one place; see Retry-After"),
        "503": _problem("Nothing can be stored now; see Retry-After"),
    },
}

_BOUNCED = {
    "summary": "Report a letter that did not reach its reader",
    "parameters": [_parameter("Authorization", "header", "Bearer and RADSLAG_BOUNCE_SECRET")],
    "requestBody": {
        "required": True,
        "content": {
            "message/rfc822": {"schema": _STRING},
            "application/json": {"schema": {"$ref": "#/components/schemas/Bounce"}},
        },
    },
    "responses": {
        "202": {"description": "Taken; what is no report, or of no letter of ours, is forgotten"},
        "401": _problem("The secret is missing or wrong"),
        "404": _problem("This system takes no such reports"),
        "413": _problem("More than 512 kB"),
        "422": _problem("The JSON is not a report"),
    },
}

_DELIVERED = {
    "summary": "Deliver what a form tool was sent",
    "parameters": [
        _parameter("source", "path", "What the source is called in its address"),
        _parameter("Authorization", "header", "Bearer and the secret of the source"),
        _parameter(
            "Idempotency-Key",
            "header",
            "The same body under the same key is one delivery, of this source, for ever",
        ),
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {}},
            "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
            "multipart/form-data": {"schema": {"type": "object"}},
        },
    },
    "responses": {
        "202": _answer("Stored; it becomes an idea in a moment", "Delivered"),
        "400": _problem("Stored, and not what its type says: a person will look"),
        "401": _problem("The secret is missing or wrong, or there is no such source"),
        "403": _problem("The source is turned off"),
        "413": _problem("More than 256 kB"),
        "503": _problem("Nothing can be stored now; see Retry-After"),
    },
}

DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Rådslag",
        "version": "1",
        "description": "Send in ideas and read the published ones. Errors are RFC 9457 problems.",
        "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
    },
    "paths": {
        "/api/v1/ideas": {"post": _CREATE},
        "/hooks/bounces": {"post": _BOUNCED},
        "/hooks/forms/{source}": {"post": _DELIVERED},
        "/receipts/{token}": {
            "get": {
                "summary": "What became of an idea; ask with Accept: application/json",
                "parameters": [_parameter("token", "path", "The last part of `receipt_url`")],
                "responses": {
                    "200": _or_page("Where it is, what was decided and why", "Receipt"),
                    "404": _or_page("There is no such receipt", "Problem"),
                },
            }
        },
        "/councils/{slug}/ideas.json": {
            "get": {
                "summary": "Published ideas, newest first",
                "parameters": [_SLUG, _parameter("after", "query", "Taken from `next`")],
                "responses": {
                    "200": _answer("A page of ideas", "Ideas"),
                    "400": _problem("`after` is no place in the list"),
                    **_NOT_FOUND,
                },
            }
        },
        "/councils/{slug}/ideas.csv": {
            "get": {
                "summary": "All published ideas; a cell that a spreadsheet would run gets a ', "
                "also where it would begin in a text that is split at semicolons or line ends",
                "parameters": [_SLUG, _FOR],
                "responses": {
                    "200": {"description": "CSV", "content": {"text/csv": {"schema": _STRING}}},
                    **_NOT_FOUND,
                },
            }
        },
        "/statistik/{year}.csv": {
            "get": {
                "summary": "What became of a year's ideas, without small numbers",
                "parameters": [_YEAR, _FOR],
                "responses": {
                    "200": {"description": "CSV", "content": {"text/csv": {"schema": _STRING}}},
                    **_NOT_FOUND,
                },
            }
        },
        "/councils/{slug}/feed.atom": {
            "get": {
                "summary": "The newest published ideas as a feed",
                "parameters": [_SLUG],
                "responses": {
                    "200": {
                        "description": "Atom",
                        "content": {"application/atom+xml": {"schema": _STRING}},
                    },
                    **_NOT_FOUND,
                },
            }
        },
    },
    "components": {"schemas": _SCHEMAS},
}
