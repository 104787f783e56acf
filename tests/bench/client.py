"""The load: keep-alive connections that book as fast as they are answered, in a process of its own.

Reads {"port", "clients", "requests": [[authorization, key, quote id], ...]} on stdin, writes what it saw on stdout.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import uvloop

HOST = "127.0.0.1"


def request_bytes(authorization: str, key: str, quote: str) -> bytes:
    body = json.dumps({"quote_id": quote}).encode()
    return (
        f"POST /v1/me/bookings HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: {authorization}\r\n"
        f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def book(port: int, requests: Iterator[bytes], seen: list[tuple[int, float]]) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    for request in requests:
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        seen.append((int(head[9:12]), time.perf_counter() - began))
    writer.close()
    await writer.wait_closed()


async def load(order: dict[str, Any]) -> dict[str, Any]:
    requests = iter([request_bytes(*each) for each in order["requests"]])
    seen: list[tuple[int, float]] = []
    cpu, began = time.process_time(), time.perf_counter()
    await asyncio.gather(*(book(order["port"], requests, seen) for _ in range(order["clients"])))
    seconds = time.perf_counter() - began
    times = sorted(took for _, took in seen)
    return {
        "seconds": seconds,
        "cpu_seconds": time.process_time() - cpu,
        "statuses": Counter(str(status) for status, _ in seen),
        "p50_ms": 1000 * times[len(times) // 2],
        "p99_ms": 1000 * times[len(times) * 99 // 100],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(uvloop.run(load(json.load(sys.stdin)))))
