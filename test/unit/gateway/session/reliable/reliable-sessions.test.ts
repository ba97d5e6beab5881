/** Reliable connections of one node: who comes back, to what, and who is refused. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Limits } from '../../../../../gateway/limits.ts';
import type { Frame } from '../../../../../gateway/protocol/codec.ts';
import type { Subscriber, SubscriberOptions } from '../../../../../gateway/router/ports.ts';
import type {
  ReliableSessions,
  ResumeRequest,
} from '../../../../../gateway/session/reliable/reliable-sessions.ts';
import type { SocketHandler } from '../../../../../gateway/transport/transport.ts';
import { FakeSocket as RoomySocket } from '../../router/fakes.ts';
import {
  ack,
  allRoles,
  codecs,
  permissionsOf,
  SessionFixture,
  settled,
} from '../session-fixtures.ts';

const subprotocol = 'json.reliable.webpubsub.azure.v1';

/** A client's socket: what it got as JSON, and how it was closed. */
class ClientSocket {
  readonly socket = new RoomySocket();
  readonly #handler: SocketHandler;

  constructor(handler: SocketHandler) {
    this.#handler = handler;
    handler.onOpen(this.socket);
  }

  get frames(): unknown[] {
    return this.socket.texts.map((text) => JSON.parse(text) as unknown);
  }

  /** The data of messages under their numbers. */
  get messages(): string[] {
    return this.frames.flatMap((frame) => {
      const { data, sequenceId } = frame as { data?: unknown; sequenceId?: number };
      return sequenceId === undefined ? [] : [`${sequenceId} ${String(data)}`];
    });
  }

  get token(): string {
    const connected = this.frames.find((frame) => Object.hasOwn(frame as object, 'connectionId'));
    return (connected as { reconnectionToken: string }).reconnectionToken;
  }

  async say(frame: object): Promise<void> {
    this.#handler.onFrame(Buffer.from(JSON.stringify(frame)), false);
    await settled();
  }

  /** The peer has read everything. */
  async drain(): Promise<void> {
    this.socket.read();
    this.#handler.onDrain();
    await settled();
  }

  async vanish(code = 1006): Promise<void> {
    this.socket.isOpen = false;
    this.#handler.onClose(code, '');
    await settled();
  }

  /** What the transport does after a close of ours. */
  async closed(): Promise<{ code: number; reason: string } | undefined> {
    await settled();
    const { closedWith } = this.socket;
    if (closedWith !== undefined) this.#handler.onClose(closedWith.code, closedWith.reason);
    await settled();
    return closedWith;
  }
}

class Fixture {
  readonly parts = new SessionFixture();
  readonly node: ReliableSessions;
  subscriber: Subscriber | undefined;
  owner: SubscriberOptions['owner'] | undefined;

  constructor(limits: Partial<Limits> = {}) {
    const { subscribers } = this.parts;
    const attach = subscribers.attach.bind(subscribers);
    subscribers.attach = (options) => {
      this.owner = options.owner;
      this.subscriber = attach(options);
      return this.subscriber;
    };
    this.node = this.parts.reliable(limits);
  }

  async connect(): Promise<ClientSocket> {
    const codec = codecs.selectSubprotocol([subprotocol])?.codec;
    assert.ok(codec !== undefined);
    const handler = this.node.open({
      hub: 'chat',
      connectionId: 'node-1',
      userId: 'anna',
      groups: [],
      expiresAt: Number.POSITIVE_INFINITY,
      permissions: permissionsOf(allRoles),
      codec,
    });
    const client = new ClientSocket(handler);
    await settled();
    return client;
  }

  async resume(token: string, differences: Partial<ResumeRequest> = {}): Promise<ClientSocket> {
    const request = { connectionId: 'node-1', hub: 'chat', subprotocol, token, ...differences };
    const client = new ClientSocket(this.node.resume(request));
    await settled();
    return client;
  }

  /** As the fan-out does it. */
  deliver(...texts: readonly string[]): number {
    const frames = texts.map((text): Frame => ({
      bytes: Buffer.from(`{"data":"${text}"}`),
      isBinary: false,
    }));
    return this.subscriber?.socket.write(frames) ?? -1;
  }

  get log(): readonly string[] {
    return this.parts.subscribers.log;
  }
}

describe('reliable sessions', () => {
  test('resume: what was not acknowledged comes again in order, then what is new', async () => {
    const fixture = new Fixture();
    const first = await fixture.connect();
    fixture.deliver('a', 'b', 'c');
    await first.say({ type: 'sequenceAck', sequenceId: 1 });
    await first.vanish();
    assert.equal(fixture.node.detachedCount, 1);
    fixture.deliver('d');
    const second = await fixture.resume(first.token);
    fixture.deliver('e');
    assert.deepEqual(first.messages, ['1 a', '2 b', '3 c']);
    assert.deepEqual(second.messages, ['2 b', '3 c', '4 d', '5 e']);
    const { reconnectionToken, ...connected } = second.frames[0] as Record<string, unknown>;
    assert.equal(typeof reconnectionToken, 'string');
    assert.deepEqual(connected, {
      type: 'system',
      event: 'connected',
      userId: 'anna',
      connectionId: 'node-1',
    });
    assert.deepEqual(fixture.log, ['attach chat node-1 anna', 'enter ']);
    assert.deepEqual([fixture.node.detachedCount, fixture.node.counters.resumed], [0, 1]);
    assert.equal(fixture.parts.counters.open, 1);
  });

  test('resume: ackIds are remembered, and an answer that was lost is given again', async () => {
    const fixture = new Fixture();
    const join = { type: 'joinGroup', group: 'g', ackId: 7 };
    const first = await fixture.connect();
    fixture.parts.subscribers.joining.isClosed = true;
    await first.say(join);
    await first.vanish();
    fixture.parts.subscribers.joining.gates[0]?.open();
    await settled();
    const second = await fixture.resume(first.token);
    await second.say(join);
    const message = 'Message with ack-id: 7 has been processed';
    assert.deepEqual(second.frames.slice(1), [ack(7, { name: 'Duplicate', message })]);
    assert.equal(fixture.log.filter((line) => line === 'join g').length, 1);
  });

  test('resume: frames sent before the greeting are heard after it', async () => {
    const fixture = new Fixture();
    const first = await fixture.connect();
    await first.vanish();
    const handler = fixture.node.resume({
      connectionId: 'node-1',
      hub: 'chat',
      subprotocol,
      token: first.token,
    });
    handler.onFrame(Buffer.from('{"type":"ping"}'), false);
    const second = new ClientSocket(handler);
    await settled();
    assert.deepEqual(second.frames.at(-1), { type: 'pong' });
  });

  test('resume: a second socket closes the first, without 1008 and without an end', async () => {
    const fixture = new Fixture();
    const first = await fixture.connect();
    fixture.deliver('a');
    const second = await fixture.resume(first.token);
    assert.equal((await first.closed())?.code, 1001);
    await first.say({ type: 'joinGroup', group: 'too late' });
    fixture.deliver('b');
    assert.deepEqual(second.messages, ['1 a', '2 b']);
    assert.deepEqual(fixture.log, ['attach chat node-1 anna', 'enter ']);
    assert.equal(fixture.parts.counters.open, 1);
  });

  test('resume: it is refused with 1008 for every reason', async () => {
    const fixture = new Fixture();
    const first = await fixture.connect();
    const { token } = first;
    await first.vanish();
    const cases: readonly [Partial<ResumeRequest>, keyof typeof fixture.node.counters.refused][] = [
      [{ token: '' }, 'token'],
      [{ token: `${token}x` }, 'token'],
      [{ connectionId: 'node-2' }, 'token'],
      [{ hub: 'other' }, 'mismatch'],
      [{ hub: undefined }, 'mismatch'],
      [{ subprotocol: 'json.webpubsub.azure.v1' }, 'mismatch'],
      [{ subprotocol: undefined }, 'mismatch'],
    ];
    for (const [differences, why] of cases) {
      const before = fixture.node.counters.refused[why];
      const refused = await fixture.resume(token, differences);
      assert.equal((await refused.closed())?.code, 1008, JSON.stringify(differences));
      assert.deepEqual(refused.frames, []);
      assert.equal(fixture.node.counters.refused[why], before + 1);
    }
    assert.deepEqual((await fixture.resume(token)).messages, []);
  });

  for (const code of [1000, 1005]) {
    test(`end: a close with ${code} is final`, async () => {
      const fixture = new Fixture();
      const first = await fixture.connect();
      await first.vanish(code);
      assert.deepEqual([fixture.node.size, fixture.parts.counters.open], [0, 0]);
      assert.equal(fixture.log.at(-1), 'detach');
      const refused = await fixture.resume(first.token);
      assert.equal((await refused.closed())?.code, 1008);
    });
  }

  test('end: a close by the server is final, also while the client is away', async () => {
    for (const isAway of [false, true]) {
      const fixture = new Fixture();
      const first = await fixture.connect();
      if (isAway) await first.vanish();
      fixture.owner?.close(1000, 'kicked');
      if (!isAway) assert.equal((await first.closed())?.code, 1000);
      await settled();
      assert.deepEqual([fixture.node.size, fixture.parts.counters.open], [0, 0]);
      assert.equal(fixture.log.at(-1), 'detach');
      const refused = await fixture.resume(first.token);
      assert.equal((await refused.closed())?.code, 1008);
    }
  });

  test('end: who stays away too long is given up', async () => {
    const fixture = new Fixture({ reliableWindowMs: 1000 });
    const first = await fixture.connect();
    await first.vanish();
    fixture.parts.clock.advance(999);
    assert.equal(fixture.node.size, 1);
    fixture.parts.clock.advance(1);
    assert.deepEqual([fixture.node.size, fixture.node.counters.expired], [0, 1]);
    assert.equal(fixture.parts.clock.timers, 0);
    assert.equal(fixture.log.at(-1), 'detach');
    assert.equal(fixture.parts.counters.open, 0);
  });

  test('end: who has no token yet cannot come back', async () => {
    const fixture = new Fixture();
    fixture.parts.subscribers.entering.isClosed = true;
    const first = await fixture.connect();
    await first.vanish();
    assert.equal(fixture.node.size, 0);
  });

  test('overflow: the connection ends with 1008, and nobody can resume it', async () => {
    for (const isAway of [false, true]) {
      const fixture = new Fixture({ reliableQueueMessagesMax: 10 });
      const first = await fixture.connect();
      if (isAway) await first.vanish();
      assert.equal(fixture.deliver(...'abcdefghij'.split('')), 0);
      assert.equal(fixture.deliver('k'), -1);
      if (!isAway) assert.equal((await first.closed())?.code, 1008);
      await settled();
      assert.deepEqual([fixture.node.size, fixture.node.counters.overflowed], [0, 1]);
      assert.equal(fixture.node.frames.bytes, 0);
      assert.equal((await (await fixture.resume(first.token)).closed())?.code, 1008);
    }
  });

  test('crowd: where too many clients are away, a further one is not waited for', async () => {
    const fixture = new Fixture({ reliableDetachedMax: 0 });
    const first = await fixture.connect();
    await first.vanish();
    assert.deepEqual([fixture.node.size, fixture.node.counters.crowdedOut], [0, 1]);
  });

  test('event: the answer for the sender alone is a numbered message', async () => {
    const fixture = new Fixture();
    fixture.parts.events.answer = async () => ({ dataType: 'text', bytes: Buffer.from('hi') });
    const first = await fixture.connect();
    await first.say({ type: 'event', event: 'e', dataType: 'text', data: 'x', ackId: 1 });
    assert.deepEqual(first.messages, ['1 hi']);
    assert.deepEqual(first.frames.at(-1), ack(1));
  });

  const send = { type: 'event', event: 'e', dataType: 'text', data: 'x', ackId: 1 };

  test('event: the ack waits for the answer where that waits for the socket', async () => {
    const fixture = new Fixture();
    fixture.parts.events.answer = async () => ({ dataType: 'text', bytes: Buffer.from('hi') });
    const first = await fixture.connect();
    first.socket.roomBytes = 0;
    fixture.deliver('a');
    await first.say(send);
    await first.say({ type: 'ping' });
    assert.deepEqual([first.messages, first.frames.at(-1)], [['1 a'], { type: 'pong' }]);
    await first.drain();
    assert.deepEqual([first.messages, first.frames.at(-1)], [['1 a', '2 hi'], ack(1)]);
  });

  test('event: an answer that no socket gets keeps nothing waiting', async () => {
    const fixture = new Fixture();
    fixture.parts.events.answer = async () => ({ dataType: 'text', bytes: Buffer.from('hi') });
    const first = await fixture.connect();
    first.socket.roomBytes = 0;
    fixture.deliver('a');
    await first.say(send);
    assert.equal(fixture.node.find('node-1')?.isSettled, false);
    await first.vanish();
    assert.equal(fixture.node.find('node-1')?.isSettled, true);
    const second = await fixture.resume(first.token);
    await second.say(send);
    assert.deepEqual(second.messages, ['1 a', '2 hi']);
    assert.equal((second.frames.at(-1) as { error?: { name: string } }).error?.name, 'Duplicate');
  });

  test('event: an answer that was not given to a socket goes to the next, then the ack', async () => {
    const fixture = new Fixture();
    fixture.parts.events.answer = async () => ({ dataType: 'text', bytes: Buffer.from('hi') });
    const first = await fixture.connect();
    first.socket.roomBytes = 0;
    fixture.deliver('a');
    await first.say(send);
    const second = await fixture.resume(first.token);
    assert.deepEqual(second.messages, ['1 a', '2 hi']);
    assert.deepEqual(second.frames.at(-1), ack(1));
  });
});
