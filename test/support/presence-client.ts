/** A client of `trunkline.v1.json` that keeps what it is told of who is there, as an SDK does. */
import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { clientUrl, signClientToken } from '../../gateway/tokens/sign.ts';
import { waitFor, withDeadline } from './wait.ts';

export interface PresenceAccess {
  readonly url: string;
  readonly accessKey: string;
}

export interface PresenceClientOptions {
  readonly userId?: string;
  readonly groups?: readonly string[];
  readonly roles?: readonly string[];
}

export interface Member {
  readonly connectionId: string;
  readonly userId?: string;
  readonly state?: Readonly<Record<string, string>>;
  readonly since: number;
}

export interface PresenceFrame {
  readonly type: 'presence';
  readonly group?: string;
  readonly to?: 'all';
  readonly kind: 'snapshot' | 'changes' | 'counts';
  readonly members?: readonly Member[];
  readonly set?: readonly Member[];
  readonly left?: readonly string[];
  readonly connections: number;
  readonly users?: number;
}

interface Ack {
  readonly success: boolean;
  readonly error?: { readonly name: string; readonly message: string };
}

type Frame = Readonly<Record<string, unknown>>;

const joiner = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

/** One place as a watcher sees it. */
export class PlaceView {
  readonly members = new Map<string, Member>();
  /** undefined: members are told. */
  count: number | undefined;
  frames: PresenceFrame[] = [];
  /** Called after each frame. */
  onFrame: ((frame: PresenceFrame) => void) | undefined;

  take(frame: PresenceFrame): void {
    this.frames.push(frame);
    if (frame.kind !== 'changes') this.members.clear();
    this.count = frame.kind === 'counts' ? frame.connections : undefined;
    for (const member of frame.members ?? frame.set ?? []) {
      this.members.set(member.connectionId, member);
    }
    for (const connectionId of frame.left ?? []) this.members.delete(connectionId);
    if (frame.kind !== 'counts') {
      assert.equal(this.members.size, frame.connections, 'the number of connections');
      assert.equal(this.users().size, frame.users, 'the number of users');
    }
    this.onFrame?.(frame);
  }

  ids(): string[] {
    return [...this.members.keys()].toSorted();
  }

  users(): Set<string> {
    return new Set([...this.members.values()].flatMap(({ userId }) => userId ?? []));
  }
}

export class PresenceClient {
  readonly connectionId: string;
  readonly userId: string | undefined;
  /** Frames that are no presence, in order. */
  readonly others: Frame[] = [];
  /** What was wrong with a frame. */
  readonly faults: unknown[] = [];
  readonly #socket: WebSocket;
  readonly #places = new Map<string, PlaceView>();
  readonly #acks = new Map<number, (ack: Ack) => void>();
  #ackId = 0;

  private constructor(socket: WebSocket, connectionId: string, userId: string | undefined) {
    this.#socket = socket;
    this.connectionId = connectionId;
    this.userId = userId;
  }

  static async connect(
    { accessKey, url: endpoint }: PresenceAccess,
    { groups, roles = joiner, userId }: PresenceClientOptions = {},
  ): Promise<PresenceClient> {
    const token = signClientToken({ accessKey, endpoint, hub: 'chat', userId, roles, groups });
    const socket = new WebSocket(clientUrl(endpoint, 'chat', token), 'trunkline.v1.json');
    const connected = new Promise<PresenceClient>((resolve, reject) => {
      let client: PresenceClient | undefined;
      socket.on('error', reject);
      socket.on('close', (code) => reject(new Error(`closed with ${code}`)));
      socket.on('message', (data: Buffer) => {
        for (const line of data.toString().split('\n')) {
          // What the gateway says is JSON with a type.
          const frame = JSON.parse(line) as Frame;
          if (client === undefined) {
            client = new PresenceClient(socket, String(frame['connectionId']), userId);
            resolve(client);
          } else client.#take(frame);
        }
      });
    });
    return withDeadline(connected, { what: 'the client is connected', deadlineMs: 20_000 });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** What it is told of a group, or of the hub. */
  place(group: string | undefined): PlaceView {
    const key = group ?? '';
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const place = new PlaceView();
    this.#places.set(key, place);
    return place;
  }

  ask(request: Frame, deadlineMs = 15_000): Promise<Ack> {
    this.#ackId += 1;
    const ackId = this.#ackId;
    const acked = new Promise<Ack>((resolve) => this.#acks.set(ackId, resolve));
    this.send({ ...request, ackId });
    return withDeadline(acked, { what: `${String(request['type'])} is acknowledged`, deadlineMs });
  }

  send(request: Frame): void {
    this.#socket.send(JSON.stringify(request));
  }

  /** Asks, and throws unless it is done. */
  async done(request: Frame): Promise<void> {
    const ack = await this.ask(request);
    assert.ok(ack.success, JSON.stringify(ack));
  }

  join(group: string, state?: Readonly<Record<string, string>>): Promise<void> {
    return this.done({ type: 'joinGroup', group, state });
  }

  leave(group: string): Promise<void> {
    return this.done({ type: 'leaveGroup', group });
  }

  /** Watches a group, or the hub, and waits for the snapshot. */
  async watch(group?: string): Promise<PlaceView> {
    const place = this.place(group);
    const before = place.frames.length;
    await this.done({ type: 'watchPresence', ...whereOf(group) });
    await waitFor(() => place.frames.length > before, { what: 'the snapshot is there' });
    return place;
  }

  unwatch(group?: string): Promise<void> {
    return this.done({ type: 'unwatchPresence', ...whereOf(group) });
  }

  /** Loses the socket without a word. */
  cut(): void {
    this.#socket.terminate();
  }

  /** Says good-bye. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.close(1000);
    await withDeadline(closed, { what: 'the socket is closed' });
  }

  #take(frame: Frame): void {
    if (frame['type'] === 'presence') {
      // The protocol says so.
      const told = frame as unknown as PresenceFrame;
      try {
        this.place(told.group).take(told);
      } catch (fault) {
        this.faults.push(fault);
      }
      return;
    }
    this.others.push(frame);
    if (frame['type'] !== 'ack') return;
    // The ack of a request that this client numbered.
    const ack = frame as unknown as Ack & { readonly ackId: number };
    this.#acks.get(ack.ackId)?.(ack);
    this.#acks.delete(ack.ackId);
  }
}

function whereOf(group: string | undefined): Frame {
  return group === undefined ? { to: 'all' } : { group };
}
