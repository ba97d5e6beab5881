/**
 * `trunkline serve --workers 3` as users run it: real processes on one port without a broker, and
 * what becomes of clients and workers when one of the processes dies.
 */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { nodeOfConnection } from '../../gateway/router/keys.ts';
import { clientUrl, signClientToken, signServerToken } from '../../gateway/tokens/sign.ts';
import { FrameClient } from '../support/frame-client.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { waitFor, withDeadline } from '../support/wait.ts';

const workers = 3;
const hub = 'chat';
const skip = process.platform === 'linux' ? false : 'ports are shared on Linux only';
const deadlineMs = 30_000;

interface Client {
  readonly frames: FrameClient;
  readonly connectionId: string;
  readonly nodeId: string;
  readonly userId: string;
}

async function start(
  t: TestContext,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start({ WORKERS: workers, ...settings });
  t.after(() => gateway.run.kill());
  return gateway;
}

async function connect(t: TestContext, gateway: GatewayProcess, userId: string): Promise<Client> {
  const { accessKey, url } = gateway;
  const roles = ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup'];
  const token = signClientToken({ accessKey, endpoint: url, hub, userId, groups: ['all'], roles });
  const frames = await FrameClient.open(t, clientUrl(url, hub, token), {
    subprotocols: ['json.webpubsub.azure.v1'],
  });
  const connected = fields(await frames.nextJson());
  const connectionId = String(connected['connectionId']);
  return { frames, connectionId, nodeId: nodeOfConnection(connectionId) ?? '', userId };
}

/** One client on each worker; others that the system put on the same worker stay beside them. */
async function connectToEach(t: TestContext, gateway: GatewayProcess): Promise<readonly Client[]> {
  const byNode = new Map<string, Client>();
  for (let count = 0; byNode.size < workers; count += 1) {
    assert.ok(count < 300, `300 connections were on ${byNode.size} of ${workers} workers`);
    const client = await connect(t, gateway, `user${count}`);
    if (byNode.has(client.nodeId)) await client.frames.close();
    else byNode.set(client.nodeId, client);
  }
  return [...byNode.values()];
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  assert.ok(typeof value === 'object' && value !== null, JSON.stringify(value));
  return { ...value };
}

async function nextData(client: Client): Promise<unknown> {
  return fields(await client.frames.nextJson())['data'];
}

async function rest(gateway: GatewayProcess, method: string, path: string): Promise<number> {
  const { accessKey, url } = gateway;
  const target = `${url}/api/hubs/${hub}${path}?api-version=2024-12-01`;
  const token = signServerToken({ accessKey, url: target.replace(/\?.*/, '') });
  const response = await fetch(target, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'text/plain' },
    ...(method === 'POST' ? { body: path } : {}),
  });
  await response.body?.cancel();
  return response.status;
}

/** Process ids of the workers by node id, from the log; those that ended stay. */
function pids({ run }: GatewayProcess): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const line of run.stderr.split('\n').filter((text) => text.includes('Worker listens'))) {
    const entry = fields(JSON.parse(line));
    found.set(String(entry['nodeId']), Number(entry['pid']));
  }
  return found;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function waitUntilGone(all: Iterable<number>): Promise<void> {
  const those = [...all];
  assert.equal(those.length, workers);
  await waitFor(() => !those.some(isAlive), { what: 'all workers are gone', deadlineMs });
}

describe('workers', { skip }, () => {
  test('workers: connections are spread, and what one gets reaches those of the others', async (t) => {
    const gateway = await start(t);
    assert.match(gateway.run.stdout, /^Trunkline listens on \S+\n$/);
    const clients = await connectToEach(t, gateway);
    assert.equal(new Set(clients.map(({ nodeId }) => nodeId)).size, workers);

    for (const path of ['/:send', '/groups/all/:send']) {
      assert.equal(await rest(gateway, 'POST', path), 202);
      assert.deepEqual(await Promise.all(clients.map(nextData)), [path, path, path]);
    }
    // Whichever worker answers, two of the three are not its own.
    for (const client of clients) {
      for (const path of [`/users/${client.userId}`, `/connections/${client.connectionId}`]) {
        assert.equal(await rest(gateway, 'POST', `${path}/:send`), 202);
        assert.equal(await nextData(client), `${path}/:send`);
        assert.equal(await rest(gateway, 'HEAD', path), 200, path);
      }
    }
    const [first, ...others] = clients;
    first?.frames.sendJson({
      type: 'sendToGroup',
      group: 'all',
      dataType: 'text',
      data: 'hello',
      noEcho: true,
    });
    assert.deepEqual(await Promise.all(others.map(nextData)), ['hello', 'hello']);
    for (const client of clients) {
      assert.equal(await rest(gateway, 'DELETE', `/connections/${client.connectionId}`), 204);
      await client.frames.closed();
      assert.equal(await rest(gateway, 'HEAD', `/connections/${client.connectionId}`), 404);
    }
  });

  test('workers: any of them shows the metrics of all', async (t) => {
    const gateway = await start(t);
    const clients = await connectToEach(t, gateway);
    const metrics = await gateway.metrics();
    const names = [...metrics.keys()].filter((name) => name.startsWith('info{'));
    const shown = names.map((name) => /node="(\w+)",worker="\d"/.exec(name)?.[1]);
    assert.equal(shown.length, workers);
    assert.deepEqual(new Set(shown), new Set(clients.map(({ nodeId }) => nodeId)));
    for (const worker of [1, 2, 3]) {
      assert.ok((metrics.get(`connections{worker="${worker}"}`) ?? 0) >= 1);
    }
    assert.equal(metrics.get('workers_listening{worker="parent"}'), workers);
    assert.equal(metrics.get('worker_restarts_total{worker="parent"}'), 0);
  });

  test('workers: when one is killed, the others go on and it comes back', async (t) => {
    const gateway = await start(t);
    const clients = await connectToEach(t, gateway);
    const [victim, ...others] = clients;
    assert.ok(victim !== undefined);
    const before = pids(gateway);
    const pid = before.get(victim.nodeId);
    assert.ok(pid !== undefined && pid !== process.pid);
    process.kill(pid, 'SIGKILL');
    await victim.frames.closed();

    const isBack = (): boolean => pids(gateway).size === workers + 1;
    await waitFor(isBack, { what: 'the worker is back', deadlineMs });
    const [fresh] = [...pids(gateway).keys()].filter((nodeId) => !before.has(nodeId));
    let back: Client | undefined;
    for (let count = 0; back === undefined; count += 1) {
      assert.ok(count < 300, 'none of 300 connections was on the new worker');
      const client = await connect(t, gateway, `again${count}`);
      if (client.nodeId === fresh) back = client;
      else await client.frames.close();
    }
    back.frames.sendJson({ type: 'sendToGroup', group: 'all', dataType: 'text', data: 'back' });
    // Those on the other workers had their connection all the time.
    assert.deepEqual(await Promise.all([...others, back].map(nextData)), ['back', 'back', 'back']);
    assert.equal(await gateway.metric('worker_restarts_total{worker="parent"}'), 1);
  });

  test('workers: SIGTERM closes all connections, ends all workers, exit code 0', async (t) => {
    const gateway = await start(t);
    const clients = await connectToEach(t, gateway);
    assert.equal(await gateway.run.stop(), 0, gateway.run.stderr);
    for (const { frames } of clients) assert.equal((await frames.closed()).code, 1001);
    await waitUntilGone(pids(gateway).values());
  });

  test('workers: when the parent is killed, they close their connections and end', async (t) => {
    const gateway = await start(t);
    const clients = await connectToEach(t, gateway);
    // It resolves when nobody holds the parent's output any more: the workers are gone.
    await withDeadline(gateway.run.kill(), { what: 'nobody writes any more', deadlineMs });
    for (const { frames } of clients) assert.equal((await frames.closed()).code, 1001);
    await waitUntilGone(pids(gateway).values());
  });

  test('workers: with a broker they use that', { skip: noRedis }, async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const gateways = [
      await start(t, { BACKPLANE: redis.url }),
      await start(t, { BACKPLANE: redis.url }),
    ];
    const clients: Client[] = [];
    for (const gateway of gateways) clients.push(...(await connectToEach(t, gateway)));
    const [first] = gateways;
    assert.ok(first !== undefined);
    assert.equal(await rest(first, 'POST', '/groups/all/:send'), 202);
    const data = await Promise.all(clients.map(nextData));
    assert.deepEqual(new Set(data), new Set(['/groups/all/:send']));
    assert.equal(clients.length, 2 * workers);
  });

  test('workers: a port that somebody shares already is refused', async (t) => {
    const gateway = await start(t);
    await assert.rejects(
      GatewayProcess.start({ WORKERS: 2 }, { args: ['--port', `${gateway.port}`] }),
      /EADDRINUSE/,
    );
    await assert.rejects(
      GatewayProcess.start({}, { args: ['--port', `${gateway.port}`] }),
      /EADDRINUSE/,
    );
  });

  test('workers: what stops all of them is said once, with exit code 2', async () => {
    await assert.rejects(
      GatewayProcess.start({ WORKERS: workers, BACKPLANE: 'carrier-pigeon://x' }),
      /did not start: (?:\{.*\n)*error: TRUNKLINE_BACKPLANE must begin with [^\n]*\n$/,
    );
  });
});
