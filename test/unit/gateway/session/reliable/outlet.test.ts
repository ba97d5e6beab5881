/** The outlet: a slow socket is written when it drains, and no message is lost or out of order. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Frame } from '../../../../../gateway/protocol/codec.ts';
import { KeptFrames } from '../../../../../gateway/session/reliable/kept-frames.ts';
import { Outbox } from '../../../../../gateway/session/reliable/outbox.ts';
import { Outlet } from '../../../../../gateway/session/reliable/outlet.ts';
import { FakeSocket } from '../../router/fakes.ts';

function frame(text: string): Frame {
  return { bytes: Buffer.from(text), isBinary: false };
}

class Fixture {
  readonly frames = new KeptFrames(1_000_000, () => undefined);
  readonly outbox: Outbox;
  readonly outlet: Outlet;
  overflows = 0;
  ends = 0;

  constructor(messagesMax = 1000) {
    this.outbox = new Outbox({ frames: this.frames, messagesMax, bytesMax: 1_000_000 });
    this.outlet = new Outlet({
      outbox: this.outbox,
      number: ({ bytes }, id) => frame(`${id}:${Buffer.from(bytes).toString()}`),
      onOverflow: () => {
        this.overflows += 1;
      },
      onEnd: () => {
        this.ends += 1;
      },
    });
  }

  attach(): FakeSocket {
    const socket = new FakeSocket();
    this.outlet.attach(socket);
    this.outlet.resend();
    return socket;
  }
}

describe('outlet', () => {
  test('outlet: messages are numbered, replies are not', () => {
    const { outlet, ...fixture } = new Fixture();
    const socket = new FakeSocket();
    outlet.attach(socket);
    outlet.resend();
    outlet.write([frame('a'), frame('b')]);
    assert.equal(outlet.send(frame('reply')), 'sent');
    outlet.write([frame('c')]);
    assert.deepEqual(socket.texts, ['1:a', '2:b', 'reply', '3:c']);
    assert.equal(fixture.outbox.size, 3);
  });

  test('outlet: without a socket messages wait, replies are gone', () => {
    const fixture = new Fixture();
    fixture.attach();
    fixture.outlet.detach();
    assert.equal(fixture.outlet.write([frame('a')]), 0);
    fixture.outlet.send(frame('reply'));
    assert.deepEqual(fixture.attach().texts, ['1:a']);
  });

  test('outlet: before the resend a new socket gets replies only', () => {
    const { outlet } = new Fixture();
    outlet.write([frame('a')]);
    const socket = new FakeSocket();
    outlet.attach(socket);
    outlet.write([frame('b')]);
    outlet.send(frame('connected'));
    assert.deepEqual(socket.texts, ['connected']);
    outlet.resend();
    assert.deepEqual(socket.texts, ['connected', '1:a', '2:b']);
  });

  test('outlet: any mix of writes, drains, acks and new sockets loses and reorders nothing', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ write: fc.integer({ min: 1, max: 5 }) }) },
      { weight: 2, arbitrary: fc.record({ read: fc.integer({ min: 1, max: 40 }) }) },
      { weight: 1, arbitrary: fc.record({ room: fc.integer({ min: 0, max: 30 }) }) },
      { weight: 1, arbitrary: fc.record({ ack: fc.nat(10) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const fixture = new Fixture();
        let socket = fixture.attach();
        let written = 0;
        let acknowledged = 0;
        let base = 0;
        for (const one of steps) {
          if ('write' in one) {
            const texts = Array.from({ length: one.write }, (_, at) =>
              frame(`m${written + at + 1}`),
            );
            written += one.write;
            assert.equal(fixture.outlet.write(texts), 0);
          } else if ('read' in one) {
            socket.read(one.read);
            fixture.outlet.onDrain();
          } else if ('ack' in one) {
            acknowledged = Math.min(written, acknowledged + one.ack);
            fixture.outlet.acknowledge(acknowledged);
          } else {
            fixture.outlet.detach();
            socket.cut();
            const next = new FakeSocket();
            next.roomBytes = one.room;
            base = acknowledged;
            socket = next;
            fixture.outlet.attach(next);
            fixture.outlet.resend();
          }
        }
        socket.read();
        while (socket.bufferedBytes() > 0) socket.read();
        fixture.outlet.onDrain();
        const ids = socket.texts.map((text) => Number(text.split(':')[0]));
        const first = ids[0] ?? written + 1;
        assert.ok(first <= Math.max(base, acknowledged) + 1, 'nothing unacknowledged is missing');
        assert.equal(Math.max(ids.at(-1) ?? 0, acknowledged), written);
        for (const [at, id] of ids.entries()) {
          assert.equal(socket.texts[at], `${id}:m${id}`);
          // Numbers go up; only what was acknowledged meanwhile may be left out.
          if (at > 0) assert.ok(id === (ids[at - 1] ?? 0) + 1 || id <= acknowledged + 1);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('outlet: a connection that ends with its node is not to be resumed', () => {
    const fixture = new Fixture();
    const socket = fixture.attach();
    fixture.outlet.end(1001, 'going away');
    assert.equal(socket.closedWith?.code, 1008);
  });

  test('outlet: a full outbox is told once per write, and an ended outlet takes nothing', () => {
    const fixture = new Fixture(2);
    const socket = fixture.attach();
    assert.equal(fixture.outlet.write([frame('a'), frame('b'), frame('c'), frame('d')]), -1);
    assert.equal(fixture.overflows, 1);
    fixture.outlet.end(1008, 'full');
    fixture.outlet.cut();
    assert.deepEqual([fixture.ends, socket.closedWith], [1, { code: 1008, reason: 'full' }]);
    assert.equal(fixture.outlet.write([frame('e')]), -1);
    assert.equal(fixture.outlet.isOpen, false);
    assert.equal(fixture.outlet.send(frame('reply')), 'dropped');
  });
});
