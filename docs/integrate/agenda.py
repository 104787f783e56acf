"""A provider's agenda: accept what is asked for, report what took place, read what will be paid.

    python agenda.py confirm              every few minutes, or
    python agenda.py listen 8080          called by Beatrice's webhooks
    python agenda.py deliver bkg_...      when the visits of a booking took place
    python agenda.py statement            the newest settlement

Settings: BEATRICE_URL, BEATRICE_PROVIDER (org_...), BEATRICE_KEY; to listen also BEATRICE_WEBHOOK_SECRET (whsec_...).
"""

import os
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
from standardwebhooks import Webhook, WebhookVerificationError

api = httpx.Client(
    base_url=f"{os.environ['BEATRICE_URL']}/v1/providers/{os.environ['BEATRICE_PROVIDER']}",
    headers={"Authorization": f"Bearer {os.environ['BEATRICE_KEY']}"},
    timeout=30,
)


def every(path: str, **filters: str) -> Iterator[dict[str, Any]]:
    """Read a list page by page."""
    page = {"next_cursor": ""}
    while (cursor := page["next_cursor"]) is not None:
        page = api.get(path, params=filters | ({"cursor": cursor} if cursor else {})).raise_for_status().json()
        yield from page["data"]


def act(booking_id: str, verb: str) -> None:
    """Do something once: a repeat under the same key, after an answer got lost, has no second effect."""
    answer = api.post(f"/bookings/{booking_id}/{verb}", headers={"Idempotency-Key": f"{verb}-{booking_id}"})
    if answer.status_code == httpx.codes.CONFLICT:  # withdrawn, too late, or done already: `code` says which
        print(booking_id, answer.json()["code"])
    else:
        print(booking_id, answer.raise_for_status().json()["status"])


def confirm() -> None:
    """Accept all that waits for an answer; a real agenda would look at its carers' calendars first."""
    for booking in every("/bookings", status="requested"):
        act(booking["id"], "confirm")


def statement() -> None:
    """Print the newest settlement line by line."""
    newest = next(every("/settlements"))
    for line in api.get(f"/settlements/{newest['id']}").raise_for_status().json()["lines"]:
        print(line["service_on"], line["unit_id"], line["net_cents"])
    print(newest["number"], newest["status"], newest["payout_cents"], "on", newest["pay_on"])


class Receiver(BaseHTTPRequestHandler):
    """Where webhooks arrive: an event names an object; what is not answered with 2xx comes again."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = Webhook(os.environ["BEATRICE_WEBHOOK_SECRET"]).verify(body, dict(self.headers.items()))
        except WebhookVerificationError:
            return self.send_error(400)
        if event["type"] == "booking.requested":
            act(event["data"]["id"], "confirm")
        self.send_response(204)
        return self.end_headers()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["confirm"]:
            confirm()
        case ["deliver", booking_id]:
            act(booking_id, "deliver")
        case ["statement"]:
            statement()
        case ["listen", port]:
            server = HTTPServer(("127.0.0.1", int(port)), Receiver)
            print("listening on", port, flush=True)
            confirm()  # what was asked for while nobody listened
            server.serve_forever()
        case _:
            sys.exit(__doc__)
