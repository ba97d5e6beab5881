/** Refusals of the REST API: as the SDK reports them, and as they are on the wire. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AzureKeyCredential, WebPubSubServiceClient } from '@azure/web-pubsub';
import { signServerToken } from '../../gateway/tokens/sign.ts';
import { startSdkClient } from '../support/sdk-client.ts';
import { newService, rejection, rest, useGateway } from './suite.ts';

const gateway = useGateway();

interface RestFailure {
  readonly name: string;
  readonly statusCode: number;
  readonly code: string;
  readonly message: string;
}

/** What the SDK makes of a refusal. */
async function failure(operation: Promise<unknown>): Promise<RestFailure> {
  const { code, message, name, statusCode } = (await rejection(operation)) as RestFailure;
  return { name, statusCode, code, message };
}

/** Status and body of a refusal, whose form is checked here. */
async function refused(response: Response) {
  const body = (await response.json()) as { code: string; message: string; target?: string };
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.equal(response.headers.get('x-ms-error-code'), body.code);
  assert.ok(body.message.length > 0);
  return { status: response.status, ...body };
}

const send = (init: RequestInit, query = '') =>
  rest(gateway(), `/api/hubs/h/:send?api-version=2024-12-01${query}`, { method: 'POST', ...init });

const typed = (contentType: string, body: string | Uint8Array<ArrayBuffer>) =>
  send({ headers: { 'content-type': contentType }, body });

describe('errors of the service client', () => {
  test('wrong key: 401 with the reason', async () => {
    const credential = new AzureKeyCredential('another access key that nobody knows here');
    const service = new WebPubSubServiceClient(gateway().url, credential, 'h', {
      allowInsecureConnection: true,
    });
    const { code, message, name, statusCode } = await failure(service.sendToAll('x'));
    assert.deepEqual([name, statusCode, code], ['RestError', 401, 'bad-token']);
    assert.match(message, /access keys/);
    await assert.rejects(service.userExists('anna'), { statusCode: 401 });
    await assert.rejects(service.group('g').addUser('anna'), { statusCode: 401 });
  });

  test('unknown connection: 404 where the operation needs it', async () => {
    const service = newService(gateway());
    const expected = {
      name: 'RestError',
      statusCode: 404,
      code: 'not-found',
      message: 'There is no such connection.',
    };
    const granting = service.grantPermission('not there', 'joinLeaveGroup', { targetName: 'g' });
    assert.deepEqual(await failure(granting), expected);
    const adding = await failure(service.group('g').addConnection('not there'));
    assert.deepEqual([adding.name, adding.statusCode], ['RestError', 404]);
  });

  test('bad names: 400 that names what is wrong', async () => {
    const service = newService(gateway());
    const blank = await failure(service.group('  ').sendToAll('x'));
    assert.deepEqual([blank.statusCode, blank.code], [400, 'bad-request']);
    assert.match(blank.message, /^group must have 1\.\.1024 characters/);
    const long = await failure(service.sendToUser('u'.repeat(1025), 'x'));
    assert.equal(long.statusCode, 400);
    assert.match(long.message, /^userId must have/);
    const noGroups = await failure(service.addConnectionsToGroups([], 'true'));
    assert.match(noGroups.message, /^groups must be an array/);
    const noFilter = await failure(service.removeConnectionsFromGroups(['g'], ''));
    assert.match(noFilter.message, /^filter must be/);
  });

  test('times to live: 0 to 300, others are 400', async (t) => {
    const service = newService(gateway());
    const anna = await startSdkClient(t, service);
    await service.sendToAll(0, { messageTtlSeconds: 0 });
    await service.sendToAll(300, { messageTtlSeconds: 300 });
    const messages = await anna.serverMessages.take(2);
    assert.deepEqual(
      messages.map(({ data }) => data),
      [0, 300],
    );
    for (const messageTtlSeconds of [301, 1.5]) {
      // -1 does not get this far: the SDK refuses it itself.
      const { message, statusCode } = await failure(service.sendToAll('x', { messageTtlSeconds }));
      assert.equal(statusCode, 400);
      assert.match(message, /^messageTtlSeconds must be a whole number of 0\.\.300/);
    }
  });

  test('size: 1 MiB is accepted, one byte more is 400 in Azure’s words', async (t) => {
    const service = newService(gateway());
    const anna = await startSdkClient(t, service);
    await service.sendToAll(new Uint8Array(1024 * 1024).buffer);
    const { data } = await anna.serverMessages.next();
    assert.equal((data as ArrayBuffer).byteLength, 1024 * 1024);
    const tooLarge = service.sendToAll(new Uint8Array(1024 * 1024 + 1).buffer);
    const { message, statusCode } = await failure(tooLarge);
    assert.deepEqual([statusCode, message], [400, 'Invalid Content-Length header.']);
  });
});

describe('long requests', () => {
  test('URLs: long names, many exclusions and long filters get through the SDK', async (t) => {
    const service = newService(gateway());
    const anna = await startSdkClient(t, service);
    const excludedConnections = Array.from({ length: 200 }, (_, n) => `${anna.connectionId}${n}`);
    await service.sendToAll('to anna', { excludedConnections });
    const filter = Array.from({ length: 99 }, (_, n) => `userId ne 'user number ${n}'`).join(
      ' and ',
    );
    await service.sendToAll('filtered', { filter });
    await service.sendToAll('not anna', {
      excludedConnections: [...excludedConnections, anna.connectionId],
    });
    const group = 'é'.repeat(1024);
    await service.group(group).addConnection(anna.connectionId);
    await service.group(group).sendToAll('long name');
    const messages = await anna.serverMessages.take(2);
    assert.deepEqual(
      messages.map(({ data }) => data),
      ['to anna', 'filtered'],
    );
    assert.equal((await anna.groupMessages.next()).data, 'long name');
    assert.deepEqual(anna.serverMessages.unread, []);
  });
});

describe('errors on the wire', () => {
  test('content types: three are accepted, none is binary, others are 415', async (t) => {
    const service = newService(gateway());
    const anna = await startSdkClient(t, service);
    const path = `/api/hubs/${service.hubName}/:send`;
    const body = new TextEncoder().encode('"ü"');
    const post = (contentType?: string) =>
      rest(gateway(), path, {
        method: 'POST',
        body,
        headers: contentType === undefined ? {} : { 'content-type': contentType },
      });
    const accepted = [
      ['application/json', 'json'],
      ['Application/JSON; charset=UTF-8', 'json'],
      ['text/plain', 'text'],
      ['text/plain;charset="utf-8"', 'text'],
      ['application/octet-stream', 'binary'],
      [undefined, 'binary'],
    ] as const;
    for (const [contentType, dataType] of accepted) {
      assert.equal((await post(contentType)).status, 202, contentType);
      assert.equal((await anna.serverMessages.next()).dataType, dataType);
    }
    for (const contentType of ['application/xml', 'text/html', 'text/plain; charset=klingon']) {
      const { code, status, target } = await refused(await post(contentType));
      assert.deepEqual([status, code], [415, 'unsupported-media-type'], contentType);
      assert.equal(target, 'Content-Type');
    }
  });

  test('charset: text in another one reaches clients as UTF-8', async (t) => {
    const service = newService(gateway());
    const anna = await startSdkClient(t, service);
    const response = await rest(gateway(), `/api/hubs/${service.hubName}/:send`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain; charset=utf-16le' },
      body: new Uint8Array(Buffer.from('grün 😀', 'utf16le')),
    });
    assert.equal(response.status, 202);
    assert.equal((await anna.serverMessages.next()).data, 'grün 😀');
  });

  test('bodies: JSON that is none and bytes that are not UTF-8 are 400', async () => {
    for (const body of ['', '{', '{"a":1} x', "{'a':1}", 'undefined', '[1,]', '"\u0001"']) {
      const { message, status } = await refused(await typed('application/json', body));
      assert.equal(status, 400, body);
      assert.match(message, /JSON/);
    }
    for (const contentType of ['text/plain', 'application/json']) {
      const { status } = await refused(
        await typed(contentType, new Uint8Array([0x22, 0xff, 0x22])),
      );
      assert.equal(status, 400, contentType);
    }
    const deep = '['.repeat(1000) + ']'.repeat(1000);
    assert.equal((await refused(await typed('application/json', deep))).status, 400);
  });

  test('length: a chunked body is 400 in Azure’s words', async () => {
    const body = new Blob(['"x"']).stream();
    const init = { headers: { 'content-type': 'text/plain' }, body, duplex: 'half' } as const;
    const { message, status } = await refused(await send(init));
    assert.deepEqual([status, message], [400, 'Invalid Content-Length header.']);
  });

  test('authorization: none, of another kind, expired: 401 with a challenge', async () => {
    const url = `${gateway().url}/api/hubs/h/:send`;
    const twoHoursAgo = Date.now() / 1000 - 7200;
    const { accessKey } = gateway();
    const expired = signServerToken({ accessKey, url, nowSeconds: twoHoursAgo });
    for (const authorization of [undefined, 'Basic YTpi', 'Bearer', `Bearer ${expired}`]) {
      const headers = authorization === undefined ? {} : { authorization };
      const response = await fetch(url, { method: 'POST', headers, body: 'x' });
      assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/);
      const { code, status } = await refused(response);
      assert.deepEqual([status, code], [401, 'bad-token'], authorization);
    }
  });

  test('paths and methods: unknown ones are 404 and 405', async () => {
    assert.equal((await refused(await rest(gateway(), '/api/hubs/h/nothing'))).status, 404);
    assert.equal((await refused(await rest(gateway(), '/nothing'))).status, 404);
    const response = await rest(gateway(), '/api/hubs/h/:send', { method: 'PUT', body: 'x' });
    assert.equal(response.headers.get('allow'), 'POST');
    assert.equal((await refused(response)).status, 405);
    const permission = '/api/hubs/h/permissions/conquer/connections/c';
    assert.equal((await refused(await rest(gateway(), permission, { method: 'PUT' }))).status, 400);
  });

  test('queries: bad percent-encoding and repeated single values are 400', async () => {
    const init = { headers: { 'content-type': 'text/plain' }, body: 'x' };
    for (const query of ['&filter=%zz', '&filter=true&filter=true', '&messageTtlSeconds=-1']) {
      assert.equal((await refused(await send(init, query))).status, 400, query);
    }
  });

  test('HEAD: a refusal has a status and headers, and no body', async () => {
    const response = await rest(gateway(), '/api/hubs/h/users/nobody', { method: 'HEAD' });
    assert.equal(response.status, 404);
    assert.equal(response.headers.get('x-ms-error-code'), 'not-found');
    assert.equal(await response.text(), '');
  });

  test('metadata: headers that break its rules are 400', async () => {
    const headers = { 'content-type': 'text/plain', 'X-WebPubSub-Metadata-k': 'v'.repeat(1025) };
    const { message, status } = await refused(await send({ headers, body: 'x' }));
    assert.equal(status, 400);
    assert.match(message, /metadata/i);
  });

  test('health: HEAD /api/health is 200 for everybody', async () => {
    const response = await fetch(`${gateway().url}/api/health`, { method: 'HEAD' });
    assert.equal(response.status, 200);
  });

  test('api-version: it may be missing, old or unknown', async () => {
    for (const query of ['', '?api-version=2021-10-01', '?api-version=2099-01-01']) {
      const path = `/api/hubs/h/:closeConnections${query}`;
      assert.equal((await rest(gateway(), path, { method: 'POST' })).status, 204, query);
    }
  });
});
