<?php // SPDX-License-Identifier: MIT
$body = file_get_contents('php://input');
$signature = base64_decode($_SERVER['HTTP_X_POSTAL_SIGNATURE_256'] ?? '');
$key = openssl_pkey_get_public(file_get_contents('public.pem'));
if (openssl_verify($body, $signature, $key, OPENSSL_ALGO_SHA256) !== 1) {
    http_response_code(403);
    exit;
}
error_log(json_decode($body)->event);
http_response_code(200);
