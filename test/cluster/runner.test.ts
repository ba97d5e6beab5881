/** The native cluster, used through nginx: its page, its clients, its REST API, its deaths. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startCluster, type Cluster, type ClusterOptions } from '../../bench/cluster/cluster.ts';
import { programsOf, whyUnavailable, type BackplaneName } from '../../bench/cluster/options.ts';
import { signalGroup } from '../../bench/cluster/program.ts';
import { joinThrough, nextMessage, publishThrough } from '../support/cluster-client.ts';
import { FrameClient } from '../support/frame-client.ts';
import { whyMissing } from '../support/programs.ts';
import { waitFor } from '../support/wait.ts';

const group = 'lobby';

async function start(t: TestContext, options: ClusterOptions): Promise<Cluster> {
  const cluster = await startCluster(options);
  t.after(() => cluster.stop());
  return cluster;
}

/** For the `skip` option: why such a cluster cannot run here, or false. */
function whyNot(backplane: BackplaneName): string | false {
  return whyUnavailable(backplane) ?? whyMissing(...programsOf({ backplane, nginx: true }));
}

/** A token as the page gets it, by a request as a browser sends it. */
async function pageToken(url: string, user: string): Promise<string> {
  const response = await fetch(`${url}/playground/token?hub=playground&user=${user}`, {
    method: 'POST',
    headers: { origin: url, 'sec-fetch-site': 'same-origin' },
  });
  const body: unknown = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  assert.ok(typeof body === 'object' && body !== null && 'token' in body);
  return String(body.token);
}

for (const [backplane, nodes] of [
  ['memory', process.platform === 'linux' ? 3 : 1],
  ['redis', 3],
  ['nats', 3],
  ['azure', 3],
] as const) {
  describe(`cluster on ${backplane}`, { skip: whyNot(backplane) }, () => {
    test('cluster: the page works through nginx, whichever node answers', async (t) => {
      const { url } = await start(t, { backplane, nodes, page: true });
      assert.match(await (await fetch(url)).text(), /<title>Trunkline playground/);
      for (let turn = 0; turn < nodes + 1; turn++) {
        const token = await pageToken(url, `anna${String(turn)}`);
        const address = `${url.replace('http', 'ws')}/client/hubs/playground?access_token=${token}`;
        await FrameClient.open(t, address, { subprotocols: ['json.webpubsub.azure.v1'] });
      }
    });

    test('cluster: clients spread over all nodes, and all of them get what is published', async (t) => {
      const cluster = await start(t, { backplane, nodes });
      const clients = [];
      for (let count = 0; count < 2 * nodes; count++) {
        clients.push(await joinThrough(t, cluster, group));
      }
      const used = new Set(clients.map(({ nodeId }) => nodeId));
      const known = cluster.nodes.flatMap(({ nodeIds }) => nodeIds);
      assert.equal(known.length, nodes);
      assert.ok([...used].every((nodeId) => known.includes(nodeId)));
      // nginx takes turns; workers of one port are chosen by the kernel, by chance.
      if (backplane !== 'memory') assert.equal(used.size, nodes);
      assert.equal(await publishThrough(cluster, group, 'hello'), 202);
      for (const client of clients) assert.equal(await nextMessage(client), 'hello');
      const metrics = await fetch(`${cluster.url}/metrics`);
      assert.equal(metrics.status, 404);
    });
  });
}

describe('cluster with a dying node', { skip: whyNot('redis') }, () => {
  test('cluster: the others go on, and a restarted node is a new one at the same URL', async (t) => {
    const deaths: string[] = [];
    const onDeath: ClusterOptions['onDeath'] = ({ name }, how) => deaths.push(`${name}: ${how}`);
    const cluster = await start(t, { backplane: 'redis', nodes: 3, onDeath });
    const [first, second] = cluster.nodes;
    assert.ok(first !== undefined && second !== undefined);
    const { nodeId, url } = first;
    await first.kill();
    assert.equal(first.process.isRunning, false);
    // Nothing of a request was sent to a node that refuses connections: nginx asks the next one.
    const client = await joinThrough(t, cluster, group);
    for (const text of ['a', 'b', 'c', 'd']) {
      assert.equal(await publishThrough(cluster, group, text), 202);
      assert.equal(await nextMessage(client), text);
    }
    await first.restart();
    assert.equal(first.url, url);
    assert.notEqual(first.nodeId, nodeId);
    const back = async (): Promise<boolean> =>
      (await joinThrough(t, cluster, group)).nodeId === first.nodeId;
    await waitFor(back, { what: 'nginx gives the restarted node a client' });
    assert.deepEqual(deaths, []);
    process.kill(second.pid, 'SIGKILL');
    await waitFor(() => deaths.length > 0, { what: 'the death was noticed' });
    assert.deepEqual(deaths, ['node 2: signal SIGKILL']);
  });

  test('cluster: the broker comes back at the same URL, and so does the cluster', async (t) => {
    const cluster = await start(t, { backplane: 'redis', nodes: 2 });
    const { broker } = cluster;
    assert.ok(broker !== undefined);
    const readiness = async (): Promise<number> => (await fetch(`${cluster.url}/readyz`)).status;
    await broker.process.kill();
    await waitFor(async () => (await readiness()) !== 200, { what: 'no node is ready' });
    await broker.process.restart();
    const deadlineMs = 30_000;
    const isReady = async (): Promise<boolean> => (await readiness()) === 200;
    await waitFor(isReady, { what: 'a node is ready again', deadlineMs });
  });
});

describe('cluster at its end', { skip: whyNot('memory') }, () => {
  test('cluster: nothing is left after stop', async () => {
    const cluster = await startCluster({ backplane: 'memory', nodes: 1 });
    const pids = [...cluster.nodes.map(({ pid }) => pid), cluster.nginx?.pid ?? 0];
    assert.ok(pids.every((pid) => signalGroup(pid, 0)));
    await cluster.stop();
    assert.ok(pids.every((pid) => !signalGroup(pid, 0)));
    await cluster.stop();
  });

  test('cluster: a runner that is killed leaves nothing behind', async (t) => {
    const file = fileURLToPath(new URL('../../bench/cluster/run.js', import.meta.url));
    const args = [file, '--backplane', 'memory'];
    const runner = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => runner.kill('SIGKILL'));
    let output = '';
    runner.stdout.on('data', (data: Buffer) => {
      output += data.toString();
    });
    const what = 'the runner shows its node';
    await waitFor(() => /node 1 .* pid \d+/.test(output), { what, deadlineMs: 30_000 });
    const pids = [...output.matchAll(/ pid (\d+)/g)].map(([, pid]) => Number(pid));
    assert.equal(new Set(pids).size, 2, output);
    runner.kill('SIGKILL');
    const isGone = (): boolean => pids.every((pid) => !signalGroup(pid, 0));
    await waitFor(isGone, { what: 'the watchdog has ended nginx and the node' });
  });

  test('cluster: a start that fails says why and leaves nothing behind', async () => {
    const env = { TRUNKLINE_FRAME_BYTES_MAX: 'x' };
    await assert.rejects(
      startCluster({ backplane: 'memory', nodes: 1, env }),
      /node 1 ended with exit code 2.*TRUNKLINE_FRAME_BYTES_MAX/s,
    );
  });
});
