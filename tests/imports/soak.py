"""Clients that do everything there is to do with images, at random, while the service dies under them."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Self

import httpx

from tests.imports.source import Source

SIZES = (0, 1000, 70_000, 400_000)
_FORMATS = {"disk_format": "raw", "container_format": "bare"}


class Clients:
    """Some threads, each with a random stream of its own, so that a seed says what is asked for."""

    def __init__(self, url: str, source: Source, seed: int, number: int = 3) -> None:
        self.answers: Counter[str] = Counter()
        self._url = url
        self._source = source
        self._stop = threading.Event()
        self._answered = 0
        self._known: list[str] = []
        self._empty: list[str] = []
        self._staged: list[str] = []
        self._threads = [
            threading.Thread(target=self._work, args=(random.Random(f"{seed}-{n}"),)) for n in range(number)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def answered(self) -> int:
        """How many calls had an answer so far."""
        return self._answered

    def _work(self, chance: random.Random) -> None:
        doings: list[Callable[[httpx.Client, random.Random], httpx.Response]] = [
            self._create,
            self._upload,
            self._stage,
            self._import_staged,
            self._fetch,
            self._fetch_by_task,
            self._from_region,
            self._copy,
            self._cancel,
            self._delete,
        ]
        weights = (6, 1, 3, 3, 2, 1, 2, 3, 1, 2)
        with httpx.Client(base_url=self._url, timeout=20, headers={"X-Auth-Token": "a token"}) as client:
            while not self._stop.is_set():
                (do,) = chance.choices(doings, weights)
                try:
                    said = str(do(client, chance).status_code)
                    self._answered += 1
                except httpx.TransportError:
                    said = "died"
                self.answers[f"{do.__name__.lstrip('_')} {said}"] += 1

    def _of(self, images: list[str], chance: random.Random) -> str:
        """Mostly one of these, which is then not one of them any more; sometimes another one, or none that there is."""
        if images and chance.random() < 0.9:
            return images.pop(chance.randrange(len(images)))
        return chance.choice(self._known[-20:] or ["00000000-0000-4000-8000-000000000000"])

    def _create(self, client: httpx.Client, chance: random.Random) -> httpx.Response:
        answer = client.post("/v2/images", json={**_FORMATS, "name": f"soak {chance.random()}"})
        if answer.status_code == 201:
            self._known.append(answer.json()["id"])
            self._empty.append(answer.json()["id"])
        return answer

    def _upload(self, client: httpx.Client, chance: random.Random) -> httpx.Response:
        return self._send(client, chance, self._of(self._empty, chance), "file")

    def _stage(self, client: httpx.Client, chance: random.Random) -> httpx.Response:
        image_id = self._of(self._empty, chance)
        answer = self._send(client, chance, image_id, "stage")
        if answer.status_code == 204:
            self._staged.append(image_id)
        return answer

    def _send(self, client: httpx.Client, chance: random.Random, image_id: str, what: str) -> httpx.Response:
        data = chance.randbytes(chance.choice(SIZES))
        headers = {"Content-Type": "application/octet-stream"}
        return client.put(f"/v2/images/{image_id}/{what}", content=data, headers=headers)

    def _ask(
        self, client: httpx.Client, chance: random.Random, images: list[str], method: dict[str, Any]
    ) -> httpx.Response:
        stores: dict[str, Any] = chance.choice(
            [
                {},
                {"stores": ["slow"]},
                {"all_stores": True},
                {"all_stores": True, "all_stores_must_succeed": False},
            ]
        )
        return client.post(f"/v2/images/{self._of(images, chance)}/import", json={"method": method, **stores})

    def _import_staged(self, client: httpx.Client, chance: random.Random) -> httpx.Response:
        return self._ask(client, chance, self._staged, {"name": "glance-direct"})

    def _fetch(self, client: httpx.Client, chance: random.Random) -> httpx.Response:
        return self._ask(client, chance, self._empty, {"name": "web-download", "uri": self._source.url})

    def _fetch_by_task(self, client: httpx.Client, chance: random.Random) -> httpx.Response:
        properties = {"name": f"by a task {chance.random()}", **_FORMATS}
        given = {"import_from": self._source.url, "import_from_format": "raw", "image_properties": properties}
        return client.post("/v2/tasks", json={"type": "import", "input": given})

    def _from_region(self, client: httpx.Client, chance: random.Random) -> httpx.Response:
        method = {"name": "glance-download", "glance_image_id": self._of([], chance), "glance_region": "There"}
        return self._ask(client, chance, self._empty, method)

    def _copy(self, client: httpx.Client, chance: random.Random) -> httpx.Response:
        return self._ask(client, chance, [], {"name": "copy-image"})

    def _cancel(self, client: httpx.Client, chance: random.Random) -> httpx.Response:
        return client.delete(f"/v2/images/{self._of([], chance)}/import")

    def _delete(self, client: httpx.Client, chance: random.Random) -> httpx.Response:
        return client.delete(f"/v2/images/{self._of([], chance)}")
