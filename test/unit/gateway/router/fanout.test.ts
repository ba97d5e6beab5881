/** Tests of the fan-out: how often it encodes and writes, in which order, and to whom. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FakeEncoder, settled, TestNode } from './fakes.ts';

const group = (name: string) => ({ kind: 'group', name }) as const;

describe('fan-out', () => {
  test('fan-out: nothing is written before the turn ends, then each connection once', async () => {
    const node = await TestNode.start();
    const both = await node.connect({ groups: ['a', 'b'] });
    const onlyA = await node.connect({ groups: ['a'] });
    for (const text of ['1', '2']) await node.publish(group('a'), text);
    await node.publish(group('b'), '3');
    assert.equal(both.socket.writes.length, 0);
    node.clock.endTurn();
    assert.deepEqual(
      [both.texts, onlyA.texts],
      [
        ['1', '2', '3'],
        ['1', '2'],
      ],
    );
    assert.equal(both.socket.writes.length, 1);
    assert.equal(onlyA.socket.writes.length, 1);
    assert.equal(node.router.fanout.writes, 2);
    assert.equal(node.router.fanout.deliveries, 5);
  });

  test('fan-out: a frame is encoded once per encoder, and shared', async () => {
    const node = await TestNode.start();
    const other = new FakeEncoder('other');
    const clients = [];
    for (let index = 0; index < 10; index += 1) {
      clients.push(
        await node.connect({ groups: ['g', 'h'], encoder: index < 5 ? node.encoder : other }),
      );
    }
    await node.publish(group('g'), 'uniform');
    node.clock.endTurn();
    assert.deepEqual([node.encoder.encoded, other.encoded], [1, 1]);
    await node.publish(group('g'), 'mixed');
    await node.publish(group('h'), 'turn');
    node.clock.endTurn();
    assert.deepEqual([node.encoder.encoded, other.encoded], [3, 3]);
    const frames = clients.map(({ socket }) => socket.writes.flat()[0]);
    assert.equal(new Set(frames).size, 2);
  });

  test('fan-out: an encoder without receivers encodes nothing', async () => {
    const node = await TestNode.start();
    await node.connect();
    const other = new FakeEncoder('other');
    await node.connect({ groups: ['g'], encoder: other });
    await node.send('g', 'x');
    assert.deepEqual([node.encoder.encoded, other.encoded], [0, 1]);
  });

  test('fan-out: a receiver sees what was sent in the order in which it was sent', async () => {
    const destination = fc.constantFrom('all', 'user', 'a', 'b', 'connection');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ to: destination, endsTurn: fc.boolean() }), { maxLength: 40 }),
        async (sends) => {
          const node = await TestNode.start();
          const client = await node.connect({ userId: 'ann', groups: ['a', 'b'] });
          await node.connect({ userId: 'bob', groups: ['a'] });
          for (const [index, { endsTurn, to }] of sends.entries()) {
            await node.publish(destinationOf(to, client.subscriber.connectionId), `${index}`);
            if (endsTurn) node.clock.endTurn();
          }
          node.clock.endTurn();
          assert.deepEqual(client.texts, [...sends.keys()].map(String));
        },
      ),
      { numRuns: 50 },
    );
  });

  test('fan-out: exclusions, noEcho and filters decide per receiver, alone and in a mixed turn', async () => {
    for (const mixed of [false, true]) {
      const node = await TestNode.start();
      const ann = await node.connect({ userId: 'ann', groups: ['g'] });
      const bob = await node.connect({ userId: 'bob', groups: ['g'] });
      const cleo = await node.connect({ userId: 'cleo', groups: ['g', 'h'] });
      const sender = { connectionId: ann.subscriber.connectionId, userId: 'ann' };
      if (mixed) await node.publish(group('h'), 'h');
      await node.publish(group('g'), 'noEcho', { sender, noEcho: true });
      await node.publish(group('g'), 'echo', { sender, noEcho: false });
      await node.publish(group('g'), 'excluded', { excluded: [bob.subscriber.connectionId, 'x'] });
      await node.publish(group('g'), 'filter', { filter: "'h' in groups" });
      await node.publish(group('g'), 'noEcho of nobody', { noEcho: true });
      node.clock.endTurn();
      const last = 'noEcho of nobody';
      assert.deepEqual(ann.texts, ['echo', 'excluded', last]);
      assert.deepEqual(bob.texts, ['noEcho', 'echo', last]);
      assert.deepEqual(cleo.texts, [
        ...(mixed ? ['h'] : []),
        'noEcho',
        'echo',
        'excluded',
        'filter',
        last,
      ]);
    }
  });

  test('fan-out: exclusions hold for a message to one connection too', async () => {
    const node = await TestNode.start();
    const client = await node.connect({ userId: 'ann' });
    const name = client.subscriber.connectionId;
    await node.publish({ kind: 'connection', name }, 'excluded', { excluded: [name] });
    await node.publish({ kind: 'connection', name }, 'filtered', { filter: "userId eq 'bob'" });
    await node.publish({ kind: 'connection', name }, 'for ann', { filter: "userId eq 'ann'" });
    node.clock.endTurn();
    assert.deepEqual(client.texts, ['for ann']);
  });

  test('fan-out: what has expired is dropped and counted, and costs no write', async () => {
    const node = await TestNode.start();
    const client = await node.connect({ groups: ['g', 'h'] });
    await node.publish(group('g'), 'short', { ttlSeconds: 1 });
    await node.publish(group('g'), 'short', { ttlSeconds: 1 });
    node.clock.advance(5000);
    node.clock.endTurn();
    assert.equal(client.socket.writes.length, 0);
    assert.equal(node.router.fanout.expired, 2);
    assert.equal(node.router.fanout.writes, 0);
    await node.publish(group('g'), 'short', { ttlSeconds: 1 });
    await node.publish(group('h'), 'long', { ttlSeconds: 300 });
    node.clock.advance(5000);
    node.clock.endTurn();
    assert.deepEqual(client.texts, ['long']);
  });

  test('fan-out: a socket that closes inside its write harms nobody else', async () => {
    for (const mixed of [false, true]) {
      for (const closing of [0, 2, 4]) {
        const node = await TestNode.start();
        const clients = [];
        for (let index = 0; index < 5; index += 1) {
          clients.push(await node.connect({ groups: ['g', 'h'] }));
        }
        const victim = clients[closing];
        assert.ok(victim !== undefined);
        victim.socket.onWrite = () => victim.vanish();
        await node.publish(group('g'), '1');
        if (mixed) await node.publish(group('h'), '2');
        node.clock.endTurn();
        await node.send('g', '3');
        const expected = mixed ? ['1', '2', '3'] : ['1', '3'];
        for (const client of clients) {
          if (client !== victim) assert.deepEqual(client.texts, expected);
        }
        assert.equal(victim.socket.writes.length, 1);
        assert.equal(node.router.congestion.size, 0);
      }
    }
  });

  test('fan-out: members that join, leave or vanish between publish and write', async () => {
    const node = await TestNode.start();
    const stays = await node.connect({ groups: ['g'] });
    const leaves = await node.connect({ groups: ['g', 'other'] });
    const vanishes = await node.connect({ groups: ['g'] });
    const name = vanishes.subscriber.connectionId;
    await node.publish(group('g'), '1');
    await node.publish({ kind: 'connection', name }, 'to nobody');
    node.router.members.leave(leaves.subscriber, 'g');
    vanishes.vanish();
    const joins = await node.connect({ groups: ['g'] });
    await node.publish(group('g'), '2');
    node.clock.endTurn();
    assert.deepEqual(stays.texts, ['1', '2']);
    assert.equal(joins.texts.at(-1), '2');
    assert.deepEqual([leaves.texts, vanishes.texts], [[], []]);
  });

  test('fan-out: a long turn is written in several goes, in order and once', async () => {
    const node = await TestNode.start();
    const client = await node.connect({ groups: ['g', 'h'] });
    const expected: string[] = [];
    const sends: Promise<unknown>[] = [];
    for (let index = 0; index < 5000; index += 1) {
      expected.push(`${index}`);
      const to = group(index % 2 === 0 ? 'g' : 'h');
      const payload = { dataType: 'text', bytes: Buffer.from(`${index}`) } as const;
      sends.push(node.router.publish({ hub: 'hub', to, payload }));
    }
    await Promise.all(sends);
    await settled();
    assert.equal(client.texts.length, 0);
    node.clock.endTurn();
    assert.ok(client.socket.writes.length > 1);
    assert.deepEqual(client.texts, expected);
    await node.send('g', 'next turn');
    assert.equal(client.texts.at(-1), 'next turn');
  });

  test('fan-out: batches are written in the middle of a turn when many frames are collected', async () => {
    const node = await TestNode.start();
    const clients = [];
    for (let index = 0; index < 100; index += 1) {
      clients.push(await node.connect({ groups: ['g', 'h'] }));
    }
    // 100,000 frames of less than 64 KiB of envelopes.
    const sends: Promise<unknown>[] = [];
    for (let index = 0; index < 1000; index += 1) {
      const to = group(index % 2 === 0 ? 'g' : 'h');
      const payload = { dataType: 'text', bytes: Buffer.from(`${index}`) } as const;
      sends.push(node.router.publish({ hub: 'hub', to, payload }));
    }
    await Promise.all(sends);
    await settled();
    node.clock.endTurn();
    for (const { socket, texts } of clients) {
      assert.deepEqual(texts, [...Array(1000).keys()].map(String));
      assert.equal(socket.writes.length, 2);
    }
  });

  test('fan-out: hubs do not see each other', async () => {
    const node = await TestNode.start();
    const here = await node.connect({ userId: 'ann', groups: ['g'] });
    const there = await node.connect({ hub: 'other', userId: 'ann', groups: ['g'] });
    const name = there.subscriber.connectionId;
    await node.publish({ kind: 'all' }, 'all');
    await node.publish({ kind: 'user', name: 'ann' }, 'user');
    await node.publish(group('g'), 'group');
    await node.publish({ kind: 'connection', name }, 'connection');
    node.clock.endTurn();
    assert.deepEqual([here.texts, there.texts], [['all', 'user', 'group'], []]);
  });
});

function destinationOf(to: string, connectionId: string) {
  switch (to) {
    case 'all':
      return { kind: 'all' } as const;
    case 'user':
      return { kind: 'user', name: 'ann' } as const;
    case 'connection':
      return { kind: 'connection', name: connectionId } as const;
    default:
      return group(to);
  }
}
