/** Holds `trunkline publish` to the requests that it makes and the outcomes that it tells. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { claimsOf, startFakeGateway } from './fake-gateway.ts';
import { TestHost } from './test-host.ts';

const env = { TRUNKLINE_ACCESS_KEY: 'k'.repeat(32) };

describe('trunkline publish', () => {
  const cases: readonly (readonly [readonly string[], string, string, string])[] = [
    [['--all', '--text', 'hé'], '/api/hubs/chat/:send', 'text/plain', 'hé'],
    [
      ['--user', 'a/b', '--json', '{"a":1}'],
      '/api/hubs/chat/users/a%2Fb/:send',
      'application/json',
      '{"a":1}',
    ],
    [
      ['--group', 'ü', '--file', 'x.json'],
      '/api/hubs/chat/groups/%C3%BC/:send',
      'application/json',
      '[1]',
    ],
    [
      ['--connection', 'c', '--file', 'x'],
      '/api/hubs/chat/connections/c/:send',
      'application/octet-stream',
      'raw',
    ],
    [
      ['--all', '--file', 'x', '--content-type', 'text/plain'],
      '/api/hubs/chat/:send',
      'text/plain',
      'raw',
    ],
    [['--all'], '/api/hubs/chat/:send', 'text/plain', 'from stdin'],
  ];
  for (const [args, path, type, body] of cases) {
    test(`publish: ${args.join(' ')} becomes one signed request`, async (t) => {
      const { endpoint, requests } = await startFakeGateway(t);
      const files = { 'x.json': '[1]', x: 'raw' };
      const host = new TestHost({ env, files, stdin: 'from stdin' });
      const code = await host.run('publish', '--hub', 'chat', '--endpoint', endpoint, ...args);
      assert.equal(code, 0, host.stderr);
      assert.equal(host.stdout, 'accepted\n');
      assert.equal(requests.length, 1);
      const request = requests[0];
      assert.equal(request?.method, 'POST');
      assert.equal(request.url, `${path}?api-version=2024-12-01`);
      assert.equal(request.headers['content-type'], type);
      assert.equal(request.body, body);
      const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
      assert.equal(claimsOf(token)['aud'], endpoint + request.url);
    });
  }

  test('publish: --id is the key of the request; a stream tells where it is', async (t) => {
    const stored = { 'x-trunkline-position': 'AQ', 'x-trunkline-publication-id': 'r.1' };
    const outcomes = [
      [stored, 'accepted, position AQ\n'],
      [{ ...stored, 'x-trunkline-duplicate': 'true' }, 'accepted before, position AQ\n'],
    ] as const;
    for (const [headers, output] of outcomes) {
      const { endpoint, requests } = await startFakeGateway(t, { headers });
      const host = new TestHost({ env });
      const args = ['--endpoint', endpoint, '--all', '--text', 'x', '--id', 'order 17'];
      assert.equal(await host.run('publish', '--hub', 'chat', ...args), 0, host.stderr);
      assert.equal(host.stdout, output);
      assert.equal(requests[0]?.headers['idempotency-key'], 'order 17');
    }
  });

  test('publish: what the gateway answers is told, with exit code 1', async (t) => {
    const { endpoint } = await startFakeGateway(t, { status: 401, answer: '{"code":"bad-token"}' });
    const host = new TestHost({ env });
    const args = ['publish', '--hub', 'chat', '--endpoint', endpoint, '--all', '--text', 'x'];
    assert.equal(await host.run(...args), 1);
    assert.match(host.stderr, /answered 401 \{"code":"bad-token"\}; are endpoint and access key/);
  });

  test('publish: a gateway that is not there is named, with exit code 1', async () => {
    const host = new TestHost({ env });
    const args = [
      'publish',
      '--hub',
      'chat',
      '--endpoint',
      'http://127.0.0.1:1',
      '--all',
      '--text',
    ];
    assert.equal(await host.run(...args, 'x'), 1);
    assert.match(host.stderr, /^error: Cannot reach the gateway at http:\/\/127\.0\.0\.1:1: /);
  });

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['--text', 'x'], /A destination is needed/],
    [['--all', '--user', 'x', '--text', 'x'], /cannot be used with/],
    [['--all', '--text', 'x', '--json', '1'], /cannot be used with/],
    [['--all', '--json', '{'], /--json must be JSON/],
    [['--all', '--file', 'missing'], /--file must be a file that can be read: no such file/],
    [['--all', '--text', 'x', '--id', ''], /--id must be 1\.\.255 printable/],
    [['--all', '--text', 'x', '--id', 'é'], /--id must be 1\.\.255 printable/],
    [['--group', '..', '--text', 'x'], /--group must be a name/],
  ];
  for (const [args, message] of wrong) {
    test(`publish: ${args.join(' ')} is wrong usage`, async () => {
      const host = new TestHost({ env });
      assert.equal(await host.run('publish', '--hub', 'chat', ...args), 2);
      assert.match(host.stderr, message);
    });
  }
});
