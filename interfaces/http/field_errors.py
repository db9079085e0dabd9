"""What is wrong with a field of a request, in words: pydantic's own text never reaches a client."""

from collections.abc import Mapping
from typing import Any

WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
    "unknown_parameter": "is not a parameter of this route{hint}",
    "repeated_parameter": "is given more than once",
    "model_type": "is not an object",
    "model_attributes_type": "is not an object",
    "dict_type": "is not an object",
    "list_type": "is not a list",
    "string_type": "is not a text",
    "string_unicode": "is not a text of valid Unicode",
    "string_too_short": "is not a text of {min_length} or more characters",
    "string_too_long": "is not a text of at most {max_length} characters",
    "bool_type": "is not true or false",
    "bool_parsing": "is not true or false",
    "int_type": "is not a whole number",
    "int_parsing": "is not a whole number",
    "int_parsing_size": "is not a whole number of a usable size",
    "int_from_float": "is not a whole number",
    "float_type": "is not a number",
    "float_parsing": "is not a number",
    "finite_number": "is not a finite number",
    "greater_than": "is not above {gt:g}",
    "greater_than_equal": "is not at least {ge}",
    "less_than_equal": "is not at most {le}",
    "too_long": "has more than {max_length} items",
    "tuple_type": "is not a list",
    "enum": "is not {expected}",
    "literal_error": "is not {expected}",
    "value_error": "is not accepted: {error}",
}
"""Pydantic's types of errors, each as the end of a sentence that begins with the field."""


def name_field(error: Mapping[str, Any]) -> str:
    """Return the path of the field, such as `body.tasks.0.task_id`."""
    return ".".join(map(str, error["loc"]))


def explain_field(error: Mapping[str, Any]) -> str:
    """Return what is wrong with the field."""
    words = WORDS.get(error["type"])
    return words.format(**error.get("ctx", {})) if words else "is not accepted; see /openapi.json for what it takes"
