/* Throttled subscribers: they read so many bytes per second and no more, look at all that they get,
   and count what they are told of what they did not get. When the window is over they read at once
   what is left, which is where a close frame lies. */
#define _GNU_SOURCE
#include "generator.h"

#include <stdlib.h>
#include <string.h>

#define ROUND_US 50000
#define SIGN_OF_LIFE_US 5000000

/* A pong that nobody asked for is legal. Pings of the server lie behind what is still to be read,
   so who reads slowly would be taken for dead. */
static void give_sign_of_life(Generator *g, Conn *conn) {
  char header[14];
  conn_queue(conn, header, frame_header(header, 10, 0));
  conn_flush(g, conn);
}

/* Reads what each may read now; returns when to come again. */
int64_t throttle_read(Generator *g, int64_t now) {
  static int64_t readAt, livedAt;
  const Options *o = &g->options;
  if (o->throttle <= 0 || o->stalled == 0 || g->stalledReady == 0) return INT64_MAX;
  if (readAt == 0) readAt = livedAt = now;
  if (now < readAt + ROUND_US) return readAt + ROUND_US;
  const double more = o->throttle * (double)(now - readAt) / MICROSECONDS;
  readAt = now;
  const bool isDue = now >= livedAt + SIGN_OF_LIFE_US;
  if (isDue) livedAt = now;
  for (int i = 0; i < o->connections; i++) {
    Conn *conn = &g->conns[i];
    if (!conn->isStalled || conn->state != READY) continue;
    if (isDue) give_sign_of_life(g, conn);
    conn->mayRead += more;
    /* Nobody saves up: who found nothing to read is not faster later. */
    if (conn->mayRead > o->throttle) conn->mayRead = o->throttle;
    if (g->isUnthrottled) conn->mayRead = 1 << 20;
    if (conn->mayRead >= 1) conn->mayRead -= (double)conn_read_some(g, conn, (size_t)conn->mayRead);
  }
  return readAt + ROUND_US;
}

void throttle_look(Generator *g, const char *text, size_t length) {
  if (memmem(text, length, "\"type\":\"gap\"", 12) == NULL) {
    if (memmem(text, length, STAMP_MARKER, STAMP_MARKER_LENGTH) != NULL) g->throttledFrames++;
    return;
  }
  g->gaps++;
  static const char name[] = "\"dropped\":";
  const char *dropped = memmem(text, length, name, sizeof name - 1);
  for (const char *at = dropped; at != NULL && at < text + length; at++) {
    if (*at != ':') continue;
    g->gapDropped += strtoull(at + 1, NULL, 10);
    return;
  }
}
