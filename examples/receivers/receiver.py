# SPDX-License-Identifier: MIT
import base64, http.server, json, os
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

KEY = serialization.load_pem_public_key(open("public.pem", "rb").read())

class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            signature = base64.b64decode(self.headers.get("X-Postal-Signature-256", ""))
            KEY.verify(signature, body, PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            return self.send_error(403)
        print(json.loads(body)["event"], flush=True)
        self.send_response(200)
        self.end_headers()

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.getenv("PORT", 3000))), Receiver).serve_forever()
