# SPDX-License-Identifier: MIT
require "json"
require "openssl"
require "webrick"

KEY = OpenSSL::PKey::RSA.new(File.read("public.pem"))
server = WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: ENV.fetch("PORT", 3000).to_i)
server.mount_proc("/") do |request, response|
  signature = request["X-Postal-Signature-256"].to_s.unpack1("m")
  valid = KEY.verify(OpenSSL::Digest.new("SHA256"), signature, request.body.to_s)
  puts JSON.parse(request.body)["event"] if valid
  response.status = valid ? 200 : 403
end
server.start
