/* The sampled subscribers: latency from the intended send time to the read, one raw sample per
   message, and the proof that nothing is missing, doubled or out of order. */
#define _GNU_SOURCE
#include "generator.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_MAX (64u << 20)

void sampler_prepare(Generator *g) {
  const Options *o = &g->options;
  const int readers = o->connections - o->stalled;
  const int wanted = o->sampled < readers ? o->sampled : readers;
  int reader = 0;
  for (int i = 0; i < o->connections; i++) {
    Conn *conn = &g->conns[i];
    if (conn->isStalled) continue;
    /* Spread evenly: a fan-out has first and last members. */
    const int64_t from = (int64_t)reader * wanted / readers;
    conn->isSampled = (int64_t)(reader + 1) * wanted / readers > from;
    conn->isLazy = o->lazyMs > 0 && !conn->isSampled;
    reader++;
    if (!conn->isSampled || o->rate <= 0) continue;
    conn->tracks = calloc((size_t)o->publishers, sizeof(Track));
    if (conn->tracks == NULL) die("out of memory", NULL);
    for (int p = 0; p < o->publishers; p++) {
      if (o->grouped && p != i / o->groupSize) continue;
      conn->tracks[p].newest = -1;
      conn->tracks[p].seen = calloc(g->perPublisherMax / 8 + 1, 1);
      if (conn->tracks[p].seen == NULL) die("out of memory", NULL);
    }
  }
}

/* Returns -1 when a byte is no digit. */
static int64_t parse_digits(const char *from, int count) {
  int64_t value = 0;
  for (int i = 0; i < count; i++) {
    if (from[i] < '0' || from[i] > '9') return -1;
    value = value * 10 + (from[i] - '0');
  }
  return value;
}

void sampler_record(Generator *g, int64_t latency) {
  if (g->sampleCount == g->sampleCapacity) {
    if (g->sampleCapacity >= SAMPLES_MAX) die("too many samples: sample fewer subscribers", NULL);
    g->sampleCapacity = g->sampleCapacity == 0 ? 1 << 16 : g->sampleCapacity * 2;
    g->samples = realloc(g->samples, g->sampleCapacity * sizeof *g->samples);
    if (g->samples == NULL) die("out of memory", NULL);
  }
  g->samples[g->sampleCount++] = latency > UINT32_MAX ? UINT32_MAX : (uint32_t)latency;
}

void sampler_take(Generator *g, Conn *conn, const char *payload, size_t length, int64_t now) {
  const char *marker = memmem(payload, length, STAMP_MARKER, STAMP_MARKER_LENGTH);
  const bool fits = marker != NULL && payload + length - marker >= STAMP_LENGTH;
  const char *at = fits ? marker + STAMP_MARKER_LENGTH : NULL;
  const int64_t due = fits ? parse_digits(at, STAMP_TIME_DIGITS) : -1;
  const int64_t who = fits ? parse_digits(at + STAMP_TIME_DIGITS, STAMP_PUBLISHER_DIGITS) : -1;
  const int64_t sequence =
      fits ? parse_digits(at + STAMP_TIME_DIGITS + STAMP_PUBLISHER_DIGITS, STAMP_SEQUENCE_DIGITS) : -1;
  if (due < 0 || who < 0 || sequence < 0 || who >= g->options.publishers || conn->tracks == NULL ||
      (uint64_t)sequence >= g->perPublisherMax) {
    g->unstamped++;
    return;
  }
  Track *track = &conn->tracks[who];
  if (track->seen == NULL) {
    g->misdelivered++;
    return;
  }
  const uint8_t bit = (uint8_t)(1u << (sequence & 7));
  if (track->seen[sequence >> 3] & bit) {
    g->duplicates++;
    return;
  }
  track->seen[sequence >> 3] |= bit;
  conn->seenCount++;
  if (sequence < track->newest) g->outOfOrder++;
  else track->newest = sequence;
  if (due >= g->windowFrom && due < g->windowUntil && g->options.resume == NULL) {
    sampler_record(g, now - due);
  }
  if (g->options.resume != NULL) storm_count(g, conn, now);
}

/* Messages that a sampled subscriber, still connected, never got. */
uint64_t sampler_missing(const Generator *g) {
  const uint64_t publishers = (uint64_t)g->options.publishers;
  uint64_t missing = 0;
  for (int i = 0; i < g->options.connections; i++) {
    const Conn *conn = &g->conns[i];
    if (conn->tracks == NULL || conn->state != READY) continue;
    for (uint64_t n = 0; n < g->sent; n++) {
      const uint64_t sequence = n / publishers;
      if (conn->tracks[n % publishers].seen == NULL) continue;
      if (!(conn->tracks[n % publishers].seen[sequence >> 3] & (1u << (sequence & 7)))) missing++;
    }
  }
  return missing;
}

/* Raw samples in microseconds, 32 bits each, in the machine's byte order. */
void sampler_write(const Generator *g) {
  if (g->options.samplesFile == NULL) return;
  FILE *file = fopen(g->options.samplesFile, "wb");
  if (file == NULL) die("cannot write --samples-file", strerror(errno));
  const size_t written = fwrite(g->samples, sizeof *g->samples, g->sampleCount, file);
  if (fclose(file) != 0 || written != g->sampleCount) die("writing --samples-file", strerror(errno));
}
