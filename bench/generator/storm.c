/* The storm: all subscribers are cut at once, and all come back and resume where they stood. Each
   follows its one stream of trunkline.v1.json, and has caught up when it has got everything that was
   sent to its group. */
#define _GNU_SOURCE
#include "generator.h"

#include <stdlib.h>
#include <string.h>

/* The number behind a name in a JSON text; -1 without it. */
static int64_t number_of(const char *text, size_t length, const char *name) {
  const char *at = memmem(text, length, name, strlen(name));
  if (at == NULL) return -1;
  int64_t value = 0;
  bool any = false;
  for (at += strlen(name); at < text + length && *at >= '0' && *at <= '9'; at++) {
    value = value * 10 + (*at - '0');
    any = true;
  }
  return any ? value : -1;
}

static void take_position(Conn *conn, const char *text, size_t length) {
  static const char name[] = "\"epoch\":\"";
  const char *at = memmem(text, length, name, sizeof name - 1);
  if (at == NULL) return;
  at += sizeof name - 1;
  const char *end = memchr(at, '"', (size_t)(text + length - at));
  if (end == NULL || end - at >= EPOCH_LENGTH_MAX) die("a position that cannot be understood", NULL);
  memcpy(conn->place.epoch, at, (size_t)(end - at));
  conn->place.epoch[end - at] = '\0';
  conn->place.offset = number_of(text, length, "\"offset\":");
  conn->place.tag = number_of(text, length, "\"tag\":");
}

/* An ack of a join, a message, or what else comes: moves the place on. */
void storm_look(Generator *g, Conn *conn, const char *text, size_t length) {
  if (memmem(text, length, "\"type\":\"ack\"", 12) != NULL) {
    if (memmem(text, length, "\"recovered\":true", 16) != NULL) g->recovered++;
    else if (g->isComingBack) g->unrecovered++;
    take_position(conn, text, length);
  } else if (memmem(text, length, "\"type\":\"message\"", 16) != NULL) {
    const int64_t offset = number_of(text, length, "\"offset\":");
    const int64_t prev = number_of(text, length, "\"prev\":");
    if (prev > conn->place.offset) g->holes++;
    if (offset > conn->place.offset) {
      conn->place.offset = offset;
      conn->place.tag = number_of(text, length, "\"tag\":");
    }
  }
}

/* A sampled subscriber got a message that it did not have. */
void storm_count(Generator *g, Conn *conn, int64_t now) {
  if (g->cameBackAt == 0) return;
  const uint64_t group = conn->index / (uint32_t)g->options.groupSize;
  if (conn->seenCount != publisher_sent_by(g, group)) return;
  g->caughtUp++;
  sampler_record(g, now - g->cameBackAt);
}

void storm_cut(Generator *g) {
  for (int i = 0; i < g->options.connections; i++) conn_cut(g, &g->conns[i]);
}

void storm_come_back(Generator *g) {
  g->isComingBack = true;
}

char *storm_resume_frame(const Generator *g, const Conn *conn) {
  static const char hole[] = "{since}";
  char *expanded = expand(&g->options, g->options.resume, conn->index);
  const char *at = strstr(expanded, hole);
  if (at == NULL) die("--resume must contain {since}", expanded);
  char *frame = malloc(strlen(expanded) + EPOCH_LENGTH_MAX + 128);
  if (frame == NULL) die("out of memory", NULL);
  const Place *place = &conn->place;
  sprintf(frame, "%.*s{\"epoch\":\"%s\",\"offset\":%lld,\"tag\":%lld}%s", (int)(at - expanded),
          expanded, place->epoch, (long long)place->offset, (long long)place->tag,
          at + sizeof hole - 1);
  free(expanded);
  return frame;
}
