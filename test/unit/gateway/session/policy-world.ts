/**
 * A node with streams in memory and real sessions of trunkline.v1.json on it, and a model that says
 * whom a publication is for. What clients got is kept by the way in which it came.
 */
import assert from 'node:assert/strict';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { MemoryBackplane, MemoryBroker } from '../../../../backplanes/memory/memory-backplane.ts';
import { MemoryStreamStore } from '../../../../backplanes/memory/memory-stream-store.ts';
import type { StreamStore } from '../../../../backplanes/stream-store.ts';
import type { Frame } from '../../../../gateway/protocol/codec.ts';
import { DestinationRules } from '../../../../gateway/router/destination-rules.ts';
import type { Destination } from '../../../../gateway/router/ports.ts';
import { Router } from '../../../../gateway/router/router.ts';
import { noEventHandlers } from '../../../../gateway/session/event-handlers.ts';
import { StreamSweep } from '../../../../gateway/session/group-streams.ts';
import { Heartbeats } from '../../../../gateway/session/heartbeats.ts';
import { Session } from '../../../../gateway/session/session.ts';
import { newSessionCounters } from '../../../../gateway/session/session-counters.ts';
import { TokenExpiry } from '../../../../gateway/session/token-expiry.ts';
import type { SendOutcome, Socket } from '../../../../gateway/transport/transport.ts';
import { FakeClock } from '../router/fakes.ts';
import { codecs, limits, permissionsOf } from './session-fixtures.ts';
import { FakePresence } from './fake-presence.ts';

export type Stream = Exclude<Destination, { kind: 'connection' }>;

/** A frame of the gateway, as far as these tests look at it. */
export interface Told {
  readonly type: string;
  readonly ackId?: number;
  readonly success?: boolean;
  readonly recovered?: boolean;
  readonly error?: { readonly name: string; readonly message: string };
  readonly group?: string;
  readonly to?: string;
  readonly data?: unknown;
  readonly messages?: readonly Told[];
}

class LineSocket implements Socket {
  isOpen = true;
  readonly told: Told[] = [];

  send(frame: Frame): SendOutcome {
    if (!this.isOpen) return 'dropped';
    // Frames are our own, and what is wrong with them shows.
    const lines = Buffer.from(frame.bytes).toString().split('\n');
    this.told.push(...lines.map((line) => JSON.parse(line) as Told));
    return 'sent';
  }

  write(frames: readonly Frame[]): number {
    for (const frame of frames) this.send(frame);
    return this.isOpen ? 0 : -1;
  }

  bufferedBytes(): number {
    return 0;
  }

  end(): void {
    this.isOpen = false;
  }

  cut(): void {
    this.isOpen = false;
  }
}

export interface ClientOptions {
  readonly hub: string;
  readonly userId: string | undefined;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
}

export class PolicyClient {
  readonly options: ClientOptions;
  readonly connectionId: string;
  readonly session: Session;
  readonly #socket = new LineSocket();
  #ackId = 0;

  constructor(session: Session, options: ClientOptions) {
    this.session = session;
    this.connectionId = session.connectionId;
    this.options = options;
    session.onOpen(this.#socket);
  }

  /** Everything that came since it was asked last. */
  take(): Told[] {
    return this.#socket.told.splice(0);
  }

  /** Returns the ackId. */
  say(command: object): number {
    this.#ackId += 1;
    this.session.onFrame(Buffer.from(JSON.stringify({ ...command, ackId: this.#ackId })), false);
    return this.#ackId;
  }

  get isOpen(): boolean {
    return this.#socket.isOpen;
  }
}

export class PolicyWorld {
  readonly clock = new FakeClock();
  readonly router: Router;
  readonly clients: PolicyClient[] = [];
  readonly #errors: unknown[] = [];
  readonly #counters = newSessionCounters();

  private constructor(wrap: (store: StreamStore) => StreamStore) {
    const broker = new MemoryBroker();
    const { clock } = this;
    const retention = { r: { messages: 1000, seconds: 3600, bytes: 1_000_000 } };
    const streams = ['group:g', 'group:h', 'user:*', 'all'].map((match) => {
      return { match, retention: 'r' };
    });
    this.router = new Router({
      nodeId: 'node1',
      backplane: new MemoryBackplane(broker),
      store: wrap(new MemoryStreamStore(broker.streams)),
      limits,
      clock,
      rules: new DestinationRules({
        hubs: { '*': { anonymous: false, streams, slowConsumers: [] } },
        retention,
      }),
      onError: (error) => this.#errors.push(error),
    });
  }

  /** @param wrap what the node takes for its store. */
  static async start(wrap = (store: StreamStore): StreamStore => store): Promise<PolicyWorld> {
    const world = new PolicyWorld(wrap);
    await world.router.start();
    return world;
  }

  /** Nothing went wrong unseen. */
  async close(): Promise<void> {
    for (const { session } of this.clients) session.onClose();
    await this.router.close();
    assert.deepEqual(this.#errors, []);
  }

  connect(options: ClientOptions): PolicyClient {
    const { clock, router } = this;
    const selected = codecs.selectSubprotocol(['trunkline.v1.json']);
    assert(selected !== undefined);
    const session = new Session(
      {
        ...options,
        connectionId: `node1-${this.clients.length}`,
        expiresAt: Number.POSITIVE_INFINITY,
        permissions: permissionsOf(options.roles),
        codec: selected.codec,
      },
      {
        publisher: router,
        subscribers: router.members,
        streams: router.streams,
        presence: new FakePresence(),
        events: noEventHandlers,
        streamSweep: new StreamSweep(clock),
        heartbeats: new Heartbeats({ clock, counters: this.#counters, periodMs: 10_000 }),
        tokenExpiry: new TokenExpiry({ clock, graceMs: 1000 }),
        verifyClient: () => assert.fail('no token is refreshed here'),
        permissionsFor: permissionsOf,
        limits,
        counters: this.#counters,
        onError: (error) => this.#errors.push(error),
      },
    );
    const client = new PolicyClient(session, options);
    this.clients.push(client);
    return client;
  }

  /** Lets everything that can happen happen. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 4; turn += 1) {
      await turnOfTheLoop();
      this.clock.endTurn();
    }
  }

  /** Groups of a connection, as the node has them. */
  groupsOf({ connectionId, options }: PolicyClient): string[] {
    const subscriber = this.router.hubs.connection(options.hub, connectionId);
    return [...(subscriber?.groupNames() ?? [])].toSorted();
  }

  async add({ connectionId, options }: PolicyClient, group: string): Promise<void> {
    const subscriber = this.router.hubs.connection(options.hub, connectionId);
    if (subscriber !== undefined) await this.router.members.join(subscriber, group);
  }

  remove({ connectionId, options }: PolicyClient, group: string): void {
    const subscriber = this.router.hubs.connection(options.hub, connectionId);
    if (subscriber !== undefined) this.router.members.leave(subscriber, group);
  }
}
