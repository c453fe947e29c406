#define _GNU_SOURCE
#include "wm_file_faults.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

// Only what POSIX allows in a handler is called here; the buffer is not on the stack, which may be a small thread's.
static char maps[1 << 20];

static void say(const char *text, size_t count) {
  while (count > 0) {
    ssize_t written = write(STDERR_FILENO, text, count);
    if (written <= 0) return;
    text += written;
    count -= (size_t)written;
  }
}

static uintptr_t hexadecimal(const char **text) {
  uintptr_t value = 0;
  for (;; (*text)++) {
    char digit = **text;
    if (digit >= '0' && digit <= '9') {
      value = value * 16 + (uintptr_t)(digit - '0');
    } else if (digit >= 'a' && digit <= 'f') {
      value = value * 16 + (uintptr_t)(digit - 'a' + 10);
    } else {
      return value;
    }
  }
}

/// The path that the line of an address in /proc/self/maps ends with; NULL if it belongs to no file.
static const char *file_at(uintptr_t address) {
  int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (file < 0) return NULL;
  size_t count = 0;
  ssize_t found;
  while (count < sizeof maps - 1 && (found = read(file, maps + count, sizeof maps - 1 - count)) > 0) count += (size_t)found;
  close(file);
  maps[count] = 0;
  for (char *line = maps; *line;) {
    char *end = strchr(line, '\n');
    if (!end) return NULL;
    *end = 0;
    const char *place = line;
    uintptr_t first = hexadecimal(&place);
    place++;
    if (address >= first && address < hexadecimal(&place)) return strchr(place, '/');
    line = end + 1;
  }
  return NULL;
}

static void report(int number, siginfo_t *information, void *context) {
  (void)context;
  const char *path = information->si_code == BUS_ADRERR ? file_at((uintptr_t)information->si_addr) : NULL;
  if (!path) {
    // Not a file's: the system's own way.
    signal(number, SIG_DFL);
    raise(number);
    return;
  }
  static const char start[] = "lerobot-wm: ";
  static const char end[] = ": became shorter while it was in use; restore it and run the same command again\n";
  say(start, sizeof start - 1);
  say(path, strlen(path));
  say(end, sizeof end - 1);
  _exit(1);
}

void wm_report_file_faults(void) {
  struct sigaction action = {.sa_sigaction = report, .sa_flags = SA_SIGINFO};
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, NULL);
}
