/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "openssl_priv.h"
#include "repostal/memory.h"

enum {
	KEY_BITS_GENERATED = 2048,
	KEY_FILE_SIZE_MAX = 64 * 1024,
};

static enum status wrap_private(EVP_PKEY *pkey, struct rsa_key **key_out, struct error *err)
{
	struct rsa_key *key = NULL;
	enum status status = rsa_key_wrap(pkey, &key, err);

	if (status == STATUS_OK)
		status = rsa_key_prepare_signing(key, err);
	if (status == STATUS_OK)
		*key_out = key;
	else
		rsa_key_free(&key);
	return status;
}

/* Reads until the end of the file or until the buffer is full. */
static ssize_t read_all(int fd, char *data, size_t capacity)
{
	size_t size = 0;

	while (size < capacity) {
		ssize_t count = read(fd, data + size, capacity - size);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		if (count == 0)
			break;
		size += (size_t)count;
	}
	return (ssize_t)size;
}

static enum status read_key_file(
	const char *path, char *data, int *size_out, bool *permissive_out, struct error *err)
{
	enum status status = STATUS_IO;
	struct stat info;
	ssize_t size;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &info) != 0) {
		error_set(err, "%s", strerror(errno));
		goto out;
	}
	size = read_all(fd, data, KEY_FILE_SIZE_MAX);
	if (size < 0) {
		error_set(err, "%s", strerror(errno));
		goto out;
	}
	if (size == KEY_FILE_SIZE_MAX) {
		error_set(err, "too long for a key");
		status = STATUS_INVALID;
		goto out;
	}
	if (permissive_out != NULL)
		*permissive_out = (info.st_mode & (S_IRGRP | S_IROTH)) != 0;
	*size_out = (int)size;
	status = STATUS_OK;
out:
	if (fd >= 0)
		close(fd);
	return status;
}

enum status rsa_key_load_private(
	const char *path, struct rsa_key **key_out, bool *permissive_out, struct error *err)
{
	char *data = memory_alloc(KEY_FILE_SIZE_MAX);
	EVP_PKEY *pkey = NULL;
	BIO *bio = NULL;
	int size = 0;
	enum status status = read_key_file(path, data, &size, permissive_out, err);

	if (status != STATUS_OK)
		goto out;
	bio = BIO_new_mem_buf(data, size);
	REPOSTAL_ASSERT(bio != NULL);
	pkey = PEM_read_bio_PrivateKey(bio, NULL, openssl_refuse_passphrase, NULL);
	if (pkey == NULL) {
		error_set(err, "not an unencrypted PEM private key");
		ERR_clear_error();
		status = STATUS_INVALID;
		goto out;
	}
	status = wrap_private(pkey, key_out, err);
out:
	if (status != STATUS_OK)
		error_prefix(err, "key file '%s'", path);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	OPENSSL_cleanse(data, KEY_FILE_SIZE_MAX);
	free(data);
	return status;
}

static bool write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t count = write(fd, data, size);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return false;
		data += count;
		size -= (size_t)count;
	}
	return true;
}

static enum status write_private(int fd, const EVP_PKEY *pkey, struct error *err)
{
	enum status status = STATUS_IO;
	BIO *bio = BIO_new(BIO_s_secmem());
	char *data;
	long size;

	if (bio == NULL ||
		PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) != 1) {
		openssl_error(err, "cannot encode the key");
		goto out;
	}
	size = BIO_get_mem_data(bio, &data);
	/* The mode again, since the process's mask took its share of the one given to open(). */
	if (fchmod(fd, S_IRUSR | S_IWUSR) != 0 || !write_all(fd, data, (size_t)size) ||
		fsync(fd) != 0) {
		error_set(err, "%s", strerror(errno));
		goto out;
	}
	status = STATUS_OK;
out:
	BIO_free(bio);
	return status;
}

enum status rsa_key_generate(const char *path, struct rsa_key **key_out, struct error *err)
{
	enum status status = STATUS_IO;
	struct rsa_key *key = NULL;
	EVP_PKEY *pkey = NULL;
	/* The file first: when it exists, nobody should wait for a key. */
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);

	if (fd < 0) {
		status = errno == EEXIST ? STATUS_BUSY : STATUS_IO;
		error_set(err, "key file '%s': %s", path, strerror(errno));
		return status;
	}
	pkey = EVP_RSA_gen(KEY_BITS_GENERATED);
	if (pkey == NULL) {
		openssl_error(err, "cannot make a key");
		goto out;
	}
	status = wrap_private(pkey, &key, err);
	if (status == STATUS_OK)
		status = write_private(fd, pkey, err);
out:
	if (close(fd) != 0 && status == STATUS_OK) {
		error_set(err, "%s", strerror(errno));
		status = STATUS_IO;
	}
	if (status == STATUS_OK) {
		*key_out = key;
		key = NULL;
	} else {
		error_prefix(err, "key file '%s'", path);
		unlink(path);
	}
	rsa_key_free(&key);
	EVP_PKEY_free(pkey);
	return status;
}
