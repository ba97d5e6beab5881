/** Tests of attaching, joining and leaving: limits, races with the broker, what is left behind. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Backplane, BackplaneSink } from '../../../../backplanes/backplane.ts';
import { BackplaneUnavailableError } from '../../../../backplanes/backplane.ts';
import { MemoryBackplane } from '../../../../backplanes/memory/memory-backplane.ts';
import { GatewayError } from '../../../../gateway/errors.ts';
import { settled, TestNode } from './fakes.ts';

/** A memory backplane whose subscribes wait until the test lets them go on. */
class SlowBackplane implements Backplane {
  readonly #inner = new MemoryBackplane();
  readonly traits = this.#inner.traits;
  readonly keys = new Set<string>();
  isSlow = false;
  readonly waiting = new Map<string, (error?: Error) => void>();
  unsubscribes = 0;

  start(sink: BackplaneSink): Promise<void> {
    return this.#inner.start(sink);
  }

  async subscribe(key: string): Promise<void> {
    assert.ok(!this.keys.has(key), `${key} is subscribed twice`);
    if (this.isSlow) {
      await new Promise<void>((resolve, reject) => {
        this.waiting.set(key, (error) => {
          this.waiting.delete(key);
          if (error === undefined) resolve();
          else reject(error);
        });
      });
    }
    this.keys.add(key);
    await this.#inner.subscribe(key);
  }

  async unsubscribe(key: string): Promise<void> {
    this.unsubscribes += 1;
    this.keys.delete(key);
    await this.#inner.unsubscribe(key);
  }

  publish(key: string, bytes: Uint8Array): ReturnType<Backplane['publish']> {
    return this.#inner.publish(key, bytes);
  }

  isUp(): boolean {
    return this.#inner.isUp();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async confirmAll(): Promise<void> {
    for (const go of [...this.waiting.values()]) go();
    await settled();
  }
}

async function startSlow(): Promise<{ node: TestNode; backplane: SlowBackplane }> {
  const backplane = new SlowBackplane();
  const node = await TestNode.start({ backplane, limits: { groupsPerConnectionMax: 3 } });
  return { node, backplane };
}

const tooManyGroups = (error: unknown): boolean =>
  error instanceof GatewayError && error.code === 'too-many-groups';

describe('members', () => {
  test('members: messages flow from the moment enter has resolved', async () => {
    const node = await TestNode.start();
    const client = await node.connect({ userId: 'ann', groups: ['g', 'g', 'h'] });
    assert.deepEqual([...client.subscriber.groupNames()].sort(), ['g', 'h']);
    await node.publish({ kind: 'all' }, '1');
    await node.publish({ kind: 'user', name: 'ann' }, '2');
    await node.publish({ kind: 'group', name: 'g' }, '3');
    await node.publish({ kind: 'connection', name: client.subscriber.connectionId }, '4');
    node.clock.endTurn();
    assert.deepEqual(client.texts, ['1', '2', '3', '4']);
  });

  test('members: one who left, or is gone, gets nothing more', async () => {
    const node = await TestNode.start();
    const left = await node.connect({ groups: ['g'] });
    const gone = await node.connect({ groups: ['g'] });
    const stays = await node.connect({ groups: ['g'] });
    node.router.members.leave(left.subscriber, 'g');
    node.router.members.leave(left.subscriber, 'g');
    node.router.members.leave(left.subscriber, 'never joined');
    node.router.members.detach(gone.subscriber);
    node.router.members.detach(gone.subscriber);
    await node.send('g', 'x');
    assert.deepEqual([left.texts, gone.texts, stays.texts], [[], [], ['x']]);
    assert.equal(left.subscriber.isInGroup('g'), false);
    assert.equal(node.router.hubs.connectionCount, 2);
  });

  test('members: a second join of the same group changes nothing', async () => {
    const { backplane, node } = await startSlow();
    const client = await node.connect();
    backplane.isSlow = true;
    const joins = [1, 2].map(() => node.router.members.join(client.subscriber, 'g'));
    await backplane.confirmAll();
    await Promise.all(joins);
    await node.router.members.join(client.subscriber, 'g');
    assert.equal(client.subscriber.groupCount(), 1);
    await node.send('g', 'x');
    assert.deepEqual(client.texts, ['x']);
  });

  test('members: the limit of groups holds for one after the other and for all at once', async () => {
    const { backplane, node } = await startSlow();
    const client = await node.connect();
    backplane.isSlow = true;
    const names = ['a', 'b', 'c', 'd', 'e'];
    const joins = Promise.allSettled(
      names.map((name) => node.router.members.join(client.subscriber, name)),
    );
    assert.deepEqual([...backplane.waiting.keys()], ['g:hub:a', 'g:hub:b', 'g:hub:c']);
    await backplane.confirmAll();
    const outcomes = await joins;
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'],
    );
    await assert.rejects(node.router.members.join(client.subscriber, 'f'), tooManyGroups);
    await node.router.members.join(client.subscriber, 'a');
    node.router.members.leave(client.subscriber, 'a');
    backplane.isSlow = false;
    await node.router.members.join(client.subscriber, 'f');
    assert.deepEqual([...client.subscriber.groupNames()].sort(), ['b', 'c', 'f']);
  });

  test('members: a leave takes back a join that still waits for the broker', async () => {
    const { backplane, node } = await startSlow();
    const client = await node.connect();
    backplane.isSlow = true;
    const join = node.router.members.join(client.subscriber, 'g');
    node.router.members.leave(client.subscriber, 'g');
    await backplane.confirmAll();
    await join;
    assert.equal(client.subscriber.isInGroup('g'), false);
  });

  test('members: of join, leave, join in one turn the last word counts', async () => {
    const { backplane, node } = await startSlow();
    const client = await node.connect();
    backplane.isSlow = true;
    const first = node.router.members.join(client.subscriber, 'g');
    node.router.members.leave(client.subscriber, 'g');
    const second = node.router.members.join(client.subscriber, 'g');
    await backplane.confirmAll();
    await Promise.all([first, second]);
    assert.equal(client.subscriber.groupCount(), 1);
  });

  test('members: leaving all groups takes back the joins that wait', async () => {
    const { backplane, node } = await startSlow();
    const client = await node.connect({ groups: ['a'] });
    backplane.isSlow = true;
    const join = node.router.members.join(client.subscriber, 'b');
    node.router.members.leaveAll(client.subscriber);
    await backplane.confirmAll();
    await join;
    assert.equal(client.subscriber.groupCount(), 0);
  });

  test('members: a connection that closes during its join leaves nothing behind', async () => {
    const { backplane, node } = await startSlow();
    const client = await node.connect({ userId: 'ann' });
    backplane.isSlow = true;
    const join = node.router.members.join(client.subscriber, 'g');
    client.vanish();
    await backplane.confirmAll();
    await join;
    assert.equal(node.router.hubs.find('hub', { kind: 'group', name: 'g' })?.members.length, 0);
    node.clock.advance(2000);
    await settled();
    assert.equal(node.router.hubs.targetCount, 0);
    assert.deepEqual([...backplane.keys], ['n:node1', 'x:']);
  });

  test('members: when one of several subscribes fails, the others are not left behind', async () => {
    const { backplane, node } = await startSlow();
    backplane.isSlow = true;
    const client = node.attach({ userId: 'ann' });
    const enter = node.router.members.enter(client.subscriber, ['g']);
    const refused = assert.rejects(enter, (error: unknown) => {
      return error instanceof GatewayError && error.code === 'backplane-unavailable';
    });
    backplane.waiting.get('u:hub:ann')?.(new BackplaneUnavailableError('no broker'));
    await settled();
    node.clock.advance(5000);
    await settled();
    await backplane.confirmAll();
    await refused;
    assert.equal(client.subscriber.first, undefined);
    client.vanish();
    node.clock.advance(5000);
    await settled();
    assert.deepEqual([...backplane.keys], ['n:node1', 'x:']);
    assert.equal(node.router.hubs.targetCount, 0);
  });

  test('members: after everybody left only the keys of the node are left', async () => {
    const { backplane, node } = await startSlow();
    const clients = [];
    for (let index = 0; index < 20; index += 1) {
      clients.push(await node.connect({ userId: `u${index % 5}`, groups: [`g${index % 3}`] }));
    }
    assert.equal(backplane.keys.size, 2 + 1 + 5 + 3);
    for (const client of clients) client.vanish();
    node.clock.advance(2000);
    await settled();
    assert.deepEqual([...backplane.keys], ['n:node1', 'x:']);
    assert.equal(node.router.hubs.targetCount, 0);
    assert.equal(node.router.hubs.connectionCount, 0);
    await node.router.close();
    assert.equal(node.clock.timers, 0);
  });
});
