/** Repeats of sends: which requests have one id, and what the answer tells of streams. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { positionText } from '../../../../gateway/protocol/position-text.ts';
import { at, detailOf, RestFixture } from './rest-fixtures.ts';

interface Asked {
  readonly path?: string;
  readonly body?: string;
  readonly type?: string;
  readonly key?: string;
  readonly requestId?: string;
}

async function idOf(asked: Asked): Promise<string | undefined> {
  const { body = 'x', key, path = 'chat/groups/g', requestId, type = 'text/plain' } = asked;
  const fixture = new RestFixture();
  const headers = {
    'content-type': type,
    'idempotency-key': key,
    'x-ms-client-request-id': requestId,
  };
  const response = await fixture.send(`POST /api/hubs/${path}/:send`, { body, headers });
  assert.equal(response.status, 202, String(response.body));
  return fixture.published[0]?.id;
}

describe('send: ids', () => {
  test('neither key nor request id: the node makes the id', async () => {
    assert.equal(await idOf({}), undefined);
    assert.equal(await idOf({ requestId: '' }), undefined);
  });

  test('Idempotency-Key: one id per hub, destination and key, whatever the body', async () => {
    const id = await idOf({ key: 'k' });
    assert.match(String(id), /^r\.[A-Za-z0-9_-]{22}$/);
    assert.equal(await idOf({ key: 'k', body: 'another', requestId: 'r' }), id);
    assert.equal(await idOf({ key: 'k', path: 'CHAT/groups/g' }), id);
    const others = await Promise.all([
      idOf({ key: 'K' }),
      idOf({ key: '"k"' }),
      idOf({ requestId: 'k' }),
      idOf({ key: 'k', path: 'news/groups/g' }),
      idOf({ key: 'k', path: 'chat/groups/G' }),
      idOf({ key: 'k', path: 'chat/users/g' }),
      idOf({ key: 'k', path: 'chat/connections/g' }),
      idOf({ key: 'k', path: 'chat' }),
    ]);
    assert.equal(new Set([id, ...others]).size, 9);
  });

  test('x-ms-client-request-id: the same request again, not another one under its id', async () => {
    const id = await idOf({ requestId: 'r', type: 'application/json', body: '1' });
    assert.equal(await idOf({ requestId: 'r', type: 'application/json', body: '1' }), id);
    const others = await Promise.all([
      idOf({ requestId: 'r', type: 'application/json', body: '2' }),
      idOf({ requestId: 'r', type: 'text/plain', body: '1' }),
      idOf({ requestId: 's', type: 'application/json', body: '1' }),
    ]);
    assert.equal(new Set([id, ...others]).size, 4);
  });

  test('Idempotency-Key: both ends of what is accepted', async () => {
    assert.ok((await idOf({ key: '~'.repeat(255) })) !== undefined);
    for (const key of ['', '~'.repeat(256), 'é', 'a\tb', '\u007f']) {
      const fixture = new RestFixture();
      const headers = { 'idempotency-key': key };
      const response = await fixture.send('POST /api/hubs/h/:send', { body: 'x', headers });
      assert.equal(response.status, 400, JSON.stringify(key));
      assert.equal(detailOf(response).target, 'Idempotency-Key');
      assert.deepEqual(fixture.published, []);
    }
  });
});

describe('send: what the answer tells', () => {
  const send = (fixture: RestFixture) =>
    fixture.send('POST /api/hubs/h/groups/g/:send', { body: 'x' });

  test('a live destination: nothing but 202', async () => {
    assert.deepEqual(await send(new RestFixture()), { status: 202 });
  });

  test('a stream: id and position, and whether it was there before', async () => {
    const fixture = new RestFixture();
    fixture.outcome = () => ({ id: 'p1', position: at(4), isDuplicate: false });
    const headers = {
      'x-trunkline-publication-id': 'p1',
      'x-trunkline-position': positionText(at(4)),
    };
    assert.deepEqual(await send(fixture), { status: 202, headers });
    fixture.outcome = () => ({ id: 'p1', position: at(4), isDuplicate: true });
    assert.deepEqual(await send(fixture), {
      status: 202,
      headers: { ...headers, 'x-trunkline-duplicate': 'true' },
    });
  });
});
