/** Room on a full node: those who hold the most make it, and no more of them than it takes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KeptFrames } from '../../../../../gateway/session/reliable/kept-frames.ts';
import { Outbox } from '../../../../../gateway/session/reliable/outbox.ts';
import { Room, type MessageHolder } from '../../../../../gateway/session/reliable/room.ts';
import { FakeClock } from '../session-fixtures.ts';

const bytesMax = 1600;

class Client implements MessageHolder {
  readonly outbox: Outbox;
  isAttached = true;
  readonly #onEnd: () => void;

  constructor(frames: KeptFrames, onEnd: () => void) {
    this.outbox = new Outbox({ frames, messagesMax: 1000, bytesMax: 100_000 });
    this.#onEnd = onEnd;
  }

  heldBytes(): number {
    return this.outbox.sharedBytes();
  }

  makeRoom(): void {
    this.outbox.clear();
    this.#onEnd();
  }
}

class Fixture {
  readonly clock = new FakeClock();
  readonly frames: KeptFrames;
  readonly clients: Client[] = [];
  /** Places in `clients`, in the order in which they have ended. */
  readonly ended: number[] = [];

  /** @param sizes bytes that each client holds from the start. */
  constructor(...sizes: readonly number[]) {
    this.frames = new KeptFrames(bytesMax, () => this.room.onFull());
    this.room = new Room({ frames: this.frames, clock: this.clock, holders: () => this.clients });
    for (const [at, bytes] of sizes.entries()) {
      this.clients.push(new Client(this.frames, () => this.ended.push(at)));
      this.append(bytes, at);
    }
  }

  readonly room: Room;

  /** A message for these clients. */
  append(bytes: number, ...places: readonly number[]): void {
    const frame = { bytes: Buffer.alloc(bytes), isBinary: true };
    for (const at of places) this.clients[at]?.outbox.append(frame);
  }
}

describe('room', () => {
  test('room: the largest end, not the one to which something comes, nor in its call', () => {
    const it = new Fixture(500, 400, 600, 50);
    it.append(100, 3);
    assert.deepEqual(it.ended, []);
    it.clock.advance(0);
    assert.deepEqual(it.ended, [2]);
    assert.equal(it.frames.bytes, 1050);
    assert.equal(it.clock.timers, 0);
  });

  test('room: several end where one is not enough, and some of the bound is free then', () => {
    const it = new Fixture(100, 110, 120, 1270);
    it.clients[3]?.outbox.clear();
    it.append(1000, 3);
    it.append(160, 0);
    it.append(120, 1);
    assert.equal(it.frames.bytes, 1610);
    it.clock.advance(0);
    assert.deepEqual(it.ended, [3]);
    const many = new Fixture(...Array.from({ length: 17 }, (_, at) => 100 + at));
    many.clock.advance(0);
    // 1836 bytes less 116, 115 and 114 are 1491, and a 16th of 1600 is to be free.
    assert.deepEqual(many.ended, [16, 15, 14]);
  });

  test('room: clients that are away go first, unless they hold little', () => {
    const it = new Fixture(700, 600, 20, 10);
    const [, away, awayToo] = it.clients;
    assert.ok(away !== undefined && awayToo !== undefined);
    away.isAttached = false;
    awayToo.isAttached = false;
    it.append(300, 3);
    it.clock.advance(0);
    assert.deepEqual(it.ended, [1]);
    it.append(600, 3);
    it.clock.advance(100);
    assert.deepEqual(it.ended, [1, 3]);
  });

  test('room: who shares with many what it holds is not taken for a large one', () => {
    const it = new Fixture(400, ...Array.from({ length: 50 }, () => 1), 200);
    const members = Array.from({ length: 50 }, (_, at) => at + 1);
    it.append(900, ...members);
    it.append(60, 51);
    it.clock.advance(0);
    assert.deepEqual(it.ended, [0]);
  });

  test('room: what was acknowledged in time ends nobody, and the next look waits', () => {
    const it = new Fixture(1000, 700);
    it.clients[1]?.outbox.clear();
    it.clock.advance(0);
    assert.deepEqual(it.ended, []);
    it.append(700, 1);
    it.clock.advance(99);
    assert.deepEqual(it.ended, []);
    it.clock.advance(1);
    assert.deepEqual(it.ended, [0]);
  });

  test('room: it leaves no timer behind', () => {
    const it = new Fixture(1000, 700);
    assert.equal(it.clock.timers, 1);
    it.room.rest();
    assert.equal(it.clock.timers, 0);
  });
});
