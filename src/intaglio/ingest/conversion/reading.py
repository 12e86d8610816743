"""Data that are read anywhere: a file, and another source through windows that are kept for a while."""

import asyncio
import os
from collections import OrderedDict

from intaglio.ingest.conversion.base import CannotConvert, Source

_KEPT = 16  # windows


class FileSource:
    """An open file. It is not closed here."""

    def __init__(self, descriptor: int, size: int) -> None:
        self.size = size
        self._descriptor = descriptor

    async def read(self, offset: int, length: int) -> bytes:
        """These bytes."""
        data = await asyncio.to_thread(os.pread, self._descriptor, length, offset)
        if len(data) != length:
            raise CannotConvert("A file became shorter while it was read.")
        return data


class Windowed:
    """Another source, read in windows: for a reader of many small pieces that are near each other."""

    def __init__(self, source: Source, window: int) -> None:
        self.size = source.size
        self._source = source
        self._window = window
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    async def read(self, offset: int, length: int) -> bytes:
        """These bytes; long pieces pass the windows by."""
        if length >= self._window:
            return await self._source.read(offset, length)
        numbers = range(offset // self._window, (offset + length - 1) // self._window + 1)
        data = b"".join([await self._at(number) for number in numbers])
        begin = offset - numbers.start * self._window
        return data[begin : begin + length]

    async def _at(self, number: int) -> bytes:
        if number not in self._kept:
            begin = number * self._window
            self._kept[number] = await self._source.read(begin, min(self._window, self.size - begin))
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(number)
        return self._kept[number]
