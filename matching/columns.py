"""Checked, read-only NumPy columns: how values enter a problem, and the error that refuses them."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Int8s = NDArray[np.int8]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

_Integer = TypeVar("_Integer", np.int8, np.int32, np.int64)
_Kind = TypeVar("_Kind", np.int8, np.int32, np.int64, np.bool_)


class InvalidProblem(ValueError):
    """A problem breaks a rule: ``array`` is the column, ``index`` the row or None, ``rule`` what is asked."""

    def __init__(self, array: str, index: int | None, rule: str) -> None:
        self.array, self.index, self.rule = array, index, rule
        super().__init__(f"{array}: {rule}" if index is None else f"{array}[{index}]: {rule}")


def default(given: ArrayLike | None, rows: int, value: int, dtype: type[np.int64 | np.bool_] = np.int64) -> ArrayLike:
    """The column given, or ``rows`` times the documented default."""
    return np.full(rows, value, dtype) if given is None else given


def column(
    name: str, values: ArrayLike, dtype: type[_Kind], rows: int | None = None, *, pairs: bool = False
) -> NDArray[_Kind]:
    """``values`` as a read-only contiguous column of ``dtype``, a copy unless nobody else can write to it.

    Raises:
        InvalidProblem: the shape is wrong, or a value is no such number.
    """
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidProblem(name, None, f"no column of numbers: {error}") from error
    if pairs and array.size == 0:
        array = array.reshape(0, 2)
    if pairs and (array.ndim != 2 or array.shape[1] != 2):
        raise InvalidProblem(name, None, f"expected shape (q, 2), got {array.shape}")
    if not pairs and array.ndim != 1:
        raise InvalidProblem(name, None, f"expected one dimension, got shape {array.shape}")
    if rows is not None and array.shape[0] != rows:
        raise InvalidProblem(name, None, f"expected {rows} rows, got {array.shape[0]}")
    converted = _converted(name, array, dtype)
    if converted is array or converted.base is not None:
        untouchable = isinstance(values, np.ndarray) and not array.flags.writeable and array.base is None
        converted = converted if untouchable and array.flags.c_contiguous else converted.copy()
    converted = np.ascontiguousarray(converted)
    converted.flags.writeable = False
    return converted


def _converted(name: str, array: NDArray[Any], dtype: type[_Kind]) -> NDArray[_Kind]:
    if array.dtype == np.dtype(dtype):
        return array
    if array.size == 0 and array.dtype.kind in "biuf":
        return array.astype(dtype)
    allowed = "iuf" if dtype is not np.bool_ else "biuf"
    if array.dtype.kind not in allowed:
        raise InvalidProblem(name, None, f"expected whole numbers ({np.dtype(dtype).name}), got {array.dtype}")
    if array.dtype.kind == "f":
        first(name, ~np.isfinite(array) | (array != np.floor(array)), "expected a whole number", array)
    lowest, highest = (0, 1) if dtype is np.bool_ else _limits(dtype)
    # `highest` of int64 rounds up to 2**63 as a float, which int64 cannot hold: hence the strict comparison.
    above = array >= float(highest) + 1 if array.dtype.kind == "f" else array > highest
    first(name, (array < lowest) | above, f"outside {np.dtype(dtype).name} [{lowest}, {highest}]", array)
    return array.astype(dtype)


def _limits(dtype: Any) -> tuple[int, int]:
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def first(name: str, broken: NDArray[np.bool_], rule: str, values: NDArray[Any] | None = None) -> None:
    """Refuse the first row (of a table: the row of the first element) where ``broken`` holds."""
    if not broken.any():
        return
    place = np.unravel_index(int(broken.argmax()), broken.shape)
    told = rule if values is None else f"{rule}, got {values[place]}"
    raise InvalidProblem(name, int(place[0]), told)


def at_least(name: str, array: NDArray[_Integer], lowest: int) -> None:
    """Refuse a value below ``lowest``."""
    if array.size and array.min() < lowest:
        first(name, array < lowest, f"must be at least {lowest}", array)


def between(name: str, array: NDArray[_Integer], lowest: int, end: int) -> None:
    """Refuse a value outside [lowest, end)."""
    if array.size and (array.min() < lowest or array.max() >= end):
        first(name, (array < lowest) | (array >= end), f"must lie in [{lowest}, {end})", array)
