/** Holds `trunkline history` to the request that it makes and what it prints. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { claimsOf, startFakeGateway } from './fake-gateway.ts';
import { TestHost } from './test-host.ts';

const env = { TRUNKLINE_ACCESS_KEY: 'k'.repeat(32) };
const message = (offset: number, more: object = {}) => ({
  id: `m${offset}`,
  offset,
  position: `P${offset}`,
  time: 1_700_000_000_000 + offset,
  dataType: 'text',
  data: 'x',
  ...more,
});

async function run(t: TestContext, page: object | string, args: readonly string[]) {
  const answer = typeof page === 'string' ? page : JSON.stringify(page);
  const { endpoint, requests } = await startFakeGateway(t, { status: 200, answer });
  const host = new TestHost({ env });
  const code = await host.run('history', '--hub', 'chat', '--endpoint', endpoint, ...args);
  return { code, host, request: requests[0], endpoint };
}

const nothing = { messages: [], isComplete: true, hasMore: false, position: 'P' };

describe('trunkline history', () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['--all'], '/api/hubs/chat/history'],
    [['--user', 'a/b'], '/api/hubs/chat/users/a%2Fb/history'],
    [
      ['--group', 'ü', '--after', 'AQ-_', '--before', '9', '--limit', '5'],
      '/api/hubs/chat/groups/%C3%BC/history?after=AQ-_&before=9&limit=5',
    ],
    [['--all', '--reverse'], '/api/hubs/chat/history?reverse=true'],
  ];
  for (const [args, url] of cases) {
    test(`history: ${args.join(' ')} becomes one signed request`, async (t) => {
      const { code, endpoint, host, request } = await run(t, nothing, args);
      assert.equal(code, 0, host.stderr);
      assert.equal(`${request?.method} ${request?.url}`, `GET ${url}`);
      const token = request?.headers.authorization?.replace('Bearer ', '') ?? '';
      assert.equal(claimsOf(token)['aud'], endpoint + url);
      assert.equal(host.stdout + host.stderr, '');
    });
  }

  test('history: a line for each message, and a hint at what is missing', async (t) => {
    const messages = [
      message(1, { fromUserId: 'ann', data: 'two\nlines' }),
      message(2, { dataType: 'json', data: { a: 1 } }),
    ];
    const page = { messages, isComplete: false, hasMore: true, position: 'P2' };
    const { host } = await run(t, page, ['--group', 'g']);
    assert.equal(
      host.stdout,
      '1 2023-11-14T22:13:20.001Z group g, user ann: two\\u000alines\n' +
        '2 2023-11-14T22:13:20.002Z group g: {"a":1}\n',
    );
    assert.match(host.stderr, /not retained any more/);
    assert.match(host.stderr, /There are more: --after P2/);
    const back = await run(t, page, ['--group', 'g', '--reverse']);
    assert.match(back.host.stderr, /There are more: --before 2/);
  });

  test('history: --json is the answer as it is, every digit of it', async (t) => {
    const answer = '{"messages":[{"data":12345678901234567890}]}';
    const { host } = await run(t, answer, ['--all', '--json']);
    assert.equal(host.stdout, `${answer}\n`);
  });

  test('history: an answer of something else is told, with exit code 1', async (t) => {
    for (const answer of ['<html>', '{}']) {
      const { code, host } = await run(t, answer, ['--all']);
      assert.equal(code, 1);
      assert.match(host.stderr, /no gateway of this version/);
    }
  });

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /A destination is needed: --all, --user or --group/],
    [['--all', '--group', 'g'], /cannot be used with/],
    [['--all', '--limit', '0'], /It must be 1\.\.10000/],
    [['--all', '--before', 'x'], /It must be 1\.\./],
    [['--connection', 'c'], /unknown option/],
  ];
  for (const [args, error] of wrong) {
    test(`history: ${args.join(' ')} is wrong usage`, async (t) => {
      const { code, host } = await run(t, nothing, args);
      assert.equal(code, 2);
      assert.match(host.stderr, error);
    });
  }
});
