"""What pydantic refuses in a programme.toml, in plain words: the key as it stands in the file, what was found, what is
allowed. The limits come from the model's own schema, so that a field and what is said of it cannot differ.
"""

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import ValidationError

from conversations import Programme

Node = Mapping[str, Any]  # a part of a JSON schema
Place = tuple[int | str, ...]

UNITS = ("seconds", "minutes", "hours", "days")
ROLE = re.compile(r"(review\.(?:who|may\.[a-z]+))(?:\.|$)")  # a key whose value is a role
ROLES = '"members", "administrators", or a list of account ids, at least one'
PATTERNS = {
    r"^[a-z]{2,3}$": "a language's code, as en",
    r"^[a-z][a-z0-9_]{0,19}$": "1 to 20 small letters, digits and _, a letter first",
    r"^[a-z][a-z0-9_]{1,31}$": "2 to 32 small letters, digits and _, a letter first",
    r"^[A-Z]{1,4}$": "1 to 4 capital letters",
    r"^[A-Z]{2}$": "a country's code in two capital letters, as SG",
    r"^https://\S+$": "an address that begins with https://",
    r"^\S+@\S+\.\S+$": "an e-mail address",
}


def in_plain_words(error: ValidationError, raw: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Key, found, allowed of everything that was refused, each once. `raw` is the file as TOML reads it."""
    return list(dict.fromkeys(_plain(one, raw) for one in error.errors(include_url=False)))


def _plain(error: Any, raw: Mapping[str, Any]) -> tuple[str, str, str]:
    loc, context = error["loc"], error.get("ctx", {})
    path = list(_path(loc, raw))
    key, node = ".".join(path), _node(loc)
    match error["type"]:
        case "extra_forbidden":
            return key, _shown(error["input"]), _no_such_key(loc)
        case "missing":
            return key, "nothing", _allowed(node, path)
        case "union_tag_invalid":
            return f"{key}.kind", repr(context["tag"]), str(context["expected_tags"]).replace("'", "")
        case "union_tag_not_found":
            return f"{key}.kind", "nothing", ", ".join(_kinds())
        case "min_above_max" if "min" in error["input"]:
            return f"{key}.min", str(context["min"]), f"at most max, {context['max']}"
        case "min_above_max":
            return f"{key}.max", str(context["max"]), f"at least min, {context['min']}"
        case "value_error":
            return key, _shown(error["input"]), str(context["error"])
    if role := ROLE.match(key):
        return role[1], _shown(_at(raw, role[1])), ROLES
    return key or "the file", _shown(error["input"]), _allowed(node, path)


def _path(loc: Place, raw: Mapping[str, Any]) -> Iterator[str]:
    """questions.3.text.max -> questions.department.max: a table is named as it stands in the file."""
    for place, part in enumerate(loc):
        if isinstance(part, int) and place == 1 and isinstance(table := raw.get(str(loc[0])), dict):
            yield list(table)[part]
        elif not (place == 2 and loc[0] == "questions" and part in _kinds()):
            yield str(part)


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, bool) else json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _allowed(node: Node, path: list[str]) -> str:
    """In words, what a value may be."""
    name = path[-1] if path else ""
    match node:
        case {"format": "date"}:
            return "a date, as 2025-03-07 without quotes"
        case {"pattern": str(pattern)}:
            return PATTERNS.get(pattern, f"what matches {pattern}")
        case {"enum": list(values)}:
            return ", ".join(map(str, values))
        case {"anyOf": list(nodes)}:
            return " or ".join(_allowed(one, path) for one in nodes if one.get("type") != "null")
        case {"type": "integer"}:
            unit = next((f" of {unit}" for unit in UNITS if name == unit or name.endswith(f"_{unit}")), "")
            return f"a whole number{unit}{_limits(node.get('minimum'), node.get('maximum'))}"
        case {"type": "boolean"}:
            return "true or false, without quotes"
        case {"type": "string"}:
            return "words in quotes"
        case {"type": "array"} if name in ("questions", "consents", "reasons"):
            return f"tables [{name}.KEY], at least one"
        case {"type": "array"}:
            return _list(name, node.get("minItems", 0), node.get("maxItems"))
    return f"a table [{'.'.join(path)}]"


def _limits(least: int | None, most: int | None) -> str:
    if least is not None and most is not None:
        return f", {least} to {most}"
    if most is not None:
        return f", at most {most}"
    return f", at least {least}" if least is not None else ""


def _list(name: str, least: int, most: int | None) -> str:
    """`languages` -> at least one language."""
    if not least:
        return f"a list of at most {most}" if most else "a list"
    one = name.removesuffix("s").replace("_", " ") if name.endswith("s") else "entry"
    return f"at least one {one}" if least == 1 else f"at least {least} {one}s"


def _no_such_key(loc: Place) -> str:
    known = list(_node(loc[:-1]).get("properties", {}))
    near = get_close_matches(str(loc[-1]), known, n=1)
    return "no key of this name" + (f"; did you mean {near[0]}?" if near else "")


# the schema


@cache
def _schema() -> Node:
    return Programme.model_json_schema()


def _kinds() -> list[str]:
    """Of questions, in the order in which they are declared."""
    items = _schema()["properties"]["questions"]["items"]
    order = [one["$ref"] for one in items["oneOf"]]
    mapping: Mapping[str, str] = items["discriminator"]["mapping"]
    return sorted(mapping, key=lambda kind: order.index(mapping[kind]))


def _node(loc: Place) -> Node:
    """The part of the schema that speaks of a place."""
    node = _schema()
    for part in loc:
        if part in node.get("properties", {}):
            node = node["properties"][part]
        elif isinstance(part, int) and "items" in node:
            node = node["items"]
        elif part in node.get("discriminator", {}).get("mapping", {}):
            node = {"$ref": node["discriminator"]["mapping"][part]}
        elif inner := node.get("patternProperties"):  # whatever the key
            node = next(iter(inner.values()))
        elif isinstance(inner := node.get("additionalProperties"), dict):
            node = inner
        node = _resolved(node)
    return node


def _resolved(node: Node) -> Node:
    while "$ref" in node:
        node = _schema()["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node


def _at(raw: Any, key: str) -> Any:
    for part in key.split("."):
        raw = raw[part]
    return raw
