/** Reading, describing and emptying the history of a stream over the REST API. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError } from '../../../../gateway/errors.ts';
import { defaultLimits } from '../../../../gateway/limits.ts';
import type { DataType, Message } from '../../../../gateway/protocol/model.ts';
import { positionText } from '../../../../gateway/protocol/position-text.ts';
import type { History } from '../../../../gateway/router/stream-ports.ts';
import { at, detailOf, endpoint, jsonOf, RestFixture } from './rest-fixtures.ts';

const group = '/api/hubs/Chat/groups/g%201';

function message(offset: number, dataType: DataType = 'text', data: string | Uint8Array = 'x') {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  const place = { id: `m${offset}`, ...at(offset), prev: offset - 1, storedAtMs: 1000 + offset };
  const common = { fromUserId: undefined, metadata: undefined, stream: undefined };
  const kind = 'group' as const;
  return {
    ...common,
    from: 'group',
    group: 'g 1',
    kind,
    payload: { dataType, bytes },
    place,
  } as const satisfies Message;
}

function history(messages: readonly Message[], differences: Partial<History> = {}): History {
  const end = { isComplete: true, hasMore: false, next: undefined, position: at(9) };
  return { messages, ...end, ...differences };
}

interface Page {
  readonly messages: readonly Readonly<Record<string, unknown>>[];
  readonly isComplete: boolean;
  readonly hasMore: boolean;
  readonly position: string;
  readonly nextLink?: string;
}

const destinations = [
  ['/api/hubs/CHAT', { kind: 'all' }],
  ['/api/hubs/chat/users/u%2F1', { kind: 'user', name: 'u/1' }],
  [group, { kind: 'group', name: 'g 1' }],
] as const;

describe('history', () => {
  for (const [path, to] of destinations) {
    test(`${path}: reads, describes and empties that stream of the folded hub`, async () => {
      const fixture = new RestFixture();
      assert.equal((await fixture.send(`GET ${path}/history`)).status, 200);
      const info = await fixture.send(`GET ${path}/stream`);
      const purged = await fixture.send(`DELETE ${path}/history`);
      assert.deepEqual([info.status, purged.status, purged.body], [200, 204, undefined]);
      const query = { after: undefined, before: undefined, limit: 100, reverse: false };
      assert.deepEqual(fixture.streams.calls, [
        ['history', 'chat', to, { ...query, reader: undefined }],
        ['info', 'chat', to],
        ['purge', 'chat', to],
      ]);
    });
  }

  test('a message: all that there is to know, the data in the form of its type', async () => {
    const fixture = new RestFixture();
    const metadata = { trace: 't' };
    fixture.streams.pages = [
      history(
        [
          { ...message(3, 'text', 'hé"\n'), fromUserId: 'ann', metadata },
          message(4, 'binary', Uint8Array.of(0, 255)),
          message(5, 'protobuf', Uint8Array.of(8, 1)),
          message(6, 'json', '{"a":[1,null]}'),
        ],
        { isComplete: false },
      ),
    ];
    const page = jsonOf(await fixture.send(`GET ${group}/history`)) as Page;
    const common = (offset: number) => ({
      id: `m${offset}`,
      offset,
      position: positionText(at(offset)),
      time: 1000 + offset,
    });
    assert.deepEqual(page, {
      messages: [
        { ...common(3), fromUserId: 'ann', metadata, dataType: 'text', data: 'hé"\n' },
        { ...common(4), dataType: 'binary', data: 'AP8=' },
        { ...common(5), dataType: 'protobuf', data: 'CAE=' },
        { ...common(6), dataType: 'json', data: { a: [1, null] } },
      ],
      isComplete: false,
      hasMore: false,
      position: positionText(at(9)),
    });
  });

  test('JSON data: not a digit is lost', async () => {
    const fixture = new RestFixture();
    const data = '{"n":12345678901234567890.10, "n":1e400}';
    fixture.streams.pages = [history([message(1, 'json', data)])];
    const { body } = await fixture.send(`GET ${group}/history`);
    assert.ok(String(body).includes(`"data":${data}}`));
  });

  test('forward: the link goes on after the last place looked at, with the same bounds', async () => {
    const fixture = new RestFixture();
    fixture.streams.pages = [
      history([message(3)], { hasMore: true, next: at(5) }),
      history([message(7)]),
    ];
    const first = `GET ${group}/history?after=${positionText(at(2))}&before=8&limit=2`;
    const { nextLink = '' } = jsonOf(await fixture.send(first)) as Page;
    assert.ok(nextLink.startsWith(`${endpoint}${group}/history?api-version=`), nextLink);
    const last = jsonOf(await fixture.send(`GET ${nextLink.slice(endpoint.length)}`)) as Page;
    assert.equal(last.nextLink, undefined);
    assert.deepEqual(
      fixture.streams.calls.map((call) => call[3]),
      [
        { after: at(2), before: 8, limit: 2, reverse: false, reader: undefined },
        { after: at(5), before: 8, limit: 2, reverse: false, reader: undefined },
      ],
    );
  });

  test('reverse: the link goes on before the oldest place looked at', async () => {
    const fixture = new RestFixture();
    fixture.streams.pages = [history([message(5)], { hasMore: true, next: at(3) })];
    const answer = await fixture.send(`GET ${group}/history?reverse=true&limit=2`);
    const { nextLink = '' } = jsonOf(answer) as Page;
    await fixture.send(`GET ${nextLink.slice(endpoint.length)}`);
    assert.deepEqual(fixture.streams.calls[1]?.[3], {
      after: undefined,
      before: 3,
      limit: 2,
      reverse: true,
      reader: undefined,
    });
  });

  test('a page too large: it ends early, with a link to the rest', async () => {
    const fixture = new RestFixture();
    const big = 'x'.repeat(9 * 1024 * 1024);
    fixture.streams.pages = [history([message(1, 'text', big), message(2, 'text', big)])];
    const page = jsonOf(await fixture.send(`GET ${group}/history`)) as Page;
    assert.equal(page.messages.length, 1);
    assert.equal(page.hasMore, true);
    await fixture.send(`GET ${String(page.nextLink).slice(endpoint.length)}`);
    const [, second] = fixture.streams.calls.map((call) => JSON.stringify(call[3]));
    assert.ok(second?.includes(JSON.stringify({ after: at(1), limit: 100 }).slice(1, -1)), second);
  });

  const faults: readonly (readonly [string, string])[] = [
    ['after=x', 'after'],
    ['after=', 'after'],
    [`after=${positionText(at(1))}&reverse=true`, 'after'],
    ['before=0', 'before'],
    ['before=x', 'before'],
    ['limit=0', 'limit'],
    [`limit=${defaultLimits.historyLimitMax + 1}`, 'limit'],
    ['reverse=yes', 'reverse'],
    ['reverse=true&reverse=true', 'reverse'],
  ];
  for (const [query, target] of faults) {
    test(`${query}: 400 for ${target}`, async () => {
      const fixture = new RestFixture();
      const response = await fixture.send(`GET ${group}/history?${query}`);
      assert.equal(response.status, 400);
      assert.equal(detailOf(response).target, target);
      assert.deepEqual(fixture.streams.calls, []);
    });
  }

  const failures = { 'not-a-stream': 400, 'position-diverged': 410, 'backplane-unavailable': 503 };
  for (const [code, status] of Object.entries(failures)) {
    test(`${code}: ${status}`, async () => {
      const fixture = new RestFixture();
      // The keys of the literal above are codes.
      fixture.streams.failure = new GatewayError(code as keyof typeof failures, 'why');
      for (const line of [
        `GET ${group}/history`,
        `GET ${group}/stream`,
        `DELETE ${group}/history`,
      ]) {
        const response = await fixture.send(line);
        assert.equal(response.status, status, line);
        assert.deepEqual(detailOf(response), { code, message: 'why' });
      }
    });
  }
});

describe('stream', () => {
  test('a description: the class with its bounds, and where the stream begins and ends', async () => {
    const fixture = new RestFixture();
    assert.deepEqual(jsonOf(await fixture.send(`GET ${group}/stream`)), {
      retention: { name: 'chat', messages: 10, seconds: 60, bytes: 4096 },
      position: positionText(at(9)),
      newestOffset: 9,
      oldestOffset: 3,
    });
    fixture.streams.state = { ...fixture.streams.state, oldestOffset: undefined };
    const description = jsonOf(await fixture.send(`GET ${group}/stream`)) as object;
    assert.ok(!('oldestOffset' in description));
  });
});
