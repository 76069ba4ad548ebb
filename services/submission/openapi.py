"""The description of the API (OpenAPI 3.1), made of the routes, and of what stands at each view.

A view says in `described` which bodies it takes and gives, as types (`programs.shapes`), and when
it refuses. Addresses and methods are those of the routing; schemas are made of the types by msgspec
and put together by apispec. A test holds each status of each address against a real answer.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from apispec import APISpec

from services.submission.programs.shapes import Problem

JSON = "application/json"
HTML = "text/html"
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data"
_PROBLEM = "application/problem+json"
_REF = "#/components/schemas/{name}"
_TOKEN, _SECRET = "token", "secret"
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Gives:
    """An answer: when it is given, and its body's type for each media type; none has no body."""

    when: str
    bodies: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asks:
    """A parameter in the query or a header; those of the path are told by the routing."""

    name: str
    place: str
    about: str
    schema: Any = str


FOR_EXCEL = Asks(
    "for", "query", "`excel`: semicolons, a decimal comma and a byte order mark, as Excel opens it"
)


@dataclass(frozen=True, slots=True)
class Described:
    """What stands at a view."""

    summary: str
    gives: Mapping[int, Gives]
    takes: Mapping[str, Any] = field(default_factory=dict)
    asks: Sequence[Asks] = ()
    needs_body: bool = True
    # The scheme of security, and whether it may be left out.
    key: str = ""
    is_key_optional: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """A view that is described: the address as the routing has it, and the method."""

    rule: str
    method: str
    described: Described


def tell_refusal(when: str, *, shape: Any = Problem, page: bool = False) -> Gives:
    """Say when something is refused, as problem details or, for people, as a page."""
    return Gives(when, {_PROBLEM: shape, **({HTML: str} if page else {})})


def describe_view(described: Described) -> Callable[[F], F]:
    """Say at a view what it takes and gives."""

    def note(view: F) -> F:
        view.described = described  # type: ignore[attr-defined]
        return view

    return note


def with_token(*, optional: bool = False) -> dict[str, Any]:
    """Return what says that a view asks for a token of the API, or lets one in."""
    return {"key": _TOKEN, "is_key_optional": optional}


def with_secret() -> dict[str, Any]:
    """Return what says that a view asks for a secret of its own."""
    return {"key": _SECRET}


def find_operations(
    routes: Iterable[tuple[str, str, Callable[..., Any]]],
) -> list[Operation]:
    """Return which of some routes (address, method, view) are described, in the order of both."""
    return sorted(
        (
            Operation(rule, method.lower(), view.described)
            for rule, method, view in routes
            if hasattr(view, "described") and method not in {"HEAD", "OPTIONS"}
        ),
        key=lambda each: (each.rule, each.method),
    )


def describe_api(operations: Sequence[Operation], url: str) -> dict[str, Any]:
    """Return the description of the API that is reached at `url`."""
    spec = APISpec(
        title="Rådslag",
        version="1",
        openapi_version="3.1.0",
        info={
            "description": "Send in ideas and read the published ones. "
            "Errors are RFC 9457 problems.",
            "license": {"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        },
        servers=[{"url": url}],
    )
    spec.components.security_scheme(
        _TOKEN,
        {"type": "http", "scheme": "bearer", "description": "A token made at the desk"},
    )
    spec.components.security_scheme(
        _SECRET,
        {"type": "http", "scheme": "bearer", "description": "The secret of who reports here"},
    )
    shapes = list(dict.fromkeys(_list_shapes(operations)))
    schemas, components = msgspec.json.schema_components(shapes, ref_template=_REF)
    for name, schema in sorted(components.items()):
        spec.components.schema(name, schema)
    schema_of = dict(zip(shapes, schemas, strict=True))
    for operation in operations:
        spec.path(
            path=re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", operation.rule),
            operations={operation.method: _write_operation(operation, schema_of)},
        )
    found: dict[str, Any] = spec.to_dict()
    return found


def _list_shapes(operations: Sequence[Operation]) -> Iterable[Any]:
    for operation in operations:
        yield from (each.schema for each in operation.described.asks)
        yield from operation.described.takes.values()
        for gives in operation.described.gives.values():
            yield from gives.bodies.values()


def _write_operation(operation: Operation, schema_of: Mapping[Any, Any]) -> dict[str, Any]:
    described = operation.described
    written: dict[str, Any] = {
        "summary": described.summary,
        "operationId": _name_operation(operation),
        "parameters": [
            *_write_path(operation.rule),
            *(_write_parameter(each, schema_of) for each in described.asks),
        ],
        "responses": {
            str(status): {
                "description": gives.when,
                **({"content": _write_bodies(gives.bodies, schema_of)} if gives.bodies else {}),
            }
            for status, gives in sorted(described.gives.items())
        },
    }
    if described.takes:
        written["requestBody"] = {
            "required": described.needs_body,
            "content": _write_bodies(described.takes, schema_of),
        }
    if described.key:
        nobody: list[dict[str, Any]] = [{}] if described.is_key_optional else []
        written["security"] = [{described.key: []}, *nobody]
    return written


def _write_bodies(bodies: Mapping[str, Any], schema_of: Mapping[Any, Any]) -> dict[str, Any]:
    return {media: {"schema": schema_of[shape]} for media, shape in bodies.items()}


def _write_path(rule: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _IN_PATH[name],
            "schema": {"type": "integer" if kind == "int:" else "string"},
        }
        for kind, name in re.findall(r"<(\w+:)?(\w+)>", rule)
    ]


def _write_parameter(asks: Asks, schema_of: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "name": asks.name,
        "in": asks.place,
        "required": False,
        "description": asks.about,
        "schema": schema_of[asks.schema],
    }


def _name_operation(operation: Operation) -> str:
    words = re.findall(r"\w+", re.sub(r"<(?:\w+:)?(\w+)>", r"\1", operation.rule))
    return "_".join([operation.method, *words])


# What stands in the addresses.
_IN_PATH = {
    "slug": "The council, such as `motesplatser`",
    "source": "What the source is called in its address",
    "token": "The last part of `receipt_url`",
    "year": "A year in which ideas came",
}
