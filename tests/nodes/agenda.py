"""What is to be done when: actions on a timeline, carried out by a few threads."""

import heapq
import itertools
import sys
import threading
import time
import traceback
from collections.abc import Callable

Action = Callable[[], None]


class Agenda:
    """Threads that carry out actions when they are due. An action that fails is said on standard error and forgotten."""

    def __init__(self, threads: int):
        self.due: list[tuple[float, int, Action]] = []
        self.number = itertools.count()
        self.changed = threading.Condition()
        self.ended = False
        for _ in range(threads):
            threading.Thread(target=self.work, daemon=True).start()

    def after(self, seconds: float, action: Action) -> None:
        with self.changed:
            heapq.heappush(self.due, (time.monotonic() + seconds, next(self.number), action))
            self.changed.notify()

    def end(self) -> None:
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def take(self) -> Action | None:
        """The next action once it is due; nothing at the end."""
        with self.changed:
            while not self.ended:
                wait = self.due[0][0] - time.monotonic() if self.due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self.due)[2]
                self.changed.wait(wait)
        return None

    def work(self) -> None:
        while action := self.take():
            try:
                action()
            except Exception:  # noqa: BLE001  one bad pod must not stop the other nodes
                traceback.print_exc(file=sys.stderr)
