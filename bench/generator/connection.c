/* One connection: connect from one of several source addresses, upgrade, read, write, fail. */
#define _GNU_SOURCE
#include "generator.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PER_SOURCE_ADDRESS 5000
#define READ_BYTES (256 * 1024)
#define CARRY_BYTES_MAX (9u << 20)
#define OUT_BYTES_MAX (256u << 20)

static char scratch[CARRY_BYTES_MAX + READ_BYTES];

/* Replaces {i} by the connection's number and {d} by its group's; the caller frees. */
char *expand(const Options *options, const char *text, uint32_t index) {
  char *result = malloc(strlen(text) + 256);
  if (result == NULL) die("out of memory", NULL);
  size_t at = 0;
  int replaced = 0;
  for (; *text != '\0'; text++) {
    const bool isNumber = strncmp(text, "{i}", 3) == 0;
    if ((isNumber || strncmp(text, "{d}", 3) == 0) && replaced++ < 20) {
      const uint32_t value = isNumber ? index : index / (uint32_t)options->groupSize;
      at += (size_t)sprintf(result + at, "%u", value);
      text += 2;
    } else {
      result[at++] = *text;
    }
  }
  result[at] = '\0';
  return result;
}

static void watch(Generator *g, Conn *conn, int operation) {
  uint32_t events = conn->wantsWrite || conn->state == CONNECTING ? EPOLLOUT : 0;
  if (conn->isStalled && conn->state == READY) events |= EPOLLRDHUP;
  else if (!(conn->isLazy && conn->state == READY)) events |= EPOLLIN;
  struct epoll_event event = {.events = events, .data.ptr = conn};
  if (epoll_ctl(g->epoll, operation, conn->fd, &event) != 0) die("epoll_ctl", strerror(errno));
}

/* Nothing is waited for any more: an event that nobody handles would come again at once. */
static void watch_nothing(Generator *g, Conn *conn) {
  epoll_ctl(g->epoll, EPOLL_CTL_DEL, conn->fd, NULL);
}

static void close_socket(Conn *conn) {
  /* A reset leaves no TIME_WAIT behind, which would use up ports over many runs. */
  const struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(conn->fd);
  conn->fd = -1;
  conn->state = CLOSED;
  conn->carryLength = 0;
}

void conn_fail(Generator *g, Conn *conn, const char *what, const char *detail) {
  if (conn->state == CLOSED) return;
  if (conn->state == READY) {
    g->ready--;
    g->errors++;
    if (conn->isStalled) g->stalledCut++;
  } else {
    g->opening--;
    g->failed++;
  }
  if (g->firstFailure[0] == '\0') {
    snprintf(g->firstFailure, sizeof g->firstFailure, "connection %u: %s %s", conn->index, what,
             detail == NULL ? "" : detail);
  }
  close_socket(conn);
}

static int port_of(const Options *o, const Conn *conn) {
  if (conn->isPublisher && o->publisherPort > 0) return o->publisherPort;
  return o->ports[conn->index % (uint32_t)o->portCount];
}

void conn_open(Generator *g, Conn *conn) {
  const Options *o = &g->options;
  conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (conn->fd < 0) die("socket (raise the limit of open files: ulimit -n)", strerror(errno));
  conn->state = CONNECTING;
  g->opening++;
  const int on = 1;
  setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(conn->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (conn->isStalled && o->receiveBuffer > 0) {
    setsockopt(conn->fd, SOL_SOCKET, SO_RCVBUF, &o->receiveBuffer, sizeof o->receiveBuffer);
  }
  const uint16_t port = (uint16_t)port_of(o, conn);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, o->host, &address.sin_addr) != 1) die("--host is no address", o->host);
  const bool isLoopback = (ntohl(address.sin_addr.s_addr) >> 24) == 127;
  if (isLoopback) {
    const uint32_t last = (uint32_t)o->firstSource + conn->index / PER_SOURCE_ADDRESS;
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl((127u << 24) | last);
    if (bind(conn->fd, (struct sockaddr *)&source, sizeof source) != 0) {
      return conn_fail(g, conn, "bind:", strerror(errno));
    }
  }
  if (connect(conn->fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
    return conn_fail(g, conn, "connect:", strerror(errno));
  }
  watch(g, conn, EPOLL_CTL_ADD);
}

void conn_queue(Conn *conn, const char *bytes, size_t length) {
  if (conn->outOffset == conn->outLength) conn->outOffset = conn->outLength = 0;
  if (conn->outLength + length > conn->outCapacity) {
    const size_t wanted = (conn->outLength + length) * 2;
    if (wanted > OUT_BYTES_MAX) die("the server does not read what is published", NULL);
    conn->out = realloc(conn->out, wanted);
    if (conn->out == NULL) die("out of memory", NULL);
    conn->outCapacity = (uint32_t)wanted;
  }
  memcpy(conn->out + conn->outLength, bytes, length);
  conn->outLength += (uint32_t)length;
}

void conn_send_text(Conn *conn, const char *text, size_t length) {
  char header[14];
  conn_queue(conn, header, frame_header(header, 1, length));
  conn_queue(conn, text, length);
}

void conn_flush(Generator *g, Conn *conn) {
  while (conn->state != CLOSED && conn->outOffset < conn->outLength) {
    const ssize_t written = send(conn->fd, conn->out + conn->outOffset,
                                 conn->outLength - conn->outOffset, MSG_NOSIGNAL);
    if (written < 0 && errno == EAGAIN) break;
    if (written < 0) return conn_fail(g, conn, "send:", strerror(errno));
    conn->outOffset += (uint32_t)written;
  }
  const bool wantsWrite = conn->outOffset < conn->outLength;
  if (conn->state != CLOSED && wantsWrite != conn->wantsWrite) {
    conn->wantsWrite = wantsWrite;
    watch(g, conn, EPOLL_CTL_MOD);
  }
  if (!wantsWrite && conn->state == READY && !conn->isPublisher && conn->out != NULL) {
    free(conn->out);
    conn->out = NULL;
    conn->outOffset = conn->outLength = conn->outCapacity = 0;
  }
}

void conn_become_ready(Generator *g, Conn *conn) {
  conn->state = READY;
  g->opening--;
  g->ready++;
  if (conn->isStalled) g->stalledReady++;
  if (conn->isStalled || conn->isLazy) watch(g, conn, EPOLL_CTL_MOD);
}

static void send_upgrade(Generator *g, Conn *conn) {
  const Options *o = &g->options;
  const char *listed = g->paths != NULL ? g->paths[conn->index] : NULL;
  const char *path = listed != NULL ? listed : conn->isPublisher ? o->publisherPath : o->path;
  const uint32_t first = o->grouped && conn->isPublisher ? (uint32_t)o->connections : 0;
  char *expanded = expand(o, path, conn->index - first);
  char request[8192];
  const int length = snprintf(
      request, sizeof request,
      "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dHJ1bmtsaW5lIGJlbmNoIQ==\r\n%s%s%s\r\n",
      expanded, o->host, port_of(o, conn), o->protocol ? "Sec-WebSocket-Protocol: " : "",
      o->protocol ? o->protocol : "", o->protocol ? "\r\n" : "");
  free(expanded);
  if (length >= (int)sizeof request) die("the request path is too long", NULL);
  conn->state = UPGRADING;
  conn->wantsWrite = true; /* The watch was for the connect: let the flush change it. */
  conn_queue(conn, request, (size_t)length);
  conn_flush(g, conn);
}

/* Sends a text in which {i}, {d} and {token} are those of the connection. */
static void send_first(Generator *g, Conn *conn, const char *template) {
  static const char hole[] = "{token}";
  char *text = expand(&g->options, template, conn->index);
  const char *at = strstr(text, hole);
  const char *token = g->tokens == NULL ? NULL : g->tokens[conn->index];
  if (at != NULL && token == NULL) die("{token} needs a line in --tokens-file", template);
  if (at != NULL) {
    char *filled = malloc(strlen(text) + strlen(token) + 1);
    if (filled == NULL) die("out of memory", NULL);
    sprintf(filled, "%.*s%s%s", (int)(at - text), text, token, at + sizeof hole - 1);
    free(text);
    text = filled;
  }
  conn_send_text(conn, text, strlen(text));
  free(text);
}

/* Returns the bytes that belong to the answer to the upgrade, 0 when it is not complete. */
static size_t take_upgrade(Generator *g, Conn *conn, const char *bytes, size_t length) {
  const char *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (end == NULL) {
    if (length > 16384) conn_fail(g, conn, "an endless answer to the upgrade", NULL);
    return 0;
  }
  if (length < 12 || memcmp(bytes + 9, "101", 3) != 0) {
    char line[100];
    snprintf(line, sizeof line, "%.*s", (int)strcspn(bytes, "\r"), bytes);
    conn_fail(g, conn, "upgrade refused:", line);
    return 0;
  }
  conn->state = STARTING;
  const Options *o = &g->options;
  const bool comesBack = g->isComingBack && conn->place.offset >= 0;
  if (conn->isPublisher) {
    if (o->publisherInit != NULL) send_first(g, conn, o->publisherInit);
  } else if (comesBack) {
    char *text = storm_resume_frame(g, conn);
    conn_send_text(conn, text, strlen(text));
    free(text);
  } else {
    for (int i = 0; i < o->initCount; i++) send_first(g, conn, o->init[i]);
  }
  const char *ready = conn->isPublisher && o->publisherReady ? o->publisherReady : o->ready;
  if (ready == NULL) conn_become_ready(g, conn);
  return (size_t)(end + 4 - bytes);
}

/* Ends a connection as a network that goes away does: without a close frame. */
void conn_cut(Generator *g, Conn *conn) {
  if (conn->state == CLOSED) return;
  if (conn->state == READY) g->ready--;
  else g->opening--;
  close_socket(conn);
  conn->skip = 0;
  conn->wantsWrite = false;
  conn->outOffset = conn->outLength = 0;
}

void conn_read(Generator *g, Conn *conn) { conn_read_some(g, conn, READ_BYTES); }

/* Returns the bytes that it read. */
size_t conn_read_some(Generator *g, Conn *conn, size_t bytesMax) {
  size_t length = conn->carryLength;
  if (length > 0) memcpy(scratch, conn->carry, length);
  const ssize_t got =
      recv(conn->fd, scratch + length, bytesMax < READ_BYTES ? bytesMax : READ_BYTES, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (got < 0) conn_fail(g, conn, "recv:", strerror(errno));
  if (got == 0) conn_fail(g, conn, "closed by the server without a close frame", NULL);
  if (got <= 0) return 0;
  g->bytes += (uint64_t)got;
  conn->carryLength = 0;
  length += (size_t)got;
  size_t used = 0;
  if (conn->state == UPGRADING) {
    used = take_upgrade(g, conn, scratch, length);
    if (used == 0 && conn->state == UPGRADING) {
      conn->carry = realloc(conn->carry, length);
      if (conn->carry == NULL) die("out of memory", NULL);
      memcpy(conn->carry, scratch, length);
      conn->carryLength = conn->carryCapacity = (uint32_t)length;
    }
    if (used == 0) return (size_t)got;
  }
  frames_consume(g, conn, scratch + used, length - used, conn->isSampled ? now_us() : 0);
  if (conn->outLength > conn->outOffset) conn_flush(g, conn);
  return (size_t)got;
}

void conn_on_event(Generator *g, Conn *conn, uint32_t events) {
  if (conn->state == CLOSED) return;
  if (conn->isStalled && conn->state == READY) {
    /* Who is throttled meets the end in its own time, behind what it has still to read. */
    const uint32_t ends = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    if (g->options.throttle > 0) watch_nothing(g, conn);
    else if (events & ends) conn_fail(g, conn, "cut while stalled", NULL);
    return;
  }
  if (conn->state == CONNECTING) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return conn_fail(g, conn, "connect:", strerror(error));
    return send_upgrade(g, conn);
  }
  if (events & EPOLLOUT) conn_flush(g, conn);
  if (conn->state != CLOSED && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) conn_read(g, conn);
}
