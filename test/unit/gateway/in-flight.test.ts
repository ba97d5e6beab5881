/** Tests of the count of work that must not be cut off. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InFlight } from '../../../gateway/in-flight.ts';
import { FakeClock, settled } from './router/fakes.ts';

function deferred(): { promise: Promise<string>; resolve: () => void; reject: () => void } {
  let resolve: () => void = () => undefined;
  let reject: () => void = () => undefined;
  const promise = new Promise<string>((onValue, onError) => {
    resolve = () => onValue('done');
    reject = () => onError(new Error('failed'));
  });
  return { promise, resolve, reject };
}

describe('in flight', () => {
  test('in flight: it is idle when all has settled, however it did', async () => {
    const clock = new FakeClock();
    const inFlight = new InFlight(clock);
    await inFlight.idle(1000);
    const [one, two] = [deferred(), deferred()];
    const first = inFlight.track(one.promise);
    const second = inFlight.track(two.promise);
    let isIdle = false;
    const idle = inFlight.idle(1000).then(() => {
      isIdle = true;
    });
    one.resolve();
    assert.equal(await first, 'done');
    await settled();
    assert.deepEqual([inFlight.count, isIdle], [1, false]);
    two.reject();
    await assert.rejects(second, /failed/);
    await idle;
    assert.equal(inFlight.count, 0);
    assert.equal(clock.timers, 0);
  });

  test('in flight: it is not waited for longer than is said', async () => {
    const clock = new FakeClock();
    const inFlight = new InFlight(clock);
    const work = deferred();
    const tracked = inFlight.track(work.promise);
    const idle = inFlight.idle(1000);
    clock.advance(1000);
    await idle;
    assert.equal(inFlight.count, 1);
    work.resolve();
    await tracked;
    assert.equal(clock.timers, 0);
  });
});
