/**
 * A client that follows positions as docs/PROTOCOL.md asks, session included: it holds what it is
 * given against the truth, and comes back by its positions wherever a node lives.
 */
import type { CloseCode } from '../../gateway/protocol/close-codes.ts';
import type {
  GapNotice,
  OwnDestination,
  Reply,
  StreamPosition,
} from '../../gateway/protocol/model.ts';
import type { Permissions } from '../../gateway/protocol/permissions.ts';
import { TrunklineJsonCodec } from '../../gateway/protocol/trunkline-json.ts';
import { destinationKey } from '../../gateway/router/keys.ts';
import type { LocalSubscriber } from '../../gateway/router/local-subscriber.ts';
import type { Joined, SubscriberOwner } from '../../gateway/router/ports.ts';
import type { SimNode } from './sim-node.ts';
import { SimSocket } from './sim-socket.ts';
import type { World } from './world.ts';

const codec = new TrunklineJsonCodec({
  jsonDepthMax: 64,
  nameLengthMax: 128,
  metadataBytesMax: 1024,
});
const allowAll: Permissions = {
  allows: () => true,
  grant: () => allowAll,
  revoke: () => allowAll,
  roles: () => [],
};

/** What the client has of one stream. */
interface Follow {
  cursor: StreamPosition | undefined;
  /** Until the resume is answered, what does not fit the cursor comes again. */
  isResuming: boolean;
}

interface Placed {
  readonly type: string;
  readonly to?: string;
  readonly group?: string;
  readonly offset?: number;
  readonly prev?: number;
  readonly tag?: number;
  readonly data?: unknown;
  readonly reason?: string;
  readonly from?: StreamPosition;
  readonly position?: StreamPosition;
}

const hub = 'h';
const reconnectMsMax = 400;

export class SimClient {
  readonly name: string;
  connections = 0;
  /** Since when it has read without a stop. */
  readingSinceMs = 0;
  /** Streams by key, with what it has of each. */
  readonly follows = new Map<string, Follow>();
  readonly #world: World;
  readonly #groups: readonly string[];
  #node: SimNode | undefined;
  #awayMsMax = reconnectMsMax;
  #socket: SimSocket | undefined;
  #subscriber: LocalSubscriber | undefined;

  constructor(world: World, name: string, groups: readonly string[]) {
    this.#world = world;
    this.name = name;
    this.#groups = groups;
  }

  get connectionId(): string {
    return `${this.#node?.nodeId}-${this.name}.${this.connections}`;
  }

  get isConnected(): boolean {
    return this.#socket?.isOpen === true;
  }

  get node(): SimNode | undefined {
    return this.#node;
  }

  connect(): void {
    const { random, scheduler } = this.#world;
    const alive = this.#world.nodes.filter(({ isAlive }) => isAlive);
    const node = alive[random.below(alive.length)];
    if (node === undefined) {
      scheduler.after(50, () => this.connect());
      return;
    }
    this.connections += 1;
    this.#node = node;
    const socket = new SimSocket(scheduler, {
      onText: (text) => {
        if (this.#socket === socket) this.#read(text);
      },
      onEnd: () => this.#ended(socket),
      onDrain: () => node.clock.deliver(() => this.#drained(socket)),
    });
    this.#socket = socket;
    for (const follow of this.follows.values()) follow.isResuming = true;
    const { connectionId } = this;
    node.clock.deliver(() => void this.#enter(node, socket, connectionId));
  }

  /** The network breaks, for this time at most. */
  cut(awayMsMax = reconnectMsMax): void {
    this.#awayMsMax = awayMsMax;
    this.#socket?.cut();
  }

  setReading(isReading: boolean): void {
    this.readingSinceMs = isReading ? this.#world.scheduler.nowMs : Number.POSITIVE_INFINITY;
    this.#socket?.setReading(isReading);
  }

  /** As a session does it. */
  async #enter(node: SimNode, socket: SimSocket, connectionId: string): Promise<void> {
    // The client may have given up before the node woke up.
    if (!socket.isOpen) return;
    const { members } = node.router;
    const owner = new SimSession(socket);
    const subscriber = members.attach({
      hub,
      connectionId,
      userId: this.name,
      codec,
      socket,
      owner,
    });
    owner.subscriber = subscriber;
    this.#subscriber = subscriber;
    try {
      const entered = await members.enter(subscriber, []);
      for (const { position } of entered) owner.post('joined', { to: 'user', position });
      const userKey = destinationKey(hub, { kind: 'user', name: this.name });
      const since = this.follows.get(userKey)?.cursor;
      if (since !== undefined) {
        await members.resume(subscriber, 'user', {
          since,
          onJoined: (joined) => owner.post('resumed', { to: 'user', ...joined }),
        });
      }
      for (const group of this.#groups) {
        const cursor = this.follows.get(
          destinationKey(hub, { kind: 'group', name: group }),
        )?.cursor;
        await members.join(subscriber, group, {
          ...(cursor === undefined ? {} : { since: cursor }),
          onJoined: (joined) =>
            owner.post(cursor === undefined ? 'joined' : 'resumed', { group, ...joined }),
        });
      }
    } catch {
      // The session of a client would say so; this one comes back.
      socket.cut();
    }
  }

  #drained(socket: SimSocket): void {
    if (this.#socket === socket && socket.isOpen) this.#subscriber?.onDrain();
  }

  #ended(socket: SimSocket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    const node = this.#node;
    const subscriber = this.#subscriber;
    this.#subscriber = undefined;
    if (subscriber !== undefined) {
      node?.clock.deliver(() => node.router.members.detach(subscriber));
    }
    this.#world.scheduler.after(this.#world.random.below(this.#awayMsMax), () => this.connect());
    this.#awayMsMax = reconnectMsMax;
  }

  #read(text: string): void {
    for (const line of text.split('\n')) {
      // The frames are our own, and what is wrong with them shows.
      this.#take(JSON.parse(line) as Placed & { readonly recovered?: boolean });
    }
  }

  #take(frame: Placed & { readonly recovered?: boolean }): void {
    const { group, position, type } = frame;
    const key = destinationKey(
      hub,
      group === undefined ? { kind: 'user', name: this.name } : { kind: 'group', name: group },
    );
    const follow = this.follows.get(key) ?? { cursor: undefined, isResuming: false };
    this.follows.set(key, follow);
    switch (type) {
      case 'joined':
        if (follow.cursor !== undefined) return;
        follow.cursor = position;
        follow.isResuming = false;
        return;
      case 'resumed':
        follow.isResuming = false;
        if (frame.recovered === true) this.#world.truth.onRecovered(this, key, follow.cursor);
        else this.#world.truth.onGap(this, key, follow.cursor, 'unrecovered');
        follow.cursor = position;
        return;
      case 'gap':
        if (follow.isResuming || position === undefined) return;
        this.#world.truth.onGap(this, key, follow.cursor, frame.reason ?? '');
        follow.cursor = position;
        return;
      case 'bookmark':
        if (follow.isResuming || position === undefined) return;
        this.#world.truth.onLifted(this, key, follow.cursor, position);
        follow.cursor = position;
        return;
      case 'message':
      case 'skip':
        this.#onPlaced(key, follow, frame);
        return;
      default:
        return;
    }
  }

  #onPlaced(key: string, follow: Follow, { data, offset = 0, prev, tag = 0, type }: Placed): void {
    const { cursor } = follow;
    if (cursor === undefined) {
      // It entered the stream of its user and was not told yet where that stands.
      this.#world.truth.fail(this, key, `a message at ${offset} before the place was told`);
      return;
    }
    const fits = offset > cursor.offset && (prev === undefined || prev <= cursor.offset);
    if (!fits && follow.isResuming) return;
    if (follow.isResuming) return;
    const place = { epoch: cursor.epoch, offset, tag };
    this.#world.truth.onMessage(this, key, { cursor, place, prev, isSkip: type === 'skip', data });
    follow.cursor = place;
  }
}

/** What a session is to the router. */
class SimSession implements SubscriberOwner {
  permissions = allowAll;
  subscriber: LocalSubscriber | undefined;
  readonly #socket: SimSocket;

  constructor(socket: SimSocket) {
    this.#socket = socket;
  }

  close(code: CloseCode): void {
    this.#socket.end(code);
  }

  onGap(notice: GapNotice): void {
    this.#reply(notice);
  }

  onBookmark(to: OwnDestination, position: StreamPosition): void {
    this.#reply({ kind: 'bookmark', to, position });
  }

  /** Nodes are killed here, never drained. */
  onGoAway(): boolean {
    return false;
  }

  depart(): void {
    this.#socket.cut();
  }

  /** A word of the session's own, in order with everything else. */
  post(type: string, body: Partial<Joined> & { to?: string; group?: string }): void {
    const bytes = Buffer.from(JSON.stringify({ type, ...body }));
    this.subscriber?.sendReply({ bytes, isBinary: false });
  }

  #reply(reply: Reply): void {
    const frame = codec.encoder.encodeReply(reply);
    if (frame !== undefined) this.subscriber?.sendReply(frame);
  }
}
