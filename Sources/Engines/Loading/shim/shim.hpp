// Shared by the shims: exported functions, the calling thread's last error, and exceptions as error values.
#pragma once
#include <exception>
#include <string>

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

thread_local std::string last_error_text;

/// Calls `body`; an exception becomes this thread's last error, and `failure` the result.
template <typename Result, typename Body>
Result guarded(Result failure, Body body) {
  try {
    return body();
  } catch (const std::exception &error) {
    last_error_text = error.what();
  } catch (...) {
    last_error_text = "unknown C++ exception";
  }
  return failure;
}

}  // namespace
