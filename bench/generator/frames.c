/* WebSocket framing: headers of client frames, and a scan of server frames that reads headers
   only, except where somebody needs the content. */
#define _GNU_SOURCE
#include "generator.h"

#include <stdlib.h>
#include <string.h>

#define FRAME_BYTES_MAX (8u << 20)
/* What trunkline.v1 sends to who gets nothing else: no message. */
#define HEARTBEAT "{\"type\":\"heartbeat\"}"
#define HEARTBEAT_LENGTH (sizeof HEARTBEAT - 1)
enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9 };

/* The mask is four zero bytes, legal on the wire, so that the payload needs no work. */
size_t frame_header(char *to, int opcode, size_t length) {
  size_t at = 2;
  to[0] = (char)(0x80 | opcode);
  if (length < 126) {
    to[1] = (char)(0x80 | length);
  } else if (length < 65536) {
    to[1] = (char)(0x80 | 126);
    to[at++] = (char)(length >> 8);
    to[at++] = (char)length;
  } else {
    to[1] = (char)(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8) to[at++] = (char)((uint64_t)length >> shift);
  }
  memset(to + at, 0, 4);
  return at + 4;
}

static bool contains(const char *bytes, size_t length, const char *text) {
  return memmem(bytes, length, text, strlen(text)) != NULL;
}

/* Frames before a connection is ready: greetings, acknowledgements, refusals. */
static void on_start(Generator *g, Conn *conn, const char *bytes, size_t length) {
  const Options *o = &g->options;
  const char *ready = conn->isPublisher && o->publisherReady ? o->publisherReady : o->ready;
  if (o->socketIo && length > 0 && bytes[0] == '0') {
    conn_send_text(conn, "40", 2);
  } else if (ready == NULL || contains(bytes, length, ready)) {
    conn_become_ready(g, conn);
    if (o->resume != NULL && !conn->isPublisher) storm_look(g, conn, bytes, length);
  } else if (o->fail != NULL && contains(bytes, length, o->fail)) {
    char detail[120];
    snprintf(detail, sizeof detail, "%.*s", (int)(length < 119 ? length : 119), bytes);
    conn_fail(g, conn, "refused", detail);
  }
}

/* A server's {} is a ping; it comes alone or between other messages of a frame. */
static bool is_empty_ping(const Generator *g, const char *bytes, size_t length) {
  return g->options.emptyPing && length == 2 && bytes[0] == '{' && bytes[1] == '}';
}

static void answer_empty_pings(Generator *g, Conn *conn, const char *bytes, size_t length) {
  const char *end = bytes + length;
  while (bytes < end) {
    const char *line = memchr(bytes, '\n', (size_t)(end - bytes));
    const size_t size = (size_t)((line == NULL ? end : line) - bytes);
    if (is_empty_ping(g, bytes, size)) {
      conn_send_text(conn, "{}", 2);
      g->pings++;
    }
    if (line == NULL) return;
    bytes = line + 1;
  }
}

/* Each message of a frame: with `packed` there is one on each line. */
static void on_messages(Generator *g, Conn *conn, const char *bytes, size_t length, int64_t now) {
  const char *end = bytes + length;
  while (bytes < end) {
    const char *line = g->options.packed ? memchr(bytes, '\n', (size_t)(end - bytes)) : NULL;
    const size_t size = (size_t)((line == NULL ? end : line) - bytes);
    if (size == HEARTBEAT_LENGTH && memcmp(bytes, HEARTBEAT, size) == 0) {
      g->heartbeats++;
    } else if (is_empty_ping(g, bytes, size)) {
      /* Answered already. */
    } else if (conn->isStalled) {
      throttle_look(g, bytes, size);
    } else {
      g->frames++;
      if (g->options.resume != NULL) storm_look(g, conn, bytes, size);
      if (conn->isSampled) sampler_take(g, conn, bytes, size, now);
    }
    if (line == NULL) return;
    bytes = line + 1;
  }
}

/* Messages that begin in a part of a frame that nobody looks at. */
static uint64_t lines_in(const char *bytes, size_t length) {
  uint64_t count = 0;
  const char *end = bytes + length;
  for (; (bytes = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL; bytes++) count++;
  return count;
}

static void on_frame(Generator *g, Conn *conn, int opcode, const char *bytes, size_t length,
                     int64_t now) {
  if (opcode == PING) {
    char header[14];
    conn_queue(conn, header, frame_header(header, 10, length));
    conn_queue(conn, bytes, length);
    g->pings++;
  } else if (opcode == CLOSE) {
    const int code = length < 2 ? 1005 : ((uint8_t)bytes[0] << 8) | (uint8_t)bytes[1];
    if (code < 5000) g->closeCodes[code]++;
    g->closedByServer++;
    char detail[24];
    snprintf(detail, sizeof detail, "%d", code);
    conn_fail(g, conn, "closed by the server with code", detail);
  } else if (opcode == TEXT || opcode == BINARY) {
    if (g->options.emptyPing) answer_empty_pings(g, conn, bytes, length);
    if (g->options.socketIo && length == 1 && bytes[0] == '2') {
      conn_send_text(conn, "3", 1);
      g->pings++;
    } else if (conn->state != READY) {
      on_start(g, conn, bytes, length);
    } else if (!conn->isPublisher) {
      on_messages(g, conn, bytes, length, now);
    }
  }
}

static void stash(Conn *conn, const char *bytes, size_t length) {
  if (conn->carryCapacity < length) {
    conn->carry = realloc(conn->carry, length);
    if (conn->carry == NULL) die("out of memory", NULL);
    conn->carryCapacity = (uint32_t)length;
  }
  memcpy(conn->carry, bytes, length);
  conn->carryLength = (uint32_t)length;
}

void frames_consume(Generator *g, Conn *conn, char *bytes, size_t length, int64_t now) {
  const char *at = bytes;
  const char *end = bytes + length;
  while (at < end) {
    const size_t left = (size_t)(end - at);
    if (conn->skip > 0) {
      const size_t skipped = conn->skip < left ? (size_t)conn->skip : left;
      conn->skip -= skipped;
      if (g->options.packed && !conn->isPublisher) g->frames += lines_in(at, skipped);
      at += skipped;
      continue;
    }
    if (left < 2) return stash(conn, at, left);
    const int opcode = at[0] & 15;
    uint64_t size = (uint8_t)at[1] & 127;
    const size_t header = size < 126 ? 2 : size == 126 ? 4 : 10;
    if (left < header) return stash(conn, at, left);
    if (header > 2) {
      size = 0;
      for (size_t i = 2; i < header; i++) size = (size << 8) | (uint8_t)at[i];
    }
    if (size > FRAME_BYTES_MAX) return conn_fail(g, conn, "a frame larger than 8 MB", NULL);
    const bool needed = opcode >= CLOSE || conn->isSampled || conn->isStalled ||
                        conn->state != READY || size <= HEARTBEAT_LENGTH ||
                        (conn->isPublisher && g->options.emptyPing);
    if (needed) {
      if (left < header + size) return stash(conn, at, left);
      on_frame(g, conn, opcode, at + header, (size_t)size, now);
      if (conn->state == CLOSED) return;
      at += header + size;
    } else {
      if (opcode != 0 && !conn->isPublisher) g->frames++;
      conn->skip = size;
      at += header;
    }
  }
}
