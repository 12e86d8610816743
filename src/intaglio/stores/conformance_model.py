"""A store against a dictionary: hypothesis looks for a sequence of calls after which they differ."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from intaglio.stores.base import Exists, NotFound, OutOfRange, Store
from intaglio.stores.conformance_sources import Died, dying, listed

_KEYS = st.sampled_from(["a", "ab", "abc", "b", "0.raw"])
_DATA = st.one_of(
    st.binary(max_size=300),
    st.integers(1, 200_000).map(bytes),
    st.binary(min_size=70, max_size=99).map(lambda part: part * 997),
)


class _Model(RuleBasedStateMachine):
    make: ClassVar[Callable[[], Store]]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.expected: dict[str, bytes] = {}
        self.store = type(self).make()
        self.runner.run(self.store.prepare())

    @rule(key=_KEYS, buffers=st.lists(_DATA, max_size=5), hint=st.none() | st.integers(0, 10**6))
    def put(self, key: str, buffers: list[bytes], hint: int | None) -> None:
        data = b"".join(buffers)
        try:
            stat = self.runner.run(self.store.put(key, listed([[buffer] for buffer in buffers]), hint))
        except Exists:
            assert key in self.expected
        else:
            assert key not in self.expected
            assert (stat.key, stat.size) == (key, len(data))
            self.expected[key] = data

    @rule(key=_KEYS, data=_DATA)
    def put_that_fails(self, key: str, data: bytes) -> None:
        try:
            self.runner.run(self.store.put(key, dying(data, 1000)))
        except Exists:
            assert key in self.expected
        except Died:
            assert key not in self.expected
        else:
            raise AssertionError("the source's error was lost")

    @rule(key=_KEYS)
    def delete(self, key: str) -> None:
        try:
            self.runner.run(self.store.delete(key))
        except NotFound:
            assert key not in self.expected
        else:
            del self.expected[key]

    @precondition(lambda self: self.expected and self.store.abilities.ranges)
    @rule(pick=st.randoms(use_true_random=False), offset=st.integers(-1, 400), length=st.none() | st.integers(0, 400))
    def read(self, pick: Random, offset: int, length: int | None) -> None:
        key = pick.choice(sorted(self.expected))
        data = self.expected[key]
        end = len(data) if length is None else offset + length
        try:
            got = self.runner.run(self.content(key, offset, length))
        except OutOfRange:
            assert offset < 0 or end > len(data) or offset > end
        else:
            assert 0 <= offset <= end <= len(data)
            assert got == data[offset:end]

    @rule(prefix=st.sampled_from(["a", "ab", "b", "zz"]))
    def list(self, prefix: str) -> None:
        assert self.runner.run(self.sizes(prefix)) == {
            key: len(data) for key, data in self.expected.items() if key.startswith(prefix)
        }

    @rule()
    def sweep(self) -> None:
        assert self.runner.run(self.store.sweep()) == 0

    @invariant()
    def same(self) -> None:
        assert self.runner.run(self.sizes("")) == {key: len(data) for key, data in self.expected.items()}
        for key, data in self.expected.items():
            assert self.runner.run(self.content(key)) == data

    def teardown(self) -> None:
        for key in self.expected:
            self.runner.run(self.store.delete(key))
        self.runner.run(self.store.close())
        self.runner.close()

    async def content(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        return b"".join([piece async for piece in self.store.open(key, offset, length)])

    async def sizes(self, prefix: str) -> dict[str, int]:
        return {stat.key: stat.size async for stat in self.store.list(prefix)}


def model(make: Callable[[], Store]) -> type[RuleBasedStateMachine]:
    """A state machine over fresh stores from `make`."""
    return type("Model", (_Model,), {"make": staticmethod(make)})
