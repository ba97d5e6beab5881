/* What the generator tells: one JSON line per phase, the result last. */
#define _GNU_SOURCE
#include "generator.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* User and system time of a process under test, from /proc/<pid>/stat (10 ms ticks). */
static double cpu_of(int pid) {
  char path[64];
  char line[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "r");
  if (file == NULL) die("cannot read the CPU time of --pid (is it gone?)", path);
  const size_t length = fread(line, 1, sizeof line - 1, file);
  fclose(file);
  line[length] = '\0';
  /* The name in parentheses may contain anything: count fields from its end. */
  const char *rest = strrchr(line, ')');
  unsigned long user = 0;
  unsigned long system = 0;
  if (rest == NULL ||
      sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
    die("cannot understand", path);
  return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

Snapshot snapshot_take(const Generator *g) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const double own = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  Snapshot snapshot = {
    .at = now_us(), .ownCpu = own, .waited = g->waited,
    .frames = g->frames, .bytes = g->bytes, .sent = g->sent,
  };
  for (int i = 0; i < g->options.pidCount; i++) {
    snapshot.cpuOf[i] = cpu_of(g->options.pids[i]);
    snapshot.serverCpu += snapshot.cpuOf[i];
  }
  return snapshot;
}

static void print_text(const char *text) {
  putchar('"');
  for (; *text != '\0'; text++) {
    const unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\') printf("\\%c", c);
    else if (c < 32 || c > 126) printf("\\u%04x", c);
    else putchar(c);
  }
  putchar('"');
}

static void print_window(const Generator *g, const Snapshot *from, const Snapshot *to) {
  const double seconds = (double)(to->at - from->at) / 1e6;
  const double waited = (double)(to->waited - from->waited) / 1e6;
  printf("\"seconds\":%.6f,\"serverCpuSeconds\":%.3f,\"ownCpuSeconds\":%.3f,\"busyShare\":%.4f,"
         "\"framesInWindow\":%llu,\"bytesInWindow\":%llu,\"sentInWindow\":%llu",
         seconds, to->serverCpu - from->serverCpu, to->ownCpu - from->ownCpu,
         seconds > 0 ? 1 - waited / seconds : 0, (unsigned long long)(to->frames - from->frames),
         (unsigned long long)(to->bytes - from->bytes), (unsigned long long)(to->sent - from->sent));
  printf(",\"cpuSecondsByPid\":[");
  for (int i = 0; i < g->options.pidCount; i++) {
    printf("%s%.3f", i == 0 ? "" : ",", to->cpuOf[i] - from->cpuOf[i]);
  }
  putchar(']');
}

static void print_state(const Generator *g) {
  printf("\"ready\":%d,\"failed\":%d,\"lost\":%llu,\"stalledReady\":%d,\"stalledCut\":%d,"
         "\"firstFailure\":",
         g->ready, g->failed, (unsigned long long)g->errors, g->stalledReady, g->stalledCut);
  print_text(g->firstFailure);
}

void report_event(const Generator *g, const char *name, const Snapshot *from, const Snapshot *to) {
  printf("{\"event\":\"%s\",", name);
  print_state(g);
  putchar(',');
  print_window(g, from, to);
  printf("}\n");
  fflush(stdout);
}

void report_result(const Generator *g, const Snapshot *from, const Snapshot *to) {
  printf("{\"event\":\"result\",");
  print_state(g);
  putchar(',');
  print_window(g, from, to);
  printf(",\"sent\":%llu,\"delivered\":%llu,\"expected\":%llu,\"bytes\":%llu,\"pings\":%llu,"
         "\"heartbeats\":%llu,"
         "\"samples\":%zu,\"missing\":%llu,\"duplicates\":%llu,\"outOfOrder\":%llu,"
         "\"unstamped\":%llu,\"misdelivered\":%llu,\"gaps\":%llu,\"gapDropped\":%llu,"
         "\"throttledFrames\":%llu,\"recovered\":%llu,\"unrecovered\":%llu,\"holes\":%llu,"
         "\"caughtUp\":%d,\"closedByServer\":%llu,\"closeCodes\":{",
         (unsigned long long)g->sent, (unsigned long long)g->frames,
         (unsigned long long)publisher_expected(g),
         (unsigned long long)g->bytes, (unsigned long long)g->pings,
         (unsigned long long)g->heartbeats, g->sampleCount,
         (unsigned long long)sampler_missing(g), (unsigned long long)g->duplicates,
         (unsigned long long)g->outOfOrder, (unsigned long long)g->unstamped,
         (unsigned long long)g->misdelivered, (unsigned long long)g->gaps,
         (unsigned long long)g->gapDropped, (unsigned long long)g->throttledFrames,
         (unsigned long long)g->recovered, (unsigned long long)g->unrecovered,
         (unsigned long long)g->holes, g->caughtUp,
         (unsigned long long)g->closedByServer);
  bool first = true;
  for (int code = 0; code < 5000; code++) {
    if (g->closeCodes[code] == 0) continue;
    printf("%s\"%d\":%d", first ? "" : ",", code, g->closeCodes[code]);
    first = false;
  }
  printf("}}\n");
  fflush(stdout);
}
