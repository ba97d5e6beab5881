/* The publishers: an open model. Message n is due at start + n / rate, whatever the server does;
   that intended time is what its stamp says, so waiting in our own queue counts as latency. */
#define _GNU_SOURCE
#include "generator.h"

#include <stdlib.h>
#include <string.h>

#define BURST_MAX 500

static void digits(char *to, int count, uint64_t value) {
  for (int i = count - 1; i >= 0; i--, value /= 10) to[i] = (char)('0' + value % 10);
}

static PublicationFrame build(const Options *o, const char *message) {
  const char *hole = strstr(message, "{payload}");
  const size_t before = (size_t)(hole - message);
  const char *after = hole + strlen("{payload}");
  const size_t length = before + (size_t)o->payloadBytes + strlen(after);
  char *bytes = malloc(length + 14);
  if (bytes == NULL) die("out of memory", NULL);
  const size_t header = frame_header(bytes, 1, length);
  char *text = bytes + header;
  memcpy(text, message, before);
  memset(text + before, 'x', (size_t)o->payloadBytes);
  memcpy(text + before, STAMP_MARKER, STAMP_MARKER_LENGTH);
  memcpy(text + before + o->payloadBytes, after, strlen(after));
  return (PublicationFrame){
    .bytes = bytes, .length = header + length, .stampOffset = header + before + STAMP_MARKER_LENGTH,
  };
}

void publisher_prepare(Generator *g) {
  const Options *o = &g->options;
  if (strstr(o->message, "{payload}") == NULL) return;
  const int count = o->grouped ? o->publishers : 1;
  g->publications = calloc((size_t)count + 1, sizeof(PublicationFrame));
  if (g->publications == NULL) die("out of memory", NULL);
  for (int i = 0; i < count; i++) {
    char *message = o->grouped ? expand(o, o->message, (uint32_t)i) : NULL;
    g->publications[i] = build(o, message == NULL ? o->message : message);
    free(message);
  }
  const double planned = o->rate * (o->warmup + o->duration) / (o->publishers > 0 ? o->publishers : 1);
  g->perPublisherMax = (uint64_t)planned + (uint64_t)o->awayMessages + 16;
}

/* Frames that must have arrived when everything that was sent has. */
uint64_t publisher_expected(const Generator *g) {
  const Options *o = &g->options;
  return g->sent * (uint64_t)(o->grouped ? o->groupSize : o->connections - o->stalled);
}

/* Publications of one publisher so far: they take turns. */
uint64_t publisher_sent_by(const Generator *g, uint64_t who) {
  const uint64_t publishers = (uint64_t)g->options.publishers;
  return g->sent / publishers + (who < g->sent % publishers ? 1 : 0);
}

/* Goes on with so many more publications, spread over some seconds. */
void publisher_continue(Generator *g, int64_t now, uint64_t count, double seconds) {
  g->sentBefore = g->sent;
  g->publishFrom = now;
  g->publishInterval = count == 0 ? 0 : seconds * MICROSECONDS / (double)count;
  /* Half an interval, so that rounding neither adds one nor takes one away. */
  g->publishUntil = now + (int64_t)((double)count * g->publishInterval - g->publishInterval / 2);
}

/* Sends what is due and returns when the next message is due; INT64_MAX when there is none. */
int64_t publisher_step(Generator *g, int64_t now) {
  const Options *o = &g->options;
  if (g->publishFrom == 0 || g->publishInterval <= 0) return INT64_MAX;
  Conn *publishers = g->conns + o->connections;
  const double interval = g->publishInterval;
  int budget = BURST_MAX;
  for (;; budget--) {
    const int64_t due = g->publishFrom + (int64_t)((double)(g->sent - g->sentBefore) * interval);
    if (due >= g->publishUntil || due > now || budget == 0) {
      for (int i = 0; i < o->publishers; i++) {
        if (publishers[i].outLength > publishers[i].outOffset) conn_flush(g, &publishers[i]);
      }
      return due >= g->publishUntil ? INT64_MAX : due;
    }
    const uint64_t who = g->sent % (uint64_t)o->publishers;
    Conn *publisher = &publishers[who];
    if (publisher->state != READY) die("a publisher lost its connection", g->firstFailure);
    const PublicationFrame *publication = &g->publications[o->grouped ? who : 0];
    char *stamp = publication->bytes + publication->stampOffset;
    digits(stamp, STAMP_TIME_DIGITS, (uint64_t)due);
    digits(stamp + STAMP_TIME_DIGITS, STAMP_PUBLISHER_DIGITS, who);
    digits(stamp + STAMP_TIME_DIGITS + STAMP_PUBLISHER_DIGITS, STAMP_SEQUENCE_DIGITS,
           g->sent / (uint64_t)o->publishers);
    conn_queue(publisher, publication->bytes, publication->length);
    g->sent++;
  }
}
