/**
 * One WebSocket to the gateway for the sockets of several tabs. It is a gateway to them: each has
 * its greeting, its answers and its places; when it ends, they end, and their clients come back.
 */
import type { Clock, SocketConstructor, SocketLike } from '../environment.ts';
import { keyOf, subprotocol, type ClientFrame, type GatewayFrame } from '../wire.ts';
import { resumeCode } from './notes.ts';
import { OwnPublishes } from './own-publishes.ts';
import { SharedMembership } from './shared-membership.ts';
import { Watches } from './watches.ts';
import type { TabPort } from './tab-port.ts';
import { identityOf, lifetimeMsOf } from './token-claims.ts';

export interface SharedConnectionOptions {
  /** With the token of the tab that came first. */
  readonly url: string;
  readonly identity: string;
  readonly WebSocket: SocketConstructor;
  readonly clock: Clock;
  /** It will serve nobody any more. */
  readonly onOver: (connection: SharedConnection) => void;
}

type OnAnswer = (answer: GatewayFrame) => void;

/** Until an attempt is late enough that a tab which leaves it may be tired of it. */
const attemptMs = 2000;
/** A little less than what the clients allow: they must not come back to a connection that is dead. */
const silenceGraceMs = 1000;

export class SharedConnection {
  readonly #options: SharedConnectionOptions;
  readonly #socket: SocketLike;
  readonly #ports = new Set<TabPort>();
  /** By ackId, or by invocationId. */
  readonly #answers = new Map<number | string, OnAnswer>();
  readonly #memberships = new Map<string, SharedMembership>();
  readonly #publishes: OwnPublishes;
  readonly #watches: Watches;
  #identity: string;
  #asked = 0;
  #greeting: GatewayFrame | undefined;
  #heardAtMs: number;
  #tokenEndsAtMs: number | undefined;
  #isLeaving = false;
  #isOver = false;
  #trouble = '';

  constructor(options: SharedConnectionOptions) {
    const { clock, identity, url, WebSocket } = options;
    this.#options = options;
    this.#identity = identity;
    this.#heardAtMs = clock.nowMs();
    const ask = (request: ClientFrame, onAnswer: OnAnswer): void => this.#ask(request, onAnswer);
    this.#publishes = new OwnPublishes({
      ask,
      membershipOf: (key) => this.#memberships.get(key),
      userId: () => this.#greeting?.userId ?? null,
    });
    this.#watches = new Watches(ask);
    this.#socket = new WebSocket(url, [subprotocol]);
    this.#listen();
  }

  /** True when a new socket of this identity may use it. */
  isFor(identity: string): boolean {
    return this.#identity === identity && !this.#isLeaving && !this.#isOver;
  }

  /** Ends it when it was silent for too long: a client that comes back must not find it. */
  checkSilence(): void {
    const { heartbeatMs } = this.#greeting ?? {};
    if (heartbeatMs === undefined) return;
    const silentMs = this.#options.clock.nowMs() - this.#heardAtMs;
    if (silentMs > 2 * heartbeatMs + silenceGraceMs) {
      this.end(1006, `nothing was heard for ${Math.round(silentMs)} ms`);
    }
  }

  attach(port: TabPort): void {
    this.#ports.add(port);
    if (this.#greeting !== undefined) this.#greet(port, this.#greeting);
    this.#flush();
  }

  detach(port: TabPort): void {
    if (!this.#ports.delete(port)) return;
    if (this.#ports.size === 0) return this.end(1000, '');
    for (const membership of this.#memberships.values()) membership.leave(port);
    this.#watches.leave(port);
    // Who gives up because it does not serve must not find the same attempt again.
    const ageMs = this.#options.clock.nowMs() - this.#heardAtMs;
    if (this.#greeting === undefined && ageMs > attemptMs) {
      return this.end(resumeCode, `Nothing was heard for ${Math.round(ageMs)} ms`);
    }
    this.#flush();
  }

  /** What a tab's client has sent as one frame. */
  receive(port: TabPort, text: string): void {
    if (!this.#ports.has(port)) return;
    for (const line of text.split('\n')) {
      // Of this package's client: an object with a type.
      this.#onRequest(port, JSON.parse(line) as ClientFrame);
    }
    this.#flush();
  }

  /** Idempotent. */
  end(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket.close(1000);
    this.#answers.clear();
    const ports = [...this.#ports];
    this.#ports.clear();
    for (const port of ports) port.close(code, reason);
    this.#options.onOver(this);
  }

  #listen(): void {
    const socket = this.#socket;
    socket.addEventListener('message', ({ data }) => {
      if (this.#isOver) return;
      this.#heardAtMs = this.#options.clock.nowMs();
      for (const line of String(data).split('\n')) this.#onLine(line);
      this.#flush();
    });
    socket.addEventListener('error', ({ message = '' }) => {
      this.#trouble = message;
    });
    socket.addEventListener('close', ({ code = 1006, reason = '' }) =>
      this.end(code, reason || this.#trouble),
    );
  }

  #ask(request: ClientFrame, onAnswer: OnAnswer): void {
    this.#asked += 1;
    this.#answers.set(this.#asked, onAnswer);
    this.#tell({ ...request, ackId: this.#asked });
  }

  #tell(request: ClientFrame): void {
    if (!this.#isOver) this.#socket.send(JSON.stringify(request));
  }

  #onRequest(port: TabPort, request: ClientFrame): void {
    // The objects of the protocol: docs/PROTOCOL.md section 4.2.
    const { ackId, group, invocationId, since, state, to, token } = request as GatewayFrame & {
      readonly since?: GatewayFrame['position'];
      readonly state?: unknown;
      readonly token?: string;
    };
    const answer: OnAnswer = (frame) => {
      if (ackId !== undefined) port.say({ ...frame, ackId });
    };
    const key = keyOf({ ...(group !== undefined && { group }), ...(to !== undefined && { to }) });
    switch (request.type) {
      case 'joinGroup':
      case 'resume':
        return this.#publishes.afterOwn(key, () => {
          if (this.#ports.has(port))
            this.#membership(key, group).join({ port, since, state, onAnswer: answer });
        });
      case 'leaveGroup':
        this.#memberships.get(key)?.leave(port);
        return answer({ type: 'ack', success: true });
      case 'sendToGroup':
        return this.#publishes.publish({ port, key, request, answer });
      case 'watchPresence':
        return this.#watches.watch(key, { port, request, answer });
      case 'unwatchPresence':
        return this.#watches.unwatch(key, { port, request, answer });
      case 'refreshToken':
        return this.#ask(request, (frame) => {
          if (frame.success === true) this.#useToken(String(token));
          answer(frame);
        });
      default:
        if (invocationId !== undefined && request.type === 'invoke') {
          this.#answers.set(invocationId, (frame) => port.say(frame));
        }
        if (ackId === undefined) this.#tell(request);
        else this.#ask(request, answer);
    }
  }

  #membership(key: string, group: string | undefined): SharedMembership {
    const known = this.#memberships.get(key);
    if (known !== undefined) return known;
    const destination =
      group === undefined
        ? { to: key === 'user' ? ('user' as const) : ('all' as const) }
        : { group };
    const membership = new SharedMembership({
      destination,
      ask: (request, onAnswer) =>
        this.#ask(request, (answer) => {
          onAnswer(answer);
          this.#publishes.onJoined(key);
        }),
      onUnused: () => {
        if (group === undefined || this.#memberships.get(key) !== membership) return;
        this.#memberships.delete(key);
        this.#publishes.onJoined(key);
        this.#tell({ type: 'leaveGroup', group });
      },
    });
    this.#memberships.set(key, membership);
    return membership;
  }

  #onLine(line: string): void {
    const frame = parsed(line);
    const key = frame?.ackId ?? frame?.invocationId;
    const onAnswer = key === undefined ? undefined : this.#answers.get(key);
    if (frame === undefined) return this.#sayToAll(line);
    if (key !== undefined && onAnswer !== undefined) {
      this.#answers.delete(key);
      return onAnswer(frame);
    }
    if (key !== undefined) return;
    const { event, group, to, type } = frame;
    if (type === 'system' && event === 'connected') return this.#begin(frame);
    if (type === 'heartbeat') for (const each of this.#memberships.values()) each.onIdle();
    if (type === 'goaway' && this.#greeting !== undefined) this.#isLeaving = true;
    const isPlaced = (group ?? to) !== undefined;
    if (!isPlaced || to === 'connection') this.#sayToAll(line);
    else if (type === 'presence') this.#watches.onFrame(keyOf(frame), line);
    else this.#memberships.get(keyOf(frame))?.onFrame(frame, line);
  }

  #begin(greeting: GatewayFrame): void {
    if (this.#greeting !== undefined) return;
    this.#greeting = greeting;
    const { streams = [], tokenExpiresInMs } = greeting;
    if (tokenExpiresInMs !== undefined) {
      this.#tokenEndsAtMs = this.#options.clock.nowMs() + tokenExpiresInMs;
    }
    for (const key of ['user', 'all']) {
      const place = streams.find((stream) => keyOf(stream) === key)?.position;
      this.#membership(key, undefined).begin(place);
    }
    for (const port of this.#ports) this.#greet(port, greeting);
  }

  #greet(port: TabPort, greeting: GatewayFrame): void {
    const streams = (['user', 'all'] as const).flatMap((to) => {
      const membership = this.#membership(to, undefined);
      membership.admit(port);
      return membership.end === undefined ? [] : [{ to, position: membership.end }];
    });
    const leftMs = (this.#tokenEndsAtMs ?? 0) - this.#options.clock.nowMs();
    port.say({
      ...greeting,
      streams,
      ...(this.#tokenEndsAtMs !== undefined && { tokenExpiresInMs: Math.max(leftMs, 1) }),
    });
  }

  /** It has the rights of this token now, and its time. */
  #useToken(token: string): void {
    const { clock, url } = this.#options;
    this.#identity = identityOf(url, token);
    const lifetimeMs = lifetimeMsOf(token);
    if (lifetimeMs !== undefined) this.#tokenEndsAtMs = clock.nowMs() + lifetimeMs;
  }

  #sayToAll(line: string): void {
    for (const port of this.#ports) port.sayLine(line);
  }

  #flush(): void {
    const nowMs = this.#options.clock.nowMs();
    const { heartbeatMs = Infinity } = this.#greeting ?? {};
    for (const port of this.#ports) {
      port.flush(nowMs);
      // The gateway is silent when others are sent much; each tab needs a sign of life of its own.
      if (nowMs - port.sentAtMs < heartbeatMs / 2) continue;
      port.say({ type: 'heartbeat' });
      port.flush(nowMs);
    }
  }
}

/** Undefined for what is no JSON: the clients say so. */
function parsed(line: string): GatewayFrame | undefined {
  try {
    // What the gateway says is an object with a type.
    return JSON.parse(line) as GatewayFrame;
  } catch {
    return undefined;
  }
}
