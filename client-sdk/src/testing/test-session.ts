/** One connection of the test gateway, from its greeting to its end. */
import type { Clock } from '../environment.ts';
import { messageFrame, whereOf } from './frames.ts';
import { Requests, type OnTestEvent, type Request } from './requests.ts';
import type { Place, TestHub } from './test-hub.ts';
import type { ClientState, Watcher } from './test-presence.ts';
import type { SocketPeer, TestSocket } from './test-socket.ts';
import type { Entry, Publication } from './test-stream.ts';
import type { Claims } from './test-token.ts';

export interface TestSessionOptions {
  readonly hub: TestHub;
  readonly socket: TestSocket;
  readonly clock: Clock;
  readonly claims: Claims;
  readonly connectionId: string;
  readonly heartbeatMs: number;
  /** In ms since 1970. */
  readonly nowMs: () => number;
  readonly onEvent: OnTestEvent | undefined;
  /** Called once; nothing follows. */
  readonly onEnd: (session: TestSession) => void;
}

export class TestSession implements Watcher, SocketPeer {
  readonly connectionId: string;
  readonly userId: string | undefined;
  readonly #options: TestSessionOptions;
  readonly #requests: Requests;
  readonly #groups: Set<string>;
  #claims: Claims;
  #cancelHeartbeat: () => void = () => undefined;
  #cancelExpiry: () => void = () => undefined;
  #cancelGoing: () => void = () => undefined;

  constructor(options: TestSessionOptions) {
    const { claims, connectionId, hub, nowMs, onEvent } = options;
    this.#options = options;
    this.connectionId = connectionId;
    this.userId = claims.userId;
    this.#claims = claims;
    this.#groups = new Set(claims.groups);
    this.#requests = new Requests({ hub, session: this, nowMs, onEvent });
    hub.members.add(this);
    this.#greet();
    for (const place of this.#presentAt()) hub.presence.come(this, place);
    this.#beat();
    this.renew(claims);
  }

  join(group: string, state?: ClientState): void {
    this.#groups.add(group);
    this.#options.hub.presence.come(this, { kind: 'group', name: group }, state);
  }

  leave(group: string): void {
    this.#groups.delete(group);
    this.#options.hub.presence.leave(this, { kind: 'group', name: group });
  }

  isIn(place: Place): boolean {
    if (place.kind === 'group') return this.#groups.has(place.name);
    return place.kind === 'all' || place.name === this.userId;
  }

  /** True when the token has this permission, for the group or for all. */
  may(permission: string, group: string): boolean {
    const role = `webpubsub.${permission}`;
    return this.#claims.roles.some((each) => each === role || each === `${role}.${group}`);
  }

  /** Who is in a group may see who else is; everything else needs a role. */
  mayWatch(place: Place): boolean {
    const role = 'trunkline.watchPresence';
    if (place.kind === 'group' && this.#groups.has(place.name)) return true;
    return this.#claims.roles.some(
      (each) => each === role || (place.kind === 'group' && each === `${role}.${place.name}`),
    );
  }

  deliver(place: Place, message: Publication | Entry): void {
    const reader = { connectionId: this.connectionId, nowMs: this.#options.nowMs() };
    const frame = messageFrame(place, message, reader);
    if (frame !== undefined) this.say(frame);
  }

  say(frame: object): void {
    this.#options.socket.say(frame);
  }

  /** Says why, and closes. */
  end(code: number, reason: string): void {
    this.say({ type: 'system', event: 'disconnected', message: reason });
    this.#options.socket.shut(code, reason);
  }

  /** Its node goes away: the client has so much time to move. */
  goAway(withinMs: number): void {
    this.say({ type: 'goaway', reason: 'The node goes away', withinMs });
    this.#cancelGoing();
    this.#cancelGoing = this.#options.clock.after(withinMs, () =>
      this.end(1001, 'The node has gone away'),
    );
  }

  /** The network is gone. */
  cut(): void {
    this.#options.socket.cut();
  }

  /** The rights and the time of a new token; its groups are not joined. */
  renew(claims: Claims): void {
    const { clock, nowMs } = this.#options;
    this.#claims = claims;
    this.#cancelExpiry();
    this.#cancelExpiry = clock.after(Math.max(0, claims.expiresAtMs - nowMs()), () =>
      this.end(4401, 'The token has expired and no new one came in time'),
    );
  }

  onClose(): void {
    this.#options.hub.members.delete(this);
    this.#options.hub.presence.end(this, this.#presentAt());
    this.#cancelHeartbeat();
    this.#cancelExpiry();
    this.#cancelGoing();
    this.#options.onEnd(this);
  }

  onText(text: string): void {
    for (const line of text.split('\n')) {
      // What the client says is objects of the protocol; this is no place to try others.
      const request = JSON.parse(line) as Request;
      this.#requests.take(request).catch((error: unknown) => this.end(1011, String(error)));
    }
  }

  #presentAt(): readonly Place[] {
    return [
      { kind: 'all', name: '' },
      ...[...this.#groups].map((name) => ({ kind: 'group' as const, name })),
    ];
  }

  #greet(): void {
    const { heartbeatMs, hub, nowMs } = this.#options;
    const { connectionId, userId } = this;
    const places: readonly Place[] = [
      ...(userId === undefined ? [] : [{ kind: 'user' as const, name: userId }]),
      ...this.#presentAt(),
    ];
    const streams = places.flatMap((place) => {
      const position = hub.streamOf(place)?.position;
      return position === undefined ? [] : [{ ...whereOf(place), position }];
    });
    this.say({
      ...{ type: 'system', event: 'connected' },
      ...{ userId: userId ?? null, connectionId, heartbeatMs },
      tokenExpiresInMs: Math.max(0, this.#claims.expiresAtMs - nowMs()),
      streams,
    });
  }

  #beat(): void {
    const { clock, heartbeatMs } = this.#options;
    this.#cancelHeartbeat = clock.after(heartbeatMs, () => {
      this.say({ type: 'heartbeat' });
      this.#beat();
    });
  }
}
