/** Who gets in: tokens made by the SDK, by the REST API and by others, and clients without one. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { AzureKeyCredential, WebPubSubServiceClient } from '@azure/web-pubsub';
import { WebPubSubClient } from '@azure/web-pubsub-client';
import { clientUrl, signClientToken, signServerToken } from '../../gateway/tokens/sign.ts';
import { FrameClient, UpgradeRefusal } from '../support/frame-client.ts';
import { startSdkClient } from '../support/sdk-client.ts';
import { jsonSubprotocol, newService, rejection, rest, useGateway } from './suite.ts';

const secondaryKey = 'the secondary key of the tokens test, 32 bytes';
const primaryKey = 'the primary key of the tokens test, 32 bytes too';
const gateway = useGateway({
  accessKeys: [primaryKey, secondaryKey],
  hubs: { open: { anonymous: true }, '*': { anonymous: false } },
});

type Connected = Readonly<Record<'userId' | 'connectionId', unknown>>;

const connect = async (t: TestContext, url: string, headers: Record<string, string> = {}) => {
  const client = await FrameClient.open(t, url, { subprotocols: [jsonSubprotocol], headers });
  return (await client.nextJson()) as Connected;
};

async function refusalOf(t: TestContext, url: string, headers: Record<string, string> = {}) {
  const error = await rejection(connect(t, url, headers));
  assert.ok(error instanceof UpgradeRefusal);
  const { code, message } = JSON.parse(error.body) as { code: string; message: string };
  assert.equal(error.headers['x-ms-error-code'], code);
  return { status: error.status, code, message };
}

const tokenFor = (hub: string, differences: object = {}) =>
  signClientToken({ accessKey: primaryKey, endpoint: gateway().url, hub, ...differences });

describe('client tokens', () => {
  test('place: the query of either URL form, or the Authorization header', async (t) => {
    const { url, wsUrl } = gateway();
    const token = tokenFor('chat', { userId: 'anna' });
    const headers = { Authorization: `Bearer ${token}` };
    const connections = [
      await connect(t, clientUrl(url, 'chat', token)),
      await connect(t, `${wsUrl}/client/?hub=chat&access_token=${token}`),
      await connect(t, `${wsUrl}/client?access_token=${token}&hub=chat`),
      await connect(t, `${wsUrl}/client/hubs/chat`, headers),
      await connect(t, `${wsUrl}/client/hubs/CHAT/?unknown=1`, headers),
      await connect(t, `${url.replace('127.0.0.1', 'localhost')}/client/hubs/chat`, headers),
    ];
    for (const { userId } of connections) assert.equal(userId, 'anna');
  });

  test('claims: one role and one group may be strings instead of arrays', async (t) => {
    const { url } = gateway();
    const roles = 'webpubsub.sendToGroup.g' as unknown as string[];
    const groups = 'g' as unknown as string[];
    const token = tokenFor('chat', { roles, groups });
    const client = await FrameClient.open(t, clientUrl(url, 'chat', token), {
      subprotocols: [jsonSubprotocol],
    });
    await client.frames.next();
    client.sendJson({ type: 'sendToGroup', group: 'g', data: 'x' });
    const { data } = (await client.nextJson()) as { data: unknown };
    assert.equal(data, 'x');
  });

  test('keys: the secondary key is as good as the primary one, for clients and servers', async (t) => {
    const credential = new AzureKeyCredential(secondaryKey);
    const service = new WebPubSubServiceClient(gateway().url, credential, 'chat2', {
      allowInsecureConnection: true,
    });
    const anna = await startSdkClient(t, service, { token: { userId: 'anna' } });
    assert.equal(await service.connectionExists(anna.connectionId), true);
  });

  test('refusals: 401 with the reason, and no token in it', async (t) => {
    const { url, wsUrl } = gateway();
    const hour = 3600;
    const now = Date.now() / 1000;
    const bad: readonly (readonly [string, RegExp])[] = [
      [tokenFor('chat', { nowSeconds: now - 2 * hour, minutesToExpire: 5 }), /expired/],
      [tokenFor('chat', { accessKey: 'another access key that nobody knows here' }), /signature/],
      [tokenFor('other'), /aud/],
      [tokenFor('chat', { endpoint: 'http://elsewhere.example' }), /aud/],
      ['not.a.token', /token/i],
    ];
    for (const [token, reason] of bad) {
      const refusal = await refusalOf(t, clientUrl(url, 'chat', token));
      assert.deepEqual([refusal.status, refusal.code], [401, 'bad-token']);
      assert.match(refusal.message, reason);
      assert.equal(refusal.message.includes(token), false);
    }
    const none = await refusalOf(t, `${wsUrl}/client/hubs/chat`);
    assert.deepEqual([none.status, none.code], [401, 'bad-token']);
  });

  test('skew: a token that expired a minute ago is still accepted', async (t) => {
    const nowSeconds = Date.now() / 1000 - 120;
    const token = tokenFor('chat', { userId: 'anna', nowSeconds, minutesToExpire: 1 });
    const { userId } = await connect(t, clientUrl(gateway().url, 'chat', token));
    assert.equal(userId, 'anna');
  });

  test('URLs: what is no hub is 400', async (t) => {
    const { wsUrl } = gateway();
    for (const path of ['/client/', '/client/hubs/', '/client/hubs/9', '/client/hubs/a%2Fb']) {
      const refusal = await refusalOf(t, `${wsUrl}${path}?access_token=x`);
      assert.deepEqual([refusal.status, refusal.code], [400, 'bad-request'], path);
    }
  });

  test('subprotocols: none that is known is 400, of several the known one is taken', async (t) => {
    const url = clientUrl(gateway().url, 'chat', tokenFor('chat'));
    const unknown = FrameClient.open(t, url, { subprotocols: ['mqtt', 'x.y'] });
    const error = await rejection(unknown);
    assert.ok(error instanceof UpgradeRefusal);
    assert.equal(error.status, 400);
    const subprotocols = ['x.y', jsonSubprotocol];
    const client = await FrameClient.open(t, url, { subprotocols });
    assert.equal(client.subprotocol, jsonSubprotocol);
  });

  test('SDK: the client’s start rejects with the refusal', async () => {
    const client = new WebPubSubClient(clientUrl(gateway().url, 'chat', tokenFor('other')), {
      keepAliveIntervalInMs: 0,
      keepAliveTimeoutInMs: 0,
    });
    await assert.rejects(client.start(), /401/);
  });
});

describe('anonymous clients', () => {
  test('anonymous: a hub that allows them takes clients without a token, and with one', async (t) => {
    const { url, wsUrl } = gateway();
    const { userId } = await connect(t, `${wsUrl}/client/hubs/open`);
    assert.equal(userId, null);
    const known = await connect(t, clientUrl(url, 'open', tokenFor('open', { userId: 'anna' })));
    assert.equal(known.userId, 'anna');
    const refusal = await refusalOf(t, clientUrl(url, 'open', tokenFor('other')));
    assert.equal(refusal.status, 401);
  });

  test('anonymous: they have no roles, and the server reaches them', async (t) => {
    const { wsUrl } = gateway();
    const client = await FrameClient.open(t, `${wsUrl}/client/hubs/OPEN`, {
      subprotocols: [jsonSubprotocol],
    });
    const { connectionId } = (await client.nextJson()) as { connectionId: string };
    client.sendJson({ type: 'joinGroup', group: 'g', ackId: 1 });
    const ack = (await client.nextJson()) as { error: { name: string } };
    assert.equal(ack.error.name, 'Forbidden');
    const path = `/api/hubs/open/groups/g/connections/${connectionId}`;
    assert.equal((await rest(gateway(), path, { method: 'PUT' })).status, 200);
  });

  test('a token without a user: the client is nobody, as with Azure', async (t) => {
    const service = newService(gateway());
    const { url } = await service.getClientAccessToken();
    const { userId } = await connect(t, url);
    assert.equal(userId, null);
  });
});

describe('generateToken', () => {
  test('generateToken: its token connects as the user, with roles and groups', async (t) => {
    const query =
      'userId=anna%20%2F%C3%BC&role=webpubsub.sendToGroup.a&role=webpubsub.joinLeaveGroup' +
      '&group=a&group=b%2Fc&minutesToExpire=5&clientType=default&api-version=2024-12-01';
    const response = await rest(gateway(), `/api/hubs/chat3/:generateToken?${query}`, {
      method: 'POST',
    });
    assert.equal(response.status, 200);
    const { token } = (await response.json()) as { token: string };
    const [, payload = ''] = token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
      iat: number;
      exp: number;
      aud: string;
    };
    assert.equal(claims.exp - claims.iat, 300);
    assert.equal(claims.aud, `${gateway().url}/client/hubs/chat3`);
    const { userId } = await connect(t, clientUrl(gateway().url, 'chat3', token));
    assert.equal(userId, 'anna /ü');
    for (const group of ['a', 'b%2Fc']) {
      const path = `/api/hubs/chat3/groups/${group}`;
      assert.equal((await rest(gateway(), path, { method: 'HEAD' })).status, 200);
    }
  });

  test('generateToken: MQTT and times that are none are 400', async () => {
    for (const query of ['clientType=MQTT', 'minutesToExpire=0', 'minutesToExpire=x', 'group=%20'])
      assert.equal(
        (await rest(gateway(), `/api/hubs/chat3/:generateToken?${query}`, { method: 'POST' }))
          .status,
        400,
        query,
      );
  });
});

describe('server tokens', () => {
  test('audience: with or without the query, and not of another path', async () => {
    const path = '/api/hubs/chat/users/a%2Fb';
    const ask = async (audience: string) => {
      const token = signServerToken({ accessKey: primaryKey, url: gateway().url + audience });
      const headers = { authorization: `Bearer ${token}` };
      return (await rest(gateway(), `${path}?api-version=x`, { method: 'HEAD', headers })).status;
    };
    assert.equal(await ask(`${path}?api-version=x`), 404);
    assert.equal(await ask(path), 404);
    assert.equal(await ask(`${path}?api-version=y`), 401);
    assert.equal(await ask('/api/hubs/chat/users/a'), 401);
    assert.equal(await ask('/api/hubs/other/users/a%2Fb'), 401);
  });

  test('a client’s token does not open the REST API', async () => {
    const headers = { authorization: `Bearer ${tokenFor('chat')}` };
    const response = await rest(gateway(), '/api/hubs/chat/:closeConnections', {
      method: 'POST',
      headers,
    });
    assert.equal(response.status, 401);
  });
});
