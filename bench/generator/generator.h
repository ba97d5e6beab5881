/* The types shared by the parts of the load generator, and what each part offers the others. */
#ifndef GENERATOR_H
#define GENERATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define INIT_FRAMES_MAX 8
#define PIDS_MAX 16
#define PORTS_MAX 16
#define EPOCH_LENGTH_MAX 64
#define MICROSECONDS 1000000LL

/* A stamp is "@TB:", the intended time in us, the publisher and its sequence number. */
#define STAMP_MARKER "@TB:"
#define STAMP_MARKER_LENGTH 4
#define STAMP_TIME_DIGITS 16
#define STAMP_PUBLISHER_DIGITS 3
#define STAMP_SEQUENCE_DIGITS 10
#define STAMP_LENGTH \
  (STAMP_MARKER_LENGTH + STAMP_TIME_DIGITS + STAMP_PUBLISHER_DIGITS + STAMP_SEQUENCE_DIGITS)

/* What the command line asks for. Times in seconds unless the name says otherwise. */
typedef struct {
  const char *host;
  int ports[PORTS_MAX]; /* connection i goes to port i % portCount */
  int portCount;
  int firstSource;        /* last byte of the first source address, for several generators at once */
  const char *path;       /* request path of a subscriber; {i} number, {d} number / groupSize */
  int publisherPort;      /* publishers connect here; 0: to `ports` */
  const char *pathsFile;  /* one path per connection, instead of `path`; publishers' may follow */
  const char *tokensFile; /* one token per connection, publishers too: {token} in a first frame */
  const char *protocol;   /* value of Sec-WebSocket-Protocol, or NULL */
  const char *init[INIT_FRAMES_MAX]; /* text frames that a subscriber sends after the upgrade */
  int initCount;
  const char *ready;      /* a subscriber is ready when it gets a frame with this text */
  const char *fail;       /* a frame with this text before that is a failure */
  bool socketIo;          /* speak Engine.IO 4: answer its open packet and its pings */
  int connections;
  int groupSize;
  int inFlight;
  double connectRate;     /* connections per second; 0: as fast as inFlight allows */
  int publishers;
  bool grouped;           /* what publisher i sends is for group i alone; {i} in its frame is i */
  bool emptyPing;         /* a message {} is a ping and is answered by the same */
  bool packed;            /* a text frame may hold several messages, one on each line */
  const char *publisherPath;
  const char *publisherInit; /* text frame that a publisher sends after the upgrade, or NULL */
  const char *publisherReady;
  const char *message;    /* frame of a publication; {payload} is replaced */
  int payloadBytes;
  double rate;            /* publications per second of all publishers together */
  double warmup, duration, drain, limit;
  int sampled;            /* subscribers whose every frame is parsed and timed */
  const char *samplesFile;
  int stalled;            /* subscribers that never read once they are ready */
  double throttle;        /* bytes per second that each stalled one does read after all */
  const char *resume;     /* frame with {since}, sent instead of `init` by who comes back */
  double away;            /* all subscribers are cut after the window; they come back so much later */
  int awayMessages;       /* publications of each publisher in the meantime */
  int receiveBuffer;      /* SO_RCVBUF of the stalled ones; 0: the system's */
  double lazyMs;          /* read unsampled subscribers in rounds of this many ms; 0: at once */
  bool hold;              /* wait for a line on stdin after `ready` and after `measured` */
  int pids[PIDS_MAX];     /* processes whose CPU time is counted */
  int pidCount;
} Options;

/* What one sampled subscriber has seen of one publisher. */
typedef struct {
  uint8_t *seen;
  int64_t newest;
} Track;

/* A place in a stream of trunkline.v1. */
typedef struct {
  char epoch[EPOCH_LENGTH_MAX];
  int64_t offset, tag;    /* offset -1: not known */
} Place;

/* The whole frame of a publication; only its stamp changes. */
typedef struct {
  char *bytes;
  size_t length, stampOffset;
} PublicationFrame;

typedef enum { CLOSED, CONNECTING, UPGRADING, STARTING, READY } ConnState;

typedef struct {
  int fd;
  uint32_t index;
  uint8_t state;
  bool isPublisher, isSampled, isStalled, isLazy, wantsWrite;
  uint64_t skip;          /* bytes left of a frame that nobody looks at */
  char *carry;            /* the beginning of a frame whose rest is still to come */
  uint32_t carryLength, carryCapacity;
  char *out;
  uint32_t outOffset, outLength, outCapacity;
  Track *tracks;          /* per publisher; sampled subscribers only */
  double mayRead;         /* bytes that a throttled one may read now */
  Place place;            /* where it stands in its stream, once it was told */
  uint64_t seenCount;     /* different messages that a sampled one has got */
} Conn;

/* Times that the counters of a window are cut out of. */
typedef struct {
  int64_t at;             /* us */
  double cpuOf[PIDS_MAX], serverCpu, ownCpu; /* the second is the sum of the first */
  int64_t waited;         /* us spent waiting in epoll */
  uint64_t frames, bytes, sent;
} Snapshot;

typedef struct {
  Options options;
  int epoll, timer;
  Conn *conns;            /* subscribers, then publishers */
  int connCount, nextToOpen, opening, ready, failed, stalledReady, stalledCut;
  uint64_t frames, bytes, sent, pings, heartbeats;
  uint64_t duplicates, outOfOrder, unstamped, misdelivered;
  uint64_t gaps, gapDropped, throttledFrames; /* what the stalled ones were told, and got */
  uint64_t recovered, unrecovered, holes;
  bool isComingBack;      /* connections resume instead of joining */
  int64_t cameBackAt;     /* us; 0: before the storm */
  int caughtUp;           /* subscribers that have everything that was sent */
  bool isUnthrottled;
  uint64_t closedByServer, errors;
  int closeCodes[5000];
  char firstFailure[200];
  int64_t waited;
  PublicationFrame *publications; /* per publisher with `grouped`, else one for all */
  int64_t publishFrom, publishUntil, windowFrom, windowUntil;
  double publishInterval; /* us between publications */
  uint64_t sentBefore;    /* publications before `publishFrom` */
  uint64_t perPublisherMax;
  uint32_t *samples;
  size_t sampleCount, sampleCapacity;
  char **paths, **tokens;
} Generator;

/* options.c */
void options_parse(Options *options, int argc, char **argv);
int64_t now_us(void);
void die(const char *message, const char *value) __attribute__((noreturn));

/* frames.c: masked client frames (with a mask of zeros) in, counters and handlers out. */
size_t frame_header(char *to, int opcode, size_t length);
void frames_consume(Generator *g, Conn *conn, char *bytes, size_t length, int64_t now);

/* connection.c */
void conn_open(Generator *g, Conn *conn);
void conn_on_event(Generator *g, Conn *conn, uint32_t events);
void conn_read(Generator *g, Conn *conn);
size_t conn_read_some(Generator *g, Conn *conn, size_t bytesMax);
void conn_cut(Generator *g, Conn *conn);
void conn_queue(Conn *conn, const char *bytes, size_t length);
void conn_send_text(Conn *conn, const char *text, size_t length);
void conn_flush(Generator *g, Conn *conn);
void conn_become_ready(Generator *g, Conn *conn);
void conn_fail(Generator *g, Conn *conn, const char *what, const char *detail);
char *expand(const Options *options, const char *text, uint32_t index);

/* publisher.c */
void publisher_prepare(Generator *g);
uint64_t publisher_expected(const Generator *g);
uint64_t publisher_sent_by(const Generator *g, uint64_t who);
int64_t publisher_step(Generator *g, int64_t now);
void publisher_continue(Generator *g, int64_t now, uint64_t count, double seconds);

/* sampler.c */
void sampler_prepare(Generator *g);
void sampler_take(Generator *g, Conn *conn, const char *payload, size_t length, int64_t now);
uint64_t sampler_missing(const Generator *g);
void sampler_record(Generator *g, int64_t latency);
void sampler_write(const Generator *g);

/* storm.c */
void storm_look(Generator *g, Conn *conn, const char *text, size_t length);
void storm_count(Generator *g, Conn *conn, int64_t now);
void storm_cut(Generator *g);
void storm_come_back(Generator *g);
char *storm_resume_frame(const Generator *g, const Conn *conn);

/* throttle.c */
int64_t throttle_read(Generator *g, int64_t now);
void throttle_look(Generator *g, const char *text, size_t length);

/* report.c */
Snapshot snapshot_take(const Generator *g);
void report_event(const Generator *g, const char *name, const Snapshot *from, const Snapshot *to);
void report_result(const Generator *g, const Snapshot *from, const Snapshot *to);

#endif
