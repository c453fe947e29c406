"""The core's library in this process: its functions as operators of torch, and what it holds for Python."""

from __future__ import annotations

import atexit
import ctypes
import functools
import json
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from . import engines, installation
from .errors import Error

if TYPE_CHECKING:
    import torch

_Take = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int32)
_FUNCTIONS = ("policy", "loss", "history", "actions", "load", "plan", "encoder", "encode", "cache", "latents")


@functools.cache
def library(needs_libero: bool = False) -> ctypes.CDLL:
    """The library, which finds its engines where this environment has them."""
    deps = engines.folder(needs_libero)
    # Read by the library when it opens an engine, and right for a program that this process starts.
    os.environ.update(engines.environment(deps))
    loaded = ctypes.CDLL(str(installation.library()))
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    loaded.lerobot_wm_call.argtypes = [
        ctypes.c_char_p, ctypes.c_char_p, pointer, pointer, ctypes.c_int32, _Take, pointer,
    ]  # fmt: skip
    loaded.lerobot_wm_observe.argtypes = [number, pointer, number, pointer, number, _Take, pointer]
    loaded.lerobot_wm_release.argtypes = [number]
    for function in (loaded.lerobot_wm_call, loaded.lerobot_wm_observe, loaded.lerobot_wm_release):
        function.restype = None
    return loaded


@functools.cache
def _operators() -> Any:
    import torch

    loaded = library()
    deps = engines.folder()
    engines.compile_shims(deps, only_torch=True)
    shim = ctypes.CDLL(str(deps / "shims" / f"libwm_operators-{torch.__version__}.so"))
    define = shim.lerobot_wm_define_operators
    define.restype = ctypes.c_char_p
    define.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_void_p]
    names = (ctypes.c_char_p * len(_FUNCTIONS))(*[name.encode() for name in _FUNCTIONS])
    problem = define(names, len(_FUNCTIONS), ctypes.cast(loaded.lerobot_wm_call, ctypes.c_void_p))
    if problem is not None:
        raise Error(problem.decode())
    return torch.ops.lerobot_wm


def call(
    function: str, request: Mapping[str, Any], tensors: Mapping[str, torch.Tensor] | None = None
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Calls a function of the core; torch's autograd records what it computes.

    Returns its answer, and its tensors by name. The functions are listed in `PythonCore/CoreFunctions.swift`.
    """
    tensors = tensors or {}
    operator = getattr(_operators(), function)
    try:
        with _running(), _outside_inference_mode():
            text, results = operator(json.dumps(request), list(tensors), list(tensors.values()))
    except RuntimeError as error:
        # Libtorch does not tell what a callback has raised.
        sentence = str(error)
        raise Error(sentence + "Python code that it called raised" if sentence.endswith(": ") else sentence) from None
    answer = json.loads(text)
    return answer, dict(zip(answer.pop("names", []), results))


@contextmanager
def _outside_inference_mode() -> Iterator[None]:
    """What the core keeps for later calls must serve training too."""
    import torch

    if not torch.is_inference_mode_enabled():
        yield
        return
    with torch.inference_mode(False), torch.no_grad():
        yield


class _Calls:
    """The calls of other threads than the main one, which the interpreter's end waits for.

    Python ends a thread that comes back to it after that, and the whole process where C++ is on the thread's stack; so
    such a thread, which can only be a daemon, rests until the process has ended.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0
        self._is_ending = False
        atexit.register(self._end)

    def __enter__(self) -> None:
        self._add(1)

    def __exit__(self, *_: object) -> None:
        self._add(-1)

    def _add(self, change: int) -> None:
        with self._condition:
            is_ending = self._is_ending
            if not is_ending or change < 0:
                self._count += change
            self._condition.notify_all()
        if is_ending:
            threading.Event().wait()

    def _end(self) -> None:
        with self._condition:
            self._is_ending = True
            self._condition.wait_for(lambda: self._count == 0)


_calls = _Calls()


def _running() -> Any:
    return nullcontext() if threading.current_thread() is threading.main_thread() else _calls


def call_without_tensors(function: str, request: Mapping[str, Any], *, needs_libero: bool = False) -> dict[str, Any]:
    """Calls a function of the core that works without torch."""
    text = json.dumps(request).encode()
    called = library(needs_libero).lerobot_wm_call
    return json.loads(_taken(lambda take: called(function.encode(), text, None, None, 0, take, None)))


def observe(environment: int, images: int, image_bytes: int, state: int, state_count: int) -> None:
    """Has an environment's observation copied to two addresses."""
    called = library(True).lerobot_wm_observe
    _taken(lambda take: called(environment, images, image_bytes, state, state_count, take, None))


def _taken(body: Callable[[Any], None]) -> str:
    taken: list[tuple[bool, str]] = []
    with _running():
        body(_Take(lambda _, answer, __, count: taken.append((count < 0, answer.decode()))))
    failed, answer = taken[0]
    if failed:
        raise Error(answer)
    return answer


def released_with(owner: object, number: int) -> int:
    """The number of an object of the core, which is released when `owner` is gone."""
    release = weakref.finalize(owner, library().lerobot_wm_release, number)
    # At the interpreter's end the process gives everything back.
    release.atexit = False
    return number
