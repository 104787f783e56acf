/* The journey with the client that openapi-generator makes for typescript-fetch: EMAIL CSV PAYMENT_FILE; prints what it did. */

import { readFileSync, writeFileSync } from "node:fs";
import { CompanyApi, Configuration, EmployeeApi, OperatorApi, PublicApi, SessionApi } from "./classes_client/index.js";

const basePath = process.env.BEATRICE_URL;
const password = "beatrice-demo-2026";
const [email = "", csv = "", target = ""] = process.argv.slice(2);

function first<T>(found: T[]): T {
  if (found[0] === undefined) throw new Error("nothing there");
  return found[0];
}

async function logIn(username: string): Promise<Configuration> {
  const { accessToken } = await new SessionApi(new Configuration({ basePath })).tokenCreate({ username, password });
  return new Configuration({ basePath, accessToken });
}

async function book() {
  const configuration = await logIn(email);
  const me = new EmployeeApi(configuration);
  const catalogue = new PublicApi(configuration);
  const beneficiary = first((await me.beneficiaryList()).data);
  const offering = first((await catalogue.offeringSearch({ category: "physiotherapy", municipality: "016004" })).data);
  const slot = first((await catalogue.slotSearch({ offeringId: offering.id })).data);
  const quoteCreate = { offeringId: offering.id, beneficiaryId: beneficiary.id, slotIds: [slot.id] };
  const quote = await me.quoteCreate({ quoteCreate });
  const booking = await me.bookingCreate({ idempotencyKey: crypto.randomUUID(), bookingCreate: { quoteId: quote.id } });
  const startsAt = first(booking.units).startsAt;
  return { booking_id: booking.id, status: booking.status, starts_at: startsAt.toISOString().replace(".000", "") };
}

async function hire(): Promise<number> {
  const configuration = await logIn("hr@orobia-stampi.example");
  const companyId = first((await new SessionApi(configuration).meGet()).memberships).organisationId;
  const body = new Blob([readFileSync(csv)]);
  return (await new CompanyApi(configuration).employeeImport({ companyId, body })).created;
}

async function download(): Promise<void> {
  const finance = new OperatorApi(await logIn("finance@beatrice.example"));
  const runId = first((await finance.settlementRunList()).data).id;
  const file = await finance.settlementRunPaymentFile({ runId });
  writeFileSync(target, Buffer.from(await file.arrayBuffer()));
}

await download();
console.log(JSON.stringify({ ...(await book()), created: await hire() }));
