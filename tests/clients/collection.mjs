/* Makes a Postman collection (Bruno and Insomnia read it too) from the document: node collection.mjs DOCUMENT COLLECTION */

import { readFileSync, writeFileSync } from "node:fs";
import converter from "openapi-to-postmanv2";

const [document, target] = process.argv.slice(2);
const options = {
  folderStrategy: "Tags",
  parametersResolution: "Example",
  enableOptionalParameters: false,
  alwaysInheritAuthentication: true,
};

function* requests(items) {
  for (const item of items) item.item ? yield* requests(item.item) : yield item;
}

function finish(collection) {
  collection.info._postman_id = "beatrice"; // the converter's are random: the same document makes the same file
  collection.auth = { type: "bearer", bearer: [{ key: "token", value: "{{token}}", type: "string" }] };
  collection.variable = [{ key: "baseUrl", value: "http://127.0.0.1:8000" }, { key: "token", value: "" }];
  for (const item of requests(collection.item)) {
    item.response = []; // nine tenths of the file; /docs shows them
    item.event = [];
    const key = item.request.header.find((header) => header.key === "Idempotency-Key");
    if (key) key.value = "{{$guid}}";
    if (item.name === "Token Create") keepToken(item);
  }
  return JSON.stringify(collection, (name, value) => (name === "id" ? undefined : value), 1);
}

/** Logging in fills the variable `token`, which every other request sends. */
function keepToken(item) {
  const login = { username: "employee1@orobia-stampi.example", password: "beatrice-demo-2026" };
  item.request.body.urlencoded = Object.entries(login).map(([key, value]) => ({ key, value }));
  const exec = ['pm.collectionVariables.set("token", pm.response.json().access_token);'];
  item.event = [{ listen: "test", script: { type: "text/javascript", exec } }];
}

converter.convertV2({ type: "string", data: readFileSync(document, "utf8") }, options, (error, done) => {
  if (error || !done.result) throw error ?? new Error(done.reason);
  writeFileSync(target, finish(done.output[0].data) + "\n");
});
