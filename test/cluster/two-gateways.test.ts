/**
 * Two gateways on one broker and plain WebSocket clients on both: it must not matter on which node
 * who is. The broker is the memory of this process; other brokers run the same cases elsewhere.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { MemoryBackplane, MemoryBroker } from '../../backplanes/memory/memory-backplane.ts';
import { clientUrl, signClientToken, signServerToken } from '../../gateway/tokens/sign.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { waitFor, withDeadline } from '../support/wait.ts';

const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
const subprotocol = 'json.webpubsub.azure.v1';

interface Received {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A raw client: keeps every message but system events and acks. */
class Client {
  readonly connectionId: string;
  readonly messages: Received[] = [];
  readonly #socket: WebSocket;
  readonly #acks = new Map<number, (frame: Received) => void>();
  #ackId = 0;

  private constructor(socket: WebSocket, connectionId: string) {
    this.#socket = socket;
    this.connectionId = connectionId;
  }

  static async connect(
    t: TestContext,
    gateway: TestGateway,
    options: {
      readonly hub?: string;
      readonly userId?: string;
      readonly groups?: readonly string[];
    } = {},
  ): Promise<Client> {
    const { accessKey, url: endpoint } = gateway;
    const { groups, hub = 'chat', userId } = options;
    const token = signClientToken({ accessKey, endpoint, hub, userId, roles, groups });
    const socket = new WebSocket(clientUrl(endpoint, hub, token), subprotocol);
    t.after(() => socket.terminate());
    const connected = new Promise<Client>((resolve, reject) => {
      socket.once('error', reject);
      let client: Client | undefined;
      socket.on('message', (data: Buffer) => {
        // What the gateway says is JSON with a type.
        const frame = JSON.parse(data.toString()) as Received;
        if (client === undefined) {
          client = new Client(socket, String(frame['connectionId']));
          resolve(client);
        } else client.#take(frame);
      });
    });
    return withDeadline(connected, { what: 'the client was connected' });
  }

  /** Sends a request with an ack, and resolves when it came. */
  async ask(request: Readonly<Record<string, unknown>>): Promise<void> {
    this.#ackId += 1;
    const ackId = this.#ackId;
    const acked = new Promise<Received>((resolve) => this.#acks.set(ackId, resolve));
    this.#socket.send(JSON.stringify({ ...request, ackId }));
    const ack = await withDeadline(acked, { what: `${String(request['type'])} was acknowledged` });
    assert.equal(ack['success'], true, JSON.stringify(ack));
  }

  sendToGroup(group: string, data: string, noEcho = false): Promise<void> {
    return this.ask({ type: 'sendToGroup', group, data, dataType: 'text', noEcho });
  }

  get data(): unknown[] {
    return this.messages.map((message) => message['data']);
  }

  /** Resolves when a message with this data came. */
  async waitForData(data: string): Promise<void> {
    await waitFor(() => this.data.includes(data), { what: `"${data}" arrived` });
  }

  #take(frame: Received): void {
    if (frame.type === 'ack') this.#acks.get(Number(frame['ackId']))?.(frame);
    else if (frame.type === 'message') this.messages.push(frame);
  }
}

/** A publish by the REST API of this gateway. */
async function post(gateway: TestGateway, path: string, data: string): Promise<void> {
  const url = `${gateway.url}/api/hubs/${path}${path.includes('?') ? '&' : '?'}api-version=2024-12-01`;
  const token = signServerToken({ accessKey: gateway.accessKey, url });
  const response = await fetch(url, {
    method: 'POST',
    body: data,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'text/plain' },
  });
  assert.equal(response.status, 202, await response.text());
}

/** Publishes an end to the hub and waits for it: whatever was under way has arrived by then. */
async function settle(gateway: TestGateway, clients: readonly Client[]): Promise<void> {
  await post(gateway, 'chat/:send', 'end');
  await Promise.all(clients.map((client) => client.waitForData('end')));
}

function withoutEnd(client: Client): unknown[] {
  return client.data.filter((data) => data !== 'end');
}

describe('two gateways on one backplane', () => {
  let first: TestGateway;
  let second: TestGateway;

  before(async () => {
    const broker = new MemoryBroker();
    const start = (): Promise<TestGateway> =>
      startTestGateway({}, { backplane: new MemoryBackplane(broker) });
    [first, second] = await Promise.all([start(), start()]);
  });

  after(async () => {
    await Promise.all([first.stop(), second.stop()]);
    assert.deepEqual([...first.errors, ...second.errors], []);
  });

  test('two gateways: a group message reaches the members on both', async (t) => {
    const ann = await Client.connect(t, first, { userId: 'ann', groups: ['g1'] });
    const bob = await Client.connect(t, second, { userId: 'bob' });
    const cleo = await Client.connect(t, second, { userId: 'cleo', groups: ['g2'] });
    await bob.ask({ type: 'joinGroup', group: 'g1' });
    await ann.sendToGroup('g1', 'from first');
    await bob.sendToGroup('g1', 'from second');
    await settle(first, [ann, bob, cleo]);
    for (const client of [ann, bob]) {
      assert.deepEqual(withoutEnd(client), ['from first', 'from second']);
      assert.deepEqual(
        client.messages
          .slice(0, 2)
          .map(({ from, fromUserId, group }) => ({ from, fromUserId, group })),
        [
          { from: 'group', fromUserId: 'ann', group: 'g1' },
          { from: 'group', fromUserId: 'bob', group: 'g1' },
        ],
      );
    }
    assert.deepEqual(withoutEnd(cleo), []);
  });

  test('two gateways: who left a group on one gets nothing sent on the other', async (t) => {
    const ann = await Client.connect(t, first, { groups: ['left'] });
    const bob = await Client.connect(t, second, { groups: ['left'] });
    await bob.ask({ type: 'leaveGroup', group: 'left' });
    await ann.sendToGroup('left', 'x');
    await settle(first, [ann, bob]);
    assert.deepEqual([withoutEnd(ann), withoutEnd(bob)], [['x'], []]);
  });

  test('two gateways: a message to a user reaches all its connections, from either node', async (t) => {
    const here = await Client.connect(t, first, { userId: 'ann' });
    const there = await Client.connect(t, second, { userId: 'ann' });
    const other = await Client.connect(t, second, { userId: 'bob' });
    await post(first, 'chat/users/ann/:send', '1');
    await post(second, 'chat/users/ann/:send', '2');
    await settle(first, [here, there, other]);
    assert.deepEqual([here, there, other].map(withoutEnd), [['1', '2'], ['1', '2'], []]);
    assert.equal(here.messages[0]?.['from'], 'server');
  });

  test('two gateways: a message to a connection reaches it through any node', async (t) => {
    const ann = await Client.connect(t, first, { userId: 'ann' });
    const twin = await Client.connect(t, first, { userId: 'ann' });
    const bob = await Client.connect(t, second);
    await post(second, `chat/connections/${ann.connectionId}/:send`, 'to ann');
    await post(first, `chat/connections/${bob.connectionId}/:send`, 'to bob');
    await settle(second, [ann, twin, bob]);
    assert.deepEqual([ann, twin, bob].map(withoutEnd), [['to ann'], [], ['to bob']]);
  });

  test('two gateways: a message to all reaches everybody once', async (t) => {
    const clients = await Promise.all(
      [first, second, first, second].map((gateway) => Client.connect(t, gateway, { userId: 'u' })),
    );
    await post(first, 'chat/:send', 'one');
    await post(second, 'chat/:send', 'two');
    await settle(first, clients);
    for (const client of clients) assert.deepEqual(withoutEnd(client), ['one', 'two']);
  });

  test('two gateways: noEcho spares the sender alone, wherever the others are', async (t) => {
    const sender = await Client.connect(t, first, { userId: 'ann', groups: ['echo'] });
    const neighbour = await Client.connect(t, first, { userId: 'ann', groups: ['echo'] });
    const remote = await Client.connect(t, second, { userId: 'ann', groups: ['echo'] });
    await sender.sendToGroup('echo', 'quiet', true);
    await sender.sendToGroup('echo', 'loud', false);
    await settle(second, [sender, neighbour, remote]);
    assert.deepEqual(withoutEnd(sender), ['loud']);
    assert.deepEqual(withoutEnd(neighbour), ['quiet', 'loud']);
    assert.deepEqual(withoutEnd(remote), ['quiet', 'loud']);
  });

  test('two gateways: excluded connections get nothing, on either node', async (t) => {
    const clients = await Promise.all(
      [first, first, second, second].map((gateway) =>
        Client.connect(t, gateway, { groups: ['excluding'] }),
      ),
    );
    const [a1, a2, b1, b2] = clients;
    const query = `excluded=${a1?.connectionId}&excluded=${b1?.connectionId}`;
    await post(first, `chat/groups/excluding/:send?${query}`, 'group');
    await post(second, `chat/:send?${query}`, 'all');
    await settle(first, clients);
    assert.deepEqual(
      [a1, a2, b1, b2].map((client) => client && withoutEnd(client)),
      [[], ['group', 'all'], [], ['group', 'all']],
    );
  });

  test('two gateways: a filter is asked where the receiver is', async (t) => {
    const ann = await Client.connect(t, first, { userId: 'ann', groups: ['vip'] });
    const bob = await Client.connect(t, second, { userId: 'bob', groups: ['vip'] });
    const cleo = await Client.connect(t, second, { userId: 'cleo' });
    const clients = [ann, bob, cleo];
    const filtered = (text: string): string => `filter=${encodeURIComponent(text)}`;
    await post(first, `chat/:send?${filtered("'vip' in groups")}`, 'members');
    await post(first, `chat/:send?${filtered("userId eq 'bob'")}`, 'bob');
    await post(second, `chat/groups/vip/:send?${filtered("userId ne 'bob'")}`, 'not bob');
    await settle(first, clients);
    assert.deepEqual(clients.map(withoutEnd), [['members', 'not bob'], ['members', 'bob'], []]);
  });

  test('two gateways: hubs are worlds apart', async (t) => {
    const chat = await Client.connect(t, first, { userId: 'ann', groups: ['g'] });
    const news = await Client.connect(t, second, { hub: 'news', userId: 'ann', groups: ['g'] });
    const newsToo = await Client.connect(t, first, { hub: 'news', userId: 'ann', groups: ['g'] });
    await post(second, 'chat/:send', 'all');
    await post(second, 'chat/users/ann/:send', 'user');
    await chat.sendToGroup('g', 'group');
    await post(first, `chat/connections/${news.connectionId}/:send`, 'connection');
    await post(first, 'news/:send', 'news');
    await Promise.all([news.waitForData('news'), newsToo.waitForData('news')]);
    await chat.waitForData('group');
    assert.deepEqual(chat.data, ['all', 'user', 'group']);
    assert.deepEqual([news.data, newsToo.data], [['news'], ['news']]);
  });

  test('two gateways: what one client sends arrives in order everywhere', async (t) => {
    const senders = await Promise.all(
      [first, second].map((gateway) => Client.connect(t, gateway, { groups: ['order'] })),
    );
    const receivers = await Promise.all(
      [first, second].map((gateway) => Client.connect(t, gateway, { groups: ['order'] })),
    );
    const count = 500;
    await Promise.all(
      senders.flatMap((sender, at) =>
        Array.from({ length: count }, (_, index) => sender.sendToGroup('order', `${at}:${index}`)),
      ),
    );
    for (const client of [...senders, ...receivers]) {
      await waitFor(() => client.messages.length >= 2 * count, { what: 'all messages arrived' });
      for (const at of [0, 1]) {
        assert.deepEqual(
          client.data.filter((data) => String(data).startsWith(`${at}:`)),
          Array.from({ length: count }, (_, index) => `${at}:${index}`),
        );
      }
    }
  });
});
