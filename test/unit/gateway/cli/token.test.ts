/** Holds `trunkline token` and the choice of gateway and key to their promises. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { claimsOf } from './fake-gateway.ts';
import { TestHost } from './test-host.ts';

const accessKey = 'k'.repeat(32);
const env = { TRUNKLINE_ACCESS_KEY: accessKey };

async function tokenUrl(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = env,
): Promise<URL> {
  const host = new TestHost({ env: variables });
  assert.equal(await host.run('token', '--hub', 'chat', ...args), 0, host.stderr);
  return new URL(host.stdout.trim());
}

describe('trunkline token', () => {
  test('token: prints a URL that carries user, roles, groups and the end of its life', async () => {
    const roles = ['--role', 'webpubsub.sendToGroup', '--role', 'webpubsub.joinLeaveGroup.news'];
    const groups = ['--group', 'a', '--group', 'b'];
    const url = await tokenUrl(['--user', 'anna', ...roles, ...groups, '--minutes', '5']);
    assert.equal(url.origin + url.pathname, 'ws://127.0.0.1:8080/client/hubs/chat');
    const { iat, exp, ...claims } = claimsOf(url.searchParams.get('access_token') ?? '');
    assert.equal(Number(exp) - Number(iat), 300);
    assert.deepEqual(claims, {
      aud: 'http://127.0.0.1:8080/client/hubs/chat',
      sub: 'anna',
      role: ['webpubsub.sendToGroup', 'webpubsub.joinLeaveGroup.news'],
      'webpubsub.group': ['a', 'b'],
    });
  });

  test('token: --json prints the parts', async () => {
    const host = new TestHost({ env });
    assert.equal(await host.run('token', '--hub', 'chat', '--json'), 0);
    const { url, baseUrl, token, expiresAt } = JSON.parse(host.stdout) as Record<string, string>;
    assert.equal(url, `${String(baseUrl)}?access_token=${String(token)}`);
    assert.equal(Date.parse(expiresAt ?? ''), Number(claimsOf(token ?? '')['exp']) * 1000);
  });

  test('token: the gateway comes from flags, then the connection string, then variables', async () => {
    const endpoint = { ...env, TRUNKLINE_ENDPOINT: 'https://a.example/base/' };
    assert.equal((await tokenUrl([], endpoint)).host, 'a.example');
    assert.equal((await tokenUrl([], endpoint)).pathname, '/base/client/hubs/chat');
    assert.equal((await tokenUrl(['--endpoint', 'http://f:1'], endpoint)).host, 'f:1');
    const string = `Endpoint=http://c.example;Port=81;AccessKey=${'c='.repeat(16)};Version=1.0;`;
    const both = { ...endpoint, TRUNKLINE_CONNECTION_STRING: string };
    assert.equal((await tokenUrl([], both)).host, 'c.example:81');
    assert.equal((await tokenUrl(['--endpoint', 'http://f:1'], both)).host, 'f:1');
    const flag = ['--connection-string', `endpoint=d.example;accesskey=${accessKey}`];
    assert.equal((await tokenUrl(flag, both)).href.split('/client')[0], 'wss://d.example');
    assert.equal((await tokenUrl([], { ...env, TRUNKLINE_PORT: '81' })).port, '81');
    const named = { ...env, TRUNKLINE_PUBLIC_ENDPOINTS: 'wss://p.example, ws://q.example' };
    assert.equal((await tokenUrl([], named)).host, 'p.example');
  });

  const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['no hub', [], /required option '--hub <name>'/],
    ['a hub that is none', ['--hub', '1'], /--hub <name>.*must be a letter/],
    ['no time', ['--hub', 'chat', '--minutes', '0'], /must be 1\.\.525600/],
    ['a short key', ['--hub', 'chat', '--access-key', 'sh0rt'], /--access-key must be at least 32/],
    ['no URL', ['--hub', 'chat', '--endpoint', 'x'], /--endpoint must be an http\(s\) URL/],
    [
      'half a string',
      ['--hub', 'chat', '--connection-string', 'AccessKey=sh0rt'],
      /must have the form/,
    ],
    ['an argument', ['--hub', 'chat', 'more'], /too many arguments/],
    [
      'two sources',
      ['--hub', 'chat', '--connection-string', 'x', '--endpoint', 'y'],
      /cannot be used with/,
    ],
  ];
  for (const [what, args, message] of wrong) {
    test(`token: ${what} is wrong usage, said on standard error without the key`, async () => {
      const host = new TestHost({ env });
      assert.equal(await host.run('token', ...args), 2);
      assert.match(host.stderr, message);
      assert.doesNotMatch(host.stderr, /sh0rt/);
      assert.equal(host.stdout, '');
    });
  }

  test('token: without a key it says where one can come from', async () => {
    const host = new TestHost();
    assert.equal(await host.run('token', '--hub', 'chat'), 2);
    assert.match(host.stderr, /TRUNKLINE_CONNECTION_STRING or TRUNKLINE_ACCESS_KEY/);
  });
});
