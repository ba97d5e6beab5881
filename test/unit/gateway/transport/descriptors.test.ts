/** A node that is short of file descriptors stays alive, and recovers when clients leave. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DescriptorGauge } from '../../../../gateway/transport/descriptor-gauge.ts';
import {
  openClient,
  RawClient,
  until,
  UpgradeRefused,
  type Client,
} from '../../../support/transport-harness.ts';

const limit = 256;
const reserved = 64;
const noLimits = process.platform === 'linux' ? false : 'limits are read from /proc on Linux only';

async function startNode(t: TestContext): Promise<number> {
  const script = fileURLToPath(new URL('../../../support/descriptor-node.js', import.meta.url));
  const command = `ulimit -n ${limit}; exec "$0" "$1"`;
  const child = spawn('bash', ['-c', command, process.execPath, script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => {
    child.kill('SIGKILL');
  });
  let said = '';
  child.stdout.on('data', (part: Buffer) => (said += part.toString()));
  await until(() => said.endsWith('\n'), 'the node says its port');
  return Number(said);
}

/** A request on a connection of its own. */
function get(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, path, host: '127.0.0.1', agent: false }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (part: string) => (text += part));
      incoming.on('end', () => {
        resolve(text);
      });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

async function assertEchoes(client: Client): Promise<void> {
  const before = client.messages.length;
  client.ws.send('echo');
  await until(() => client.messages.length === before + 1, 'the echo is there');
}

describe('descriptors', { skip: noLimits }, () => {
  test('upgrades: get 503 before descriptors run out, the rest works, and it recovers', async (t) => {
    const port = await startNode(t);
    const existing = await openClient(t, port);
    const attempts = await Promise.allSettled(
      Array.from({ length: 300 }, () => openClient(t, port)),
    );
    const accepted = attempts.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const refusals = attempts.flatMap((each): unknown[] =>
      each.status === 'rejected' ? [each.reason] : [],
    );
    assert.ok(accepted.length > 100, `only ${accepted.length} were accepted`);
    assert.ok(accepted.length <= limit - reserved, `${accepted.length} were accepted`);
    const answered = refusals.filter(
      (each) => each instanceof UpgradeRefused && each.status === 503,
    );
    assert.ok(answered.length > 0, 'nobody was answered with 503');
    assert.equal(await get(port, '/healthz'), 'alive');
    await assertEchoes(existing);
    await Promise.all(accepted.map(assertEchoes));
    for (const client of accepted) client.ws.terminate();
    let isBack = false;
    const tryAgain = async (): Promise<void> => {
      while (!isBack) {
        const client = await openClient(t, port).catch(() => undefined);
        isBack = client !== undefined;
      }
    };
    await Promise.all([tryAgain(), until(() => isBack, 'upgrades are accepted again')]);
  });

  test('silent connections: are closed before descriptors run out, clients live on', async (t) => {
    const port = await startNode(t);
    const existing = await openClient(t, port);
    const silent = await Promise.all(Array.from({ length: 300 }, () => RawClient.open(t, port)));
    await until(
      () => silent.filter((each) => each.isClosed).length > 300 - limit,
      'those too many are closed',
    );
    await assertEchoes(existing);
    for (const each of silent) each.reset();
    let answer: string | undefined;
    const ask = async (): Promise<void> => {
      while (answer === undefined) answer = await get(port, '/healthz').catch(() => undefined);
    };
    await Promise.all([ask(), until(() => answer !== undefined, 'the node answers again')]);
    assert.equal(answer, 'alive');
    await assertEchoes(existing);
  });
});

describe('descriptor gauge', () => {
  test('gauge: counts connections at once and everything else by measurement', async () => {
    let open = 30;
    let now = 0;
    const gauge = new DescriptorGauge(
      { limit: 100, count: () => Promise.resolve(open) },
      () => now,
    );
    await gauge.measure();
    assert.equal(gauge.free(), 70);
    gauge.connectionOpened();
    assert.equal(gauge.free(), 69);
    // The measurement sees the connection too: it must not count twice.
    open = 41;
    await gauge.measure();
    assert.equal(gauge.free(), 59);
    gauge.connectionClosed();
    assert.equal(gauge.free(), 60);
    open = 50;
    assert.equal(gauge.free(), 60);
    now = 1000;
    gauge.free();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(gauge.free(), 50);
  });

  test('gauge: where counting fails nothing is free until it works again', async () => {
    let fails = true;
    const gauge = new DescriptorGauge(
      {
        limit: 100,
        count: () => (fails ? Promise.reject(new Error('EMFILE')) : Promise.resolve(10)),
      },
      () => 0,
    );
    gauge.connectionOpened();
    await gauge.measure();
    assert.equal(gauge.free(), 0);
    fails = false;
    await gauge.measure();
    assert.equal(gauge.free(), 90);
  });

  test('gauge: a slow measurement makes the next one rarer', async () => {
    let now = 0;
    let counted = 0;
    const gauge = new DescriptorGauge(
      {
        limit: 100,
        count: () => {
          counted += 1;
          now += 100;
          return Promise.resolve(1);
        },
      },
      () => now,
    );
    await gauge.measure();
    now += 4999;
    gauge.free();
    assert.equal(counted, 1);
    now += 1;
    gauge.free();
    assert.equal(counted, 2);
  });

  test('gauge: without a known limit everything is free and nothing is counted', async () => {
    const gauge = new DescriptorGauge(
      { limit: Infinity, count: () => assert.fail('counted') },
      () => 0,
    );
    await gauge.measure();
    assert.equal(gauge.free(), Infinity);
  });
});
