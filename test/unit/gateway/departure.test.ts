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

function started(stop: () => Promise<void> = () => Promise.resolve(), drainMs = 5000) {
  const clock = new FakeClock();
  const steps: string[] = [];
  const doors = { plainConnections: 0 };
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
    limits: { drainDelayMs: 2000, drainSpreadMs: drainMs > 5000 ? 1000 : 10_000, drainMs },
    log: createLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
    readiness,
    refuseUpgrades: () => steps.push('refuse upgrades'),
    connections: () => [],
    remaining: () => 1,
    handOver: () => Promise.resolve(),
    closeDoors: () => steps.push('close doors'),
    plainConnections: () => doors.plainConnections,
    stop: () => {
      steps.push('stop');
      return stop();
    },
  });
  /** The drain is over; what waits for the end of the turn comes next. */
  const drained = async (): Promise<void> => {
    clock.advance(4000);
    await settled();
    clock.endTurn();
    await settled();
  };
  return { clock, departure, doors, drained, lines, readiness, steps };
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
    await settled();
    clock.endTurn();
    await run;
    assert.deepEqual(steps, ['refuse upgrades', 'close doors', 'stop']);
    assert.equal(clock.timers, 0);
  });

  test('departure: connections by which requests may come are let go first, for a bounded time', async () => {
    const { clock, departure, doors, drained, steps } = started(undefined, 10_000);
    doors.plainConnections = 2;
    const run = departure.run();
    await drained();
    doors.plainConnections = 1;
    clock.advance(100);
    await settled();
    assert.deepEqual(steps, ['refuse upgrades', 'close doors']);
    doors.plainConnections = 0;
    clock.advance(100);
    await run;
    assert.equal(steps.at(-1), 'stop');
    assert.equal(clock.timers, 0);
  });

  test('departure: connections that stay open do not hold the node', async () => {
    const { clock, departure, doors, drained, steps } = started(undefined, 10_000);
    doors.plainConnections = 1;
    const run = departure.run();
    await drained();
    for (let poll = 0; poll < 100; poll += 1) {
      clock.advance(50);
      await settled();
    }
    await run;
    assert.equal(steps.at(-1), 'stop');
  });

  test('departure: a request that runs is finished first, and its answer ends the connection', async () => {
    const { departure, drained, steps } = started();
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
    await drained();
    assert.deepEqual(steps, ['refuse upgrades', 'close doors']);
    answer({ status: 202 });
    assert.deepEqual(await during, { status: 202, headers: { connection: 'close' } });
    await run;
    assert.equal(steps.at(-1), 'stop');
  });

  test('departure: a publish that never ends is told, and does not hold the node', async () => {
    const { clock, departure, drained, lines, steps } = started();
    const publisher = departure.publisher({ publish: () => new Promise(() => undefined) });
    void publisher.publish({
      hub: 'hub',
      to: { kind: 'all' },
      payload: { dataType: 'text', bytes: Buffer.from('x') },
    });
    const run = departure.run();
    await drained();
    clock.advance(500);
    await run;
    assert.equal(steps.at(-1), 'stop');
    assert.match(lines.join(''), /Stopping before all requests and publishes have ended/);
  });

  test('departure: a stop that hangs ends in an error after drainMs', async () => {
    const { clock, departure, drained } = started(() => new Promise(() => undefined));
    const run = departure.run();
    await drained();
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
