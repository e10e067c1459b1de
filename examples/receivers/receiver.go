// SPDX-License-Identifier: MIT
package main

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	text, _ := os.ReadFile("public.pem")
	block, _ := pem.Decode(text)
	if block == nil {
		log.Fatal("public.pem: no PEM file")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		log.Fatal(err)
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "3000"
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		digest := sha256.Sum256(body)
		signature, _ := base64.StdEncoding.DecodeString(r.Header.Get("X-Postal-Signature-256"))
		if rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), crypto.SHA256, digest[:], signature) != nil {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		log.Printf("%s", body)
	})))
}
