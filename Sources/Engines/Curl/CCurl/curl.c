#define _GNU_SOURCE
#include "wm_curl.h"

#include <engine_loader.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

// The part of curl/curl.h that is used here; these numbers are libcurl's stable ABI.
enum {
  INFO_STATUS = 0x200002,
  OPTION_WRITE_DATA = 10001, OPTION_URL = 10002, OPTION_READ_DATA = 10009, OPTION_ERROR_BUFFER = 10010,
  OPTION_USER_AGENT = 10018, OPTION_HEADERS = 10023, OPTION_HEAD_DATA = 10029, OPTION_METHOD = 10036,
  OPTION_NO_PROGRESS = 43, OPTION_NO_BODY = 44, OPTION_UPLOAD = 46, OPTION_PROGRESS_DATA = 10057,
  OPTION_CERTIFICATES = 10065, OPTION_NO_SIGNAL = 99, OPTION_CONNECT_MILLISECONDS = 156, OPTION_PROTOCOLS = 181,
  OPTION_WRITE = 20011, OPTION_READ = 20012, OPTION_HEAD = 20079, OPTION_PROGRESS = 20219, OPTION_BODY_SIZE = 30115,
  PROTOCOLS_HTTP_AND_HTTPS = 3, GLOBAL_ALL = 3
};
// curl_easy_setopt's and curl_easy_perform's results that are distinguished.
enum {
  CURL_OK = 0, CURL_BAD_PROTOCOL = 1, CURL_BAD_URL = 3, CURL_NO_PROXY = 5, CURL_NO_HOST = 6, CURL_NO_CONNECTION = 7,
  CURL_WEIRD = 8, CURL_CUT = 18, CURL_WRITE = 23, CURL_READ = 26, CURL_TIMEOUT = 28, CURL_TLS_CONNECT = 35, CURL_ABORTED = 42,
  CURL_EMPTY = 52, CURL_SEND = 55, CURL_RECEIVE = 56, CURL_UNTRUSTED = 60, CURL_NO_CERTIFICATES = 77, CURL_HTTP2 = 92
};

static struct {
  int (*global_init)(long);
  void *(*easy_init)(void);
  void (*easy_reset)(void *);
  void (*easy_cleanup)(void *);
  int (*easy_setopt)(void *, int, ...);
  int (*easy_perform)(void *);
  int (*easy_getinfo)(void *, int, ...);
  const char *(*easy_strerror)(int);
  void *(*slist_append)(void *, const char *);
  void (*slist_free_all)(void *);
} curl;

static const char *problem;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void open_library(void) {
  static char message[512];
  const char *const libraries[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
  const engine_symbol symbols[] = {
    {"curl_global_init", &curl.global_init}, {"curl_easy_init", &curl.easy_init},
    {"curl_easy_reset", &curl.easy_reset}, {"curl_easy_cleanup", &curl.easy_cleanup},
    {"curl_easy_setopt", &curl.easy_setopt}, {"curl_easy_perform", &curl.easy_perform},
    {"curl_easy_getinfo", &curl.easy_getinfo}, {"curl_easy_strerror", &curl.easy_strerror},
    {"curl_slist_append", &curl.slist_append}, {"curl_slist_free_all", &curl.slist_free_all}, {0, 0},
  };
  // Local: the engines must not resolve against its TLS library.
  const char *failure = engine_open(libraries, 2, ENGINE_LOCAL, symbols);
  if (failure) {
    snprintf(message, sizeof message, "%s", failure);
    problem = message;
    return;
  }
  if (curl.global_init(GLOBAL_ALL)) problem = "its initialization failed";
}

const char *wm_curl_open(void) {
  pthread_once(&once, open_library);
  return problem;
}

void *wm_curl_make(void) { return curl.easy_init(); }

void wm_curl_free(void *connection) { curl.easy_cleanup(connection); }

static size_t head(char *line, size_t size, size_t count, void *data) {
  const wm_curl_request *request = data;
  request->head(request->context, line, size * count);
  return size * count;
}

static size_t receive(char *bytes, size_t size, size_t count, void *data) {
  const wm_curl_request *request = data;
  return request->receive(request->context, bytes, size * count);
}

static size_t supply(char *bytes, size_t size, size_t count, void *data) {
  const wm_curl_request *request = data;
  return request->supply(request->context, bytes, size * count);
}

typedef struct {
  int64_t seconds, bytes, since;
  int stalled;
} stall_timer;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec;
}

// So many bytes must come within the time, or a server that sends one now and then would hold the program for ever.
static const int64_t least_bytes = 1024;

// libcurl calls this about once a second. Its own speed limit is an average, in which a fast start hides a stall.
static int progress(void *data, int64_t expected, int64_t received, int64_t to_send, int64_t sent) {
  stall_timer *timer = data;
  (void)expected, (void)to_send;
  int64_t time = now();
  if (received + sent >= timer->bytes + least_bytes) {
    timer->bytes = received + sent;
    timer->since = time;
  }
  timer->stalled = time - timer->since > timer->seconds;
  return timer->stalled;
}

static wm_curl_outcome outcome(int code) {
  switch (code) {
  case CURL_OK: return WM_CURL_DONE;
  case CURL_BAD_URL: return WM_CURL_BAD_ADDRESS;
  // Addresses begin with http or https, so it is the answer that has another protocol.
  case CURL_BAD_PROTOCOL: case CURL_WEIRD: return WM_CURL_GARBLED;
  case CURL_NO_PROXY: case CURL_NO_HOST: return WM_CURL_NO_HOST;
  case CURL_NO_CONNECTION: case CURL_TLS_CONNECT: return WM_CURL_NO_CONNECTION;
  case CURL_TIMEOUT: return WM_CURL_STALLED;
  case CURL_CUT: case CURL_EMPTY: case CURL_SEND: case CURL_RECEIVE: case CURL_HTTP2: return WM_CURL_CUT;
  case CURL_WRITE: case CURL_READ: case CURL_ABORTED: return WM_CURL_STOPPED;
  case CURL_UNTRUSTED: case CURL_NO_CERTIFICATES: return WM_CURL_UNTRUSTED;
  default: return WM_CURL_FAILED;
  }
}

wm_curl_outcome wm_curl_send(void *connection, const wm_curl_request *request, long *status, char reason[256]) {
  *status = 0;
  reason[0] = 0;
  void *list = 0;
  for (int i = 0; i < request->header_count; i++) {
    void *longer = curl.slist_append(list, request->headers[i]);
    if (!longer) {
      curl.slist_free_all(list);
      return WM_CURL_FAILED;
    }
    list = longer;
  }
  int (*set)(void *, int, ...) = curl.easy_setopt;
  // Resets the options and keeps the connections.
  curl.easy_reset(connection);
  set(connection, OPTION_ERROR_BUFFER, reason);
  set(connection, OPTION_NO_SIGNAL, 1L);
  int failure = set(connection, OPTION_PROTOCOLS, (long)PROTOCOLS_HTTP_AND_HTTPS);
  set(connection, OPTION_URL, request->url);
  set(connection, OPTION_USER_AGENT, request->user_agent);
  set(connection, OPTION_HEADERS, list);
  if (request->certificates) set(connection, OPTION_CERTIFICATES, request->certificates);
  set(connection, OPTION_CONNECT_MILLISECONDS, (long)request->connect_milliseconds);
  stall_timer timer = {.seconds = request->stall_seconds, .since = now()};
  set(connection, OPTION_NO_PROGRESS, 0L);
  set(connection, OPTION_PROGRESS, progress);
  set(connection, OPTION_PROGRESS_DATA, &timer);
  if (request->body_size >= 0) {
    set(connection, OPTION_UPLOAD, 1L);
    set(connection, OPTION_BODY_SIZE, request->body_size);
    set(connection, OPTION_READ, supply);
    set(connection, OPTION_READ_DATA, request);
  } else if (!strcmp(request->method, "HEAD")) {
    set(connection, OPTION_NO_BODY, 1L);
  }
  set(connection, OPTION_METHOD, request->method);
  set(connection, OPTION_HEAD, head);
  set(connection, OPTION_HEAD_DATA, request);
  set(connection, OPTION_WRITE, receive);
  set(connection, OPTION_WRITE_DATA, request);
  if (!failure) failure = curl.easy_perform(connection);
  curl.easy_getinfo(connection, INFO_STATUS, status);
  if (failure && !reason[0]) snprintf(reason, 256, "%s", curl.easy_strerror(failure));
  set(connection, OPTION_ERROR_BUFFER, (char *)0);
  set(connection, OPTION_HEADERS, (void *)0);
  curl.slist_free_all(list);
  return timer.stalled ? WM_CURL_STALLED : outcome(failure);
}
