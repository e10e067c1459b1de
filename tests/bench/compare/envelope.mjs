// SPDX-License-Identifier: MIT
// What both programs make of a BizMail event; they leave out what repostal does with doubtful ones.
import { randomInt, randomUUID } from "node:crypto";

export function envelope(event) {
  const now = Date.now() / 1000;
  return JSON.stringify({
    event: "MessageSent",
    timestamp: now,
    payload: {
      message: {
        id: randomInt(2 ** 30, 2 ** 31 - 1), token: randomUUID().slice(0, 16), direction: "outgoing",
        message_id: event.id, to: event.recipient, from: "", subject: "", timestamp: event.time,
        spam_status: "NotChecked", tag: null,
      },
      status: "Sent", details: `Message for ${event.recipient} accepted by ${event.mxHostname}`,
      output: event.response, sent_with_ssl: false, timestamp: event.time, time: 0,
    },
    uuid: randomUUID(),
  });
}

// Node's fetch keeps its connections.
export async function deliver(url, body) {
  const answer = await fetch(url, {
    method: "POST", body, headers: { "content-type": "application/json" },
    signal: AbortSignal.timeout(5000),
  });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`status ${answer.status}`);
}
