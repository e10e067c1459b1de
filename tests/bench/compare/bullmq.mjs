// SPDX-License-Identifier: MIT
// bullmq.mjs accept|deliver SOCKET [URL]: Express that answers when the job is in Redis, and the worker
// that delivers it, each a process of its own as BullMQ's guide has it.
import { Queue, Worker } from "bullmq";
import express from "express";
import { deliver, envelope } from "./envelope.mjs";

const [role, socket, url] = process.argv.slice(2);
const connection = { path: socket, maxRetriesPerRequest: null };

if (role === "deliver") {
  new Worker("events", (job) => deliver(url, job.data), {
    connection, concurrency: 64, removeOnComplete: { count: 0 },
  });
  console.log("ready");
} else {
  const queue = new Queue("events", {
    connection,
    defaultJobOptions: {
      attempts: 13, backoff: { type: "exponential", delay: 120000 }, removeOnComplete: true,
    },
  });
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.post("/webhooks/bizmail", express.json(), async (request, response) => {
    await queue.add("event", envelope(request.body));
    response.json({ code: 200, status: "accepted" });
  });
  const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
}
