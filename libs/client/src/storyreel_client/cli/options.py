"""Commands with many options take them as one frozen dataclass; its fields are the command line's options."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar, get_type_hints

import typer

T = TypeVar("T")


def takes(options: type[T]) -> Callable[[Callable[[typer.Context, T], int]], Callable[..., int]]:
    """Give Typer a function with one parameter a field of `options`, and the command the filled-in dataclass."""
    hints = {"context": typer.Context, **get_type_hints(options, include_extras=True)}
    parameters = [inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
    parameters += [_parameter(f, hints[f.name]) for f in fields(options)]  # type: ignore[arg-type]

    def wrap(command: Callable[[typer.Context, T], int]) -> Callable[..., int]:
        def with_options(context: typer.Context, **values: Any) -> int:
            return command(context, options(**values))

        with_options.__name__, with_options.__doc__ = command.__name__, command.__doc__
        with_options.__annotations__ = hints
        with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return with_options

    return wrap


def _parameter(field: Field[Any], hint: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
