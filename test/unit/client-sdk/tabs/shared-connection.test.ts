/** One connection for several tabs: who has it, when it ends, and who is answered. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { streamed, place } from '../fakes.ts';
import { dataOf, Desk, joined, live, tokenWith } from './desk.ts';

describe('shared connection: greetings', () => {
  test('greeting: a tab that comes later begins where the connection is', async () => {
    const desk = new Desk();
    const streams = [{ to: 'user', position: place(3) }];
    await desk.greeted(1, { streams, tokenExpiresInMs: 60_000 });
    desk.socket.say({ ...streamed(4, 3), group: undefined, to: 'user' });
    await desk.world.clock.pass(10_000);
    const [greeting] = desk.open().take();
    assert.deepEqual(greeting?.['streams'], [{ to: 'user', position: place(4) }]);
    assert.equal(greeting?.['tokenExpiresInMs'], 50_000);
    assert.equal(desk.sockets.length, 1);
  });

  test('identity: tokens of equal rights share, of whatever age; others do not', async () => {
    const desk = new Desk();
    const anna = { sub: 'anna', role: ['a'], exp: 1, iat: 0, jti: 'x' };
    desk.open(tokenWith(anna));
    desk.open(tokenWith({ exp: 9, jti: 'y', iat: 5, role: ['a'], sub: 'anna' }));
    assert.equal(desk.sockets.length, 1);
    desk.open(tokenWith({ ...anna, sub: 'ben' }));
    desk.open(tokenWith({ ...anna, role: ['b'] }));
    assert.equal(desk.sockets.length, 3);
    for (const token of ['not.a.token', 'another', 'another']) desk.open(token);
    assert.equal(desk.sockets.length, 5);
  });

  test('identity: a connection has the rights of the last token that it was brought', async () => {
    const desk = new Desk();
    const [tab] = await desk.greeted(1);
    const token = tokenWith({ sub: 'anna', role: ['more'] });
    tab?.ask({ type: 'refreshToken', token });
    desk.socket.answer('refreshToken');
    desk.open(token);
    assert.equal(desk.sockets.length, 1);
    desk.open();
    assert.equal(desk.sockets.length, 2);
  });

  test('goaway: who comes next gets another connection', async () => {
    const desk = new Desk();
    const [tab] = await desk.greeted(1);
    desk.socket.say({ type: 'goaway', reason: '', withinMs: 1000 });
    assert.deepEqual(tab?.take(), [{ type: 'goaway', reason: '', withinMs: 1000 }]);
    desk.open();
    desk.open();
    assert.equal(desk.sockets.length, 2);
  });
});

describe('shared connection: ends', () => {
  test('end: every tab is told the code of the gateway, and the last tab ends the connection', async () => {
    const desk = new Desk();
    const tabs = await desk.greeted(2);
    desk.socket.shut(4008, 'slow');
    assert.deepEqual(
      tabs.map((tab) => tab.closedWith),
      [4008, 4008],
    );
    assert.ok(tabs.every(({ isLeft }) => isLeft));
    assert.equal(desk.watched, 0);
    const [first, second] = await desk.greeted(2);
    first?.close();
    assert.equal(desk.socket.closedWith, undefined);
    second?.die();
    assert.equal(desk.socket.closedWith, 1000);
    assert.ok(desk.switchboard.isEmpty);
  });

  test('end: a connection that is silent is not found by who comes back', async () => {
    const desk = new Desk();
    const [tab] = await desk.greeted(1);
    await desk.world.clock.pass(21_500);
    desk.open();
    assert.deepEqual([tab?.closedWith, desk.sockets.length], [1006, 2]);
  });

  test('end: an attempt that a tab gives up after a while is given up for all', async () => {
    const desk = new Desk();
    const [first, second, third] = [desk.open(), desk.open(), desk.open()];
    first.close();
    assert.equal(second.closedWith, undefined);
    await desk.world.clock.pass(2001);
    second.close();
    assert.deepEqual([third.closedWith, desk.socket.closedWith], [4009, 1000]);
  });

  test('end: a tab that reads nothing is closed, to resume, and the others are not', async () => {
    const { socket, tabs } = await live(2);
    const [slow, quick] = tabs;
    const data = 'x'.repeat(1_000_000);
    for (let count = 0; count < 6; count += 1) {
      socket.say({ type: 'message', from: 'group', group: 'g', data });
      quick?.read(data.length);
    }
    assert.deepEqual([slow?.closedWith, quick?.closedWith], [4009, undefined]);
  });

  test('end: a socket that the switchboard does not know is told to come back', () => {
    const desk = new Desk();
    const tab = desk.open();
    tab.die();
    tab.tell({ type: 'ping' });
    assert.equal(tab.closedWith, 4009);
  });

  test('heartbeat: a tab that is told nothing else hears that the connection lives', async () => {
    const { desk, socket, tabs } = await live(1);
    const quiet = desk.open();
    quiet.take();
    await desk.world.clock.pass(5000);
    socket.say({ type: 'message', from: 'group', group: 'g', data: 1 });
    assert.deepEqual(quiet.take(), [{ type: 'heartbeat' }]);
    assert.deepEqual(
      tabs[0]?.take().map(({ type }) => type),
      ['message'],
    );
  });
});

describe('shared connection: answers', () => {
  test('answers: each tab gets its own, under its own number', async () => {
    const desk = new Desk();
    const [first, second] = await desk.greeted(2);
    first?.ask({ type: 'history', group: 'a' });
    second?.ask({ type: 'history', group: 'b' });
    const [a, b] = desk.socket.of('history');
    assert.notEqual(a?.['ackId'], b?.['ackId']);
    desk.socket.say({ type: 'history', ackId: b?.['ackId'], group: 'b', messages: [] });
    assert.deepEqual(first?.take(), []);
    assert.deepEqual(second?.take(), [{ type: 'history', ackId: 1, group: 'b', messages: [] }]);
    first?.tell({ type: 'invoke', invocationId: 'i', event: 'e' });
    const response = { type: 'invokeResponse', invocationId: 'i', success: true };
    desk.socket.say(response);
    assert.deepEqual([first?.take(), second?.take()], [[response], []]);
  });

  test('answers: what is to the connection comes to every tab, what is to a group to its members', async () => {
    const { desk, socket, tabs } = await joined(1);
    const other = desk.open();
    other.take();
    socket.say({ type: 'message', from: 'server', to: 'connection', data: 'all' });
    socket.say(streamed(6));
    assert.deepEqual([dataOf(tabs[0]), dataOf(other)], [['all', 6], ['all']]);
  });

  test('answers: a line that is no JSON goes to the clients, which say so', async () => {
    const desk = new Desk();
    const [tab] = await desk.greeted(1);
    desk.socket.sayText('oops');
    assert.deepEqual(tab?.notes, [{ kind: 'text', text: 'oops' }]);
  });
});
