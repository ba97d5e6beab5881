/** The test kit as an application's tests use it, with time that they move. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Group } from '../../../../client-sdk/src/index.ts';
import { createTestGateway, ManualClock } from '../../../../client-sdk/src/testing/index.ts';

function heard(channel: Pick<Group, 'on'>): unknown[] {
  const all: unknown[] = [];
  channel.on('message', ({ data }) => all.push(data));
  channel.on('gap', ({ reason }) => all.push(`gap ${reason}`));
  return all;
}

describe('test gateway', () => {
  test('test gateway: everything happens without time, and nothing is left over', async () => {
    const clock = new ManualClock();
    const gateway = createTestGateway({ clock });
    const anna = gateway.client('anna').group('room.1');
    const ben = gateway.client('ben').group('room.1');
    const [toAnna, toBen] = [heard(anna), heard(ben)];
    await clock.settle();
    assert.deepEqual([anna.state, ben.state], ['live', 'live']);
    assert.deepEqual(
      gateway.members('room.1').map(({ userId }) => userId),
      ['anna', 'ben'],
    );
    const published = anna.publish('hi', { noEcho: true });
    gateway.publish('room.1', 'server', { fromUserId: 'carla', metadata: { kind: 'x' } });
    await clock.settle();
    assert.equal((await published).position?.offset, 2);
    assert.deepEqual([toAnna, toBen], [['server'], ['server', 'hi']]);
    ben.leave();
    await clock.settle();
    assert.equal(gateway.members('room.1').length, 1);
    assert.equal(gateway.connections.length, 2);
    gateway.close();
    assert.equal(gateway.connections.length, 0);
    assert.equal(clock.pending, 0);
  });

  test('test gateway: heartbeats keep a connection, without them it is silent', async () => {
    const clock = new ManualClock();
    const gateway = createTestGateway({ clock, heartbeatMs: 1000 });
    const client = gateway.client('anna');
    const reasons: string[] = [];
    client.on('state', ({ reason }) => reasons.push(reason));
    await clock.pass(300_000);
    assert.deepEqual(reasons, ['greeted']);
    gateway.close();
  });

  test('test gateway: a node that goes away is left without a gap', async () => {
    const clock = new ManualClock();
    const gateway = createTestGateway({ clock });
    const client = gateway.client('anna');
    const reasons: string[] = [];
    client.on('state', ({ reason }) => reasons.push(reason));
    const group = client.group('room.1');
    const got = heard(group);
    await clock.settle();
    gateway.goAway(5000);
    for (let second = 0; second < 6; second += 1) {
      gateway.publish('room.1', second);
      await clock.pass(1000);
    }
    assert.deepEqual(reasons, ['greeted', 'moved']);
    assert.deepEqual(got, [0, 1, 2, 3, 4, 5]);
    assert.equal(gateway.connections.length, 1);
    gateway.close();
  });

  test('test gateway: what retention took is a gap', async () => {
    const clock = new ManualClock();
    const gateway = createTestGateway({ clock });
    const group = gateway.client('anna').group('room.1');
    const got = heard(group);
    await clock.settle();
    gateway.refuse();
    gateway.cut('anna');
    gateway.publish('room.1', 'missed');
    gateway.forget('room.1');
    gateway.welcome();
    await clock.pass(1000);
    gateway.publish('room.1', 'new');
    await clock.settle();
    assert.deepEqual(got, ['gap unrecovered', 'new']);
    gateway.close();
  });

  test('test gateway: the application answers events', async () => {
    const clock = new ManualClock();
    const gateway = createTestGateway({
      clock,
      onEvent: ({ data, event, userId }) => {
        if (event !== 'double') throw new Error(`no ${event}`);
        return [userId, Number(data) * 2];
      },
    });
    const client = gateway.client('anna');
    assert.deepEqual(await client.invoke('double', 4), ['anna', 8]);
    await client.send('double', 1);
    await assert.rejects(client.invoke('triple', 4), { refusal: 'InvocationFailed' });
    gateway.close();
  });

  test('test gateway: a message that came too late for its time is not given', async () => {
    const clock = new ManualClock();
    const gateway = createTestGateway({ clock });
    const [anna, ben] = [gateway.client('anna'), gateway.client('ben')];
    const got = heard(ben.group('room.1'));
    const group = anna.group('room.1');
    await clock.settle();
    gateway.refuse();
    gateway.cut('ben');
    await group.publish('late', { ttlSeconds: 1 });
    await group.publish('in time');
    await clock.pass(2000);
    gateway.welcome();
    await clock.pass(1000);
    assert.deepEqual(got, ['in time']);
    gateway.close();
  });

  test('test gateway: its connections take the token of a real one, and refuse none at all', async () => {
    const clock = new ManualClock();
    const gateway = createTestGateway({ clock });
    const client = gateway.client('anna', { getToken: () => 'no token' });
    const codes: unknown[] = [];
    client.on('state', ({ code, state }) => {
      if (state === 'waiting') codes.push(code);
    });
    await clock.pass(100);
    assert.equal(codes[0], 1006);
    const claims = { sub: 'ben', role: [], exp: Date.now() / 1000 + 60 };
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
    gateway.client(undefined, { getToken: () => `header.${payload}.signature` });
    await clock.settle();
    assert.deepEqual(
      gateway.connections.map(({ userId }) => userId),
      ['ben'],
    );
    gateway.close();
  });
});
