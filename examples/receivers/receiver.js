// SPDX-License-Identifier: MIT
const crypto = require("node:crypto"), fs = require("node:fs"), http = require("node:http");

const key = crypto.createPublicKey(fs.readFileSync("public.pem"));
http.createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const signature = Buffer.from(request.headers["x-postal-signature-256"] ?? "", "base64");
  const valid = crypto.verify("sha256", body, key, signature);
  if (valid) console.log(JSON.parse(body).event);
  response.writeHead(valid ? 200 : 403).end();
}).listen(process.env.PORT ?? 3000, "127.0.0.1");
