"""How much may come in how much time: a bucket for each name that fills steadily and empties by one with each request."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable

from shared.clock import ticks

_MOST = 10_000


class Pace:
    """Buckets by name. They belong to this process: `n` replicas let through `n` times as much."""

    def __init__(self, now: Callable[[], float] = ticks) -> None:
        self._now = now
        self._buckets: OrderedDict[tuple[str, ...], tuple[float, float]] = OrderedDict()

    def wait(self, name: tuple[str, ...], per_minute: int, burst: int) -> float:
        """Take one from the bucket `name`: 0 if there was one, else seconds until there will be."""
        now, rate = self._now(), per_minute / 60
        left, since = self._buckets.pop(name, (float(burst), now))
        left = min(float(burst), left + (now - since) * rate)
        missing = 1 - left
        self._buckets[name] = (left if missing > 0 else left - 1, now)
        if len(self._buckets) > _MOST:  # the one not used for longest is nearly full again anyway
            self._buckets.popitem(last=False)
        return missing / rate if missing > 0 else 0.0


def neighbourhood(address: str) -> str:
    """What one visitor can have: an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))
