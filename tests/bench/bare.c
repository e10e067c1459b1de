/* SPDX-License-Identifier: MIT */
/*
 * bare - the same libraries with nothing between them: what a gateway could do at most
 *
 *   bare URL DATABASE CONCURRENCY
 *
 * libh2o takes a POST, jansson reads it and writes an envelope, SQLite commits it (write-ahead log,
 * synchronous=FULL, everything that arrived in one transaction), the sender gets its 200, libcurl posts
 * the envelope to URL and the row goes. One thread each. Nothing is checked, authenticated, retried,
 * counted or found again, no duplicate is noticed, and errors end the program. Prints its port.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <h2o.h>
#include <h2o/multithread.h>
#include <jansson.h>
#include <sqlite3.h>

enum {
	CONCURRENCY_MAX = 1024,
	ACCEPTS_AT_ONCE = 16,
};

struct event {
	h2o_multithread_message_t message; /* first: back to its loop */
	h2o_req_t *request;
	struct event *next;
	sqlite3_int64 row;
	int size;
	char *envelope;
};

struct queue {
	pthread_mutex_t mutex;
	pthread_cond_t filled;
	struct event *first, **end;
};

static struct queue arrived, delivered, committed;
static pthread_mutex_t work_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static h2o_multithread_receiver_t answers;
static CURLM *multi;
static const char *url, *database;
static int concurrency;

static void queue_init(struct queue *queue)
{
	pthread_mutex_init(&queue->mutex, NULL);
	queue->end = &queue->first;
}

static void queue_add(struct queue *queue, struct event *event)
{
	event->next = NULL;
	pthread_mutex_lock(&queue->mutex);
	*queue->end = event;
	queue->end = &event->next;
	pthread_mutex_unlock(&queue->mutex);
}

static struct event *queue_take(struct queue *queue)
{
	struct event *first;

	pthread_mutex_lock(&queue->mutex);
	first = queue->first;
	queue->first = NULL;
	queue->end = &queue->first;
	pthread_mutex_unlock(&queue->mutex);
	return first;
}

static void wake_store(void)
{
	pthread_mutex_lock(&work_mutex);
	pthread_cond_signal(&work);
	pthread_mutex_unlock(&work_mutex);
}

/* HTTP. */

static int on_request(h2o_handler_t *handler, h2o_req_t *request)
{
	struct event *event = calloc(1, sizeof(*event));
	json_t *json = json_loadb(request->entity.base, request->entity.len, 0, NULL);
	const char *id = json_string_value(json_object_get(json, "id"));
	const char *recipient = json_string_value(json_object_get(json, "recipient"));
	const char *response = json_string_value(json_object_get(json, "response"));
	json_t *envelope;

	(void)handler;
	event->request = request;
	envelope = json_pack("{s:s,s:f,s:{s:{s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:s,s:n},"
			     "s:s,s:o,s:s,s:b,s:i,s:i},s:s}",
		"event", "MessageSent", "timestamp", 1795223400.123456, "payload", "message", "id",
		1333862414, "token", "rtxuBkRHB3LCFbqa", "direction", "outgoing", "message_id", id,
		"to", recipient, "from", "", "subject", "", "timestamp", 1713100000, "spam_status",
		"NotChecked", "tag", "status", "Sent", "details",
		json_sprintf("Message for %s accepted", recipient), "output", response,
		"sent_with_ssl", 0, "timestamp", 1713100000, "time", 0, "uuid",
		"a844cfda-7d1e-553c-8ea5-0f897180ed0b");
	event->envelope = json_dumps(envelope, JSON_COMPACT);
	event->size = (int)strlen(event->envelope);
	json_decref(envelope);
	json_decref(json);
	queue_add(&arrived, event);
	wake_store();
	return 0;
}

static void on_committed(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
	static h2o_generator_t generator;

	(void)receiver;
	while (!h2o_linklist_is_empty(messages)) {
		h2o_multithread_message_t *message =
			H2O_STRUCT_FROM_MEMBER(h2o_multithread_message_t, link, messages->next);
		struct event *event = (struct event *)message;
		h2o_iovec_t body = { H2O_STRLIT("{\"code\":200,\"status\":\"accepted\"}") };

		h2o_linklist_unlink(&message->link);
		event->request->res.status = 200;
		event->request->res.reason = "OK";
		event->request->res.content_length = body.len;
		h2o_start_response(event->request, &generator);
		h2o_send(event->request, &body, 1, H2O_SEND_STATE_FINAL);
		queue_add(&committed, event);
	}
	curl_multi_wakeup(multi);
}

static void on_accept(h2o_socket_t *listener, const char *error)
{
	h2o_accept_ctx_t *context = listener->data;
	h2o_socket_t *socket;

	for (int i = 0; error == NULL && i < ACCEPTS_AT_ONCE; i++) {
		socket = h2o_evloop_socket_accept(listener);
		if (socket == NULL)
			return;
		h2o_accept(context, socket);
	}
}

static int open_listener(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		listen(fd, SOMAXCONN) != 0)
		abort();
	getsockname(fd, (struct sockaddr *)&address, &size);
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static void serve(void)
{
	static h2o_globalconf_t config;
	static h2o_context_t context;
	static h2o_accept_ctx_t accept_context;
	h2o_hostconf_t *host;
	h2o_socket_t *listener;

	h2o_config_init(&config);
	host = h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
	h2o_create_handler(h2o_config_register_path(host, "/", 0), sizeof(h2o_handler_t))->on_req =
		on_request;
	h2o_context_init(&context, h2o_evloop_create(), &config);
	h2o_multithread_register_receiver(
		h2o_multithread_create_queue(context.loop), &answers, on_committed);
	accept_context.ctx = &context;
	accept_context.hosts = config.hosts;
	listener =
		h2o_evloop_socket_create(context.loop, open_listener(), H2O_SOCKET_FLAG_DONT_READ);
	listener->data = &accept_context;
	h2o_socket_read_start(listener, on_accept);
	while (h2o_evloop_run(context.loop, INT32_MAX) == 0)
		;
}

/* The store. */

static void run_sql(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		fprintf(stderr, "bare: %s\n", sqlite3_errmsg(db));
		abort();
	}
}

static void insert(sqlite3 *db, sqlite3_stmt *statement, struct event *event)
{
	sqlite3_bind_text(statement, 1, event->envelope, event->size, SQLITE_STATIC);
	if (sqlite3_step(statement) != SQLITE_DONE)
		abort();
	sqlite3_reset(statement);
	event->row = sqlite3_last_insert_rowid(db);
}

static void commit(sqlite3 *db, sqlite3_stmt *add, sqlite3_stmt *take_away, struct event *in,
	struct event *done)
{
	struct event *next;

	run_sql(db, "BEGIN");
	for (struct event *event = in; event != NULL; event = event->next)
		insert(db, add, event);
	for (struct event *event = done; event != NULL; event = event->next) {
		sqlite3_bind_int64(take_away, 1, event->row);
		if (sqlite3_step(take_away) != SQLITE_DONE)
			abort();
		sqlite3_reset(take_away);
	}
	run_sql(db, "COMMIT");
	for (struct event *event = in; event != NULL; event = next) {
		next = event->next;
		h2o_multithread_send_message(&answers, &event->message);
	}
	for (struct event *event = done; event != NULL; event = next) {
		next = event->next;
		free(event->envelope);
		free(event);
	}
}

static void *store_main(void *unused)
{
	sqlite3 *db;
	sqlite3_stmt *add, *take_away;

	(void)unused;
	if (sqlite3_open(database, &db) != SQLITE_OK)
		abort();
	run_sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
		    "CREATE TABLE event (id INTEGER PRIMARY KEY, state INTEGER, due INTEGER, body "
		    "TEXT);"
		    "CREATE INDEX event_due ON event (due) WHERE state = 0");
	sqlite3_prepare_v2(
		db, "INSERT INTO event (state, due, body) VALUES (0, 1, ?1)", -1, &add, NULL);
	sqlite3_prepare_v2(db, "DELETE FROM event WHERE id = ?1", -1, &take_away, NULL);
	for (;;) {
		struct event *in = queue_take(&arrived), *done = queue_take(&delivered);

		if (in != NULL || done != NULL) {
			commit(db, add, take_away, in, done);
			continue;
		}
		pthread_mutex_lock(&work_mutex);
		if (arrived.first == NULL && delivered.first == NULL)
			pthread_cond_wait(&work, &work_mutex);
		pthread_mutex_unlock(&work_mutex);
	}
}

/* Delivery. */

static size_t ignore(char *data, size_t size, size_t count, void *unused)
{
	(void)data;
	(void)unused;
	return size * count;
}

static CURL *make_handle(struct curl_slist *headers)
{
	CURL *handle = curl_easy_init();

	curl_easy_setopt(handle, CURLOPT_URL, url);
	curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, 5000L);
	return handle;
}

static void start(CURL *handle, struct event *event)
{
	curl_easy_setopt(handle, CURLOPT_PRIVATE, event);
	curl_easy_setopt(handle, CURLOPT_POSTFIELDS, event->envelope);
	curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, (long)event->size);
	curl_multi_add_handle(multi, handle);
}

static int collect(CURL **idle, int idle_count)
{
	CURLMsg *message;
	struct event *event;
	int left, before = idle_count;

	while ((message = curl_multi_info_read(multi, &left)) != NULL) {
		CURL *handle = message->easy_handle;

		if (message->data.result != CURLE_OK)
			abort();
		curl_easy_getinfo(handle, CURLINFO_PRIVATE, (char **)&event);
		curl_multi_remove_handle(multi, handle);
		idle[idle_count++] = handle;
		queue_add(&delivered, event);
	}
	if (idle_count > before)
		wake_store();
	return idle_count;
}

static void *delivery_main(void *unused)
{
	struct curl_slist *headers = curl_slist_append(
		curl_slist_append(NULL, "Content-Type: application/json"), "Expect:");
	struct event *ready = NULL;
	CURL *idle[CONCURRENCY_MAX];
	int idle_count = 0, running;

	(void)unused;
	while (idle_count < concurrency)
		idle[idle_count++] = make_handle(headers);
	for (;;) {
		int before = idle_count;

		if (ready == NULL)
			ready = queue_take(&committed);
		while (idle_count > 0 && ready != NULL) {
			struct event *event = ready;

			ready = event->next;
			start(idle[--idle_count], event);
		}
		curl_multi_perform(multi, &running);
		idle_count = collect(idle, idle_count);
		if (idle_count <= before)
			curl_multi_poll(multi, NULL, 0, 100, NULL);
	}
	return NULL; /* not reached */
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc != 4) {
		fprintf(stderr, "usage: bare URL DATABASE CONCURRENCY\n");
		return 2;
	}
	url = argv[1];
	database = argv[2];
	concurrency = (int)strtoull(argv[3], NULL, 10);
	if (concurrency < 1 || concurrency > CONCURRENCY_MAX)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_ALL);
	multi = curl_multi_init();
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)concurrency);
	queue_init(&arrived);
	queue_init(&delivered);
	queue_init(&committed);
	pthread_create(&thread, NULL, store_main, NULL);
	pthread_create(&thread, NULL, delivery_main, NULL);
	serve();
	return 1; /* not reached */
}
