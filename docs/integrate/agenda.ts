/* A provider's agenda: accept what is asked for, report what took place, read what will be paid.

     node agenda.js confirm              every few minutes, or
     node agenda.js listen 8080          called by Beatrice's webhooks
     node agenda.js deliver bkg_...      when the visits of a booking took place
     node agenda.js statement            the newest settlement

   Settings: BEATRICE_URL, BEATRICE_PROVIDER (org_...), BEATRICE_KEY; to listen also BEATRICE_WEBHOOK_SECRET (whsec_...).
   The types are those of the document: npx openapi-typescript $BEATRICE_URL/openapi.json -o schema.d.ts */

import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import createClient from "openapi-fetch";
import { Webhook } from "standardwebhooks";
import type { components, paths } from "./schema.js";

type Event = { type: string; data: { id: string } };
type Booking = components["schemas"]["ProviderBookingRead"];

const { BEATRICE_URL, BEATRICE_PROVIDER: provider_id = "", BEATRICE_KEY, BEATRICE_WEBHOOK_SECRET = "" } = process.env;
const api = createClient<paths>({ baseUrl: BEATRICE_URL, headers: { Authorization: `Bearer ${BEATRICE_KEY}` } });

/** Read the requests page by page. */
async function* requested(): AsyncGenerator<Booking> {
  for (let cursor: string | undefined | null; cursor !== null; ) {
    const query = { status: ["requested" as const], cursor };
    const { data, error } = await api.GET("/v1/providers/{provider_id}/bookings", { params: { path: { provider_id }, query } });
    if (!data) throw new Error(error.detail);
    yield* data.data;
    cursor = data.next_cursor;
  }
}

/** Do something once: a repeat under the same key, after an answer got lost, has no second effect. */
async function act(booking_id: string, verb: "confirm" | "deliver"): Promise<void> {
  const params = { path: { provider_id, booking_id }, header: { "Idempotency-Key": `${verb}-${booking_id}` } };
  const { data, error } = await api.POST(`/v1/providers/{provider_id}/bookings/{booking_id}/${verb}`, { params });
  if (error && error.status !== 409) throw new Error(error.detail);
  console.log(booking_id, data?.status ?? error?.code); // 409: withdrawn, too late, or done already
}

/** Accept all that waits for an answer; a real agenda would look at its carers' calendars first. */
async function confirm(): Promise<void> {
  for await (const booking of requested()) await act(booking.id, "confirm");
}

/** Print the newest settlement line by line. */
async function statement(): Promise<void> {
  const list = await api.GET("/v1/providers/{provider_id}/settlements", { params: { path: { provider_id } } });
  const newest = list.data?.data[0];
  if (!newest) throw new Error("no settlement yet");
  const path = { provider_id, settlement_id: newest.id };
  const { data, error } = await api.GET("/v1/providers/{provider_id}/settlements/{settlement_id}", { params: { path } });
  if (!data) throw new Error(error.detail);
  for (const line of data.lines) console.log(line.service_on, line.unit_id, line.net_cents);
  console.log(newest.number, newest.status, newest.payout_cents, "on", newest.pay_on);
}

/** Where webhooks arrive: an event names an object; what is not answered with 2xx comes again. */
const receiver = createServer(async (request, response) => {
  try {
    const headers = request.headers as Record<string, string>;
    const event = new Webhook(BEATRICE_WEBHOOK_SECRET).verify(await text(request), headers) as Event;
    if (event.type === "booking.requested") await act(event.data.id, "confirm");
    response.writeHead(204).end();
  } catch {
    response.writeHead(400).end();
  }
});

const [verb, argument = ""] = process.argv.slice(2);
if (verb === "confirm") await confirm();
else if (verb === "deliver") await act(argument, "deliver");
else if (verb === "statement") await statement();
else if (verb === "listen") receiver.listen(Number(argument), "127.0.0.1", () => {
  console.log("listening on", argument);
  void confirm(); // what was asked for while nobody listened
});
else throw new Error("confirm | deliver BOOKING | statement | listen PORT");
