/** Presence in the client, on fake sockets: watches, views, differences, states and reconnects. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Client } from '../../../../client-sdk/src/client.ts';
import type { Group } from '../../../../client-sdk/src/group.ts';
import {
  presence,
  type Presence,
  type PresenceMember,
} from '../../../../client-sdk/src/presence/index.ts';
import type { TrunklineError } from '../../../../client-sdk/src/errors.ts';
import { FakeWorld, type FakeSocket, type Frame } from '../fakes.ts';

const watched = { type: 'presence', group: 'g' };

/** A member as the gateway tells it: `ben` on connection `b1` is `member('ben', 'b1')`. */
function member(userId: string | undefined, connectionId: string, state?: Frame): Frame {
  return {
    connectionId,
    ...(userId !== undefined && { userId }),
    ...(state && { state }),
    since: 1,
  };
}

function snapshot(...members: readonly Frame[]): Frame {
  const users = new Set(members.map(({ userId }) => userId)).size;
  return { ...watched, kind: 'snapshot', members, connections: members.length, users };
}

function changes(set: readonly Frame[], left: readonly string[] = []): Frame {
  return { ...watched, kind: 'changes', set, left, connections: 0, users: 0 };
}

/** A member in short: `ben:b1+b2 {"k":"v"}`. */
function shown({ connections, state, userId = '-' }: PresenceMember): string {
  const ids = connections.map(({ connectionId }) => connectionId).join('+');
  return `${userId}:${ids}${Object.keys(state).length > 0 ? ` ${JSON.stringify(state)}` : ''}`;
}

function told(online: Pick<Presence, 'on'>): string[] {
  const all: string[] = [];
  for (const event of ['join', 'update', 'leave'] as const) {
    online.on(event, (one) => all.push(`${event} ${shown(one)}`));
  }
  return all;
}

const all = (online: Pick<Presence, 'members'>): string[] =>
  [...online.members.values()].map(shown).toSorted();

interface Watching {
  readonly world: FakeWorld;
  readonly client: Client;
  readonly socket: FakeSocket;
  readonly errors: readonly TrunklineError[];
  readonly group: Group;
  readonly online: Presence;
}

/** A client whose watch of `g` was granted; nobody was told yet. */
async function watching(): Promise<Watching> {
  const world = new FakeWorld();
  const { client, errors, socket } = await world.connected();
  const group = client.group('g');
  const online = presence(group);
  socket.answer('joinGroup');
  socket.answer('watchPresence');
  return { world, client, socket, errors, group, online };
}

/** The next socket after this one was lost: joined, and its watch granted. */
async function again(world: FakeWorld): Promise<FakeSocket> {
  world.socket.shut();
  await world.clock.pass(1000);
  world.socket.greet({ connectionId: 'again' });
  world.socket.answer('joinGroup');
  world.socket.answer('watchPresence');
  return world.socket;
}

describe('presence: what it is told', () => {
  test('it watches after the join was granted, and not before', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const group = client.group('g');
    const online = presence(group);
    assert.deepEqual(socket.of('watchPresence'), []);
    assert.equal(online.get().isCurrent, false);
    socket.answer('joinGroup');
    assert.deepEqual(socket.of('watchPresence'), [{ type: 'watchPresence', group: 'g', ackId: 2 }]);
    socket.answer('watchPresence');
    assert.equal(online.get().isCurrent, false);
    socket.say(snapshot());
    assert.deepEqual(online.get(), {
      members: new Map(),
      connections: 0,
      users: 0,
      isCounting: false,
      isCurrent: true,
    });
    client.close();
  });

  test('users with several connections, and connections without a user, are members', async () => {
    const { client, online, socket } = await watching();
    const events = told(online);
    socket.say(snapshot(member('anna', 'a1'), member(undefined, 'x'), member('ben', 'b1')));
    assert.deepEqual(events, ['join anna:a1', 'join -:x', 'join ben:b1']);
    const { connections, members, users } = online.get();
    assert.deepEqual([connections, users, [...members.keys()]], [3, 2, ['anna', 'x', 'ben']]);
    events.length = 0;
    socket.say(changes([member('ben', 'b2', { at: 'desk' })], ['x']));
    socket.say(changes([], ['b1']), changes([], ['b2']));
    assert.deepEqual(events, [
      'update ben:b1+b2 {"at":"desk"}',
      'leave -:x',
      'update ben:b2 {"at":"desk"}',
      'leave ben:b2 {"at":"desk"}',
    ]);
    assert.deepEqual(all(online), ['anna:a1']);
    client.close();
  });

  test('one change for each thing told, after its single events; what is as before is the same object', async () => {
    const { client, online, socket } = await watching();
    socket.say(snapshot(member('anna', 'a1'), member('ben', 'b1')));
    const before = online.get();
    assert.equal(online.get(), before);
    const order: string[] = [];
    online.on('join', ({ userId }) => order.push(`join ${userId}`));
    online.on('change', ({ joined, left, updated }) => {
      order.push(`change ${joined.length} ${updated.length} ${left.length}`);
      assert.ok(online.members.has('carla'));
    });
    socket.say(changes([member('carla', 'c1'), member('ben', 'b1', { k: 'v' })]));
    assert.deepEqual(order, ['join carla', 'change 1 1 0']);
    assert.notEqual(online.get(), before);
    assert.equal(online.members.get('anna'), before.members.get('anna'));
    client.close();
  });

  test('another snapshot on the same connection: only the difference is told', async () => {
    const { client, online, socket } = await watching();
    socket.say(snapshot(member('anna', 'a1', { k: 'v' }), member('ben', 'b1')));
    const events = told(online);
    socket.say(snapshot(member('anna', 'a1', { k: 'v' }), member('carla', 'c1')));
    assert.deepEqual(events, ['join carla:c1', 'leave ben:b1']);
    client.close();
  });

  test('a state with the names of prototypes stays data', async () => {
    const { client, online, socket } = await watching();
    const text = '{"__proto__":"x","constructor":"y"}';
    // What a gateway says can hold any key.
    const state = JSON.parse(text) as Frame;
    socket.say(snapshot(member('anna', 'a1', state)));
    assert.equal(JSON.stringify(online.members.get('anna')?.state), text);
    client.close();
  });

  test('too many to tell: numbers only, nobody leaves, and all join again afterwards', async () => {
    const { client, online, socket } = await watching();
    socket.say(snapshot(member('anna', 'a1')));
    const events = told(online);
    let changed = 0;
    online.on('change', () => (changed += 1));
    socket.say({ ...watched, kind: 'counts', connections: 1001 });
    socket.say({ ...watched, kind: 'counts', connections: 1500 });
    const { isCounting, connections, members, users } = online.get();
    assert.deepEqual([isCounting, connections, users, members.size], [true, 1500, undefined, 0]);
    assert.deepEqual([events, changed], [[], 2]);
    socket.say(snapshot(member('anna', 'a1')));
    assert.deepEqual(events, ['join anna:a1']);
    assert.equal(online.get().isCounting, false);
    client.close();
  });

  test('everybody online in the hub: needs no join', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const online = presence(client);
    socket.answer('watchPresence');
    assert.deepEqual(socket.of('watchPresence')[0], { type: 'watchPresence', to: 'all', ackId: 1 });
    const members = [member('anna', 'a1')];
    socket.say({
      type: 'presence',
      to: 'all',
      kind: 'snapshot',
      members,
      connections: 1,
      users: 1,
    });
    assert.deepEqual(all(online), ['anna:a1']);
    online.stop();
    assert.deepEqual(socket.of('unwatchPresence'), [{ type: 'unwatchPresence', to: 'all' }]);
    client.close();
  });
});

describe('presence: over reconnects', () => {
  test('it watches again, and tells only the difference', async () => {
    const { client, online, socket, world } = await watching();
    socket.say(snapshot(member('anna', 'a1'), member('ben', 'b1'), member('carla', 'c1')));
    const events = told(online);
    const next = await again(world);
    assert.equal(online.get().isCurrent, false);
    assert.deepEqual(all(online), ['anna:a1', 'ben:b1', 'carla:c1']);
    next.say(changes([member('early', 'e1')]));
    next.say(snapshot(member('anna', 'a2'), member('ben', 'b1'), member('dan', 'd1')));
    assert.equal(online.get().isCurrent, true);
    assert.deepEqual(events, ['join dan:d1', 'update anna:a2']);
    client.close();
  });

  test('who is missing afterwards is kept for a while, and gone only then', async () => {
    const { client, online, socket, world } = await watching();
    socket.say(snapshot(member('ben', 'b1'), member('carla', 'c1'), member(undefined, 'x')));
    const events = told(online);
    const next = await again(world);
    next.say(snapshot());
    assert.deepEqual(all(online), ['-:x', 'ben:b1', 'carla:c1']);
    assert.equal(online.get().connections, 3);
    await world.clock.pass(2000);
    next.say(changes([member('ben', 'b2')]));
    await world.clock.pass(999);
    assert.deepEqual(events, ['update ben:b2']);
    await world.clock.pass(1);
    assert.deepEqual(events, ['update ben:b2', 'leave carla:c1', 'leave -:x']);
    next.say(changes([], ['b2']));
    assert.equal(events.at(-1), 'leave ben:b2');
    client.close();
  });

  test('the time of keeping can be chosen; nothing waits after the end', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const online = presence(client.group('g'), { holdMs: 50 });
    socket.answer('joinGroup');
    socket.answer('watchPresence');
    socket.say(snapshot(member('ben', 'b1')));
    const next = await again(world);
    next.say(snapshot());
    const events = told(online);
    await world.clock.pass(49);
    assert.deepEqual(events, []);
    await world.clock.pass(1);
    assert.deepEqual(events, ['leave ben:b1']);
    client.close();
    assert.equal(world.clock.pending, 0);
  });

  test('who is kept stays when the connection is lost again, and no timer stays', async () => {
    const { client, online, socket, world } = await watching();
    socket.say(snapshot(member('ben', 'b1'), member('carla', 'c1')));
    const next = await again(world);
    next.say(snapshot());
    client.close();
    assert.equal(world.clock.pending, 0);
    assert.deepEqual([all(online), online.get().connections], [['ben:b1', 'carla:c1'], 2]);
    client.connect();
    await world.clock.pass(0);
    world.socket.greet();
    world.socket.answer('joinGroup');
    world.socket.answer('watchPresence');
    world.socket.say(snapshot(member('ben', 'b2')));
    await world.clock.pass(3000);
    assert.deepEqual(all(online), ['ben:b2']);
    client.close();
  });

  test('a node that goes away: the next one is watched before it is left', async () => {
    const { client, online, socket, world } = await watching();
    socket.say(snapshot(member('anna', 'a1')));
    socket.say({ type: 'goaway', reason: 'deploy', withinMs: 1000 });
    await world.clock.pass(1000);
    const next = world.socket;
    next.greet({ connectionId: 'next' });
    next.answer('joinGroup');
    assert.equal(socket.isOver, false);
    socket.say(changes([member('ben', 'b1')]));
    assert.deepEqual(all(online), ['anna:a1', 'ben:b1']);
    next.answer('watchPresence');
    assert.equal(socket.isOver, true);
    next.say(snapshot(member('anna', 'a1'), member('ben', 'b1')));
    assert.deepEqual(all(online), ['anna:a1', 'ben:b1']);
    client.close();
  });
});

describe('presence: what one says of oneself', () => {
  test('the last state counts, and a new connection has it from its join on', async () => {
    const { client, online, socket, world } = await watching();
    online.setState({ typing: 'yes' });
    online.setState({ typing: 'no' });
    online.setState({ typing: 'no' });
    const states = (from: FakeSocket): unknown[] => from.of('setState').map(({ state }) => state);
    assert.deepEqual(states(socket), [{ typing: 'yes' }]);
    socket.answer('setState');
    assert.deepEqual(states(socket), [{ typing: 'yes' }, { typing: 'no' }]);
    socket.answer('setState');
    const next = await again(world);
    assert.deepEqual(next.of('joinGroup')[0]?.['state'], { typing: 'no' });
    assert.deepEqual(states(next), []);
    online.setState(undefined);
    assert.deepEqual(next.of('setState'), [{ type: 'setState', group: 'g', ackId: 3 }]);
    client.close();
  });

  test('a state that was chosen without a connection goes with the join', async () => {
    const world = new FakeWorld();
    const client = world.client();
    const online = presence(client.group('g'));
    online.setState({ at: 'desk' });
    await world.clock.pass(0);
    world.socket.greet();
    assert.deepEqual(world.socket.of('joinGroup')[0]?.['state'], { at: 'desk' });
    world.socket.answer('joinGroup');
    assert.deepEqual(world.socket.of('setState'), []);
    client.close();
  });

  test('a state that is refused is reported, and the watch goes on', async () => {
    const { client, errors, online, socket } = await watching();
    online.setState({ k: 'too long' });
    socket.refuse('setState', 'BadRequest');
    assert.deepEqual(
      errors.map(({ code, refusal }) => [code, refusal]),
      [['refused', 'BadRequest']],
    );
    socket.say(snapshot(member('anna', 'a1')));
    assert.deepEqual(all(online), ['anna:a1']);
    client.close();
  });
});

describe('presence: its users, and refusals', () => {
  test('asked twice it is one object; the last stop ends it, and leaves the group', async () => {
    const { client, group, online, socket } = await watching();
    assert.equal(presence(group), online);
    assert.equal(socket.of('watchPresence').length, 1);
    online.setState({ k: 'v' });
    socket.answer('setState');
    group.leave();
    online.stop();
    assert.deepEqual([socket.of('unwatchPresence'), group.state], [[], 'live']);
    online.stop();
    online.stop();
    assert.equal(socket.of('setState').length, 2);
    assert.deepEqual(socket.of('unwatchPresence'), [{ type: 'unwatchPresence', group: 'g' }]);
    assert.equal(group.state, 'left');
    const events = told(online);
    socket.say(snapshot(member('anna', 'a1')));
    online.setState({ k: 'w' });
    assert.deepEqual([events, socket.of('setState').length], [[], 2]);
    assert.notEqual(presence(client.group('g')), online);
    client.close();
  });

  test('a refusal is reported once, and holds nothing up; who asks later asks anew', async () => {
    const { client, errors, group, socket, world } = await (async () => {
      const world = new FakeWorld();
      const connected = await world.connected();
      return { ...connected, world, group: connected.client.group('g') };
    })();
    const online = presence(group);
    socket.answer('joinGroup');
    socket.refuse('watchPresence', 'Forbidden');
    assert.deepEqual(
      errors.map(({ message, refusal }) => [refusal, message]),
      [['Forbidden', 'The gateway refused to watch group:g: Forbidden!']],
    );
    await again(world);
    assert.deepEqual(world.socket.of('watchPresence'), []);
    const later = presence(group);
    assert.notEqual(later, online);
    assert.equal(world.socket.of('watchPresence').length, 1);
    online.stop();
    world.socket.answer('watchPresence');
    world.socket.say(snapshot(member('anna', 'a1')));
    assert.deepEqual(all(later), ['anna:a1']);
    client.close();
  });

  test('a refusal that passes: it asks again', async () => {
    const world = new FakeWorld();
    const { client, errors, socket } = await world.connected();
    const online = presence(client.group('g'));
    socket.answer('joinGroup');
    socket.refuse('watchPresence', 'InternalServerError');
    await world.clock.pass(1000);
    assert.equal(socket.of('watchPresence').length, 2);
    socket.answer('watchPresence');
    socket.say(snapshot(member('anna', 'a1')));
    assert.deepEqual([all(online), errors], [['anna:a1'], []]);
    client.close();
  });
});
