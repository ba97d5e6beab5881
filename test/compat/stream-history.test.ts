/**
 * The REST API over streams that a real broker holds: sends of the published service client whose
 * answers are lost, batches, and history through another node than the one that published.
 */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { NatsStreamStore } from '../../backplanes/nats/streams/nats-stream-store.ts';
import { positionText } from '../../gateway/protocol/position-text.ts';
import { startTestGateway } from '../support/gateway.ts';
import { startLosingProxy } from '../support/losing-proxy.ts';
import { installedNats } from '../support/nats.ts';
import { jetStreamServer } from '../support/nats-streams.ts';
import { startSdkClient } from '../support/sdk-client.ts';
import { groupDataUntilEnd, rest, serviceOf } from './suite.ts';

const { missing, path: program = '' } = installedNats();
const group = '/api/hubs/chat/groups/room.1';

interface Page {
  readonly messages: readonly {
    readonly id: string;
    readonly offset: number;
    readonly position: string;
    readonly data: unknown;
  }[];
  readonly isComplete: boolean;
  readonly position: string;
  readonly nextLink?: string;
}

interface Result {
  readonly status: number;
  readonly id?: string;
  readonly position?: string;
  readonly isDuplicate?: boolean;
}

/** Two nodes on one broker, whose groups `room.*` are streams. */
async function startNodes(t: TestContext) {
  const { server } = await jetStreamServer(t, program);
  const start = async () => {
    const node = await startTestGateway(
      {
        backplane: server.url,
        hubs: { chat: { streams: [{ match: 'group:room.*', retention: 'chat' }] } },
        retention: { chat: { messages: 100, seconds: 3600, bytes: 1024 * 1024 } },
      },
      { store: new NatsStreamStore(server.url) },
    );
    t.after(() => node.stop());
    return node;
  };
  return [await start(), await start()] as const;
}

async function jsonOf<T>(response: Response, status = 200): Promise<T> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  // The tests below look at every member that they use.
  return JSON.parse(text) as T;
}

describe('REST of streams', { skip: missing }, () => {
  test('a send whose answer was lost: one message, live and in the history', async (t) => {
    const [one, other] = await startNodes(t);
    const proxy = await startLosingProxy(t, one.url);
    const service = serviceOf(one, 'chat', {
      reverseProxyEndpoint: proxy.url,
      retryOptions: { maxRetries: 3, retryDelayInMs: 1, maxRetryDelayInMs: 2 },
    });
    const member = await startSdkClient(t, serviceOf(other, 'chat'), {
      token: { groups: ['room.1'] },
    });
    proxy.lose(2);
    await service.group('room.1').sendToAll({ order: 17 });
    assert.equal(proxy.passed.length, 3);
    await service.group('room.1').sendToAll('end');
    assert.deepEqual(await groupDataUntilEnd(member), [{ order: 17 }]);
    const page = await jsonOf<Page>(await rest(other, `${group}/history`));
    assert.deepEqual(
      page.messages.map(({ data }) => data),
      [{ order: 17 }, 'end'],
    );
    assert.deepEqual([...one.errors, ...other.errors], []);
  });

  test('Idempotency-Key: a repeat through another node is told with the first position', async (t) => {
    const nodes = await startNodes(t);
    const answers: Response[] = [];
    for (const node of nodes) {
      const headers = { 'idempotency-key': 'k', 'content-type': 'text/plain' };
      answers.push(await rest(node, `${group}/:send`, { method: 'POST', body: 'x', headers }));
    }
    const told = (name: string) => answers.map(({ headers }) => headers.get(`x-trunkline-${name}`));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [202, 202],
    );
    assert.deepEqual(told('duplicate'), [null, 'true']);
    assert.equal(new Set([...told('position'), null]).size, 2);
    assert.equal(new Set([...told('publication-id'), null]).size, 2);
  });

  test('batch and history: order, pages, both directions, emptying', async (t) => {
    const [one, other] = await startNodes(t);
    const messages = ['a', 'b', 'c', 'd', 'e'].map((data) => ({
      to: { kind: 'group', name: 'room.1' },
      dataType: 'text',
      data,
      id: `id of ${data}`,
    }));
    const sendBatch = () =>
      rest(one, '/api/hubs/chat/:sendBatch', {
        method: 'POST',
        body: JSON.stringify({ messages }),
        headers: { 'content-type': 'application/json' },
      });
    const { results } = await jsonOf<{ readonly results: readonly Result[] }>(await sendBatch());
    assert.ok(results.every(({ isDuplicate, status }) => status === 202 && isDuplicate === false));
    const again = await jsonOf<{ readonly results: readonly Result[] }>(await sendBatch());
    assert.deepEqual(
      again.results,
      results.map((result) => ({ ...result, isDuplicate: true })),
    );

    const walk = async (query: string): Promise<unknown[]> => {
      const seen: unknown[] = [];
      let link: string | undefined = `${group}/history?limit=2${query}`;
      while (link !== undefined) {
        const page: Page = await jsonOf<Page>(await rest(other, link));
        assert.ok(page.messages.length <= 2);
        seen.push(...page.messages.map(({ data }) => data));
        link = page.nextLink?.slice(other.url.length);
      }
      return seen;
    };
    assert.deepEqual(await walk(''), ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(await walk('&reverse=true'), ['e', 'd', 'c', 'b', 'a']);
    assert.deepEqual(await walk(`&after=${String(results[1]?.position)}`), ['c', 'd', 'e']);

    const strange = positionText({ epoch: 'never', offset: 3, tag: 1 });
    const diverged = await rest(other, `${group}/history?after=${strange}`);
    assert.equal(diverged.status, 410);
    assert.equal(diverged.headers.get('x-ms-error-code'), 'position-diverged');

    assert.equal((await rest(other, `${group}/history`, { method: 'DELETE' })).status, 204);
    assert.deepEqual(await walk(''), []);
    const stream = await jsonOf<object>(await rest(one, `${group}/stream`));
    assert.ok(!('oldestOffset' in stream));
    assert.deepEqual([...one.errors, ...other.errors], []);
  });

  test('a group that no rule names: 400 not-a-stream, and its messages are live', async (t) => {
    const [one] = await startNodes(t);
    const hall = '/api/hubs/chat/groups/hall';
    for (const path of [`${hall}/history`, `${hall}/stream`]) {
      const response = await rest(one, path);
      assert.equal(response.status, 400);
      assert.equal(response.headers.get('x-ms-error-code'), 'not-a-stream');
    }
    const sent = await rest(one, `${hall}/:send`, { method: 'POST', body: 'x' });
    assert.equal(sent.status, 202);
    assert.equal(sent.headers.get('x-trunkline-position'), null);
  });
});
