/**
 * Slow members of streams whose policy drops messages, as a client that follows positions sees them:
 * whatever it is given fits its cursor, or it was told of the hole before.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { encodeEnvelope, EnvelopeView } from '../../../../backplanes/envelope.ts';
import type { StreamEntry } from '../../../../backplanes/stream-store.ts';
import type { SlowConsumerPolicy } from '../../../../gateway/config.ts';
import type { Encoder, Frame } from '../../../../gateway/protocol/codec.ts';
import type { Message, MessagePlace } from '../../../../gateway/protocol/model.ts';
import { FilterCache } from '../../../../gateway/protocol/filter/filter-cache.ts';
import { Delivery } from '../../../../gateway/router/delivery.ts';
import { DestinationRules } from '../../../../gateway/router/destination-rules.ts';
import { type TestClient, TestNode } from './fakes.ts';

const filters = new FilterCache({ lengthMax: 100, depthMax: 10 }, 10);
const group = { kind: 'group', name: 'g' } as const;

interface Told {
  readonly kind: 'message' | 'skip';
  readonly place: MessagePlace;
  readonly length: number;
}

/** Frames say where their message stands. */
const follower: Encoder = {
  name: 'follower',
  encodeReply: ({ kind }) => frameOf(`reply ${kind}`),
  encodeMessage: (message) => told('message', message),
  encodeSkip: (message) => told('skip', message),
};

function told(kind: Told['kind'], { payload, place }: Message): Frame {
  const padding = kind === 'message' ? Buffer.from(payload.bytes).toString('latin1') : '';
  return frameOf(JSON.stringify({ kind, place, length: padding.length, padding }));
}

function frameOf(text: string): Frame {
  return { bytes: Buffer.from(text), isBinary: false };
}

class Stream {
  readonly node: TestNode;
  #offset = 100;
  #prev: number | undefined;

  constructor(node: TestNode) {
    this.node = node;
  }

  static async start(policy: SlowConsumerPolicy): Promise<Stream> {
    const settings = {
      anonymous: false,
      streams: [{ match: 'group:g', retention: 'r' }],
      slowConsumers: [{ match: 'group:g', policy, key: 'key' }],
    };
    const rules = new DestinationRules({
      hubs: { hub: settings },
      retention: { r: { messages: 100, seconds: 60, bytes: 1_000_000 } },
    });
    return new Stream(
      await TestNode.start({ limits: { ringBytesPerDestinationMax: 64 * 1024 }, rules }),
    );
  }

  /** As the stream's order hands out an entry; offsets have holes, as with JetStream. */
  give(size: number, options: { key?: string | undefined; excluded?: readonly string[] }): void {
    const { excluded, key } = options;
    this.#offset += 1 + (size % 3);
    const bytes = encodeEnvelope({
      id: `${this.#offset}`,
      nodeId: 'n',
      counter: 1,
      hub: 'hub',
      ...group,
      dataType: 'text',
      data: Buffer.alloc(size, 'x'),
      senderConnectionId: undefined,
      senderUserId: undefined,
      noEcho: false,
      expiresAtSeconds: 0,
      extension: {
        ...(key === undefined ? {} : { metadata: { key } }),
        ...(excluded === undefined ? {} : { excluded }),
      },
    });
    const entry: StreamEntry = {
      epoch: 'e',
      offset: this.#offset,
      prev: this.#prev,
      tag: this.#offset * 7,
      storedAtMs: 0,
      bytes,
    };
    this.#prev = this.#offset;
    const deliveryOptions = { filters, isLocal: () => false, isRetained: false, entry };
    const target = this.node.router.hubs.find('hub', group);
    assert.ok(target !== undefined);
    this.node.router.fanout.collect(new Delivery(new EnvelopeView(bytes), deliveryOptions), target);
    this.node.clock.endTurn();
  }

  get end(): number {
    return this.#offset;
  }
}

/** What a client makes of what it gets; returns its cursor. */
function follow(client: TestClient, from: number): number {
  let cursor = from;
  let notice = 0;
  const takeNotices = (textsMax: number): void => {
    for (; (client.gapPlaces[notice] ?? Number.POSITIVE_INFINITY) <= textsMax; notice += 1) {
      const { position, to } = client.gaps[notice] ?? {};
      assert.ok(position !== undefined, 'a notice without a place');
      assert.deepEqual(to, group);
      assert.deepEqual([position.epoch, position.tag], ['e', position.offset * 7]);
      cursor = position.offset;
    }
  };
  for (const [index, text] of client.texts.entries()) {
    takeNotices(index);
    // Made by `told` above.
    const { place } = JSON.parse(text) as Told;
    const fits = (place.prev ?? 0) <= cursor && place.offset > cursor;
    assert.ok(fits, `offset ${place.offset} after ${place.prev} at cursor ${cursor}`);
    cursor = place.offset;
  }
  takeNotices(client.texts.length);
  return cursor;
}

const action = fc.record({
  size: fc.constantFrom(1, 100, 3000, 20_000, 20_000),
  key: fc.constantFrom('a', 'b', 'c', undefined),
  isExcluded: fc.boolean(),
  /** Bytes that the client reads afterwards. */
  read: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 50, 5000, 100_000),
});

describe('slow members of streams', () => {
  for (const policy of ['drop-oldest', 'latest'] as const) {
    test(`slow streams: under ${policy} no follower has a hole that it was not told of`, async () => {
      let dropped = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 80 }), async (actions) => {
          const stream = await Stream.start(policy);
          const client = await stream.node.connect({ groups: ['g'], encoder: follower });
          client.socket.roomBytes = 1000;
          const from = stream.end;
          for (const { isExcluded, key, read, size } of actions) {
            const excluded = isExcluded ? [client.subscriber.connectionId] : undefined;
            stream.give(size, { key, ...(excluded === undefined ? {} : { excluded }) });
            if (read > 0) client.read(read);
          }
          while (client.subscriber.isCongested) client.read(100_000);
          assert.equal(client.socket.closedWith, undefined);
          assert.equal(follow(client, from), stream.end, 'it knows where the stream stands');
          dropped += stream.node.router.counters.slowDropped[policy];
        }),
        { numRuns: 100 },
      );
      assert.ok(dropped > 100, `only ${dropped} messages were dropped: the test tests little`);
    });
  }

  test('slow streams: clients that do not follow positions are told once per write', async () => {
    const stream = await Stream.start('latest');
    const client = await stream.node.connect({ groups: ['g'] });
    client.socket.roomBytes = 0;
    for (const key of ['z', 'a', 'b', 'a', 'c', 'b']) stream.give(10, { key });
    client.read();
    assert.deepEqual(
      client.gaps.map(({ dropped, position }) => [dropped, position]),
      [[2, undefined]],
    );
    assert.equal(client.texts.length, 4);
  });
});
