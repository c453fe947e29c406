// One HTTP request by libcurl, which is opened at run time: its option functions are variadic, so Swift cannot call them.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// A request; nothing is kept of it. Callbacks get `context`.
typedef struct {
  const char *method, *url;
  /// Whole lines such as "Range: bytes=5-".
  const char *const *headers;
  int header_count;
  /// A file of trusted certificates, or NULL for the system's.
  const char *certificates;
  const char *user_agent;
  int64_t connect_milliseconds;
  /// Seconds without a byte either way after which the request is given up.
  int64_t stall_seconds;
  /// Bytes of the body to send; -1 for none.
  int64_t body_size;
  void *context;
  /// One line of the answer's head, the status line included.
  void (*head)(void *context, const char *line, size_t count);
  /// Bytes of the answer's body; anything but `count` ends the request.
  size_t (*receive)(void *context, const char *bytes, size_t count);
  /// Fills `bytes` with the next of the request's body; 0 at its end.
  size_t (*supply)(void *context, char *bytes, size_t capacity);
} wm_curl_request;

/// How it went.
typedef enum {
  WM_CURL_DONE,
  WM_CURL_NO_HOST,
  WM_CURL_NO_CONNECTION,
  WM_CURL_STALLED,
  WM_CURL_CUT,
  WM_CURL_STOPPED,
  WM_CURL_UNTRUSTED,
  WM_CURL_BAD_ADDRESS,
  WM_CURL_FAILED
} wm_curl_outcome;

/// Opens libcurl, once for the process; NULL on success, otherwise why not, in static memory.
const char *wm_curl_open(void);

/// A reusable connection, to be used by one thread at a time; NULL where there is no memory. Needs `wm_curl_open`.
void *wm_curl_make(void);

/// Ends a connection.
void wm_curl_free(void *connection);

/// Sends a request, without following redirects; `reason` gets libcurl's words for a failure.
wm_curl_outcome wm_curl_send(void *connection, const wm_curl_request *request, long *status, char reason[256]);
