/** Holds one worker's place to its starts, restarts and ends, without processes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadConfig } from '../../../../gateway/config/load-config.ts';
import { createLogger } from '../../../../gateway/telemetry/log.ts';
import { WorkerSlot } from '../../../../gateway/workers/worker-slot.ts';
import { FakeClock, FakeWorker } from './fake-workers.ts';

const config = loadConfig({
  flags: { accessKey: 'k'.repeat(32) },
  env: {},
  readFile: () => '',
});
const url = 'http://127.0.0.1:1';

class Harness {
  readonly workers: FakeWorker[] = [];
  readonly clock = new FakeClock();
  readonly lines: string[] = [];
  readonly givenUp: Error[] = [];
  readonly slot = new WorkerSlot({
    worker: 2,
    config,
    fork: () => {
      const worker = new FakeWorker();
      this.workers.push(worker);
      return worker.fork();
    },
    clock: this.clock,
    log: createLogger({
      level: 'info',
      format: 'json',
      write: (line) => this.lines.push(line),
    }),
    restarts: { delayMs: 100, delayMsMax: 500, soundAfterMs: 1000, endsMax: 3 },
    startMsMax: 5000,
    stopMsMax: 3000,
    drainMsMax: 60_000,
    onProcess: () => undefined,
    onHeard: () => undefined,
    onGivenUp: (error) => this.givenUp.push(error),
  });

  get worker(): FakeWorker {
    const worker = this.workers.at(-1);
    assert.ok(worker !== undefined);
    return worker;
  }
}

async function started(): Promise<Harness> {
  const harness = new Harness();
  const start = harness.slot.start();
  harness.worker.listen();
  assert.equal(await start, url);
  return harness;
}

describe('worker slot', () => {
  test('start: the worker is told its number and the configuration', async () => {
    const { slot, worker, clock } = await started();
    assert.deepEqual(worker.heard, [{ kind: 'start', worker: 2, config }]);
    assert.ok(slot.channel !== undefined);
    assert.equal(clock.timerCount, 0);
  });

  test('start: what the worker says of its failure is what fails', async () => {
    const harness = new Harness();
    const start = harness.slot.start();
    harness.worker.say({ kind: 'failed', code: 'cannot-listen', message: 'the port is taken' });
    harness.worker.end('exit code 1');
    await assert.rejects(start, { code: 'cannot-listen', message: 'the port is taken' });
    harness.clock.pass(10_000);
    assert.equal(harness.workers.length, 1);
  });

  test('start: a worker that does not listen in time is killed, which fails', async () => {
    const harness = new Harness();
    const start = harness.slot.start();
    harness.clock.pass(5000);
    await assert.rejects(start, /Worker 2 ended \(SIGKILL\)/);
    assert.ok(harness.worker.wasKilled);
  });

  test('crash: it is started again after the delay, and told as an error', async () => {
    const harness = await started();
    harness.worker.end('SIGSEGV');
    assert.equal(harness.slot.channel, undefined);
    harness.clock.pass(99);
    assert.equal(harness.workers.length, 1);
    harness.clock.pass(1);
    assert.equal(harness.workers.length, 2);
    harness.worker.listen();
    assert.ok(harness.slot.channel !== undefined);
    assert.equal(harness.slot.restartCount, 1);
    const [error = ''] = harness.lines.filter((line) => line.includes('"error"'));
    assert.match(error, /"worker":2.*SIGSEGV.*"durationMs":100.*starting it again/);
  });

  test('crash: again and again ends in giving up, once', async () => {
    const harness = await started();
    harness.worker.end('SIGSEGV');
    harness.clock.pass(100);
    harness.worker.end('SIGSEGV');
    harness.clock.pass(200);
    harness.worker.end('SIGSEGV');
    harness.clock.pass(10_000);
    assert.equal(harness.workers.length, 3);
    assert.match(String(harness.givenUp), /Worker 2 ended \(SIGSEGV, again and again\)/);
    await harness.slot.stop();
  });

  test('crash: while the broker is away it is tried for ever', async () => {
    const harness = await started();
    for (let count = 0; count < 20; count += 1) {
      harness.worker.say({ kind: 'failed', code: 'backplane-unavailable', message: 'away' });
      harness.worker.end('exit code 1');
      harness.clock.pass(500);
    }
    assert.equal(harness.workers.length, 21);
    assert.deepEqual(harness.givenUp, []);
  });

  test('stop: it resolves when the worker has ended, and nothing is started again', async () => {
    const harness = await started();
    const stop = harness.slot.stop();
    assert.deepEqual(harness.worker.heard.at(-1), { kind: 'stop' });
    harness.worker.end('exit code 0');
    await stop;
    harness.clock.pass(10_000);
    assert.equal(harness.workers.length, 1);
    assert.equal(harness.clock.timerCount, 0);
  });

  test('stop: a worker that does not end in time is killed', async () => {
    const harness = await started();
    const stop = harness.slot.stop();
    harness.clock.pass(3000);
    await stop;
    assert.ok(harness.worker.wasKilled);
  });

  test('stop: a restart that waits is not carried out', async () => {
    const harness = await started();
    harness.worker.end('SIGSEGV');
    await harness.slot.stop();
    harness.clock.pass(10_000);
    assert.equal(harness.workers.length, 1);
  });
});
