/** Sessions over a real router and streams that are kept in an array: what comes before what. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { MemoryBackplane } from '../../../../backplanes/memory/memory-backplane.ts';
import { publicationTag } from '../../../../backplanes/stored-envelope.ts';
import type {
  Appended,
  HistoryPage,
  Position,
  ReadRequest,
  ReadResult,
  StreamEntry,
  StreamRef,
  StreamStore,
  StreamTop,
} from '../../../../backplanes/stream-store.ts';
import { systemClock } from '../../../../gateway/clock.ts';
import type { Frame } from '../../../../gateway/protocol/codec.ts';
import { DestinationRules } from '../../../../gateway/router/destination-rules.ts';
import { Router } from '../../../../gateway/router/router.ts';
import { Session } from '../../../../gateway/session/session.ts';
import { waitFor } from '../../../support/wait.ts';
import {
  allRoles,
  codecs,
  FakeSocket,
  limits,
  permissionsOf,
  SessionFixture,
} from './session-fixtures.ts';

const epoch = 'e1';

/** One stream for everybody, in the order of the appends; retains everything. */
class ArrayStore implements StreamStore {
  readonly traits = {
    publishesLive: false,
    crossesProcesses: false,
    entryBytesMax: 1024 * 1024,
    sharesEpoch: false,
    boundsBytes: 'stream',
    dedupeMs: 60_000,
  } as const;
  readonly #entries: StreamEntry[] = [];
  readonly #byId = new Map<string, Appended>();

  start(): Promise<void> {
    return Promise.resolve();
  }

  append(_stream: StreamRef, bytes: Uint8Array, id: string): Promise<Appended> {
    const known = this.#byId.get(id);
    if (known !== undefined) return Promise.resolve({ ...known, isDuplicate: true });
    const prev = this.#entries.length;
    const position = { epoch, offset: prev + 1, tag: publicationTag(id) };
    this.#entries.push({ ...position, prev, storedAtMs: 0, bytes: Uint8Array.from(bytes) });
    const appended = { position, prev, isDuplicate: false };
    this.#byId.set(id, appended);
    return Promise.resolve(appended);
  }

  read(_stream: StreamRef, { after: from, limit, upTo }: ReadRequest): Promise<ReadResult> {
    const top = this.#top();
    const isHere = from.offset === 0 || this.#entries[from.offset - 1]?.tag === from.tag;
    if (from.epoch !== epoch || !isHere) return Promise.resolve({ status: 'diverged', top });
    const all = this.#entries.slice(from.offset, upTo);
    const [entries, hasMore] = [all.slice(0, limit), all.length > limit];
    return Promise.resolve({ status: 'read', entries, isComplete: true, hasMore, top });
  }

  readBack(): Promise<HistoryPage> {
    const entries = this.#entries.toReversed();
    return Promise.resolve({ entries, hasMore: false, top: this.#top() });
  }

  tops(streams: readonly StreamRef[]): Promise<readonly StreamTop[]> {
    return Promise.resolve(streams.map(() => this.#top()));
  }

  purge(): Promise<void> {
    return Promise.reject(new Error('not asked for here'));
  }

  isUp(): boolean {
    return true;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #top(): StreamTop {
    const { offset, tag } = this.#entries.at(-1) ?? { offset: 0, tag: 0 };
    const newest = { epoch, offset, tag };
    return { newest, end: newest, oldest: offset === 0 ? undefined : 1 };
  }
}

class Socket extends FakeSocket {
  override write(frames: readonly Frame[] = []): number {
    for (const frame of frames) this.send(frame);
    return 0;
  }
}

type Told = Readonly<Record<string, unknown>>;

class Client {
  readonly socket = new Socket();
  readonly session: Session;
  #ackId = 0;

  constructor(router: Router, userId: string) {
    const codec = codecs.selectSubprotocol(['trunkline.v1.json'])?.codec;
    assert.ok(codec !== undefined);
    this.session = new Session(
      {
        hub: 'chat',
        connectionId: `node-${userId}`,
        userId,
        groups: [],
        expiresAt: Number.POSITIVE_INFINITY,
        permissions: permissionsOf(allRoles),
        codec,
      },
      {
        ...new SessionFixture().services(),
        publisher: router,
        subscribers: router.members,
        streams: router.streams,
      },
    );
    this.session.onOpen(this.socket);
  }

  /** What it was told, each object by itself. */
  get told(): readonly Told[] {
    // A frame with several objects is no JSON, and the fake socket leaves it as it is.
    return this.socket.frames.flatMap((frame) =>
      typeof frame === 'string'
        ? frame.split('\n').map((line) => JSON.parse(line) as Told)
        : [frame as Told],
    );
  }

  /** The offsets of its messages, in the order in which they came. */
  get offsets(): readonly unknown[] {
    return this.told.filter(({ type }) => type === 'message').map(({ offset }) => offset);
  }

  async ask(request: Told): Promise<Told> {
    this.#ackId += 1;
    const ackId = this.#ackId;
    this.session.onFrame(Buffer.from(JSON.stringify({ ...request, ackId })), false);
    const what = `${String(request['type'])} is answered`;
    return waitFor(() => this.told.find((told) => told['ackId'] === ackId), { what });
  }

  send(group: string, id: string): Promise<Told> {
    return this.ask({ type: 'sendToGroup', group, id, dataType: 'text', data: id });
  }

  async waitForOffset(offset: number): Promise<void> {
    await waitFor(() => this.offsets.includes(offset), { what: `message ${offset} came` });
  }
}

describe('sessions over streams', () => {
  const errors: unknown[] = [];
  const router = new Router({
    nodeId: 'node',
    backplane: new MemoryBackplane(),
    limits,
    clock: systemClock,
    rules: new DestinationRules({
      hubs: {
        chat: {
          anonymous: false,
          streams: [{ match: 'group:*', retention: 'c' }],
          slowConsumers: [],
        },
      },
      retention: { c: { messages: 100, seconds: 60, bytes: 1_000_000 } },
    }),
    store: new ArrayStore(),
    onError: (error) => errors.push(error),
  });
  const [anna, ben, carl] = ['anna', 'ben', 'carl'].map((name) => () => new Client(router, name));
  const clients: Client[] = [];
  const open = (make: (() => Client) | undefined): Client => {
    assert.ok(make !== undefined);
    const client = make();
    clients.push(client);
    return client;
  };

  before(() => router.start());
  after(async () => {
    for (const { session } of clients) session.onClose();
    await router.close();
    assert.deepEqual(errors, []);
  });

  test('join since a place: the ack, then what was missed, then what is live', async () => {
    const first = open(anna);
    const { position: start } = await first.ask({ type: 'joinGroup', group: 'g' });
    assert.deepEqual(start, { epoch, offset: 0, tag: 0 });
    const positions: Position[] = [];
    for (const id of ['a', 'b', 'c']) {
      const { position } = await first.send('g', id);
      // The gateway's own word, in the form that the protocol gives it.
      positions.push(position as Position);
    }
    await first.waitForOffset(3);
    const second = open(ben);
    const joined = await second.ask({ type: 'joinGroup', group: 'g', since: positions[0] });
    assert.deepEqual(
      { position: joined['position'], recovered: joined['recovered'] },
      { position: positions[0], recovered: true },
    );
    await first.send('g', 'd');
    await second.waitForOffset(4);
    const kinds = second.told.map(({ type }) => type);
    assert.deepEqual(kinds, ['system', 'ack', 'message', 'message', 'message']);
    assert.deepEqual(second.offsets, [2, 3, 4]);
  });

  test('join since a place of another history: a new start, and nothing old', async () => {
    const client = open(carl);
    const since = { epoch: 'other', offset: 2, tag: 3 };
    const { position, recovered } = await client.ask({ type: 'joinGroup', group: 'g', since });
    assert.equal(recovered, false);
    const [sender] = clients;
    assert.ok(sender !== undefined);
    const sent = await sender.send('g', 'e');
    assert.equal((position as Position).offset, (sent['position'] as Position).offset - 1);
    await client.waitForOffset((sent['position'] as Position).offset);
    assert.equal(client.offsets.length, 1);
  });

  test('a repeated id: acknowledged with the same place, and no second message', async () => {
    const [sender] = clients;
    assert.ok(sender !== undefined);
    const { position } = await sender.send('g', 'same');
    const again = await sender.send('g', 'same');
    assert.deepEqual([again['success'], again['position']], [true, position]);
    const { position: next } = await sender.send('g', 'next');
    assert.equal((next as Position).offset, (position as Position).offset + 1);
    await sender.waitForOffset((next as Position).offset);
    assert.equal(new Set(sender.offsets).size, sender.offsets.length);
  });

  test('history: messages with their places, and a place of another history is NotFound', async () => {
    const [sender] = clients;
    assert.ok(sender !== undefined);
    const { messages, type } = await sender.ask({ type: 'history', group: 'g', limit: 2 });
    assert.equal(type, 'history');
    const offsets = (messages as readonly Told[]).map(({ offset }) => offset);
    assert.deepEqual(offsets, [1, 2]);
    const elsewhere = { epoch: 'other', offset: 1, tag: 1 };
    const failed = await sender.ask({ type: 'history', group: 'g', after: elsewhere });
    assert.equal((failed['error'] as Told)['name'], 'NotFound');
  });
});
