/* The journey with openapi-fetch over the types of openapi-typescript: EMAIL CSV PAYMENT_FILE; prints what it did. */

import { readFileSync, writeFileSync } from "node:fs";
import createClient, { type Client } from "openapi-fetch";
import type { paths } from "./schema.js";

const baseUrl = process.env.BEATRICE_URL;
const password = "beatrice-demo-2026";
const [email = "", csv = "", target = ""] = process.argv.slice(2);

function got<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

async function logIn(username: string): Promise<Client<paths>> {
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  const token = got(await createClient<paths>({ baseUrl }).POST("/v1/auth/token", { headers, body: { username, password } }));
  return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token.access_token}` } });
}

async function book() {
  const me = await logIn(email);
  const [beneficiary] = got(await me.GET("/v1/me/beneficiaries")).data;
  const query = { category: "physiotherapy", municipality: "016004" };
  const [offering] = got(await me.GET("/v1/offerings", { params: { query } })).data;
  if (!beneficiary || !offering) throw new Error("nobody or nothing to book for");
  const path = { offering_id: offering.id };
  const [slot] = got(await me.GET("/v1/offerings/{offering_id}/slots", { params: { path } })).data;
  if (!slot) throw new Error("no slot");
  const wanted = { offering_id: offering.id, beneficiary_id: beneficiary.id, slot_ids: [slot.id] };
  const quote = got(await me.POST("/v1/me/quotes", { body: wanted }));
  const header = { "Idempotency-Key": crypto.randomUUID() };
  const booking = got(await me.POST("/v1/me/bookings", { params: { header }, body: { quote_id: quote.id } }));
  return { booking_id: booking.id, status: booking.status, starts_at: booking.units[0]?.starts_at };
}

async function hire(): Promise<number> {
  const hr = await logIn("hr@orobia-stampi.example");
  const company_id = got(await hr.GET("/v1/me")).memberships[0]?.organisation_id ?? "";
  const done = await hr.POST("/v1/companies/{company_id}/employees/import", {
    params: { path: { company_id } },
    headers: { "Content-Type": "text/csv" },
    body: readFileSync(csv, "utf8"),
    bodySerializer: (body) => body,
  });
  return got(done).created;
}

async function download(): Promise<void> {
  const finance = await logIn("finance@beatrice.example");
  const run_id = got(await finance.GET("/v1/operator/settlement_runs")).data[0]?.id ?? "";
  const params = { path: { run_id } };
  const file = await finance.GET("/v1/operator/settlement_runs/{run_id}/payment_file", { params, parseAs: "arrayBuffer" });
  writeFileSync(target, Buffer.from(got(file)));
}

await download();
console.log(JSON.stringify({ ...(await book()), created: await hire() }));
