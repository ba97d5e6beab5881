/** Tests of what each slow-consumer policy does with a member that has lost messages. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SlowConsumerRule } from '../../../../gateway/config.ts';
import { closeCodes } from '../../../../gateway/protocol/close-codes.ts';
import { DestinationRules } from '../../../../gateway/router/destination-rules.ts';
import { settled, type TestClient, TestNode } from './fakes.ts';

const kilobyte = 'x'.repeat(1000);
const slowConsumers: SlowConsumerRule[] = [
  { match: 'group:recover', policy: 'drop-and-recover', key: undefined },
  { match: 'group:oldest*', policy: 'drop-oldest', key: undefined },
  { match: 'user:ann', policy: 'drop-oldest', key: undefined },
  { match: 'all', policy: 'latest', key: undefined },
  { match: 'group:keyed', policy: 'latest', key: 'symbol' },
];

function start(): Promise<TestNode> {
  return TestNode.start({
    limits: { ringBytesPerDestinationMax: 64 * 1024, congestedMsMax: 1000 },
    rules: new DestinationRules({
      hubs: { hub: { anonymous: false, streams: [], slowConsumers } },
    }),
  });
}

/** A member that has taken nothing of the first message of its first group. */
async function congested(node: TestNode, ...groups: readonly string[]): Promise<TestClient> {
  const client = await node.connect({ userId: 'ann', groups });
  client.socket.roomBytes = 0;
  await node.send(groups[0] ?? '', 'first');
  assert.ok(client.subscriber.isCongested);
  return client;
}

/** More than a ring keeps; numbers from 0. */
async function flood(node: TestNode, group: string, count = 100): Promise<string[]> {
  const texts = Array.from({ length: count }, (_, index) => `${group} ${index} ${kilobyte}`);
  for (const text of texts) await node.send(group, text);
  return texts;
}

async function assertCalm(node: TestNode): Promise<void> {
  await settled();
  assert.equal(node.router.congestion.size, 0);
  assert.equal(node.router.ringBudget.bytes, 0);
}

describe('slow-consumer policies', () => {
  test('drop-and-recover: who lost something is closed with 4009 and told to resume', async () => {
    for (const drains of [false, true]) {
      const node = await start();
      const slow = await congested(node, 'recover');
      await flood(node, 'recover');
      if (drains) slow.read();
      else node.clock.advance(300);
      assert.equal(slow.socket.closedWith?.code, closeCodes.resumeNow);
      assert.match(slow.socket.closedWith?.reason ?? '', /resume/);
      assert.deepEqual(node.router.counters.slowCloses, { disconnect: 0, 'drop-and-recover': 1 });
      await assertCalm(node);
    }
  });

  test('drop-oldest: the member skips to what is kept, and is told how much before that', async () => {
    const node = await start();
    const slow = await congested(node, 'oldest');
    const sent = await flood(node, 'oldest');
    node.clock.advance(500);
    assert.ok(slow.socket.isOpen);
    let textsWhenTold: readonly string[] = [];
    slow.onNotice = () => {
      textsWhenTold = [...slow.texts];
    };
    slow.read();
    const given = slow.texts.slice(1);
    assert.ok(given.length > 10 && given.length < 100);
    assert.deepEqual(given, sent.slice(-given.length));
    assert.deepEqual(textsWhenTold, ['first']);
    const dropped = sent.length - given.length;
    const to = { kind: 'group', name: 'oldest' };
    assert.deepEqual(slow.gaps, [
      { kind: 'gap', to, reason: 'slow', dropped, position: undefined },
    ]);
    assert.deepEqual(node.router.counters.slowDropped, { 'drop-oldest': dropped, latest: 0 });
    assert.deepEqual(node.router.counters.slowNotices, { 'drop-oldest': 1, latest: 0 });
    await assertCalm(node);
    await node.send('oldest', 'after');
    assert.equal(slow.texts.at(-1), 'after');
    assert.equal(slow.gaps.length, 1);
  });

  test('drop-oldest: one message that no ring holds is told, too', async () => {
    const node = await start();
    const slow = await congested(node, 'oldest');
    await node.send('oldest', 'x'.repeat(100_000));
    slow.read();
    assert.deepEqual(slow.texts, ['first']);
    assert.deepEqual(
      slow.gaps.map(({ dropped }) => dropped),
      [1],
    );
    await assertCalm(node);
  });

  test('drop-oldest: who takes nothing at all is closed with 4008 in time', async () => {
    for (const group of ['oldest', 'keyed']) {
      const node = await start();
      const slow = await congested(node, group);
      await flood(node, group);
      node.clock.advance(1500);
      assert.equal(slow.socket.closedWith?.code, closeCodes.slowConsumer);
      assert.equal(node.router.congestion.stalledCount, 1);
      await assertCalm(node);
    }
  });

  test('latest: of each key only the newest is given, in order, and the rest is told once', async () => {
    const node = await start();
    const slow = await congested(node, 'keyed');
    const prices = ['A 1', 'B 1', 'A 2', 'C 1', 'B 2', 'A 3', '- 1', '- 2'];
    for (const text of prices) {
      const symbol = text.slice(0, 1);
      await node.send('keyed', text, symbol === '-' ? {} : { metadata: { symbol } });
    }
    slow.read();
    assert.deepEqual(slow.texts, ['first', 'C 1', 'B 2', 'A 3', '- 2']);
    assert.deepEqual(
      slow.gaps.map(({ dropped, to }) => [dropped, to]),
      [[4, { kind: 'group', name: 'keyed' }]],
    );
    assert.deepEqual(node.router.counters.slowDropped, { 'drop-oldest': 0, latest: 4 });
    await assertCalm(node);
  });

  test('latest: without a key one message is kept for the whole destination', async () => {
    const node = await start();
    const slow = await congested(node, 'oldest');
    for (let index = 0; index < 1000; index += 1) {
      await node.publish({ kind: 'all' }, `${index} ${kilobyte}`);
      node.clock.endTurn();
    }
    assert.ok(node.router.ringBudget.bytes < 4 * kilobyte.length);
    slow.read();
    assert.deepEqual(slow.texts, ['first', `999 ${kilobyte}`]);
    assert.deepEqual(
      slow.gaps.map(({ dropped, to }) => [dropped, to]),
      [[999, { kind: 'all' }]],
    );
    await assertCalm(node);
  });

  test('latest: what is not for all replaces only what is for the same receivers', async () => {
    const node = await start();
    const slow = await congested(node, 'keyed');
    const { connectionId } = slow.subscriber;
    const metadata = { symbol: 'A' };
    await node.send('keyed', 'for all, old', { metadata });
    await node.send('keyed', 'for all', { metadata });
    await node.send('keyed', 'not for it', { metadata, excluded: [connectionId] });
    await node.send('keyed', 'for ann, old', { metadata, filter: "userId eq 'ann'" });
    await node.send('keyed', 'for ann', { metadata, filter: "userId eq 'ann'" });
    slow.read();
    assert.deepEqual(slow.texts, ['first', 'for all', 'for ann']);
    await assertCalm(node);
  });

  test('policies: each destination of a connection has its own', async () => {
    const node = await start();
    const slow = await congested(node, 'oldest1', 'oldest2', 'plain', 'recover');
    await flood(node, 'oldest1');
    await flood(node, 'oldest2', 10);
    await node.send('plain', 'plain');
    slow.read();
    assert.ok(slow.socket.isOpen);
    assert.equal(slow.texts.filter((text) => text.startsWith('oldest2')).length, 10);
    assert.equal(slow.texts.at(-1) === 'plain' || slow.texts.includes('plain'), true);
    assert.equal(slow.gaps.length, 1);
    await assertCalm(node);
  });

  test('policies: one lost message of a destination with disconnect closes the connection', async () => {
    const node = await start();
    const slow = await congested(node, 'oldest', 'plain', 'recover');
    for (const group of ['oldest', 'recover', 'plain']) await flood(node, group);
    slow.read();
    assert.equal(slow.socket.closedWith?.code, closeCodes.slowConsumer);
    assert.deepEqual(node.router.counters.slowCloses, { disconnect: 1, 'drop-and-recover': 0 });
    await assertCalm(node);
  });

  test('policies: messages to the connection itself are never dropped', async () => {
    const node = await start();
    const slow = await congested(node, 'oldest');
    const to = { kind: 'connection', name: slow.subscriber.connectionId } as const;
    for (let index = 0; index < 100; index += 1) {
      await node.publish(to, kilobyte);
      node.clock.endTurn();
    }
    slow.read();
    assert.equal(slow.socket.closedWith?.code, closeCodes.slowConsumer);
    await assertCalm(node);
  });

  test('drop-oldest: a notice that the socket does not take stops the catch-up', async () => {
    const node = await start();
    const slow = await congested(node, 'oldest');
    await node.send('oldest', 'x'.repeat(100_000));
    await node.publish({ kind: 'user', name: 'ann' }, 'to the user');
    node.clock.endTurn();
    const notice = node.encoder.encodeReply({ kind: 'pong' });
    slow.onNotice = () => slow.subscriber.sendReply(notice);
    // Room for the first message and no more.
    slow.read('first'.length);
    assert.ok(slow.subscriber.isCongested);
    slow.onNotice = undefined;
    slow.read();
    assert.ok(slow.texts.includes('to the user'));
    assert.equal(slow.gaps.length, 1);
    await assertCalm(node);
  });
});
