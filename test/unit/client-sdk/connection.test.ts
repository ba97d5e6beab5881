/** The connection on fake sockets: when it comes back, when it stops, and how it changes nodes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ConnectionChange } from '../../../client-sdk/src/connection.ts';
import { connectionTransitions } from '../../../client-sdk/src/connection-states.ts';
import { UnauthorizedError } from '../../../client-sdk/src/errors.ts';
import { FakeWorld } from './fakes.ts';

describe('connection', () => {
  test('connecting: the token is in the address, and each change has its reason', async () => {
    const world = new FakeWorld();
    const client = world.client({ autoConnect: false });
    const changes: string[] = [];
    client.on('state', ({ previous, reason, state }) =>
      changes.push(`${previous} ${reason} ${state}`),
    );
    assert.equal(client.state, 'idle');
    client.connect();
    await world.clock.pass(0);
    assert.equal(world.socket.token, 'token');
    world.socket.greet();
    world.socket.shut(1006);
    client.close();
    assert.deepEqual(changes, [
      'idle connect connecting',
      'connecting greeted connected',
      'connected lost waiting',
      'waiting close closed',
    ]);
    assert.equal(world.clock.pending, 0);
  });

  test('connection id: that of the connection which serves, none without one', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected({ connectionId: 'node1-a' });
    assert.equal(client.connectionId, 'node1-a');
    socket.shut(1001);
    assert.equal(client.connectionId, undefined);
    await world.clock.pass(0);
    world.socket.greet({ connectionId: 'node2-b' });
    assert.equal(client.connectionId, 'node2-b');
    client.close();
    assert.equal(client.connectionId, undefined);
  });

  test('backoff: full jitter from the first attempt, bounded, anew after ten good seconds', async () => {
    const world = new FakeWorld();
    const client = world.client();
    const delays: (number | undefined)[] = [];
    client.on('state', ({ retryInMs, state }) => {
      if (state === 'waiting') delays.push(retryInMs);
    });
    await world.clock.pass(0);
    for (let attempt = 0; attempt < 8; attempt += 1) {
      world.socket.shut();
      await world.clock.pass(delays.at(-1) ?? 0);
    }
    assert.deepEqual(delays, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    world.socket.greet();
    await world.clock.pass(9_999);
    world.socket.shut();
    await world.clock.pass(10_000);
    world.socket.greet();
    await world.clock.pass(10_000);
    world.socket.shut();
    assert.deepEqual(delays.slice(-2), [10_000, 250]);
    client.close();
  });

  test('close codes: 1001 and 4009 come back at once, but only once', async () => {
    for (const code of [1001, 4009]) {
      const world = new FakeWorld();
      const { client, socket } = await world.connected();
      const delays: (number | undefined)[] = [];
      client.on('state', ({ retryInMs, state }) => state === 'waiting' && delays.push(retryInMs));
      socket.shut(code);
      await world.clock.pass(0);
      world.socket.shut(code);
      assert.deepEqual(delays, [0, 500]);
      client.close();
    }
  });

  test('close codes: those that are final stop it, and nothing is left running', async () => {
    for (const code of [1000, 1003, 1007, 1008, 1009]) {
      const world = new FakeWorld();
      const { client, socket } = await world.connected();
      const changes: ConnectionChange[] = [];
      client.on('state', (change) => changes.push(change));
      socket.shut(code, 'why');
      assert.deepEqual(changes, [
        { state: 'closed', previous: 'connected', reason: 'stopped', code, message: 'why' },
      ]);
      assert.equal(world.clock.pending, 0);
      assert.equal(world.wakes.size, 0);
      client.connect();
      await world.clock.pass(0);
      assert.equal(world.sockets.length, 2);
      client.close();
    }
  });

  test('waking: online, visible and connect() do not wait for the delay', async () => {
    for (const reason of ['online', 'visible', 'connect'] as const) {
      const world = new FakeWorld();
      const { client, socket } = await world.connected();
      socket.shut();
      if (reason === 'connect') client.connect();
      else world.wake(reason);
      await world.clock.pass(0);
      assert.equal(world.sockets.length, 2);
      await world.clock.pass(5000);
      assert.equal(world.sockets.length, 2, 'the delay that was saved does not come after all');
      client.close();
    }
  });

  test('silence: two heartbeats and two seconds, then the connection is given up', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected({ heartbeatMs: 1000 });
    await world.clock.pass(3999);
    socket.say({ type: 'heartbeat' });
    await world.clock.pass(3999);
    assert.equal(client.state, 'connected');
    await world.clock.pass(1);
    assert.equal(client.state, 'waiting');
    assert.equal(socket.closedWith, 1000);
    client.close();
  });

  test('silence: who wakes after a long sleep does not wait for a dead connection', async () => {
    const world = new FakeWorld();
    const { client } = await world.connected({ heartbeatMs: 1000 });
    let nowMs = world.clock.nowMs();
    // Timers stand still while a machine sleeps; its clock does not.
    world.clock.nowMs = () => nowMs;
    nowMs += 60_000;
    world.wake('visible');
    assert.equal(client.state, 'waiting');
    client.close();
  });

  test('opening: a gateway that never greets is given up', async () => {
    const world = new FakeWorld();
    const client = world.client({ connectTimeoutMs: 500 });
    await world.clock.pass(500);
    assert.equal(client.state, 'waiting');
    client.close();
    assert.equal(world.clock.pending, 0);
  });

  test('tokens: the reason says whether the last one may have been refused', async () => {
    const world = new FakeWorld();
    const { client } = await world.connected();
    world.socket.shut();
    await world.clock.pass(250);
    world.socket.shut();
    await world.clock.pass(500);
    world.socket.greet();
    world.socket.shut(4401);
    await world.clock.pass(2000);
    assert.deepEqual(world.reasons, ['connect', 'connect', 'refused', 'refused']);
    client.close();
  });

  test('tokens: one that fails or never comes is asked for again', async () => {
    const world = new FakeWorld();
    world.token = () => Promise.reject(new Error('no network'));
    const client = world.client({ connectTimeoutMs: 500 });
    const codes: string[] = [];
    client.on('error', ({ code }) => codes.push(code));
    await world.clock.pass(0);
    assert.equal(client.state, 'waiting');
    world.token = () => new Promise(() => undefined);
    await world.clock.pass(250 + 500);
    assert.deepEqual(codes, ['token-failed', 'timeout']);
    world.token = () => Promise.resolve('late');
    await world.clock.pass(500);
    assert.equal(world.socket.token, 'late');
    client.close();
  });

  test('tokens: UnauthorizedError stops it for good', async () => {
    const world = new FakeWorld();
    world.token = () => Promise.reject(new UnauthorizedError('signed out'));
    const client = world.client();
    const reasons: string[] = [];
    client.on('state', ({ reason }) => reasons.push(reason));
    await world.clock.pass(60_000);
    assert.deepEqual(reasons, ['unauthorized']);
    assert.equal(world.clock.pending, 0);
    assert.deepEqual(world.reasons, ['connect']);
  });

  test('refresh: a new token goes over the open connection before the old one expires', async () => {
    const world = new FakeWorld();
    const { client, errors, socket } = await world.connected({ tokenExpiresInMs: 10_000 });
    const claims = btoa(JSON.stringify({ iat: 100, exp: 120 }));
    world.token = () => Promise.resolve(`h.${claims}.s`);
    const beat = async (): Promise<void> => {
      for (let second = 0; second < 8; second += 1) {
        await world.clock.pass(1000);
        socket.say({ type: 'heartbeat' });
      }
    };
    await beat();
    assert.equal(socket.of('refreshToken')[0]?.['token'], `h.${claims}.s`);
    socket.refuse('refreshToken', 'BadRequest');
    await world.clock.pass(250);
    socket.answer('refreshToken');
    await beat();
    assert.equal(socket.of('refreshToken').length, 2, 'the new one is good for 20 s');
    await beat();
    assert.equal(socket.of('refreshToken').length, 3);
    assert.deepEqual(
      errors.map(({ refusal }) => refusal),
      ['BadRequest'],
    );
    assert.equal(world.sockets.length, 1);
    client.close();
    assert.equal(world.clock.pending, 0);
  });

  test('goaway: the next connection serves before the old one is closed', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const changes: string[] = [];
    client.on('state', ({ reason, state }) => changes.push(`${reason} ${state}`));
    socket.say({ type: 'goaway', reason: 'The node goes away', withinMs: 5000 });
    await world.clock.pass(1999);
    assert.equal(world.sockets.length, 1);
    await world.clock.pass(1);
    assert.equal(world.sockets.length, 2);
    assert.equal(socket.isOver, false);
    world.socket.greet();
    assert.equal(socket.closedWith, 1000);
    assert.deepEqual(changes, ['moved connected']);
    client.close();
  });

  test('goaway: a next connection that fails is tried again, and one too many is never open', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    socket.say({ type: 'goaway', reason: '', withinMs: 5000 });
    await world.clock.pass(2000);
    world.socket.shut();
    await world.clock.pass(250);
    assert.equal(world.sockets.length, 3);
    assert.equal(client.state, 'connected');
    socket.shut(1001);
    assert.equal(client.state, 'connecting');
    world.socket.greet();
    assert.equal(client.state, 'connected');
    assert.equal(world.sockets.filter(({ isOver }) => !isOver).length, 1);
    client.close();
    assert.equal(world.clock.pending, 0);
  });

  test('listeners: what they throw is reported, and changes nothing', async () => {
    const world = new FakeWorld();
    const { client, errors } = await world.connected();
    client.on('state', () => {
      throw new Error('sync');
    });
    client.on('state', () => Promise.reject(new Error('async')));
    world.socket.shut();
    await world.clock.pass(0);
    assert.deepEqual(
      errors.map(({ cause, code }) => `${code}: ${String(cause)}`),
      ['listener-failed: Error: sync', 'listener-failed: Error: async'],
    );
    assert.equal(client.state, 'waiting');
    client.close();
  });
});

type Happening = (world: FakeWorld) => void | Promise<void>;

const anything: fc.Arbitrary<Happening> = fc.oneof(
  fc.integer({ min: 0, max: 30_000 }).map(
    (ms): Happening =>
      (world) =>
        world.clock.pass(ms),
  ),
  fc.constantFrom(1000, 1001, 1006, 1008, 1011, 4008, 4009, 4401, 4999).chain((code) =>
    fc.nat(3).map(
      (at): Happening =>
        (world) =>
          world.sockets.at(-at)?.shut(code),
    ),
  ),
  fc.nat(2).map((at): Happening => (world) => {
    const socket = world.sockets.at(-at);
    if (socket?.sent.length === 0) socket.greet({ tokenExpiresInMs: 60_000 });
  }),
  fc.constantFrom('online' as const, 'visible' as const).map((reason): Happening => (world) => {
    world.wake(reason);
  }),
  fc.integer({ min: 0, max: 9000 }).map((withinMs): Happening => (world) => {
    world.sockets.at(-1)?.say({ type: 'goaway', reason: '', withinMs });
  }),
  fc.constantFrom('token', 'fails', 'never').map((kind): Happening => (world) => {
    if (kind === 'token') world.token = () => Promise.resolve('token');
    if (kind === 'fails') world.token = () => Promise.reject(new Error('x'));
    if (kind === 'never') world.token = () => new Promise(() => undefined);
  }),
);

test('connection: whatever happens, it is served, or on its way, or was told to stop', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anything, { maxLength: 30, size: 'max' }), async (happenings) => {
      const world = new FakeWorld();
      const client = world.client();
      client.on('error', () => undefined);
      client.on('state', ({ previous, reason, state }) => {
        assert.equal(connectionTransitions[previous][reason], state);
      });
      for (const happen of happenings) {
        await happen(world);
        const open = world.sockets.filter(({ isOver }) => !isOver).length;
        assert.ok(open <= 2);
        if (client.state === 'connected') assert.ok(open > 0);
        if (client.state === 'closed') assert.deepEqual([open, world.clock.pending], [0, 0]);
      }
      // However it stands: a gateway that answers is found within the longest delay.
      const wasStopped = client.state === 'closed';
      world.token = () => Promise.resolve('token');
      for (let round = 0; round < (wasStopped ? 0 : 10); round += 1) {
        await world.clock.pass(7000);
        for (const socket of world.sockets) if (!socket.isOver) socket.greet();
      }
      assert.equal(client.state, wasStopped ? 'closed' : 'connected');
      client.close();
      await world.clock.pass(0);
      assert.equal(world.clock.pending, 0);
      assert.ok(world.sockets.every(({ isOver }) => isOver));
    }),
    { numRuns: 200 },
  );
});
