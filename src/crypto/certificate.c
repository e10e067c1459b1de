/* SPDX-License-Identifier: MIT */
#include "repostal/certificate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "openssl_priv.h"
#include "repostal/memory.h"

enum {
	SECONDS_A_DAY = 24 * 60 * 60,
	SECOND_MS = 1000
};

struct certificate {
	X509 *first;
};

/* The kinds of blocks in a PEM file. */
struct contents {
	bool certificate;
	bool key;
	bool encrypted_key;
	bool damage; /* where reading ended */
};

/* Never one that has no end, such as a device. */
static enum status open_file(const char *path, BIO **file_out, struct error *err)
{
	struct stat info;

	if (stat(path, &info) != 0) {
		error_set(err, "'%s': %s", path, strerror(errno));
		return STATUS_IO;
	}
	if (!S_ISREG(info.st_mode)) {
		error_set(err, "'%s' is not a file", path);
		return STATUS_INVALID;
	}
	*file_out = BIO_new_file(path, "re");
	if (*file_out == NULL) {
		error_set(err, "'%s': %s", path, strerror(errno));
		ERR_clear_error();
		return STATUS_IO;
	}
	return STATUS_OK;
}

static void note_block(const char *name, const char *header, struct contents *contents)
{
	contents->certificate |=
		strstr(name, "CERTIFICATE") != NULL && strstr(name, "REQUEST") == NULL;
	if (strstr(name, "PRIVATE KEY") == NULL)
		return;
	contents->key = true;
	contents->encrypted_key |=
		strstr(name, "ENCRYPTED") != NULL || strstr(header, "ENCRYPTED") != NULL;
}

/* Whether PEM reading ended because there was no further block. */
static bool is_at_end(void)
{
	unsigned long code = ERR_peek_last_error();
	bool at_end =
		ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;

	ERR_clear_error();
	return at_end;
}

/* Reads to the end of the last good block, and goes back to the start. */
static struct contents list_contents(BIO *file)
{
	struct contents contents = { 0 };
	char *name, *header;
	unsigned char *data;
	long size;

	while (PEM_read_bio(file, &name, &header, &data, &size) == 1) {
		note_block(name, header, &contents);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t)size);
	}
	contents.damage = !is_at_end();
	(void)BIO_seek(file, 0);
	return contents;
}

/* What a file holds in place of what it should. */
static const char *instead(
	const struct contents *contents, bool is_other, const char *other, const char *nothing)
{
	if (is_other)
		return other;
	return contents->damage ? "a PEM block that is damaged" : nothing;
}

static enum status read_chain(BIO *file, const char *path, X509 **first_out, struct error *err)
{
	X509 *next;

	*first_out = PEM_read_bio_X509_AUX(file, NULL, openssl_refuse_passphrase, NULL);
	if (*first_out == NULL) {
		ERR_clear_error();
		error_set(err, "'%s' holds a certificate that is damaged", path);
		return STATUS_INVALID;
	}
	while ((next = PEM_read_bio_X509(file, NULL, openssl_refuse_passphrase, NULL)) != NULL)
		X509_free(next);
	if (is_at_end())
		return STATUS_OK;
	error_set(err, "'%s' holds something damaged after its first certificate", path);
	return STATUS_INVALID;
}

enum status certificate_load(
	const char *path, struct certificate **certificate_out, struct error *err)
{
	struct contents contents;
	X509 *first = NULL;
	BIO *file = NULL;
	enum status status = open_file(path, &file, err);

	if (status != STATUS_OK)
		return status;
	contents = list_contents(file);
	if (contents.certificate) {
		status = read_chain(file, path, &first, err);
	} else {
		status = STATUS_INVALID;
		error_set(err, "'%s' holds %s", path,
			instead(&contents, contents.key,
				"a private key and no certificate: are the two swapped?",
				"no PEM certificate"));
	}
	BIO_free(file);
	if (status != STATUS_OK) {
		X509_free(first);
		return status;
	}
	*certificate_out = memory_zalloc(sizeof(**certificate_out));
	(*certificate_out)->first = first;
	return STATUS_OK;
}

void certificate_free(struct certificate **certificatep)
{
	struct certificate *certificate = *certificatep;

	if (certificate == NULL)
		return;
	*certificatep = NULL;
	X509_free(certificate->first);
	free(certificate);
}

static int64_t unix_ms(const ASN1_TIME *time)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;

	REPOSTAL_ASSERT(epoch != NULL);
	if (ASN1_TIME_diff(&days, &seconds, epoch, time) != 1)
		days = seconds = 0;
	ASN1_TIME_free(epoch);
	ERR_clear_error();
	return ((int64_t)days * SECONDS_A_DAY + seconds) * SECOND_MS;
}

static struct certificate_period period_of(const X509 *certificate)
{
	return (struct certificate_period){
		.begins_ms = unix_ms(X509_get0_notBefore(certificate)),
		.ends_ms = unix_ms(X509_get0_notAfter(certificate)),
	};
}

struct certificate_period certificate_period(const struct certificate *certificate)
{
	return period_of(certificate->first);
}

static enum status read_key(BIO *file, const char *path, EVP_PKEY **key_out, struct error *err)
{
	struct contents contents = list_contents(file);

	if (!contents.key)
		error_set(err, "'%s' holds %s", path,
			instead(&contents, contents.certificate,
				"a certificate and no private key: are the two swapped?",
				"no PEM private key"));
	else if (contents.encrypted_key)
		error_set(err,
			"'%s' is encrypted: nobody can be asked for its pass phrase "
			"('openssl pkey -in FILE -out FILE' takes it away)",
			path);
	else
		*key_out = PEM_read_bio_PrivateKey(file, NULL, openssl_refuse_passphrase, NULL);
	if (*key_out != NULL)
		return STATUS_OK;
	if (contents.key && !contents.encrypted_key)
		error_set(err, "'%s' holds a private key that is damaged", path);
	ERR_clear_error();
	return STATUS_INVALID;
}

enum status certificate_check_key(
	const struct certificate *certificate, const char *path, struct error *err)
{
	EVP_PKEY *key = NULL;
	BIO *file = NULL;
	enum status status = open_file(path, &file, err);

	if (status == STATUS_OK)
		status = read_key(file, path, &key, err);
	if (status == STATUS_OK && X509_check_private_key(certificate->first, key) != 1) {
		ERR_clear_error();
		error_set(err, "'%s' is the key of another certificate", path);
		status = STATUS_INVALID;
	}
	EVP_PKEY_free(key);
	BIO_free(file);
	return status;
}

/* libcurl reads such a file in the same way: one certificate is enough, a damaged one too many. */
enum status certificate_check_authorities(
	const char *path, struct certificate_period *period_out, struct error *err)
{
	struct certificate_period last = { 0 };
	size_t count = 0;
	X509 *next;
	BIO *file = NULL;
	enum status status = open_file(path, &file, err);

	if (status != STATUS_OK)
		return status;
	while ((next = PEM_read_bio_X509_AUX(file, NULL, openssl_refuse_passphrase, NULL)) !=
		NULL) {
		struct certificate_period period = period_of(next);

		if (count++ == 0 || period.ends_ms > last.ends_ms)
			last = period;
		X509_free(next);
	}
	if (!is_at_end()) {
		error_set(err, "'%s' holds a certificate that is damaged", path);
		status = STATUS_INVALID;
	} else if (count == 0) {
		error_set(err, "'%s' holds no PEM certificate", path);
		status = STATUS_INVALID;
	} else {
		*period_out = last;
	}
	BIO_free(file);
	return status;
}
