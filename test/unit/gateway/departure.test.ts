/** Holds the departure of a node to its order and to its bound. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Departure } from '../../../gateway/departure.ts';
import { Readiness } from '../../../gateway/readiness.ts';
import { createLogger } from '../../../gateway/telemetry/log.ts';
import type { HttpRequestWithBody, HttpResponse } from '../../../gateway/transport/transport.ts';
import { FakeClock, settled } from './router/fakes.ts';

const request: HttpRequestWithBody = {
  method: 'GET',
  path: '/',
  query: '',
  headers: new Map(),
  remoteAddress: '127.0.0.1',
  body: new Uint8Array(0),
};

function started(stop: () => Promise<void> = () => Promise.resolve()) {
  const clock = new FakeClock();
  const steps: string[] = [];
  const lines: string[] = [];
  const readiness = new Readiness({
    clock,
    introductionMsMax: 1000,
    isInDoubt: () => false,
    unavailableReason: () => undefined,
  });
  readiness.open();
  const departure = new Departure({
    clock,
    limits: { drainDelayMs: 2000, drainSpreadMs: 10_000, drainMs: 5000 },
    log: createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
    readiness,
    refuseUpgrades: () => steps.push('refuse upgrades'),
    connections: () => [],
    remaining: () => 1,
    handOver: () => Promise.resolve(),
    closeDoors: () => steps.push('close doors'),
    stop: () => {
      steps.push('stop');
      return stop();
    },
  });
  return { clock, departure, lines, readiness, steps };
}

describe('departure', () => {
  test('departure: not ready at once, then doors closed, then stopped; within drainMs', async () => {
    const { clock, departure, readiness, steps } = started();
    assert.equal(readiness.state().ready, true);
    const run = departure.run();
    assert.equal(readiness.state().ready, false);
    clock.advance(2000);
    await settled();
    assert.deepEqual(steps, ['refuse upgrades']);
    // Delay and spread are longer than drainMs: the spread is shortened.
    clock.advance(2000);
    await run;
    assert.deepEqual(steps, ['refuse upgrades', 'close doors', 'stop']);
    assert.equal(clock.timers, 0);
  });

  test('departure: a request that runs is finished first, and its answer ends the connection', async () => {
    const { clock, departure, steps } = started();
    let answer: (response: HttpResponse) => void = () => undefined;
    const handle = departure.onRequest(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    const before = handle(request);
    answer({ status: 200, headers: { etag: 'x' } });
    assert.deepEqual(await before, { status: 200, headers: { etag: 'x' } });

    const during = handle(request);
    const run = departure.run();
    clock.advance(4000);
    await settled();
    assert.deepEqual(steps, ['refuse upgrades', 'close doors']);
    answer({ status: 202 });
    assert.deepEqual(await during, { status: 202, headers: { connection: 'close' } });
    await run;
    assert.equal(steps.at(-1), 'stop');
  });

  test('departure: a publish that never ends is told, and does not hold the node', async () => {
    const { clock, departure, lines, steps } = started();
    const publisher = departure.publisher({ publish: () => new Promise(() => undefined) });
    void publisher.publish({
      hub: 'hub',
      to: { kind: 'all' },
      payload: { dataType: 'text', bytes: Buffer.from('x') },
    });
    const run = departure.run();
    clock.advance(4000);
    await settled();
    clock.advance(500);
    await run;
    assert.equal(steps.at(-1), 'stop');
    assert.match(lines.join(''), /Stopping before all requests and publishes have ended/);
  });

  test('departure: a stop that hangs ends in an error after drainMs', async () => {
    const { clock, departure } = started(() => new Promise(() => undefined));
    const run = departure.run();
    clock.advance(4000);
    await settled();
    clock.advance(1000);
    await assert.rejects(run, { code: 'internal', message: /drainMs/ });
    assert.equal(clock.timers, 0);
  });

  test('departure: cancelled, it stops at once', async () => {
    const { departure, steps } = started();
    const run = departure.run();
    departure.cancel();
    await run;
    assert.deepEqual(steps, ['close doors', 'stop']);
  });
});
