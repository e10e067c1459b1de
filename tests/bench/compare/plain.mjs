// SPDX-License-Identifier: MIT
// plain.mjs URL: Express that answers at once and posts with fetch. Nothing survives a crash.
import express from "express";
import { deliver, envelope } from "./envelope.mjs";

const url = process.argv[2];
const concurrency = 64;
const waiting = [];
let running = 0;

function next() {
  while (running < concurrency && waiting.length > 0) {
    running++;
    deliver(url, waiting.shift()).catch(() => {}).finally(() => { running--; next(); });
  }
}

const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.post("/webhooks/bizmail", express.json(), (request, response) => {
  waiting.push(envelope(request.body));
  response.json({ code: 200, status: "accepted" });
  next();
});
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
