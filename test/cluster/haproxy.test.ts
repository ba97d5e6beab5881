/** deploy/haproxy/haproxy.cfg: HAProxy accepts it, and a cluster works through it. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { startCluster } from '../../bench/cluster/cluster.ts';
import { findPort } from '../../bench/micro/child-server.ts';
import { joinThrough, nextMessage, publishThrough } from '../support/cluster-client.ts';
import { systemEnvironment, whyMissing } from '../support/programs.ts';
import { projectRoot } from '../support/source-tree.ts';
import { waitFor } from '../support/wait.ts';

const file = join(projectRoot(), 'deploy/haproxy/haproxy.cfg');

/** Runs HAProxy before these nodes; resolves with its URL. */
async function startHaproxy(t: TestContext, nodes: readonly string[]): Promise<string> {
  const bind = `127.0.0.1:${String(await findPort())}`;
  const env: NodeJS.ProcessEnv = { ...systemEnvironment, TRUNKLINE_BIND: bind };
  for (const [index, node] of nodes.entries()) {
    env[`TRUNKLINE_NODE_${String(index + 1)}`] = new URL(node).host;
  }
  const haproxy = spawn('haproxy', ['-db', '-f', file], { env, stdio: 'ignore' });
  t.after(async () => {
    const ended = once(haproxy, 'exit');
    if (haproxy.kill('SIGTERM')) await ended;
  });
  return `http://${bind}`;
}

describe('haproxy', { skip: whyMissing('haproxy') }, () => {
  test('haproxy: the configuration is valid', () => {
    const node = '127.0.0.1:1';
    const nodes = { TRUNKLINE_NODE_1: node, TRUNKLINE_NODE_2: node, TRUNKLINE_NODE_3: node };
    const env = { ...systemEnvironment, ...nodes };
    const checked = spawnSync('haproxy', ['-c', '-dW', '-f', file], { env, encoding: 'utf8' });
    assert.equal(checked.status, 0, checked.stderr);
  });

  test('haproxy: clients, REST and the way around a dead node', async (t) => {
    const cluster = await startCluster({ backplane: 'memory', nodes: 1, nginx: false });
    t.after(() => cluster.stop());
    // The other two do not exist: only those that answer /readyz get clients.
    const dead = `http://127.0.0.1:${String(await findPort())}`;
    const url = await startHaproxy(t, [cluster.url, dead, dead]);
    const isReady = async (): Promise<boolean> =>
      (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200;
    await waitFor(isReady, { what: 'HAProxy has found the node' });
    const entrance = { url, accessKey: cluster.accessKey, endpoint: cluster.url };
    const clients = [];
    for (let count = 0; count < 3; count++) clients.push(await joinThrough(t, entrance, 'lobby'));
    assert.equal(await publishThrough(entrance, 'lobby', 'hello'), 202);
    for (const client of clients) assert.equal(await nextMessage(client), 'hello');
    for (const path of ['/metrics', '/%6detrics']) {
      assert.equal((await fetch(url + path)).status, 404, path);
    }
  });
});
