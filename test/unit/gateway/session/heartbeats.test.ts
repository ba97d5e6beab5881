/** The wheel of heartbeats: who gets one, how often, and what it costs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Encoder } from '../../../../gateway/protocol/codec.ts';
import type { Subscriber } from '../../../../gateway/router/ports.ts';
import { Heartbeats } from '../../../../gateway/session/heartbeats.ts';
import { nativeCodec } from './native-fixtures.ts';
import { FakeSocket, FakeSubscribers, jsonCodec } from './session-fixtures.ts';

/** Remembers with what period the timer runs, and runs it on demand. */
class Timer {
  periodMs: number | undefined;
  #callback: () => void = () => undefined;

  every(periodMs: number, callback: () => void): () => void {
    assert.equal(this.periodMs, undefined, 'one timer at a time');
    this.periodMs = periodMs;
    this.#callback = callback;
    return () => {
      this.periodMs = undefined;
    };
  }

  /** Runs it as often as it would in that time. */
  run(ms: number): void {
    const times = Math.floor(ms / (this.periodMs ?? Number.POSITIVE_INFINITY));
    for (let time = 0; time < times; time += 1) this.#callback();
  }
}

class Wheel {
  readonly clock = new Timer();
  readonly counters = { heartbeats: 0 };
  readonly heartbeats: Heartbeats;

  constructor(periodMs: number) {
    this.heartbeats = new Heartbeats({ clock: this.clock, counters: this.counters, periodMs });
  }

  client(encoder: Encoder = nativeCodec.encoder): { subscriber: Subscriber; socket: FakeSocket } {
    const socket = new FakeSocket();
    const subscriber = new FakeSubscribers().attach({
      hub: 'chat',
      connectionId: 'n-1',
      userId: undefined,
      codec: { ...nativeCodec, encoder },
      socket,
      owner: {
        permissions: { allows: () => false, grant: refuse, revoke: refuse, roles: refuse },
        close: refuse,
        onGoAway: refuse,
        depart: refuse,
        onGap: refuse,
        onBookmark: refuse,
      },
    });
    return { subscriber, socket };
  }
}

function refuse(): never {
  throw new Error('heartbeats ask nothing of sessions');
}

describe('heartbeats', () => {
  for (const periodMs of [1000, 10_000, 300_000]) {
    test(`heartbeats: everybody gets one at least, and no two, within ${periodMs} ms`, () => {
      const wheel = new Wheel(periodMs);
      const clients = Array.from({ length: 300 }, () => wheel.client());
      for (const { subscriber } of clients) wheel.heartbeats.add(subscriber);
      wheel.clock.run(periodMs);
      const counts = new Set(clients.map(({ socket }) => socket.frames.length));
      assert.ok(!counts.has(0), 'nobody is left out');
      assert.ok(Math.max(...counts) <= 2);
      assert.deepEqual(clients[0]?.socket.frames[0], { kind: 'heartbeat' });
      const sent = clients.reduce((sum, { socket }) => sum + socket.frames.length, 0);
      assert.equal(wheel.counters.heartbeats, sent);
    });
  }

  test('heartbeats: the work is spread over the slots', () => {
    const wheel = new Wheel(10_000);
    for (let index = 0; index < 1280; index += 1) wheel.heartbeats.add(wheel.client().subscriber);
    wheel.clock.run(wheel.clock.periodMs ?? 0);
    assert.equal(wheel.counters.heartbeats, 10);
  });

  test('heartbeats: a removed client gets none, and without clients no timer runs', () => {
    const wheel = new Wheel(1000);
    assert.equal(wheel.clock.periodMs, undefined);
    const [first, second] = [wheel.client(), wheel.client()];
    const slots = [first, second].map(({ subscriber }) => wheel.heartbeats.add(subscriber));
    wheel.heartbeats.remove(first.subscriber, slots[0] ?? -1);
    wheel.heartbeats.remove(first.subscriber, slots[0] ?? -1);
    wheel.clock.run(1000);
    assert.equal(first.socket.frames.length, 0);
    assert.ok(second.socket.frames.length > 0, 'the other still gets them');
    wheel.heartbeats.remove(second.subscriber, slots[1] ?? -1);
    assert.equal(wheel.clock.periodMs, undefined);
    wheel.heartbeats.add(first.subscriber);
    assert.notEqual(wheel.clock.periodMs, undefined, 'and begins again');
  });

  test('heartbeats: a socket with something in its buffer is left alone until it drained', () => {
    const wheel = new Wheel(1000);
    const { socket, subscriber } = wheel.client();
    wheel.heartbeats.add(subscriber);
    socket.buffered = 1;
    wheel.clock.run(1000);
    assert.deepEqual([socket.frames.length, wheel.counters.heartbeats], [0, 0]);
    socket.buffered = 0;
    wheel.clock.run(1000);
    assert.ok(socket.frames.length > 0);
  });

  test('heartbeats: a frame is encoded once for all clients of an encoder', () => {
    const wheel = new Wheel(1000);
    let encoded = 0;
    const encoder: Encoder = {
      ...nativeCodec.encoder,
      encodeReply: (reply) => {
        encoded += 1;
        return nativeCodec.encoder.encodeReply(reply);
      },
    };
    for (let index = 0; index < 40; index += 1) {
      wheel.heartbeats.add(wheel.client(encoder).subscriber);
    }
    wheel.clock.run(3000);
    assert.equal(encoded, 1);
  });

  test('heartbeats: none for a subprotocol that has no word for them', () => {
    const wheel = new Wheel(1000);
    const { socket, subscriber } = wheel.client(jsonCodec().encoder);
    wheel.heartbeats.add(subscriber);
    wheel.clock.run(3000);
    assert.deepEqual([socket.frames.length, wheel.counters.heartbeats], [0, 0]);
  });
});
