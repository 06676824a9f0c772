"""Check the arguments of calls in the Python interface; wrong ones give the same errors as on a command line."""

import re
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter, Signature, isclass, isfunction, signature
from typing import Any, TypeVar

from sim.configuration.overrides import setting_names
from sim.errors import PanjError, closest, described, nearest

Public = TypeVar("Public", bound=Callable[..., Any])
LACKING = re.compile(r"missing a required (?:keyword-only )?argument: '(\w+)'")  # as Python words it
MADE = ("__init__", "__new__")  # methods that are called with the arguments of a class
# what is expected of an argument, by the types in its annotation
EXPECTED = {
    "Study": "a study", "Path": "a path", "str": "text", "date": "a date", "int": "a number", "float": "a number",
    "bool": "True or False", "tuple": "a list", "list": "a list", "Mapping": "a mapping", "dict": "a mapping",
}  # fmt: skip


def checked(public: Public) -> Public:
    """Decorate a function, or all public methods of a class, to raise PanjError for unknown or wrong arguments.

    Args:
        public: A function of the Python interface, or a class, whose inherited methods are left unchanged.

    Returns:
        The function with a check added, or the same class.
    """
    if isclass(public):
        for name, member in vars(public).copy().items():
            method = member.__func__ if name == "__new__" else member  # Python keeps __new__ as a static method
            if isfunction(method) and (name in MADE or not name.startswith("_")):
                own = public.__name__ if name in MADE else f"{public.__name__}.{name}"
                found = checked_function(method, own, is_method=True)
                setattr(public, name, staticmethod(found) if name == "__new__" else found)
        return public
    return checked_function(public, f"sim.{public.__name__}", is_method=False)  # type: ignore[return-value]


def checked_function(function: Callable[..., Any], name: str, is_method: bool) -> Callable[..., Any]:
    """Return a function that checks its arguments and then calls the given function."""
    declared = signature(function)

    @wraps(function)
    def called(*arguments: Any, **keywords: Any) -> Any:
        check_call(name, declared, arguments, keywords, is_method)
        return function(*arguments, **keywords)

    return called


def check_call(
    name: str, declared: Signature, arguments: tuple[Any, ...], keywords: dict[str, Any], is_method: bool
) -> None:
    """Raise PanjError if a call has too many or too few arguments, an unknown one, or a table for a single value.

    Args:
        name: Name of the function in errors, such as `Study.plot`.
        declared: Signature of the function.
        arguments: Positional arguments of the call.
        keywords: Arguments of the call by name.
        is_method: Whether the first argument is `self`.
    """
    own = list(declared.parameters.values())[int(is_method) :]
    names = [one.name for one in own if one.kind is not Parameter.VAR_KEYWORD]
    takes_settings = len(names) < len(own)
    also = ["config_dir"] if takes_settings else []  # it is not in the signature, since it is taken from the settings
    for key in keywords:
        if key not in (*names, *also) and (not takes_settings or is_meant(key, [*names, *also])):
            expected = f"one of {', '.join([*names, *also])}" if names else "none"
            more = " or a setting" if takes_settings else ""
            hint = nearest(key, [*names, *also])
            raise PanjError(
                f"{key}: found an argument that {name} does not have, expected {expected}{more}{hint}", key=key
            )
    try:
        bound = declared.bind(*arguments, **keywords).arguments
    except TypeError as error:
        given = len(arguments) - int(is_method)
        expected = ", ".join(str(one).partition(":")[0] for one in own if one.name in names) or "nothing"
        lacking = LACKING.fullmatch(str(error))
        found = f"no {lacking[1]}" if lacking else f"{error}; {given} given without a name"
        raise PanjError(f"{name}: found {found}, expected ({expected})", key=name) from None
    for one in own:
        if one.kind is not Parameter.VAR_KEYWORD and one.name in bound:
            check_value(one.name, bound[one.name], one.annotation)
    if also and "config_dir" in keywords:
        check_value("config_dir", keywords["config_dir"], "Path | str | None")


def check_value(key: str, value: Any, annotation: Any) -> None:
    """Raise PanjError if an argument is a table, an array or a collection, and none is expected.

    Args:
        key: Name of the argument.
        value: Its value.
        annotation: Its type, or the text of it; an argument without one may have any value.
    """
    text = annotation.__name__ if isclass(annotation) else str(annotation)
    types = re.findall(r"\w+", re.sub(r"\[.*?\]", "", text))
    expected = list(dict.fromkeys(EXPECTED[name] for name in types if name in EXPECTED))
    dimensions = 0 if isclass(value) else len(getattr(value, "shape", ()))
    is_row = dimensions == 1 or isinstance(value, list | tuple | range | set | frozenset)
    is_wrong = (
        dimensions > 1
        or (is_row and "a list" not in expected)
        or (isinstance(value, Mapping) and "a mapping" not in expected)
    )
    if expected and is_wrong:
        if "text" in expected and {"a path", "a date"} & {*expected}:
            expected.remove("text")
        raise PanjError(f"{key}: found {described(value)}, expected {' or '.join(expected)}", key=key)


def is_meant(key: str, names: list[str]) -> bool:
    """Return whether an unknown name is more similar to an argument of the call than to any setting."""
    settings = setting_names()
    return key not in settings and closest(key, [*names, *settings]) in names
