/* SPDX-License-Identifier: MIT */
/*
 * Root can read everything, so what root finds says nothing about the gateway. The files are tried by
 * a child that becomes the gateway's user: the kernel alone knows all the rules.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check_parts.h"
#include "repostal/memory.h"

#define SERVICE_USER "repostal"

struct trial {
	const char *path;
	const char *name; /* of the setting; NULL: the configuration itself */
	int line;
	int mode; /* of access() */
};

struct user {
	char name[64];
	uid_t uid;
	gid_t gid;
};

static void set_user(struct user *user, const struct passwd *entry)
{
	(void)snprintf(user->name, sizeof(user->name), "%s", entry->pw_name);
	user->uid = entry->pw_uid;
	user->gid = entry->pw_gid;
}

static char *folder_of(const char *path)
{
	char *folder = memory_copy_text(path);
	char *slash = strrchr(folder, '/');

	if (slash == NULL) {
		free(folder);
		return memory_copy_text(".");
	}
	slash[slash == folder] = '\0';
	return folder;
}

/*
 * The owner of the store's folder runs the gateway; where there is none yet, it will be the user that
 * the package makes. False: it cannot be told, or is this process's own.
 */
static bool find_user(const struct config *config, const char *folder, struct user *user)
{
	const struct passwd *entry;
	struct stat info;

	if (config->store.backend == STORE_SQLITE && stat(folder, &info) == 0) {
		entry = getpwuid(info.st_uid);
		if (entry == NULL)
			return false;
	} else {
		entry = getpwnam(SERVICE_USER);
		if (entry == NULL)
			return false;
	}
	set_user(user, entry);
	return user->uid != 0;
}

/* The errno of each trial, 0 when it went well; in the child. */
static void try_all(const struct user *user, const struct trial *trials, size_t count, int out)
{
	if (initgroups(user->name, user->gid) != 0 || setgid(user->gid) != 0 ||
		setuid(user->uid) != 0)
		_exit(1);
	for (size_t i = 0; i < count; i++) {
		int code = access(trials[i].path, trials[i].mode) == 0 ? 0 : errno;

		if (write(out, &code, sizeof(code)) != (ssize_t)sizeof(code))
			_exit(1);
	}
	_exit(0);
}

static void report(
	struct problems *problems, const struct user *user, const struct trial *trial, int code)
{
	const char *verb = (trial->mode & W_OK) != 0 ? "write to" : "read";

	if (trial->name == NULL)
		config_report_line(problems, CONFIG_WRONG, trial->line,
			"user '%s', who runs the gateway, cannot read this file: %s", user->name,
			strerror(code));
	else
		config_report_line(problems, CONFIG_WRONG, trial->line,
			"'%s': user '%s', who runs the gateway, cannot %s '%s': %s", trial->name,
			user->name, verb, trial->path, strerror(code));
}

static void try_as(const struct user *user, const struct trial *trials, size_t count,
	struct problems *problems)
{
	int ends[2];
	pid_t child;
	int code;

	if (pipe(ends) != 0)
		return;
	child = fork();
	if (child == 0)
		try_all(user, trials, count, ends[1]);
	close(ends[1]);
	/* A write of four bytes into a pipe is not cut. */
	for (size_t i = 0; i < count && read(ends[0], &code, sizeof(code)) == sizeof(code); i++) {
		if (code != 0)
			report(problems, user, &trials[i], code);
	}
	close(ends[0]);
	if (child > 0)
		(void)waitpid(child, NULL, 0);
}

void check_user(const char *path, const struct config *config, struct problems *problems)
{
	const char *store_path = config->store.path == NULL ? "" : config->store.path;
	char *folder = folder_of(store_path);
	size_t files_count, count = 0;
	const struct config_file *files = config_files(problems, &files_count);
	struct trial *trials = memory_array(files_count + 3, sizeof(*trials));
	struct user user;

	if (geteuid() != 0 || !find_user(config, folder, &user))
		goto out;
	trials[count++] = (struct trial){ path, NULL, 1, R_OK };
	for (size_t i = 0; i < files_count; i++)
		trials[count++] =
			(struct trial){ files[i].path, files[i].name, files[i].line, R_OK };
	if (config->store.backend == STORE_SQLITE) {
		int line = config_line(problems, &config->store.path, NULL);

		if (access(folder, F_OK) == 0)
			trials[count++] =
				(struct trial){ folder, "store.path", line, R_OK | W_OK | X_OK };
		if (access(store_path, F_OK) == 0)
			trials[count++] =
				(struct trial){ store_path, "store.path", line, R_OK | W_OK };
	}
	try_as(&user, trials, count, problems);
out:
	free(folder);
	free(trials);
}
