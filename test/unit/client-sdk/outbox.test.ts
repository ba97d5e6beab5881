/** Requests over fake sockets: order, repeats, bounds, and what their callers are told. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TrunklineError } from '../../../client-sdk/src/errors.ts';
import { FakeWorld, place, streamed, type FakeSocket } from './fakes.ts';

const withCode = (code: string) => (error: TrunklineError) => error.code === code;

const isAborted = { name: 'AbortError' };

async function reconnected(world: FakeWorld): Promise<FakeSocket> {
  world.socket.shut();
  await world.clock.pass(1000);
  world.socket.greet();
  return world.socket;
}

describe('publish', () => {
  test('it resolves with the id and the place that the gateway gave', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const group = client.group('g');
    const published = group.publish({ text: 'hi' }, { metadata: { a: 'b' }, ttlSeconds: 5 });
    await world.clock.pass(0);
    assert.deepEqual(socket.of('sendToGroup'), [
      {
        type: 'sendToGroup',
        group: 'g',
        id: 'id1',
        dataType: 'json',
        data: { text: 'hi' },
        ttlSeconds: 5,
        metadata: { a: 'b' },
        ackId: 2,
      },
    ]);
    socket.answer('sendToGroup', { id: 'c.1', position: place(7) });
    assert.deepEqual(await published, { id: 'c.1', position: place(7) });
    client.close();
  });

  test('bytes go as binary, and come as bytes', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const group = client.group('g');
    const bytes: unknown[] = [];
    group.on('message', ({ data }) => bytes.push(data));
    socket.answer('joinGroup');
    void group.publish(Uint8Array.of(1, 255)).catch(() => undefined);
    await world.clock.pass(0);
    const [sent] = socket.of('sendToGroup');
    assert.deepEqual([sent?.['dataType'], sent?.['data']], ['binary', 'Af8=']);
    socket.say({ type: 'message', from: 'group', group: 'g', dataType: 'binary', data: 'Af8=' });
    assert.deepEqual(bytes, [Uint8Array.of(1, 255)]);
    client.close();
  });

  test('what was not answered is sent again with its id, in order, before what is new', async () => {
    const world = new FakeWorld();
    const { client } = await world.connected();
    const group = client.group('g');
    const all = Promise.all([group.publish(1), group.publish(2)]);
    await world.clock.pass(0);
    world.socket.shut();
    const third = group.publish(3);
    await world.clock.pass(250);
    world.socket.greet();
    const { socket } = world;
    assert.deepEqual(
      socket.of('sendToGroup').map(({ data, id }) => [id, data]),
      [
        ['id1', 1],
        ['id2', 2],
        ['id3', 3],
      ],
    );
    for (const { ackId } of socket.of('sendToGroup')) {
      socket.say({ type: 'ack', ackId, success: true, id: `c.${String(ackId)}` });
    }
    await Promise.all([all, third]);
    const after = await reconnected(world);
    assert.deepEqual(after.of('sendToGroup'), []);
    client.close();
  });

  test('a gateway that cannot now is asked again; one that refuses is believed', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const published = client.group('g').publish(1);
    await world.clock.pass(0);
    socket.refuse('sendToGroup', 'InternalServerError');
    await world.clock.pass(250);
    assert.equal(socket.of('sendToGroup').length, 2);
    const refused = assert.rejects(published, withCode('refused'));
    socket.refuse('sendToGroup', 'Forbidden');
    await refused;
    client.close();
    assert.equal(world.clock.pending, 0);
  });

  test('timeout, abort and close end the wait, and nothing is sent later', async () => {
    const world = new FakeWorld();
    const client = world.client();
    const group = client.group('g');
    const abort = new AbortController();
    const outcomes = Promise.all([
      assert.rejects(group.publish(1, { timeoutMs: 100 }), withCode('timeout')),
      assert.rejects(group.publish(2, { signal: abort.signal }), isAborted),
      assert.rejects(group.publish(3, { signal: AbortSignal.abort() }), isAborted),
      assert.rejects(group.publish(4), withCode('closed')),
    ]);
    await world.clock.pass(100);
    abort.abort();
    client.close();
    await outcomes;
    assert.equal(world.clock.pending, 0);
    client.connect();
    await world.clock.pass(0);
    world.socket.greet();
    assert.deepEqual(world.socket.of('sendToGroup'), []);
    client.close();
  });

  test('the queue is bounded in number and in bytes', async () => {
    const world = new FakeWorld();
    const client = world.client({ queueMessagesMax: 2, queueBytesMax: 300 });
    const group = client.group('g');
    const waiting = Promise.allSettled([group.publish(1), group.publish(2)]);
    await assert.rejects(group.publish(3), withCode('queue-full'));
    client.close();
    await waiting;
    await assert.rejects(group.publish('x'.repeat(300)), withCode('queue-full'));
  });
});

describe('noEcho', () => {
  test('an own message that comes on a later connection is known by its id', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const group = client.group('g');
    const got: unknown[] = [];
    group.on('message', ({ data }) => got.push(data));
    socket.answer('joinGroup', { position: place(4) });
    const published = group.publish('own', { noEcho: true });
    await world.clock.pass(0);
    socket.answer('sendToGroup', { id: 'm5', position: place(5) });
    await published;
    const next = await reconnected(world);
    next.answer('joinGroup', { position: place(4), recovered: true });
    next.say(streamed(5), streamed(6));
    assert.deepEqual(got, [6]);
    client.close();
  });

  test('one whose ack was lost is sent again before its group is joined', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const group = client.group('g');
    const got: unknown[] = [];
    group.on('message', ({ data }) => got.push(data));
    socket.answer('joinGroup', { position: place(4) });
    const published = group.publish('own', { noEcho: true });
    await world.clock.pass(0);
    const next = await reconnected(world);
    assert.deepEqual(next.of('joinGroup'), []);
    next.answer('sendToGroup', { id: 'm5', position: place(5) });
    assert.equal(next.of('joinGroup').length, 1);
    next.answer('joinGroup', { position: place(4), recovered: true });
    next.say(streamed(5), streamed(6));
    await published;
    assert.deepEqual(got, [6]);
    client.close();
  });

  test('while the client changes nodes: acknowledged on the old one before it joins the new', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const group = client.group('g');
    const got: unknown[] = [];
    group.on('message', ({ data }) => got.push(data));
    socket.answer('joinGroup', { position: place(4) });
    const first = group.publish('own', { noEcho: true });
    socket.say({ type: 'goaway', reason: '', withinMs: 0 });
    await world.clock.pass(0);
    const next = world.socket;
    next.greet();
    const second = group.publish('kept');
    await world.clock.pass(0);
    assert.deepEqual(next.sent, []);
    assert.equal(socket.of('sendToGroup').length, 1);
    socket.answer('sendToGroup', { id: 'm5', position: place(5) });
    next.answer('joinGroup', { position: place(4), recovered: true });
    assert.equal(socket.closedWith, 1000);
    next.say(streamed(5), streamed(6));
    assert.deepEqual(got, [6]);
    assert.deepEqual(
      next.of('sendToGroup').map(({ data }) => data),
      ['kept'],
    );
    next.answer('sendToGroup');
    await Promise.all([first, second]);
    client.close();
  });
});

describe('other requests', () => {
  test('history: asked again after a lost connection, with places of the stream', async () => {
    const world = new FakeWorld();
    const { client } = await world.connected();
    const page = client.group('g').history({ before: 9, limit: 2, reverse: true });
    await world.clock.pass(0);
    const next = await reconnected(world);
    const [{ ackId, ...asked } = {}] = next.of('history');
    assert.deepEqual(asked, { type: 'history', group: 'g', before: 9, limit: 2, reverse: true });
    const answer = { messages: [streamed(5)], isComplete: true, hasMore: true };
    const places = { position: place(9), next: place(5) };
    next.say({ type: 'history', ackId, group: 'g', ...answer, ...places });
    const { messages, ...others } = await page;
    assert.deepEqual(others, { isComplete: true, hasMore: true, ...places });
    assert.deepEqual(
      messages.map(({ data, position }) => [data, position]),
      [[5, place(5)]],
    );
    client.close();
  });

  test('events are never sent twice: nobody would notice a repeat', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const sent = assert.rejects(client.send('typing', 1), withCode('connection-lost'));
    const invoked = assert.rejects(client.invoke('sum', [1]), withCode('connection-lost'));
    await world.clock.pass(0);
    assert.deepEqual([socket.of('event').length, socket.of('invoke').length], [1, 1]);
    const next = await reconnected(world);
    await Promise.all([sent, invoked]);
    assert.deepEqual([next.of('event'), next.of('invoke')], [[], []]);
    client.close();
  });

  test('invoke: resolves with the reply, and an abort withdraws it', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const sum = client.invoke('sum', [1, 2]);
    const abort = new AbortController();
    const other = assert.rejects(client.invoke('x', 1, { signal: abort.signal }), isAborted);
    await world.clock.pass(0);
    abort.abort();
    await other;
    assert.deepEqual(socket.of('cancelInvocation'), [
      { type: 'cancelInvocation', invocationId: 'id2' },
    ]);
    const answer = { type: 'invokeResponse', invocationId: 'id1', success: true };
    socket.say({ ...answer, dataType: 'json', data: 3 });
    assert.equal(await sum, 3);
    client.close();
  });

  test('send: waits for a connection, and for the ack', async () => {
    const world = new FakeWorld();
    const client = world.client();
    const sent = client.send('hello', { a: 1 }, { metadata: { k: 'v' } });
    await world.clock.pass(0);
    world.socket.greet();
    world.socket.answer('event');
    await sent;
    client.close();
  });
});
