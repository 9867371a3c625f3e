"""What only the user can supply: machine learning models for apply, a geographic database for iplocation.

Trapline never unpickles: a scikit-learn pickle runs code when it is read. A model comes as an object that the user
made, or as an ONNX file, which is data.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from trapline.errors import SplError
from trapline.knowledge.mmdb import opened
from trapline.spl.command import Model, Places
from trapline.spl.datasets import nearest
from trapline.values import Row, to_number, value_text

RUNS = (
    "give one as an ONNX file: --model NAME=FILE.onnx; in Python Session(models={name: ...}), also an object with "
    "predict(). A pickle is never read, because reading it runs its code"
)
"""How a model for apply is given."""
TELLS = "in Python, Session(models={name: ...}) takes an object whose method summary() gives the rows"
"""How a model for summary is given."""


def find(name: str, known: Mapping[str, Any]) -> Model:
    """A model of `Session.models`: a function from rows to the fields to add to each, an object with
    `feature_names_in_` and `predict` (scikit-learn), or the path of an ONNX file. Raises SplError."""
    given = _given(name, known, RUNS)
    if isinstance(given, str | Path):
        return _onnx(name, Path(given))
    if hasattr(given, "predict"):
        return _estimator(name, given)
    if callable(given):
        return cast("Model", given)
    raise SplError(f"the model '{name}' is neither a function, nor has it predict(), nor is it a file", code="model")


def summary(name: str, known: Mapping[str, Any]) -> Sequence[Mapping[str, object]]:
    """What a model of `Session.models` tells of itself: the rows that its method `summary()` gives. Raises SplError."""
    given = _given(name, known, TELLS)
    told = getattr(given, "summary", None)
    if not callable(told):
        raise SplError(
            f"the model '{name[:80]}' has no summary",
            hint=TELLS,
            code="model",
        )
    return cast("Sequence[Mapping[str, object]]", told())


def _given(name: str, known: Mapping[str, Any], hint: str) -> Any:
    if name not in known:
        raise SplError(
            f"there is no model '{name[:80]}'",
            hint=nearest(name, list(known)) or hint,
            code="model",
        )
    return known[name]


def _estimator(name: str, model: Any) -> Model:
    features = getattr(model, "feature_names_in_", None)
    if features is None:
        raise SplError(
            f"the model '{name}' does not say which fields it reads",
            hint="fit it on a data frame, so that it has feature_names_in_, or give a function",
            code="model",
        )
    names = [str(one) for one in features]
    target = str(getattr(model, "target_name_", "target"))

    def predict(rows: Sequence[Row]) -> list[Mapping[str, object]]:
        data, kept = _matrix(rows, names)
        found = iter(model.predict(data)) if data else iter(())
        return [{f"predicted({target})": _plain(next(found))} if whole else {} for whole in kept]

    return predict


def _matrix(rows: Sequence[Row], names: Sequence[str]) -> tuple[list[list[float]], list[bool]]:
    """The numbers of the rows that have all of them, and which rows those are."""
    data: list[list[float]] = []
    kept: list[bool] = []
    for row in rows:
        cells = [to_number(value_text(row[name])) if name in row else None for name in names]
        numbers = [cell for cell in cells if cell is not None]
        kept.append(len(numbers) == len(names))
        if kept[-1]:
            data.append(numbers)
    return data, kept


def _plain(value: Any) -> object:
    """A Python value of what may be a numpy one."""
    item = getattr(value, "item", None)
    return item() if callable(item) else value


def _onnx(name: str, path: Path) -> Model:
    if path.suffix.lower() != ".onnx":
        raise SplError(
            f"the model '{name}' is not an ONNX file: {path.name}",
            hint="a pickle is never read, because reading it runs its code; export the model to ONNX",
            code="model",
        )
    runtime = _module("onnxruntime", f"the model '{name}' is an ONNX file, which needs the package onnxruntime")
    numpy = importlib.import_module("numpy")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    if len(inputs) < 1:
        raise SplError(f"the model '{name}' has no input", code="model")
    names = [one.name for one in inputs]

    def predict(rows: Sequence[Row]) -> list[Mapping[str, object]]:
        """Each input of the model is a field of its name, of shape [rows, 1]."""
        data, kept = _matrix(rows, names)
        if not data:
            return [{} for _ in rows]
        columns = zip(*data, strict=True)
        feed = {
            own: numpy.array(column, numpy.float32).reshape(-1, 1) for own, column in zip(names, columns, strict=True)
        }
        found = session.run(None, feed)
        outputs = [one.name for one in session.get_outputs()]
        made = iter(range(len(data)))
        result: list[Mapping[str, object]] = []
        for whole in kept:
            place = next(made) if whole else 0
            pairs = zip(outputs, found, strict=True)
            result.append({own: _plain(numpy.ravel(values[place])[0]) for own, values in pairs} if whole else {})
        return result

    return predict


def _module(name: str, reason: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise SplError(reason, hint=f"install it: pip install {name}", code="missing-package") from None


def places(given: Path | str | Places | None) -> Places | None:
    """The geographic database of `Session.geoip`. Raises InputError where it cannot be read."""
    if given is None:
        return None
    return opened(Path(given)).find if isinstance(given, str | Path) else given
