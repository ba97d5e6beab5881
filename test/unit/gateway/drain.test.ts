/** Holds the drain to its pace, with a clock that is moved by hand. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Drain, type DrainedConnection, type DrainOptions } from '../../../gateway/drain.ts';
import type { GoAway } from '../../../gateway/protocol/model.ts';
import { FakeClock, settled } from './router/fakes.ts';

class Client implements DrainedConnection {
  isAttached = true;
  readonly notices: GoAway[] = [];
  readonly departures: string[] = [];
  readonly owner: DrainedConnection['owner'];

  constructor(isNative: boolean) {
    this.owner = {
      onGoAway: (notice) => {
        if (isNative) this.notices.push(notice);
        return isNative;
      },
      depart: (reason) => {
        this.departures.push(reason);
        this.isAttached = false;
      },
    };
  }
}

class Harness {
  readonly clock = new FakeClock();
  readonly clients: Client[] = [];
  refusals = 0;
  isOver = false;
  readonly drain: Drain;
  handOver: DrainOptions['handOver'] = () => Promise.resolve();

  constructor(bounds: Partial<Pick<DrainOptions, 'delayMs' | 'spreadMs'>> = {}) {
    let seed = 1;
    this.drain = new Drain({
      clock: this.clock,
      random: () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647,
      delayMs: 2000,
      spreadMs: 10_000,
      refuseUpgrades: () => {
        this.refusals += 1;
      },
      connections: () => this.clients.filter(({ isAttached }) => isAttached),
      remaining: () => this.open,
      lastMs: 20_000,
      handOver: (withinMs, signal) => this.handOver(withinMs, signal),
      ...bounds,
    });
  }

  get open(): number {
    return this.clients.filter(({ isAttached }) => isAttached).length;
  }

  add(count: number, isNative: boolean): void {
    for (let index = 0; index < count; index += 1) this.clients.push(new Client(isNative));
  }

  run(): Promise<void> {
    return this.drain.run().then(() => {
      this.isOver = true;
    });
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settled();
  }
}

describe('drain', () => {
  test('drain: until the delay is over nothing changes, then upgrades are refused', async () => {
    const harness = new Harness();
    harness.add(3, false);
    void harness.run();
    await harness.advance(1999);
    assert.deepEqual([harness.refusals, harness.open], [0, 3]);
    // One that came during the delay leaves like the others.
    harness.add(1, false);
    await harness.advance(1);
    assert.deepEqual([harness.refusals, harness.open], [1, 4]);
    await harness.advance(10_000);
    assert.deepEqual([harness.refusals, harness.open], [1, 0]);
    assert.equal(harness.isOver, true);
    assert.equal(harness.clock.timers, 0);
  });

  test('drain: who cannot be told departs, evenly over four fifths of the window', async () => {
    const harness = new Harness({ delayMs: 0 });
    harness.add(1000, false);
    void harness.run();
    await harness.advance(0);
    let before = harness.open;
    assert.equal(before, 1000);
    for (let second = 1; second <= 8; second += 1) {
      await harness.advance(1000);
      const closed = before - harness.open;
      assert.ok(closed >= 115 && closed <= 135, `${closed} in second ${second}`);
      before = harness.open;
    }
    assert.deepEqual([harness.open, harness.isOver], [0, true]);
    for (const { departures } of harness.clients) assert.equal(departures.length, 1);
  });

  test('drain: the order is not that of the connections', async () => {
    const harness = new Harness({ delayMs: 0 });
    harness.add(100, false);
    void harness.run();
    await harness.advance(4000);
    const firstHalf = harness.clients.slice(0, 50).filter(({ isAttached }) => isAttached).length;
    assert.ok(firstHalf > 5 && firstHalf < 45, `${firstHalf} of the older half are open`);
  });

  test('drain: who can be told is told once and in time, and is not closed', async () => {
    const harness = new Harness({ delayMs: 0 });
    harness.add(30_000, true);
    void harness.run();
    await harness.advance(2000);
    const ends = harness.clients.map(({ notices }) => notices[0]?.withinMs ?? -1);
    assert.ok(Math.min(...ends) >= 5900, 'all know within a fifth of the window');
    assert.equal(Math.max(...ends), 8000);
    await harness.advance(10_000);
    assert.equal(harness.isOver, true);
    for (const { departures, notices } of harness.clients) {
      assert.deepEqual([departures.length, notices.length], [0, 1]);
    }
  });

  test('drain: it is over as soon as nobody is left', async () => {
    const harness = new Harness({ delayMs: 0 });
    harness.add(5, true);
    void harness.run();
    await harness.advance(100);
    assert.equal(harness.isOver, false);
    for (const client of harness.clients) client.isAttached = false;
    await harness.advance(100);
    assert.equal(harness.isOver, true);
    assert.equal(harness.clock.timers, 0);
  });

  test('drain: who has left by itself is neither told nor closed', async () => {
    const harness = new Harness({ delayMs: 0 });
    harness.add(10, false);
    void harness.run();
    await harness.advance(0);
    const [gone] = harness.clients;
    assert.ok(gone !== undefined);
    gone.isAttached = false;
    await harness.advance(10_000);
    assert.deepEqual(gone.departures, []);
    assert.equal(harness.open, 0);
  });

  test('drain: without a window all are told and closed in one step', async () => {
    const harness = new Harness({ delayMs: 0, spreadMs: 0 });
    harness.add(3000, false);
    harness.add(3000, true);
    void harness.run();
    await harness.advance(0);
    assert.equal(harness.isOver, true);
    assert.equal(harness.open, 3000);
    assert.ok(harness.clients.slice(3000).every(({ notices }) => notices[0]?.withinMs === 0));
  });

  test('drain: what waits is handed over once all are closed, and the window is as long as that takes', async () => {
    const harness = new Harness({ delayMs: 0 });
    harness.add(10, false);
    harness.add(1, true);
    const handOvers: { readonly withinMs: number; readonly over: () => void }[] = [];
    harness.handOver = (withinMs) =>
      new Promise((resolve) => {
        handOvers.push({ withinMs, over: resolve });
      });
    void harness.run();
    await harness.advance(7900);
    assert.equal(handOvers.length, 0);
    await harness.advance(100);
    const [only] = handOvers;
    assert.deepEqual([harness.open, only?.withinMs], [1, 12_000]);
    await harness.advance(6000);
    assert.deepEqual([harness.isOver, handOvers.length], [false, 1]);
    only?.over();
    await settled();
    assert.equal(harness.isOver, true);
    assert.equal(harness.clock.timers, 0);
  });

  test('drain: a hand-over that never ends is ended with the time', async () => {
    const harness = new Harness({ delayMs: 0 });
    harness.handOver = () => new Promise(() => undefined);
    void harness.run();
    await harness.advance(19_900);
    assert.equal(harness.isOver, false);
    await harness.advance(100);
    assert.equal(harness.isOver, true);
    assert.equal(harness.clock.timers, 0);
  });

  test('drain: cancelled, whoever hands over is told', async () => {
    const harness = new Harness({ delayMs: 0 });
    let signal: AbortSignal | undefined;
    harness.handOver = (_, given) => {
      signal = given;
      return new Promise(() => undefined);
    };
    const run = harness.run();
    await harness.advance(0);
    assert.equal(signal?.aborted, false);
    harness.drain.cancel();
    await run;
    assert.equal(signal?.aborted, true);
    assert.equal(harness.clock.timers, 0);
  });

  test('drain: cancelled, it ends at once and leaves no timer, also before it has begun', async () => {
    for (const waitedMs of [0, 1000, 5000]) {
      const harness = new Harness();
      harness.add(100, false);
      const run = harness.run();
      await harness.advance(waitedMs);
      harness.drain.cancel();
      await run;
      const { open } = harness;
      await harness.advance(20_000);
      assert.equal(harness.open, open);
      assert.equal(harness.clock.timers, 0);
    }
    const harness = new Harness();
    harness.drain.cancel();
    await harness.run();
    assert.equal(harness.clock.timers, 0);
  });
});
