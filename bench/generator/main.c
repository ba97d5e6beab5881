/* A load generator for WebSocket fan-out: one thread, one epoll loop, and the order of a run:
   connect, (hold), warm up, measure, (hold), drain, report. */
#define _GNU_SOURCE
#include "generator.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS_MAX 1024
#define LAZY_PART 50

typedef enum {
  OPENING, HELD_READY, WARMING, MEASURING, HELD_MEASURED, AWAY, COMING_BACK, DRAINING, DONE
} Phase;

typedef struct {
  Phase phase;
  int64_t startedAt, deadline, phaseAt, lazyAt;
  int lazyNext;
  double mayOpen, lazyDebt;
  int64_t openedAt;
  bool heldOn;            /* a line came in: go on */
  bool stdinEnded;
  Snapshot opened, from, to;
} Run;

/* A line for each connection; those of publishers may be left out. */
static char **read_lines(const Generator *g, const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) die("cannot read the file of paths or tokens", path);
  char **lines = calloc((size_t)g->connCount, sizeof(char *));
  if (lines == NULL) die("out of memory", NULL);
  char line[8192];
  for (int i = 0; i < g->connCount; i++) {
    if (fgets(line, sizeof line, file) == NULL) {
      if (i >= g->options.connections) break;
      die("too few lines in the file of paths or tokens", path);
    }
    line[strcspn(line, "\r\n")] = '\0';
    lines[i] = strdup(line);
  }
  fclose(file);
  return lines;
}

static void prepare(Generator *g, int argc, char **argv) {
  options_parse(&g->options, argc, argv);
  const Options *o = &g->options;
  g->connCount = o->connections + o->publishers;
  const struct rlimit files = {.rlim_cur = (rlim_t)g->connCount + 64, .rlim_max = RLIM_INFINITY};
  struct rlimit current;
  getrlimit(RLIMIT_NOFILE, &current);
  if (current.rlim_cur < files.rlim_cur) {
    current.rlim_cur = files.rlim_cur < current.rlim_max ? files.rlim_cur : current.rlim_max;
    setrlimit(RLIMIT_NOFILE, &current);
  }
  if (current.rlim_cur < files.rlim_cur) die("too many connections for the limit: ulimit -n", NULL);
  g->conns = calloc((size_t)g->connCount, sizeof(Conn));
  if (g->conns == NULL) die("out of memory", NULL);
  for (int i = 0; i < g->connCount; i++) {
    Conn *conn = &g->conns[i];
    conn->fd = -1;
    conn->index = (uint32_t)i;
    conn->place.offset = -1;
    conn->isPublisher = i >= o->connections;
    const int64_t before = (int64_t)i * o->stalled / (o->connections > 0 ? o->connections : 1);
    const int64_t after = (int64_t)(i + 1) * o->stalled / (o->connections > 0 ? o->connections : 1);
    conn->isStalled = !conn->isPublisher && after > before;
  }
  publisher_prepare(g);
  if (o->connections > 0) sampler_prepare(g);
  if (o->pathsFile != NULL) g->paths = read_lines(g, o->pathsFile);
  if (o->tokensFile != NULL) g->tokens = read_lines(g, o->tokensFile);
  g->epoll = epoll_create1(EPOLL_CLOEXEC);
  g->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = &g->timer};
  epoll_ctl(g->epoll, EPOLL_CTL_ADD, g->timer, &event);
  if (o->hold) {
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    event.data.ptr = g;
    epoll_ctl(g->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
  }
}

static int64_t open_more(Generator *g, Run *run, int64_t now) {
  const Options *o = &g->options;
  if (o->connectRate > 0) {
    run->mayOpen += (double)(now - run->openedAt) * o->connectRate / MICROSECONDS;
    if (run->mayOpen > o->inFlight) run->mayOpen = o->inFlight;
  } else {
    run->mayOpen = o->inFlight;
  }
  run->openedAt = now;
  const int count = g->isComingBack ? o->connections : g->connCount;
  while (g->nextToOpen < count && g->opening < o->inFlight && run->mayOpen >= 1) {
    conn_open(g, &g->conns[g->nextToOpen++]);
    run->mayOpen -= 1;
  }
  return o->connectRate > 0 ? now + 1000 : INT64_MAX;
}

static void enter(Run *run, Phase phase, int64_t now) {
  run->phase = phase;
  run->phaseAt = now;
  run->heldOn = false;
}

static void start_publishing(Generator *g, Run *run, int64_t now) {
  const Options *o = &g->options;
  enter(run, WARMING, now);
  g->publishFrom = now;
  g->publishInterval = (double)MICROSECONDS / o->rate;
  g->windowFrom = now + (int64_t)(o->warmup * MICROSECONDS);
  g->windowUntil = g->windowFrom + (int64_t)(o->duration * MICROSECONDS);
  g->publishUntil = g->windowUntil;
}

/* Cuts all subscribers; what is published while they are away is spread over that time. */
static void leave(Generator *g, Run *run, int64_t now) {
  const Options *o = &g->options;
  storm_cut(g);
  g->nextToOpen = 0;
  enter(run, AWAY, now);
  const uint64_t count = (uint64_t)o->awayMessages * (uint64_t)o->publishers;
  publisher_continue(g, now, count, o->away * 0.9);
}

/* Moves the run on when its phase is over; returns when to look again. */
static int64_t advance(Generator *g, Run *run, int64_t now) {
  const Options *o = &g->options;
  switch (run->phase) {
    case OPENING: {
      const int64_t again = open_more(g, run, now);
      if (g->nextToOpen < g->connCount || g->opening > 0) return again;
      run->to = snapshot_take(g);
      report_event(g, "ready", &run->opened, &run->to);
      enter(run, HELD_READY, now);
      return now;
    }
    case HELD_READY:
      if (o->hold && !run->heldOn && !run->stdinEnded) return INT64_MAX;
      if (o->rate <= 0) {
        run->from = run->opened;
        enter(run, DONE, now);
      } else {
        start_publishing(g, run, now);
      }
      return now;
    case WARMING:
      if (now < g->windowFrom) return g->windowFrom;
      run->from = snapshot_take(g);
      report_event(g, "measuring", &run->from, &run->from);
      enter(run, MEASURING, now);
      return g->windowUntil;
    case MEASURING:
      if (now < g->windowUntil) return g->windowUntil;
      run->to = snapshot_take(g);
      report_event(g, "measured", &run->from, &run->to);
      enter(run, HELD_MEASURED, now);
      return now;
    case HELD_MEASURED:
      if (o->hold && !run->heldOn && !run->stdinEnded) return INT64_MAX;
      if (o->resume != NULL) {
        leave(g, run, now);
        return now;
      }
      g->isUnthrottled = true;
      enter(run, DRAINING, now);
      return now;
    case AWAY:
      if (now < run->phaseAt + (int64_t)(o->away * MICROSECONDS)) return now + 1000;
      storm_come_back(g);
      g->cameBackAt = now;
      run->from = snapshot_take(g);
      report_event(g, "comingBack", &run->from, &run->from);
      enter(run, COMING_BACK, now);
      return now;
    case COMING_BACK: {
      const int64_t again = open_more(g, run, now);
      if (g->caughtUp < o->connections && now < run->phaseAt + (int64_t)(o->drain * MICROSECONDS)) {
        return again < now + 10000 ? again : now + 10000;
      }
      run->to = snapshot_take(g);
      report_event(g, "cameBack", &run->from, &run->to);
      enter(run, DONE, now);
      return now;
    }
    case DRAINING: {
      const int64_t until = run->phaseAt + (int64_t)(o->drain * MICROSECONDS);
      /* What throttled ones have still to read may end with what they are told. */
      const bool isTold = o->throttle <= 0 || g->stalledReady == g->stalledCut;
      const bool isComplete = g->frames >= publisher_expected(g) && isTold;
      if (!isComplete && now < until) return now + 10000;
      enter(run, DONE, now);
      return now;
    }
    case DONE: return now;
  }
  return now;
}

/* Unsampled subscribers are read in rounds, so that a read takes many frames at once. A round is
   spread over its time in small parts: the sampled ones must not wait for the whole of it. */
static int64_t read_lazy(Generator *g, Run *run, int64_t now) {
  const Options *o = &g->options;
  if (o->lazyMs <= 0 || o->connections == 0) return INT64_MAX;
  const double perConnection = o->lazyMs * 1000 / o->connections;
  const int64_t late = now - run->lazyAt;
  if (late > (int64_t)(o->lazyMs * 1000)) run->lazyAt = now - (int64_t)(o->lazyMs * 1000);
  int part = 0;
  for (; part < LAZY_PART && run->lazyAt <= now; part++) {
    Conn *conn = &g->conns[run->lazyNext];
    run->lazyNext = (run->lazyNext + 1) % o->connections;
    if (conn->isLazy && conn->state == READY) conn_read(g, conn);
    run->lazyDebt += perConnection;
    run->lazyAt += (int64_t)run->lazyDebt;
    run->lazyDebt -= (double)(int64_t)run->lazyDebt;
  }
  return run->lazyAt + (int64_t)(perConnection * LAZY_PART);
}

static void wait_for_events(Generator *g, Run *run, int64_t until) {
  struct epoll_event events[EVENTS_MAX];
  const struct itimerspec due = {
    .it_value = {.tv_sec = until / MICROSECONDS, .tv_nsec = until % MICROSECONDS * 1000},
  };
  timerfd_settime(g->timer, TFD_TIMER_ABSTIME, &due, NULL);
  const int64_t before = now_us();
  const int count = epoll_wait(g->epoll, events, EVENTS_MAX, before >= until ? 0 : -1);
  g->waited += now_us() - before;
  if (count < 0 && errno != EINTR) die("epoll_wait", strerror(errno));
  for (int i = 0; i < count; i++) {
    void *source = events[i].data.ptr;
    if (source == &g->timer) {
      uint64_t expirations;
      if (read(g->timer, &expirations, sizeof expirations) < 0) continue;
    } else if (source == g) {
      char line[64];
      const ssize_t got = read(STDIN_FILENO, line, sizeof line);
      if (got > 0) run->heldOn = true;
      if (got == 0) {
        run->stdinEnded = true;
        epoll_ctl(g->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
      }
    } else {
      conn_on_event(g, source, events[i].events);
    }
  }
}

int main(int argc, char **argv) {
  static Generator generator;
  Generator *g = &generator;
  prepare(g, argc, argv);
  Run run = {.phase = OPENING, .startedAt = now_us()};
  run.openedAt = run.startedAt;
  run.deadline = run.startedAt + (int64_t)(g->options.limit * MICROSECONDS);
  run.opened = snapshot_take(g);
  while (run.phase != DONE) {
    const int64_t now = now_us();
    if (now > run.deadline) die("the run took longer than --limit", g->firstFailure);
    int64_t until = run.deadline + 1;
    const int64_t publish = publisher_step(g, now);
    const int64_t lazy = read_lazy(g, &run, now);
    const int64_t throttled = throttle_read(g, now);
    const int64_t phase = advance(g, &run, now);
    if (publish < until) until = publish;
    if (lazy < until) until = lazy;
    if (throttled < until) until = throttled;
    if (phase < until) until = phase;
    wait_for_events(g, &run, until);
  }
  report_result(g, &run.from, &run.to);
  sampler_write(g);
  return 0;
}
