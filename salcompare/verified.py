"""A Zarr store that gives out no bytes but those that were written into it."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Self

from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore, WrapperStore

from salcompare.errors import DamagedError, Problem
from salcompare.provenance import sha256_of_bytes


class Verified(WrapperStore[LocalStore]):
    """A local store whose every file is held against its checksum (`provenance.sums_of_folder`) as it is read.

    A chunk that is gone is an error too, as Zarr would read it as zeros; so is a file that does not belong here.
    """

    def __init__(self, store: LocalStore, sums: Mapping[str, str], remedy: str) -> None:
        super().__init__(store)
        self._sums, self._remedy = sums, remedy

    def _with_store(self, store: LocalStore) -> Self:
        return type(self)(store, self._sums, self._remedy)

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Read a file, checked as a whole even where part of it is asked for."""
        whole = await self._store.get(key, prototype)
        self._check(key, whole)
        return whole if byte_range is None else await self._store.get(key, prototype, byte_range)

    async def get_partial_values(self, prototype: BufferPrototype,
                                 key_ranges: Iterable[tuple[str, ByteRequest | None]]) -> list[Buffer | None]:
        """Read parts of files, each checked as a whole."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    async def _get_many(self, requests: Iterable[tuple[str, BufferPrototype, ByteRequest | None]],
                        ) -> AsyncGenerator[tuple[str, Buffer | None], None]:
        for key, prototype, byte_range in requests:
            yield key, await self.get(key, prototype, byte_range)

    def _check(self, key: str, whole: Buffer | None) -> None:
        expected = self._sums.get(key)
        content = whole.to_bytes() if whole is not None else None
        if expected == (None if content is None else f"{len(content)} {sha256_of_bytes(content)}"):
            return
        fault = "is gone" if content is None else (
            "was not there when the store was made" if expected is None else
            "is damaged (its bytes are not those written)")
        raise DamagedError(Problem(str(self._store.root / key), fault, remedy=self._remedy))
