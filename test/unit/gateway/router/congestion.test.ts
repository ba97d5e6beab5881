/** Tests of slow members: left out, caught up from rings, or closed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { closeCodes } from '../../../../gateway/protocol/close-codes.ts';
import { settled, type TestClient, TestNode } from './fakes.ts';

const group = (name: string) => ({ kind: 'group', name }) as const;
const kilobyte = 'x'.repeat(1000);

/** A member that has taken nothing of what it was last sent. */
async function congested(node: TestNode, groups: readonly string[]): Promise<TestClient> {
  const client = await node.connect({ groups });
  client.socket.roomBytes = 0;
  await node.send(groups[0] ?? '', 'first');
  assert.ok(client.subscriber.isCongested);
  return client;
}

function laggards(node: TestNode, name: string): number | undefined {
  return node.router.hubs.find('hub', group(name))?.laggards;
}

/** Nobody is congested and nothing is kept. */
function assertCalm(node: TestNode, ...groups: readonly string[]): void {
  assert.equal(node.router.congestion.size, 0);
  assert.equal(node.router.ringBudget.bytes, 0);
  for (const name of groups) {
    const target = node.router.hubs.find('hub', group(name));
    assert.equal(target?.laggards ?? 0, 0);
    assert.equal(target?.ring, undefined);
  }
}

describe('congestion', () => {
  test('congestion: nothing is kept while everybody keeps up', async () => {
    const node = await TestNode.start();
    await node.connect({ groups: ['g'] });
    await node.send('g', 'x');
    assertCalm(node, 'g');
  });

  test('congestion: a slow member is left out, gets what it missed in order, and is let in again', async () => {
    const node = await TestNode.start();
    const quick = await node.connect({ groups: ['g'] });
    const slow = await congested(node, ['g']);
    for (const text of ['2', '3', '4']) await node.send('g', text);
    assert.deepEqual(slow.texts, ['first']);
    assert.equal(slow.socket.writes.length, 1);
    assert.deepEqual(quick.texts, ['first', '2', '3', '4']);
    assert.equal(laggards(node, 'g'), 1);
    assert.ok(node.router.ringBudget.bytes > 0);
    slow.read();
    assert.deepEqual(slow.texts, ['first', '2', '3', '4']);
    assert.equal(node.router.congestion.lateDeliveries, 3);
    assertCalm(node, 'g');
    await node.send('g', '5');
    assert.deepEqual([slow.texts.at(-1), quick.texts.at(-1)], ['5', '5']);
  });

  test('congestion: a drain that leaves something buffered gives nothing yet', async () => {
    const node = await TestNode.start();
    const slow = await congested(node, ['g']);
    await node.send('g', '2');
    slow.read(2);
    assert.deepEqual(slow.texts, ['first']);
    slow.read(3);
    assert.deepEqual(slow.texts, ['first', '2']);
    assert.ok(slow.subscriber.isCongested);
    slow.read();
    assertCalm(node, 'g');
  });

  test('congestion: catching up stops when the socket is full again, and goes on from there', async () => {
    const node = await TestNode.start();
    const slow = await congested(node, ['g']);
    const sent = ['first'];
    for (let index = 0; index < 200; index += 1) {
      sent.push(`${index} ${kilobyte}`);
      await node.send('g', `${index} ${kilobyte}`);
    }
    slow.read(10);
    assert.ok(slow.texts.length < 80, 'one slice at most');
    while (slow.subscriber.isCongested) slow.read(50_000);
    assert.deepEqual(slow.texts, sent);
    assertCalm(node, 'g');
  });

  test('congestion: exclusions and expiry hold for what is given late', async () => {
    const node = await TestNode.start();
    const slow = await congested(node, ['g']);
    const { connectionId } = slow.subscriber;
    await node.send('g', 'short', { ttlSeconds: 1 });
    await node.send('g', 'not for it', { excluded: [connectionId] });
    await node.send('g', 'own', { sender: { connectionId, userId: undefined }, noEcho: true });
    await node.send('g', 'filtered', { filter: "'h' in groups" });
    await node.send('g', 'long', { ttlSeconds: 300 });
    node.clock.advance(5000);
    slow.read();
    assert.deepEqual(slow.texts, ['first', 'long']);
  });

  test('congestion: messages to the connection itself are kept for it', async () => {
    const node = await TestNode.start();
    const slow = await congested(node, ['g']);
    const to = { kind: 'connection', name: slow.subscriber.connectionId } as const;
    for (const text of ['a', 'b']) {
      await node.publish(to, text);
      node.clock.endTurn();
    }
    assert.deepEqual(slow.texts, ['first']);
    assert.deepEqual([...slow.subscriber.groupNames()], ['g']);
    slow.read();
    assert.deepEqual(slow.texts, ['first', 'a', 'b']);
    assertCalm(node, 'g');
    for (let at = slow.subscriber.first; at !== undefined; at = at.next) {
      assert.notEqual(at.target.kind, 'connection', 'the target of the congestion is left behind');
    }
    await node.publish(to, 'c');
    node.clock.endTurn();
    assert.equal(slow.texts.at(-1), 'c');
  });

  test('congestion: of a large turn only a part is written, the rest waits in order', async () => {
    for (const mixed of [false, true]) {
      const node = await TestNode.start();
      const slow = await node.connect({ groups: ['g', 'h'] });
      slow.socket.roomBytes = 100;
      const sent: string[] = [];
      for (let index = 0; index < 300; index += 1) {
        sent.push(`${index} ${kilobyte}`);
        await node.publish(group(mixed && index % 2 === 1 ? 'h' : 'g'), `${index} ${kilobyte}`);
      }
      node.clock.endTurn();
      assert.equal(slow.socket.writes.length, 1);
      assert.ok(slow.texts.length <= 65);
      await node.send('g', 'after');
      while (slow.subscriber.isCongested) slow.read(100_000);
      // Order is promised within a destination, not between two.
      for (const parity of mixed ? [0, 1] : [undefined]) {
        const ofOne = (text: string): boolean =>
          parity === undefined || text === 'after' || Number.parseInt(text, 10) % 2 === parity;
        assert.deepEqual(slow.texts.filter(ofOne), [...sent, 'after'].filter(ofOne));
      }
      const { congestion, fanout } = node.router;
      assert.equal(fanout.deliveries + congestion.lateDeliveries, 301);
      assertCalm(node, 'g', 'h');
    }
  });

  test('congestion: a turn that is more than the ring may hold closes the member', async () => {
    const node = await TestNode.start({ limits: { ringBytesPerDestinationMax: 64 * 1024 } });
    const slow = await node.connect({ groups: ['g'] });
    slow.socket.roomBytes = 0;
    for (let index = 0; index < 200; index += 1) await node.publish(group('g'), kilobyte);
    node.clock.endTurn();
    node.clock.advance(1000);
    assert.equal(slow.socket.closedWith?.code, closeCodes.slowConsumer);
    assert.equal(node.router.counters.slowCloses.disconnect, 1);
    await settled();
    assertCalm(node, 'g');
  });

  test('congestion: a reply that is buffered counts as congestion', async () => {
    const node = await TestNode.start();
    const slow = await node.connect({ groups: ['g'] });
    slow.socket.roomBytes = 0;
    slow.subscriber.sendReply(node.encoder.encodeReply({ kind: 'pong' }));
    slow.subscriber.sendReply(node.encoder.encodeReply({ kind: 'pong' }));
    assert.equal(laggards(node, 'g'), 1);
    await node.send('g', 'x');
    assert.deepEqual(slow.texts, ['reply pong', 'reply pong']);
    slow.read();
    assert.deepEqual(slow.texts, ['reply pong', 'reply pong', 'x']);
    assertCalm(node, 'g');
  });

  test('congestion: who joins while congested gets what comes after the join', async () => {
    const node = await TestNode.start();
    const slow = await congested(node, ['g']);
    await node.connect({ groups: ['h'] });
    await node.send('h', 'before');
    await node.router.members.join(slow.subscriber, 'h');
    await node.send('h', 'after');
    slow.read();
    assert.deepEqual(slow.texts, ['first', 'after']);
    assertCalm(node, 'g', 'h');
  });

  test('congestion: who leaves while congested gets nothing more, and frees the ring', async () => {
    const node = await TestNode.start();
    const slow = await congested(node, ['g', 'h']);
    await node.send('g', 'missed');
    await node.send('h', 'wanted');
    node.router.members.leave(slow.subscriber, 'g');
    assert.equal(laggards(node, 'g'), 0);
    slow.read();
    assert.deepEqual(slow.texts, ['first', 'wanted']);
    assertCalm(node, 'g', 'h');
  });

  test('congestion: a member that takes nothing for too long is closed with 4008', async () => {
    const node = await TestNode.start({ limits: { congestedMsMax: 1000 } });
    const slow = await congested(node, ['g']);
    await node.send('g', 'x');
    node.clock.advance(900);
    slow.read(1);
    node.clock.advance(900);
    assert.ok(slow.socket.isOpen, 'a byte was taken meanwhile');
    node.clock.advance(500);
    assert.equal(slow.socket.closedWith?.code, closeCodes.slowConsumer);
    assert.match(slow.socket.closedWith?.reason ?? '', /1000 ms/);
    assert.equal(node.router.congestion.stalledCount, 1);
    await settled();
    assertCalm(node, 'g');
    node.clock.advance(5000);
    assert.equal(node.router.congestion.stalledCount, 1);
  });

  test('congestion: a member that fell off the ring is closed with 4008, also when the group is quiet', async () => {
    for (const drains of [false, true]) {
      const node = await TestNode.start({ limits: { ringBytesPerDestinationMax: 64 * 1024 } });
      const quick = await node.connect({ groups: ['g'] });
      const slow = await congested(node, ['g']);
      for (let index = 0; index < 100; index += 1) await node.send('g', kilobyte);
      assert.ok(node.router.ringBudget.bytes <= 64 * 1024);
      if (drains) slow.read();
      else node.clock.advance(300);
      assert.equal(slow.socket.closedWith?.code, closeCodes.slowConsumer);
      assert.equal(node.router.counters.slowCloses.disconnect, 1);
      await settled();
      assertCalm(node, 'g');
      assert.equal(quick.texts.length, 101);
    }
  });

  test('congestion: the rings of a node share one budget', async () => {
    const node = await TestNode.start({ limits: { ringBytesPerNodeMax: 1024 * 1024 } });
    const groups = Array.from({ length: 20 }, (_, index) => `g${index}`);
    for (const name of groups) await congested(node, [name]);
    for (let round = 0; round < 100; round += 1) {
      for (const name of groups) await node.publish(group(name), kilobyte);
      node.clock.endTurn();
      assert.ok(node.router.ringBudget.bytes <= 1024 * 1024);
    }
    node.clock.advance(300);
    await settled();
    assert.ok(node.router.counters.slowCloses.disconnect > 0);
    node.clock.advance(60_000);
    await settled();
    assertCalm(node, ...groups);
    assert.equal(node.router.hubs.connectionCount, 0);
  });

  test('congestion: a socket that closes inside the write of its catch-up leaves nothing behind', async () => {
    const node = await TestNode.start();
    const slow = await congested(node, ['g', 'h']);
    await node.send('g', 'x');
    await node.send('h', 'y');
    slow.socket.onWrite = () => slow.vanish();
    slow.read();
    assertCalm(node, 'g', 'h');
    assert.equal(node.router.counters.slowCloses.disconnect, 0);
  });

  test('congestion: it does not begin for who is detached', async () => {
    const node = await TestNode.start();
    const gone = await node.connect({ groups: ['g'] });
    gone.socket.roomBytes = 0;
    node.router.members.detach(gone.subscriber);
    gone.subscriber.sendReply(node.encoder.encodeReply({ kind: 'pong' }));
    assert.equal(gone.subscriber.isCongested, false);
    assertCalm(node, 'g');
  });

  test('congestion: frames kept for later own their bytes', async () => {
    const node = await TestNode.start();
    const slow = await congested(node, ['g']);
    await node.send('g', 'kept');
    const kept = node.router.hubs.find('hub', group('g'))?.ring?.at(1);
    assert.ok(kept !== undefined);
    const { data } = kept.envelope;
    assert.ok(data.buffer.byteLength < 1000, 'the envelope pins a pool');
    const frame = kept.frame(node.encoder, slow.subscriber.encoderIndex);
    assert.equal(frame.bytes.buffer.byteLength, frame.bytes.length);
    assert.equal(kept.retained(), kept);
  });
});
