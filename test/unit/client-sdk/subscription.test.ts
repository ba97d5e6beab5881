/** What a client follows, on fake sockets: joins, cursors, gaps, and changes of the connection. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Client } from '../../../client-sdk/src/client.ts';
import type { Group } from '../../../client-sdk/src/group.ts';
import { FakeWorld, place, streamed, type FakeSocket, type Frame } from './fakes.ts';

/** Everything that a group says, in order and short. */
function heard(group: Pick<Group, 'on'>): string[] {
  const all: string[] = [];
  group.on('message', ({ data }) => all.push(`message ${String(data)}`));
  group.on('state', ({ reason, state }) => all.push(`${reason}: ${state}`));
  group.on('gap', ({ from, position, reason }) =>
    all.push(`gap ${reason} ${from?.offset}-${position?.offset}`),
  );
  return all;
}

interface Following {
  readonly world: FakeWorld;
  readonly client: Client;
  readonly group: Group;
  readonly socket: FakeSocket;
  readonly all: string[];
}

/** A client that follows the stream `g` from offset 4. */
async function following(): Promise<Following> {
  const world = new FakeWorld();
  const { client, socket } = await world.connected();
  const group = client.group('g');
  const all = heard(group);
  socket.answer('joinGroup', { position: place(4) });
  return { world, client, group, socket, all };
}

/** The next socket after this one was lost, greeted. */
async function again(world: FakeWorld, greeting: Frame = {}): Promise<FakeSocket> {
  await world.clock.pass(30_000);
  world.socket.greet(greeting);
  return world.socket;
}

describe('subscription', () => {
  test('a stream: each message once and in order, with its position', async () => {
    const { all, client, group, socket } = await following();
    socket.say(streamed(5), streamed(5), { ...streamed(9, 6), type: 'skip', prev: 5 });
    const { prev, ...unlinked } = streamed(12);
    socket.say(unlinked, streamed(9, 8));
    assert.equal(prev, 11);
    assert.deepEqual(all, ['joined: live', 'message 5', 'message 12']);
    assert.deepEqual(group.position, place(12));
    client.close();
  });

  test('a hole: nothing is given, and what is asked for again comes in order', async () => {
    const { all, client, socket } = await following();
    const { prev, ...unlinked } = streamed(8);
    socket.say(streamed(7, 6), unlinked);
    assert.equal(prev, 7);
    assert.deepEqual(socket.of('joinGroup').at(-1)?.['since'], place(4));
    socket.answer('joinGroup', { position: place(4), recovered: true });
    socket.say(streamed(5), streamed(6), streamed(7));
    assert.deepEqual(all, [
      'joined: live',
      'hole: recovering',
      'recovered: live',
      'message 5',
      'message 6',
      'message 7',
    ]);
    client.close();
  });

  test('bookmark and gap: lift the cursor, and set it back', async () => {
    const { all, client, group, socket } = await following();
    socket.say({ type: 'bookmark', group: 'g', position: place(8) });
    socket.say({ type: 'bookmark', group: 'g', position: place(6) });
    socket.say({ type: 'bookmark', group: 'g', position: place(60, 'another') });
    assert.deepEqual(group.position, place(8));
    socket.say(streamed(9));
    const from = place(9);
    socket.say({ type: 'gap', group: 'g', reason: 'diverged', from, position: place(2, 'f') });
    socket.say(streamed(3));
    assert.deepEqual(group.position, place(3, 'f'));
    assert.deepEqual(all, [
      'joined: live',
      'message 9',
      'missed: gap',
      'gap diverged 9-2',
      'told: live',
      'message 3',
    ]);
    client.close();
  });

  test('a lost connection: resumed from the cursor; what comes before the answer is ignored', async () => {
    const { all, client, socket, world } = await following();
    socket.say(streamed(5));
    socket.shut();
    const next = await again(world, { streams: [{ group: 'g', position: place(7) }] });
    next.say(streamed(8, 7));
    assert.deepEqual(next.of('joinGroup')[0]?.['since'], place(5));
    next.answer('joinGroup', { position: place(5), recovered: true });
    next.say(streamed(6), streamed(7), streamed(8));
    assert.deepEqual(all.slice(2), [
      'lost: recovering',
      'recovered: live',
      'message 6',
      'message 7',
      'message 8',
    ]);
    client.close();
  });

  test('recovered false: the application is told, and goes on at the new start', async () => {
    const { all, client, socket, world } = await following();
    socket.shut();
    const next = await again(world);
    next.answer('joinGroup', { position: place(90, 'f'), recovered: false });
    next.say(streamed(91));
    assert.deepEqual(all.slice(1), [
      'lost: recovering',
      'missed: gap',
      'gap unrecovered 4-90',
      'told: live',
      'message 91',
    ]);
    client.close();
  });

  test('a join that the gateway cannot do now is asked again with the same place', async () => {
    const { client, group, socket, world } = await following();
    socket.shut();
    const next = await again(world);
    next.refuse('joinGroup', 'InternalServerError');
    next.say(streamed(5));
    assert.equal(group.state, 'recovering');
    await world.clock.pass(250);
    assert.deepEqual(
      next.of('joinGroup').map(({ since }) => since),
      [place(4), place(4)],
    );
    next.answer('joinGroup', { position: place(4), recovered: true });
    assert.equal(group.state, 'live');
    client.close();
  });

  test('a join that is refused: the error is told, and one may ask again', async () => {
    const world = new FakeWorld();
    const { client, errors, socket } = await world.connected();
    const group = client.group('g');
    socket.refuse('joinGroup', 'Forbidden');
    assert.equal(group.state, 'left');
    assert.deepEqual(
      errors.map(({ code, refusal }) => [code, refusal]),
      [['refused', 'Forbidden']],
    );
    const again = client.group('g');
    assert.notEqual(again, group);
    group.leave();
    socket.answer('joinGroup');
    assert.equal(again.state, 'live');
    assert.deepEqual(socket.of('leaveGroup'), []);
    client.close();
  });

  test('no stream: messages as they come, and a gap after every pause', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const all = heard(client.group('g'));
    socket.answer('joinGroup');
    const live = { type: 'message', from: 'group', group: 'g', dataType: 'text' };
    socket.say({ ...live, data: 'a' });
    socket.say({ type: 'gap', reason: 'backplane' });
    socket.shut();
    const next = await again(world);
    assert.equal(next.of('joinGroup')[0]?.['since'], undefined);
    next.answer('joinGroup');
    next.say({ ...live, data: 'b' });
    assert.deepEqual(all, [
      'joined: live',
      'message a',
      'missed: gap',
      'gap backplane undefined-undefined',
      'told: live',
      'lost: recovering',
      'missed: gap',
      'gap offline undefined-undefined',
      'told: live',
      'message b',
    ]);
    client.close();
  });

  test('a gap of all live destinations is not one of streams', async () => {
    const { all, client, socket } = await following();
    socket.say({ type: 'gap', reason: 'backplane' });
    assert.deepEqual(all, ['joined: live']);
    client.close();
  });

  test('the user: from the greeting, then resumed; messages to the connection come there', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected({
      streams: [{ to: 'user', position: place(3) }],
    });
    const all = heard(client.user());
    const toUser = { type: 'message', from: 'server', to: 'user', dataType: 'json' };
    socket.say({ ...toUser, offset: 4, prev: 3, tag: 4, data: 'x' });
    socket.say({ type: 'message', from: 'server', to: 'connection', data: 'mine' });
    socket.shut();
    const next = await again(world, { streams: [{ to: 'user', position: place(9) }] });
    assert.deepEqual(next.of('resume')[0], {
      type: 'resume',
      to: 'user',
      since: place(4),
      ackId: 1,
    });
    next.answer('resume', { position: place(4), recovered: true });
    next.say({ ...toUser, offset: 5, prev: 4, tag: 5, data: 'y' });
    assert.deepEqual(all, [
      'message x',
      'message mine',
      'lost: recovering',
      'recovered: live',
      'message y',
    ]);
    client.close();
  });

  test('since: a stored place is gone on from', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const group = client.group('g', { since: { epoch: 'e', offset: 2, tag: 2 } });
    const all = heard(group);
    assert.deepEqual(socket.of('joinGroup')[0]?.['since'], place(2));
    socket.answer('joinGroup', { position: place(2), recovered: true });
    socket.say(streamed(3));
    assert.deepEqual(all, ['recovered: live', 'message 3']);
    client.close();
  });

  test('users: the same object, joined once, left when the last one leaves', async () => {
    const { client, group, socket } = await following();
    assert.equal(client.group('g'), group);
    assert.equal(socket.of('joinGroup').length, 1);
    group.leave();
    assert.equal(group.state, 'live');
    group.leave();
    group.leave();
    assert.equal(group.state, 'left');
    assert.equal(socket.of('leaveGroup').length, 1);
    const later = client.group('g');
    assert.notEqual(later, group);
    assert.equal(socket.of('joinGroup').length, 2);
    client.close();
  });

  test('a listener that fails: the others and the next messages are not touched', async () => {
    const { all, client, group, socket } = await following();
    const errors: string[] = [];
    client.on('error', ({ code }) => errors.push(code));
    group.on('message', () => {
      throw new Error('x');
    });
    const after: unknown[] = [];
    group.on('message', ({ data }) => after.push(data));
    socket.say(streamed(5), streamed(6));
    assert.deepEqual(after, [5, 6]);
    assert.deepEqual(all.slice(1), ['message 5', 'message 6']);
    assert.deepEqual(errors, ['listener-failed', 'listener-failed']);
    client.close();
  });

  test('a listener that closes the client ends the frame that is being read', async () => {
    const { all, client, group, socket } = await following();
    group.on('message', () => client.close());
    socket.say(streamed(5), streamed(6));
    assert.deepEqual(all, ['joined: live', 'message 5', 'lost: recovering']);
  });
});

describe('make before break', () => {
  test('each stream is taken from the new connection once it answered, and none twice', async () => {
    const { all, client, group, socket, world } = await following();
    socket.say({ type: 'goaway', reason: '', withinMs: 1000 });
    await world.clock.pass(400);
    const next = world.socket;
    next.greet();
    assert.deepEqual(next.of('joinGroup')[0]?.['since'], place(4));
    socket.say(streamed(5));
    next.say(streamed(5));
    assert.equal(socket.isOver, false);
    next.answer('joinGroup', { position: place(4), recovered: true });
    assert.equal(socket.closedWith, 1000);
    next.say(streamed(5), streamed(6));
    assert.deepEqual(all, ['joined: live', 'message 5', 'message 6']);
    assert.equal(group.state, 'live');
    client.close();
  });

  test('no stream: one gap says that messages may have been lost on the way', async () => {
    const world = new FakeWorld();
    const { client, socket } = await world.connected();
    const all = heard(client.group('g'));
    socket.answer('joinGroup');
    socket.say({ type: 'goaway', reason: '', withinMs: 0 });
    await world.clock.pass(0);
    world.socket.greet();
    world.socket.answer('joinGroup');
    assert.deepEqual(all.slice(1), ['missed: gap', 'gap moved undefined-undefined', 'told: live']);
    client.close();
  });

  test('a new connection that dies: the old one is asked for what it took over', async () => {
    const { all, client, socket, world } = await following();
    client.group('h');
    socket.answer('joinGroup', { position: place(1) });
    socket.say({ type: 'goaway', reason: '', withinMs: 1000 });
    await world.clock.pass(400);
    const next = world.socket;
    next.greet();
    const toG = next.of('joinGroup').find(({ group }) => group === 'g');
    next.say({ type: 'ack', ackId: toG?.['ackId'], success: true, recovered: true });
    next.say(streamed(5));
    next.shut();
    const again = socket.of('joinGroup').at(-1);
    assert.deepEqual([again?.['group'], again?.['since']], ['g', place(5)]);
    socket.answer('joinGroup', { position: place(5), recovered: true });
    socket.say(streamed(6));
    assert.deepEqual(all, [
      'joined: live',
      'message 5',
      'lost: recovering',
      'recovered: live',
      'message 6',
    ]);
    client.close();
  });
});
