/** The reliable subprotocol with the published client, whose TCP connections are cut on the way. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { WebPubSubJsonReliableProtocol } from '@azure/web-pubsub-client';
import { FrameClient } from '../support/frame-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { startSdkClient } from '../support/sdk-client.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';
import { groupDataUntilEnd, newService, useGateway } from './suite.ts';

const reliable = 'json.reliable.webpubsub.azure.v1';
const gateway = useGateway();

/** A client of the SDK behind a proxy of its own. */
async function connectThroughProxy(t: TestContext, node: TestGateway) {
  const proxy = new TcpProxy(node.gateway.port);
  const port = await proxy.listen();
  t.after(() => proxy.close());
  const service = newService(node);
  const ask = service.getClientAccessToken.bind(service);
  service.getClientAccessToken = async (options) => {
    const token = await ask(options);
    return { ...token, url: token.url.replace(`:${node.gateway.port}`, `:${port}`) };
  };
  const protocol = WebPubSubJsonReliableProtocol();
  const sdk = await startSdkClient(t, service, { protocol, token: { userId: 'anna' } });
  return { proxy, sdk, service };
}

/** A connection of its own: its first frame, and the client that sees all others. */
async function connectRaw(t: TestContext, node: TestGateway) {
  const service = newService(node);
  const { url } = await service.getClientAccessToken({ userId: 'anna', groups: ['g'] });
  const frames = await FrameClient.open(t, url, { subprotocols: [reliable] });
  const connected = (await frames.nextJson()) as {
    readonly connectionId: string;
    readonly reconnectionToken: string;
  };
  const resumeUrl = (differences: Readonly<Record<string, string>> = {}): string => {
    const query = new URLSearchParams({
      awps_connection_id: connected.connectionId,
      awps_reconnection_token: connected.reconnectionToken,
      ...differences,
    });
    return `${url.split('?')[0]}?${query.toString()}`;
  };
  return { connected, frames, resumeUrl, service };
}

async function codeOfResume(t: TestContext, url: string, subprotocol = reliable): Promise<number> {
  const refused = await FrameClient.open(t, url, { subprotocols: [subprotocol] });
  const { code } = await refused.closed();
  return code;
}

describe('reliable client', () => {
  test('reliable client: cut again and again while messages arrive, it gets each once and in order', async (t) => {
    const { proxy, sdk, service } = await connectThroughProxy(t, gateway());
    await sdk.client.joinGroup('g');
    const count = 300;
    for (let index = 0; index < count; index += 1) {
      if (index % 50 === 25) proxy.cut();
      await service.group('g').sendToAll(index);
    }
    await service.group('g').sendToAll('end');
    const data = await groupDataUntilEnd(sdk);
    assert.deepEqual(
      data,
      Array.from({ length: count }, (_, index) => index),
    );
    assert.ok(proxy.accepted > 3, 'it has come back several times');
    assert.deepEqual([sdk.reconnects.unread, sdk.disconnects.unread], [[], []]);
    assert.equal(await service.connectionExists(sdk.connectionId), true);
    await sdk.client.sendToGroup('g', 'still a member', 'text');
    assert.equal((await sdk.groupMessages.next()).data, 'still a member');
  });

  test('reliable client: messages to its user, to all and to it alone wait for it, too', async (t) => {
    const { proxy, sdk, service } = await connectThroughProxy(t, gateway());
    proxy.refuse();
    proxy.cut();
    await service.sendToUser('anna', 'user');
    await service.sendToAll('all');
    await service.sendToConnection(sdk.connectionId, 'connection');
    assert.equal(await service.connectionExists(sdk.connectionId), true);
    proxy.welcome();
    const messages = await sdk.serverMessages.take(3);
    assert.deepEqual(
      new Set(messages.map(({ data }) => data)),
      new Set(['all', 'connection', 'user']),
    );
    assert.deepEqual(sdk.reconnects.unread, []);
  });

  test('reliable client: a kick is final; it comes back as a new connection in its groups', async (t) => {
    const { sdk, service } = await connectThroughProxy(t, gateway());
    await sdk.client.joinGroup('g');
    await service.closeConnection(sdk.connectionId, { reason: 'out' });
    const again = await sdk.reconnects.next();
    assert.notEqual(again.connectionId, sdk.connectionId);
    assert.equal((await sdk.disconnects.next()).message?.message, 'out');
    await service.group('g').sendToAll('hello again');
    assert.equal((await sdk.groupMessages.next()).data, 'hello again');
  });

  test('reliable client: kicked while it is away, it is told so when it comes back', async (t) => {
    const { proxy, sdk, service } = await connectThroughProxy(t, gateway());
    proxy.refuse();
    proxy.cut();
    await service.closeConnection(sdk.connectionId);
    proxy.welcome();
    const again = await sdk.reconnects.next();
    assert.notEqual(again.connectionId, sdk.connectionId);
  });

  test('reliable client: what the server does to it while it is away holds when it is back', async (t) => {
    const { proxy, sdk, service } = await connectThroughProxy(t, gateway());
    proxy.refuse();
    proxy.cut();
    await service.group('late').addConnection(sdk.connectionId);
    await service.grantPermission(sdk.connectionId, 'sendToGroup', { targetName: 'x' });
    await service.group('late').sendToAll('for members');
    proxy.welcome();
    assert.equal((await sdk.groupMessages.next()).data, 'for members');
    assert.deepEqual(sdk.reconnects.unread, []);
  });

  test('reliable client: stopped by its application it leaves nothing behind', async (t) => {
    const { sdk, service } = await connectThroughProxy(t, gateway());
    sdk.client.stop();
    await sdk.stops.next();
    const isGone = async () => !(await service.connectionExists(sdk.connectionId));
    await waitFor(isGone, { what: 'the connection is gone' });
  });

  test('reliable client: it is not waited for longer than the window', async (t) => {
    const short = await startTestGateway({ limits: { reliableWindowMs: 100 } });
    t.after(() => short.stop());
    const { proxy, sdk, service } = await connectThroughProxy(t, short);
    await sdk.client.joinGroup('g');
    proxy.refuse();
    proxy.cut();
    const isGone = async () => !(await service.connectionExists(sdk.connectionId));
    await waitFor(isGone, { what: 'the connection is given up' });
    proxy.welcome();
    assert.notEqual((await sdk.reconnects.next()).connectionId, sdk.connectionId);
    await service.group('g').sendToAll('hello again');
    assert.equal((await sdk.groupMessages.next()).data, 'hello again');
  });
});

describe('reliable frames', () => {
  test('reliable frames: the number stands first in messages, and nowhere else', async (t) => {
    const { connected, frames, service } = await connectRaw(t, gateway());
    await service.group('g').sendToAll('hi', { contentType: 'text/plain' });
    await service.sendToConnection(connected.connectionId, { a: 1 });
    assert.equal(
      await frames.frames.next(),
      '{"sequenceId":1,"type":"message","from":"group","group":"g","fromUserId":null,"dataType":"text","data":"hi"}',
    );
    assert.equal(
      await frames.frames.next(),
      '{"sequenceId":2,"type":"message","from":"server","dataType":"json","data":{"a":1}}',
    );
    frames.sendJson({ type: 'ping' });
    assert.equal(await frames.frames.next(), '{"type":"pong"}');
  });

  test('reliable frames: a resume is a greeting with a new token, then what was not acknowledged', async (t) => {
    const { connected, frames, resumeUrl, service } = await connectRaw(t, gateway());
    for (const text of ['a', 'b', 'c']) {
      await service.group('g').sendToAll(text, { contentType: 'text/plain' });
    }
    await frames.frames.take(3);
    frames.sendJson({ type: 'sequenceAck', sequenceId: 2 });
    frames.sendJson({ type: 'ping' });
    await frames.frames.next();
    // The old token of the URL is not looked at.
    const url = `${resumeUrl()}&access_token=expired`;
    const again = await FrameClient.open(t, url, { subprotocols: [reliable] });
    assert.equal(again.subprotocol, reliable);
    const { reconnectionToken, ...greeting } = (await again.nextJson()) as Record<string, unknown>;
    assert.equal(typeof reconnectionToken, 'string');
    const { connectionId } = connected;
    assert.deepEqual(greeting, {
      type: 'system',
      event: 'connected',
      userId: 'anna',
      connectionId,
    });
    assert.equal(((await again.nextJson()) as { sequenceId: number }).sequenceId, 3);
    assert.equal((await frames.closed()).code, 1001);
  });

  test('reliable frames: whatever is wrong with a resume, the socket opens and closes with 1008', async (t) => {
    const { connected, resumeUrl } = await connectRaw(t, gateway());
    const { connectionId } = connected;
    const otherHub = resumeUrl().replace(/hubs\/[^?]+/, 'hubs/other');
    const noHub = resumeUrl().replace(/hubs\/[^?]+/, 'hubs/1');
    const [node = ''] = connectionId.split('-');
    const cases = {
      'another token': resumeUrl({ awps_reconnection_token: 'x' }),
      'no token': resumeUrl({ awps_reconnection_token: '' }),
      'another connection': resumeUrl({ awps_connection_id: `${node}-x` }),
      'another hub': otherHub,
      'no hub': noHub,
    };
    for (const [name, url] of Object.entries(cases)) {
      assert.equal(await codeOfResume(t, url), 1008, name);
    }
    assert.equal(await codeOfResume(t, resumeUrl(), 'json.webpubsub.azure.v1'), 1008);
    assert.equal(await codeOfResume(t, resumeUrl(), 'unheard.of'), 1008);
  });

  test('reliable frames: on a full node those are closed who acknowledge nothing of much', async (t) => {
    const bytesMax = 1024 * 1024;
    const small = await startTestGateway({ limits: { reliableBytesPerNodeMax: bytesMax } });
    t.after(() => small.stop());
    const service = newService(small);
    const open = async (group: string): Promise<FrameClient> => {
      const { url } = await service.getClientAccessToken({ groups: [group] });
      const frames = await FrameClient.open(t, url, { subprotocols: [reliable] });
      await frames.frames.next();
      return frames;
    };
    const send = (group: string, bytes: number) =>
      service.group(group).sendToAll('x'.repeat(bytes), { contentType: 'text/plain' });
    const sizes = [300_000, 301_000, 302_000];
    const idle = [];
    for (const [at, bytes] of sizes.entries()) {
      const client = await open(`${at}`);
      await send(`${at}`, bytes);
      await client.frames.next();
      idle.push(client);
    }
    const readers = [await open('r'), await open('r')];
    await send('r', 200_000);
    const { code, reason } = (await idle[2]?.closed()) ?? {};
    assert.equal(code, 1008);
    assert.match(reason ?? '', /^reliableBytesPerNodeMax of 1048576 bytes is reached .* faster$/);
    for (const reader of [...readers, ...idle.slice(0, 2)]) {
      reader.sendJson({ type: 'ping' });
      let frame = await reader.frames.next();
      if (frame !== '{"type":"pong"}') frame = await reader.frames.next();
      assert.equal(frame, '{"type":"pong"}');
    }
    const metrics = await (await fetch(`${small.url}/metrics`)).text();
    assert.match(metrics, /^trunkline_reliable_lost_total\{cause="node_full"\} 1$/m);
  });

  test('reliable frames: after a close with 1000 by the client a resume is refused', async (t) => {
    const { frames, resumeUrl } = await connectRaw(t, gateway());
    await frames.close();
    assert.equal(await codeOfResume(t, resumeUrl()), 1008);
  });
});
