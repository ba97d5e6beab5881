/** The same over TLS, with a certificate that the clients are told to trust: nothing is insecure. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { signClientToken, signServerToken } from '../../gateway/tokens/sign.ts';
import { FrameClient } from '../support/frame-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { tlsCertificate, tlsKey } from '../support/tls-pair.ts';
import { jsonSubprotocol, rejection } from './suite.ts';

describe('TLS', () => {
  let gateway: TestGateway;
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'trunkline-tls-'));
    const files = { keyFile: join(directory, 'key.pem'), certFile: join(directory, 'cert.pem') };
    await writeFile(files.keyFile, tlsKey);
    await writeFile(files.certFile, tlsCertificate);
    gateway = await startTestGateway({ tls: files });
  });

  after(async () => {
    await gateway.stop();
    await rm(directory, { recursive: true });
  });

  /** The SDK's service client, over https and without `allowInsecureConnection`. */
  const service = (): WebPubSubServiceClient =>
    new WebPubSubServiceClient(gateway.connectionString, 'secure', {
      tlsOptions: { ca: tlsCertificate },
    });

  test('service client: it sends to clients of wss, and the token names https', async (t) => {
    const { token, url } = await service().getClientAccessToken({ userId: 'anna' });
    assert.ok(url.startsWith('wss://127.0.0.1:'));
    const [, payload = ''] = token.split('.');
    const { aud } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { aud: string };
    assert.equal(aud, `${gateway.url}/client/hubs/secure`);
    const client = await FrameClient.open(t, url, {
      subprotocols: [jsonSubprotocol],
      ca: tlsCertificate,
    });
    await client.frames.next();
    assert.equal(await service().userExists('anna'), true);
    await service().sendToUser('anna', { over: 'TLS' });
    const frame = '{"type":"message","from":"server","dataType":"json","data":{"over":"TLS"}}';
    assert.equal(await client.frames.next(), frame);
    await service().closeAllConnections({ reason: 'done' });
    assert.equal((await client.closed()).code, 1000);
  });

  test('trust: a client that does not know the certificate does not connect', async (t) => {
    const token = signClientToken({
      accessKey: gateway.accessKey,
      endpoint: gateway.url,
      hub: 'secure',
    });
    const url = `${gateway.wsUrl}/client/hubs/secure?access_token=${token}`;
    const error = await rejection(FrameClient.open(t, url));
    assert.match((error as Error).message, /self-signed|certificate/);
  });

  test('token credential: the gateway makes the client’s token, which connects it', async (t) => {
    const generateUrl = `${gateway.url}/api/hubs/secure/:generateToken`;
    const credential = {
      getToken: () =>
        Promise.resolve({
          token: signServerToken({ accessKey: gateway.accessKey, url: generateUrl }),
          expiresOnTimestamp: Date.now() + 3_600_000,
        }),
    };
    const byCredential = new WebPubSubServiceClient(gateway.url, credential, 'secure', {
      tlsOptions: { ca: tlsCertificate },
    });
    const { url } = await byCredential.getClientAccessToken({
      userId: 'ben',
      roles: ['webpubsub.sendToGroup'],
      groups: ['g'],
      expirationTimeInMinutes: 5,
      clientProtocol: 'default',
    });
    const client = await FrameClient.open(t, url, {
      subprotocols: [jsonSubprotocol],
      ca: tlsCertificate,
    });
    const { userId } = (await client.nextJson()) as { userId: string };
    assert.equal(userId, 'ben');
    client.sendJson({ type: 'sendToGroup', group: 'g', data: 1 });
    const { data } = (await client.nextJson()) as { data: unknown };
    assert.equal(data, 1);
  });

  test('health: it answers over https', async () => {
    const status = await new Promise((resolve, reject) => {
      const asking = request(`${gateway.url}/healthz`, { ca: tlsCertificate }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asking.on('error', reject);
      asking.end();
    });
    assert.equal(status, 200);
  });
});
