/** The server SDK against real gateways: every operation, over two nodes of one memory broker. */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { MemoryBackplane, MemoryBroker } from '../../backplanes/memory/memory-backplane.ts';
import { createClient, type Client, type Message } from '../../client-sdk/src/index.ts';
import { createServer, type Server, type ServerOptions } from '../../server-sdk/src/index.ts';
import { collected } from '../support/collected.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { Inbox } from '../support/inbox.ts';
import { startLosingProxy } from '../support/losing-proxy.ts';
import { waitFor } from '../support/wait.ts';

const hub = 'chat';
const publicEndpoint = 'http://gateway.example';
const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
const settings = {
  publicEndpoints: [publicEndpoint],
  hubs: {
    [hub]: {
      streams: [
        { match: 'group:room.*', retention: 'short' },
        { match: 'user:*', retention: 'short' },
        { match: 'all', retention: 'short' },
      ],
    },
  },
  retention: { short: { messages: 100, seconds: 600, bytes: 1_000_000 } },
};

interface Connected {
  readonly client: Client;
  readonly connectionId: string;
  readonly toUser: Inbox<Message>;
  readonly toAll: Inbox<Message>;
  /** Members of the named group hear it here. */
  readonly toGroup: Inbox<Message>;
}

describe('the server SDK on two gateways', () => {
  let nodes: readonly [TestGateway, TestGateway];

  before(async () => {
    const broker = new MemoryBroker();
    const start = (): Promise<TestGateway> =>
      startTestGateway(settings, { backplane: new MemoryBackplane(broker) });
    nodes = await Promise.all([start(), start()]);
  });

  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    assert.deepEqual(
      nodes.flatMap(({ errors }) => errors),
      [],
    );
  });

  function serverOf(options: Partial<ServerOptions> = {}): Server {
    const [{ accessKey, url }] = nodes;
    const access = { endpoint: publicEndpoint, internalEndpoint: url, accessKey };
    return createServer({ hub, ...access, backoffBaseMs: 1, ...options });
  }

  /** Joined on the second node when it resolves; the group needs no role. */
  async function connect(t: TestContext, userId: string, group: string): Promise<Connected> {
    const server = serverOf();
    const client = createClient({
      url: server.clientUrl.replace('ws://gateway.example', nodes[1].wsUrl),
      getToken: () => server.clientToken({ userId, roles, groups: [group] }),
      WebSocket,
    });
    t.after(() => client.close());
    const toUser = new Inbox<Message>(`messages to ${userId}`);
    const toAll = new Inbox<Message>(`messages to all at ${userId}`);
    const toGroup = new Inbox<Message>(`messages to ${group} at ${userId}`);
    client.user().on('message', (message) => toUser.push(message));
    client.hub().on('message', (message) => toAll.push(message));
    const joined = client.group(group);
    joined.on('message', (message) => toGroup.push(message));
    await waitFor(() => joined.state === 'live', { what: `${userId} has joined ${group}` });
    const listed = await collected(server.group(group).connections());
    const own = listed.find((connection) => connection.userId === userId);
    assert.ok(own !== undefined);
    return { client, connectionId: own.connectionId, toUser, toAll, toGroup };
  }

  test('publish: to a group, a user, all and a connection, as JSON and as bytes', async (t) => {
    const server = serverOf();
    const anna = await connect(t, 'anna', 'room.publish');
    const { id, position } = await server
      .group('room.publish')
      .publish(
        { text: 'hi' },
        { metadata: { sentBy: 'backend', kind: 'greeting' }, ttlSeconds: 60 },
      );
    const got = await anna.toGroup.next();
    assert.deepEqual(got.data, { text: 'hi' });
    assert.deepEqual(got.metadata, { sentBy: 'backend', kind: 'greeting' });
    assert.deepEqual([got.id, got.position], [id, position]);
    await server.group('room.publish').publish(Uint8Array.of(0, 255), { metadata: { kind: 'b' } });
    const bytes = await anna.toGroup.next();
    assert.deepEqual([bytes.data, bytes.metadata], [Uint8Array.of(0, 255), { kind: 'b' }]);
    await server.user('anna').publish('for anna');
    await server.connection(anna.connectionId).publish('for this one');
    assert.deepEqual(
      (await anna.toUser.take(2)).map(({ data }) => data),
      ['for anna', 'for this one'],
    );
    await server.all.publish(['for', 'all']);
    assert.deepEqual((await anna.toAll.next()).data, ['for', 'all']);
    assert.deepEqual(await server.group('live').publish(1), {
      id: undefined,
      position: undefined,
      isDuplicate: false,
    });
  });

  test('publish: exclusions and filters leave connections out', async (t) => {
    const server = serverOf();
    const group = server.group('room.left-out');
    const [ben, carla] = [
      await connect(t, 'ben', 'room.left-out'),
      await connect(t, 'carla', 'room.left-out'),
    ];
    await group.publish('not for ben', { exclude: [ben.connectionId] });
    await group.publish('for ben', { filter: "userId eq 'ben'" });
    await group.publish('end');
    assert.deepEqual(
      (await ben.toGroup.take(2)).map(({ data }) => data),
      ['for ben', 'end'],
    );
    assert.deepEqual(
      (await carla.toGroup.take(2)).map(({ data }) => data),
      ['not for ben', 'end'],
    );
    await assert.rejects(group.publish(1, { filter: 'no filter' }), {
      name: 'TrunklineError',
      code: 'bad-filter',
      status: 400,
      target: 'filter',
    });
  });

  test('publish: an answer that was lost, an id that is used again: one message', async (t) => {
    const proxy = await startLosingProxy(t, nodes[0].url);
    const server = serverOf({ internalEndpoint: proxy.url });
    const group = server.group('room.once');
    proxy.lose(2);
    const first = await group.publish('once', { id: 'my id' });
    assert.equal(proxy.passed.length, 3);
    const ids = proxy.passed.map(({ headers }) => headers['x-ms-client-request-id']);
    assert.equal(new Set(ids).size, 1);
    const again = await group.publish('once', { id: 'my id', metadata: { Case: 'kept' } });
    assert.deepEqual([again.isDuplicate, again.position], [true, first.position]);
    const [page] = await collected(group.history());
    assert.deepEqual(
      page?.messages.map(({ data }) => data),
      ['once'],
    );
  });

  test('batch: every message has its own result, and those of a group their order', async (t) => {
    const server = serverOf();
    const dan = await connect(t, 'dan', 'room.batch');
    const results = await server.batch([
      { group: 'room.batch', data: 1, id: 'one' },
      { group: 'room.batch', data: 2, filter: 'no filter' },
      { group: 'room.batch', data: Uint8Array.of(3) },
      { user: 'dan', data: 4, metadata: { Kind: 'k' } },
      { connection: dan.connectionId, data: 5 },
      { all: true, data: 6, exclude: [dan.connectionId] },
      { all: true, data: 7 },
      { group: 'room.batch', data: 1, id: 'one' },
    ]);
    assert.deepEqual(
      results.map(({ isAccepted }) => isAccepted),
      [true, false, true, true, true, true, true, true],
    );
    const [first, second] = results;
    assert.ok(first?.isAccepted === true && second?.isAccepted === false);
    assert.deepEqual([second.error.code, second.error.status], ['bad-filter', 400]);
    const last = results.at(-1);
    assert.ok(last?.isAccepted === true && last.isDuplicate);
    assert.deepEqual(last.position, first.position);
    assert.deepEqual(
      (await dan.toGroup.take(2)).map(({ data }) => data),
      [1, Uint8Array.of(3)],
    );
    assert.deepEqual(
      (await dan.toUser.take(2)).map(({ data, metadata }) => [data, metadata]),
      [
        [4, { Kind: 'k' }],
        [5, {}],
      ],
    );
    assert.deepEqual((await dan.toAll.next()).data, 7);
    assert.deepEqual(await server.batch([]), []);
  });

  test('history: pages in both directions, from a place, and where a client goes on', async (t) => {
    const server = serverOf();
    for (const stream of [server.group('room.pages'), server.user('emil'), server.all]) {
      await stream.purge();
      for (const data of [1, 2, 3, 4, 5]) await stream.publish(data);
      const read = async (options: Parameters<typeof stream.history>[0]): Promise<unknown[][]> => {
        const pages = await collected(stream.history(options));
        assert.ok(pages.every(({ isComplete }) => isComplete));
        assert.deepEqual(
          pages.map(({ hasMore }) => hasMore),
          pages.map((_, index) => index + 1 < pages.length),
        );
        return pages.map(({ messages }) => messages.map(({ data }) => data));
      };
      assert.deepEqual(await read({ limit: 2 }), [[1, 2], [3, 4], [5]]);
      assert.deepEqual(await read({ limit: 3, reverse: true }), [
        [5, 4, 3],
        [2, 1],
      ]);
      const [page] = await collected(stream.history({ limit: 100 }));
      const [second, fourth] = [page?.messages[1], page?.messages[3]];
      assert.ok(second !== undefined && fourth !== undefined);
      assert.deepEqual(await read({ after: second.position }), [[3, 4, 5]]);
      assert.deepEqual(await read({ before: fourth.position.offset }), [[1, 2, 3]]);
      const info = await stream.streamInfo();
      assert.deepEqual(info.position, page?.position);
      assert.equal(info.retention.name, 'short');
      await stream.purge();
      assert.deepEqual(await read({}), [[]]);
      assert.equal((await stream.streamInfo()).oldestOffset, undefined);
    }
    const group = server.group('room.go-on');
    const { position } = await group.publish('read by the backend');
    await group.publish('for the client');
    const finn = await connect(t, 'finn', 'another');
    const heard = new Inbox<unknown>('messages since the place');
    finn.client
      .group('room.go-on', { since: position })
      .on('message', ({ data }) => heard.push(data));
    assert.equal(await heard.next(), 'for the client');
  });

  test('history: what is no stream, and a place of another history, are told', async () => {
    const server = serverOf();
    await assert.rejects(server.group('hall').streamInfo(), { code: 'not-a-stream', status: 400 });
    await assert.rejects(server.group('hall').history().next(), { code: 'not-a-stream' });
    const after = { epoch: 'never', offset: 3, tag: 1 };
    await assert.rejects(server.group('room.pages').history({ after }).next(), {
      code: 'position-diverged',
      status: 410,
    });
  });

  test('groups: users and connections are added, listed and taken out', async (t) => {
    const server = serverOf();
    const group = server.group('room/with a slash?');
    const members = await Promise.all(
      ['gina', 'gina', 'hugo'].map((userId) => connect(t, userId, 'waiting')),
    );
    const listed = async (pageSize?: number): Promise<string[]> => {
      const all = await collected(group.connections({ pageSize }));
      return all.map(({ userId }) => userId ?? '').toSorted();
    };
    assert.equal(await group.exists(), false);
    assert.equal(await group.addUser('gina'), true);
    assert.equal(await group.addUser('nobody'), false);
    assert.equal(await group.exists(), true);
    const [, , hugo] = members;
    assert.ok(hugo !== undefined);
    assert.equal(await group.addConnection(hugo.connectionId), true);
    assert.equal(await group.addConnection(`${hugo.connectionId}x`), false);
    assert.deepEqual(await listed(2), ['gina', 'gina', 'hugo']);
    await group.removeUser('gina');
    assert.deepEqual(await listed(), ['hugo']);
    await group.removeConnection(hugo.connectionId);
    assert.deepEqual(await listed(), []);
    await server.all.addToGroups([group.name], "userId eq 'hugo'");
    assert.deepEqual(await listed(), ['hugo']);
    await server.all.removeFromGroups([group.name], "userId eq 'hugo'");
    await group.addUser('hugo');
    await server.connection(hugo.connectionId).removeFromAllGroups();
    await group.addUser('gina');
    await server.user('gina').removeFromAllGroups();
    assert.deepEqual(await listed(), []);
  });

  test('connections: asked for, permitted, forbidden and closed', async (t) => {
    const server = serverOf();
    const ina = await connect(t, 'ina', 'room.closing');
    const connection = server.connection(ina.connectionId);
    assert.equal(await connection.exists(), true);
    assert.equal(await server.user('ina').exists(), true);
    assert.equal(await server.user('nobody').exists(), false);
    assert.equal(await connection.may('sendToGroup', 'room.x'), true);
    await connection.revoke('sendToGroup');
    assert.equal(await connection.may('sendToGroup', 'room.x'), false);
    assert.equal(await connection.grant('sendToGroup', 'room.x'), true);
    assert.equal(await connection.may('sendToGroup', 'room.x'), true);
    assert.equal(await server.connection('no such one').grant('joinLeaveGroup'), false);
    await server.group('room.closing').closeConnections({ exclude: [ina.connectionId] });
    assert.equal(await connection.exists(), true);
    await connection.close({ reason: 'for the test' });
    await waitFor(async () => !(await connection.exists()), { what: 'the connection is closed' });
    await connection.close();
  });

  test('connections: those of a group, of a user and of all are closed', async (t) => {
    const server = serverOf({ hub: 'closing' });
    const isGone = (id: string) => async (): Promise<boolean> =>
      !(await server.connection(id).exists());
    const close = {
      group: () => server.group('g').closeConnections({ reason: 'r' }),
      user: () => server.user('jo').closeConnections(),
      all: () => server.all.closeConnections(),
    };
    for (const closing of Object.values(close)) {
      const token = { userId: 'jo', groups: ['g'] };
      const url = (await server.clientAccessUrl(token)).replace(
        'ws://gateway.example',
        nodes[1].wsUrl,
      );
      const socket = new WebSocket(url, 'trunkline.v1.json');
      // One that is closed while it opens says so.
      socket.on('error', () => undefined);
      t.after(() => socket.terminate());
      const [{ connectionId } = { connectionId: '' }] = await waitFor(
        async () => {
          const found = await collected(server.group('g').connections());
          return found.length > 0 && found;
        },
        { what: 'the connection is there' },
      );
      await closing();
      await waitFor(isGone(connectionId), { what: 'the connection is gone' });
    }
  });

  test('presence: who is in a group and in the hub, over both nodes, and how many', async (t) => {
    const server = serverOf({ hub: 'presence' });
    const [{ wsUrl }, other] = nodes;
    for (const [base, userId] of [
      [wsUrl, 'kim'],
      [other.wsUrl, 'lea'],
      [other.wsUrl, undefined],
    ] as const) {
      const url = await server.clientAccessUrl({ userId, groups: ['g'] });
      const socket = new WebSocket(url.replace('ws://gateway.example', base), 'trunkline.v1.json');
      // One that is closed while it opens says so.
      socket.on('error', () => undefined);
      t.after(() => socket.terminate());
    }
    const group = server.group('g');
    await waitFor(async () => (await group.presenceCounts()).connections === 3, {
      what: 'all three are there',
    });
    const { connections, isComplete, members, users } = await group.presence();
    assert.deepEqual([connections, users, isComplete], [3, 2, true]);
    const shown = members.map(({ state, userId = '-' }) => `${userId} ${JSON.stringify(state)}`);
    assert.deepEqual(shown.toSorted(), ['- {}', 'kim {}', 'lea {}']);
    assert.ok(members.every(({ connectionId, since }) => connectionId !== '' && since > 0));
    assert.deepEqual(await server.all.presenceCounts(), { connections: 3, users: 2 });
    assert.equal((await server.all.presence()).members.length, 3);
    assert.deepEqual(await server.group('nobody').presence(), {
      connections: 0,
      users: 0,
      members: [],
      isComplete: true,
    });
  });

  test('errors: a wrong key, a wrong hub and a name that no URL can carry are told apart', async () => {
    const wrongKey = serverOf({ accessKey: 'another access key, also of 32 bytes' });
    const refusal = await wrongKey.all.publish(1).catch((error: unknown) => error);
    assert.ok(refusal instanceof Error && 'requestId' in refusal);
    assert.match(String(refusal.requestId), /^[\w-]{36}$/);
    assert.deepEqual('code' in refusal && refusal.code, 'bad-token');
    await assert.rejects(wrongKey.user('x').exists(), { code: 'bad-token', status: 401 });
    await assert.rejects(serverOf().group('..').publish(1), { code: 'bad-option' });
    await assert.rejects(serverOf().group('').exists(), { code: 'bad-option' });
  });
});
