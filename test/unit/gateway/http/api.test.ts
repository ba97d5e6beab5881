/** The way of a request: path, method, token, health, and errors of ours. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { routes } from '../../../../gateway/http/routes.ts';
import { signServerToken } from '../../../../gateway/tokens/sign.ts';
import {
  accessKey,
  detailOf,
  endpoint,
  nowSeconds,
  RestFixture,
  jsonOf,
  requestOf,
} from './rest-fixtures.ts';

describe('paths and methods', () => {
  const unknown = [
    'GET /',
    'GET /api',
    'POST /api/hubs/h',
    'POST /api/hubs/h/:sendx',
    'POST /api/hubs//:send',
    'POST /api/hubs/h/:send/',
    'POST /API/hubs/h/:send',
    'GET /healthz/',
    'HEAD /api/hubs/h/groups/',
    'POST /api/hubs/h%2F:send',
    'POST /api/hubs/a/../h/:send',
  ];
  for (const line of unknown) {
    test(`${line}: 404 without a token`, async () => {
      const response = await new RestFixture().send(line, { authorization: undefined });
      assert.equal(response.status, 404);
    });
  }

  test('a known path with another method: 405 with Allow', async () => {
    const response = await new RestFixture().send('PATCH /api/hubs/h/connections/c');
    assert.equal(response.status, 405);
    assert.equal(response.headers?.['allow'], 'HEAD, DELETE');
    assert.equal(detailOf(response).code, 'method-not-allowed');
  });

  test('a bad percent-encoding in the path: 400', async () => {
    const response = await new RestFixture().send('POST /api/hubs/h/users/%E9/:send');
    assert.equal(response.status, 400);
    assert.equal(detailOf(response).target, 'userId');
  });

  const names: readonly (readonly [string, string])[] = [
    ['HEAD /api/hubs/1hub/groups/g', 'hub'],
    ['POST /api/hubs/h-1/:closeConnections', 'hub'],
    ['DELETE /api/hubs/h/users/%20%20/groups', 'userId'],
    [`DELETE /api/hubs/h/users/u/groups/${'g'.repeat(1025)}`, 'group'],
    [`DELETE /api/hubs/h/connections/${'c'.repeat(1025)}`, 'connectionId'],
    ['DELETE /api/hubs/h/permissions/publish/connections/c', 'permission'],
    ['DELETE /api/hubs/h/permissions/sendToGroup/connections/c?targetName=', 'targetName'],
  ];
  for (const [line, target] of names) {
    test(`${line.slice(0, 60)}: 400 for ${target}`, async () => {
      const fixture = new RestFixture();
      const response = await fixture.send(line);
      assert.equal(response.status, 400);
      if (!line.startsWith('HEAD')) assert.equal(detailOf(response).target, target);
      assert.deepEqual(fixture.directory.calls, []);
    });
  }

  test('a base path of the endpoint: kept by the proxy or taken off, both work', async () => {
    const fixture = new RestFixture({ endpoints: () => ['https://a.test/base'] });
    const path = '/api/hubs/h/connections/known';
    const token = signServerToken({ accessKey, url: `https://a.test/base${path}`, nowSeconds });
    const options = { authorization: `Bearer ${token}` };
    assert.equal((await fixture.send(`HEAD ${path}`, options)).status, 200);
    assert.equal((await fixture.send(`HEAD /base${path}`, options)).status, 200);
    assert.equal((await fixture.send(`HEAD /basement${path}`, options)).status, 404);
  });
});

describe('authentication', () => {
  const line = 'POST /api/hubs/h/:closeConnections?reason=r';
  const bearer = (url: string, key = accessKey) =>
    `Bearer ${signServerToken({ accessKey: key, url, nowSeconds })}`;

  const refused: readonly (readonly [string, string | undefined])[] = [
    ['no header', undefined],
    ['no scheme', bearer(endpoint).slice(7)],
    ['another scheme', 'Basic dTpw'],
    ['no token', 'Bearer '],
    ['garbage', 'Bearer garbage'],
    ['a wrong key', bearer(`${endpoint}/api/hubs/h/:closeConnections`, 'k'.repeat(32))],
    ['another hub', bearer(`${endpoint}/api/hubs/other/:closeConnections`)],
    ['a client token', bearer(`${endpoint}/client/hubs/h`)],
  ];
  for (const [name, authorization] of refused) {
    test(`${name}: 401 that says why, and nothing is done`, async () => {
      const fixture = new RestFixture();
      const response = await fixture.send(line, { authorization });
      assert.equal(response.status, 401);
      assert.match(response.headers?.['www-authenticate'] ?? '', /^Bearer/);
      assert.equal(detailOf(response).code, 'bad-token');
      const token = authorization?.slice(7) ?? '';
      if (token.length > 8) assert.ok(!String(response.body).includes(token));
      assert.deepEqual(fixture.directory.calls, []);
    });
  }

  test('every operation that needs a token: 401 without one', async () => {
    for (const { method, path, needsToken } of routes) {
      const fixture = new RestFixture();
      const target = path.replace('{permission}', 'sendToGroup').replaceAll(/\{\w+\}/g, 'known');
      const response = await fixture.send(`${method} ${target}`, { authorization: undefined });
      assert.equal(response.status === 401, needsToken, `${method} ${path}`);
      assert.deepEqual(fixture.directory.calls, []);
      assert.deepEqual(fixture.published, []);
    }
  });

  test('scheme: in any case', async () => {
    const authorization = bearer(`${endpoint}/api/hubs/h/:closeConnections`).replace('B', 'b');
    assert.equal((await new RestFixture().send(line, { authorization })).status, 204);
  });

  test('a big body: refused by its headers, before it is read', () => {
    const request = requestOf('POST /api/hubs/h/:send', {
      authorization: 'Bearer garbage',
      headers: { 'content-length': '20000' },
    });
    assert.equal(new RestFixture().api.onHeaders(request)?.status, 401);
  });

  test('a request that comes without its headers being asked about: checked all the same', async () => {
    const request = requestOf(line, { authorization: undefined });
    assert.equal((await new RestFixture().api.onRequest(request)).status, 401);
  });
});

describe('health and metrics', () => {
  const anyone = { authorization: undefined };

  test('alive, ready, metrics: 200 for anyone', async () => {
    const fixture = new RestFixture();
    assert.deepEqual(jsonOf(await fixture.send('GET /healthz', anyone)), { status: 'alive' });
    assert.deepEqual(jsonOf(await fixture.send('GET /readyz', anyone)), { status: 'ready' });
    assert.deepEqual(await fixture.send('GET /metrics', anyone), {
      status: 200,
      headers: { 'content-type': 'text/plain; version=0.0.4' },
      body: 'up 1\n',
    });
  });

  test('HEAD where GET is: the same status without a body', async () => {
    const response = await new RestFixture().send('HEAD /readyz', anyone);
    assert.equal(response.status, 200);
    assert.equal(response.body, undefined);
  });

  test('not ready: 503 with the reason, and alive nevertheless', async () => {
    const fixture = new RestFixture({ readiness: () => ({ ready: false, reason: 'draining' }) });
    const response = await fixture.send('GET /readyz', anyone);
    assert.equal(response.status, 503);
    assert.deepEqual(jsonOf(response), { status: 'not ready', reason: 'draining' });
    assert.equal((await fixture.send('GET /healthz', anyone)).status, 200);
    assert.equal((await fixture.send('HEAD /api/health', anyone)).status, 200);
  });
});

describe('errors of ours', () => {
  test('an unexpected error: 500 that tells nothing of the inside, and the operator hears', async () => {
    const fixture = new RestFixture();
    fixture.publishError = new TypeError('secret inside');
    const response = await fixture.send('POST /api/hubs/h/:send', { body: 'x' });
    assert.equal(response.status, 500);
    assert.equal(detailOf(response).code, 'internal');
    assert.ok(!String(response.body).includes('secret'));
    assert.deepEqual(fixture.reported, [fixture.publishError]);
  });

  test('an error while the headers are looked at: 500, too', () => {
    const fixture = new RestFixture({
      tokens: {
        verifyServer: () => {
          throw new Error('broken');
        },
      },
    });
    const request = requestOf('POST /api/hubs/h/:send', { headers: { 'content-length': '20000' } });
    assert.equal(fixture.api.onHeaders(request)?.status, 500);
    assert.equal(fixture.reported.length, 1);
  });

  test('any request: no 500, and every error has a code', () => {
    const segment = fc.oneof(
      fc.constantFrom('api', 'hubs', 'h', 'groups', 'users', 'connections', 'permissions'),
      fc.constantFrom(':send', ':addToGroups', ':generateToken', '%zz', '%2F', 'sendToGroup', ''),
      fc.string({ maxLength: 5 }).map(encodeURI),
    );
    const template = fc.constantFrom(...routes.map(({ path }) => path)).chain((path) =>
      fc.array(segment, { minLength: 4, maxLength: 4 }).map((values) => {
        let index = 0;
        return path.replaceAll(/\{\w+\}/g, () => values[index++] ?? '');
      }),
    );
    const path = fc.oneof(
      template,
      fc.array(segment).map((segments) => `/${segments.join('/')}`),
    );
    const key = fc.constantFrom(
      'filter',
      'excluded',
      'top',
      'maxpagesize',
      'continuationToken',
      'messageTtlSeconds',
      'role',
      'group',
      'userId',
      'minutesToExpire',
      'clientType',
      'reason',
      'targetName',
      '__proto__',
    );
    const query = fc
      .array(fc.tuple(key, fc.string({ maxLength: 8 })), { maxLength: 3 })
      .map((pairs) =>
        pairs.map(([name, value]) => `${name}=${value.replaceAll('?', '')}`).join('&'),
      );
    const type = fc.constantFrom(
      undefined,
      'application/json',
      'text/plain; charset=x',
      'text/plain',
      ';;',
    );
    const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'get');
    const body = fc.oneof(fc.json(), fc.string(), fc.uint8Array());
    return fc.assert(
      fc.asyncProperty(fc.record({ method, path, query, type, body }), async (given) => {
        // A token is given for whatever is asked, so that the handlers are reached.
        const fixture = new RestFixture({ tokens: { verifyServer: () => undefined } });
        const headers = { 'content-type': given.type };
        const request = requestOf(`${given.method} /`, { body: given.body, headers });
        const asked = { ...request, path: given.path, query: given.query };
        const response = fixture.api.onHeaders(asked) ?? (await fixture.api.onRequest(asked));
        assert.ok(response.status < 500, `${response.status} ${String(fixture.reported[0])}`);
        if (response.status >= 400 && given.method !== 'HEAD') {
          assert.equal(response.headers?.['x-ms-error-code'], detailOf(response).code);
        }
      }),
      { numRuns: 500 },
    );
  });
});
