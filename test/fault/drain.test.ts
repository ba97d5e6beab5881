/** A deploy as clients and the balancer see it: SIGTERM to a real process that serves many clients. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { FrameClient, UpgradeRefusal } from '../support/frame-client.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { waitFor } from '../support/wait.ts';
import { clientUrlOf, connect, inParallel, jsonSubprotocol, rest } from './fault-fixtures.ts';

const clientsPerKind = 100;
const apiVersion = 'api-version=2024-12-01';

/** Closes as they come in. */
class Closes {
  readonly codes: number[] = [];
  /** Turns of the event loop in which at least one came. */
  batches = 0;
  #isTurnCounted = false;

  watch(client: FrameClient): void {
    // The test waits for the closes themselves, with a deadline of its own.
    client.closed().then(({ code }) => {
      this.codes.push(code);
      if (this.#isTurnCounted) return;
      this.#isTurnCounted = true;
      this.batches += 1;
      setImmediate(() => {
        this.#isTurnCounted = false;
      });
    }, assert.ifError);
  }
}

async function start(
  t: TestContext,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start({
    DRAIN_DELAY_MS: 500,
    DRAIN_SPREAD_MS: 3000,
    ...settings,
  });
  t.after(() => gateway.run.kill());
  return gateway;
}

async function connectMany(
  t: TestContext,
  gateway: GatewayProcess,
  subprotocols: readonly string[],
): Promise<FrameClient[]> {
  const clients: FrameClient[] = [];
  await inParallel(clientsPerKind, 10, async () => {
    const client = await FrameClient.open(t, clientUrlOf(gateway, 'anna'), { subprotocols });
    if (subprotocols.length > 0) await client.frames.next();
    clients.push(client);
  });
  return clients;
}

async function isReady(gateway: GatewayProcess): Promise<boolean> {
  const response = await fetch(`${gateway.url}/readyz`);
  await response.arrayBuffer();
  return response.ok;
}

/** Resolves with the refusal once new clients are refused. */
function upgradeRefusal(t: TestContext, gateway: GatewayProcess): Promise<UpgradeRefusal> {
  return waitFor(
    async () => {
      try {
        const client = await FrameClient.open(t, clientUrlOf(gateway, 'late'));
        client.closed().catch(assert.ifError);
        return undefined;
      } catch (error) {
        if (error instanceof UpgradeRefusal) return error;
        throw error;
      }
    },
    { what: 'an upgrade is refused' },
  );
}

describe('drain of a process', () => {
  for (const workers of process.platform === 'linux' ? [1, 2] : [1]) {
    test(`drain (workers: ${workers}): not ready, no upgrades, closes spread, publishes accepted, code 0`, async (t) => {
      const gateway = await start(t, { WORKERS: workers });
      const clients = [
        ...(await connectMany(t, gateway, [jsonSubprotocol])),
        ...(await connectMany(t, gateway, [])),
      ];
      const closes = new Closes();
      for (const client of clients) closes.watch(client);
      gateway.run.signal('SIGTERM');
      await waitFor(async () => !(await isReady(gateway)), { what: 'the node is not ready' });

      const refusal = await upgradeRefusal(t, gateway);
      assert.equal(refusal.status, 503);
      assert.match(String(refusal.headers['retry-after']), /^\d+$/);
      await waitFor(() => closes.codes.length > 0, { what: 'the first is closed' });
      assert.ok(closes.codes.length < clients.length / 2, `${closes.codes.length} at once`);

      await waitFor(() => closes.codes.length > clients.length / 2, { what: 'half are closed' });
      assert.ok(closes.codes.length < clients.length, 'some are still open');
      const path = `/api/hubs/chat/:send?${apiVersion}`;
      const { status, text } = await rest(gateway, { path, body: 'the last word' });
      assert.equal(status, 202, text);

      assert.equal(await gateway.run.exitCode(), 0, gateway.run.stderr);
      await waitFor(() => closes.codes.length === clients.length, { what: 'all are closed' });
      assert.deepEqual(new Set(closes.codes), new Set([1001]));
      assert.ok(closes.batches > 10, `closes came in ${closes.batches} batches`);
      const heard = clients.filter(({ frames }) =>
        frames.unread.some((frame) => String(frame).includes('the last word')),
      );
      assert.ok(heard.length > 0, 'the publish reached those that were still there');
    });

    test(`drain (workers: ${workers}): a second signal ends it at once with code 1`, async (t) => {
      const gateway = await start(t, { WORKERS: workers, DRAIN_DELAY_MS: 600_000 });
      await connect(t, gateway);
      gateway.run.signal('SIGTERM');
      await waitFor(async () => !(await isReady(gateway)), { what: 'the node is not ready' });
      gateway.run.signal('SIGINT');
      assert.equal(await gateway.run.exitCode(), 1);
      assert.match(gateway.run.stderr, /second signal/);
    });
  }

  test('drain: a client of our own is told to go, served meanwhile, and closed at the end', async (t) => {
    const gateway = await start(t, { DRAIN_DELAY_MS: 0, DRAIN_SPREAD_MS: 2000 });
    const clients: FrameClient[] = [];
    for (const userId of ['leaves', 'stays']) {
      const subprotocols = ['trunkline.v1.json'];
      const client = await FrameClient.open(t, clientUrlOf(gateway, userId), { subprotocols });
      await client.frames.next();
      clients.push(client);
    }
    const [leaves, stays] = clients;
    assert.ok(leaves !== undefined && stays !== undefined);
    gateway.run.signal('SIGTERM');
    for (const client of clients) {
      // What the text of a JSON object can be.
      const told = (await client.nextJson()) as Readonly<Record<string, unknown>>;
      assert.equal(told['type'], 'goaway');
      assert.ok(Number(told['withinMs']) > 0 && Number(told['withinMs']) <= 2000);
    }
    await leaves.close();
    stays.sendJson({ type: 'joinGroup', group: 'last', ackId: 1 });
    assert.match(String(await stays.frames.next()), /"ackId":1,"success":true/);
    assert.equal((await stays.closed()).code, 1001);
    assert.equal(await gateway.run.exitCode(), 0);
  });

  test('drain: a reliable client is let go, and its connection waits until the end', async (t) => {
    const gateway = await start(t, { DRAIN_DELAY_MS: 0, DRAIN_SPREAD_MS: 2000 });
    const subprotocols = ['json.reliable.webpubsub.azure.v1'];
    const client = await FrameClient.open(t, clientUrlOf(gateway), { subprotocols });
    await client.frames.next();
    gateway.run.signal('SIGTERM');
    assert.equal((await client.closed()).code, 1001);
    assert.equal(await gateway.metric('reliable_connections'), 1);
    assert.equal(await gateway.run.exitCode(), 0);
  });

  test('drain: an outage of the broker does not hold it up', { skip: noRedis }, async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const gateway = await start(t, { BACKPLANE: redis.url, DRAIN_SPREAD_MS: 1000 });
    const client = await connect(t, gateway);
    await redis.stop();
    const path = `/api/hubs/chat/:send?${apiVersion}`;
    const answer = rest(gateway, { path, body: 'in vain' });
    gateway.run.signal('SIGTERM');
    assert.equal(await gateway.run.exitCode(), 0, gateway.run.stderr);
    assert.equal((await answer).status, 503);
    assert.equal((await client.closed()).code, 1001);
  });

  test('drain: without clients only the balancer is waited for', async (t) => {
    const gateway = await start(t, {
      DRAIN_DELAY_MS: 0,
      DRAIN_SPREAD_MS: 600_000,
      DRAIN_MS: 900_000,
    });
    assert.equal(await gateway.run.stop(), 0);
  });

  test('drain: answers end their connections, so that the next request goes to another node', async (t) => {
    const gateway = await start(t, { DRAIN_DELAY_MS: 60_000, DRAIN_MS: 90_000 });
    const before = await fetch(`${gateway.url}/healthz`);
    assert.notEqual(before.headers.get('connection'), 'close');
    gateway.run.signal('SIGTERM');
    const after = await waitFor(
      async () => {
        const response = await fetch(`${gateway.url}/healthz`);
        return response.headers.get('connection') === 'close' ? response : undefined;
      },
      { what: 'an answer ends its connection' },
    );
    assert.equal(after.status, 200);
  });

  test('drain: in development mode nobody waits', async (t) => {
    const gateway = await start(t, { MODE: 'development', DRAIN_DELAY_MS: 600_000 });
    const client = await connect(t, gateway);
    assert.equal(await gateway.run.stop(), 0);
    assert.equal((await client.closed()).code, 1001);
  });
});
