/* The command line of the generator, and the two helpers that every part needs. */
#define _GNU_SOURCE
#include "generator.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * MICROSECONDS + time.tv_nsec / 1000;
}

void die(const char *message, const char *value) {
  fprintf(stderr, "generator: %s%s%s\n", message, value == NULL ? "" : ": ", value == NULL ? "" : value);
  exit(2);
}

enum {
  HOST, PORT, PATH, PATHS_FILE, PROTOCOL, INIT, READY_TEXT, FAIL_TEXT, SOCKET_IO, CONNECTIONS,
  GROUP_SIZE, IN_FLIGHT, CONNECT_RATE, PUBLISHERS, PUBLISHER_PATH, PUBLISHER_READY, MESSAGE,
  PAYLOAD, RATE, WARMUP, DURATION, DRAIN, LIMIT, SAMPLED, SAMPLES_FILE, STALLED, RECEIVE_BUFFER,
  LAZY_MS, HOLD, PID, GROUPED, PUBLISHER_PORT, PACKED, THROTTLE, RESUME, AWAY, AWAY_MESSAGES,
  TOKENS_FILE, PUBLISHER_INIT, EMPTY_PING, FIRST_SOURCE
};

static const struct option names[] = {
  {"host", required_argument, NULL, HOST},
  {"port", required_argument, NULL, PORT},
  {"path", required_argument, NULL, PATH},
  {"paths-file", required_argument, NULL, PATHS_FILE},
  {"protocol", required_argument, NULL, PROTOCOL},
  {"init", required_argument, NULL, INIT},
  {"ready", required_argument, NULL, READY_TEXT},
  {"fail", required_argument, NULL, FAIL_TEXT},
  {"socket-io", no_argument, NULL, SOCKET_IO},
  {"connections", required_argument, NULL, CONNECTIONS},
  {"group-size", required_argument, NULL, GROUP_SIZE},
  {"in-flight", required_argument, NULL, IN_FLIGHT},
  {"connect-rate", required_argument, NULL, CONNECT_RATE},
  {"publishers", required_argument, NULL, PUBLISHERS},
  {"publisher-path", required_argument, NULL, PUBLISHER_PATH},
  {"publisher-ready", required_argument, NULL, PUBLISHER_READY},
  {"message", required_argument, NULL, MESSAGE},
  {"payload", required_argument, NULL, PAYLOAD},
  {"rate", required_argument, NULL, RATE},
  {"warmup", required_argument, NULL, WARMUP},
  {"duration", required_argument, NULL, DURATION},
  {"drain", required_argument, NULL, DRAIN},
  {"limit", required_argument, NULL, LIMIT},
  {"sampled", required_argument, NULL, SAMPLED},
  {"samples-file", required_argument, NULL, SAMPLES_FILE},
  {"stalled", required_argument, NULL, STALLED},
  {"receive-buffer", required_argument, NULL, RECEIVE_BUFFER},
  {"lazy-ms", required_argument, NULL, LAZY_MS},
  {"hold", no_argument, NULL, HOLD},
  {"pid", required_argument, NULL, PID},
  {"grouped", no_argument, NULL, GROUPED},
  {"packed", no_argument, NULL, PACKED},
  {"throttle", required_argument, NULL, THROTTLE},
  {"resume", required_argument, NULL, RESUME},
  {"away", required_argument, NULL, AWAY},
  {"away-messages", required_argument, NULL, AWAY_MESSAGES},
  {"tokens-file", required_argument, NULL, TOKENS_FILE},
  {"publisher-init", required_argument, NULL, PUBLISHER_INIT},
  {"empty-ping", no_argument, NULL, EMPTY_PING},
  {"first-source", required_argument, NULL, FIRST_SOURCE},
  {"publisher-port", required_argument, NULL, PUBLISHER_PORT},
  {NULL, 0, NULL, 0},
};

static double number(const char *name, const char *text, double min, double max) {
  char *end;
  const double value = strtod(text, &end);
  if (*text == '\0' || *end != '\0' || !(value >= min && value <= max)) {
    fprintf(stderr, "generator: --%s must be %g..%g, got \"%s\"\n", name, min, max, text);
    exit(2);
  }
  return value;
}

static void set_text(Options *o, int id, const char *value) {
  switch (id) {
    case HOST: o->host = value; break;
    case PATH: o->path = value; break;
    case PATHS_FILE: o->pathsFile = value; break;
    case PROTOCOL: o->protocol = value; break;
    case READY_TEXT: o->ready = value; break;
    case FAIL_TEXT: o->fail = value; break;
    case SOCKET_IO: o->socketIo = true; break;
    case PUBLISHER_PATH: o->publisherPath = value; break;
    case PUBLISHER_READY: o->publisherReady = value; break;
    case MESSAGE: o->message = value; break;
    case SAMPLES_FILE: o->samplesFile = value; break;
    case HOLD: o->hold = true; break;
    case GROUPED: o->grouped = true; break;
    case PACKED: o->packed = true; break;
    case TOKENS_FILE: o->tokensFile = value; break;
    case PUBLISHER_INIT: o->publisherInit = value; break;
    case EMPTY_PING: o->emptyPing = true; break;
    case RESUME: o->resume = value; break;
    case INIT:
      if (o->initCount == INIT_FRAMES_MAX) die("too many --init frames, the most is 8", NULL);
      o->init[o->initCount++] = value;
      break;
    default: die("unknown option", value);
  }
}

/* Returns false when the option is not a number. */
static bool set_number(Options *o, int id, const char *name, const char *v) {
  switch (id) {
    case PORT:
      if (o->portCount == PORTS_MAX) die("too many --port, the most is 16", NULL);
      o->ports[o->portCount++] = (int)number(name, v, 1, 65535);
      break;
    case PUBLISHER_PORT: o->publisherPort = (int)number(name, v, 1, 65535); break;
    case FIRST_SOURCE: o->firstSource = (int)number(name, v, 1, 200); break;
    case CONNECTIONS: o->connections = (int)number(name, v, 0, 200000); break;
    case GROUP_SIZE: o->groupSize = (int)number(name, v, 1, 1e9); break;
    case IN_FLIGHT: o->inFlight = (int)number(name, v, 1, 10000); break;
    case CONNECT_RATE: o->connectRate = number(name, v, 0, 1e6); break;
    case PUBLISHERS: o->publishers = (int)number(name, v, 0, 999); break;
    case PAYLOAD: o->payloadBytes = (int)number(name, v, STAMP_LENGTH, 1 << 20); break;
    case RATE: o->rate = number(name, v, 0, 1e6); break;
    case WARMUP: o->warmup = number(name, v, 0, 600); break;
    case DURATION: o->duration = number(name, v, 0, 3600); break;
    case DRAIN: o->drain = number(name, v, 0, 600); break;
    case LIMIT: o->limit = number(name, v, 1, 7200); break;
    case SAMPLED: o->sampled = (int)number(name, v, 0, 200000); break;
    case STALLED: o->stalled = (int)number(name, v, 0, 200000); break;
    case THROTTLE: o->throttle = number(name, v, 1, 1e9); break;
    case AWAY: o->away = number(name, v, 0, 600); break;
    case AWAY_MESSAGES: o->awayMessages = (int)number(name, v, 0, 1e6); break;
    case RECEIVE_BUFFER: o->receiveBuffer = (int)number(name, v, 0, 1 << 30); break;
    case LAZY_MS: o->lazyMs = number(name, v, 0, 1000); break;
    case PID:
      if (o->pidCount == PIDS_MAX) die("too many --pid, the most is 16", NULL);
      o->pids[o->pidCount++] = (int)number(name, v, 1, 1e9);
      break;
    default: return false;
  }
  return true;
}

void options_parse(Options *o, int argc, char **argv) {
  *o = (Options){
    .host = "127.0.0.1", .firstSource = 1, .path = "/", .publisherPath = "/", .message = "{payload}",
    .connections = 1, .groupSize = 10, .inFlight = 64, .connectRate = 2000, .payloadBytes = 100,
    .duration = 3, .warmup = 1, .drain = 5, .limit = 120, .sampled = 50,
  };
  int index = 0;
  int id;
  while ((id = getopt_long(argc, argv, "", names, &index)) != -1) {
    if (id == '?') exit(2);
    if (!set_number(o, id, names[index].name, optarg)) set_text(o, id, optarg);
  }
  if (optind < argc) die("unexpected argument", argv[optind]);
  if (o->portCount == 0) die("--port is missing", NULL);
  if (o->stalled >= o->connections && o->stalled > 0) die("--stalled must leave a reader", NULL);
  if (o->grouped && o->publishers * o->groupSize != o->connections)
    die("--grouped needs a publisher for each group of --connections", NULL);
  if (o->grouped && o->stalled > 0) die("--grouped and --stalled exclude each other", NULL);
  if (o->resume != NULL && (!o->grouped || o->sampled < o->connections))
    die("--resume needs --grouped, and all connections --sampled", NULL);
  if (o->rate > 0 && o->publishers == 0) die("--rate needs --publishers", NULL);
  if (o->rate > 0 && strstr(o->message, "{payload}") == NULL)
    die("--message must contain {payload}", o->message);
}
