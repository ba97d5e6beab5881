/** A group that several tabs follow over one connection: what the gateway is asked, who gets what. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { place, streamed } from '../fakes.ts';
import { dataOf, Desk, join, joined } from './desk.ts';

describe('shared membership', () => {
  test('join: the second tab is answered without the gateway, and the last one leaves', async () => {
    const { desk, socket, tabs } = await joined(1);
    socket.say(streamed(6));
    const second = desk.open();
    second.take();
    const ackId = second.ask(join());
    assert.deepEqual(second.take(), [{ type: 'ack', success: true, position: place(6), ackId }]);
    assert.equal(socket.of('joinGroup').length, 1);
    tabs[0]?.tell({ type: 'leaveGroup', group: 'g' });
    assert.equal(socket.of('leaveGroup').length, 0);
    second.die();
    tabs[0]?.ask(join());
    // The last tab left, and another one came: both in this order.
    assert.deepEqual(
      socket.sent.map(({ type }) => type),
      ['joinGroup', 'leaveGroup', 'joinGroup'],
    );
  });

  test('join: several at once ask once', async () => {
    const desk = new Desk();
    const tabs = await desk.greeted(3);
    for (const tab of tabs) tab.ask(join(place(2)));
    desk.socket.answer('joinGroup', { position: place(2), recovered: true });
    desk.socket.say(streamed(3));
    for (const tab of tabs) {
      const [ack, message] = tab.take();
      assert.deepEqual([ack?.['recovered'], message?.['data']], [true, 3]);
    }
    assert.equal(desk.socket.of('joinGroup').length, 1);
  });

  test('join: an earlier place is gone back to; until the answer nobody is given anything', async () => {
    const { desk, socket, tabs } = await joined(1);
    const late = desk.open();
    late.take();
    late.ask(join(place(3)));
    assert.deepEqual(socket.of('joinGroup').at(-1)?.['since'], place(3));
    // It follows nothing that anybody knows: docs/PROTOCOL.md section 4.4, rule 2.
    socket.say({ ...streamed(9), prev: undefined });
    assert.deepEqual([dataOf(tabs[0]), dataOf(late)], [[], []]);
    socket.answer('joinGroup', { position: place(3), recovered: true });
    socket.say(streamed(4), streamed(5), streamed(6));
    // The first tab's client ignores the two that it has.
    assert.deepEqual(
      [dataOf(tabs[0]), dataOf(late)],
      [
        [4, 5, 6],
        [4, 5, 6],
      ],
    );
  });

  test('join: who was further on is asked for again, when the stream has another history there', async () => {
    const { desk, socket, tabs } = await joined(1);
    const late = desk.open();
    late.take();
    late.ask(join(place(3)));
    socket.answer('joinGroup', { position: place(3), recovered: true });
    socket.say(streamed(4), { ...streamed(5), tag: 55 }, streamed(6));
    // What it would be given follows nothing that it has.
    assert.deepEqual([dataOf(tabs[0]), dataOf(late)], [[4], [4, 5]]);
    assert.deepEqual(socket.of('joinGroup').at(-1)?.['since'], place(5));
    const end = { ...place(5), tag: 55 };
    socket.answer('joinGroup', { position: end, recovered: false });
    assert.deepEqual(tabs[0]?.take()[0]?.['position'], end);
    socket.say(streamed(6));
    assert.deepEqual([dataOf(tabs[0]), dataOf(late)], [[6], [6]]);
  });

  test('join: who is further on than the connection follows at once', async () => {
    const { desk, socket, tabs } = await joined(1);
    const ahead = desk.open();
    ahead.take();
    ahead.ask(join(place(7)));
    assert.equal(ahead.take()[0]?.['recovered'], true);
    socket.say(streamed(6), streamed(7), streamed(8));
    assert.deepEqual(dataOf(tabs[0]), [6, 7, 8]);
    socket.say({ type: 'heartbeat' });
    assert.equal(socket.of('joinGroup').length, 1);
  });

  test('join: when the connection does not come to where somebody is, the gateway is asked', async () => {
    const { desk, socket, tabs } = await joined(1);
    const ahead = desk.open();
    ahead.take();
    ahead.ask(join(place(7)));
    ahead.take();
    socket.say({ type: 'heartbeat' });
    assert.deepEqual(socket.of('joinGroup').at(-1)?.['since'], place(7));
    socket.answer('joinGroup', { position: place(6), recovered: false });
    assert.deepEqual(ahead.take().at(-1)?.['position'], place(6));
    assert.deepEqual(socket.of('joinGroup').at(-1)?.['since'], place(5));
    socket.answer('joinGroup', { position: place(5), recovered: true });
    socket.say(streamed(6), streamed(7));
    assert.deepEqual(dataOf(tabs[0]), [6, 7]);
  });

  test('join: when a place is too old, only who is behind the new one is asked for again', async () => {
    const { desk, socket, tabs } = await joined(1);
    const old = desk.open();
    old.take();
    old.ask(join(place(1)));
    socket.answer('joinGroup', { position: place(7), recovered: false });
    assert.equal(old.take()[0]?.['recovered'], false);
    assert.deepEqual(socket.of('joinGroup').at(-1)?.['since'], place(5));
    socket.answer('joinGroup', { position: place(7), recovered: false });
    assert.deepEqual(tabs[0]?.take(), [
      { type: 'gap', group: 'g', reason: 'retention', from: place(5), position: place(7) },
    ]);
    socket.say(streamed(8));
    assert.deepEqual([dataOf(tabs[0]), dataOf(old)], [[8], [8]]);
  });

  test('join: when the gateway cannot now, the other members come back, too', async () => {
    const { desk, socket, tabs } = await joined(1);
    const late = desk.open();
    late.take();
    late.ask(join(place(3)));
    socket.refuse('joinGroup', 'InternalServerError');
    assert.equal(late.take()[0]?.['success'], false);
    assert.equal(tabs[0]?.closedWith, 4009);
  });

  test('join: when the gateway refuses for good, the other members are asked for again', async () => {
    const { desk, socket, tabs } = await joined(1);
    const late = desk.open();
    late.take();
    late.ask(join(place(3)));
    socket.refuse('joinGroup', 'BadRequest');
    assert.equal(late.take()[0]?.['success'], false);
    assert.deepEqual(socket.of('joinGroup').at(-1)?.['since'], place(5));
    socket.answer('joinGroup', { position: place(5), recovered: true });
    socket.say(streamed(6));
    assert.deepEqual([dataOf(tabs[0]), dataOf(late)], [[6], []]);
  });

  test('join: after a hole the gateway is asked, also for the place where the connection is', async () => {
    const { socket, tabs } = await joined(1);
    socket.say(streamed(8));
    tabs[0]?.ask(join(place(5)));
    assert.deepEqual(socket.of('joinGroup').at(-1)?.['since'], place(5));
  });
});
