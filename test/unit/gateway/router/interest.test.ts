/** Tests of the announcing of interest: what reaches the broker, and when. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Interest } from '../../../../gateway/router/interest.ts';
import { Target } from '../../../../gateway/router/target.ts';
import { FakeClock, settled } from './fakes.ts';

interface Operation {
  readonly what: string;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** An Interest over a broker that answers when the test says so. */
class Bench {
  readonly clock = new FakeClock();
  readonly operations: Operation[] = [];
  readonly forgotten: Target[] = [];
  readonly errors: unknown[] = [];
  readonly interest: Interest;

  constructor(lingerMs = 1000) {
    const start = (what: string): Promise<void> =>
      new Promise((resolve, reject) => {
        this.operations.push({ what, resolve, reject });
      });
    this.interest = new Interest({
      backplane: {
        subscribe: (key) => start(`subscribe ${key}`),
        unsubscribe: (key) => start(`unsubscribe ${key}`),
      },
      lingerMs,
      clock: this.clock,
      onForgotten: (target) => this.forgotten.push(target),
      onError: (error) => this.errors.push(error),
    });
  }

  get log(): readonly string[] {
    return this.operations.map(({ what }) => what);
  }

  async answer(error?: Error): Promise<void> {
    const operation = this.operations.at(-1);
    assert.ok(operation !== undefined);
    if (error === undefined) operation.resolve();
    else operation.reject(error);
    await settled();
  }

  /** Wants the target now; resolves when it may be counted on. */
  async wanted(target: Target): Promise<void> {
    await this.interest.want(target);
  }

  /** A target with confirmed interest and nobody who wants it. */
  async confirmed(): Promise<Target> {
    const target = newTarget();
    const wanted = this.interest.want(target);
    await this.answer();
    await wanted;
    this.interest.settle(target);
    return target;
  }
}

function newTarget(name = 'g'): Target {
  return new Target(`g:hub:${name}`, 'group', name);
}

describe('interest', () => {
  test('interest: the first one who wants a target reaches the broker, the next ones share it', async () => {
    const bench = new Bench();
    const target = newTarget();
    const wants = [1, 2, 3].map(() => bench.wanted(target));
    assert.deepEqual(bench.log, ['subscribe g:hub:g']);
    let confirmations = 0;
    const all = Promise.all(wants.map((want) => want.then(() => (confirmations += 1))));
    await settled();
    assert.equal(confirmations, 0);
    await bench.answer();
    await all;
    assert.equal(confirmations, 3);
    assert.equal(bench.interest.want(target), undefined);
    assert.equal(bench.operations.length, 1);
  });

  test('interest: it outlives the last member by the linger, then the target is forgotten', async () => {
    const bench = new Bench(1000);
    const target = await bench.confirmed();
    bench.clock.advance(999);
    bench.interest.sweep();
    assert.equal(bench.operations.length, 1);
    bench.clock.advance(1);
    bench.interest.sweep();
    assert.deepEqual(bench.log, ['subscribe g:hub:g', 'unsubscribe g:hub:g']);
    assert.deepEqual(bench.forgotten, []);
    await bench.answer();
    assert.deepEqual(bench.forgotten, [target]);
    bench.clock.advance(10_000);
    bench.interest.sweep();
    assert.equal(bench.operations.length, 2);
  });

  test('interest: flapping costs the broker nothing, and begins the linger anew', async () => {
    const bench = new Bench(1000);
    const target = await bench.confirmed();
    for (let round = 0; round < 5; round += 1) {
      bench.clock.advance(900);
      bench.interest.sweep();
      assert.equal(bench.interest.want(target), undefined);
      bench.interest.settle(target);
    }
    bench.clock.advance(999);
    bench.interest.sweep();
    assert.equal(bench.operations.length, 1);
  });

  test('interest: linger is per target, the oldest first', async () => {
    const bench = new Bench(1000);
    const first = await bench.confirmed();
    bench.clock.advance(600);
    await bench.confirmed();
    bench.clock.advance(400);
    bench.interest.sweep();
    assert.equal(bench.operations.length, 3);
    await bench.answer();
    assert.deepEqual(bench.forgotten, [first]);
  });

  test('interest: a failed subscribe is told to all who wait, and can be tried again', async () => {
    const bench = new Bench();
    const target = newTarget();
    const wants = [bench.wanted(target), bench.wanted(target)];
    const outcomes = Promise.allSettled(wants);
    await bench.answer(new Error('no broker'));
    assert.deepEqual(
      (await outcomes).map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    const again = bench.interest.want(target);
    assert.equal(bench.operations.length, 2);
    await bench.answer();
    await again;
    assert.equal(target.interest, 'confirmed');
  });

  test('interest: a failed subscribe leaves nothing behind', async () => {
    const bench = new Bench(1000);
    const target = newTarget();
    const want = assert.rejects(async () => bench.interest.want(target));
    await bench.answer(new Error('no broker'));
    await want;
    bench.interest.settle(target);
    bench.clock.advance(1000);
    bench.interest.sweep();
    await settled();
    assert.deepEqual(bench.forgotten, [target]);
    assert.equal(bench.operations.length, 1);
  });

  test('interest: who wants in while the unsubscribe is on its way subscribes after it', async () => {
    const bench = new Bench(0);
    const target = await bench.confirmed();
    bench.interest.sweep();
    assert.equal(bench.log.at(-1), 'unsubscribe g:hub:g');
    const wants = [bench.wanted(target), bench.wanted(target)];
    assert.equal(bench.operations.length, 2);
    await bench.answer();
    assert.deepEqual(bench.log.slice(2), ['subscribe g:hub:g']);
    await bench.answer();
    await Promise.all(wants);
    assert.equal(target.interest, 'confirmed');
    assert.deepEqual(bench.forgotten, []);
  });

  test('interest: a failed unsubscribe is told, and the next one who wants in subscribes', async () => {
    const bench = new Bench(0);
    const target = await bench.confirmed();
    bench.interest.sweep();
    const want = bench.interest.want(target);
    await bench.answer(new Error('no broker'));
    assert.equal(bench.errors.length, 1);
    assert.equal(bench.log.at(-1), 'subscribe g:hub:g');
    await bench.answer();
    await want;
    assert.deepEqual(bench.forgotten, []);
  });

  test('interest: a member that came during the linger keeps the interest', async () => {
    const bench = new Bench(0);
    const target = await bench.confirmed();
    void bench.interest.want(target);
    bench.clock.advance(10_000);
    bench.interest.sweep();
    assert.equal(bench.operations.length, 1);
  });
});
