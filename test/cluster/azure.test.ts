/**
 * Two gateways that meet through Azure Web PubSub, which a third gateway plays: plain clients on
 * both, names that a service might take for something else, and the largest message.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { clientUrl, signClientToken, signServerToken } from '../../gateway/tokens/sign.ts';
import { FrameClient } from '../support/frame-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { waitFor } from '../support/wait.ts';

const hub = 'chat';
const subprotocols = ['json.webpubsub.azure.v1'];
const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
const deadlineMs = 10_000;

interface Client {
  readonly frames: FrameClient;
  readonly connectionId: string;
}

/** What a test looks at in a frame. */
interface Frame {
  readonly type?: string;
  readonly data?: unknown;
  readonly group?: unknown;
  readonly fromUserId?: unknown;
  readonly connectionId?: string;
}

async function nextFrame({ frames }: Pick<Client, 'frames'>): Promise<Frame> {
  // A frame of the subprotocol is an object; its fields are compared one by one.
  return (await frames.nextJson()) as Frame;
}

async function connect(
  t: TestContext,
  gateway: TestGateway,
  options: { readonly userId?: string; readonly groups?: readonly string[] } = {},
): Promise<Client> {
  const { accessKey, url: endpoint } = gateway;
  const token = signClientToken({ accessKey, endpoint, hub, roles, ...options });
  const frames = await FrameClient.open(t, clientUrl(endpoint, hub, token), { subprotocols });
  const { connectionId = '' } = await nextFrame({ frames });
  return { frames, connectionId };
}

async function post(gateway: TestGateway, path: string, body: string): Promise<number> {
  const url = `${gateway.url}/api/hubs/${hub}/${path}?api-version=2024-12-01`;
  const token = signServerToken({ accessKey: gateway.accessKey, url });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'text/plain' };
  const signal = AbortSignal.timeout(deadlineMs);
  const response = await fetch(url, { method: 'POST', body, headers, signal });
  await response.body?.cancel();
  return response.status;
}

describe('two gateways on azure:', () => {
  let service: TestGateway;
  let first: TestGateway;
  let second: TestGateway;

  before(async () => {
    service = await startTestGateway();
    const { connectionString: azureConnectionString } = service;
    const settings = { backplane: 'azure://?hub=nodes', azureConnectionString };
    [first, second] = await Promise.all([startTestGateway(settings), startTestGateway(settings)]);
  });

  after(async () => {
    await Promise.all([first.stop(), second.stop()]);
    await service.stop();
    assert.deepEqual([...first.errors, ...second.errors, ...service.errors], []);
  });

  test('azure: a group message reaches the members on both, in order', async (t) => {
    const ann = await connect(t, first, { userId: 'ann', groups: ['order'] });
    const bob = await connect(t, second, { userId: 'bob', groups: ['order'] });
    const count = 300;
    const data = Array.from({ length: count }, (_, index) => `${index}`);
    for (const text of data) {
      ann.frames.sendJson({ type: 'sendToGroup', group: 'order', dataType: 'text', data: text });
    }
    for (const client of [ann, bob]) {
      const got: unknown[] = [];
      while (got.length < count) {
        const frame = await nextFrame(client);
        assert.equal(frame.fromUserId, 'ann');
        got.push(frame.data);
      }
      assert.deepEqual(got, data);
    }
  });

  test('azure: names are names, whatever is in them', async (t) => {
    const longest = 'x'.repeat(1023);
    const groups = ['a.b', 'a', '*', '>', '{x}', 'a\nb', '\u{1f600}', `${longest}1`, `${longest}2`];
    const client = await connect(t, second, { groups });
    for (const group of groups) {
      assert.equal(await post(first, `groups/${encodeURIComponent(group)}/:send`, group), 202);
      assert.deepEqual(await nextFrame(client), {
        type: 'message',
        from: 'group',
        group,
        fromUserId: null,
        dataType: 'text',
        data: group,
      });
    }
  });

  test('azure: users and connections are reached through the other node', async (t) => {
    const ann = await connect(t, first, { userId: 'ann' });
    const other = await connect(t, first, { userId: 'cleo' });
    assert.equal(await post(second, 'users/ann/:send', 'to the user'), 202);
    assert.equal((await nextFrame(ann)).data, 'to the user');
    assert.equal(await post(second, `connections/${ann.connectionId}/:send`, 'to it'), 202);
    assert.equal((await nextFrame(ann)).data, 'to it');
    assert.equal(await post(second, ':send', 'to all'), 202);
    for (const client of [ann, other]) assert.equal((await nextFrame(client)).data, 'to all');
  });

  test('azure: half a megabyte arrives whole, and in its place', async (t) => {
    const client = await connect(t, second, { groups: ['large'] });
    const large = 'é'.repeat(250_000);
    for (const text of ['before', large, 'after']) {
      assert.equal(await post(first, 'groups/large/:send', text), 202);
    }
    for (const text of ['before', large, 'after']) {
      assert.ok((await nextFrame(client)).data === text, `${text.slice(0, 10)} is whole`);
    }
  });

  test('azure: a question to the node that has the connection is answered', async (t) => {
    const ann = await connect(t, first, { groups: ['asked'] });
    const path = `/api/hubs/${hub}/connections/${ann.connectionId}?api-version=2024-12-01`;
    const ask = async (): Promise<number> => {
      const url = second.url + path;
      const token = signServerToken({ accessKey: second.accessKey, url });
      const headers = { authorization: `Bearer ${token}` };
      const signal = AbortSignal.timeout(deadlineMs);
      return (await fetch(url, { method: 'HEAD', headers, signal })).status;
    };
    assert.equal(await ask(), 200);
    await ann.frames.close();
    await waitFor(async () => (await ask()) === 404, {
      what: 'the connection is known to be gone',
    });
  });

  test('azure: without the service the nodes are not ready, and publish nothing', async (t) => {
    const own = await startTestGateway();
    t.after(() => own.stop());
    const settings = { backplane: 'azure:', azureConnectionString: own.connectionString };
    const node = await startTestGateway(settings);
    t.after(() => node.stop());
    assert.equal(await post(node, 'groups/g/:send', 'x'), 202);
    await own.stop();
    await waitFor(async () => (await fetch(`${node.url}/readyz`)).status === 503, {
      what: 'the node is not ready',
    });
    assert.equal(await post(node, 'groups/g/:send', 'x'), 503);
  });
});
