/** Holds `trunkline subscribe` to what it prints and how it ends. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { WebSocket } from 'ws';
import { claimsOf, startFakeGateway, type FakeGateway } from './fake-gateway.ts';
import { TestHost } from './test-host.ts';

const env = { TRUNKLINE_ACCESS_KEY: 'k'.repeat(32) };

const frames = [
  '{"type":"system","event":"connected","userId":"anna","connectionId":"c1"}',
  '{"type":"message","from":"group","group":"g","fromUserId":"bob","dataType":"text","data":"a\\u001bb"}',
  '{"type":"pong"}',
  '{"type":"message","from":"server","dataType":"json",\n"data":{"n":12345678901234567890}}',
  '{"type":"message","from":"server","dataType":"text","data":"third"}',
];

function startSender(t: TestContext, onSent?: (socket: WebSocket) => void): Promise<FakeGateway> {
  return startFakeGateway(t, {
    onClient: (socket) => {
      for (const frame of frames) socket.send(frame);
      onSent?.(socket);
    },
  });
}

describe('trunkline subscribe', () => {
  test('subscribe: prints a line for each message and stops after --count', async (t) => {
    const { endpoint, requests } = await startSender(t);
    const host = new TestHost({ env });
    const args = ['--hub', 'chat', '--user', 'anna', '--group', 'g', '--count', '2'];
    assert.equal(await host.run('subscribe', '--endpoint', endpoint, ...args), 0, host.stderr);
    assert.equal(host.stdout, 'group g, user bob: a\\u001bb\nserver: {"n":12345678901234567000}\n');
    assert.equal(host.stderr, 'connected as c1\n');
    assert.equal(host.listenerCount, 0);
    assert.equal(requests[0]?.headers['sec-websocket-protocol'], 'json.webpubsub.azure.v1');
    const url = new URL(requests[0]?.url ?? '', endpoint);
    assert.equal(url.pathname, '/client/hubs/chat');
    const claims = claimsOf(url.searchParams.get('access_token') ?? '');
    assert.equal(claims['sub'], 'anna');
    assert.deepEqual(claims['webpubsub.group'], ['g']);
  });

  test('subscribe: --json prints the frames as they are, one line each', async (t) => {
    const { endpoint } = await startSender(t);
    const host = new TestHost({ env });
    const args = ['--hub', 'chat', '--endpoint', endpoint, '--json', '--count', '2'];
    assert.equal(await host.run('subscribe', ...args), 0, host.stderr);
    const expected = [frames[1], frames[3]?.replace('\n', ' ')];
    assert.equal(host.stdout, `${expected.join('\n')}\n`);
  });

  test('subscribe: Ctrl-C ends it with exit code 0', async (t) => {
    const { endpoint } = await startSender(t);
    const host = new TestHost({ env });
    const running = host.run('subscribe', '--hub', 'chat', '--endpoint', endpoint);
    await host.printed(/third/);
    host.signal('SIGINT');
    assert.equal(await running, 0);
  });

  test('subscribe: the end of the connection is told, with exit code 1', async (t) => {
    const { endpoint } = await startSender(t, (socket) => socket.close(1008, 'kicked'));
    const host = new TestHost({ env });
    assert.equal(await host.run('subscribe', '--hub', 'chat', '--endpoint', endpoint), 1);
    assert.match(host.stderr, /error: The gateway closed the connection: 1008 \(kicked\)\n$/);
  });

  test('subscribe: a refusal and an absent gateway are told, with exit code 1', async (t) => {
    const { endpoint } = await startFakeGateway(t, { status: 401 });
    const refused = new TestHost({ env });
    // A server that is not asked for its upgrade handler answers as to any request.
    assert.equal(await refused.run('subscribe', '--hub', 'chat', '--endpoint', endpoint), 1);
    assert.match(refused.stderr, /refused the connection: 401; are endpoint and access key/);
    const absent = new TestHost({ env });
    const args = ['subscribe', '--hub', 'chat', '--endpoint', 'http://127.0.0.1:1'];
    assert.equal(await absent.run(...args), 1);
    assert.match(absent.stderr, /ECONNREFUSED.* Does it run there\?/);
  });
});
