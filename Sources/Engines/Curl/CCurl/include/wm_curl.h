// One HTTP request by libcurl, which is opened at run time: its option functions are variadic, so Swift cannot call them.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// A request, valid during the call. Callbacks receive `context`.
typedef struct {
  const char *method, *url;
  /// Whole lines such as "Range: bytes=5-".
  const char *const *headers;
  int header_count;
  /// A file of trusted certificates; NULL selects the system's.
  const char *certificates;
  const char *user_agent;
  int64_t connect_milliseconds;
  /// Seconds without a byte either way after which the request fails.
  int64_t stall_seconds;
  /// Bytes of the body to send; -1 for none.
  int64_t body_size;
  void *context;
  /// One line of the response's header, the status line included.
  void (*head)(void *context, const char *line, size_t count);
  /// Bytes of the response's body; returning anything but `count` ends the request.
  size_t (*receive)(void *context, const char *bytes, size_t count);
  /// Fills `bytes` with the next part of the request's body and returns their number; 0 at its end.
  size_t (*supply)(void *context, char *bytes, size_t capacity);
} wm_curl_request;

/// The result of a request.
typedef enum {
  WM_CURL_DONE,
  WM_CURL_NO_HOST,
  WM_CURL_NO_CONNECTION,
  WM_CURL_STALLED,
  WM_CURL_CUT,
  WM_CURL_STOPPED,
  WM_CURL_UNTRUSTED,
  WM_CURL_BAD_ADDRESS,
  /// What came is not HTTP.
  WM_CURL_GARBLED,
  WM_CURL_FAILED
} wm_curl_outcome;

/// Opens libcurl, once for the process; NULL on success, otherwise the reason, in static memory.
const char *wm_curl_open(void);

/// A reusable connection, to be used by one thread at a time; NULL if out of memory. Needs `wm_curl_open`.
void *wm_curl_make(void);

/// Ends a connection.
void wm_curl_free(void *connection);

/// Sends a request, without following redirects; `reason` receives libcurl's error message.
wm_curl_outcome wm_curl_send(void *connection, const wm_curl_request *request, long *status, char reason[256]);
